"""What a person sees of an optimisation: what will be searched, how far it is, what came of it and what speaks against.

Prints; decides nothing.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tidegate.optimise.causality import foresight
from tidegate.optimise.choosing import best_of, front_of
from tidegate.optimise.judging import GOALS, strategy_of

if TYPE_CHECKING:
    import pandas as pd

    from tidegate.history import History
    from tidegate.optimise.points import Row
    from tidegate.optimise.running import Found, Optimisation, Telling, Wish

PROGRESS_AFTER_S = 2.0
LINE_EVERY_S = 10.0
"""Where nobody watches."""
SHOWN = 5
FIGURES = ("total_return", "max_drawdown", "sharpe", "trades")


def introduce(one: "Optimisation", wish: "Wish", histories: "Sequence[History]", console: Console) -> None:
    """What will be done, before it takes its time; and whether the strategy sees the future."""
    for history in histories:
        for remark in history.remarks:
            _say(console, f"{history.coin} candles: {remark}")
    axes = ", ".join(
        f"{axis.name} {' or '.join(map(str, axis.choices)) if axis.choices else f'{axis.low:g} to {axis.high:g}'}"
        for axis in wish.space.axes
    )
    begin, end = (datetime.fromtimestamp(at / 1000, UTC) for at in (one.task.begin_ms, one.task.end_ms))
    each = f" in each of {len(one.folds)} folds and over all" if one.folds else ""
    span = f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    _say(console, f"{wish.source.name} on {', '.join(one.run.coins)}, {one.run.timeframe}, {span}")
    _say(console, f"{one.plan.total:,} trials{each} by {wish.sampler} for {', '.join(wish.goals)}; seed {wish.seed}")
    _say(console, f"searched: {axes}")
    first = one.plan.batch_of({})[0].parameters
    for warning in foresight(strategy_of(wish.source, first), histories):
        _say(console, f"warning: {warning}", "red")


@contextmanager
def telling(console: Console) -> Iterator["Telling"]:
    """Progress for anything over two seconds: a line that is written anew, or now and then one where nobody watches."""
    begun_s = time.monotonic()
    told_s = begun_s
    with console.status("") as status:
        status.stop()
        shown = False

        def tell(what: str, done: int, total: int) -> None:
            nonlocal told_s, shown
            now_s = time.monotonic()
            if now_s - begun_s < PROGRESS_AFTER_S:
                return
            words = f"{what}: {done:,} of {total:,} trials"
            if console.is_terminal:
                if not shown:
                    status.start()
                    shown = True
                status.update(words)
            elif now_s - told_s > LINE_EVERY_S:
                told_s = now_s
                _say(console, words)

        yield tell


def show_found(found: "Found", goals: Sequence[str], maximise: Sequence[bool], console: Console) -> None:
    """The best trials, the folds, and every reason not to believe them."""
    without = [row for row in found.rows if row.problem]
    if without:
        _say(console, f"{len(without):,} of {len(found.rows):,} trials have no value, such as {without[0].problem}")
    if found.best is None or found.whole is None:
        _say(console, "no trial has a value: nothing was found", "red")
        return
    rows = _leading(found.rows, maximise)
    console.print()
    console.print(_trials(rows, goals, found.best), highlight=False)
    if len(found.folds):
        console.print()
        console.print(_folds(found.folds, goals[0]), highlight=False)
    console.print()
    _doubts(found, console)
    told = ",".join(f"{name}={value}" for name, value in found.best.parameters.items())
    kept = "; its equity is what the folds made out of sample" if len(found.folds) else "; its equity is in sample"
    _say(console, f"best: STRATEGY_PARAMS={told}")
    _say(console, f"run {found.run.id}: python bot.py report {found.run.id}{kept}")


def _leading(rows: "Sequence[Row]", maximise: Sequence[bool]) -> "list[Row]":
    if len(maximise) > 1:
        return front_of(rows, maximise)[: 2 * SHOWN]
    left = list(rows)
    leading: list[Row] = []
    while len(leading) < SHOWN and (best := best_of(left, maximise)) is not None:
        leading.append(best)
        left.remove(best)
    return leading


def _trials(rows: "Sequence[Row]", goals: Sequence[str], best: "Row") -> Table:
    others = [name for name in FIGURES if name not in {GOALS[goal].metric for goal in goals}]
    names = list(best.parameters)
    table = Table("trial", *goals, *(name.replace("_", " ") for name in others), *names, box=None, pad_edge=False)
    table.header_style = "bold"
    for column in table.columns:
        column.justify = "right"
    for row in rows:
        figures = (_figure(name, row.metrics.get(name)) for name in others)
        values = (_value(row.parameters[name]) for name in names)
        table.add_row(str(row.index), *(f"{value:.4g}" for value in row.values), *figures, *values)
    return table


def _folds(folds: "pd.DataFrame", goal: str) -> Table:
    table = Table("fold", "searched until", "played", f"{goal} in sample", "out of sample", "trades", "net USD",
                  box=None, pad_edge=False, header_style="bold")  # fmt: skip
    for column in table.columns[3:]:
        column.justify = "right"
    for fold in folds.to_dict("records"):
        span = f"{fold['out_from']:%Y-%m-%d} to {fold['out_until']:%Y-%m-%d}"
        inside, outside = (_figure("", fold[name]) for name in ("in_sample", "out_of_sample"))
        net = f"{fold['net']:+,.2f}"
        table.add_row(str(fold["fold"]), f"{fold['until']:%Y-%m-%d}", span, inside, outside, str(fold["trades"]), net)
    return table


def _doubts(found: "Found", console: Console) -> None:
    from tidegate.reports.honesty import doubts
    from tidegate.reports.search import Search

    assert found.whole is not None
    doubt = doubts(found.whole, Search(found.trials, found.folds, str(found.run.settings["goal"])))
    deflated = doubt.deflated_sharpe
    likely = f"{deflated.value:.0%}" if deflated.value is not None else f"not to be told ({deflated.reason})"
    _say(console, f"{doubt.trials:,} trials; deflated Sharpe: {likely}; luck alone shows {doubt.sharpe_by_luck:.2f}")
    for warning in doubt.warnings:
        _say(console, f"warning: {warning}", "yellow")


def _figure(name: str, value: float | None) -> str:
    if value is None or value != value:
        return "-"
    if name in ("total_return", "max_drawdown"):
        return f"{value:+.1%}"
    return f"{value:,.0f}" if name == "trades" else f"{value:.3g}"


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _say(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
