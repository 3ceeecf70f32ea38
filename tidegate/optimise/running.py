"""A whole optimisation: the search, the folds of the walk-forward, and the run that they leave in data/runs/.

Owns what makes two optimisations the same one: then they have the same id, and the later goes on where the earlier
stopped. Prints nothing, reads no settings.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tidegate.backtest.results import RUNS, Run, save
from tidegate.discovery import StrategySource, load
from tidegate.history import told_of
from tidegate.optimise.boards import Board, LocalBoard
from tidegate.optimise.choosing import best_of, table_of
from tidegate.optimise.engines import Engine
from tidegate.optimise.judging import GOALS, Task, maximised, open_ms, played
from tidegate.optimise.planning import Plan
from tidegate.optimise.points import Row
from tidegate.optimise.search import search
from tidegate.optimise.space import Space
from tidegate.optimise.versions import code_version_of
from tidegate.optimise.walking import Fold, folds_of, walked

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from tidegate.backtest.results import Result
    from tidegate.backtest.rules import Rules
    from tidegate.history import History

Telling = Callable[[str, int, int], None]
"""What is searched, how many points are done, of how many."""


@dataclass(frozen=True)
class Wish:
    """What a person asks for. Times in milliseconds UTC, None where the candles begin or end."""

    source: StrategySource
    space: Space
    goals: tuple[str, ...]
    sampler: str
    trials: int | None
    batch: int
    folds: int
    purge: int
    begin_ms: int | None
    end_ms: int | None
    seed: int


class Found(NamedTuple):
    """What came of it. `result` is what is kept as the run's trades and equity: out of sample where there are folds.

    `best` is the best trial over all of the span, `whole` its backtest. `run.id` names the folder.
    """

    run: Run
    rows: list[Row]
    best: Row | None
    whole: "Result | None"
    result: "Result | None"
    trials: "pd.DataFrame"
    folds: "pd.DataFrame"


class Optimisation:
    """One wish over these histories by these rules. Raises ConfigError for a wish that cannot be."""

    def __init__(self, wish: Wish, histories: "Sequence[History]", rules: "Rules", folder: Path = RUNS) -> None:
        self._wish, self._histories = wish, histories
        bar_ms = histories[0].timeframe.ms
        begin_ms = wish.begin_ms if wish.begin_ms is not None else min(int(open_ms(each.bars)[0]) for each in histories)
        last_ms = max(int(open_ms(each.bars)[-1]) for each in histories) + bar_ms
        end_ms = last_ms if wish.end_ms is None else min(wish.end_ms, last_ms)
        digest = hashlib.sha256("|".join(f"{each.coin}:{each.sha256}" for each in histories).encode()).hexdigest()
        self.task = Task(
            wish.source, wish.goals, rules, begin_ms, end_ms, digest, code_version_of(wish.source), wish.seed
        )
        cls = load(wish.source)
        self.plan = Plan(
            wish.space,
            maximised(wish.goals),
            wish.sampler,
            wish.seed,
            wish.trials,
            lambda values: bool(cls(**values).problems()),
            wish.batch,
        )
        self.folds: list[Fold] = folds_of(histories, begin_ms, end_ms, wish.folds, wish.purge) if wish.folds else []
        self.run = self._named()
        self.folder = folder / self.run.id
        self._folder = folder

    def local_board(self, name: str, plan: Plan) -> LocalBoard:
        """The rows of one search, beside the run."""
        return LocalBoard(self.folder / f"{name}.jsonl", plan)

    def searched(self, engine: Engine, board_of: Callable[[str, Plan], Board], telling: Telling) -> Found:
        """Everything, from the first point to the files of the run."""
        total = self.plan.total
        rows = self._rows("trials", self.task, engine, board_of, lambda done: telling("searching", done, total))
        chosen: list[Row | None] = []
        for fold in self.folds:
            words = f"fold {fold.number} of {len(self.folds)}"
            found = self._rows(
                f"fold-{fold.number}",
                fold.task(self.task),
                engine,
                board_of,
                lambda done, words=words: telling(words, done, total),  # type: ignore[misc]
            )
            chosen.append(best_of(found, self.plan.maximise))
        return self._kept(rows, chosen)

    def keep_trials(self, rows: Sequence[Row]) -> None:
        """Write the table of the trials, as far as they are."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(table_of(rows, self._wish.goals), self.folder / "trials.parquet")

    def _rows(
        self,
        name: str,
        task: Task,
        engine: Engine,
        board_of: Callable[[str, Plan], Board],
        telling: Callable[[int], None],
    ) -> list[Row]:
        board = board_of(name, self.plan)
        try:
            return search(board, engine, task, self.plan.total, telling)
        finally:
            if name == "trials":
                self.keep_trials(board.rows())
            board.close()

    def _kept(self, rows: list[Row], chosen: list[Row | None]) -> Found:
        import pandas as pd

        best = best_of(rows, self.plan.maximise)
        folds, outside = (
            walked(self.task, self._histories, self.folds, chosen) if self.folds else (pd.DataFrame(), None)
        )
        trials = table_of(rows, self._wish.goals)
        if best is None:
            return Found(self.run, rows, None, None, None, trials, folds)
        whole = played(self.task, self._histories, best.parameters)
        result = outside or whole
        settings = {**self.run.settings, "equity_is": "out of sample" if outside else "in sample", "trials": len(rows)}
        run = replace(
            self.run,
            parameters=dict(best.parameters),
            settings=settings,
            begin_ms=result.run.begin_ms,
            end_ms=result.run.end_ms,
            made_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        )
        if len(folds):
            _write(folds, self.folder / "folds.parquet")
        save(run, *result[1:], folder=self._folder)
        return Found(run, rows, best, whole, result._replace(run=run), trials, folds)

    def _named(self) -> Run:
        """The run before it has run: its id says what is searched, over what, how; not for how long or by whom."""
        wish, task = self._wish, self.task
        search_settings: Mapping[str, Any] = {
            "space": wish.space.told(),
            "fixed": dict(wish.space.fixed),
            "sampler": wish.sampler,
            "batch": wish.batch,
            "goals": list(wish.goals),
            "walk_forward": wish.folds,
            "purge": wish.purge,
        }
        # The steps of a grid follow from its size; other searches begin alike, however long they are.
        grid = {"grid": self.plan.total} if wish.sampler == "grid" else {}
        return Run(
            id="",
            kind="optimise",
            strategy=wish.source.name,
            parameters={},
            coins=tuple(each.coin for each in self._histories),
            timeframe=self._histories[0].timeframe.value,
            begin_ms=task.begin_ms,
            end_ms=task.end_ms,
            settings={
                **task.rules.told(),
                **told_of(self._histories),
                "goal": GOALS[wish.goals[0]].metric,
                "search": {**search_settings, **grid},
            },
            data_sha256=task.data_sha256,
            code_version=task.code_version,
            seed=wish.seed,
            made_at="",
        ).named()


def _write(table: "pd.DataFrame", path: Path) -> None:
    beside = path.with_name(f".{path.name}.part")
    table.to_parquet(beside, index=False)
    beside.replace(path)
