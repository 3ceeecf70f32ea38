"""Indicators that are safe to trade on, over the library `ta`.

Each takes series and gives a series on the same index: NaN until it has enough bars, row *i* from rows up to *i*
only, and defined again once a NaN in the input has passed. Raw, `ta` 0.11 gives an average range of 0.0 while it
warms up (a stop at the entry price), crashes on frames shorter than the window, and lets one NaN poison what follows.
Never reads anything but its arguments.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from ta.momentum import RSIIndicator
from ta.trend import EMAIndicator, SMAIndicator
from ta.volatility import BollingerBands, DonchianChannel

from tidegate.remembered import remembered

SETTLING_SPANS = 4
NOISE = 1e-9


def settled(span: int) -> int:
    """Bars after which an exponential average of `span` bars has forgotten where it began.

    The first bar then weighs less than a thousandth: (1 - 2 / (span + 1)) ** (4 * span) < e**-8 = 0.0004.
    """
    return SETTLING_SPANS * span


@remembered()
def ema(series: pd.Series, bars: int) -> pd.Series:
    """Exponential moving average, alpha = 2 / (bars + 1), beginning at the first value; NaN for bars - 1 rows."""
    return _guarded(series, bars, lambda sound: EMAIndicator(sound, bars).ema_indicator())


@remembered()
def sma(series: pd.Series, bars: int) -> pd.Series:
    """Simple moving average of the last `bars` values."""
    return _guarded(series, bars, lambda sound: SMAIndicator(sound, bars).sma_indicator())


@remembered()
def rsi(series: pd.Series, bars: int = 14) -> pd.Series:
    """Relative strength index after Wilder, 0 to 100; 50 where the price never moved. NaN for `bars` rows."""

    def compute(sound: pd.Series) -> pd.Series:
        index: pd.Series = RSIIndicator(sound, bars).rsi()
        # ta calls a market without a single loss 100, also one that has not moved at all.
        unmoved = sound.diff().abs().cumsum().fillna(0.0) == 0
        return index.mask(unmoved, 50.0).where(_position(sound) >= bars)

    return _guarded(series, bars + 1, compute)


@remembered("high", "low", "close")
def atr(bars_frame: pd.DataFrame, bars: int = 14) -> pd.Series:
    """Average true range after Wilder: the mean of the first `bars` ranges, then smoothed by 1 / bars.

    `bars_frame` needs high, low and close. The recurrence is `ta`'s AverageTrueRange (held to it by a test) without
    its Python loop, which takes 25 ms for 5,000 bars.
    """
    sound = _sound_rows(bars_frame, ("high", "low", "close"))
    if bars < 1 or len(sound) < bars:
        return _nothing(bars_frame.index)
    return _wilder_mean(_ranges(sound), bars).reindex(bars_frame.index)


def true_range(bars_frame: pd.DataFrame) -> pd.Series:
    """The range of each bar including the jump from the close before; the first bar's is high less low."""
    return _of_rows(bars_frame, ("high", "low", "close"), 1, _ranges)


def adx(bars_frame: pd.DataFrame, bars: int = 14) -> pd.DataFrame:
    """Average directional index after Wilder, 0 to 100: columns plus, minus (the two directions) and adx.

    The directions are NaN for `bars` rows, the index for 2 * bars - 1. Begins as TA-Lib's does; `ta`'s is 0.0 while it
    warms up, and NaN for good after one NaN.
    """
    names = ("plus", "minus", "adx")
    sound = _sound_rows(bars_frame, ("high", "low", "close"))
    if bars < 2 or len(sound) < bars + 1:
        return pd.DataFrame({name: _nothing(bars_frame.index) for name in names})
    up, down = sound["high"].diff(), -sound["low"].diff()
    plus_moves, minus_moves = up.where((up > down) & (up > 0), 0.0), down.where((down > up) & (down > 0), 0.0)
    ranges = _wilder_sum(_ranges(sound), bars)
    plus, minus = (_share(_wilder_sum(moves, bars), ranges) for moves in (plus_moves, minus_moves))
    strength = _share((plus - minus).abs(), plus + minus)
    return pd.DataFrame({"plus": plus, "minus": minus, "adx": _wilder_mean(strength, bars)}).reindex(bars_frame.index)


