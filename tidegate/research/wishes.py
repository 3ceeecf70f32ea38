"""What a strategy will wish for, bar by bar, known before it is played: asked once for whole histories.

A strategy's row depends on its bars up to that row only (`causality` tells when it does not), so where it will want
nothing can be known ahead. The wishes themselves are asked again, live, whenever one is acted on.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tidegate.discovery import StrategySource
from tidegate.history import History
from tidegate.history.times import in_ms
from tidegate.market import Market
from tidegate.model.settings import Settings
from tidegate.model.signals import Want
from tidegate.regime import Regime, filtered
from tidegate.strategy import Strategy, asked
from tidegate.timeframes import STEP

NEVER_MS = 2**62
FUNDING = "funding"
"""A strategy that speaks of it looks at rates that only the exchange can tell, in its own time."""


class Wishes:
    """When a strategy will want something else than what is: by coin, the closing times of those bars."""

    def __init__(self, histories: Sequence[History], answers: Mapping[str, pd.DataFrame]) -> None:
        self._moments: dict[tuple[str, int], Any] = {}
        for history in histories:
            closes = in_ms(history.bars.index) + history.timeframe.ms
            want = answers[history.coin]["want"].astype(str).to_numpy()
            long, short, flat = (want == each.value for each in (Want.LONG, Want.SHORT, Want.FLAT))
            self._moments[history.coin, 0] = closes[long | short]
            self._moments[history.coin, 1] = closes[short | flat]
            self._moments[history.coin, -1] = closes[long | flat]

    def next_ms(self, coin: str, direction: int, after_ms: int) -> int:
        """When the next bar closes, after a moment, at which a coin held in this direction (0: flat) is acted on."""
        moments = self._moments[coin, direction]
        at = int(np.searchsorted(moments, after_ms, side="right"))
        return int(moments[at]) if at < len(moments) else NEVER_MS


def wishes_of(
    strategy: Strategy, source: StrategySource, histories: Sequence[History], settings: Settings
) -> Wishes | None:
    """The wishes of a strategy for these histories; None where they cannot be known ahead.

    Raises what the strategy raises.
    """
    if FUNDING.encode() in source.source or any(FUNDING in each for each in settings.regime):
        return None
    frames = {each.coin: each.bars.copy(deep=False) for each in histories}
    for history in histories:
        frames[history.coin].attrs[STEP] = history.timeframe.ms
    regime = Regime(settings.regime, settings.regime_bars, settings.regime_buckets)
    answers = {}
    for coin, bars in frames.items():
        market = Market(coin, frames)
        answer = asked(strategy, bars, market)
        answers[coin] = filtered(answer, bars, market, regime) if settings.regime else answer
    return Wishes(histories, answers)
