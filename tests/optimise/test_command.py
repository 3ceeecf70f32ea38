"""The command as a user types it."""

import os
import re
import signal

import pandas as pd
import pytest

from tidegate.backtest.results import read
from tidegate.discovery import load, read_source

from .machines import PATIENCE_S, PROJECT, command, wait_until


def finished(process):
    said, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_interrupted_it_keeps_what_is_done_and_the_same_command_ends_with_the_rows_of_an_uninterrupted_one(
    tmp_path, candles
):
    words = ("--sampler", "grid")
    many = ",".join(str(2 + step / 10) for step in range(30))  # so many that it is not over before it is interrupted
    first = command(tmp_path / "here", candles, *words, stops=many)
    rows = tmp_path / "here" / "data" / "runs"
    wait_until(lambda: [path for path in rows.glob("*/trials.jsonl") if path.stat().st_size > 0], "some rows are there")
    os.kill(first.pid, signal.SIGINT)
    code, said = finished(first)
    assert code == 130, said
    assert "the same command goes on" in said
    (kept,) = rows.glob("*/trials.parquet")
    done = len(pd.read_parquet(kept))
    code, said = finished(command(tmp_path / "here", candles, *words, stops=many))
    assert code == 0, said
    assert "deflated Sharpe" in said
    best = re.search(r"^best: STRATEGY_PARAMS=(\S+)$", said, flags=re.MULTILINE)
    assert best is not None, said
    code, told = finished(command(tmp_path / "there", candles, *words, "--engine", "serial", stops=many))
    assert code == 0, told
    one, other = (read("last", tmp_path / where / "data" / "runs") for where in ("here", "there"))
    assert one.run.id == other.run.id
    assert one.run.kind == "optimise"
    assert one.run.parameters == other.run.parameters
    cls = load(read_source(PROJECT / "strategies", "ema_cross"))
    given = dict(each.split("=") for each in best[1].split(","))
    assert dict(cls.from_text(given).values()) == one.run.parameters
    tables = [pd.read_parquet(next((tmp_path / at).glob("data/runs/*/trials.parquet"))) for at in ("here", "there")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert 0 < done < len(tables[0])


@pytest.mark.e2e
def test_what_is_wrong_on_the_command_line_is_told_at_once_with_exit_code_2(tmp_path, candles):
    words = ("--engine", "magic", "--goal", "luck", "--scheduler", "tcp://127.0.0.1:1")
    code, said = finished(command(tmp_path, candles, *words))
    assert code == 2
    assert "--engine magic: processes, dask, serial are there" in said
    assert "--goal luck: there are sharpe" in said
    assert "belong together" in said
