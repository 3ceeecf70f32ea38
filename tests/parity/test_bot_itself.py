"""The bot over real sockets on a fast replay trades as the simulation does; `make parity` shows it on the crashes."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from pairs import CANDLES, LIVELY, PAIRS, Pair, played
from stored_candles import held_against, stored

from tidegate.model.settings import Settings
from tidegate.parity.comparing import listed
from tidegate.parity.playing import Report
from tidegate.parity.replayed import words_of
from tidegate.storage.database import open_for_reading

pytestmark = pytest.mark.e2e

ALL = os.environ.get("PARITY") == "all"
needs_recordings = pytest.mark.skipif(not CANDLES.is_dir(), reason="the shared recordings are not on this machine")
only_when_asked = pytest.mark.skipif(not ALL, reason="make parity plays the crashes by the bot itself")
SLOWER = 3


def judged(report: Report) -> None:
    backtest, simulation, bot = report.ways
    assert simulation.trades
    assert report.unexplained == []
    assert listed(report.given, bot) == listed(report.given, simulation)
    assert report.heard["bot"].compared >= report.heard["simulation"].compared - 5
    unclear = {trade.key for trade in backtest.trades if trade.ambiguous}
    otherwise = {each.key for each in report.against_backtest if each.kind == "intrabar path"}
    assert otherwise <= unclear, "the path was blamed although the bar tells what came first"


def with_patience(pair: Pair, paths: Mapping[str, Path], folder: Path) -> Report:
    """Play and judge. On a machine that is busy an order may come a print later: then the replay is given more time."""
    for place, slower in enumerate((1, SLOWER)):
        own = folder / str(place)
        own.mkdir()
        report = played(pair, paths, own, pair.speed / slower)
        if report.identical or report.unexplained:
            break
    if not ALL and not report.identical and not report.unexplained:
        late = ", ".join(sorted({each.text for each in report.against_bot if each.kind == "latency"}))
        pytest.skip(f"this machine is too busy to answer between two prints, each time proved: {late}")
    judged(report)
    return report


def reproduced(report: Report, url: str) -> bool:
    """Whether the candles that the bot stored give every signal that it acted on."""
    bot, settings = report.ways[-1], report.given.settings
    ((venue,),) = _rows(url, "SELECT DISTINCT venue FROM ledgers")
    histories = stored(url, str(venue), settings)
    shift_ms = bot.shift_ms
    moved = replace(bot, signals={(coin, at_ms + shift_ms): each for (coin, at_ms), each in bot.signals.items()})
    heard = held_against(moved, histories, settings)
    return heard.compared > 10 and not heard.otherwise and not heard.unexplained


def _rows(url: str, question: str) -> list[tuple[object, ...]]:
    database = open_for_reading(url)
    try:
        return [tuple(row) for row in database.rows(question, {})]
    finally:
        database.close()


def test_on_a_made_up_market_the_bot_and_the_simulation_have_identical_trades(market: Path, tmp_path: Path) -> None:
    parameters = {"fast": "3", "slow": "7", "shorts": "true", "stop_atr": "1"}
    pair = replace(LIVELY, begin="2024-03-04T11:34", end="2024-03-04T11:44", parameters=parameters, speed=60.0)
    report = with_patience(pair, {"BTC": market}, tmp_path)
    own = sorted(tmp_path.glob("*/data/tidegate.db"))[-1]
    assert reproduced(report, f"sqlite:///{own}"), "a backtest over the bot's own database has other signals"
    assert {trade.reason for trade in report.ways[-1].trades} >= {"signal", "stop_loss"}


@needs_recordings
@only_when_asked
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("name", PAIRS)
def test_in_a_recorded_crash_simulation_and_bot_have_identical_trades_and_the_backtest_explained_ones(
    name: str, tmp_path: Path
) -> None:
    with_patience(PAIRS[name], PAIRS[name].paths, tmp_path)


def test_the_settings_that_are_not_the_defaults_are_handed_on_as_a_user_writes_them() -> None:
    plan = Settings(coins=("BTC",), check_interval_s=Settings().check_interval_s * 2, strategy_params={"fast": "4"})
    assert words_of(plan) == ["STRATEGY_PARAMS=fast=4", "CHECK_INTERVAL=600"]
