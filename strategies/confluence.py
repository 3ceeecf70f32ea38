"""Trade where several views agree: a weighted score of trend, momentum, volatility, volume, order book and funding."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tidegate.indicators import atr, ema, keltner, rsi, settled, sma, volume_flow
from tidegate.strategy import Strategy, coarser, crossed_above, crossed_below, param, side_of

DIMENSIONS = ("trend", "momentum", "volatility", "volume", "book", "funding")
TREND_ATR = 1.5
"""So many average ranges between the averages are a full score."""
MOMENTUM_POINTS = 20
VOLUME_FLOW = 0.5
FUNDING_RATE = 1e-4
NONE = "none"


@dataclass(frozen=True)
class Confluence(Strategy):
    """Long when the score of up to six views rises above 0.5, out below 0.1; the score scales the size."""

    trend: float = param(1.0, low=0, high=10, meaning="weight of the trend: two averages, in average ranges apart")
    momentum: float = param(1.0, low=0, high=10, meaning="weight of the momentum: the RSI's distance from 50")
    volatility: float = param(1.0, low=0, high=10, meaning="weight of the place of the close in its volatility channel")
    volume: float = param(1.0, low=0, high=10, meaning="weight of the volume: that of rising less that of falling bars")
    book: float = param(0.5, low=0, high=10, meaning="weight of the order book's imbalance, where it is known")
    funding: float = param(0.5, low=0, high=10, meaning="weight of the funding, against the crowd, where it is known")
    enter: float = param(0.5, low=0.05, high=0.95, meaning="enter when the score rises above this")
    leave: float = param(0.1, low=-0.9, high=0.9, meaning="leave when the score falls below this")
    full: float = param(0.8, low=0.1, high=1, meaning="the score that gives the full size")
    size_min: float = param(0.4, low=0.05, high=1, meaning="part of the full size at the score of an entry")
    fast: int = param(12, low=2, high=200, meaning="bars of the fast average")
    slow: int = param(48, low=3, high=500, meaning="bars of the slow average")
    bars: int = param(20, low=5, high=200, meaning="bars of the channel and of the volume; the RSI and ranges use 14")
    higher: str = param(
        NONE,
        choices=(NONE, "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d"),
        meaning="enter only with the trend of this longer timeframe",
    )
    higher_bars: int = param(20, low=2, high=200, meaning="bars of the longer timeframe's average")
    stop_atr: float = param(2.5, low=0.1, high=20, meaning="distance of the stop in average true ranges")
    min_bars: int = param(300, low=1, high=5000, meaning="it says nothing before there are so many bars")
    shorts: bool = param(False, meaning="sell short when the score falls below minus the same")

    @property
    def warm_up_bars(self) -> int:
        """Until every average has settled, and not before `min_bars`."""
        return max(self.min_bars, settled(self.slow) + 1, settled(self.bars) + 1, settled(27) + 1)

    @property
    def coarse_bars(self) -> dict[str, int]:
        """Those of the longer timeframe's average, if one is chosen."""
        return {} if self.higher == NONE else {self.higher: self.higher_bars}

    def problems(self) -> list[str]:
        """Levels and averages must be in order, and at least four views must count."""
        found = []
        if self.fast >= self.slow:
            found.append(f"fast={self.fast} must be less than slow={self.slow}")
        if not self.leave < self.enter < self.full:
            found.append(f"leave={self.leave:g} < enter={self.enter:g} < full={self.full:g} must hold")
        counting = sum(getattr(self, name) > 0 for name in DIMENSIONS)
        if counting < 4:
            found.append(f"{counting} of the weights {', '.join(DIMENSIONS)} are above 0; at least 4 must be")
        return found

    def views(self, bars: pd.DataFrame) -> pd.DataFrame:
        """One column a dimension, each -1 (speaks for short) to +1 (for long); NaN where it is not known."""
        close, ranges = bars["close"], atr(bars, 14)
        moving = ranges.where(ranges > 0)
        channel = keltner(bars, self.bars, 2.0, 14)
        reach = channel["upper"] - channel["middle"]
        nothing = pd.Series(np.nan, index=bars.index)
        views = {
            "trend": (ema(close, self.fast) - ema(close, self.slow)) / moving / TREND_ATR,
            "momentum": (rsi(close, 14) - 50) / MOMENTUM_POINTS,
            "volatility": (close - channel["middle"]) / reach.where(reach > 0),
            "volume": volume_flow(bars, self.bars) / VOLUME_FLOW,
            "book": bars.get("imbalance", nothing),
            # Who pays is the crowd: a high rate speaks against being long.
            "funding": -bars.get("funding", nothing) / FUNDING_RATE,
        }
        return pd.DataFrame({name: view.clip(-1.0, 1.0) for name, view in views.items()}, columns=list(DIMENSIONS))

    def score(self, views: pd.DataFrame) -> pd.Series:
        """The weighted mean of the views that are known, -1 to 1; NaN where less than three that count are known."""
        weights = pd.Series({name: float(getattr(self, name)) for name in DIMENSIONS})
        counting = views.loc[:, weights > 0]
        weights = weights[weights > 0]
        known = counting.notna()
        total = (known * weights).sum(axis=1)
        return ((counting * weights).sum(axis=1) / total.where(total > 0)).where(known.sum(axis=1) >= 3)

    def size(self, score: pd.Series) -> pd.Series:
        """The part of the full size: grows with the score's distance from 0 and never beyond 1."""
        share = (score.abs() - self.enter) / (self.full - self.enter)
        return self.size_min + (1 - self.size_min) * share.clip(0.0, 1.0)

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """Enter when the score crosses its level, with the longer timeframe; leave when it has faded."""
        close, views = bars["close"], self.views(bars)
        score = self.score(views)
        above = self._higher(bars)
        free = self.higher == NONE
        up = crossed_above(score, self.enter) & ((above > 0) | free)
        down = crossed_below(score, -self.enter) & ((above < 0) | free) & self.shorts
        side = side_of(up, down)
        out = ((score < self.leave) & (side >= 0)) | ((score > -self.leave) & (side < 0))
        distance = self.stop_atr * atr(bars, 14)
        return self.wishes(
            bars,
            long=up,
            short=down,
            flat=out,
            stop=(close - distance).where(~down, close + distance),
            size_fraction=self.size(score).fillna(self.size_min),
            reason=lambda row: self._reason(views.iloc[row], score.iloc[row], above.iloc[row]),
        )

    def _higher(self, bars: pd.DataFrame) -> pd.Series:
        """+1 where the longer timeframe's last closed bar is above its average, -1 below, NaN not known or asked."""
        if self.higher == NONE:
            return pd.Series(np.nan, index=bars.index)
        coarse = coarser(bars, self.higher)
        close = coarse.bars["close"]
        return coarse.seen(pd.Series(np.sign(close - sma(close, self.higher_bars)), index=close.index))

    def _reason(self, views: pd.Series, score: float, above: float) -> str:
        counting = [name for name in DIMENSIONS if getattr(self, name) > 0]
        told = ", ".join(f"{name} {views[name]:+.2f}" for name in counting if np.isfinite(views[name]))
        missing = [name for name in counting if not np.isfinite(views[name])]
        text = f"score {score:+.2f}: {told}" if np.isfinite(score) else f"no score: {told or 'nothing is known'}"
        if missing:
            text += f"; left out, not known: {', '.join(missing)}"
        if self.higher != NONE:
            text += f"; {self.higher} {'above' if above > 0 else 'not above'} its average"
        return text
