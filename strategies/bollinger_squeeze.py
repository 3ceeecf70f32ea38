"""Wait for the calm, then follow the move that ends it: Bollinger bands inside a Keltner channel."""

from dataclasses import dataclass

import pandas as pd

from tidegate.indicators import atr, bollinger, keltner, settled, slope
from tidegate.strategy import Strategy, param, price_text, side_of


@dataclass(frozen=True)
class BollingerSqueeze(Strategy):
    """Long when a squeeze of at least 6 bars ends upwards, out below the middle band; stop two average ranges away."""

    bars: int = param(20, low=5, high=200, meaning="bars of the bands, of the channel and of the average true range")
    deviations: float = param(2.0, low=0.5, high=5, meaning="width of the Bollinger bands in deviations")
    ranges: float = param(1.5, low=0.5, high=5, meaning="width of the Keltner channel in average true ranges")
    least: int = param(6, low=1, high=100, meaning="so many bars the squeeze must have lasted")
    stop_atr: float = param(2.0, low=0.1, high=20, meaning="distance of the stop in average true ranges")
    shorts: bool = param(False, meaning="sell short when a squeeze ends downwards")

    @property
    def warm_up_bars(self) -> int:
        """Until the average range has settled, and a squeeze can have come and gone."""
        return settled(2 * self.bars - 1) + self.least + 1

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """Enter on the first bar after a squeeze, on the side to which the closes lean; leave at the middle."""
        close = bars["close"]
        bands = bollinger(close, self.bars, self.deviations)
        channel = keltner(bars, self.bars, self.ranges, self.bars)
        squeezed = (bands["upper"] < channel["upper"]) & (bands["lower"] > channel["lower"])
        lasted = squeezed.astype(float).rolling(self.least).sum().shift(1) == self.least
        ended, lean, middle = lasted & ~squeezed, slope(close, self.bars), bands["middle"]
        up = ended & (lean > 0) & (close > middle)
        down = ended & (lean < 0) & (close < middle) & self.shorts
        side = side_of(up, down)
        out = ((close < middle) & (side >= 0)) | ((close > middle) & (side < 0))
        distance = self.stop_atr * atr(bars, self.bars)

        def reason(row: int) -> str:
            price, between = price_text(close.iloc[row]), price_text(middle.iloc[row])
            if up.iloc[row]:
                return f"the squeeze of {self.least} bars or more has ended upwards at {price}"
            if down.iloc[row]:
                return f"the squeeze of {self.least} bars or more has ended downwards at {price}"
            if squeezed.iloc[row]:
                return f"squeezed: the bands are inside the channel; close {price}"
            where = "above" if close.iloc[row] > middle.iloc[row] else "not above"
            return f"no squeeze; close {price} is {where} the middle {between}"

        return self.wishes(
            bars,
            long=up,
            short=down,
            flat=out,
            stop=(close - distance).where(~down, close + distance),
            reason=reason,
        )
