"""Requests about what exists on the exchange and not here: outcome markets and lending.

Who asks for them is told that there are none, in the shapes of public SDKs; so a client that lists everything goes on.
"""

from msgspec import Struct

from tidegate.localnet.info.desk import Request, constant
from tidegate.localnet.info.shapes import Plain, UserRequest


class OutcomeRequest(Struct):
    """settledOutcome."""

    outcome: int


REQUESTS: dict[str, Request] = {
    "outcomeMeta": (Plain, constant({"outcomes": [], "questions": []})),
    "settledOutcome": (OutcomeRequest, constant(None)),
    "borrowLendUserState": (UserRequest, constant({"tokenToState": [], "health": "healthy", "healthFactor": None})),
    "allBorrowLendReserveStates": (Plain, constant([])),
}
