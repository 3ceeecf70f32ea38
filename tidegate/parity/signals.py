"""What the strategy said to the bot, held against what it says of the whole history at once.

The bot's strategist sees the newest CANDLE_HISTORY bars, the backtest all of them. Where the answers differ, the
strategy is asked once more about exactly the bars that the bot showed it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import pandas as pd

from tidegate.model.signals import Signal
from tidegate.parity.accounts import Given
from tidegate.parity.trades import Key, Way
from tidegate.strategy import Strategy

CLOSE = 1e-9
LEVELS = ("stop", "take_profit", "trail_by")


class Heard(NamedTuple):
    """How many signals were compared, how many differ only because fewer bars were seen, and those left over."""

    compared: int
    by_window: int
    unexplained: tuple[Key, ...]


def seen_wish(way: Way, key: Key) -> Mapping[str, Decimal | None] | None:
    """The levels that the bot was told with a signal."""
    found = way.signals.get(key)
    return None if found is None else {name: getattr(found[0], name) for name in LEVELS}


def compared(given: Given, way: Way, strategy: Strategy) -> Heard:
    """Every signal that a bot acted on against the same bar's wish of the whole history."""
    by_window, unexplained = 0, []
    for key, (signal, count) in way.signals.items():
        coin, signal_ms = key
        row = given.row(coin, signal_ms)
        if _is_same(signal, dict(given.wishes[coin].iloc[row])):
            continue
        bars = given.bars[coin].bars.iloc[max(row + 1 - count, 0) : row + 1]
        alone = strategy.signals(bars)
        if len(bars) == count and _is_same(signal, dict(alone.iloc[-1])):
            by_window += 1
        else:
            unexplained.append(key)
    return Heard(len(way.signals), by_window, tuple(unexplained))


def _is_same(signal: Signal, wish: Mapping[str, object]) -> bool:
    if str(wish["want"]) != signal.want.value:
        return False
    if signal.want.direction == 0:
        return True
    return all(_is_close(getattr(signal, name), wish.get(name)) for name in LEVELS)


def _is_close(told: Decimal | None, wished: object) -> bool:
    value = float(wished) if isinstance(wished, int | float) else float("nan")
    if told is None or pd.isna(value):
        return told is None and pd.isna(value)
    return abs(float(told) - value) <= CLOSE * abs(value)
