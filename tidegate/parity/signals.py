"""What the strategy said to the bot, held against what it says of the whole history at once.

The bot's strategist sees the newest CANDLE_HISTORY bars, and knows what the exchange tells besides (the funding rate);
the backtest sees all bars and those columns only that it was given. Where the answers differ, the strategy is asked
once more by the strategist's own code about exactly what the bot showed it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import pandas as pd

from tidegate.model.intents import Evaluate
from tidegate.model.market import Candle
from tidegate.model.settings import Settings
from tidegate.model.signals import Signal
from tidegate.parity.trades import Key, Way
from tidegate.regime import Regime
from tidegate.strategist.evaluator import Evaluator
from tidegate.strategist.messages import Answered
from tidegate.strategy import Strategy

CLOSE = 1e-9
LEVELS = ("stop", "take_profit", "trail_by")
WINDOW, FUNDING = "it saw its newest bars only", "it knew the funding rate"


class Heard(NamedTuple):
    """How many signals were compared; those that differ, with the proved cause; those that nothing explains."""

    compared: int
    otherwise: Mapping[Key, str]
    unexplained: tuple[Key, ...]


def seen_wish(way: Way, key: Key) -> Mapping[str, Decimal | None] | None:
    """The levels that the bot was told with a signal."""
    found = way.signals.get(key)
    return None if found is None else {name: getattr(found[0], name) for name in LEVELS}


def compared(way: Way, wishes: Mapping[str, pd.DataFrame], strategy: Strategy, settings: Settings) -> Heard:
    """Every signal that a bot was given against the same bar's wish of the whole history."""
    differing = {key for key, (signal, _) in way.signals.items() if not _is_same(signal, _wish(wishes[key[0]], key[1]))}
    otherwise = _proved(way, differing, strategy, settings) if differing else {}
    return Heard(len(way.signals), otherwise, tuple(sorted(differing - otherwise.keys())))


def asked_again(
    shown: Sequence[Evaluate], strategy: Strategy, settings: Settings, only: "set[int] | None" = None
) -> list[tuple[Evaluate, Signal | None]]:
    """What the strategy answers to all that a strategist was shown, in order; `only` these places are asked about."""
    regime = Regime(settings.regime, settings.regime_bars, settings.regime_buckets)
    evaluator = Evaluator(strategy, settings.strategy, settings.candle_history, regime)
    found: list[tuple[Evaluate, Signal | None]] = []
    for place, wish in enumerate(shown):
        if only is not None and place not in only:
            evaluator.add(wish)
            continue
        answer = evaluator.evaluate(wish)
        found.append((wish, answer.signal if isinstance(answer, Answered) else None))
    return found


def _proved(way: Way, differing: "set[Key]", strategy: Strategy, settings: Settings) -> dict[Key, str]:
    places: dict[int, Key] = {}
    for place, wish in enumerate(way.shown):
        key = (wish.coin, _newest(wish.candles).open_ms - way.shift_ms)
        if key in differing:
            places[place] = key
    answers = asked_again(way.shown, strategy, settings, set(places))
    found: dict[Key, str] = {}
    for (wish, signal), key in zip(answers, places.values(), strict=True):
        if signal is not None and signal == way.signals[key][0]:
            found[key] = FUNDING if wish.funding is not None else WINDOW
    return found


def _newest(candles: Sequence[Candle]) -> Candle:
    return max(candles, key=lambda candle: candle.open_ms)


def _wish(wishes: pd.DataFrame, signal_ms: int) -> Mapping[str, object]:
    """What the whole history wishes at a bar; empty where it lacks that bar."""
    bar = pd.Timestamp(signal_ms, unit="ms", tz="UTC")
    return dict(wishes.loc[bar]) if bar in wishes.index else {}


def _is_same(signal: Signal, wish: Mapping[str, object]) -> bool:
    if str(wish.get("want")) != signal.want.value:
        return False
    if signal.want.direction == 0:
        return True
    share = wish.get("size_fraction")
    same_share = abs(float(signal.size_fraction) - (float(share) if isinstance(share, int | float) else 1.0)) <= CLOSE
    return same_share and all(_is_close(getattr(signal, name), wish.get(name)) for name in LEVELS)


def _is_close(told: Decimal | None, wished: object) -> bool:
    value = float(wished) if isinstance(wished, int | float) else float("nan")
    if told is None or pd.isna(value):
        return told is None and pd.isna(value)
    return abs(float(told) - value) <= CLOSE * abs(value)
