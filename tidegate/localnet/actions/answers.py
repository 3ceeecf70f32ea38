"""What actions answer, and the shape of the tables of actions."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.numbers import wire
from tidegate.localnet.kernel.placing import Status
from tidegate.localnet.kernel.venue import Venue

Answer = dict[str, Any]
"""The "response" of an ok."""
DEFAULT: Answer = {"type": "default"}


class Refused(NamedTuple):
    """A whole action refused: the text of status "err"."""

    text: str


Action = tuple[type, Callable[[Venue, Account, Any], Answer | Refused]]
"""A shape and what carries it out for an account."""


def statuses(kind: str, each: list[Status]) -> Answer:
    """The answer that has one status an order or cancel."""
    return {"type": kind, "data": {"statuses": each}}


def cents(amount: Decimal) -> str:
    """Dollars as error texts show them."""
    return wire(amount.quantize(Decimal("0.01")))
