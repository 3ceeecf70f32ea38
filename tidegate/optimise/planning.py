"""What to try next. Planned in batches from what is known before the batch, with Optuna's samplers, in memory.

A batch depends on the seed, its number and the rows of the batches before it, on nothing else: not on who judged them,
how many at a time or in which order they came back, nor on whether the search was interrupted between. So every
engine finds the same points. Judges nothing, keeps nothing.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tidegate.errors import ConfigError
from tidegate.optimise.points import Point, Row
from tidegate.optimise.space import Axis, Refuses, Space
from tidegate.parameters import Value

if TYPE_CHECKING:
    import optuna

SAMPLERS = ("tpe", "grid", "cmaes", "nsga2")
BATCH = 20
DRAWS_MAX = 100
"""So often a point is drawn anew, for each of a batch, when the strategy refuses it."""


@dataclass(frozen=True)
class Plan:
    """How a search goes on. `maximise`: one a goal. `trials` is the length; None with a grid means all of it."""

    space: Space
    maximise: tuple[bool, ...]
    sampler: str
    seed: int
    trials: int | None
    refuses: Refuses = field(compare=False)
    batch: int = BATCH

    def __post_init__(self) -> None:
        problems = []
        if self.sampler not in SAMPLERS:
            problems.append(f"--sampler {self.sampler}: one of {', '.join(SAMPLERS)} was expected")
        if len(self.maximise) > 1 and self.sampler == "cmaes":
            problems.append("--sampler cmaes knows one goal only; take nsga2 for several")
        if self.trials is None and self.sampler != "grid":
            problems.append("--trials: how many? only a grid knows by itself")
        if self.batch < 2:
            problems.append("--batch must be at least 2")
        if problems:
            raise ConfigError(problems)

    @cached_property
    def _grid(self) -> list[dict[str, Value]]:
        return self.space.grid(self.trials, self.refuses)

    @property
    def total(self) -> int:
        """How many points there will be."""
        return len(self._grid) if self.sampler == "grid" else self.trials or 0

    def batch_of(self, rows: Mapping[int, Row]) -> list[Point]:
        """The first batch that `rows` (by index) do not complete, its points with a row too; empty at the end.

        A grid is one batch.
        """
        whole = 0
        while whole in rows:
            whole += 1
        if whole >= self.total:
            return []
        if self.sampler == "grid":
            return [Point(index, self.space.whole(values)) for index, values in enumerate(self._grid)]
        number = whole // self.batch
        # The last batch is planned whole and cut: a longer search later begins with the same points.
        batch = self._drawn([rows[index] for index in range(number * self.batch)], number)
        return [point for point in batch if point.index < self.total]

    def _drawn(self, rows: Sequence[Row], number: int) -> list[Point]:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(directions=directions_of(self), sampler=self._sampler(number))
            distributions = distributions_of(self.space)
            study.add_trials([_trial(row, self.space, distributions) for row in rows])
            points: list[Point] = []
            draws = 0
            while len(points) < self.batch:
                draws += 1
                if draws > DRAWS_MAX * self.batch:
                    raise ConfigError(["the strategy refuses nearly every point; give it other ranges (--range)"])
                trial = study.ask(distributions)
                whole = self.space.whole(trial.params)
                if not self.refuses(whole):
                    notes = study.trials[trial.number].system_attrs
                    points.append(Point(len(rows) + len(points), whole, notes))
        return points

    def _sampler(self, number: int) -> "optuna.samplers.BaseSampler":
        from optuna import samplers

        seed = (self.seed * 1_000_003 + number) % 2**32
        if self.sampler == "cmaes":
            return samplers.CmaEsSampler(seed=seed, popsize=self.batch, warn_independent_sampling=False)
        if self.sampler == "nsga2":
            return samplers.NSGAIISampler(seed=seed, population_size=self.batch)
        return samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)


def directions_of(plan: Plan) -> "list[optuna.study.StudyDirection]":
    """One a goal, as Optuna has them."""
    from optuna.study import StudyDirection

    return [StudyDirection.MAXIMIZE if up else StudyDirection.MINIMIZE for up in plan.maximise]


def distributions_of(space: Space) -> "dict[str, optuna.distributions.BaseDistribution]":
    """The axes as Optuna has them, by name."""
    return {axis.name: _distribution(axis) for axis in space.axes}


def _distribution(axis: Axis) -> "optuna.distributions.BaseDistribution":
    from optuna import distributions as kinds

    if axis.choices:
        return kinds.CategoricalDistribution(axis.choices)
    if axis.kind is int:
        return kinds.IntDistribution(int(axis.low), int(axis.high), step=int(axis.step or 1))
    return kinds.FloatDistribution(axis.low, axis.high, step=axis.step)


def _trial(
    row: Row, space: Space, distributions: "dict[str, optuna.distributions.BaseDistribution]"
) -> "optuna.trial.FrozenTrial":
    import optuna

    searched = {axis.name: row.parameters[axis.name] for axis in space.axes}
    done = bool(row.values)
    state = optuna.trial.TrialState.COMPLETE if done else optuna.trial.TrialState.PRUNED
    return optuna.trial.create_trial(
        state=state,
        values=list(row.values) if done else None,
        params=searched,
        distributions=distributions,
        system_attrs=dict(row.attrs),
    )
