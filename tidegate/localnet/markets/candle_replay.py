"""Recorded candles played again, several coins at their recorded distances.

Owns that nothing is invented: a gap in the candles, or a candle without volume, has no prints and no book. `path`
says what happens inside a candle.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tidegate.localnet.markets.candles import DAY_MS, INTERVALS, Bars, CandleStore, exact
from tidegate.localnet.markets.house import Grid, Level
from tidegate.localnet.markets.path import Bar, Shelf, Stroke, strokes

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

HISTORY_MAX_MS = 30 * DAY_MS
HISTORY_CANDLES = 1000  # or that many, where they reach back further
CHUNK = 512  # candles turned into exact numbers at a time


class Act(NamedTuple):
    """One thing the house does: it shows a book (an empty one withdraws it) and perhaps trades into it."""

    time_ms: int
    bids: Sequence[Level]
    asks: Sequence[Level]
    px: Decimal | None
    stroke: Stroke | None


class Left(NamedTuple):
    """What is left to play of a candle whose book is shown: the rest of its path, and its shelf."""

    row: int
    path: Sequence[Stroke]
    shelf: Shelf


class CandleReplay:
    """Recorded candles of several coins at their recorded distances."""

    def __init__(
        self,
        tapes: dict[str, Bars],
        grid_of: dict[str, Grid],
        start_ms: int,
        shift_ms: int,
        says: str,
        *,
        intervals: Collection[str] = tuple(INTERVALS),
    ) -> None:
        """`start_ms` is exchange time; the tapes keep recorded times, `shift_ms` is added to each.

        `intervals` are those of which the exchange keeps candles; prints are put together to the shortest of them.
        """
        self._intervals = intervals
        self.start_ms = start_ms
        self.says = says
        self.coins: tuple[str, ...] = tuple(tapes)
        self._history: dict[str, Bars] = {}
        self.seen: dict[str, Decimal] = {}
        self.tapes: dict[str, tuple[Bars, Grid]] = {}
        self._acts: list[tuple[int, int, Act, Iterator[Act]]] = []
        for order, (coin, bars) in enumerate(tapes.items()):
            first = int(np.searchsorted(bars.time_ms, start_ms - shift_ms))
            reach_ms = max(HISTORY_MAX_MS, HISTORY_CANDLES * bars.interval_ms)
            oldest = int(np.searchsorted(bars.time_ms, start_ms - shift_ms - reach_ms))
            self._history[coin] = _shifted(bars.slice(oldest, first), shift_ms)
            self.tapes[coin] = _shifted(bars.slice(first, len(bars)), shift_ms), grid_of[coin]
            acts = acts_of(*self.tapes[coin])
            opening = next(acts, None)
            if opening is not None:
                self._acts.append((opening.time_ms, order, opening, acts))
        heapify(self._acts)

    def prepare(self, exchange: "Exchange") -> None:
        """Load what was before the start."""
        base_ms = min(map(INTERVALS.__getitem__, self._intervals))
        for coin, bars in self._history.items():
            exchange.load_candles(coin, CandleStore(coin, bars, base_ms=base_ms, intervals=self._intervals))
            if len(bars):
                exchange.set_oracle(coin, exact(bars.close[-1]))

    def seek(self, left: Mapping[str, "Left"], seen: Mapping[str, Decimal | None]) -> None:
        """Go on with what is left of each coin; `seen` are the prices that the oracles have not told yet."""
        self.seen = {coin: px for coin, px in seen.items() if px is not None}
        self._acts = []
        for order, coin in enumerate(self.coins):
            acts = _acts_left(*self.tapes[coin], left[coin])
            following = next(acts, None)
            if following is not None:
                self._acts.append((following.time_ms, order, following, acts))
        heapify(self._acts)

    def next_ms(self) -> int | None:
        """The next act, None after the last candle."""
        return self._acts[0][0] if self._acts else None

    def step(self, exchange: "Exchange") -> None:
        """Play every act that is due, the coins in the order of their files."""
        due_ms = self.next_ms()
        while self._acts and self._acts[0][0] == due_ms:
            _, order, act, acts = self._acts[0]
            self._play(exchange, self.coins[order], act)
            following = next(acts, None)
            if following is None:
                heappop(self._acts)
            else:
                heapreplace(self._acts, (following.time_ms, order, following, acts))

    def _play(self, exchange: "Exchange", coin: str, act: Act) -> None:
        """One act. The oracle follows other venues: it tells what was printed before this act, not what is to come."""
        seen = self.seen.pop(coin, None)
        if seen is not None:
            exchange.set_oracle(coin, seen)
        exchange.quote(coin, act.bids, act.asks)
        if act.stroke is not None:
            exchange.trade(coin, act.stroke.side, act.stroke.px, act.stroke.sz)
        if act.px is not None:
            self.seen[coin] = act.px


def _shifted(bars: Bars, shift_ms: int) -> Bars:
    time_ms, *others = bars.columns()
    return Bars(bars.interval_ms, time_ms + shift_ms, *others)


def _acts_left(bars: Bars, grid: Grid, left: Left) -> Iterator[Act]:
    for stroke in left.path:
        yield Act(stroke.time_ms, *left.shelf.around(stroke.px, stroke.side, stroke.sz), stroke.px, stroke)
    shown_until_ms = int(bars.time_ms[left.row]) + bars.interval_ms
    yield from acts_of(bars.slice(left.row + 1, len(bars)), grid, shown_until_ms)


def acts_of(bars: Bars, grid: Grid, shown_until_ms: int | None = None) -> Iterator[Act]:
    """What the house does through these candles: a book at each open, the path, nothing where nothing was traded.

    A book that is shown already is withdrawn at `shown_until_ms` where trading does not go on there.
    """
    interval_ms = bars.interval_ms
    for bar in _exactly(bars):
        if shown_until_ms is not None and (bar.time_ms != shown_until_ms or not bar.volume):
            yield Act(shown_until_ms, (), (), None, None)
            shown_until_ms = None
        if not bar.volume:
            continue
        shelf = Shelf(bar, grid)
        path = strokes(bar, interval_ms, grid)
        yield Act(bar.time_ms, *shelf.around(bar.open, path[0].side, Decimal(0)), bar.open, None)
        for stroke in path:
            yield Act(stroke.time_ms, *shelf.around(stroke.px, stroke.side, stroke.sz), stroke.px, stroke)
        shown_until_ms = bar.time_ms + interval_ms
    if shown_until_ms is not None:
        yield Act(shown_until_ms, (), (), None, None)


def _exactly(bars: Bars) -> Iterator[Bar]:
    start, chunk = 0, 1  # whoever goes on somewhere may want the next few only
    while start < len(bars):
        time_ms, *columns, _ = bars.slice(start, start + chunk).columns()
        rows = zip(time_ms.tolist(), *([exact(value) for value in column.tolist()] for column in columns), strict=True)
        yield from (Bar(*row) for row in rows)
        start, chunk = start + chunk, min(2 * chunk, CHUNK)
