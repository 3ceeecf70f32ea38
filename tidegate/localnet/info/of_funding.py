"""Requests about funding (section 2.9): the rates of past hours, the coming one, and what an account paid.

Rows of userFunding that are older than POOLED_AFTER_DAYS are pooled by UTC day and coin, as the exchange does: time at
midnight, the number of payments, averages of size and rate. A recording only bounds that age: between 20 and 30 days.
"""

from decimal import Decimal
from itertools import groupby
from typing import Any

from msgspec import Struct

from tidegate.localnet.info.desk import Desk, Request
from tidegate.localnet.info.shapes import Address, Plain
from tidegate.localnet.kernel.accounts import DAY_MS
from tidegate.localnet.kernel.numbers import ZERO, wire, wire_ratio
from tidegate.localnet.kernel.premiums import HOUR_MS, past_rates
from tidegate.localnet.kernel.reply import NOTHING, Reply, ok

ROWS_PER_ANSWER = 500
POOLED_AFTER_DAYS = 30

Row = dict[str, Any]


class RatesRequest(Struct, rename="camel"):
    """fundingHistory."""

    coin: str
    start_time: int
    end_time: int | None = None


class PaymentsRequest(Struct, rename="camel"):
    """userFunding; without a start it reaches back to the first payment, as ccxt asks for it."""

    user: Address
    start_time: int = 0
    end_time: int | None = None


def funding_history(desk: Desk, request: RatesRequest) -> Reply:
    """The rates of a range, oldest first, at most 500; an unknown coin is an error of the server's."""
    prices = desk.venue.prices.get(request.coin)
    if prices is None:
        return NOTHING
    rule, rows = prices.rule, prices.funding.history
    if request.start_time <= prices.funding.start_ms and not rule.is_delisted:
        rows = past_rates(rule.name, rule.funding, prices.funding.start_ms) + rows
    return ok(_in_range(rows, request.start_time, request.end_time))


def predicted_fundings(desk: Desk, _request: Plain) -> Reply:
    """The running hour's rate of every coin of the first dex, by name; nothing is known of other exchanges.

    `nextFundingTime` is the hour that was settled last, as it was observed.
    """
    settled_ms = desk.venue.now_ms // HOUR_MS * HOUR_MS
    rows = []
    for coin, prices in sorted(desk.venue.market.items()):
        if prices.rule.is_delisted:
            continue
        ours = {
            "fundingRate": wire(prices.funding.current_rate()),
            "nextFundingTime": settled_ms,
            "fundingIntervalHours": 1,
        }
        rows.append([coin, [["BinPerp", None], ["HlPerp", ours], ["BybitPerp", None]]])
    return ok(rows)


def user_funding(desk: Desk, request: PaymentsRequest) -> Reply:
    """What an account paid in a range, oldest first, at most 500 rows."""
    account = desk.account(request.user)
    rows = [] if account is None else account.fundings
    first_single_ms = (desk.venue.now_ms // DAY_MS - POOLED_AFTER_DAYS) * DAY_MS
    old = [row for row in rows if row["time"] < first_single_ms]
    return ok(_in_range(_pooled(old) + rows[len(old) :], request.start_time, request.end_time))


def _in_range(rows: list[Row], start_ms: int, end_ms: int | None) -> list[Row]:
    chosen = (row for row in rows if start_ms <= row["time"] and (end_ms is None or row["time"] <= end_ms))
    return [row for _, row in zip(range(ROWS_PER_ANSWER), chosen, strict=False)]


def _pooled(rows: list[Row]) -> list[Row]:
    """One row a day and coin."""

    def day_and_coin(row: Row) -> tuple[int, str]:
        return row["time"] // DAY_MS, row["delta"]["coin"]

    pooled = []
    for (day, coin), group in groupby(sorted(rows, key=day_and_coin), key=day_and_coin):
        deltas = [row["delta"] for row in group]
        delta = {
            "type": "funding",
            "coin": coin,
            "usdc": wire(_sum(deltas, "usdc")),
            "szi": wire_ratio(_sum(deltas, "szi") / len(deltas)),
            "fundingRate": wire_ratio(_sum(deltas, "fundingRate") / len(deltas)),
            "nSamples": len(deltas),
        }
        pooled.append({"time": day * DAY_MS, "hash": rows[0]["hash"], "delta": delta})
    return pooled


def _sum(deltas: list[Row], key: str) -> Decimal:
    return sum((Decimal(delta[key]) for delta in deltas), ZERO)


REQUESTS: dict[str, Request] = {
    "fundingHistory": (RatesRequest, funding_history),
    "predictedFundings": (Plain, predicted_fundings),
    "userFunding": (PaymentsRequest, user_funding),
}
