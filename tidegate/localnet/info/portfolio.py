"""The body of portfolio: an account's value, profit and volume by period (section 2.14).

Owns the periods. Profit is told against the first point of its period, as recorded; the periods that begin with "perp"
leave spot out, but for the volume, which is not kept apart here.
"""

from typing import Any, NamedTuple

from tidegate.localnet.kernel import value_history
from tidegate.localnet.kernel.accounts import DAY_MS, Account
from tidegate.localnet.kernel.numbers import wire_usd
from tidegate.localnet.kernel.people import Sample
from tidegate.localnet.kernel.venue import Venue

Row = dict[str, Any]


class Period(NamedTuple):
    """How far it reaches back (None: to the beginning), and its names for everything and for perps alone."""

    name: str
    perp_name: str
    reach_ms: int | None


PERIODS = (
    Period("day", "perpDay", DAY_MS),
    Period("week", "perpWeek", 7 * DAY_MS),
    Period("month", "perpMonth", 30 * DAY_MS),
    Period("allTime", "perpAllTime", None),
)
NOTHING: Row = {"accountValueHistory": [], "pnlHistory": [], "vlm": "0.0"}


def portfolio(account: Account | None, venue: Venue) -> list[list[Any]]:
    """All periods, then those of perps; without an account they are empty."""
    if account is None:
        return [[name, NOTHING] for name in (*(each.name for each in PERIODS), *(each.perp_name for each in PERIODS))]
    rows = [(period, _samples(venue, account, period)) for period in PERIODS]
    return [
        *([period.name, _body(samples, perps_only=False)] for period, samples in rows),
        *([period.perp_name, _body(samples, perps_only=True)] for period, samples in rows),
    ]


def _samples(venue: Venue, account: Account, period: Period) -> list[Sample]:
    return value_history.since(venue, account, 0 if period.reach_ms is None else venue.now_ms - period.reach_ms)


def _body(samples: list[Sample], *, perps_only: bool) -> Row:
    first = samples[0]
    values = [(each.time_ms, each.perp_value if perps_only else each.value) for each in samples]
    pnls = [(each.time_ms, each.perp_pnl - first.perp_pnl if perps_only else each.pnl - first.pnl) for each in samples]
    return {
        "accountValueHistory": [[time_ms, wire_usd(value)] for time_ms, value in values],
        "pnlHistory": [[time_ms, wire_usd(pnl)] for time_ms, pnl in pnls],
        "vlm": wire_usd(samples[-1].volume - first.volume),
    }
