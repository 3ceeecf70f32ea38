"""Processes for the tests of several machines: a Dask cluster, the command itself."""

import os
import socket
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
PATIENCE_S = 180


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
