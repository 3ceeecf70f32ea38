"""Prices from the stream as facts: prints, the touch, marks, candles.

Owns what is dropped on the way: replays, duplicates, prices that cannot be prices. All prints of one frame and coin
become one fact that keeps the extremes, for a stop asks only for those.
"""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from tidegate.hyperliquid.frames import Book, CoinContext, Print, Touch
from tidegate.hyperliquid.imbalance import Imbalances
from tidegate.hyperliquid.seen import SeenPrints
from tidegate.hyperliquid.shapes import CandleRow, is_price
from tidegate.model.events import BookChanged, CandleChanged, Event, Marked, Mid, Trade
from tidegate.model.market import Timeframe

# Prints and books from before the connection are history; two seconds allow for the clocks.
REPLAY_MARGIN_MS = 2_000
# A print from the future is garbage; the allowance is wide, for on a sped-up localnet the clocks differ by more.
FUTURE_MAX_MS = 120_000


class MarketFrames:
    """Turns market frames into facts; `dropped` counts by reason what was left out, `books` are the last snapshots."""

    def __init__(self, timeframe: Timeframe, dropped: Counter[str], seen: SeenPrints) -> None:
        self._interval = timeframe.value
        self._dropped = dropped
        self._seen = seen
        self._from_ms = 0
        self._from_of: dict[str, int] = {}
        self._book_ms: dict[str, int] = {}
        self._imbalances = Imbalances()
        self.books: dict[str, Book] = {}

    def opened(self, at_ms: int) -> None:
        """A new connection: what is older will be replayed and is known or no longer true."""
        self._from_ms = at_ms - REPLAY_MARGIN_MS
        self._from_of.clear()
        self._book_ms.clear()
        self.books.clear()
        self._imbalances.clear()

    def asked(self, coin: str, at_ms: int) -> None:
        """A coin is subscribed to on an open connection: the same holds for it from now on."""
        self._from_of[coin] = at_ms - REPLAY_MARGIN_MS

    def forget(self, coin: str) -> None:
        """Nothing of this coin is wanted any more."""
        self._from_of.pop(coin, None)
        self._book_ms.pop(coin, None)
        self.books.pop(coin, None)
        self._imbalances.forget(coin)

    def trades(self, rows: Sequence[Print], at_ms: int, received_ns: int) -> list[Event]:
        """One fact for each coin with new prints (in practice one)."""
        if not rows:
            return []
        coin, last, newest_ms, count = rows[0].coin, rows[0].px, 0, 0
        low, high, since_ms = last, last, 0
        from_ms, until_ms = self._from_of.get(coin, self._from_ms), at_ms + FUTURE_MAX_MS
        is_new, others = self._seen.is_new, []
        for row in rows:
            time_ms, price = row.time, row.px
            if row.coin != coin:
                others.append(row)
            elif not from_ms <= time_ms <= until_ms or not is_price(price):
                self._dropped["print: stale or unsound"] += 1
            # System prints share the number 0, so that only the others can be told apart.
            elif row.tid and not is_new(time_ms, coin, row.tid):
                self._dropped["print: seen before"] += 1
            elif not count:
                count, newest_ms, since_ms = 1, time_ms, time_ms
                last = low = high = price
            else:
                count += 1
                # The last price is the newest, of equals in time the later in the frame.
                if time_ms >= newest_ms:
                    newest_ms, last = time_ms, price
                elif time_ms < since_ms:
                    since_ms = time_ms
                if price < low:
                    low = price
                elif price > high:
                    high = price
        told: list[Event] = []
        if count:
            trade = Trade(
                at_ms=at_ms,
                coin=coin,
                price=last,
                low=low,
                high=high,
                time_ms=newest_ms,
                since_ms=since_ms if since_ms < newest_ms else 0,
                count=count,
                received_ns=received_ns,
            )
            told.append(trade)
        return told + self.trades(others, at_ms, received_ns) if others else told

    def touch(self, touch: Touch, at_ms: int, received_ns: int) -> list[Event]:
        """The best bid and ask."""
        bid, ask = touch.bbo
        best_bid, best_ask = bid.px if bid else None, ask.px if ask else None
        told = self._book(touch.coin, best_bid, best_ask, touch.time, at_ms, received_ns)
        if told and bid and ask and self._imbalances.wants(touch.coin, touch.time):
            imbalance = self._imbalances.seen(touch.coin, touch.time, bid.sz, ask.sz)
            if imbalance is not None:
                told = [replace(told[0], imbalance=imbalance)]
        return told

    def book(self, book: Book, at_ms: int, received_ns: int) -> list[Event]:
        """The touch of a book snapshot, whose levels are kept as they are for whoever looks at them."""
        bid, ask = book.touch()
        told = self._book(book.coin, bid, ask, book.time, at_ms, received_ns)
        if told:
            self.books[book.coin] = book
        return told

    def mark(self, context: CoinContext, at_ms: int, received_ns: int) -> list[Event]:
        """The mark price; its frames carry no time of their own."""
        mark = context.ctx.mark_px
        if mark is None or not is_price(mark):
            self._dropped["mark: unsound"] += 1
            return []
        funding = context.ctx.funding
        if funding is not None and not funding.is_finite():
            funding = None
        marked = Marked(
            at_ms=at_ms, coin=context.coin, mark=mark, time_ms=at_ms, funding=funding, received_ns=received_ns
        )
        return [marked]

    def mids(self, mids: Mapping[str, Decimal], wanted: Container[str], at_ms: int) -> list[Event]:
        """The mid prices of some coins; their frames carry no time of their own."""
        return [
            Mid(at_ms=at_ms, coin=coin, price=price)
            for coin, price in mids.items()
            if coin in wanted and is_price(price)
        ]

    def candle(self, rows: CandleRow | list[CandleRow], at_ms: int) -> list[Event]:
        """The candle that is open now, of the interval we asked for."""
        ours = [row for row in (rows if isinstance(rows, list) else [rows]) if row.i == self._interval]
        return [CandleChanged(at_ms=at_ms, coin=row.s, candle=row.candle()) for row in ours]

    def _book(
        self, coin: str, bid: Decimal | None, ask: Decimal | None, time_ms: int, at_ms: int, received_ns: int
    ) -> list[Event]:
        sound = (bid is None or is_price(bid)) and (ask is None or is_price(ask))
        if not sound or not self._from_of.get(coin, self._from_ms) <= time_ms <= at_ms + FUTURE_MAX_MS:
            self._dropped["book: stale or unsound"] += 1
            return []
        if time_ms < self._book_ms.get(coin, 0):
            self._dropped["book: older than the one before"] += 1
            return []
        self._book_ms[coin] = time_ms
        return [BookChanged(at_ms=at_ms, coin=coin, bid=bid, ask=ask, time_ms=time_ms, received_ns=received_ns)]
