"""What a session left in its database, read as a backtest reads it."""

from pathlib import Path

from tidegate.backtest.engine import wishes_of
from tidegate.backtest.rules import Rules
from tidegate.discovery import load as load_strategy
from tidegate.discovery import read_source
from tidegate.history import History, load
from tidegate.model.settings import Settings
from tidegate.parity.signals import Heard, compared
from tidegate.parity.trades import Way
from tidegate.strategy import Strategy


def strategy_of(settings: Settings) -> Strategy:
    """The strategy that a bot with these settings has."""
    source = read_source(Path(settings.strategy_dir), settings.strategy)
    return load_strategy(source).from_text(dict(settings.strategy_params))


def stored(url: str, venue: str, settings: Settings) -> list[History]:
    """The candles that the session itself has stored, of every coin."""
    return [load(url, coin, settings.timeframe, venue=venue) for coin in settings.coins]


def held_against(way: Way, histories: list[History], settings: Settings) -> Heard:
    """Every signal of a session against the backtest's wishes over what it has stored."""
    strategy = strategy_of(settings)
    wishes = dict(zip(settings.coins, wishes_of(strategy, histories, Rules.of(settings)), strict=True))
    return compared(way, wishes, strategy, settings)
