"""`new-strategy`: the file that it writes is a strategy that trades, and nothing is ever written over."""

import os
import stat
from pathlib import Path

import pytest

import bot
from tests.research.runs import D, settings
from tidegate.commands import given
from tidegate.commands.writing import written
from tidegate.discovery import listing, load, read_source
from tidegate.errors import ConfigError
from tidegate.model.market import Timeframe
from tidegate.research.simulation import simulate

MINUTE_MS = 60_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(given, "STRATEGIES", tmp_path / "strategies")
    return tmp_path / "strategies"


def told(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    monkeypatch.setattr("sys.argv", ["bot.py", *words])
    with pytest.raises(SystemExit) as ended:
        bot.main()
    return ended.value.code


def test_what_it_writes_is_a_sound_strategy_of_that_name(folder, monkeypatch, capsys):
    assert told(monkeypatch, "new-strategy", "my_idea") in (0, None)
    (row,) = listing(folder)
    assert (row.name, row.broken) == ("my_idea", "")
    assert load(read_source(folder, "my_idea")).__name__ == "MyIdea"
    assert "python bot.py --strategy my_idea" in capsys.readouterr().out


def test_what_it_writes_trades_on_the_local_exchange_as_it_stands(folder):
    written(folder, "unedited")
    plan = settings(strategy="unedited", strategy_dir=str(folder))
    ran = simulate(plan, duration_ms=2 * MINUTE_MS)
    assert ran.fills
    hours = settings(
        strategy="unedited", strategy_dir=str(folder), timeframe=Timeframe.M1, check_interval_s=D(60), coins=("BTC",)
    )
    assert simulate(hours, duration_ms=90 * MINUTE_MS).fills


def test_a_file_that_is_there_is_never_written_over(folder, monkeypatch, capsys):
    path = written(folder, "mine")
    path.write_text("precious")
    assert told(monkeypatch, "new-strategy", "mine") == 2
    assert path.read_text() == "precious"
    assert "is there already" in capsys.readouterr().err


def test_a_link_that_leads_nowhere_is_not_followed(folder, tmp_path):
    folder.mkdir()
    (folder / "link.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(ConfigError, match="is there already"):
        written(folder, "link")
    assert not (tmp_path / "elsewhere.py").exists()


@pytest.mark.parametrize("name", ["", "_x", "My", "a-b", "../x", "a/b", "a.py", "class", "1st", "é", "x" * 51, "a\n"])
def test_a_name_that_cannot_be_a_file_of_a_strategy_is_refused(folder, name):
    with pytest.raises(ConfigError, match="is no name for a strategy"):
        written(folder, name)
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_one_clear_line(folder):
    folder.parent.joinpath("strategies").write_text("a file")
    with pytest.raises(ConfigError):
        written(folder, "mine")


def test_others_may_not_write_to_what_it_wrote(folder):
    before = os.umask(0)
    try:
        path = written(folder, "mine")
    finally:
        os.umask(before)
    assert not (path.stat().st_mode | folder.stat().st_mode) & stat.S_IWOTH
