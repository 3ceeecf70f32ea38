"""Indicators that are safe to trade on, over the library `ta`.

Each takes series and gives a series on the same index: NaN until it has enough bars, row *i* from rows up to *i*
only, and defined again once a NaN in the input has passed. Raw, `ta` 0.11 gives an average range of 0.0 while it
warms up (a stop at the entry price), crashes on frames shorter than the window, and lets one NaN poison what follows.
Never reads anything but its arguments.
"""

from collections.abc import Callable

import pandas as pd
from ta.momentum import RSIIndicator
from ta.trend import EMAIndicator, SMAIndicator
from ta.volatility import BollingerBands, DonchianChannel

SETTLING_SPANS = 4


def settled(span: int) -> int:
    """Bars after which an exponential average of `span` bars has forgotten where it began.

    The first bar then weighs less than a thousandth: (1 - 2 / (span + 1)) ** (4 * span) < e**-8 = 0.0004.
    """
    return SETTLING_SPANS * span


def ema(series: pd.Series, bars: int) -> pd.Series:
    """Exponential moving average, alpha = 2 / (bars + 1), beginning at the first value; NaN for bars - 1 rows."""
    return _guarded(series, bars, lambda sound: EMAIndicator(sound, bars).ema_indicator())


def sma(series: pd.Series, bars: int) -> pd.Series:
    """Simple moving average of the last `bars` values."""
    return _guarded(series, bars, lambda sound: SMAIndicator(sound, bars).sma_indicator())


def rsi(series: pd.Series, bars: int = 14) -> pd.Series:
    """Relative strength index after Wilder, 0 to 100; 50 where the price never moved. NaN for `bars` rows."""

    def compute(sound: pd.Series) -> pd.Series:
        index: pd.Series = RSIIndicator(sound, bars).rsi()
        # ta calls a market without a single loss 100, also one that has not moved at all.
        unmoved = sound.diff().abs().cumsum().fillna(0.0) == 0
        return index.mask(unmoved, 50.0).where(_position(sound) >= bars)

    return _guarded(series, bars + 1, compute)


def atr(bars_frame: pd.DataFrame, bars: int = 14) -> pd.Series:
    """Average true range after Wilder: the mean of the first `bars` ranges, then smoothed by 1 / bars.

    `bars_frame` needs high, low and close. The recurrence is `ta`'s AverageTrueRange (held to it by a test) without
    its Python loop, which takes 25 ms for 5,000 bars.
    """
    sound = bars_frame[["high", "low", "close"]].dropna()
    if bars < 1 or len(sound) < bars:
        return _nothing(bars_frame.index)
    before = sound["close"].shift(1)
    ranges = pd.concat(
        [sound["high"] - sound["low"], (sound["high"] - before).abs(), (sound["low"] - before).abs()], axis=1
    ).max(axis=1)
    seeded = ranges.iloc[bars - 1 :].copy()
    seeded.iloc[0] = ranges.iloc[:bars].mean()
    return seeded.ewm(alpha=1 / bars, adjust=False).mean().reindex(bars_frame.index)


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


def _position(series: pd.Series) -> pd.Series:
    return pd.Series(range(len(series)), index=series.index)


def _nothing(index: pd.Index) -> pd.Series:
    return pd.Series(float("nan"), index=index)
