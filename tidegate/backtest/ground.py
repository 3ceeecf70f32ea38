"""The ground on which a strategy is played: candles and funding of all coins as arrays on one time axis.

It is the same for every set of parameters, so the last one is kept: a search makes it once. Knows no strategy and no
account.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tidegate.backtest.kernel import shapes
from tidegate.backtest.rules import Funding
from tidegate.errors import ConfigError
from tidegate.history import History
from tidegate.history.times import in_ms
from tidegate.remembered import COPY_ON_WRITE, memory_of
from tidegate.strategy import BAR_COLUMNS

PRICES = BAR_COLUMNS[:4]
HOUR_MS = 3_600_000


class Ground(NamedTuple):
    """Candles of all coins on `axis` (open times, UTC; `at_ms` the same as numbers), as the kernel takes them.

    `rows`: where the bars of each coin lie on the axis, None where they are all of it. `prices`: the closes, a column
    a coin. `frames`: the bars; as long as they are held here, who writes into his own gets other memory.
    """

    axis: pd.DatetimeIndex
    at_ms: np.ndarray
    rows: tuple[Any, ...]
    candles: Any
    prices: pd.DataFrame
    frames: tuple[pd.DataFrame, ...]
    worths: dict[int, "pd.Series[float]"]

    def held(self, begin: int, equity: float) -> "pd.Series[float]":
        """Buy-and-hold from bar `begin` on, USD: as much in each coin, from its first open on, without costs."""
        if begin not in self.worths:
            self.worths.clear()
            self.worths[begin] = _held(self.candles, begin, self.axis)
        return self.worths[begin] * equity


_KEPT: dict[Any, Ground] = {}


def ground_of(histories: Sequence[History], funding: Funding) -> Ground:
    """The ground of these histories, one time frame; the one made last if it is that of the very same memory."""
    key = tuple((each.coin, each.timeframe, *_memory(each.bars)) for each in histories)
    constant = isinstance(funding, int | float)
    if constant and (found := _KEPT.get((key, funding))):
        return found
    axis = _axis(histories)
    at_ms = in_ms(axis)
    rows = tuple(None if len(each.bars) == len(axis) else axis.get_indexer(each.bars.index) for each in histories)
    candles = _candles(histories, rows, at_ms, funding)
    closes = pd.DataFrame(candles.close.T, index=axis, columns=[each.coin for each in histories], copy=False)
    frames = tuple(each.bars.copy(deep=False) for each in histories)
    ground = Ground(axis, at_ms, rows, candles, closes, frames, {})
    _KEPT.clear()
    if constant and COPY_ON_WRITE:
        _KEPT[key, funding] = ground
    return ground


def _memory(bars: pd.DataFrame) -> tuple[Any, ...]:
    """Where the numbers of a frame lie."""
    assert isinstance(bars.index, pd.DatetimeIndex)
    arrays = [bars.index.asi8, *(bars[name].to_numpy() for name in PRICES)]
    return tuple(memory_of(each) for each in arrays)


def _axis(histories: Sequence[History]) -> pd.DatetimeIndex:
    axis = histories[0].bars.index
    for each in histories[1:]:
        if not each.bars.index.equals(axis):
            axis = axis.union(each.bars.index)
    assert isinstance(axis, pd.DatetimeIndex)
    return axis


def spread(values: Sequence[np.ndarray], rows: Sequence[Any], bars: int, missing: float) -> np.ndarray:
    """One row a coin on the common axis; no copy where there is nothing to put together."""
    if len(values) == 1 and rows[0] is None:
        return np.ascontiguousarray(values[0]).reshape(1, -1)
    table = np.full((len(values), bars), missing, dtype=values[0].dtype)
    for coin, (each, at) in enumerate(zip(values, rows, strict=True)):
        table[coin, slice(None) if at is None else at] = each
    return table


def _candles(histories: Sequence[History], rows: Sequence[Any], at_ms: np.ndarray, funding: Funding) -> Any:
    prices = [
        spread([each.bars[name].to_numpy(dtype=float) for each in histories], rows, len(at_ms), np.nan)
        for name in PRICES
    ]
    at_open, inside = _funding([each.coin for each in histories], at_ms, histories[0].timeframe.ms, funding)
    opened, high, low, close = prices
    return shapes.Candles(at_ms, opened, high, low, close, at_open, inside)


def _funding(coins: Sequence[str], at_ms: np.ndarray, bar_ms: int, rates: Funding) -> tuple[np.ndarray, np.ndarray]:
    """What longs pay at the open of each bar, and at the hours within it; (coins, 0) where a bar has none inside."""
    at_open = np.zeros((len(coins), len(at_ms)))
    hours = bar_ms // HOUR_MS
    inside = np.zeros((len(coins), len(at_ms) if hours > 1 else 0))
    on_hour = at_ms % HOUR_MS == 0
    for coin, name in enumerate(coins):
        given = rates if isinstance(rates, int | float) else rates.get(name, 0.0)
        if isinstance(given, int | float):
            at_open[coin, on_hour] = given
            inside[coin] = given * (hours - 1) if hours > 1 else 0.0
            continue
        # The exchange's own stamps lie some milliseconds behind the hour.
        hour = in_ms(given.index) // HOUR_MS
        known = pd.Series(given.to_numpy(float), index=hour).groupby(level=0).last()
        first = at_ms // HOUR_MS
        at_open[coin] = np.where(on_hour, known.reindex(first).fillna(0.0).to_numpy(), 0.0)
        if hours > 1:
            total = np.concatenate([[0.0], known.to_numpy().cumsum()])
            stamps = known.index.to_numpy()
            ends = np.searchsorted(stamps, first + hours)
            inside[coin] = total[ends] - total[np.searchsorted(stamps, first + 1)]
    return at_open, inside


def _held(candles: Any, begin: int, axis: pd.DatetimeIndex) -> "pd.Series[float]":
    """What one dollar becomes; in cash before a coin's first open."""
    count, bars = candles.close.shape
    total = np.zeros(bars)
    for coin in range(count):
        opened, close = candles.open[coin], candles.close[coin]
        there = np.flatnonzero(~np.isnan(opened[begin:])) + begin
        if len(there):
            worth = close / opened[there[0]]
            worth[: there[0]] = 1.0
            if len(there) < bars - there[0]:
                worth = pd.Series(worth).ffill().to_numpy()
            total += worth
        else:
            total += 1.0
    total /= count
    return pd.Series(total, index=axis, name="benchmark", copy=False)


