"""The scripted history: quiet hours that end in one five-minute candle that crosses the averages.

Owns what must hold for a strategy that reads only closed five-minute candles: in the last one EMA 12 crosses above
EMA 26 and the close breaks out of the last twenty candles; for a good while before, nothing crosses. Pure functions
of a seed; a draw that misses a condition is drawn again.
"""

import numpy as np

from tidegate.localnet.markets.candles import MINUTE_MS, Bars, fold
from tidegate.localnet.markets.house import Grid
from tidegate.localnet.markets.regimes import Array, Weather, finished, history, seeded

FAST, SLOW, CHANNEL = 12, 26, 20
MINUTES = 5  # of one candle
QUIET_CANDLES = 96  # eight hours; the first of them let the averages forget what was before
NO_CROSS_CANDLES = 34  # candles before the last in which the fast average stays below
SLIDE = -0.00007  # the quiet hours' drift a candle: it keeps the fast average below the slow one
NOISE, NOISE_MEMORY = 0.0007, 0.4
WICK = 0.0009  # mean length of a wick, as a share of the price
GAP_AFTER = 0.0005  # how far the averages stand apart after the cross, as a share of the price
GAP_BEFORE = 0.00008  # and at least before it
BREAKOUT = 0.001  # how far the last close clears the twenty candles' high
WINDOWS = (60, 100, 200, 300, 500, 1000)  # candles a client may have asked for; more change nothing
DRAWS_MAX = 200
STILL_CANDLES = 3  # coins that must not cross have no cross in this many last candles


def gaps(close: Array) -> Array:
    """Fast minus slow average (recursive, started at the first close) as a share of the last price."""
    distance = np.empty(len(close))
    fast = slow = float(close[0])
    for index, price in enumerate(close.tolist()):
        fast += (price - fast) * 2 / (FAST + 1)
        slow += (price - slow) * 2 / (SLOW + 1)
        distance[index] = fast - slow
    return distance / float(close[-1])


def history_with_cross(grid: Grid, factor: Weather, end_ms: int, seed: int) -> Bars:
    """One-minute bars up to `end_ms`, a five-minute boundary, whose last five minutes are the crossing candle."""
    before_ms = end_ms - QUIET_CANDLES * MINUTES * MINUTE_MS
    older = factor.first(factor.minutes - QUIET_CANDLES * MINUTES)
    for draw in range(DRAWS_MAX):
        rng = seeded(seed, "crossing", draw)
        candles = _quiet_candles(rng, grid.reference_px)
        minutes = _minutes(candles)
        recent = finished(grid, rng, end_ms, minutes)
        past = history(grid, older, float(recent.open[0]), before_ms, seed)
        joined = Bars(past.interval_ms, *map(np.concatenate, zip(past.columns(), recent.columns(), strict=True)))
        if crosses_only_last(fold(joined, "5m")):
            return joined
    raise AssertionError(f"seed {seed}: no crossing history in {DRAWS_MAX} draws")


def history_without_cross(grid: Grid, factor: Weather, end_ms: int, seed: int) -> Bars:
    """One-minute bars up to `end_ms` at the coin's reference price, without a cross in the last candles."""
    for draw in range(DRAWS_MAX):
        bars = history(grid, factor, grid.reference_px, end_ms, seed, draw)
        close = fold(bars, "5m").close
        if all(_still(gaps(close[-window:])) for window in WINDOWS):
            return bars
    raise AssertionError(f"seed {seed}, {grid.coin}: no history without a cross in {DRAWS_MAX} draws")


def crosses_only_last(candles: Bars) -> bool:
    """Say whether the last candle, and none for long before, crosses up; and breaks out. True for every window."""
    channel = float(candles.high[-CHANNEL - 1 : -1].max())
    if candles.close[-1] < channel * (1 + BREAKOUT):
        return False
    for window in WINDOWS:
        distance = gaps(candles.close[-window:])
        if distance[-1] < GAP_AFTER / 2 or distance[-NO_CROSS_CANDLES - 1 : -1].max() > -GAP_BEFORE:
            return False
    return True


def _still(distance: Array) -> bool:
    last = np.sign(distance[-STILL_CANDLES - 1 :])
    return bool((last == last[0]).all() and last[0] != 0)


def _quiet_candles(rng: np.random.RandomState, last_px: float) -> tuple[Array, Array, Array, Array]:
    noise = np.zeros(QUIET_CANDLES)
    for index in range(1, QUIET_CANDLES - 1):
        noise[index] = NOISE_MEMORY * noise[index - 1] + NOISE * rng.standard_normal()
    close = 1.0 + SLIDE * np.arange(QUIET_CANDLES) + noise
    close[-1] = close[-2]
    flat_gap = gaps(close)[-1]
    close[-1] += (GAP_AFTER - flat_gap) / (2 / (FAST + 1) - 2 / (SLOW + 1))
    open_ = np.concatenate(([1.0], close[:-1]))
    above, below = rng.gamma(2.0, WICK / 2, QUIET_CANDLES), rng.gamma(2.0, WICK / 2, QUIET_CANDLES)
    above[-1], below[-1] = WICK / 3, WICK / 3
    high, low = np.maximum(open_, close) + above, np.minimum(open_, close) - below
    scale = last_px / close[-1]
    return open_ * scale, high * scale, low * scale, close * scale


def _minutes(candles: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
    """Each candle walked in five minutes: open, the nearer extreme, the other one, close."""
    columns: list[list[float]] = [[], [], [], []]
    for open_, high, low, close in zip(*(column.tolist() for column in candles), strict=True):
        first, second = (high, low) if high - open_ < open_ - low else (low, high)
        turns = np.array([open_, first, second, close])
        at = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(turns)))))
        ends = np.interp(np.linspace(0.0, at[-1], MINUTES + 1), at, turns)
        for minute in range(MINUTES):
            from_, to = at[-1] * minute / MINUTES, at[-1] * (minute + 1) / MINUTES
            inside = turns[(at >= from_) & (at <= to)].tolist()
            seen = [float(ends[minute]), float(ends[minute + 1]), *inside]
            columns[0].append(seen[0])
            columns[1].append(max(seen))
            columns[2].append(min(seen))
            columns[3].append(seen[1])
    open_column, high_column, low_column, close_column = (np.array(column) for column in columns)
    return open_column, high_column, low_column, close_column
