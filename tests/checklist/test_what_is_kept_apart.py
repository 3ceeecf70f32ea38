"""Rows 000-27, 001-15, 001-18, 003-25: who signs, who reads, and what a strategy never does."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STRATEGIES = sorted((ROOT / "strategies").glob("[!_]*.py"))
SIGNING = (
    "tidegate.hyperliquid.signing",
    "tidegate.keys",
    "tidegate.gateway",
    "tidegate.wallet",
    "eth_account",
    "coincurve",
)
DATA = (
    "sqlalchemy",
    "sqlite3",
    "pyarrow",
    "tidegate.storage",
    "tidegate.history",
    "pathlib",
    "os",
    "io",
    "requests",
    "socket",
)
ROW_BY_ROW = {"iterrows", "itertuples", "applymap"}

each = pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)


def in_a_process(program: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_streams_thread_knows_nothing_that_signs() -> None:
    loaded = set(in_a_process("import sys, hyperliquid_websocket; print('\\n'.join(sys.modules))").split())
    assert "tidegate.hyperliquid.protocol" in loaded
    assert not loaded.intersection(SIGNING)


@each
def test_a_strategy_names_no_table_no_file_and_no_library_that_reads_them(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.startswith(DATA)]
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not [name for name in called if name.startswith("read_") or name in ("open", "Path", "connect", "execute")]


READS = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith(("socket.", "sqlite3.")) else None)
from pathlib import Path
import numpy as np, pandas as pd
from tidegate.discovery import read_source
from tidegate.model.market import Candle
from tidegate.strategist.evaluator import evaluator_of
from tidegate.model.intents import Evaluate
from decimal import Decimal as D
opened.clear()
rng = np.random.default_rng(3)
close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 400)))
T = 1_767_225_600_000
rows = tuple(
    Candle(T + n * 300_000, T + n * 300_000 + 299_999, D(f"{c:.4f}"), D(f"{c * 1.001:.4f}"), D(f"{c * 0.999:.4f}"),
           D(f"{c:.4f}"), D(1), 1) for n, c in enumerate(close)
)
for path in sorted(Path("strategies").glob("[!_]*.py")):
    evaluator, _ = evaluator_of(read_source(Path("strategies"), path.stem), {}, 500)
    answer = evaluator.evaluate(Evaluate(coin="BTC", candles=rows, reset=True))
    assert answer.bars == 400, answer
    print(path.stem, len(opened))
"""


def test_what_a_strategy_reads_costs_no_network_call_and_no_look_into_a_database() -> None:
    counted = dict(line.split() for line in in_a_process(READS).splitlines())
    assert counted == {path.stem: "0" for path in STRATEGIES}


@pytest.mark.parametrize(
    "path",
    [*STRATEGIES, *(ROOT / "tidegate").glob("*.py"), *(ROOT / "tidegate" / "backtest").rglob("*.py")],
    ids=lambda path: path.stem,
)
def test_frames_are_not_gone_through_row_by_row(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & ROW_BY_ROW
    by_row = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "apply"
        and any(word.arg == "axis" for word in node.keywords)
    ]
    assert not by_row
