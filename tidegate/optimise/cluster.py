"""The engine of a Dask cluster: the same points, judged by whatever workers the scheduler has.

The workers are the user's: each needs this program at the same version, and none of them needs a key. A worker that
dies is Dask's business, which runs its points elsewhere; candles that died with it are sent again.
"""

import os
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from tidegate.config import forget_secrets
from tidegate.errors import ConfigError
from tidegate.optimise.engines import failed
from tidegate.optimise.judging import Task, judged
from tidegate.optimise.points import Point, Row
from tidegate.optimise.versions import program_version

if TYPE_CHECKING:
    from tidegate.history import History

PATIENCE_S = 20
LIVES = 3
AHEAD = 2
"""So many points a thread of the cluster has at hand."""


class Dask:
    """The cluster whose scheduler listens at `address` (tcp://host:port). Raises ConfigError when nobody is there."""

    def __init__(self, histories: Sequence["History"], address: str, patience_s: float = PATIENCE_S) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise ConfigError(["--engine dask needs the library distributed: pip install distributed"]) from None
        try:
            connect: Any = Client
            self._client = connect(address, timeout=patience_s, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigError([f"--scheduler {address}: nobody answers there ({error})"]) from None
        self._histories = tuple(histories)
        self._there: Any = None
        self._finished: SimpleQueue[tuple[Any, Task, Point]] = SimpleQueue()
        self._futures: set[Any] = set()
        self._lives: dict[tuple[int, int], int] = {}

    @property
    def width(self) -> int:
        """Two points for each thread that there is now."""
        return max(1, sum(int(each) for each in self._client.nthreads().values())) * AHEAD

    def submit(self, task: Task, point: Point) -> None:
        """Leave it to the scheduler."""
        if self._there is None:
            self._there = self._client.scatter(self._histories, broadcast=True, hash=False)
        future = self._client.submit(_text, task, self._there, point, pure=False)
        self._futures.add(future)
        future.add_done_callback(lambda done: self._finished.put((done, task, point)))

    def finished(self, timeout_s: float) -> list[Row]:
        """The rows that came; waits for the first."""
        rows: list[Row] = []
        while True:
            try:
                future, task, point = self._finished.get(timeout=0 if rows else timeout_s)
            except Empty:
                return rows
            self._futures.discard(future)
            if future.status == "finished":
                rows.append(Row.of_text(future.result()))
            elif (problem := self._again(future, task, point)) is not None:
                rows.append(problem)

    def close(self) -> None:
        """Take back what still waits, and leave the cluster as it was."""
        self._client.cancel(list(self._futures))
        self._client.close()

    def _again(self, future: Any, task: Task, point: Point) -> Row | None:
        """Once more after a lost worker; the row of a point that ended several. Raises what a worker refuses."""
        if future.status == "error" and isinstance(problem := future.exception(), ConfigError):
            raise problem
        key = (task.end_ms, point.index)
        self._lives[key] = self._lives.get(key, LIVES) - 1
        if self._lives[key] <= 0:
            return failed(task, point, f"the cluster could not judge it in {LIVES} attempts ({future.status})")
        if self._there.status != "finished":
            self._there = None
        self.submit(task, point)
        return None


def _text(task: Task, histories: "Sequence[History]", point: Point) -> str:
    """On the worker: the row as text."""
    forget_secrets(os.environ)
    if (ours := program_version()) != (theirs := task.code_version.split()[0]):
        raise ConfigError(
            [f"--engine dask: a worker of the cluster has other code than this host: {ours}, not {theirs}"]
        )
    return judged(task, histories, point).text()
