"""Walk-forward: what a search would have chosen knowing the past only, and what that made afterwards.

The span is cut into K + 1 equal parts. Fold i searches parts 0 to i, leaves `purge` bars out, so that no position of
the search reaches into what follows, and plays the chosen parameters on part i + 1. The folds' plays follow one
another on one account. Owns the cutting and the playing; the searching is `search.py`'s.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from tidegate.errors import ConfigError
from tidegate.optimise.judging import GOALS, Task, played
from tidegate.optimise.points import Row

if TYPE_CHECKING:
    import pandas as pd

    from tidegate.backtest.results import Result
    from tidegate.history import History

BARS_MIN = 50
"""A part shorter than this tells nothing."""


class Fold(NamedTuple):
    """Bars that open in [begin_ms, end_ms) are searched, those in [out_ms, out_end_ms) are played. Milliseconds UTC."""

    number: int
    begin_ms: int
    end_ms: int
    out_ms: int
    out_end_ms: int

    def task(self, task: Task) -> Task:
        """The task of searching it."""
        return replace(task, begin_ms=self.begin_ms, end_ms=self.end_ms)


def folds_of(histories: Sequence["History"], begin_ms: int, end_ms: int, count: int, purge: int) -> list[Fold]:
    """`count` folds of the span. Raises ConfigError when the parts are too short."""
    bar_ms = histories[0].timeframe.ms
    bars = (end_ms - begin_ms) // bar_ms
    part = bars // (count + 1)
    if part - purge < BARS_MIN:
        raise ConfigError(
            [f"--walk-forward {count} --purge {purge}: parts of {part:,} bars are left; "
             f"at least {BARS_MIN} and the purge are needed"]
        )  # fmt: skip
    cuts = [begin_ms + each * part * bar_ms for each in range(count + 1)] + [end_ms]
    return [
        Fold(number, begin_ms, cuts[number] - purge * bar_ms, cuts[number], cuts[number + 1])
        for number in range(1, count + 1)
    ]


def walked(
    task: Task, histories: Sequence["History"], folds: Sequence[Fold], chosen: Sequence[Row | None]
) -> "tuple[pd.DataFrame, Result | None]":
    """The folds as a table, and what was played out of sample one after the other; None when nothing was chosen.

    The table: fold, from, until (searched), out_from, out_until (played), in_sample, out_of_sample (the first goal),
    trades and net (out of sample), the chosen parameters, problem.
    """
    import pandas as pd

    from tidegate.reports.metrics import metrics

    lines, plays = [], []
    equity_usd = task.rules.equity_usd
    for fold, row in zip(folds, chosen, strict=True):
        line: dict[str, object] = {
            "fold": fold.number,
            "from": pd.Timestamp(fold.begin_ms, unit="ms", tz="UTC"),
            "until": pd.Timestamp(fold.end_ms, unit="ms", tz="UTC"),
            "out_from": pd.Timestamp(fold.out_ms, unit="ms", tz="UTC"),
            "out_until": pd.Timestamp(fold.out_end_ms, unit="ms", tz="UTC"),
            "in_sample": row.values[0] if row is not None else None,
            "out_of_sample": None,
            "trades": 0,
            "net": 0.0,
            "problem": "" if row is not None else "no trial had a value",
        }
        if row is not None and equity_usd > 0:
            rules = replace(task.rules, equity_usd=equity_usd)
            out = replace(task, begin_ms=fold.out_ms, end_ms=fold.out_end_ms, rules=rules)
            try:
                result = played(out, histories, row.parameters)
            except (ConfigError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                lines.append(line | {"problem": f"it failed out of sample ({type(error).__name__}: {error})"})
                continue
            plays.append(result)
            equity_usd = float(result.equity["equity"].iloc[-1])
            line["out_of_sample"] = metrics(result)[GOALS[task.goals[0]].metric]
            line["trades"], line["net"] = len(result.trades), float(result.trades["net"].sum())
            line |= row.parameters
        lines.append(line)
    table = pd.DataFrame(lines).astype({"in_sample": "float64", "out_of_sample": "float64"})
    return table, _joined(plays)


def _joined(plays: "Sequence[Result]") -> "Result | None":
    """One result after the other; buy-and-hold goes on from where it was."""
    import pandas as pd

    if not plays:
        return None
    held, worth = [], float(plays[0].run.settings["equity_usd"])
    for play in plays:
        held.append(play.benchmark * (worth / float(play.run.settings["equity_usd"])))
        worth = float(held[-1].iloc[-1])
    run = replace(plays[0].run, end_ms=plays[-1].run.end_ms)
    prices = [play.prices for play in plays if play.prices is not None]
    return plays[0]._replace(
        run=run,
        trades=pd.concat([play.trades for play in plays], ignore_index=True),
        equity=pd.concat([play.equity for play in plays]),
        benchmark=pd.concat(held),
        prices=pd.concat(prices) if len(prices) == len(plays) else None,
    )
