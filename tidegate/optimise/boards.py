"""Where the points of a search wait and its rows are kept. `LocalBoard`: for one machine, in a file of its own.

What several machines share is `shared.py`. A board knows nothing of strategies; it never judges.
"""

from collections import deque
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from tidegate.errors import ConfigError
from tidegate.optimise.planning import Plan
from tidegate.optimise.points import Point, Row


class Board(Protocol):
    """The points that wait and the rows that are there, of one search."""

    def claim(self, count: int) -> list[Point]:
        """At most `count` points for the caller to judge; none when all are taken or done."""

    def settle(self, row: Row) -> None:
        """Write down what became of a claimed point."""

    def beat(self, held: Collection[int]) -> None:
        """Say that the points with these indices are still being judged here."""

    def release(self, held: Collection[int]) -> None:
        """Give back claimed points: somebody else may have them."""

    def rows(self) -> Sequence[Row]:
        """All rows in the order of their index; while the search goes on there may be holes."""

    def close(self) -> None:
        """Let go of files and connections."""


class LocalBoard:
    """Rows in a file, one line of JSON each, written as they come: an interrupted search goes on from it."""

    def __init__(self, path: Path, plan: Plan) -> None:
        """Raise ConfigError when another process is at the same search, or the file is another search's."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path.with_suffix(".lock"))
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ConfigError(
                [f"{path.parent}: another process is at this very search; several share one by --storage"]
            ) from None
        self._plan = plan
        self._rows = _read(path)
        self._file = path.open("a", encoding="utf-8")
        self._waiting: deque[Point] = deque()
        self._taken: dict[int, Point] = {}

    def claim(self, count: int) -> list[Point]:
        """The next points; a new batch is planned when the last one is complete."""
        if not self._waiting and not self._taken:
            batch = self._plan.batch_of(self._rows)
            self._waiting.extend(point for point in batch if point.index not in self._rows)
        claimed = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        self._taken |= {point.index: point for point in claimed}
        return claimed

    def settle(self, row: Row) -> None:
        """Append the row; it is in the file when this returns."""
        self._file.write(row.text() + "\n")
        self._file.flush()
        self._rows[row.index] = row
        self._taken.pop(row.index, None)

    def beat(self, held: Collection[int]) -> None:
        """Nothing to say: nobody else is here."""

    def release(self, held: Collection[int]) -> None:
        """They wait again."""
        self._waiting.extendleft(self._taken.pop(index) for index in sorted(held, reverse=True) if index in self._taken)

    def rows(self) -> list[Row]:
        """All rows that are part of the plan."""
        return [self._rows[index] for index in sorted(self._rows) if index < self._plan.total]

    def close(self) -> None:
        """Another process may go on now."""
        self._file.close()
        self._lock.release()


def _read(path: Path) -> dict[int, Row]:
    """The rows of a file; a last line that was cut off is none."""
    rows: dict[int, Row] = {}
    if not path.exists():
        return rows
    text = path.read_text(encoding="utf-8")
    for line in text.splitlines():
        try:
            row = Row.of_text(line)
        except ValueError:
            continue
        rows[row.index] = row
    if text and not text.endswith("\n"):
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")
    return rows
