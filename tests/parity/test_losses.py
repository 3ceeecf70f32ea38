"""When a backtest's loss limits were reached, read off its equity: from then on it entered nothing."""

from pathlib import Path

import pytest
from pairs import LIVELY, ROOT, settings_of

from tidegate.backtest.engine import backtest
from tidegate.backtest.rules import Rules
from tidegate.discovery import load as load_strategy
from tidegate.discovery import read_source
from tidegate.history import load
from tidegate.parity.losses import FOREVER_MS, losses_of


@pytest.mark.parametrize(
    ("limits", "forever"),
    [
        ({"max_daily_loss_pct": 0.4, "max_drawdown_pct": 0.0}, False),
        ({"max_daily_loss_pct": 0.0, "max_drawdown_pct": 0.6}, True),
    ],
)
def test_from_the_moment_at_which_a_limit_was_reached_nothing_was_entered(
    limits: dict[str, float], forever: bool, market: Path
) -> None:
    settings = settings_of(LIVELY)
    strategy = load_strategy(read_source(ROOT / "strategies", LIVELY.strategy)).from_text(dict(LIVELY.parameters))
    history = load(market, "BTC", settings.timeframe)
    result = backtest(strategy, [history], Rules.of(settings, funding=0.0, taker_fee=0.003, **limits))
    (braked,) = losses_of(result)
    opened = [int(each.timestamp() * 1000) for each in result.trades["opened"]]
    assert [each for each in opened if each < braked.from_ms]
    assert not [each for each in opened if braked.from_ms <= each < braked.until_ms]
    assert (braked.until_ms == FOREVER_MS) is forever
    assert ("MAX_DRAWDOWN_PCT" if forever else "MAX_DAILY_LOSS_PCT") in braked.why


def test_without_limits_nothing_was_reached(market: Path) -> None:
    settings = settings_of(LIVELY)
    strategy = load_strategy(read_source(ROOT / "strategies", LIVELY.strategy)).from_text(dict(LIVELY.parameters))
    rules = Rules.of(settings, funding=0.0, max_daily_loss_pct=0.0, max_drawdown_pct=0.0)
    assert losses_of(backtest(strategy, [load(market, "BTC", settings.timeframe)], rules)) == ()
