"""A search as tables: every set of parameters that was tried, and the folds of a walk-forward.

Reads `trials.parquet` and `folds.parquet` beside a run's `run.json`. Searches nothing itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from tidegate.errors import ConfigError

TRIALS, FOLDS = "trials.parquet", "folds.parquet"
IN_SAMPLE, OUT_OF_SAMPLE = "in_sample", "out_of_sample"
VALUE = "value"
GOALS = (VALUE, "sharpe", "net_profit", "total_return")
"""Columns that a trial is judged by, the first that is there: a search writes `value`."""
CELLS_MIN, CELLS_MAX = 4, 12
"""So many rows or columns of a heat map are still readable."""
FEWEST_VALUES = 3
"""Fewer values of a parameter have edges only."""


class Edge(NamedTuple):
    """A chosen value that is the lowest or the highest of those tried."""

    parameter: str
    value: float
    side: str
    low: float
    high: float


class Heat(NamedTuple):
    """The mean of the goal over two parameters: `values[row of y][column of x]`, NaN where nothing was tried.

    With one parameter only, `y` is empty and there is one row.
    """

    goal: str
    x: str
    y: str
    x_labels: tuple[str, ...]
    y_labels: tuple[str, ...]
    values: npt.NDArray[np.float64]

    @property
    def has_both_signs(self) -> bool:
        """Whether 0 lies within: then it is the middle of the colours, and what lost is not green."""
        known = self.values[np.isfinite(self.values)]
        return bool((known < 0).any() and (known > 0).any())


@dataclass(frozen=True)
class Search:
    """`trials`: one row a trial, a column a parameter, columns for the goal and other figures; empty without a search.

    `folds`: one row a fold of the walk-forward, columns in_sample and out_of_sample hold the goal.
    """

    trials: pd.DataFrame = field(default_factory=pd.DataFrame)
    folds: pd.DataFrame = field(default_factory=pd.DataFrame)
    goal: str = ""

    @property
    def count(self) -> int:
        """How many trials there were."""
        return len(self.trials)

    def daily_sharpe_variance(self) -> float | None:
        """How far the Sharpe of a day scatters among the trials; None where the trials do not tell it."""
        if "sharpe" not in self.trials.columns:
            return None
        yearly = pd.to_numeric(self.trials["sharpe"], errors="coerce").to_numpy(dtype=np.float64)
        yearly = yearly[np.isfinite(yearly)]
        return float(np.var(yearly, ddof=1)) / 365 if len(yearly) > 1 else None

    def edges(self, chosen: Mapping[str, Any]) -> list[Edge]:
        """Which of the chosen parameters lie at the edge of the values tried."""
        found = []
        for name in self.names(chosen):
            tried, value = _numbers(self.trials[name]), _number(chosen[name])
            if value is None or len(np.unique(tried)) < FEWEST_VALUES:
                continue
            low, high = float(np.min(tried)), float(np.max(tried))
            if value <= low or value >= high:
                found.append(Edge(name, value, "lower" if value <= low else "upper", low, high))
        return found

    def names(self, chosen: Mapping[str, Any]) -> list[str]:
        """The parameters that the trials vary."""
        return [name for name in chosen if name in self.trials.columns and self.trials[name].nunique() > 1]

    def goal_column(self) -> str | None:
        """Which column the trials are judged by."""
        return next((name for name in (VALUE, self.goal, *GOALS) if name in self.trials.columns), None)

    def kept(self) -> tuple[float, float] | None:
        """Mean of the goal in sample and out of sample; None without a walk-forward."""
        if not {IN_SAMPLE, OUT_OF_SAMPLE} <= set(self.folds.columns):
            return None
        both = self.folds[[IN_SAMPLE, OUT_OF_SAMPLE]].apply(pd.to_numeric, errors="coerce").dropna()
        return (float(both[IN_SAMPLE].mean()), float(both[OUT_OF_SAMPLE].mean())) if len(both) else None

    def heat(self, chosen: Mapping[str, Any]) -> Heat | None:
        """The goal over the two parameters that matter most; None where nothing was varied or judged."""
        goal = self.goal_column()
        if goal is None or not self.names(chosen):
            return None
        values = _numbers(self.trials[goal])
        cells = {name: _cells(self.trials[name]) for name in self.names(chosen)}
        names = sorted(cells, key=lambda name: -_explained(cells[name][1], values))[:2]
        x_labels, x_at = cells[names[0]]
        y_labels, y_at = cells[names[1]] if len(names) > 1 else (("",), np.zeros(self.count, dtype=int))
        sums, counts = np.zeros((2, len(y_labels), len(x_labels)))
        sound = np.isfinite(values)
        np.add.at(sums, (y_at[sound], x_at[sound]), values[sound])
        np.add.at(counts, (y_at[sound], x_at[sound]), 1.0)
        means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        return Heat(
            self.goal if goal == VALUE and self.goal else goal,
            names[0],
            names[1] if len(names) > 1 else "",
            x_labels,
            y_labels,
            means,
        )


def search_of(folder: Path, goal: str = "") -> Search:
    """The trials and folds in the folder of a run; empty tables where there are none.

    Raises ConfigError for a file that cannot be read.
    """
    return Search(_table(folder / TRIALS), _table(folder / FOLDS), goal)


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame()
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: cannot be read ({type(error).__name__}: {error})"]) from error


def _cells(column: "pd.Series[Any]") -> tuple[tuple[str, ...], npt.NDArray[np.int_]]:
    """A parameter's values as the cells of an axis: each its own, or ranges where they are too many."""
    values = _numbers(column)
    if not np.isfinite(values).all():  # a choice among words
        codes, words = pd.factorize(column.astype(str), sort=True)
        return tuple(str(word) for word in words), np.asarray(codes)
    different = np.unique(values)
    count = int(np.clip(np.sqrt(len(values)), CELLS_MIN, CELLS_MAX))  # few trials over many ranges leave holes
    if len(different) <= CELLS_MAX:
        return tuple(f"{each:g}" for each in different), np.searchsorted(different, values)
    borders = np.linspace(different[0], different[-1], count + 1)
    labels = tuple(f"{low:.4g} – {high:.4g}" for low, high in pairwise(borders))
    return labels, np.clip(np.searchsorted(borders, values, side="right") - 1, 0, count - 1)


def _explained(at: npt.NDArray[np.int_], values: npt.NDArray[np.float64]) -> float:
    """The share of the goal's scatter that lies between the cells of a parameter, 0 to 1 (the correlation ratio)."""
    at, values = at[np.isfinite(values)], values[np.isfinite(values)]
    scatter = float(np.sum((values - np.mean(values)) ** 2)) if len(values) else 0.0
    if not scatter > 0:
        return 0.0
    counts = np.bincount(at)
    means = np.bincount(at, values) / np.maximum(counts, 1)
    return float(np.sum(counts * (means - np.mean(values)) ** 2)) / scatter


def _numbers(column: "pd.Series[Any]") -> npt.NDArray[np.float64]:
    numbers: npt.NDArray[np.float64] = np.asarray(pd.to_numeric(column, errors="coerce"), dtype=np.float64)
    return numbers


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
