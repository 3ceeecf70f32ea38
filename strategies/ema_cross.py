"""Follow the trend: two exponential averages of the close and their crossings."""

from dataclasses import dataclass

import pandas as pd

from tidegate.indicators import atr, ema, settled
from tidegate.strategy import Strategy, crossed_above, crossed_below, param, price_text


@dataclass(frozen=True)
class EmaCross(Strategy):
    """Long when the fast average crosses above the slow one, out while it is below; stop two average ranges away."""

    fast: int = param(12, low=2, high=200, meaning="bars of the fast average")
    slow: int = param(26, low=3, high=500, meaning="bars of the slow average")
    stop_atr: float = param(2.0, low=0.1, high=20, meaning="distance of the stop in average true ranges")
    atr_bars: int = param(14, low=2, high=200, meaning="bars of the average true range")
    shorts: bool = param(False, meaning="sell short when the fast average crosses below")

    @property
    def warm_up_bars(self) -> int:
        """Until the slow average has forgotten its first bar, and one more to see a crossing."""
        return settled(max(self.slow, self.atr_bars)) + 1

    def problems(self) -> list[str]:
        """The fast average must be the faster one."""
        if self.fast < self.slow:
            return []
        return [f"fast={self.fast} must be less than slow={self.slow}"]

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """Enter at a crossing; without shorts, being below is reason enough to be out."""
        fast, slow = ema(bars["close"], self.fast), ema(bars["close"], self.slow)
        up, down = crossed_above(fast, slow), crossed_below(fast, slow)
        distance = self.stop_atr * atr(bars, self.atr_bars)

        def reason(row: int) -> str:
            verb = "crossed" if up.iloc[row] or down.iloc[row] else "is"
            side = "above" if fast.iloc[row] > slow.iloc[row] else "below"
            one, other = price_text(fast.iloc[row]), price_text(slow.iloc[row])
            return f"EMA {self.fast} ({one}) {verb} {side} EMA {self.slow} ({other})"

        return self.wishes(
            bars,
            long=up,
            short=down if self.shorts else None,
            flat=None if self.shorts else fast < slow,
            stop=(bars["close"] - distance).where(~down, bars["close"] + distance),
            reason=reason,
        )
