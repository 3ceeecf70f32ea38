"""The engine of one machine: a few worker processes, fed by pipes, the candles shared as mapped files.

A worker gets no variable of the environment but what Python needs, so no key; what it says is read as JSON, never
unpickled. One that dies is replaced and its point judged again; a point that ends three workers is given up.
"""

import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.optimise.engines import failed
from tidegate.optimise.judging import Task, open_ms
from tidegate.optimise.points import Point, Row
from tidegate.strategist.child import environment

if TYPE_CHECKING:
    from tidegate.history import History

DEPTH = 2
"""So many points a worker has at hand: it never waits for the next one."""
LIVES = 3
REAP_LIMIT_S = 5.0


Errand = tuple[Task, Point]


@dataclass
class _Worker:
    process: "subprocess.Popen[bytes]"
    pipe: Connection
    errands: deque[Errand] = field(default_factory=deque)


class Processes:
    """`jobs` workers. Raises OSError when they cannot be started."""

    def __init__(self, histories: Sequence["History"], jobs: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tidegate-candles-")
        self._setup = pickle.dumps(lay_out(histories, Path(self._folder.name)))
        self._waiting: deque[Errand] = deque()
        self._lives: dict[tuple[int, int], int] = {}
        self._workers: list[_Worker] = []
        self._given_up: list[Row] = []
        self.width = jobs * DEPTH
        try:
            self._workers = [self._started() for _ in range(jobs)]
        except OSError:
            self.close()
            raise

    @property
    def pids(self) -> list[int]:
        """The numbers of the workers that live."""
        return [worker.process.pid for worker in self._workers]

    def submit(self, task: Task, point: Point) -> None:
        """Give it to the worker with the least to do."""
        self._waiting.append((task, point))
        self._feed()

    def finished(self, timeout_s: float) -> list[Row]:
        """The rows that came, of those too that were given up."""
        rows, self._given_up = self._given_up, []
        pipes = {worker.pipe: worker for worker in self._workers}
        for pipe in wait(list(pipes), 0 if rows else timeout_s):
            assert isinstance(pipe, Connection)
            worker = pipes[pipe]
            try:
                row = Row.of_text(pipe.recv_bytes().decode())
                if not worker.errands or row.index != worker.errands[0][1].index:
                    raise ValueError("not the row that was asked for")
            except (EOFError, OSError, ValueError):
                self._replace(worker)
                continue
            worker.errands.popleft()
            rows.append(row)
        self._feed()
        return rows

    def close(self) -> None:
        """End the workers and take the candles away."""
        for worker in self._workers:
            _end(worker)
        self._workers = []
        self._folder.cleanup()

    def _feed(self) -> None:
        while self._waiting:
            worker = min(self._workers, key=lambda each: len(each.errands))
            if len(worker.errands) >= DEPTH:
                return
            errand = self._waiting.popleft()
            worker.errands.append(errand)
            # A pipe whose other end is gone is told by `wait` as well, with the point still in hand.
            with suppress(OSError):
                worker.pipe.send_bytes(pickle.dumps(errand))

    def _replace(self, worker: _Worker) -> None:
        status = _end(worker)
        if worker.errands:
            task, point = worker.errands[0]
            key = (task.end_ms, point.index)
            self._lives[key] = self._lives.get(key, LIVES) - 1
            if self._lives[key] <= 0:
                worker.errands.popleft()
                words = f"its worker died {LIVES} times, at last with status {status}"
                self._given_up.append(failed(task, point, words))
        self._waiting.extendleft(reversed(worker.errands))
        self._workers[self._workers.index(worker)] = self._started()

    def _started(self) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tidegate.optimise.worker", str(theirs.fileno())],
                env=environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # A Ctrl-C in the terminal is for the search, which writes down what is done.
                start_new_session=True,
            )
        pipe = Connection(ours.detach())
        with suppress(OSError):
            pipe.send_bytes(self._setup)
        return _Worker(process, pipe)


def lay_out(histories: Sequence["History"], folder: Path) -> list[tuple["History", tuple[str, ...], str]]:
    """Write the candles down as files to be mapped: each history without its bars, their columns, the path."""
    import numpy as np

    laid = []
    for number, history in enumerate(histories):
        path = folder / str(number)
        np.save(f"{path}.times.npy", open_ms(history.bars))
        np.save(f"{path}.numbers.npy", np.ascontiguousarray(history.bars.to_numpy(dtype="float64").T))
        laid.append((history._replace(bars=history.bars.iloc[:0]), tuple(map(str, history.bars.columns)), str(path)))
    return laid


def mapped(laid: Sequence[tuple["History", tuple[str, ...], str]]) -> list["History"]:
    """The histories that were laid out; their numbers stay in the files, in memory once for all workers."""
    import numpy as np
    import pandas as pd

    histories = []
    for history, columns, path in laid:
        times, numbers = (np.load(f"{path}.{name}.npy", mmap_mode="r") for name in ("times", "numbers"))
        index = pd.DatetimeIndex(pd.to_datetime(times, unit="ms", utc=True), name="time").astype(
            history.bars.index.dtype
        )
        bars = pd.DataFrame(np.asarray(numbers).T, index=index, columns=list(columns), copy=False)
        histories.append(history._replace(bars=bars))
    return histories


def _end(worker: _Worker) -> int | None:
    """Kill it with everything that it started; its exit status (negative: the signal that ended it)."""
    with suppress(subprocess.TimeoutExpired):
        worker.process.wait(0.1 if worker.process.poll() is None else 0)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        worker.process.wait(REAP_LIMIT_S)
    worker.pipe.close()
    return worker.process.returncode
