"""Servers and processes for the tests of several machines: PostgreSQL, a Dask cluster, the command itself."""

import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90
PASSWORD = "very-secret-word"


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition; fail with `what` when it does not come."""
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s, f"waited in vain until {what}"
        Event().wait(0.05)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _programs() -> Path | None:
    places = [Path(found).parent] if (found := shutil.which("initdb")) else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def _other_user() -> dict[str, str]:
    """PostgreSQL does not run as root: somebody else, if we are."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": name}
    pytest.skip("PostgreSQL does not run as root, and there is no other user here")


def _open_to_all() -> Path:
    """The temporary folder, or the one around it, into which every user may go."""
    place = Path(tempfile.gettempdir()).resolve()
    closed = [each for each in (place, *place.parents) if not each.stat().st_mode & stat.S_IXOTH]
    return closed[-1].parent if closed else place


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a server of our own on a free loopback port; skips where there can be none."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    user = _other_user()
    with tempfile.TemporaryDirectory(prefix="tidegate-postgresql-", dir=_open_to_all()) as folder:
        place, word = Path(folder), Path(folder) / "word"
        word.write_text(PASSWORD)
        if user:
            for path in (place, word):
                shutil.chown(path, user["user"])
        at = {"cwd": folder, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **user}
        made = subprocess.run(
            [
                programs / "initdb",
                "-D",
                place / "data",
                "-U",
                "tidegate",
                "-A",
                "scram-sha-256",
                "--pwfile",
                word,
                "-N",
            ],
            check=False,
            **at,
        )
        if made.returncode:
            pytest.skip(f"PostgreSQL cannot be set up here: {made.stdout.splitlines()[-1:]}")
        port = free_port()
        options = ["-F", "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-k", ""]
        server = subprocess.Popen([programs / "postgres", "-D", place / "data", *options], **at)
        plain = f"postgresql://tidegate:{PASSWORD}@127.0.0.1:{port}/postgres"
        try:

            def answers() -> bool:
                assert server.poll() is None, server.stdout.read() if server.stdout else ""
                try:
                    psycopg.connect(plain, connect_timeout=2).close()
                except psycopg.OperationalError:
                    return False
                return True

            wait_until(answers, "PostgreSQL answers")
            yield plain.replace("postgresql:", "postgresql+psycopg:")
        finally:
            server.kill()
            server.wait(PATIENCE_S)


@contextmanager
def dask_cluster(workers: int) -> Iterator[tuple[str, "list[subprocess.Popen[bytes]]"]]:
    """A scheduler and workers as processes of their own: its address, and the workers."""
    pytest.importorskip("distributed", reason="distributed is not installed")
    with tempfile.TemporaryDirectory(prefix="tidegate-dask-") as folder:
        address = f"tcp://127.0.0.1:{free_port()}"
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        at = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        python = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
        where = ["--host", "127.0.0.1", "--no-dashboard"]
        scheduler = subprocess.Popen([*python, *where, "--port", address.rpartition(":")[2]], **at)
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"]
        found = [subprocess.Popen([*worker, *where], **at) for _ in range(workers)]
        try:
            yield address, found
        finally:
            for process in (*found, scheduler):
                process.kill()
                process.wait(PATIENCE_S)


def command(folder: Path, candles: Path, *words: str, stops: str = "2,4") -> "subprocess.Popen[str]":
    """`bot.py optimise` in a folder of its own, as on a host of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    line = [sys.executable, str(PROJECT / "bot.py"), "optimise", "ema_cross", "--coins", "BTC", "--timeframe", "1h"]
    search = ["--data", str(candles), "--range", "fast=5:12:1", "--range", "slow=20:50:6",
              "--range", f"stop_atr={stops}",
              "--param", "atr_bars=14", "--param", "shorts=no", "--jobs", "1"]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return subprocess.Popen(
        [*line, *search, *words],
        cwd=folder,
        env={**environment, "NO_COLOR": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
