"""TWAP orders (section 3.6): their answers have one status, not a list."""

from typing import Any

from tidegate.localnet.actions.answers import Action, Answer, Refused
from tidegate.localnet.kernel import twap
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import ThresholdWire, TwapAction, TwapCancelAction
from tidegate.localnet.kernel.numbers import parse
from tidegate.localnet.kernel.twap_records import Threshold
from tidegate.localnet.kernel.venue import Venue


def twap_order(venue: Venue, account: Account, action: TwapAction) -> Answer | Refused:
    """Begin a TWAP."""
    wire, details = action.twap, action.details
    start = None if details is None else _threshold(details.t)
    stop = None if details is None else _threshold(details.s)
    if details is not None and (start is None) != (details.t is None):
        return _answer("twapOrder", {"error": "Order has invalid price."})
    if details is not None and (stop is None) != (details.s is None):
        return _answer("twapOrder", {"error": "Order has invalid price."})
    made = twap.place(venue, account, twap.Wish(wire.a, wire.b, parse(wire.s), wire.r, wire.m, wire.t, start, stop))
    if isinstance(made, str):
        return _answer("twapOrder", {"error": made})
    return _answer("twapOrder", {"running": {"twapId": made.twap_id}})


def twap_cancel(venue: Venue, account: Account, action: TwapCancelAction) -> Answer | Refused:
    """End a TWAP."""
    text = twap.cancel(venue, account, action.a, action.t)
    return _answer("twapCancel", "success" if text is None else {"error": text})


def _answer(kind: str, status: Any) -> Answer:
    return {"type": kind, "data": {"status": status}}


def _threshold(wire: ThresholdWire | None) -> Threshold | None:
    """None without a threshold, and for one whose price is none."""
    px = None if wire is None else parse(wire.p)
    return Threshold(px, wire.a) if wire is not None and px is not None and px > 0 else None


ACTIONS: dict[str, Action] = {
    "twapOrder": (TwapAction, twap_order),
    "twapCancel": (TwapCancelAction, twap_cancel),
}
