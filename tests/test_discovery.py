"""Discovery: a file with one strategy is a strategy; anything else is told with its reason."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate import discovery
from tidegate.errors import ConfigError

GOOD = '''"""A module."""
from dataclasses import dataclass
from tidegate.strategy import Strategy, param

@dataclass(frozen=True)
class Steady(Strategy):
    """Always long."""

    bars: int = param(3, low=1, high=9, meaning="nothing")

    def signals(self, bars):
        return self.wishes(bars, long=True)
'''
PROJECT = Path(__file__).resolve().parents[1]


def write(folder: Path, name: str, text: str, mode: int = 0o644) -> Path:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def problem_of(folder: Path, name: str) -> str:
    with pytest.raises(ConfigError) as caught:
        discovery.load(discovery.read_source(folder, name))
    (problem,) = caught.value.problems
    return problem


def test_a_file_with_one_strategy_is_a_strategy_named_by_its_file(tmp_path):
    path = write(tmp_path, "steady", GOOD)
    source = discovery.read_source(tmp_path, "steady")
    assert (source.name, source.path) == ("steady", str(path))
    assert source.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert discovery.load(source).from_text({"bars": "5"}).values() == {"bars": 5}


def test_names_are_listed_without_running_a_file(tmp_path):
    write(tmp_path, "b", "raise SystemExit")
    write(tmp_path, "a", "this is not python")
    write(tmp_path, "_shared", "")
    write(tmp_path, ".hidden", "")
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    assert discovery.strategy_names(tmp_path) == ["a", "b"]
    assert discovery.strategy_names(tmp_path / "absent") == []


def test_a_strategy_that_is_not_there_is_told_with_the_nearest_name(tmp_path):
    write(tmp_path, "steady", GOOD)
    assert "did you mean steady?" in problem_of(tmp_path, "stedy")
    assert "the folder holds no strategies" in problem_of(tmp_path / "absent", "steady")


@pytest.mark.parametrize("name", ["../steady", "steady.py", "", "_shared", "a/b"])
def test_a_name_never_leaves_the_folder(tmp_path, name):
    (tmp_path / "inner").mkdir()
    write(tmp_path, "steady", GOOD)
    write(tmp_path / "inner", "_shared", GOOD)
    assert "there is no such strategy" in problem_of(tmp_path / "inner", name)


BROKEN = {
    "syntax": ("def (:\n", "line 1: SyntaxError"),
    "import": ("\nimport nowhere_to_be_found\n", "line 2: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
    "raises": ("x = 1\ny = 1 / 0\n", "line 2: ZeroDivisionError: division by zero"),
    "leaves": ("import sys\nsys.exit('bye')\n", "line 2: SystemExit: bye"),
    "none": ("from tidegate.strategy import Strategy\n", "exactly one subclass of Strategy, this one has none"),
    "two": (GOOD + GOOD.replace("Steady", "Other"), "this one has 2: Steady, Other"),
    "mute": (GOOD.replace("def signals", "def signal"), "Steady does not define signals(self, bars)"),
    "bare": (GOOD.replace("@dataclass(frozen=True)\n", ""), "not decorated with @dataclass(frozen=True)"),
    "thawed": (
        GOOD.replace("(frozen=True)", ""),
        "line 5: TypeError: cannot inherit non-frozen dataclass from a frozen one",
    ),
    "table": (GOOD.replace('bars: int = param(3, low=1, high=9, meaning="nothing")', "t: dict = None"), "must be"),
    "needy": (GOOD.replace(' = param(3, low=1, high=9, meaning="nothing")', ""), "bars needs a default"),
    "nul": ("\0", "source code string cannot contain null bytes"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_file_is_told_in_one_line_with_its_reason(tmp_path, name):
    text, reason = BROKEN[name]
    write(tmp_path, name, text)
    problem = problem_of(tmp_path, name)
    assert problem.startswith(f"{name}: ")
    assert reason in problem
    assert "\n" not in problem


def test_a_file_that_every_user_may_write_is_refused(tmp_path):
    path = write(tmp_path, "steady", GOOD, mode=0o666)
    assert f"chmod o-w {path}" in problem_of(tmp_path, "steady")


def test_a_folder_that_every_user_may_write_is_refused(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    write(folder, "steady", GOOD)
    folder.chmod(0o777)
    assert "can be written by every user" in problem_of(folder, "steady")


def test_a_file_that_is_too_long_is_refused(tmp_path):
    write(tmp_path, "steady", GOOD + "#" * discovery.SOURCE_BYTES_MAX)
    assert "a strategy may have 1,000,000" in problem_of(tmp_path, "steady")


def test_a_strategy_imported_from_elsewhere_does_not_count(tmp_path):
    write(tmp_path, "steady", "from tidegate.strategy import Strategy as Base\n" + GOOD)
    assert discovery.load(discovery.read_source(tmp_path, "steady")).__name__ == "Steady"


def test_what_runs_is_what_was_hashed_even_when_the_file_changes_afterwards(tmp_path):
    write(tmp_path, "steady", GOOD)
    source = discovery.read_source(tmp_path, "steady")
    write(tmp_path, "steady", "raise ValueError")
    assert discovery.load(source).__name__ == "Steady"


def test_postponed_annotations_are_understood(tmp_path):
    write(tmp_path, "steady", "from __future__ import annotations\n" + GOOD.split("\n", 1)[1])
    assert discovery.load(discovery.read_source(tmp_path, "steady")).parameters()[0].type is int


def test_the_listing_shows_the_good_and_says_why_the_others_are_broken(tmp_path):
    write(tmp_path, "steady", GOOD)
    write(tmp_path, "raises", BROKEN["raises"][0])
    broken, good = discovery.listing(tmp_path)
    assert (broken.name, broken.broken) == ("raises", "raises: line 2: ZeroDivisionError: division by zero")
    assert (good.name, good.summary, good.broken) == ("steady", "Always long.", "")
    assert good.parameters == ("bars: int = 3",)


def test_those_that_ship_are_sound():
    rows = discovery.listing(PROJECT / "strategies")
    assert len(rows) >= 8
    assert {row.broken for row in rows} == {""}
    assert all(row.summary and row.parameters for row in rows)


def test_names_and_sources_need_no_pandas():
    program = (
        "import sys; from pathlib import Path; from tidegate import discovery;"
        "discovery.read_source(Path('strategies'), 'ema_cross'); import tidegate.strategist;"
        "print([name for name in ('pandas', 'numpy', 'ta') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_that_never_ends_is_listed_as_broken_and_the_others_are_listed(tmp_path, monkeypatch):
    (tmp_path / "endless.py").write_text("while True:\n    pass\n")
    (tmp_path / "raises.py").write_text("1 / 0\n")
    monkeypatch.setattr(discovery, "LOAD_LIMIT_S", 0.2)
    endless, raises = discovery.listing(tmp_path)
    assert "did not finish loading within 0.2 s" in endless.broken
    assert "ZeroDivisionError" in raises.broken
