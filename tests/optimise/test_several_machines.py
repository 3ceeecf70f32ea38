"""Several machines make the very search of one, also when one of them dies in the middle."""

import os
import signal
from contextlib import closing, suppress
from dataclasses import replace

import pandas as pd
import pytest
import sqlalchemy as sql

from tests.postgresql import PASSWORD
from tidegate.errors import ConfigError, StorageError
from tidegate.optimise.boards import LocalBoard
from tidegate.optimise.cluster import Dask
from tidegate.optimise.engines import Serial
from tidegate.optimise.search import search
from tidegate.optimise.shared import SharedBoard

from .machines import PATIENCE_S, command, dask_cluster, wait_until

SLOWLY = "import time; until = time.perf_counter() + 0.1\n        while time.perf_counter() < until: pass"
GRID = {"fast": "4:9:1", "slow": "20:50:10", "stop_pct": "2", "trials": None}


def texts(rows):
    return [row.text() for row in rows]


def alone(plan, task, histories, folder):
    with closing(LocalBoard(folder / "rows.jsonl", plan)) as board:
        return search(board, Serial(histories), task, plan.total)


@pytest.fixture
def storage(tmp_path):
    return f"sqlite:///{tmp_path}/study.db"


@pytest.mark.parametrize("sampler", ["grid", "tpe"])
def test_a_search_over_a_database_makes_the_rows_of_one_without(plan, task, histories, tmp_path, storage, sampler):
    wanted = plan(sampler, **(GRID if sampler == "grid" else {"trials": 24}))
    with closing(SharedBoard(storage, "study", wanted)) as board:
        rows = search(board, Serial(histories), task, wanted.total)
    assert texts(rows) == texts(alone(wanted, task, histories, tmp_path))


def test_two_boards_never_hold_the_same_point(plan, storage):
    wanted = plan("grid", **GRID)
    with closing(SharedBoard(storage, "study", wanted)) as one, closing(SharedBoard(storage, "study", wanted)) as other:
        first, second = one.claim(10), other.claim(100)
        assert len(first) == 10
        assert sorted(point.index for point in (*first, *second)) == list(range(24))
        one.release({point.index for point in first})
        other.release({point.index for point in second})
        assert len(other.claim(100)) == 24


def test_the_points_of_a_machine_that_fell_silent_are_put_back(plan, task, histories, tmp_path, storage):
    wanted = plan("tpe", trials=20)
    silent = SharedBoard(storage, "study", wanted, patience_s=2)
    assert len(silent.claim(4)) == 4
    silent.close()
    with closing(SharedBoard(storage, "study", wanted, patience_s=2)) as board:
        rows = search(board, Serial(histories), task, wanted.total)
    assert texts(rows) == texts(alone(wanted, task, histories, tmp_path))


def test_a_row_that_comes_too_late_changes_nothing(plan, task, histories, storage):
    wanted = plan("grid", **GRID)
    with closing(SharedBoard(storage, "study", wanted)) as late:
        (point,) = late.claim(1)
        late.release({point.index})
        with closing(SharedBoard(storage, "study", wanted)) as board:
            rows = search(board, Serial(histories), task, wanted.total)
        assert texts(late.rows()) == texts(rows)


@pytest.mark.parametrize("url", ["mysql://host/name", "nonsense", "postgresql://host/name"])
def test_an_address_that_is_none_of_ours_is_refused(plan, url):
    with pytest.raises(ConfigError, match="--storage"):
        SharedBoard(url, "study", plan())


def test_a_database_that_does_not_answer_is_told_without_its_password(plan):
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(StorageError, match="cannot be used") as told:
        SharedBoard(f"postgresql+psycopg://me:{PASSWORD}@127.0.0.1:1/name", "study", plan())
    assert PASSWORD not in str(told.value)


def states(url):
    """How many trials of the shared study are in which state; none before there is a study."""
    engine = sql.create_engine(url, poolclass=sql.NullPool)
    with suppress(sql.exc.SQLAlchemyError), engine.connect() as connection:
        return dict(connection.execute(sql.text("SELECT state, count(*) FROM trials GROUP BY state")).all())
    return {}


def table(folder):
    (path,) = folder.glob("data/runs/*/trials.parquet")
    return pd.read_parquet(path)


