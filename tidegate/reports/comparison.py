"""Runs beside one another: the same figures in columns, equity from the same start, what differs between them."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.backtest.results import Result
from tidegate.reports.charts import Chart, compared
from tidegate.reports.curve import curve_of
from tidegate.reports.drawn import Line, line_of
from tidegate.reports.meanings import MEANINGS, told
from tidegate.reports.metrics import figures
from tidegate.reports.page import page_of, place_of, table
from tidegate.reports.report import whole

SHORT = (
    "total_return", "benchmark_return", "cagr", "max_drawdown", "volatility", "sharpe", "sortino", "calmar", "trades",
    "win_rate", "profit_factor", "expectancy", "exposure_time", "turnover", "fees", "funding", "slippage",
)  # fmt: skip
"""What the terminal shows; the page has all figures."""


def show(results: Sequence[Result], console: Console) -> None:
    """The most used figures of each run, a column a run, and the settings that differ."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("")
    for result in results:
        shown.add_column(Text(result.run.id), justify="right", overflow="fold")
    found = [figures(result) for result in results]
    for name in SHORT:
        cells = [Text(told(name, each[name].value)) for each in found]
        shown.add_row(Text(MEANINGS[name].title), *cells)
    for name, values in differences(results).items():
        shown.add_row(Text(name, style="dim"), *(Text(value, style="dim") for value in values))
    console.print(shown)


def differences(results: Sequence[Result]) -> dict[str, list[str]]:
    """What these runs do not have in common, by name, one value a run ("–" where a run has none)."""
    all_told = [_told(result) for result in results]
    names = dict.fromkeys(name for each in all_told for name in each)
    rows = {name: [each.get(name, "–") for each in all_told] for name in names}
    return {name: values for name, values in rows.items() if len(set(values)) > 1}


def write_comparison(results: Sequence[Result], path: Path) -> Path:
    """Write one page that holds the runs side by side; give its path."""
    lines = {f"{at}: {result.run.id}": _from_hundred(result) for at, result in enumerate(results, 1)}
    drawn: dict[str, Chart] = compared(lines)
    heads = [f"{at}: {result.run.strategy}" for at, result in enumerate(results, 1)]
    found = [figures(result) for result in results]
    all_rows = [
        (meaning.title, *(told(name, each[name].value) for each in found)) for name, meaning in MEANINGS.items()
    ]
    differing = [(name, *values) for name, values in differences(results).items()]
    named = "".join(f"<li><code>{escape(result.run.id)}</code></li>" for result in results)
    charts = "".join(
        f"<h2>{title}</h2>{place_of(name, drawn[name])}"
        for name, title in (("equity", "Equity, from 100"), ("drawdown", "Drawdown"))
    )
    body = (
        f"<h1>{len(results)} runs beside one another</h1><ol>{named}</ol>{charts}"
        f"<h2>Figures</h2>{table(('', *heads), all_rows, kind='compared')}"
        f"<h2>What differs</h2>{table(('', *heads), differing, kind='compared') if differing else '<p>Nothing.</p>'}"
    )
    return whole(path, page_of(f"Comparison: {', '.join(result.run.id for result in results)}", body, drawn))


def _told(result: Result) -> Mapping[str, str]:
    run = result.run
    plain: dict[str, Any] = {
        "kind": run.kind,
        "strategy": run.strategy,
        "coins": ", ".join(run.coins),
        "timeframe": run.timeframe,
        "candles (sha256)": run.data_sha256[:12],
        "code": run.code_version,
        "seed": run.seed,
        **{f"parameter {name}": value for name, value in run.parameters.items()},
        **run.settings,
    }
    return {name: str(value) for name, value in plain.items()}


def _from_hundred(result: Result) -> tuple[Line, Line]:
    """Equity from 100 and drawdown in percent."""
    curve = curve_of(result)
    if not curve.sound:
        return line_of(curve.close_ms[:0], curve.equity[:0]), line_of(curve.close_ms[:0], curve.equity[:0])
    return (
        line_of(curve.close_ms, curve.equity / curve.start * 100),
        line_of(curve.close_ms, curve.underwater() * 100),
    )
