"""The search itself: claim points, have them judged, write the rows down, until none is left."""

from collections.abc import Callable
from threading import Event

from tidegate.optimise.boards import Board
from tidegate.optimise.engines import Engine
from tidegate.optimise.judging import Task
from tidegate.optimise.points import Row

BEAT_S = 0.5
"""Between two signs of life, and the longest wait for a row."""
Progress = Callable[[int], None]


def search(board: Board, engine: Engine, task: Task, total: int, progress: Progress | None = None) -> list[Row]:
    """Every row of the plan. On an interruption what is claimed is given back and what is done stays done."""
    held: set[int] = set()
    others = Event()
    say = progress or (lambda _done: None)
    done = len(board.rows())
    say(done)
    try:
        while True:
            for point in board.claim(engine.width - len(held)) if len(held) < engine.width else ():
                held.add(point.index)
                engine.submit(task, point)
            if not held:
                rows = board.rows()
                say(len(rows))
                if len(rows) >= total:
                    return list(rows)
                # Somebody else is at the rest.
                others.wait(BEAT_S)
                continue
            finished = engine.finished(BEAT_S)
            for row in finished:
                board.settle(row)
                held.discard(row.index)
            done += len(finished)
            say(done)
            board.beat(held)
    finally:
        board.release(held)
