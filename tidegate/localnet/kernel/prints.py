"""Prints of trades that happened elsewhere: a mirrored venue's, shown on our tape as they were.

Owns their rows. Nothing here is matched, and nobody's position changes.
"""

from decimal import Decimal
from typing import Literal, NamedTuple

from tidegate.localnet.kernel.numbers import wire
from tidegate.localnet.kernel.venue import Venue


class Elsewhere(NamedTuple):
    """A trade of another venue, with its names; `side` is the taker's, `users` are buyer and seller."""

    coin: str
    side: Literal["B", "A"]
    px: Decimal
    sz: Decimal
    hash: str
    tid: int
    users: tuple[str, str]


def report(venue: Venue, trade: Elsewhere) -> None:
    """Print a trade at the present time."""
    ticker = venue.tickers[trade.coin]
    ticker.printed(venue.now_ms, trade.px, trade.sz)
    row = {
        "coin": trade.coin,
        "side": trade.side,
        "px": wire(trade.px),
        "sz": wire(trade.sz),
        "time": venue.now_ms,
        "hash": trade.hash,
        "tid": trade.tid,
        "users": list(trade.users),
    }
    ticker.recent.appendleft(row)
    venue.block.trades(trade.coin, [row])
