"""The equity of a run as numbers: returns by day and by month, drawdowns.

A day is a UTC day and every day counts, also one without a bar (its return is 0): this market never closes. Owns the
arithmetic of an equity curve; knows nothing of trades.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from tidegate.backtest.results import Result

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
DAY_MS = 86_400_000
LOOKED_AT = 1000
"""So many bars tell how long one is."""
EQUITY_SETTING = "equity_usd"


class Drawdown(NamedTuple):
    """From a peak to the moment when it is reached again (None: not yet). `depth` is a fraction, negative."""

    peak_ms: int
    valley_ms: int
    recovered_ms: int | None
    depth: float
    days: float


@dataclass(frozen=True)
class Curve:
    """`close_ms[i]` is when bar i closed, `equity[i]` what there was then (USD); before all of them `start` at begin.

    Rows whose equity is not a number are left out; a curve may have no row at all.
    """

    begin_ms: int
    start: float
    close_ms: Times
    equity: Floats

    @property
    def sound(self) -> bool:
        """Whether anything can be said: at least one bar, and money to begin with."""
        return len(self.equity) > 0 and self.start > 0

    @property
    def days(self) -> float:
        """How long the run lasted."""
        return (int(self.close_ms[-1]) - self.begin_ms) / DAY_MS if len(self.close_ms) else 0.0

    def daily(self) -> Floats:
        """The return of each UTC day, the first one against `start`."""
        if not self.sound:
            return np.empty(0)
        first, last = self._days()
        ends = (np.arange(first, last + 1) + 1) * DAY_MS  # a bar that closes at midnight belongs to the day that ends
        at = np.searchsorted(self.close_ms, ends, side="right") - 1
        return returns_of(np.concatenate(([self.start], self.equity[at])))

    def monthly(self) -> dict[tuple[int, int], float]:
        """(year, month) to the return of that month, oldest first."""
        if not self.sound:
            return {}
        first, last = self._days()
        months = np.arange(first, last + 1).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        begins = np.flatnonzero(np.diff(months, prepend=months[0] - 1))
        returns = np.multiply.reduceat(1 + self.daily(), begins) - 1
        return {
            (1970 + month // 12, month % 12 + 1): value
            for month, value in zip(months[begins].tolist(), returns.tolist(), strict=True)
        }

    def underwater(self) -> Floats:
        """How far below its highest value so far the equity was at the close of each bar: fractions, 0 or negative."""
        highest = np.maximum.accumulate(np.concatenate(([self.start], self.equity)))[1:]
        return self.equity / highest - 1.0

    def drawdowns(self, most: int | None = None) -> list[Drawdown]:
        """Every stretch below an earlier peak, or the `most` deepest of them; the deepest first."""
        if not self.sound:
            return []
        times, depths, firsts, afters = self._below()
        lowest = np.minimum.reduceat(depths, firsts) if len(firsts) else np.empty(0)
        order = np.argsort(lowest, kind="stable")[:most]
        return [_drawdown(times, depths, int(firsts[at]), int(afters[at])) for at in order]

    def longest_below_days(self) -> float:
        """The longest time below an earlier peak, from that peak until it is regained, or until the end."""
        if not self.sound:
            return 0.0
        times, _, firsts, afters = self._below()
        ends = times[np.minimum(afters, len(times) - 1)]
        return float(np.max(ends - times[firsts - 1], initial=0)) / DAY_MS

    def _below(self) -> tuple[Times, Floats, Times, Times]:
        """Moments and depths from the begin on; where each stretch below a peak begins, and the first place after."""
        times = np.concatenate(([self.begin_ms], self.close_ms))
        depths = np.concatenate(([0.0], self.underwater()))
        edges = np.diff(np.concatenate(([False], depths < 0, [False])).astype(np.int8))
        return times, depths, np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)

    def _days(self) -> tuple[int, int]:
        """The first and the last UTC day, counted from 1970."""
        return (int(self.close_ms[0]) - 1) // DAY_MS, (int(self.close_ms[-1]) - 1) // DAY_MS


def curve_of(result: Result) -> Curve:
    """The equity of a run as numbers."""
    return curve_from(result.equity["equity"], result)


def held_curve(result: Result) -> Curve:
    """Buy-and-hold of the same coins as numbers."""
    return curve_from(result.benchmark, result)


def curve_from(series: "pd.Series[float]", result: Result) -> Curve:
    """`series` by open time of the bars; where the money began is a setting of the run, else the first value."""
    values: Floats = np.asarray(series, dtype=np.float64)
    opens = milliseconds(series.index)
    sound = np.isfinite(values)
    values, opens = values[sound], opens[sound]
    if not len(values):
        return Curve(result.run.begin_ms, 0.0, opens, values)
    return Curve(int(opens[0]), _start(result, float(values[0])), opens + bar_ms(opens, result), values)


def bar_ms(opens: Times, result: Result) -> int:
    """How long a bar is: the usual distance between two, or all of the run where there is only one."""
    if len(opens) > 1:
        return int(np.median(np.diff(opens[:LOOKED_AT])))
    return max(result.run.end_ms - int(opens[0]), 1) if len(opens) else 1


def milliseconds(index: Any) -> Times:
    """An index of moments (UTC, or without a zone and meant so) as milliseconds."""
    moments = pd.DatetimeIndex(index)
    numbers: Times = moments.as_unit("ms").asi8
    return numbers


def returns_of(values: Floats) -> Floats:
    """From value to value, as fractions. What is gone stays gone: after zero or less every return is 0."""
    before, after = values[:-1], values[1:]
    alive = np.minimum.accumulate(before) > 0
    return np.divide(after, before, out=np.ones_like(after), where=alive) - 1.0


def _start(result: Result, first: float) -> float:
    told = result.run.settings.get(EQUITY_SETTING)
    try:
        start = float(told) if told is not None else first
    except (TypeError, ValueError):
        return first
    return start if start > 0 and np.isfinite(start) else first


def _drawdown(times: Times, depths: Floats, first: int, after: int) -> Drawdown:
    valley = first + int(np.argmin(depths[first:after]))
    recovered = int(times[after]) if after < len(times) else None
    peak = int(times[first - 1])
    end = recovered if recovered is not None else int(times[-1])
    return Drawdown(peak, int(times[valley]), recovered, float(depths[valley]), (end - peak) / DAY_MS)
