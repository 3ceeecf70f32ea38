"""What a bot stores while it trades is enough for a backtest to have the same signals, and the same entries."""

from decimal import Decimal
from pathlib import Path

import pytest
from pairs import ROOT
from stored_candles import held_against, stored, strategy_of

from tidegate.backtest.engine import play
from tidegate.backtest.rules import Rules
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.market import Timeframe
from tidegate.model.settings import Settings
from tidegate.parity.following import followed
from tidegate.parity.signals import asked_again
from tidegate.parity.trades import Way, of_backtest
from tidegate.research.simulation import VENUE, Simulation, simulate

HOUR_MS = 3_600_000
D = Decimal


def settings_of(strategy: str, **parameters: str) -> Settings:
    return Settings(
        coins=("BTC",),
        timeframe=Timeframe.M1,
        check_interval_s=D(60),
        strategy=strategy,
        strategy_params=parameters,
        strategy_dir=str(ROOT / "strategies"),
    )


def session(settings: Settings, market: Path, url: str | None = None) -> tuple[Simulation, Way]:
    choice = MarketChoice(replay=(market,), start="2024-03-04T14:40")
    run = simulate(settings, choice, duration_ms=HOUR_MS, ledger_url=url)
    return run, followed("simulation", run.journal, shift_ms=0, until_ms=run.start_ms + HOUR_MS)


@pytest.mark.parametrize(
    ("strategy", "parameters"),
    [
        ("ema_cross", {"fast": "4", "slow": "9", "shorts": "true"}),
        ("donchian_breakout", {"entry_bars": "8", "exit_bars": "4", "shorts": "true"}),
    ],
)
def test_a_backtest_over_the_database_of_a_session_has_its_signals_and_entries(
    strategy: str, parameters: dict[str, str], market: Path, tmp_path: Path
) -> None:
    settings, url = settings_of(strategy, **parameters), f"sqlite:///{tmp_path / 'tidegate.db'}"
    run, way = session(settings, market, url)
    histories = stored(url, VENUE, settings)
    heard = held_against(way, histories, settings)
    assert heard.compared >= 59
    assert not heard.otherwise
    assert not heard.unexplained
    rules = Rules.of(settings, funding=0.0)
    again = of_backtest(play(strategy_of(settings), histories, rules, begin_ms=run.start_ms).result, histories)
    entered = [(trade.key, trade.direction) for trade in way.trades if trade.signal_ms >= run.start_ms]
    assert entered
    assert set(entered) <= {(trade.key, trade.direction) for trade in again.trades}


def test_what_a_journal_says_that_the_strategy_was_shown_gives_every_signal_again_funding_included(
    market: Path,
) -> None:
    settings = settings_of("confluence", shorts="true", enter="0.3", min_bars="1")
    _run, way = session(settings, market)
    told = {key: signal for key, (signal, _) in way.signals.items()}
    answers = asked_again(way.shown, strategy_of(settings), settings)
    assert {wish.funding for wish, _ in answers} - {None}, "the funding rate was heard"
    again = {(wish.coin, wish.candles[-1].open_ms): signal for wish, signal in answers if signal is not None}
    assert len(told) > 50
    assert {key: again[key] for key in told} == told
    assert way.trades
