"""Bet on the return to the middle: the relative strength index after an excess."""

from dataclasses import dataclass

import pandas as pd

from tidegate.indicators import atr, rsi, settled
from tidegate.strategy import Strategy, crossed_above, crossed_below, param, side_of


@dataclass(frozen=True)
class RsiReversion(Strategy):
    """Long when the RSI comes back above 30, out at 50; stop two average ranges away."""

    bars: int = param(14, low=2, high=200, meaning="bars of the RSI and of the average true range")
    oversold: float = param(30.0, low=1, high=49, meaning="buy when the RSI rises above this")
    overbought: float = param(70.0, low=51, high=99, meaning="with shorts, sell when the RSI falls below this")
    middle: float = param(50.0, low=2, high=98, meaning="leave when the RSI is back here")
    stop_atr: float = param(2.0, low=0.1, high=20, meaning="distance of the stop in average true ranges")
    shorts: bool = param(False, meaning="sell short after an excess upwards")

    @property
    def warm_up_bars(self) -> int:
        """Until Wilder's averages have settled: smoothing by 1/n equals an exponential span of 2n - 1."""
        return settled(2 * self.bars - 1) + 2

    def problems(self) -> list[str]:
        """The middle must lie between the two extremes."""
        if self.oversold < self.middle < self.overbought:
            return []
        extremes = f"oversold={self.oversold:g} and overbought={self.overbought:g}"
        return [f"middle={self.middle:g} must lie between {extremes}"]

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """Enter when the excess ends, not while it lasts; leave in the middle."""
        close, strength = bars["close"], rsi(bars["close"], self.bars)
        up = crossed_above(strength, self.oversold)
        down = crossed_below(strength, self.overbought) & self.shorts
        side = side_of(up, down)
        out = ((strength >= self.middle) & (side >= 0)) | ((strength <= self.middle) & (side < 0))
        distance = self.stop_atr * atr(bars, self.bars)

        def reason(row: int) -> str:
            value = f"RSI {self.bars} ({strength.iloc[row]:.1f})"
            if up.iloc[row]:
                return f"{value} came back above {self.oversold:g}"
            if down.iloc[row]:
                return f"{value} came back below {self.overbought:g}"
            return f"{value} is {'above' if strength.iloc[row] >= self.middle else 'below'} {self.middle:g}"

        return self.wishes(
            bars,
            long=up,
            short=down,
            flat=out,
            stop=(close - distance).where(~down, close + distance),
            reason=reason,
        )
