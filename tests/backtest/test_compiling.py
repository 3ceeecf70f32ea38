"""What is compiled is kept, and no longer than it is true."""

import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.backtest.kernel import compiling

SOURCE = Path(compiling.__file__)
OUTER = """
from kept.compiling import compiled
from kept.inner import inner


@compiled
def outer(number):
    return 10 * inner(number)
"""
INNER = """
from kept.compiling import compiled


@compiled
def inner(number):
    return number + {more}
"""
ASK = """
from kept.compiling import COMPILING, telling
from kept.outer import outer

told = []
with telling(told.append):
    print(outer(1))
print("compiled" if COMPILING in told else "loaded")
"""


def asked(folder: Path, more: int) -> list[str]:
    (folder / "kept" / "inner.py").write_text(INNER.format(more=more))
    ended = subprocess.run([sys.executable, "-c", ASK], cwd=folder, capture_output=True, text=True, check=True)
    return ended.stdout.split()


@pytest.fixture(name="package")
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that compiles as the kernel does: one function calls that of another file."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "__init__.py").write_text("")
    (kept / "compiling.py").write_text(SOURCE.read_text())
    (kept / "outer.py").write_text(OUTER)
    return tmp_path


def test_what_was_compiled_is_loaded_until_any_file_of_the_kernel_changes(package: Path) -> None:
    assert asked(package, more=1) == ["20", "compiled"]
    assert asked(package, more=1) == ["20", "loaded"]
    assert asked(package, more=2) == ["30", "compiled"]
    assert len(list((package / "kept" / "__pycache__").glob(f"{compiling.PREFIX}*"))) == 1


def test_every_file_of_the_kernel_has_its_part_in_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    seen = [compiling.digest_of(tmp_path)]
    for name, text in (("a.py", "2"), ("b.py", ""), ("b.py", "2")):
        (tmp_path / name).write_text(text)
        seen.append(compiling.digest_of(tmp_path))
    assert len(set(seen)) == 4
    (tmp_path / "notes.txt").write_text("")
    assert compiling.digest_of(tmp_path) == seen[-1]