def keltner(bars_frame: pd.DataFrame, bars: int = 20, ranges: float = 2.0, atr_bars: int = 10) -> pd.DataFrame:
    """Keltner channel: columns lower, middle, upper; an exponential average, and so many average true ranges."""
    middle, reach = ema(bars_frame["close"], bars), ranges * atr(bars_frame, atr_bars)
    return pd.DataFrame({"lower": middle - reach, "middle": middle.where(reach.notna()), "upper": middle + reach})


def stochastic(bars_frame: pd.DataFrame, bars: int = 14) -> pd.Series:
    """Where a close stands from the lowest low to the highest high of `bars` bars: 0 to 100, 50 if they are one."""

    def compute(sound: pd.DataFrame) -> pd.Series:
        lowest, highest = sound["low"].rolling(bars).min(), sound["high"].rolling(bars).max()
        height = highest - lowest
        return (100 * (sound["close"] - lowest) / height.where(height > 0)).mask(height == 0, 50.0)

    return _of_rows(bars_frame, ("high", "low", "close"), bars, compute)


def obv(bars_frame: pd.DataFrame) -> pd.Series:
    """On-balance volume: the volume of rising bars less that of falling ones, summed from the first bar on.

    Only its differences mean anything: its level depends on where the frame begins. A bar that closes where the one
    before did counts nothing (`ta` counts it as rising).
    """

    def compute(sound: pd.DataFrame) -> pd.Series:
        steps = _signed_volume(sound)
        steps.iloc[0] = sound["volume"].iloc[0]
        return steps.cumsum()

    return _of_rows(bars_frame, ("close", "volume"), 1, compute)


def volume_flow(bars_frame: pd.DataFrame, bars: int = 20) -> pd.Series:
    """The part of the last bars' volume that rising bars had, less that of falling ones: -1 to 1; 0 without volume."""

    def compute(sound: pd.DataFrame) -> pd.Series:
        total = sound["volume"].rolling(bars).sum()
        # A running sum that should be nothing again is not quite: what is left of it is no volume.
        some = total > NOISE * sound["volume"].cummax()
        flow = _signed_volume(sound).rolling(bars).sum() / total.where(some)
        return flow.mask(~some, 0.0).clip(-1.0, 1.0).where(_position(flow) >= bars)

    return _of_rows(bars_frame, ("close", "volume"), bars + 1, compute)


def zscore(series: pd.Series, bars: int = 20) -> pd.Series:
    """How many (population) deviations of the last `bars` values a value lies from their mean; 0 where none moved."""

    def compute(sound: pd.Series) -> pd.Series:
        window = sound.rolling(bars)
        deviation, mean = window.std(ddof=0), window.mean()
        moved = deviation > NOISE * mean.abs()
        return ((sound - mean) / deviation.where(moved)).mask(~moved & mean.notna(), 0.0)

    return _guarded(series, bars, compute)


def roc(series: pd.Series, bars: int = 10) -> pd.Series:
    """Rate of change over `bars` bars in per cent."""
    return _guarded(series, bars + 1, lambda sound: 100 * (sound / sound.shift(bars) - 1))


def slope(series: pd.Series, bars: int = 20) -> pd.Series:
    """The slope a bar of the straight line that fits the last `bars` values best (least squares)."""

    def compute(sound: pd.Series) -> pd.Series:
        middle = (bars - 1) / 2
        # Against the newest value, so that a high price does not cost digits.
        rises = sum((((middle - lag) * (sound.shift(lag) - sound)) for lag in range(1, bars)), start=0.0 * sound)
        return rises / (bars * (bars * bars - 1) / 12)

    return _guarded(series, bars, compute) if bars > 1 else _nothing(series.index)


def donchian_high(high: pd.Series, bars: int) -> pd.Series:
    """The highest high of the `bars` bars *before* each bar, which a close can therefore exceed."""
    return _guarded(
        high, bars + 1, lambda sound: DonchianChannel(sound, sound, sound, bars, offset=1).donchian_channel_hband()
    )


def donchian_low(low: pd.Series, bars: int) -> pd.Series:
    """The lowest low of the `bars` bars *before* each bar."""
    return _guarded(
        low, bars + 1, lambda sound: DonchianChannel(sound, sound, sound, bars, offset=1).donchian_channel_lband()
    )


