"""A search on one machine: interrupted, resumed, with workers that die, and always with the rows of the serial one."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from tidegate.errors import ConfigError
from tidegate.optimise.boards import LocalBoard
from tidegate.optimise.engines import Serial
from tidegate.optimise.processes import LIVES, Processes
from tidegate.optimise.search import search

GRID = {"fast": "4:9:1", "slow": "20:50:10", "stop_pct": "2", "trials": None}


def run(plan, engine, task, folder, progress=None):
    with closing(LocalBoard(folder / "rows.jsonl", plan)) as board, closing(engine):
        return search(board, engine, task, plan.total, progress)


def texts(rows):
    return [row.text() for row in rows]


@pytest.fixture(scope="session")
def serial(plan, task, histories, tmp_path_factory):
    """The rows of a search by a plan, as this process makes them."""

    def rows(wanted):
        return run(wanted, Serial(histories), task, tmp_path_factory.mktemp("serial"))

    return rows


@pytest.mark.parametrize("sampler", ["grid", "tpe", "nsga2"])
def test_processes_make_the_rows_of_the_serial_search_to_the_last_digit(
    plan, task, histories, serial, tmp_path, sampler
):
    wanted = plan(sampler, **(GRID if sampler == "grid" else {"trials": 24}))
    rows = run(wanted, Processes(histories, 2), task, tmp_path)
    assert texts(rows) == texts(serial(wanted))
    assert sum(bool(row.values) for row in rows) > 10


def test_a_worker_killed_in_the_middle_loses_nothing(plan, with_source, histories, tmp_path):
    task = with_source(
        "import time; until = time.perf_counter() + 0.05\n        while time.perf_counter() < until: pass"
    )
    wanted = plan("grid", **GRID)
    engine = Processes(histories, 2)
    killed = []

    def kill(done):
        if done >= 3 and not killed:
            killed.append(engine.pids[0])
            os.kill(killed[0], signal.SIGKILL)

    rows = run(wanted, engine, task, tmp_path / "killed", kill)
    assert killed
    assert texts(rows) == texts(run(wanted, Serial(histories), task, tmp_path / "serial"))


def test_a_point_that_ends_every_worker_is_given_up_and_the_others_go_on(plan, with_source, histories, tmp_path):
    task = with_source("import os; os.abort() if self.fast == 7 else None")
    rows = run(plan("grid", fast="5:8:1", slow="20", stop_pct="2"), Processes(histories, 1), task, tmp_path)
    assert [row.parameters["fast"] for row in rows] == [5, 6, 7, 8]
    assert [bool(row.values) for row in rows] == [True, True, False, True]
    assert rows[2].problem == f"its worker died {LIVES} times, at last with status -6"


def test_a_worker_sees_no_key_and_no_address(plan, with_source, histories, tmp_path, monkeypatch):
    for name in ("PRIVATE_KEY", "HYPERLIQUID_PRIVATE_KEY", "DATABASE_URL", "OPTIMISE_STORAGE", "AWS_SECRET"):
        monkeypatch.setenv(name, "secret")
    task = with_source("import os; raise ValueError(' '.join(sorted(os.environ)))")
    (row,) = run(plan("grid", fast="5", slow="20", stop_pct="2"), Processes(histories, 1), task, tmp_path)
    assert "PATH" in row.problem
    assert not any(word in row.problem for word in ("KEY", "DATABASE", "STORAGE", "AWS"))


def test_a_strategy_that_prints_does_not_disturb_the_search(plan, with_source, histories, tmp_path):
    task = with_source("import os; print('hello'); os.write(1, b'hello')")
    (row,) = run(plan("grid", fast="5", slow="20", stop_pct="2"), Processes(histories, 1), task, tmp_path)
    assert row.values


def test_the_workers_are_gone_when_the_engine_is_closed(histories):
    engine = Processes(histories, 2)
    pids = engine.pids
    engine.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


class StopAfter:
    """A Ctrl-C when so many are done."""

    def __init__(self, count):
        self.count = count

    def __call__(self, done):
        if done >= self.count:
            raise KeyboardInterrupt


@pytest.mark.parametrize("sampler", ["grid", "tpe"])
def test_an_interrupted_search_keeps_what_is_done_and_goes_on_to_the_same_rows(
    plan, task, histories, serial, tmp_path, sampler
):
    wanted = plan(sampler, **(GRID if sampler == "grid" else {"trials": 24}))
    with pytest.raises(KeyboardInterrupt):
        run(wanted, Serial(histories), task, tmp_path, StopAfter(13))
    kept = (tmp_path / "rows.jsonl").read_text().splitlines()
    assert len(kept) == 13
    told = []
    rows = run(wanted, Serial(histories), task, tmp_path, told.append)
    assert told[0] == 13
    assert texts(rows) == texts(serial(wanted))
    assert (tmp_path / "rows.jsonl").read_text().splitlines()[:13] == kept


def test_a_line_that_was_cut_off_is_judged_again(plan, task, histories, serial, tmp_path):
    wanted = plan("grid", trials=12)
    run(wanted, Serial(histories), task, tmp_path)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    assert texts(run(wanted, Serial(histories), task, tmp_path)) == texts(serial(wanted))
    assert texts(run(wanted, Serial(histories), task, tmp_path, StopAfter(99))) == texts(serial(wanted))


def test_two_processes_do_not_write_the_same_rows(plan, tmp_path):
    with closing(LocalBoard(tmp_path / "rows.jsonl", plan())), pytest.raises(ConfigError, match="--storage"):
        LocalBoard(tmp_path / "rows.jsonl", plan())


def test_what_is_released_may_be_claimed_again(plan, tmp_path):
    with closing(LocalBoard(tmp_path / "rows.jsonl", plan("grid", trials=12))) as board:
        first = board.claim(3)
        assert not {point.index for point in board.claim(2)} & {point.index for point in first}
        board.release({point.index for point in first})
        assert board.claim(3) == first
