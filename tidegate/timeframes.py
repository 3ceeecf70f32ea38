"""Coarser bars out of finer ones, without a look ahead: after each fine bar only coarse bars that have closed are seen.

Coarse bars are made of the very bars that the strategy is given, so live and backtest see the same. Never reads
anything but its arguments.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from tidegate.model.market import Timeframe

Seen = TypeVar("Seen", pd.Series, pd.DataFrame)

STEP = "step_ms"
"""The attribute of a frame of bars that says how long each is, in milliseconds."""

_HOW = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def step_ms_of(bars: pd.DataFrame) -> int:
    """How long each bar is, in milliseconds: as the frame says itself, or its least distance; 0 where nothing tells."""
    said = bars.attrs.get(STEP)
    if said:
        return int(said)
    opens = opens_ms(bars)
    return int(np.diff(opens).min()) if len(opens) > 1 else 0


def opens_ms(bars: pd.DataFrame) -> np.ndarray:
    """The open times of bars in milliseconds since 1970, UTC."""
    return pd.DatetimeIndex(bars.index).as_unit("ms").asi8


def ratio(timeframe: str, step_ms: int) -> int:
    """How many bars of `step_ms` make one of `timeframe`. Raises ValueError when no whole number of them does."""
    known = [each.value for each in Timeframe]
    if timeframe not in known:
        raise ValueError(f"{timeframe!r} is no timeframe; there are {', '.join(known)}")
    whole, rest = divmod(Timeframe(timeframe).ms, step_ms)
    if rest or not whole:
        raise ValueError(f"bars of {timeframe} cannot be made of bars of {_length(step_ms)}")
    return whole


@dataclass(frozen=True)
class Coarser:
    """`bars`: the coarse bars that are closed after the last fine one, as a frame like that which they are made of."""

    bars: pd.DataFrame
    index: pd.Index
    rows: np.ndarray

    def seen(self, values: Seen) -> Seen:
        """What a column over the coarse bars says after each fine bar: that of the last closed one, or NaN.

        `values`: one row a coarse bar, such as `ema(coarse.bars["close"], 50)`. Raises ValueError for another length.
        """
        if len(values) != len(self.bars):
            raise ValueError(f"one value a coarse bar is needed: {len(self.bars)} bars, {len(values)} values")
        taken = values.reset_index(drop=True).reindex(self.rows)
        taken.index = self.index
        return taken


def coarser(bars: pd.DataFrame, timeframe: str) -> Coarser:
    """The closed bars of a longer timeframe, such as "4h", aligned to 1970 as the exchange's are.

    A first coarse bar that the frame holds only a part of is left out; one with a gap inside is made of what is there.
    Raises ValueError when `timeframe` is no multiple of the bars' own.
    """
    step = step_ms_of(bars)
    if not step:
        return Coarser(bars.iloc[:0], bars.index, np.full(len(bars), -1))
    length = ratio(timeframe, step) * step
    opens = opens_ms(bars)
    bucket = opens // length
    closed_before = (opens + step) // length
    whole = bucket < (closed_before[-1] if len(opens) else 0)
    if len(opens) and opens[0] % length:
        whole &= bucket > bucket[0]
    made = bars.loc[whole, list(_HOW)].groupby(bucket[whole]).agg(_HOW)
    rows = np.searchsorted(made.index.to_numpy(), closed_before, side="left") - 1
    made.index = pd.to_datetime(made.index.to_numpy(np.int64) * length, unit="ms", utc=True)
    made.attrs[STEP] = length
    return Coarser(made, bars.index, rows)


def _length(step_ms: int) -> str:
    return next((each.value for each in Timeframe if each.ms == step_ms), f"{step_ms / 1000:g} s")
