from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import bot
from tests.reports.samples import by_chance
from tidegate.backtest.results import save
from tidegate.errors import ConfigError
from tidegate.reports.comparison import differences
from tidegate.reports.search import search_of


@pytest.fixture
def ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two runs of two kinds in data/runs of a folder of one's own; their ids, the last one made last."""
    monkeypatch.chdir(tmp_path)
    found = []
    for seed in (1, 2):
        kind = ("backtest", "simulate")[seed - 1]
        result = by_chance(days=10, seed=seed, kind=kind, parameters={"fast": seed})
        save(*result)
        found.append(result.run.id)
    return found


def said(*words: str) -> str:
    ended = CliRunner().invoke(bot.app, list(words), catch_exceptions=False, env={"COLUMNS": "200"})
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_report_writes_the_page_and_the_pictures_beside_the_run(ids: list[str]) -> None:
    assert f"data/runs/{ids[0]}/report.html" in said("report", ids[0])
    assert Path(f"data/runs/{ids[0]}/pictures/equity.png").is_file()


def test_the_last_run_is_reported_when_none_is_named(ids: list[str]) -> None:
    assert ids[1] in said("report")
    assert ids[1] in said("report", "last")


def test_a_run_is_named_by_the_beginning_of_its_id_or_by_its_folder(ids: list[str]) -> None:
    assert ids[0] in said("report", ids[0][:-1])
    Path("elsewhere").mkdir()
    folder = Path("data/runs", ids[0]).rename(Path("elsewhere", ids[0]))
    assert str(folder / "report.html") in said("report", str(folder))


def test_report_writes_where_it_is_told_to(ids: list[str], tmp_path: Path) -> None:
    said("report", ids[0], "--out", str(tmp_path / "mine"), "--seed", "3")
    assert (tmp_path / "mine" / "report.html").is_file()
    assert not Path("data/runs", ids[0], "report.html").exists()


def test_the_trials_of_a_search_are_read_and_can_be_told_instead(ids: list[str]) -> None:
    pd.DataFrame({"fast": [1, 2, 3], "value": [0.1, 0.2, 0.3]}).to_parquet(f"data/runs/{ids[0]}/trials.parquet")
    said("report", ids[0])
    page = Path(f"data/runs/{ids[0]}/report.html")
    assert "lower edge of what was tried" in page.read_text()
    assert 'id="parameters"' in page.read_text()
    said("report", ids[0], "--tried", "4321")
    assert "4,321" in page.read_text()


def test_trials_that_cannot_be_read_are_told_with_their_file(ids: list[str]) -> None:
    Path(f"data/runs/{ids[0]}/trials.parquet").write_bytes(b"broken")
    with pytest.raises(ConfigError, match=r"trials\.parquet"):
        search_of(Path("data/runs", ids[0]))


def test_an_unknown_run_is_refused_with_those_that_are_there(ids: list[str]) -> None:
    with pytest.raises(ConfigError, match=ids[0]):
        said("report", "nothing")


def test_a_place_that_cannot_be_written_is_one_clear_line(ids: list[str]) -> None:
    Path("file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        said("report", ids[0], "--out", "file/below")


def test_compare_prints_the_figures_and_what_differs_and_writes_a_page(ids: list[str]) -> None:
    output = said("compare", *ids)
    for word in ("Total return", "Sharpe", "parameter fast", *ids):
        assert word in output, word
    (page,) = Path("data/runs").glob("compare-*.html")
    assert str(page) in output
    assert "Kurtosis" in page.read_text()
    said("compare", *ids, "last", "--out", "three.html")
    assert "3 runs" in Path("three.html").read_text()


def test_compare_needs_two_runs(ids: list[str]) -> None:
    with pytest.raises(ConfigError, match="two runs"):
        said("compare", ids[0])


def test_a_run_beside_itself_differs_in_nothing() -> None:
    assert differences([by_chance(days=5), by_chance(days=5)]) == {}
