"""What Linux says about a process while it is watched: memory, threads, descriptors, processor time."""

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

LOOK_EVERY_S = 0.5
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Look(msgspec.Struct, frozen=True):
    """One look: when, resident memory in MB, threads, open descriptors, seconds of processor time so far."""

    at_s: float
    rss_mb: float
    threads: int
    descriptors: int
    cpu_s: float


class Watched:
    """Looks at a process twice a second as long as the block lasts, and at its beginning and end."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.seen: list[Look] = []

    def __enter__(self) -> Self:
        self.seen.append(self.look())
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        if error is None:
            self.seen.append(self.look())

    def look(self) -> Look:
        """The process as it is now. OSError when it is gone."""
        status = dict(line.split(":", 1) for line in (self._proc / "status").read_text().splitlines())
        times = (self._proc / "stat").read_text().rpartition(") ")[2].split()
        return Look(
            time.monotonic(),
            int(status["VmRSS"].split()[0]) / 1024,
            int(status["Threads"]),
            len(list((self._proc / "fd").iterdir())),
            (int(times[11]) + int(times[12])) / TICKS_A_SECOND,
        )

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            try:
                self.seen.append(self.look())
            except (OSError, KeyError):  # it is gone, or about to be
                return
