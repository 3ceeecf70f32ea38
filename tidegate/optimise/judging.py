"""One point judged: the strategy with these parameters over the candles of the task. The same row wherever it runs.

What an author's strategy raises is the row's problem and stops nothing. Owns the goals. Searches nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tidegate.discovery import StrategySource, in_words, load
from tidegate.errors import ConfigError
from tidegate.optimise.points import Point, Row
from tidegate.parameters import Value

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from tidegate.backtest.results import Result
    from tidegate.backtest.rules import Rules
    from tidegate.history import History
    from tidegate.strategy import Strategy


class Goal(NamedTuple):
    """A figure of `reports.metrics` by its name there, and whether more of it is better."""

    metric: str
    maximise: bool = True


GOALS: Mapping[str, Goal] = {
    "sharpe": Goal("sharpe"),
    "net": Goal("net_profit"),
    "return": Goal("total_return"),
    "cagr": Goal("cagr"),
    "sortino": Goal("sortino"),
    "calmar": Goal("calmar"),
    "omega": Goal("omega"),
    "sqn": Goal("sqn"),
    "profit_factor": Goal("profit_factor"),
    "expectancy": Goal("expectancy"),
    "drawdown": Goal("max_drawdown"),
    "volatility": Goal("volatility", maximise=False),
    "ulcer": Goal("ulcer_index", maximise=False),
}
"""`max_drawdown` is negative: more of it is less of a fall."""


@dataclass(frozen=True)
class Task:
    """What all points of a search share.

    Bars open from `begin_ms` on and before `end_ms` are traded (milliseconds UTC); those before the begin warm up.
    """

    source: StrategySource
    goals: tuple[str, ...]
    rules: "Rules"
    begin_ms: int
    end_ms: int
    data_sha256: str
    code_version: str
    seed: int


def goals_of(text: str) -> tuple[str, ...]:
    """The goals that `--goal` names, with commas between. Raises ConfigError."""
    goals = tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    unknown = [each for each in goals if each not in GOALS]
    if unknown or not goals:
        raise ConfigError([f"--goal {', '.join(unknown) or 'nothing'}: there are {', '.join(GOALS)}"])
    return goals


def maximised(goals: Sequence[str]) -> tuple[bool, ...]:
    """Whether more is better, one a goal."""
    return tuple(GOALS[goal].maximise for goal in goals)


def judged(task: Task, histories: Sequence["History"], point: Point) -> Row:
    """The row of a point. What goes wrong in the strategy is its `problem`; only what is wrong with us is raised."""
    from tidegate.reports.metrics import metrics

    def row(values: tuple[float, ...], figures: Mapping[str, float | None], problem: str) -> Row:
        told = (task.data_sha256, task.code_version, task.seed, problem, point.attrs)
        return Row(point.index, dict(point.parameters), values, figures, *told)

    try:
        result = played(task, histories, point.parameters)
    except ConfigError as error:
        return row((), {}, "; ".join(error.problems))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an author's strategy may raise anything
        return row((), {}, in_words(error, task.source.path))
    figures = metrics(result)
    values = [figures[GOALS[goal].metric] for goal in task.goals]
    missing = [
        goal for goal, value in zip(task.goals, values, strict=True) if value is None or not math.isfinite(value)
    ]
    if missing:
        trades = figures.get("trades") or 0
        return row((), figures, f"{', '.join(missing)}: not defined for this run of {trades:g} trades")
    return row(tuple(float(value) for value in values if value is not None), figures, "")


def played(task: Task, histories: Sequence["History"], parameters: Mapping[str, Value]) -> "Result":
    """The backtest of one set of parameters over the task's span, warmed up by the bars before it."""
    from tidegate.backtest.engine import backtest

    strategy = strategy_of(task.source, parameters)
    spans = [span(history, strategy, task.begin_ms, task.end_ms) for history in histories]
    return backtest(
        strategy, spans, task.rules, begin_ms=task.begin_ms, name=task.source.name, code_version=task.code_version,
        seed=task.seed,
    )  # fmt: skip


def strategy_of(source: StrategySource, parameters: Mapping[str, Value]) -> "Strategy":
    """The strategy with these parameters. Raises ConfigError when it refuses them."""
    strategy = _class_of(source)(**parameters)
    if found := strategy.problems():
        raise ConfigError(found)
    return strategy


def span(history: "History", strategy: "Strategy", begin_ms: int, end_ms: int) -> "History":
    """The bars before `end_ms`, and as many before `begin_ms` as the strategy needs to speak at once."""
    bars = history.bars
    at_ms = open_ms(bars)
    first = int(at_ms.searchsorted(begin_ms))
    last = int(at_ms.searchsorted(end_ms))
    first = max(0, first - strategy.bars_needed(history.timeframe.ms))
    return history if first == 0 and last == len(bars) else history._replace(bars=bars.iloc[first:last])


def open_ms(bars: "pd.DataFrame") -> "npt.NDArray[np.int64]":
    """When the bars open, milliseconds UTC."""
    import pandas as pd

    assert isinstance(bars.index, pd.DatetimeIndex)
    return bars.index.as_unit("ms").asi8


@lru_cache(maxsize=4)
def _class_of(source: StrategySource) -> "type[Strategy]":
    return load(source)
