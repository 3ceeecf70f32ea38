"""A newcomer's path, as the quickstart tells it: write a strategy, change three lines, backtest, report, trade it."""

import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running import ROOT, Running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

CHANGED = {"param(12,": "param(8,", "param(26,": "param(34,", "param(2.0,": "param(3.0,"}
PATIENCE_S = 300


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The program as somebody has just fetched it, nothing compiled, no candles, no settings."""
    for name in ("bot.py", "hyperliquid_websocket.py"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("tidegate", "strategies"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture(scope="module")
def told() -> list[list[str]]:
    """The commands of the quickstart's page on a strategy of one's own, in words."""
    text = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    (part,) = re.findall(r"^## \d+\. Your own strategy\n(.*?)^## ", text, flags=re.DOTALL | re.MULTILINE)
    return [
        line.split() for block in re.findall(r"```\n(.*?)```", part, flags=re.DOTALL) for line in block.splitlines()
    ]


@contextmanager
def typed(folder: Path, line: list[str]) -> Iterator[Running]:
    """A line as it is typed, variables in front of it included."""
    environ = dict(word.split("=", 1) for word in line[: line.index("python")])
    words = line[line.index("bot.py") + 1 :]
    process = Running(folder, environ=environ, command=[sys.executable, str(folder / "bot.py"), *words])
    try:
        yield process
    finally:
        process.stop()


def screen_of(folder: Path, line: list[str]) -> str:
    with typed(folder, line) as process:
        assert process.ends(PATIENCE_S) == 0, process.screen
    return process.screen


def test_three_changed_lines_are_backtested_reported_and_traded(checkout: Path, told: list[list[str]]) -> None:
    write, backtest, report, trade = told
    assert "strategies/mine.py" in screen_of(checkout, write)
    file = checkout / "strategies" / "mine.py"
    text = file.read_text()
    for before, after in CHANGED.items():
        assert text.count(before) == 1
        text = text.replace(before, after)
    file.write_text(text)

    shown = screen_of(checkout, backtest)
    assert "parameters: fast=8, slow=34, stop_atr=3.0" in shown
    assert "made up by chance" in shown
    assert int(re.search(r"trades +([\d,]+)", shown)[1].replace(",", "")) > 30  # type: ignore[index]
    page = checkout / screen_of(checkout, report).split(": open it")[0]
    assert "mine on BTC, ETH, SOL" in page.read_text(encoding="utf-8")
    assert "The candles are made up" in page.read_text(encoding="utf-8")
    assert {path.name for path in (page.parent / "pictures").glob("*.png")} >= {"equity.png", "trades.png"}

    with typed(checkout, trade) as bot:
        bot.wait_for(r"\[strategist\] mine fast=8 slow=34 stop_atr=3.0")
        bot.wait_for(r"\[decision\] BTC long: average .* the slow one")
        bot.wait_for(r"\[fill\] BTC buy ")
        bot.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
        bot.wait_for(r"\[exit\] BTC closed by stop_loss")
        bot.send(signal.SIGINT)
        assert bot.ends() == 0, bot.screen
    assert "Traceback" not in bot.screen
