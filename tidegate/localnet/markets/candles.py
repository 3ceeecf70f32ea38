"""One coin's candles: a history of floats behind, exact live candles in front, every interval from one-minute folds.

Owns the interval grid and the wire rows of `candleSnapshot` and the `candle` stream. Built from prints only, never
from mark prices, and never synthesises a candle for a minute in which nothing was printed. Knows no clock: a candle
ends when a later one begins.
"""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
MONTH = "1M"

# The exchange's intervals. All but the month lie on a grid counted from the epoch (so a week opens on a Thursday);
# the month is the calendar's and has only a nominal length here.
INTERVALS: dict[str, int] = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
    MONTH: 30 * DAY_MS,
}
CANDLES_MAX = 5000  # the exchange keeps about this many candles of an interval

Row = dict[str, Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def opening_ms(interval: str, time_ms: int) -> int:
    """The open time of the candle that contains `time_ms`."""
    if interval == MONTH:
        at = datetime.fromtimestamp(time_ms / 1000, UTC)
        return int(datetime(at.year, at.month, 1, tzinfo=UTC).timestamp() * 1000)
    return time_ms - time_ms % INTERVALS[interval]


def closing_ms(interval: str, open_ms: int) -> int:
    """The last millisecond of the candle that opens at `open_ms`."""
    if interval == MONTH:
        return opening_ms(MONTH, open_ms + 31 * DAY_MS) - 1
    return open_ms + INTERVALS[interval] - 1


@dataclass(frozen=True, eq=False)
class Bars:
    """Candles of one interval as numpy columns of equal length, ascending and unique in `time_ms` (open times, UTC).

    Prices in quote currency, `volume` in base units, `trades` counts prints (0 where a recording does not say).
    """

    interval_ms: int
    time_ms: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    trades: Ints

    def __len__(self) -> int:
        return len(self.time_ms)

    def slice(self, start: int, stop: int) -> Self:
        """The rows from `start` up to and without `stop`."""
        return type(self)(self.interval_ms, *(column[start:stop] for column in self.columns()))

    def columns(self) -> tuple[Any, ...]:
        """Open times, the four prices, volume, trades."""
        return (self.time_ms, self.open, self.high, self.low, self.close, self.volume, self.trades)


def fold(bars: Bars, interval: str) -> Bars:
    """The same trading in candles of a coarser (or the same) interval; candles without a bar do not appear."""
    length_ms = INTERVALS[interval]
    if length_ms == bars.interval_ms or not len(bars):
        return bars
    if interval == MONTH:
        months = bars.time_ms.astype("datetime64[ms]").astype("datetime64[M]")
        opens = months.astype("datetime64[ms]").astype(np.int64)
    else:
        opens = bars.time_ms - bars.time_ms % length_ms
    first = np.flatnonzero(np.concatenate(([True], opens[1:] != opens[:-1])))
    last = np.concatenate((first[1:], [len(opens)])) - 1
    return Bars(
        length_ms,
        opens[first],
        bars.open[first],
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[last],
        np.round(np.add.reduceat(bars.volume, first), 9).astype(np.float64),
        np.add.reduceat(bars.trades, first),
    )


@dataclass(slots=True)
class Candle:
    """A live candle: exact prices and volume, `time_ms` is its open time."""

    time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int

    def absorb(self, later: "Candle") -> None:
        """Take in a candle that follows within the same period."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.trades += later.trades

    def opened_at(self, time_ms: int) -> "Candle":
        """A copy that opens at `time_ms`."""
        return Candle(time_ms, self.open, self.high, self.low, self.close, self.volume, self.trades)


class _Series:
    """The candles of one interval that are complete up to, but without, the forming minute."""

    def __init__(self, interval: str, history: Bars | None) -> None:
        self.interval = interval
        self.closed: deque[Candle] = deque(maxlen=CANDLES_MAX)
        self.open: Candle | None = None
        self.history: Bars | None = None
        if history is not None and len(history):
            folded = fold(history, interval)
            self.open = _last_candle(folded)
            self.history = folded.slice(0, len(folded) - 1)

    def take(self, minute: Candle) -> None:
        open_ms = opening_ms(self.interval, minute.time_ms)
        if self.open is not None and self.open.time_ms == open_ms:
            self.open.absorb(minute)
            return
        if self.open is not None:
            self.closed.append(self.open)
        self.open = minute.opened_at(open_ms)

    def ahead(self, minute: Candle | None) -> list[Candle]:
        """The newest one or two candles: the open one and, once it is over, the one that the minute begins."""
        if minute is None:
            return [self.open] if self.open else []
        open_ms = opening_ms(self.interval, minute.time_ms)
        if self.open is None:
            return [minute.opened_at(open_ms)]
        if self.open.time_ms != open_ms:
            return [self.open, minute.opened_at(open_ms)]
        joined = self.open.opened_at(open_ms)
        joined.absorb(minute)
        return [joined]


class CandleStore:
    """All intervals of one coin.

    Prints are put together to candles of `base_ms` first; of `intervals`, none of them shorter, candles are kept.
    `history` may be of any interval; finer intervals than its own have no history, only what prints build from then
    on. If its last candle is still forming, prints of the same minute go on in it (histories of one-minute bars).
    `coarser` histories, in ascending order, may reach further back; their last candles may be forming, too.
    """

    def __init__(
        self,
        coin: str,
        history: Bars | None = None,
        *,
        coarser: Sequence[Bars] = (),
        base_ms: int = MINUTE_MS,
        intervals: Collection[str] = tuple(INTERVALS),
    ) -> None:
        self.coin = coin
        self._base_ms = base_ms
        self._minute: Candle | None = None
        past_ms = MINUTE_MS if history is None else history.interval_ms
        if history is not None and past_ms == base_ms and len(history):
            self._minute = _last_candle(history)
            history = history.slice(0, len(history) - 1)
        reaching = [each for each in intervals if INTERVALS[each] >= past_ms]
        self._series = {
            each: _Series(each, _spliced(history, coarser, each) if each in reaching else None) for each in intervals
        }

    def add(self, time_ms: int, px: Decimal, sz: Decimal) -> None:
        """Take in one print; times never run backwards."""
        minute = self._minute
        open_ms = time_ms - time_ms % self._base_ms
        if minute is None or open_ms > minute.time_ms:
            self._minute = Candle(open_ms, px, px, px, px, sz, 1)
            if minute is not None:
                for series in self._series.values():
                    series.take(minute)
            return
        if px > minute.high:
            minute.high = px
        elif px < minute.low:
            minute.low = px
        minute.close = px
        minute.volume += sz
        minute.trades += 1

    def leap(self, candles: Sequence[Candle]) -> None:
        """Take in whole candles of the base length that follow the newest one, which is over."""
        if not candles:
            return
        over = [*([self._minute] if self._minute is not None else []), *candles[:-1]]
        for series in self._series.values():
            for candle in over:
                series.take(candle)
        self._minute = candles[-1]

    def closed_after(self, interval: str, open_ms: int, count: int) -> list[Candle]:
        """The live candles that are over and opened after that one, ascending, at most the newest `count`."""
        minute, series = self._minute, self._series[interval]
        found: list[Candle] = []
        forming_ms = opening_ms(interval, minute.time_ms) if minute is not None else 0
        newest = [series.open] if series.open is not None and series.open.time_ms < forming_ms else []
        for candle in chain(newest, reversed(series.closed)):
            if candle.time_ms <= open_ms or len(found) == count:
                break
            found.append(candle)
        return found[::-1]

    def snapshot(self, interval: str, start_ms: int, end_ms: int) -> list[Row]:
        """Wire rows, ascending, of the candles that overlap the range: `T >= start_ms` and `t <= end_ms`.

        Only the newest `CANDLES_MAX` candles of an interval exist. The last row may still be forming.
        Source: the API's candleSnapshot.
        """
        series = self._series[interval] if interval in self._series or interval not in INTERVALS else None
        if series is None:
            return []  # nobody was to ask for these
        live = [*series.closed, *series.ahead(self._minute)][-CANDLES_MAX:]
        rows: list[Row] = []
        room = CANDLES_MAX - len(live)
        if series.history is not None and room:
            kept = series.history.slice(max(0, len(series.history) - room), len(series.history))
            rows = self._history_rows(interval, kept, start_ms, end_ms)
        rows += [
            self._live_row(interval, candle)
            for candle in live
            if candle.time_ms <= end_ms and closing_ms(interval, candle.time_ms) >= start_ms
        ]
        return rows

    def current(self, interval: str) -> Row | None:
        """The wire row of the newest candle, None before the first."""
        ahead = self._series[interval].ahead(self._minute)
        return self._live_row(interval, ahead[-1]) if ahead else None

    def last_px(self) -> Decimal | None:
        """The close of the newest candle, None before the first."""
        for series in self._series.values():
            ahead = series.ahead(self._minute)
            if ahead:
                return ahead[-1].close
        return None

    def _history_rows(self, interval: str, bars: Bars, start_ms: int, end_ms: int) -> list[Row]:
        if not len(bars):
            return []
        first_ms = opening_ms(interval, start_ms) if start_ms > 0 else 0
        start = int(np.searchsorted(bars.time_ms, first_ms))
        stop = int(np.searchsorted(bars.time_ms, end_ms, side="right"))
        columns: Sequence[list[Any]] = [column.tolist() for column in bars.slice(start, stop).columns()]
        return [
            {
                "t": time_ms,
                "T": closing_ms(interval, time_ms),
                "s": self.coin,
                "i": interval,
                "o": _float_text(open_),
                "c": _float_text(close),
                "h": _float_text(high),
                "l": _float_text(low),
                "v": _float_text(volume),
                "n": trades,
            }
            for time_ms, open_, high, low, close, volume, trades in zip(*columns, strict=True)
        ]

    def _live_row(self, interval: str, candle: Candle) -> Row:
        return {
            "t": candle.time_ms,
            "T": closing_ms(interval, candle.time_ms),
            "s": self.coin,
            "i": interval,
            "o": _text(candle.open),
            "c": _text(candle.close),
            "h": _text(candle.high),
            "l": _text(candle.low),
            "v": _text(candle.volume),
            "n": candle.trades,
        }


def _spliced(history: Bars | None, coarser: Sequence[Bars], interval: str) -> Bars | None:
    """`history`, and before it what coarser candles, not longer than the interval, tell of the time before.

    Each coarser one gives its closed candles; finer ones go on from where it ends. The first candle of the interval
    is a whole one.
    """
    if history is None or not coarser:
        return history
    fitting = [bars for bars in coarser if bars.interval_ms <= INTERVALS[interval] and len(bars) > 1]
    pieces: list[Bars] = []
    from_ms = 0
    for bars in fitting[::-1]:
        closed = bars.slice(int(np.searchsorted(bars.time_ms, from_ms)), len(bars) - 1)
        if len(closed):
            pieces.append(closed)
            from_ms = int(closed.time_ms[-1]) + bars.interval_ms
    pieces.append(history.slice(int(np.searchsorted(history.time_ms, from_ms)), len(history)))
    columns = zip(*(bars.columns() for bars in pieces), strict=True)
    spliced = Bars(history.interval_ms, *map(np.concatenate, columns))
    times = spliced.time_ms.tolist()
    first = next((row for row, time_ms in enumerate(times) if opening_ms(interval, time_ms) == time_ms), 0)
    return spliced.slice(first, len(spliced))


def exact(value: float) -> Decimal:
    """The decimal that a recording's float was written as (its shortest text)."""
    return Decimal(repr(float(value)))


def _last_candle(bars: Bars) -> Candle:
    time_ms, *prices, trades = (column[-1] for column in bars.columns())
    open_, high, low, close, volume = (exact(price) for price in prices)
    return Candle(int(time_ms), open_, high, low, close, volume, int(trades))


def _float_text(value: float) -> str:
    text = repr(value)  # the wire form already, unless it has an exponent
    return text if "e" not in text else _text(Decimal(text))


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    if "." not in text:
        return text + ".0"
    text = text.rstrip("0")
    return text + "0" if text.endswith(".") else text
