"""What a perp and a spot pair have alike beside their book: a mark, the last trades, candles, a trading day."""

from collections import deque
from decimal import Decimal
from typing import Any

from tidegate.localnet.kernel.book import Book
from tidegate.localnet.kernel.trading_day import Candles, Listed, TradingDay

RECENT_TRADES = 100


class Traded:
    """One coin's prices, as far as they do not depend on what kind of coin it is."""

    def __init__(self, listed: Listed, book: Book, start_ms: int) -> None:
        self.book = book
        self.mark = listed.reference_px
        self.last: Decimal | None = None
        self.recent: deque[dict[str, Any]] = deque(maxlen=RECENT_TRADES)
        self.candles: Candles | None = None
        self._day = TradingDay(listed, start_ms)

    def printed(self, now_ms: int, px: Decimal, sz: Decimal) -> None:
        """Take in one trade."""
        self.last = px
        self.count(now_ms, px, sz)
        if self.candles is not None:
            self.candles.add(now_ms, px, sz)

    def count(self, now_ms: int, px: Decimal, sz: Decimal) -> None:
        """Count what was traded for the day's figures."""
        self._day.add(now_ms, px, sz)

    def mid_or_last(self) -> Decimal:
        """What `allMids` shows: the mid, else the last trade, else the mark."""
        mid = self.book.mid()
        if mid is not None:
            return mid
        return self.mark if self.last is None else self.last
