"""The command `simulate`: a run like any other, with every print or without."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import bot
from tests.research.stretches import Market
from tidegate.backtest.results import Result, read

MARKET = Market(8, 110, ("SOL",))
WORDS = "simulate ema_cross --coins SOL --timeframe 1m --param fast=3 --param slow=8 --param atr_bars=5"


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("candles") / "SOL_1m.parquet"
    MARKET.histories()[0].bars.reset_index().to_parquet(path)
    return path


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, candles: Path, *more: str) -> tuple[str, Result]:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(bot.app, [*WORDS.split(), "--data", str(candles), *more])
    assert done.exit_code == 0, done.output
    return done.output, read("last", folder / "data" / "runs")


def test_a_simulation_leaves_a_run_whose_trades_and_equity_add_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, candles: Path
) -> None:
    output, result = run(monkeypatch, tmp_path, candles)
    assert "python bot.py report" in output
    assert result.run.kind == "simulate"
    assert result.run.settings["latency_ms"] == 50
    trades, equity = result.trades, result.equity["equity"]
    assert len(trades)
    assert set(trades["reason"]) <= {"stop_loss", "take_profit", "signal", "end"}
    parts = trades["gross"] - trades["fees"] - trades["funding"] - trades["slippage"]
    assert (parts - trades["net"]).abs().max() < 1e-9
    assert equity.iloc[-1] == pytest.approx(10_000 + trades["net"].sum(), abs=0.01)


def test_every_print_gives_the_same_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, candles: Path) -> None:
    for name in ("passed", "every"):
        (tmp_path / name).mkdir()
    _, passed = run(monkeypatch, tmp_path / "passed", candles)
    _, every = run(monkeypatch, tmp_path / "every", candles, "--every-print")
    assert passed.trades.equals(every.trades)
    assert passed.equity.equals(every.equity)
    assert passed.run.id == every.run.id


def test_a_coin_that_no_localnet_lists_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, candles: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "ZRO_1m.parquet"
    elsewhere.write_bytes(candles.read_bytes())
    words = ["simulate", "ema_cross", "--coins", "ZRO", "--timeframe", "1m", "--data", str(elsewhere)]
    done = CliRunner().invoke(bot.app, words)
    assert done.exit_code != 0
    assert "does not list" in str(done.exception) + done.output
