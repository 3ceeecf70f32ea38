"""The command, as a person runs it."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.backtest.made import market
from tidegate.backtest.results import read
from tidegate.commands.playing import moment
from tidegate.errors import ConfigError
from tidegate.model.market import Timeframe

ROOT = Path(__file__).resolve().parents[2]
MOMENTS = {"2025-01-02": 1735776000000, "2025-01-02T12:00": 1735819200000, "2025-01-02T12:00+02:00": 1735812000000}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "bot.py"), "backtest", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.fixture(name="candles")
def _candles(tmp_path: Path) -> Path:
    folder = tmp_path / "candles"
    folder.mkdir()
    for seed, coin in enumerate(("BTC", "ETH")):
        bars = market(seed, bars=1500, timeframe=Timeframe.H1, coin=coin).bars
        bars.reset_index().to_parquet(folder / f"{coin}_1h.parquet")
    return folder


def test_a_backtest_tells_what_came_of_it_and_keeps_the_run(candles: Path) -> None:
    words = ("--coins", "BTC,ETH", "--timeframe", "1h", "--data", str(candles), "--param", "fast=10")
    ended = run(candles.parent, "ema_cross", *words, "--from", "2025-01-15")
    assert ended.returncode == 0, ended.stderr
    for words_told in (
        "buy and hold",
        "deepest drawdown",
        "fees, USD",
        "report: python bot.py report backtest-ema_cross-",
    ):
        assert words_told in ended.stdout
    result = read("last", candles.parent / "data" / "runs")
    assert result.run.parameters["fast"] == 10
    assert result.run.coins == ("BTC", "ETH")
    assert result.equity.index[0] == pd.Timestamp("2025-01-15", tz="UTC")
    assert (result.trades["opened"] >= result.equity.index[0]).all()


def test_what_is_wrong_with_a_backtest_is_told_in_lines_that_say_what_to_do(candles: Path) -> None:
    words = ("--coins", "BTC,DOGE", "--timeframe", "1h", "--data", str(candles))
    for asked, said in (
        (("nothing", *words), "no such strategy"),
        (("ema_cross", *words), "no candles of DOGE 1h or finer; there: BTC 1h, ETH 1h"),
        (("ema_cross", *words, "--from", "soon"), "not a moment"),
        (("ema_cross", *words, "--param", "fast"), "expected NAME=VALUE"),
    ):
        ended = run(candles.parent, *asked)
        assert ended.returncode == 2
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("text", "at_ms"), MOMENTS.items())
def test_a_moment_is_utc_unless_it_says_otherwise(text: str, at_ms: int) -> None:
    assert moment(text, "--from") == at_ms


def test_no_moment_is_none_and_nonsense_is_refused() -> None:
    assert moment("", "--to") is None
    with pytest.raises(ConfigError, match="--to then: not a moment"):
        moment("then", "--to")
