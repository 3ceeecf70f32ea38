"""Recorded ticks played again: quotes as the touch of a book, trades at their price, size and side.

Owns a house that shows one level a side, because nothing more was recorded. Quotes alone print nothing; trades alone
show the last price at which each side was traded. Never fills a silence.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING

import numpy as np

from tidegate.localnet.markets.candles import CandleStore
from tidegate.localnet.markets.house import Level
from tidegate.localnet.markets.tape import utc
from tidegate.localnet.markets.tick_tape import Tick, TickTape

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

ORACLE_EVERY_MS = 3_000


class _Touch:
    """What the ticks last showed of one coin."""

    def __init__(self) -> None:
        self.bids: list[Level] = []
        self.asks: list[Level] = []
        self.quoted = False  # whether quotes tell of the book; then trades do not
        self.oracle_ms: int | None = None

    def show(self, tick: Tick) -> None:
        """Take in a quote."""
        self.quoted = True
        self.bids = [(tick.bid, tick.bid_sz, 1)] if tick.bid_sz else []
        self.asks = [(tick.ask, tick.ask_sz, 1)] if tick.ask_sz else []

    def traded(self, tick: Tick) -> None:
        """Without quotes: a side stands where it was traded last, and the other one not through it."""
        level: Level = (tick.px, tick.sz, 1)
        if tick.side == "A":
            self.bids, self.asks = [level], [ask for ask in self.asks if ask[0] > tick.px]
        else:
            self.bids, self.asks = [bid for bid in self.bids if bid[0] < tick.px], [level]

    def for_print(self, tick: Tick) -> tuple[Sequence[Level], Sequence[Level]]:
        """The book in which a taker prints exactly this trade and leaves what was shown at its price."""
        there = next((level[1] for level in (self.bids if tick.side == "A" else self.asks) if level[0] == tick.px), 0)
        touch: Level = (tick.px, there + tick.sz, 1)
        if tick.side == "A":
            return [touch], [ask for ask in self.asks if ask[0] > tick.px]
        return [bid for bid in self.bids if bid[0] < tick.px], [touch]

    def middle(self) -> Decimal | None:
        if self.bids and self.asks:
            return (self.bids[0][0] + self.asks[0][0]) / 2
        one_side = self.bids or self.asks
        return one_side[0][0] if one_side else None


class TickReplay:
    """The ticks of several coins at their recorded distances; a coin may have a tape of quotes and one of trades."""

    def __init__(self, tapes: Mapping[str, Sequence[TickTape]], start_ms: int, shift_ms: int) -> None:
        """`start_ms` is recorded time; `shift_ms` is added to every time."""
        self.start_ms = start_ms + shift_ms
        self.coins: tuple[str, ...] = tuple(tapes)
        kinds = ", ".join(f"{coin} {' and '.join(tape.kind.name for tape in own)}" for coin, own in tapes.items())
        end_ms = max(int(tape.time_ms[-1]) for own in tapes.values() for tape in own)
        self.says = f"replay of recorded ticks: {kinds}, {utc(start_ms)} to {utc(end_ms)} UTC"
        self._shift_ms = shift_ms
        self._touches = {coin: _Touch() for coin in tapes}
        self._before: list[tuple[str, Tick]] = []
        self._next: list[tuple[int, int, str, Tick, Iterator[Tick]]] = []
        for order, (coin, tape) in enumerate((coin, tape) for coin, own in tapes.items() for tape in own):
            first = int(np.searchsorted(tape.time_ms, start_ms))
            self._before += [(coin, tick) for tick in tape.rows(0, first)]
            ticks = tape.rows(first, len(tape.time_ms))
            opening = next(ticks, None)
            if opening is not None:
                self._next.append((opening.time_ms, order, coin, opening, ticks))
        heapify(self._next)

    def prepare(self, exchange: "Exchange") -> None:
        """Candles of the trades before the start, and the books as they stood then."""
        stores = {coin: CandleStore(coin) for coin in self.coins}
        for coin, tick in sorted(self._before, key=lambda each: each[1].time_ms):
            if tick.side:
                stores[coin].add(tick.time_ms + self._shift_ms, tick.px, tick.sz)
            self._note(coin, tick)
        self._before.clear()
        for coin, store in stores.items():
            exchange.load_candles(coin, store)
            self._quote(exchange, coin)

    def next_ms(self) -> int | None:
        """The time of the next tick, None after the last."""
        return self._next[0][0] + self._shift_ms if self._next else None

    def step(self, exchange: "Exchange") -> None:
        """Play the ticks of one moment, in the order of the files."""
        due_ms = self._next[0][0]
        while self._next and self._next[0][0] == due_ms:
            _, order, coin, tick, ticks = self._next[0]
            self._play(exchange, coin, tick)
            following = next(ticks, None)
            if following is None:
                heappop(self._next)
            else:
                heapreplace(self._next, (following.time_ms, order, coin, following, ticks))

    def _play(self, exchange: "Exchange", coin: str, tick: Tick) -> None:
        if tick.side:
            exchange.quote(coin, *self._touches[coin].for_print(tick))
            exchange.trade(coin, "B" if tick.side == "B" else "A", tick.px, tick.sz)
        self._note(coin, tick)
        self._quote(exchange, coin)

    def _note(self, coin: str, tick: Tick) -> None:
        touch = self._touches[coin]
        if not tick.side:
            touch.show(tick)
        elif not touch.quoted:
            touch.traded(tick)

    def _quote(self, exchange: "Exchange", coin: str) -> None:
        touch = self._touches[coin]
        exchange.quote(coin, touch.bids, touch.asks)
        middle = touch.middle()
        if middle is not None and (touch.oracle_ms is None or exchange.now_ms >= touch.oracle_ms + ORACLE_EVERY_MS):
            touch.oracle_ms = exchange.now_ms
            exchange.set_oracle(coin, middle)
