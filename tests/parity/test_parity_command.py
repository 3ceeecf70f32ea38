"""The command `parity`: what it prints, keeps and returns."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bot
from tidegate.parity import playing
from tidegate.parity.playing import Report

SPAN = ["--from", "2024-03-04T14:40", "--to", "2024-03-04T15:10", "--timeframe", "1m", "--speed", "0"]
QUICK = ["--param", "fast=3", "--param", "slow=7", "--param", "shorts=true"]


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(bot.app, ["parity", *words], env={"COLUMNS": "200"})
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


def test_it_shows_every_trade_by_every_way_and_why_they_differ(market: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, said = run("ema_cross", "--data", str(market), *SPAN, *QUICK, "--html", str(page))
    assert code == 0, said
    assert "ema_cross on BTC, 1m" in said
    assert "entry price: slippage: backtest the open" in said
    assert "bars, sides and reasons are the same" in said
    assert "UNEXPLAINED" not in said
    assert "entry price: slippage" in page.read_text(encoding="utf-8")


def test_what_nobody_can_explain_is_named_and_makes_exit_code_1(
    market: Path, lively: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = lively.against_backtest[0]._replace(kind="", text="nothing says why")
    monkeypatch.setattr(playing, "compare", lambda *_: replace(lively, against_backtest=(odd,)))
    code, said = run("ema_cross", "--data", str(market), *SPAN)
    assert code == 1
    assert "UNEXPLAINED BTC signal of" in said
    assert "nothing says why" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--data", "nowhere.csv"], "there is no such file"),
        (["--set", "ENTRY=maker"], "ENTRY: parity is shown for entries at the market"),
        (["--set", "TRIM_AT_R=1"], "TRIM_AT_R: a position that is closed in parts"),
        (["--set", "CHECK_INTERVAL=300"], "the bot must look at every bar"),
        (["--to", "2024-03-01"], "it must lie after --from"),
    ],
)
def test_what_cannot_be_compared_is_refused(market: Path, words: list[str], told: str) -> None:
    code, said = run("ema_cross", "--data", str(market), *SPAN, *QUICK, *words)
    assert code == 1
    assert told in said
