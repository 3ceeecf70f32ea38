"""Be paid for holding: stand on the side that receives the funding while the other side crowds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tidegate.indicators import atr, ema, settled
from tidegate.strategy import Strategy, param, side_of

HOURS_A_YEAR = 24 * 365
BASIS_POINT = 1e-4


@dataclass(frozen=True)
class FundingCarry(Strategy):
    """Short while longs pay much, long while shorts do, unless the price runs away; stop three average ranges away."""

    enter_bp: float = param(
        0.5, low=0.01, high=50, meaning="enter when the other side pays so many basis points an hour"
    )
    leave_bp: float = param(0.2, low=0, high=50, meaning="leave when they pay less")
    bars: int = param(6, low=1, high=500, meaning="the rate is the mean of so many bars, all of them known")
    trend_bars: int = param(48, low=2, high=500, meaning="bars of the average that says whether the price runs away")
    run_atr: float = param(2.0, low=0, high=50, meaning="no entry so many average ranges on the wrong side of it")
    stop_atr: float = param(3.0, low=0.1, high=20, meaning="distance of the stop in average true ranges")
    atr_bars: int = param(14, low=2, high=200, meaning="bars of the average true range")
    longs: bool = param(True, meaning="buy while shorts pay")

    @property
    def warm_up_bars(self) -> int:
        """Until both averages have settled."""
        return max(settled(self.trend_bars), settled(2 * self.atr_bars - 1), self.bars) + 1

    def problems(self) -> list[str]:
        """It must leave at less than it entered at."""
        if self.leave_bp < self.enter_bp:
            return []
        return [f"leave_bp={self.leave_bp:g} must be less than enter_bp={self.enter_bp:g}"]

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """Enter where the rate pays and the price does not run away; leave when the rate is gone. No rate: nothing."""
        close, ranges = bars["close"], atr(bars, self.atr_bars)
        known = bars["funding"] if "funding" in bars.columns else pd.Series(np.nan, index=bars.index)
        rate = known.rolling(self.bars).mean() / BASIS_POINT
        run = close - ema(close, self.trend_bars)
        down = (rate >= self.enter_bp) & (run < self.run_atr * ranges)
        up = (rate <= -self.enter_bp) & (run > -self.run_atr * ranges) & self.longs
        side = side_of(up, down)
        out = ((rate < self.leave_bp) & (side < 0)) | ((rate > -self.leave_bp) & (side > 0))
        distance = self.stop_atr * ranges

        def reason(row: int) -> str:
            if np.isnan(rate.iloc[row]):
                heard = int(known.iloc[max(row + 1 - self.bars, 0) : row + 1].notna().sum())
                return f"the funding rate is known for {heard} of the last {self.bars} bars"
            a_year = rate.iloc[row] * BASIS_POINT * HOURS_A_YEAR
            said = f"funding {rate.iloc[row]:+.3f} bp an hour ({a_year:+.0%} a year)"
            if abs(rate.iloc[row]) < self.enter_bp or up.iloc[row] or down.iloc[row]:
                return said
            return f"{said}, but the price runs away" if rate.iloc[row] > 0 or self.longs else f"{said}, longs=false"

        return self.wishes(
            bars,
            long=up,
            short=down,
            flat=out,
            stop=(close - distance).where(~down, close + distance),
            reason=reason,
        )
