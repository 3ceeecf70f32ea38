"""What a strategy may know beside its own bars: the bars of the other coins, without a look ahead. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tidegate.timeframes import opens_ms, step_ms_of

STALE_BARS = 3
"""So old, in bars, what is known of another coin may be."""


@dataclass(frozen=True)
class Market:
    """What is known beside a coin's own bars: `bars` are the closed bars of every coin, its own among them.

    In a backtest they reach beyond the bar that is looked at: take nothing from them but through `seen`.
    """

    coin: str = ""
    bars: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def seen(self, values: pd.Series, bars: pd.DataFrame) -> pd.Series:
        """What a column over another coin's bars said *before* each of `bars` opened; NaN when older than three bars.

        Of the bar before and not of the same: live, the other coin's bar of the same time may come a moment later,
        and a backtest must not know it then.
        """
        if not len(values) or not len(bars):
            return pd.Series(np.nan, index=bars.index)
        opens, theirs = opens_ms(bars), opens_ms(values.to_frame())
        rows = np.searchsorted(theirs, opens, side="left") - 1
        age = opens - theirs[np.maximum(rows, 0)]
        usable = (rows >= 0) & (age <= STALE_BARS * max(step_ms_of(bars), 1))
        taken = values.to_numpy(float)[np.maximum(rows, 0)]
        return pd.Series(np.where(usable, taken, np.nan), index=bars.index)