@pytest.mark.e2e
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "search_words", [("--sampler", "grid"), ("--sampler", "tpe", "--trials", "60")], ids=["grid", "tpe"]
)
def test_two_processes_over_postgresql_one_of_them_killed_end_equal_to_the_serial_search(
    tmp_path, candles, search_words, postgres
):
    shared = (*search_words, "--storage", postgres, "--patience", "4")
    hosts = [command(tmp_path / name, candles, *shared) for name in ("one", "other")]
    try:
        wait_until(lambda: states(postgres).get("COMPLETE", 0) >= 5, "five trials are done")
        os.killpg(hosts[0].pid, signal.SIGKILL)
        before = states(postgres).get("COMPLETE", 0)
        said, _ = hosts[1].communicate(timeout=PATIENCE_S)
    finally:
        for host in hosts:
            with suppress(ProcessLookupError):
                os.killpg(host.pid, signal.SIGKILL)
            host.wait(PATIENCE_S)
    assert hosts[1].returncode == 0, said
    assert PASSWORD not in said
    alone = command(tmp_path / "alone", candles, *search_words, "--engine", "serial")
    told, _ = alone.communicate(timeout=PATIENCE_S)
    assert alone.returncode == 0, told
    expected = table(tmp_path / "alone")
    assert before < len(expected), "the host was killed after the end"
    ended = states(postgres)
    assert not {"WAITING", "RUNNING"} & set(ended)
    assert ended["COMPLETE"] + ended.get("PRUNED", 0) == len(expected)
    pd.testing.assert_frame_equal(table(tmp_path / "other"), expected, check_exact=True)
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in each for each in kept)


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_two_dask_workers_one_of_them_killed_end_equal_to_the_serial_search(plan, with_source, histories, tmp_path):
    task, wanted = with_source(SLOWLY), plan("grid", **GRID)
    with dask_cluster(2) as (address, workers), closing(Dask(histories, address, PATIENCE_S)) as engine:
        wait_until(lambda: engine.width == 4, "both workers are there")
        killed = []

        def kill(done):
            if done >= 4 and not killed:
                workers[0].kill()
                killed.append(done)

        with closing(LocalBoard(tmp_path / "dask.jsonl", wanted)) as board:
            rows = search(board, engine, task, wanted.total, kill)
    assert killed
    assert killed[0] < wanted.total
    assert texts(rows) == texts(alone(wanted, task, histories, tmp_path))


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_the_command_over_a_cluster_makes_the_walk_forward_of_the_serial_one(tmp_path, candles):
    words = ("--sampler", "grid", "--walk-forward", "2", "--purge", "12")
    with dask_cluster(2) as (address, _workers):
        cluster = command(tmp_path / "cluster", candles, *words, "--engine", "dask", "--scheduler", address)
        said, _ = cluster.communicate(timeout=PATIENCE_S)
    assert cluster.returncode == 0, said
    alone = command(tmp_path / "alone", candles, *words, "--engine", "serial")
    told, _ = alone.communicate(timeout=PATIENCE_S)
    assert alone.returncode == 0, told
    for name in ("trials", "folds", "equity", "trades"):
        one, other = (
            pd.read_parquet(next((tmp_path / where).glob(f"data/runs/*/{name}.parquet")))
            for where in ("cluster", "alone")
        )
        pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.mark.e2e
def test_a_worker_with_other_code_is_told_and_not_believed(plan, task, histories, tmp_path):
    other = replace(task, code_version="0.0.1+12345678 simple 0")
    with dask_cluster(1) as (address, _workers), closing(Dask(histories, address, PATIENCE_S)) as engine:
        wait_until(lambda: engine.width == 2, "the worker is there")
        with (
            closing(LocalBoard(tmp_path / "rows.jsonl", plan())) as board,
            pytest.raises(ConfigError, match="other code"),
        ):
            search(board, engine, other, 30)
        assert board.rows() == []


@pytest.mark.e2e
def test_a_cluster_that_is_not_there_is_told(histories):
    pytest.importorskip("distributed", reason="distributed is not installed")
    with pytest.raises(ConfigError, match="nobody answers"):
        Dask(histories, "tcp://127.0.0.1:1", patience_s=1)
