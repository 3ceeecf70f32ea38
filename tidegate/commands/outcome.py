"""What a person sees of a run that was played: the figures beside buy-and-hold, what speaks against them, where it is.

Prints; plays nothing and decides nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from tidegate.backtest.results import Result
    from tidegate.history import History


def show(
    result: "Result", histories: "Sequence[History]", notes: Iterable[str], place: Path, console: "Console"
) -> None:
    """The run as a table; then what was repaired in its candles, `notes`, and how to see more of it."""
    from rich.table import Table

    from tidegate.reports.metrics import metrics

    run = result.run
    span = " to ".join(f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}" for at in (run.begin_ms, run.end_ms))
    told = ", ".join(f"{name}={value}" for name, value in run.parameters.items())
    console.print(f"{run.strategy} on {', '.join(run.coins)}, {run.timeframe}, {span} UTC", highlight=False)
    console.print(f"parameters: {told or 'none'}", highlight=False)
    table = Table("", "strategy", "buy and hold", box=None, header_style="bold", pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in _rows(metrics(result), result):
        table.add_row(*row)
    console.print()
    console.print(table, highlight=False)
    console.print()
    for remark in dict.fromkeys(each for history in histories for each in history.remarks):
        coins = ", ".join(history.coin for history in histories if remark in history.remarks)
        console.print(f"{coins} candles: {remark}", highlight=False, markup=False, soft_wrap=True)
    for line in notes:
        console.print(f"note: {line}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"run {run.id} in {place}/", highlight=False, markup=False, soft_wrap=True)
    console.print(f"report: python bot.py report {run.id}", highlight=False, markup=False, soft_wrap=True)


def warn(lines: Iterable[str], console: "Console") -> None:
    """What makes a result worth nothing."""
    for line in lines:
        console.print(f"warning: {line}", style="red", highlight=False, markup=False, soft_wrap=True)


def _rows(figures: dict[str, float | None], result: "Result") -> list[tuple[str, str, str]]:
    def share(name: str) -> str:
        value = figures.get(name)
        return "-" if value is None else f"{value:+.2%}" if "return" in name or "drawdown" in name else f"{value:.1%}"

    def usd(value: float | None) -> str:
        return "-" if value is None else f"{value:,.2f}"

    equity, held = result.equity["equity"], result.benchmark
    return [
        ("return", share("total_return"), share("benchmark_return")),
        ("deepest drawdown", share("max_drawdown"), share("benchmark_max_drawdown")),
        ("final equity, USD", usd(float(equity.iloc[-1])), usd(float(held.iloc[-1]))),
        ("trades", f"{len(result.trades):,}", "-"),
        ("won", share("win_rate"), "-"),
        ("time in the market", share("exposure_time"), "-"),
        ("fees, USD", usd(figures.get("fees")), "-"),
        ("funding, USD", usd(figures.get("funding")), "-"),
        ("slippage, USD", usd(figures.get("slippage")), "-"),
    ]
