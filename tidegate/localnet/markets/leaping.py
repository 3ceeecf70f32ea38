"""An exchange that plays recorded candles, put where a quiet stretch ends: as if every print had been played.

Owns what a print leaves behind here (book, marks, averages, candles, counters) and how it is put there at once. What is
left out: the rows of prints that nobody may ask for any more, and the parts of the day's volume are added in one sum.
Whether a stretch is quiet is for others to prove.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tidegate.localnet.kernel.book import worst_first
from tidegate.localnet.kernel.numbers import MAX_SIGNIFICANT_FIGURES, ZERO, wire
from tidegate.localnet.kernel.premiums import hourly_rate
from tidegate.localnet.kernel.prices import MARK_INTERVAL_MS, Prices
from tidegate.localnet.kernel.venue import HOUSE_MAKER, HOUSE_TAKER, Venue
from tidegate.localnet.markets import quiet
from tidegate.localnet.markets.candle_replay import CandleReplay, Left
from tidegate.localnet.markets.candles import MINUTE_MS, Bars, Candle, CandleStore, exact
from tidegate.localnet.markets.house import Grid
from tidegate.localnet.markets.path import PRINTS_A_MINUTE, PRINTS_MAX, Bar, Shelf, Stroke, strokes

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

DECIMALS_MAX = 9
NEVER_MS = 2**62
NOTHING = np.zeros(0, np.int64)


class State(NamedTuple):
    """One coin's prices as `quiet.walk` changes them."""

    ints: Any
    floats: Any

    def copied(self) -> "State":
        """A second one."""
        return State(self.ints.copy(), self.floats.copy())


class Tape:
    """One coin's candles for walking: `breaks` are the moments at which trading stops or begins anew."""

    def __init__(self, bars: Bars, grid: Grid) -> None:
        self.bars, self.grid = bars, grid
        self.decimals = _decimals(bars, grid)
        self.course = _course(bars, grid, self.decimals)
        self._good = bars.volume > 0
        self.breaks = _breaks(bars, self._good)

    def row(self, time_ms: int) -> int:
        """The candle that a moment lies in, or the last one before it; -1 before the first."""
        return int(np.searchsorted(self.bars.time_ms, time_ms, side="right")) - 1

    def trades_at(self, time_ms: int) -> bool:
        """Whether the moment lies in a candle with prints."""
        row = self.row(time_ms)
        return row >= 0 and bool(self._good[row]) and time_ms < int(self.bars.time_ms[row]) + self.bars.interval_ms

    def next_break_ms(self, after_ms: int) -> int:
        """When trading stops or begins anew next."""
        at = int(np.searchsorted(self.breaks, after_ms, side="right"))
        return int(self.breaks[at]) if at < len(self.breaks) else NEVER_MS

    def units(self, px: Decimal) -> int:
        """A price in units; below one that is finer than they are."""
        return int(px.scaleb(self.decimals).to_integral_value())

    def price(self, units: int) -> Decimal:
        """Units as a price."""
        return Decimal(int(units)).scaleb(-self.decimals)

    def bar(self, row: int) -> Bar:
        """A candle, exact."""
        bars = self.bars
        columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
        return Bar(int(bars.time_ms[row]), *(exact(column[row]) for column in columns))