def macd(series: pd.Series, fast: int = 12, slow: int = 26, signal: int = 9) -> pd.DataFrame:
    """Moving average convergence divergence: columns macd, signal, histogram; NaN until each is whole."""
    line = ema(series, fast) - ema(series, slow)
    smooth = ema(line, signal)
    return pd.DataFrame({"macd": line, "signal": smooth, "histogram": line - smooth})


def bollinger(series: pd.Series, bars: int = 20, deviations: float = 2.0) -> pd.DataFrame:
    """Bollinger bands: columns lower, middle, upper; population deviation of the last `bars` values."""

    def compute(sound: pd.Series) -> pd.DataFrame:
        bands = BollingerBands(sound, bars, deviations)
        return pd.DataFrame(
            {
                "lower": bands.bollinger_lband(),
                "middle": bands.bollinger_mavg(),
                "upper": bands.bollinger_hband(),
            }
        )

    sound = series.dropna()
    if bars < 1 or len(sound) < bars:
        return pd.DataFrame({name: _nothing(series.index) for name in ("lower", "middle", "upper")})
    return compute(sound).reindex(series.index)


def _guarded(series: pd.Series, least: int, compute: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Compute over the rows that hold a number; NaN where there is none, and all NaN when they are too few."""
    sound = series.dropna()
    if least < 1 or len(sound) < least:
        return _nothing(series.index)
    return compute(sound).reindex(series.index)


def _of_rows(
    bars_frame: pd.DataFrame, columns: tuple[str, ...], least: int, compute: Callable[[pd.DataFrame], pd.Series]
) -> pd.Series:
    """Compute over the rows in which every column holds a number; NaN elsewhere, and when they are too few."""
    sound = _sound_rows(bars_frame, columns)
    if least < 1 or len(sound) < least:
        return _nothing(bars_frame.index)
    return compute(sound).reindex(bars_frame.index)


def _sound_rows(bars_frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """The rows in which every one of the columns holds a number; the frame itself where all do."""
    if any(bars_frame[name].hasnans for name in columns):
        return bars_frame[list(columns)].dropna()
    return bars_frame


def _ranges(sound: pd.DataFrame) -> pd.Series:
    high, low, close = (sound[name].to_numpy(float) for name in ("high", "low", "close"))
    ranges = high - low
    np.fmax(ranges[1:], np.abs(high[1:] - close[:-1]), out=ranges[1:])
    np.fmax(ranges[1:], np.abs(low[1:] - close[:-1]), out=ranges[1:])
    return pd.Series(ranges, index=sound.index, copy=False)


def _signed_volume(sound: pd.DataFrame) -> pd.Series:
    step = sound["close"].diff()
    return sound["volume"].where(step > 0, 0.0) - sound["volume"].where(step < 0, 0.0)


def _wilder_mean(series: pd.Series, bars: int) -> pd.Series:
    """The mean of the first `bars` numbers, then smoothed by 1 / bars."""
    sound = series.dropna() if series.hasnans else series
    if len(sound) < bars:
        return _nothing(series.index)
    seeded = sound.iloc[bars - 1 :].copy()
    seeded.iloc[0] = sound.iloc[:bars].mean()
    smooth = seeded.ewm(alpha=1 / bars, adjust=False).mean()
    if len(sound) < len(series):
        return smooth.reindex(series.index)
    whole = np.full(len(series), np.nan)  # the same without looking half a million times up by name
    whole[bars - 1 :] = smooth.to_numpy()
    return pd.Series(whole, index=series.index, copy=False)


def _wilder_sum(series: pd.Series, bars: int) -> pd.Series:
    """Wilder's running sum over `bars` as TA-Lib begins it: bars - 1 steps from the second row on, then smoothed."""
    seeded = series.iloc[bars - 1 :] * bars
    seeded.iloc[0] = series.iloc[1:bars].sum()
    return seeded.ewm(alpha=1 / bars, adjust=False).mean().iloc[1:].reindex(series.index)


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    """A part in per cent of the whole; 0 of nothing."""
    return (100 * part / whole.where(whole > 0)).mask(whole <= 0, 0.0)


def _position(series: pd.Series) -> pd.Series:
    return pd.Series(range(len(series)), index=series.index)


def _nothing(index: pd.Index) -> pd.Series:
    return pd.Series(float("nan"), index=index)
