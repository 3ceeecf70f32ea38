"""Follow the breakout: the channel of the last bars' highs and lows."""

from dataclasses import dataclass

import pandas as pd

from tidegate.indicators import atr, donchian_high, donchian_low, settled
from tidegate.strategy import Strategy, param, price_text, side_of


@dataclass(frozen=True)
class DonchianBreakout(Strategy):
    """Long above the high of the last 20 bars, out below the low of the last 10; stop two average ranges away."""

    entry_bars: int = param(20, low=2, high=500, meaning="bars of the channel that a breakout must leave")
    exit_bars: int = param(10, low=2, high=500, meaning="bars of the channel on whose other side it gets out")
    stop_atr: float = param(2.0, low=0.1, high=20, meaning="distance of the stop in average true ranges")
    atr_bars: int = param(14, low=2, high=200, meaning="bars of the average true range")
    shorts: bool = param(False, meaning="sell short below the channel")

    @property
    def warm_up_bars(self) -> int:
        """Until both channels are whole and the average range has settled."""
        return max(self.entry_bars + 1, self.exit_bars + 1, settled(self.atr_bars))

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """Enter on a close outside the channel, leave on a close through the shorter one's other side."""
        close = bars["close"]
        ceiling, floor = donchian_high(bars["high"], self.entry_bars), donchian_low(bars["low"], self.entry_bars)
        exit_ceiling = donchian_high(bars["high"], self.exit_bars)
        exit_floor = donchian_low(bars["low"], self.exit_bars)
        up = close > ceiling
        down = (close < floor) & self.shorts
        side = side_of(up, down)
        out = ((close < exit_floor) & (side >= 0)) | ((close > exit_ceiling) & (side < 0))
        distance = self.stop_atr * atr(bars, self.atr_bars)

        def reason(row: int) -> str:
            price = price_text(close.iloc[row])
            if up.iloc[row]:
                return f"close {price} is above {price_text(ceiling.iloc[row])}, the high of {self.entry_bars} bars"
            if down.iloc[row]:
                return f"close {price} is below {price_text(floor.iloc[row])}, the low of {self.entry_bars} bars"
            if out.iloc[row] and side.iloc[row] < 0:
                return f"close {price} is above {price_text(exit_ceiling.iloc[row])}, the high of {self.exit_bars} bars"
            if out.iloc[row]:
                return f"close {price} is below {price_text(exit_floor.iloc[row])}, the low of {self.exit_bars} bars"
            return f"close {price} is inside {price_text(exit_floor.iloc[row])} to {price_text(ceiling.iloc[row])}"

        return self.wishes(
            bars,
            long=up,
            short=down,
            flat=out,
            stop=(close - distance).where(~down, close + distance),
            reason=reason,
        )