class Leaper:
    """Walks and lands an exchange that a candle replay fills."""

    def __init__(self, exchange: "Exchange", replay: CandleReplay) -> None:
        self._exchange, self._replay = exchange, replay
        self.tapes: Mapping[str, Tape] = {coin: Tape(bars, grid) for coin, (bars, grid) in replay.tapes.items()}

    def state(self, coin: str) -> State | None:
        """A coin's prices now; None before its first print."""
        venue, tape = self._exchange.venue, self.tapes[coin]
        prices = venue.prices[coin]
        if prices.last is None:
            return None
        bid, ask = prices.book.touch()
        seen = self._replay.seen.get(coin)
        ints = np.zeros(9, np.int64)
        for at, px in ((quiet.ORACLE, prices.oracle), (quiet.BID, bid), (quiet.ASK, ask), (quiet.SEEN, seen)):
            ints[at] = quiet.NOBODY if px is None else tape.units(px)
        ints[quiet.LAST], ints[quiet.MARKED_MS] = tape.units(prices.last), prices.marked_ms
        ints[quiet.SAMPLED] = self._exchange.samples_taken
        gap, fair = prices.averages
        floats = np.array([*gap.parts, *fair.parts, 0.0, float(prices.mark)])
        return State(ints, floats)

    def walk(
        self, coin: str, state: State, band: quiet.Band, from_ms: int, until_ms: int, asked_ms: Any = NOTHING
    ) -> tuple[int, Any]:
        """Walk a state in place, see `quiet.walk`: how far it came, and the marks at the moments asked about."""
        marks = np.full(len(asked_ms), np.nan)
        course = self.tapes[coin].course
        at_ms = quiet.walk(course, state.ints, state.floats, band, from_ms, until_ms, asked_ms, marks)
        return int(at_ms), marks

    def next_ms(self, coin: str, state: State, after_ms: int) -> int:
        """When a print, a book or a mark of this coin comes next."""
        act_ms = int(quiet.next_act_ms(self.tapes[coin].course, after_ms))
        return min(act_ms, int(state.ints[quiet.MARKED_MS]) + MARK_INTERVAL_MS)

    def acted_ms(self, coin: str, at_ms: int) -> int:
        """When the house acted last."""
        tape = self.tapes[coin]
        row = tape.row(at_ms)
        open_ms, parts = int(tape.bars.time_ms[row]), int(tape.course.count[row]) + 1
        done = (at_ms - open_ms) * parts // tape.bars.interval_ms
        times = [open_ms + tape.bars.interval_ms * act // parts for act in range(min(done + 1, parts - 1) + 1)]
        return max(each for each in times if each <= at_ms)

    def hour_ends(self, coin: str, state: State, counted: list[Any]) -> float:
        """End the hour of a walked state: what one unit of the coin pays. `counted` are premiums and samples before."""
        total, samples = counted[0] + float(state.floats[quiet.PREMIUM]), counted[1] + int(state.ints[quiet.SAMPLES])
        counted[:] = 0.0, 0
        state.floats[quiet.PREMIUM], state.ints[quiet.SAMPLES] = 0.0, 0
        rate = hourly_rate(Decimal(total / samples)) if samples else self._exchange.venue.prices[coin].funding.rate
        return float(rate * self.tapes[coin].price(state.ints[quiet.ORACLE]))

    def stand(self, states: Mapping[str, State], at_ms: int) -> None:
        """Put what the exchange reckons with at a moment within a stretch: marks, oracles, premiums. No books."""
        for coin, state in states.items():
            prices = self._exchange.venue.prices[coin]
            prices.oracle = self.tapes[coin].price(state.ints[quiet.ORACLE])
            _set_marks(prices, state)
        self._exchange.stand_at(at_ms)

    def land(self, states: Mapping[str, State], from_ms: int, at_ms: int) -> None:
        """Put the exchange at `at_ms`, where these states are; nobody is told."""
        venue = self._exchange.venue
        left = {coin: self._land(venue, coin, state, from_ms, at_ms) for coin, state in states.items()}
        self._replay.seek(left, {coin: self._seen(coin, state) for coin, state in states.items()})
        self._exchange.stand_at(at_ms)

    def _seen(self, coin: str, state: State) -> Decimal | None:
        units = int(state.ints[quiet.SEEN])
        return None if units == quiet.NOBODY else self.tapes[coin].price(units)

    def _land(self, venue: Venue, coin: str, state: State, from_ms: int, at_ms: int) -> Left:
        """One coin; gives what is left of the candle that is being played."""
        tape, prices = self.tapes[coin], venue.prices[coin]
        ints = state.ints
        row = tape.row(at_ms)
        bar = tape.bar(row)
        path = strokes(bar, tape.bars.interval_ms, tape.grid)
        done = [stroke for stroke in path if stroke.time_ms <= at_ms]
        self._candles(prices, tape, from_ms, row, done)
        prices.last, prices.oracle = tape.price(ints[quiet.LAST]), tape.price(ints[quiet.ORACLE])
        _set_marks(prices, state)
        shelf = Shelf(bar, tape.grid)
        px, side = (done[-1].px, done[-1].side) if done else (bar.open, path[0].side)
        if not prices.book.bids.clients and not prices.book.asks.clients:
            prices.book.replace_house(*worst_first(*shelf.around(px, side, ZERO)))
        prints = int(ints[quiet.PRINTS])
        if prints:
            venue.skip_prints(prints)
            _show_last_print(venue, coin, tape, row, done)
        return Left(row, path[len(done) :], shelf)

    def _candles(self, prices: Prices, tape: Tape, from_ms: int, row: int, done: list[Stroke]) -> None:
        """Bring candles and the day's volume from `from_ms` to where `done` are the prints of candle `row`."""
        store, bars = prices.candles, tape.bars
        assert isinstance(store, CandleStore)
        first = tape.row(from_ms)
        before = strokes(tape.bar(first), bars.interval_ms, tape.grid)
        rest = [stroke for stroke in before if stroke.time_ms > from_ms and (first < row or stroke in done)]
        for stroke in rest:
            store.add(stroke.time_ms, stroke.px, stroke.sz)
            prices.count(stroke.time_ms, stroke.px, stroke.sz)
        if first == row:
            return
        store.leap([_candle(tape, each) for each in range(first + 1, row)])
        volume = bars.volume[first + 1 : row]
        if len(volume):
            traded, usd = float(volume.sum()), float((volume * bars.close[first + 1 : row]).sum())
            prices.count(int(bars.time_ms[row - 1]), Decimal(repr(usd / traded)), Decimal(repr(traded)))
        for stroke in done:
            store.add(stroke.time_ms, stroke.px, stroke.sz)
            prices.count(stroke.time_ms, stroke.px, stroke.sz)


def _show_last_print(venue: Venue, coin: str, tape: Tape, row: int, done: list[Stroke]) -> None:
    last = done[-1] if done else strokes(tape.bar(row - 1), tape.bars.interval_ms, tape.grid)[-1]
    tx, tid = venue.last_print()
    shown = {
        "coin": coin,
        "side": last.side,
        "px": wire(last.px),
        "sz": wire(last.sz),
        "time": last.time_ms,
        "hash": tx,
        "tid": tid,
        "users": [HOUSE_TAKER, HOUSE_MAKER] if last.side == "B" else [HOUSE_MAKER, HOUSE_TAKER],
    }
    venue.prices[coin].recent.appendleft(shown)


def _candle(tape: Tape, row: int) -> Candle:
    bar = tape.bar(row)
    return Candle(*bar, int(tape.course.count[row]))


def _set_marks(prices: Prices, state: State) -> None:
    floats = state.floats
    gap, fair = prices.averages
    gap.parts = float(floats[quiet.GAP]), float(floats[quiet.GAP_WEIGHT])
    fair.parts = float(floats[quiet.FAIR]), float(floats[quiet.FAIR_WEIGHT])
    prices.funding.total += Decimal(repr(float(floats[quiet.PREMIUM])))
    prices.funding.samples += int(state.ints[quiet.SAMPLES])
    floats[quiet.PREMIUM], state.ints[quiet.SAMPLES] = 0.0, 0
    prices.take_mark(float(floats[quiet.MARK]), int(state.ints[quiet.MARKED_MS]))


def _decimals(bars: Bars, grid: Grid) -> int:
    """How many decimals the tape's prices have, at least the grid's."""
    columns = np.concatenate([bars.open, bars.high, bars.low, bars.close])
    for decimals in range(grid.px_decimals, DECIMALS_MAX + 1):
        if (np.rint(columns * 10.0**decimals) / 10.0**decimals == columns).all():
            return decimals
    return DECIMALS_MAX


def is_exact(tape: Tape) -> bool:
    """Whether the tape's prices are whole numbers of units at all, and small enough to count with."""
    whole = 10.0**tape.decimals
    columns = np.concatenate([tape.bars.open, tape.bars.high, tape.bars.low, tape.bars.close])
    return bool((np.rint(columns * whole) / whole == columns).all() and columns.max() * whole < 2**50)


def _course(bars: Bars, grid: Grid, decimals: int) -> quiet.Course:
    whole = 10.0**decimals
    opened, high, low, close = (
        np.rint(column * whole).astype(np.int64) for column in (bars.open, bars.high, bars.low, bars.close)
    )
    exponents = _exponents(bars, grid)
    high_first = (high - opened < opened - low) | ((high - opened == opened - low) & (close < opened))
    first, second = np.where(high_first, high, low), np.where(high_first, low, high)
    turns = 1 + (first != opened) + (second != first) + (close != second)
    most = min(PRINTS_MAX, max(PRINTS_A_MINUTE, PRINTS_A_MINUTE * bars.interval_ms // MINUTE_MS))
    return quiet.Course(
        time_ms=np.ascontiguousarray(bars.time_ms),
        open=opened,
        high=high,
        low=low,
        close=close,
        count=np.maximum(turns, np.minimum(most, _lots(bars, grid, most))).astype(np.int64),
        unit=np.array([10 ** (decimals + each) for each in range(-decimals, 1)], np.int64)[exponents + decimals],
        scale=np.array([10.0**-each for each in range(-decimals, 1)])[exponents + decimals],
        interval_ms=bars.interval_ms,
        whole=whole,
        shown=10 ** (decimals - grid.px_decimals),
    )


def _exponents(bars: Bars, grid: Grid) -> Any:
    """`Grid.exponent` of each candle's high."""
    tens = np.array([10.0**each for each in range(-12, 16)])
    figures = np.searchsorted(tens, bars.high, side="right") - 1 - 12
    exponents = np.maximum(np.minimum(figures - MAX_SIGNIFICANT_FIGURES + 1, 0), -grid.px_decimals)
    return exponents.astype(np.int64)


def _lots(bars: Bars, grid: Grid, enough: int) -> Any:
    """How many lots each candle holds; counted exactly where they are few."""
    lots = np.floor(np.minimum(bars.volume * 10.0**grid.sz_decimals, 1e9)).astype(np.int64)
    for row in np.flatnonzero(lots <= enough + 1):
        lots[row] = int(exact(bars.volume[row]).scaleb(grid.sz_decimals))
    return lots


def _breaks(bars: Bars, good: Any) -> Any:
    """When a book is withdrawn or shown anew: at gaps, around candles without volume, at the end."""
    ends = bars.time_ms + bars.interval_ms
    parted = bars.time_ms[1:] != ends[:-1]
    marks = [ends[:-1][parted], bars.time_ms[1:][parted], bars.time_ms[~good], ends[~good], ends[-1:]]
    return np.unique(np.concatenate(marks))
