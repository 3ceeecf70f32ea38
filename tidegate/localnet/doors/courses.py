"""Going the course that a fault gives a request: what is asked of the gate, and what becomes of its answer.

Owns no waits and no endings: these are different at each door.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from tidegate.localnet.doors.gate import HttpAnswer
from tidegate.localnet.faults.asked import Asked
from tidegate.localnet.faults.course import JSON, Answered, Course
from tidegate.localnet.faults.desk import Faults


def read_request(faults: Faults, door: str, path: str, body: bytes) -> Asked | None:
    """A request as rules see it; None when its body is no JSON, which no rule is about."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return faults.asked(door, decoded, is_action=path == "/exchange")


def follow(course: Course, asked: Asked, ask: Callable[[], HttpAnswer]) -> HttpAnswer:
    """Go a course without its waits: the answer that is to be sent, or that would have been."""
    answered = Answered(HTTPStatus.OK, None)
    if course.carried_out:
        if course.prepare is not None:
            course.prepare(asked)
        answer = ask()
        if answer.content_type != JSON:
            return answer
        answered = Answered(answer.status, msgspec.json.decode(answer.body))
    status, body, content_type = course.change(asked, answered)
    encoded = msgspec.json.encode(body) if content_type == JSON else str(body).encode()
    return HttpAnswer(status, content_type, encoded)


def readable(raw: bytes) -> Any:
    """JSON decoded, anything else as text."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw.decode("utf-8", errors="replace")
