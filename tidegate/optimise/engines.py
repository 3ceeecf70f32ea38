"""Who judges: this process itself. The interface of all engines; the others are `processes.py` and `cluster.py`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from tidegate.optimise.judging import Task, judged
from tidegate.optimise.points import Point, Row

if TYPE_CHECKING:
    from tidegate.history import History


class Engine(Protocol):
    """Takes points and gives rows, in any order. A worker that dies is the engine's business: no point is lost."""

    @property
    def width(self) -> int:
        """How many points it wants to have at a time."""

    def submit(self, task: Task, point: Point) -> None:
        """Take a point of a task."""

    def finished(self, timeout_s: float) -> list[Row]:
        """The rows since the last call; waits for one, but no longer than `timeout_s`."""

    def close(self) -> None:
        """Let the workers go, whatever they are at."""


class Serial:
    """Judges in this process, when asked for what is finished."""

    width = 1

    def __init__(self, histories: Sequence["History"]) -> None:
        self._histories = histories
        self._waiting: list[tuple[Task, Point]] = []

    def submit(self, task: Task, point: Point) -> None:
        """It waits until somebody asks for rows."""
        self._waiting.append((task, point))

    def finished(self, timeout_s: float) -> list[Row]:  # noqa: ARG002 - it never waits
        """The row of the point that was submitted first."""
        if not self._waiting:
            return []
        task, point = self._waiting.pop(0)
        return [judged(task, self._histories, point)]

    def close(self) -> None:
        """Nothing to let go."""


def failed(task: Task, point: Point, problem: str) -> Row:
    """The row of a point that nobody could judge."""
    told = (task.data_sha256, task.code_version, task.seed, problem, point.attrs)
    return Row(point.index, dict(point.parameters), (), {}, *told)
