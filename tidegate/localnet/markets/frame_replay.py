"""Recorded WebSocket frames played again: books as they were pushed, prints at their price, size and side.

Owns the house that shows a recording's books (l2Book; bbo moves the touch between two of them) and takes for its
trades. Plays at the distances of the receive times. Never fills a silence: while nothing was recorded, nothing moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from tidegate.localnet.markets.candles import CandleStore
from tidegate.localnet.markets.frame_tape import (
    Frame,
    FrameTape,
    RecordedBook,
    RecordedTouch,
    RecordedTrade,
    decode_book,
    decode_touch,
    decode_trades,
)
from tidegate.localnet.markets.house import Level

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

ORACLE_EVERY_MS = 3_000
LATENCY_MS = 2_000  # a trade reaches the recorder within this time
Sides = tuple[Sequence[Level], Sequence[Level]]


@dataclass
class _Book:
    """What the recording last showed of one coin."""

    bids: list[Level] = field(default_factory=list)
    asks: list[Level] = field(default_factory=list)
    oracle_ms: int | None = None
    printed: set[int] = field(default_factory=set)

    def show(self, book: RecordedBook) -> None:
        bids, asks = book.levels
        self.bids, self.asks = [level.level() for level in bids], [level.level() for level in asks]

    def show_touch(self, touch: RecordedTouch) -> None:
        """A newer touch: levels it has overtaken, on either side, are gone."""
        bid, ask = touch.bbo
        top = [bid.level()] if bid else []
        bottom = [ask.level()] if ask else []
        highest = min([level.px for level in touch.bbo if level], default=Decimal(0))
        lowest = max([level.px for level in touch.bbo if level], default=Decimal(0))
        self.bids = top + [level for level in self.bids if bid and level[0] < highest]
        self.asks = bottom + [level for level in self.asks if ask and level[0] > lowest]

    def for_print(self, trade: RecordedTrade) -> Sides:
        """The book in which a taker prints exactly this trade and which is as recorded afterwards."""
        resting = self.bids if trade.side == "A" else self.asks
        there = next((level for level in resting if level[0] == trade.px), (trade.px, Decimal(0), 1))
        touch: Level = (trade.px, there[1] + trade.sz, there[2])
        bids = [level for level in self.bids if level[0] < trade.px]
        asks = [level for level in self.asks if level[0] > trade.px]
        return ([touch, *bids], asks) if trade.side == "A" else (bids, [touch, *asks])

    def middle(self) -> Decimal | None:
        if self.bids and self.asks:
            return (self.bids[0][0] + self.asks[0][0]) / 2
        one_side = self.bids or self.asks
        return one_side[0][0] if one_side else None


class FrameReplay:
    """A judged recording as a market; receive times plus `shift_ms` are exchange times."""

    def __init__(self, tape: FrameTape, shift_ms: int) -> None:
        self.says = tape.says
        self.coins = tape.coins
        self.start_ms = tape.start_ms + shift_ms
        self._tape = tape
        self._shift_ms = shift_ms
        self._next = 0
        self._books = {coin: _Book() for coin in tape.coins}
        # A subscription begins with a replay of older trades: they belong to the time before the recording.
        self._recorded_from_ms = (tape.before or tape.frames)[0].time_ms

    def prepare(self, exchange: "Exchange") -> None:
        """Candles of the prints before the start, and the books as they stood then."""
        stores = {coin: CandleStore(coin) for coin in self.coins}
        for frame in self._tape.before:
            if frame.channel == "trades":
                for trade in self._new_trades(frame):
                    stores[trade.coin].add(frame.time_ms + self._shift_ms, trade.px, trade.sz)
            else:
                self._show(frame)
        for coin, store in stores.items():
            exchange.load_candles(coin, store)
            self._quote(exchange, coin, self.start_ms)

    def next_ms(self) -> int | None:
        """The receive time of the next frame, None after the last."""
        frames = self._tape.frames
        return frames[self._next].time_ms + self._shift_ms if self._next < len(frames) else None

    def step(self, exchange: "Exchange") -> None:
        """Play the frames of one receive time."""
        due_ms = self.next_ms()
        while due_ms is not None and self.next_ms() == due_ms:
            frame = self._tape.frames[self._next]
            self._next += 1
            if frame.channel == "trades":
                for trade in self._new_trades(frame):
                    self._print(exchange, trade)
            else:
                coin = self._show(frame)
                if coin is not None:
                    self._quote(exchange, coin, due_ms)

    def _show(self, frame: Frame) -> str | None:
        """Take in a book or a touch; answers its coin if it is played."""
        if frame.channel == "l2Book":
            book = decode_book(frame.data)
            if book.coin in self._books:
                self._books[book.coin].show(book)
                return book.coin
        elif frame.channel == "bbo":
            touch = decode_touch(frame.data)
            if touch.coin in self._books:
                self._books[touch.coin].show_touch(touch)
                return touch.coin
        return None

    def _new_trades(self, frame: Frame) -> list[RecordedTrade]:
        """The trades of a frame that were not printed yet and happened while it was recorded."""
        new = []
        for trade in decode_trades(frame.data):
            book = self._books.get(trade.coin)
            if book is not None and trade.tid not in book.printed:
                book.printed.add(trade.tid)
                if trade.time >= self._recorded_from_ms - LATENCY_MS:
                    new.append(trade)
        return new

    def _print(self, exchange: "Exchange", trade: RecordedTrade) -> None:
        book = self._books[trade.coin]
        exchange.quote(trade.coin, *book.for_print(trade))
        exchange.trade(trade.coin, trade.side, trade.px, trade.sz)
        exchange.quote(trade.coin, book.bids, book.asks)

    def _quote(self, exchange: "Exchange", coin: str, now_ms: int) -> None:
        book = self._books[coin]
        exchange.quote(coin, book.bids, book.asks)
        middle = book.middle()
        if middle is not None and (book.oracle_ms is None or now_ms >= book.oracle_ms + ORACLE_EVERY_MS):
            book.oracle_ms = now_ms
            exchange.set_oracle(coin, middle)
