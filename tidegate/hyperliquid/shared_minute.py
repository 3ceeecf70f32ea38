"""One minute of REST weight for all bots of this host: a small file and a lock beside it.

The exchange counts by IP address, so two bots behind one address spend from one budget. Each line of the file is what
was spent within one second: the second (of a clock that all processes of the host share) and the weight. Owns nothing
but that file. Never lets protection wait: where the lock cannot be had in time, an urgent request is written down with
the next one.

A file that cannot be read or written counts as empty, so that a full disk takes no bot its prices; the bot then
watches its own spending only.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from tidegate.hyperliquid.limits import MINUTE_MS

LOCK_WAIT_S = 0.2
SECOND_MS = 1_000


class SharedMinute:
    """The last minute of every bot that keeps its account in `folder` for this exchange (`base_url`).

    `now_ms` must come from a clock that the processes share: seconds since the machine was started.
    """

    def __init__(self, folder: Path, base_url: str) -> None:
        name = sha256(base_url.rstrip("/").encode()).hexdigest()[:16]
        self.path = folder / f"tidegate-rest-{name}.json"
        self._lock = FileLock(f"{self.path}.lock", thread_local=False)
        self._own: dict[int, int] = {}
        self._unwritten: dict[int, int] = {}

    def used(self, now_ms: int) -> int:
        """The weight of the last minute."""
        with self._locked(LOCK_WAIT_S):
            return sum(self._read(now_ms).values())

    def take(self, weight: int, most: int, now_ms: int, *, urgent: bool) -> bool:
        """Write down `weight` unless the minute would hold more than `most` then."""
        with self._locked(LOCK_WAIT_S / 10 if urgent else LOCK_WAIT_S) as mine:
            spent = self._read(now_ms)
            if sum(spent.values()) + weight > most:
                return False
            second = now_ms // SECOND_MS
            self._own[second] = self._own.get(second, 0) + weight
            if not mine:
                self._unwritten[second] = self._unwritten.get(second, 0) + weight
                return True
            spent[second] = spent.get(second, 0) + weight
            self._write(spent)
            return True

    @contextmanager
    def _locked(self, wait_s: float) -> Iterator[bool]:
        """Hold the lock if it can be had in time; whether it is held."""
        held = False
        try:
            self._lock.acquire(timeout=wait_s, poll_interval=0.005)
            held = True
        except (Timeout, OSError):
            pass
        try:
            yield held
        finally:
            if held:
                self._lock.release()

    def _read(self, now_ms: int) -> dict[int, int]:
        """What was spent in the last minute, by second; what a machine's earlier life left is no part of it."""
        first, last = (now_ms - MINUTE_MS) // SECOND_MS, now_ms // SECOND_MS
        for book in (self._own, self._unwritten):
            for second in [each for each in book if not first <= each <= last]:
                del book[second]
        try:
            rows = json.loads(self.path.read_text())
            spent = {int(second): int(weight) for second, weight in rows if first <= int(second) <= last}
        except (OSError, ValueError, TypeError):
            return dict(self._own)
        for second, weight in self._unwritten.items():
            spent[second] = spent.get(second, 0) + weight
        return spent

    def _write(self, spent: dict[int, int]) -> None:
        fresh = self.path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(sorted(spent.items())))
            fresh.replace(self.path)
            self._unwritten.clear()
        except OSError:
            return
