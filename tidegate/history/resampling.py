"""Coarser candles from finer ones. Only whole bars: one that lacks its first or last part would lie."""

import pandas as pd

from tidegate.errors import ConfigError
from tidegate.model.market import Timeframe

WEEK_OFFSET = pd.Timedelta(days=4)
"""Weeks begin on Mondays as the exchange's do; the epoch was a Thursday."""
OF_EACH = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def resampled(bars: pd.DataFrame, source: Timeframe, target: Timeframe) -> pd.DataFrame:
    """`bars` of `source` put together to bars of `target`, without the unfinished ones at both ends.

    Raises ConfigError where the one is no multiple of the other.
    """
    if source is target:
        return bars
    if target.ms % source.ms:
        raise ConfigError([f"bars of {source.value} cannot be put together to bars of {target.value}"])
    origin = pd.Timestamp(0, tz="UTC") + (WEEK_OFFSET if target is Timeframe.W1 else pd.Timedelta(0))
    length, part = pd.Timedelta(milliseconds=target.ms), pd.Timedelta(milliseconds=source.ms)
    coarse = bars.resample(length, origin=origin).agg(OF_EACH).dropna(subset=["open"])
    if not len(coarse):
        return coarse
    first, last = bars.index[0], bars.index[-1]
    if coarse.index[0] < first:
        coarse = coarse.iloc[1:]
    if len(coarse) and coarse.index[-1] + length > last + part:
        coarse = coarse.iloc[:-1]
    coarse.index.name = "time"
    return coarse