def finer_of(histories: Sequence[History], finer: Mapping[str, History], at_ms: np.ndarray) -> Any:
    """The finer candles of the histories' coins, and which of them lie in which bar. Raises ConfigError."""
    none = np.zeros(0)
    if not finer:
        return shapes.Finer(np.zeros((len(histories), 0), np.int64), np.zeros(0, np.int64), none, none, none, none)
    first = np.zeros((len(histories), len(at_ms) + 1), np.int64)
    tables: list[pd.DataFrame] = []
    before = 0
    for coin, history in enumerate(histories):
        bars = finer[history.coin].bars if history.coin in finer else history.bars.iloc[:0]
        if history.coin in finer and finer[history.coin].timeframe.ms >= history.timeframe.ms:
            raise ConfigError([f"{history.coin}: candles of {finer[history.coin].timeframe.value} are not finer"])
        fine_ms = in_ms(bars.index)
        ends = np.append(at_ms, at_ms[-1] + history.timeframe.ms)
        first[coin] = before + np.searchsorted(fine_ms, ends)
        before += len(bars)
        tables.append(bars)
    whole = pd.concat(tables)
    time_ms = in_ms(whole.index)
    columns = [np.ascontiguousarray(whole[name].to_numpy(dtype=float)) for name in PRICES]
    return shapes.Finer(first, time_ms, *columns)
