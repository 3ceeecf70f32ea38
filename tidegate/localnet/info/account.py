"""What /info tells about an account beside its margin (sections 2.11 to 2.14).

Owns the shapes of balances, orders, fills, fees, limits and roles; an account that does not exist gives empty
answers, never an error.
"""

from decimal import Decimal
from typing import Any

from tidegate.localnet.kernel.accounts import (
    ORDERS_KEPT,
    Account,
)
from tidegate.localnet.kernel.budgets import cap_of
from tidegate.localnet.kernel.numbers import ONE, ZERO, wire
from tidegate.localnet.kernel.orders import history_row
from tidegate.localnet.kernel.venue import Venue

Row = dict[str, Any]

FILLS_PER_ANSWER = 2_000


def historical_orders(account: Account | None) -> list[Row]:
    """Every order once, under its latest status, latest change first."""
    if account is None:
        return []
    return [history_row(order) for order in reversed(account.history.values())][:ORDERS_KEPT]


def newest_fills(account: Account | None, *, merged: bool) -> list[Row]:
    """The newest fills, newest first; `merged` pools the partial fills of one taker order."""
    fills = [] if account is None else account.fills
    return (_merged(fills) if merged else fills)[: -FILLS_PER_ANSWER - 1 : -1]


def fills_between(account: Account | None, start_ms: int, end_ms: int, *, merged: bool) -> list[Row]:
    """Fills of a range (both ends included), oldest first, at most 2000."""
    fills = [] if account is None else account.fills
    chosen = [row for row in fills if start_ms <= row["time"] <= end_ms]
    return (_merged(chosen) if merged else chosen)[:FILLS_PER_ANSWER]


def rate_limit(account: Account | None, venue: Venue) -> Row:
    """The body of userRateLimit; what was reserved is the surplus."""
    volume = ZERO if account is None else account.volume
    return {
        "cumVlm": wire(volume.quantize(Decimal("0.01"))),
        "nRequestsUsed": 0 if account is None else account.requests,
        "nRequestsCap": cap_of(account, venue.free_requests),
        "nRequestsSurplus": 0 if account is None else account.reserved_requests,
    }


def _merged(fills: list[Row]) -> list[Row]:
    """Pool fills of one order in one block that took (aggregateByTime); the price is their average."""
    pooled: list[Row] = []
    notionals: list[Decimal] = []
    for fill in fills:
        last = pooled[-1] if pooled else None
        notional = Decimal(fill["px"]) * Decimal(fill["sz"])
        same = last is not None and all(last[key] == fill[key] for key in ("time", "oid", "crossed"))
        if last is None or not same or not fill["crossed"]:
            pooled.append(dict(fill))
            notionals.append(notional)
            continue
        notionals[-1] += notional
        sz = Decimal(last["sz"]) + Decimal(fill["sz"])
        decimals = max(_decimals(last["px"]), _decimals(fill["px"]))
        last["px"] = wire((notionals[-1] / sz).quantize(ONE.scaleb(-decimals)))
        last["sz"] = wire(sz)
        for key in ("closedPnl", "fee"):
            last[key] = wire(Decimal(last[key]) + Decimal(fill[key]))
    return pooled


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
