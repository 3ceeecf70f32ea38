"""What a strategy will wish for, bar by bar, known before it is played: asked once for whole histories.

A strategy's row depends on its bars up to that row only (`causality` tells when it does not), so what it will wish is
known ahead, as in a backtest. A live bot keeps CANDLE_HISTORY bars: an average that remembers more may differ by a
little there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tidegate.discovery import StrategySource
from tidegate.history import History
from tidegate.history.times import in_ms
from tidegate.market import Market
from tidegate.model.intents import Evaluate, Note
from tidegate.model.settings import Settings
from tidegate.model.signals import Signal, Want
from tidegate.ports import Clock, Facts
from tidegate.regime import Regime, filtered
from tidegate.strategist.door import signal_of
from tidegate.strategist.inline import fact_of, notes_of
from tidegate.strategist.messages import Answered
from tidegate.strategy import WISH_COLUMNS, Strategy, asked, reason_at
from tidegate.timeframes import STEP

NEVER_MS = 2**62
TOLD = ("funding", "imbalance")
"""A strategy that speaks of these looks at what only the exchange can tell, in its own time."""


class Wishes:
    """What a strategy will want, by coin and bar, and when that is something else than what is."""

    def __init__(self, histories: Sequence[History], answers: Mapping[str, pd.DataFrame]) -> None:
        self._moments: dict[tuple[str, int], Any] = {}
        self._answers = answers
        self._columns: dict[str, dict[str, Any]] = {}
        self._opens = {each.coin: in_ms(each.bars.index) for each in histories}
        for history in histories:
            closes = in_ms(history.bars.index) + history.timeframe.ms
            answer = answers[history.coin]
            columns = {name: answer[name] for name in WISH_COLUMNS if name in answer.columns and name != "reason"}
            self._columns[history.coin] = {
                name: (column.astype(str) if name == "want" else column).to_numpy() for name, column in columns.items()
            }
            want = answers[history.coin]["want"].astype(str).to_numpy()
            long, short, flat, add = (want == each.value for each in (Want.LONG, Want.SHORT, Want.FLAT, Want.ADD))
            self._moments[history.coin, 0] = closes[long | short | add]
            self._moments[history.coin, 1] = closes[short | flat | add]
            self._moments[history.coin, -1] = closes[long | flat | add]

    def bars_until(self, coin: str, open_ms: int) -> int:
        """How many bars there are up to and with the one that opened then."""
        return int(np.searchsorted(self._opens[coin], open_ms, side="right"))

    def row(self, coin: str, row: int) -> dict[str, object]:
        """The wishes of one bar, as the bot's door takes them."""
        wished: dict[str, object] = {name: column[row] for name, column in self._columns[coin].items()}
        return wished | {"reason": reason_at(self._answers[coin], row)}

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
    said = (source.source.decode("utf-8", "replace"), *settings.regime)
    if any(word in each for word in TOLD for each in said):
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


class KnownStrategist:
    """Takes the strategist's place where all wishes are known: the answer about a candle is looked up.

    `limit` is how many bars the bot keeps, `needed` how many the strategy asks for before it says anything.
    """

    def __init__(
        self, wishes: Wishes, needed: int, limit: int, facts: Facts, clock: Clock, note: Callable[[Note], None]
    ) -> None:
        self._wishes, self._needed, self._limit = wishes, needed, limit
        self._facts, self._clock, self._note = facts, clock, note

    def submit(self, wish: Evaluate) -> None:
        """Put the fact now."""
        last = wish.candles[-1]
        seen = self._wishes.bars_until(wish.coin, last.open_ms)
        signal: Signal | None = None
        complaints: tuple[str, ...] = ()
        if seen >= self._needed:
            signal, complaints = signal_of(self._wishes.row(wish.coin, seen - 1), last.close)
        bars = min(seen, self._limit)
        answer = Answered(
            coin=wish.coin, candle_open_ms=last.open_ms, bars=bars, signal=signal, complaints=complaints, took_ms=0.0
        )
        self._facts.put(fact_of(answer, self._clock.now_ms()))
        for note in notes_of(answer):
            self._note(note)

    def forget(self, coins: Iterable[str]) -> None:
        """Nothing is kept."""
