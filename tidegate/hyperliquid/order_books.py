"""The levels of an order book, for whoever asked for them: the last snapshot of each coin, read when it is looked at.

Owns the value. Nothing is decoded until somebody looks, so that what nobody looks at costs nothing; and a coin whose
levels were not subscribed to has none. Never merges: the exchange sends whole snapshots.

Source: Hyperliquid docs, "Subscriptions", `l2Book`: at most 20 levels a side, 5 of the fast one.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from tidegate.hyperliquid.frames import Book

ZERO = Decimal(0)


class Depth(Struct, frozen=True):
    """One level: its price, what rests there in the coin, of how many orders."""

    px: Decimal
    sz: Decimal
    n: int = 0


class OrderBook(Struct, frozen=True, kw_only=True):
    """One snapshot, the best of each side first; a side without orders is empty. `time_ms` is the exchange's."""

    coin: str
    bids: tuple[Depth, ...]
    asks: tuple[Depth, ...]
    time_ms: int

    @property
    def is_crossed(self) -> bool:
        """Whether more is bid than is asked: then neither side is a price."""
        return bool(self.bids and self.asks) and self.bids[0].px >= self.asks[0].px

    def imbalance(self, levels: int) -> Decimal | None:
        """(bids - asks) / (bids + asks) of the sizes of so many levels a side, from -1 to 1; None where the book is
        empty or crossed."""
        bids, asks = _size(self.bids[:levels]), _size(self.asks[:levels])
        return None if self.is_crossed or not bids + asks else (bids - asks) / (bids + asks)


_read = msgspec.json.Decoder(tuple[Depth, ...]).decode


def order_book(book: Book) -> OrderBook | None:
    """A snapshot's levels; None where they cannot be read."""
    try:
        bids, asks = (_read(side) for side in book.levels)
    except msgspec.MsgspecError:
        return None
    return OrderBook(coin=book.coin, bids=bids, asks=asks, time_ms=book.time)


def _size(levels: Sequence[Depth]) -> Decimal:
    return sum((level.sz for level in levels), ZERO)
