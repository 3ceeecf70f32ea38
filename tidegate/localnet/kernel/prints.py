"""Prints of trades in which no account here had a part: another venue's, or the house's with itself.

Owns their rows. Nothing here is matched, and nobody's position changes.
"""

from decimal import Decimal
from typing import Literal, NamedTuple

from tidegate.localnet.kernel.accounts import DAY_MS
from tidegate.localnet.kernel.numbers import ZERO, wire
from tidegate.localnet.kernel.venue import HOUSE_MAKER, HOUSE_TAKER, Venue


class Elsewhere(NamedTuple):
    """A trade of another venue, with its names; `side` is the taker's, `users` are buyer and seller."""

    coin: str
    side: Literal["B", "A"]
    px: Decimal
    sz: Decimal
    hash: str
    tid: int
    users: tuple[str, str]


def between_houses(venue: Venue, coin: str, side: Literal["B", "A"], px: Decimal, sz: Decimal) -> None:
    """Print a trade of the house with itself, as matching prints it; the book has given its part already."""
    users = (HOUSE_TAKER, HOUSE_MAKER) if side == "B" else (HOUSE_MAKER, HOUSE_TAKER)
    day = venue.now_ms // DAY_MS
    venue.day_volumes[day] = venue.day_volumes.get(day, ZERO) + px * sz
    report(venue, Elsewhere(coin, side, px, sz, venue.next_hash(), venue.next_tid(), users))
    venue.block.book(coin)


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
