"""What becomes of one request that a fault has taken hold of; a value that each door carries out in its own way.

Owns the vocabulary of courses. It waits for nothing and sends nothing itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from tidegate.localnet.faults.asked import Asked

JSON = "application/json"
HTML = "text/html"


class Ending(StrEnum):
    """How the client learns of the end."""

    ANSWER = "answer"
    SILENCE = "silence"  # nothing ever comes; the connection stays
    CLOSE = "close"  # the connection is closed without an answer
    RESET = "reset"  # the connection is reset without an answer
    CUT = "cut"  # the answer breaks off in its middle, and with it the connection


class Answered(NamedTuple):
    """An answer: a body to be encoded as JSON, or a text as it is when the content type is not JSON's."""

    status: int
    body: Any
    content_type: str = JSON


def unchanged(_asked: Asked, answered: Answered) -> Answered:
    """The exchange's own answer."""
    return answered


@dataclass(frozen=True)
class Course:
    """The way of one request: wait, reach the exchange or not, wait, and end with an answer or without.

    `prepare` is called right before the exchange sees the request and in the same block as what it causes; `change`
    gets the exchange's answer, or a null one of status 200 when the request never reached it. Waits are wall time.
    """

    before_s: float = 0.0
    carried_out: bool = True
    prepare: Callable[[Asked], None] | None = None
    change: Callable[[Asked, Answered], Answered] = unchanged
    after_s: float = 0.0
    ending: Ending = Ending.ANSWER


Choose = Callable[[Asked], Course | None]
"""The effect of a request fault: the course of this request, None when it cannot apply to it."""
