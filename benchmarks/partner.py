"""A part of a benchmark in a process of its own, asked one word at a time."""

import multiprocessing
from collections.abc import Callable
from typing import Any

PROCESSES = multiprocessing.get_context("spawn")
ANSWER_TIMEOUT_S = 90.0


class MeasurementFailed(Exception):
    """A part of the benchmark did not do what it was asked; nothing may be concluded."""


class Partner:
    """A process that answers one word at a time."""

    def __init__(self, name: str, run: Callable[..., None], *arguments: Any) -> None:
        self.name = name
        self._conn, theirs = PROCESSES.Pipe()
        self._process = PROCESSES.Process(target=run, args=(theirs, *arguments), name=name)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process.pid is not None, "it was started"
        return self._process.pid

    def hear(self, timeout_s: float = ANSWER_TIMEOUT_S) -> Any:
        """What it says next."""
        try:
            if self._conn.poll(timeout_s):
                return self._conn.recv()
        except (EOFError, ConnectionResetError):
            raise MeasurementFailed(f"{self.name} has ended by itself") from None
        raise MeasurementFailed(f"{self.name} did not answer within {timeout_s:g} s")

    def ask(self, word: str, argument: Any = None) -> Any:
        """Have it do something and wait for its answer."""
        self._conn.send((word, argument))
        return self.hear()

    def close(self) -> None:
        """Let it end; a process that does not is ended."""
        self._conn.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
