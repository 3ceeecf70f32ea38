"""The charts of a report as PNG files, drawn without a screen. The same figures as on the page, without a mouse."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from tidegate.reports.charts import BINS, MANY, binned
from tidegate.reports.drawn import MONTHS, CoinTrades, Drawn, Line, label, moments_of
from tidegate.reports.search import Heat
from tidegate.reports.style import FAINT, GAIN, HEAT, HELD, INK, LOSS, OURS, RULE, SOFT

WIDTH_IN, DPI = 8.0, 110
COSTS = ("gross", "fees", "funding", "slippage", "net")


def pictures(shown: Drawn, folder: Path) -> dict[str, Path]:
    """Draw every picture of a report into `folder`, and give them by name."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Path] = {}
    for name, height, rows, draw in _plan(shown):
        figure = Figure(figsize=(WIDTH_IN, height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        draw([_quiet(figure.add_subplot(rows, 1, at + 1)) for at in range(rows)])
        found[name] = folder / f"{name}.png"
        figure.savefig(found[name])
    return found


def _plan(shown: Drawn) -> list[tuple[str, float, int, Callable[[list[Axes]], None]]]:
    """Name, height in inches, charts one below the other, and who draws them."""
    plan: list[tuple[str, float, int, Callable[[list[Axes]], None]]] = []
    if len(shown.equity.values) > 1:
        plan.append(("equity", 5.0, 2, lambda axes: _equity(shown, axes)))
        plan.append(("exposure", 2.2, 1, lambda axes: _exposure(shown, axes[0])))
    if shown.coins:
        count = len(shown.coins)
        plan.append(("trades", 1.0 + 2.6 * count, count, lambda axes: _coins(shown, axes)))
    if shown.months:
        years = len({year for year, _ in shown.months})
        plan.append(("months", 1.2 + 0.4 * years, 1, lambda axes: _months(shown, axes[0])))
    if len(shown.nets):
        plan.append(("distribution", 4.4, 2, lambda axes: _distribution(shown, axes)))
        plan.append(("costs", 2.8, 1, lambda axes: _costs(shown, axes[0])))
    heat = shown.heat
    if heat is not None:
        plan.append(("parameters", 3.6 if heat.y else 1.8, 1, lambda axes: _heat(heat, axes[0])))
    if len(shown.drawdowns):
        plan.append(("robustness", 2.8, 1, lambda axes: _orders(shown, axes[0])))
    return plan


def _quiet(axes: Axes) -> Axes:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.tick_params(colors=FAINT, labelsize=8)
    axes.grid(color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def _named(axes: Axes, across: str = "", up: str = "") -> None:
    axes.set_xlabel(_literal(across), color=FAINT, fontsize=8)
    axes.set_ylabel(_literal(up), color=FAINT, fontsize=8)


def _literal(text: str) -> str:
    """A dollar sign of a run's is a dollar sign, not the beginning of a formula."""
    return label(text).replace("$", r"\$")


def _plot(axes: Axes, line: Line, colour: str, name: str, times: float = 1.0) -> None:
    values: Any = line.values * times
    axes.plot(line.moments, values, color=colour, linewidth=1.2, label=name)


def _equity(shown: Drawn, axes: list[Axes]) -> None:
    above, below = axes
    _plot(above, shown.held, HELD, "buy-and-hold")
    _plot(above, shown.equity, OURS, "equity")
    _named(above, up="USD")
    above.legend(frameon=False, fontsize=8, labelcolor=INK)
    under: Any = shown.underwater.values * 100
    below.fill_between(shown.underwater.moments, under, color=SOFT)
    _plot(below, shown.held_underwater, HELD, "buy-and-hold", 100)
    _plot(below, shown.underwater, OURS, "equity", 100)
    _named(below, up="drawdown, %")


def _exposure(shown: Drawn, axes: Axes) -> None:
    values: Any = shown.exposure.values * 100
    axes.fill_between(shown.exposure.moments, values, color=SOFT, linewidth=0)
    _plot(axes, shown.exposure, OURS, "exposure", 100)
    _named(axes, up="exposure, %")


def _coins(shown: Drawn, axes: list[Axes]) -> None:
    for each, coin in zip(axes, shown.coins, strict=True):
        _trades(coin, each)


def _trades(coin: CoinTrades, axes: Axes) -> None:
    if coin.price is not None:
        _plot(axes, coin.price, HELD, "price")
    rows = coin.trades
    opened, closed = moments_of(rows["opened"]), moments_of(rows["closed"])
    entry, leave = np.asarray(rows["entry_price"], dtype=np.float64), np.asarray(rows["exit_price"], dtype=np.float64)
    won, long = np.asarray(rows["net"]) > 0, np.asarray(rows["direction"]) > 0
    for hits, colour in ((won, GAIN), (~won, LOSS)):
        gaps = np.full(int(hits.sum()), np.datetime64("NaT"))
        times: Any = np.column_stack((opened[hits], closed[hits], gaps)).ravel()
        prices = np.column_stack((entry[hits], leave[hits], np.full(len(gaps), np.nan))).ravel()
        axes.plot(times, prices, color=colour, linewidth=1.0)
        for sides, mark in ((long, "^"), (~long, "v")):
            at: Any = opened[hits & sides]
            axes.plot(at, entry[hits & sides], mark, color=colour, markersize=4 if len(rows) < MANY else 2.5)
    _named(axes, up=coin.coin)


def _months(shown: Drawn, axes: Axes) -> None:
    years = sorted({year for year, _ in shown.months})
    table = np.full((len(years), 12), np.nan)
    for (year, month), value in shown.months.items():
        table[years.index(year), month - 1] = value * 100
    greatest = float(np.nanmax(np.abs(table))) or 1.0
    axes.imshow(table, cmap=_colours(), vmin=-greatest, vmax=greatest, aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(range(12), MONTHS)
    axes.set_yticks(range(len(years)), [str(year) for year in years])
    for row, column in zip(*np.nonzero(np.isfinite(table)), strict=True):
        axes.text(column, row, f"{table[row, column]:+.1f}", ha="center", va="center", fontsize=8, color=INK)


def _distribution(shown: Drawn, axes: list[Axes]) -> None:
    for each, values, across in (
        (axes[0], shown.nets, "net of a trade, USD"),
        (axes[1], shown.daily * 100, "return of a day, %"),
    ):
        if len(values):
            counts, edges = binned(values)
            colours = [GAIN if low + high > 0 else LOSS for low, high in pairwise(edges)]
            each.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=colours)
        _named(each, across)


def _costs(shown: Drawn, axes: Axes) -> None:
    steps = [shown.costs["gross"], *(-shown.costs[name] for name in COSTS[1:-1]), shown.costs["net"]]
    begins = [0.0, *np.cumsum(steps[:-2]), 0.0]
    colours = [OURS, *(GAIN if step > 0 else LOSS for step in steps[1:-1]), OURS]
    axes.bar(range(len(COSTS)), steps, bottom=begins, color=colours, width=0.6)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    labels = [f"{name}\n{step:+,.2f}" for name, step in zip(COSTS, steps, strict=True)]
    axes.set_xticks(range(len(COSTS)), labels)
    _named(axes, up="USD")


def _heat(heat: Heat, axes: Axes) -> None:
    greatest = float(np.nanmax(np.abs(heat.values))) if heat.has_both_signs else None
    least = -greatest if greatest is not None else None
    drawn = axes.imshow(heat.values, cmap=_colours(), aspect="auto", origin="lower", vmin=least, vmax=greatest)
    axes.grid(visible=False)
    axes.set_xticks(range(len(heat.x_labels)), [_literal(each) for each in heat.x_labels], rotation=30, ha="right")
    axes.set_yticks(range(len(heat.y_labels)), [_literal(each) for each in heat.y_labels])
    _named(axes, heat.x, heat.y)
    if axes.figure is not None:
        axes.figure.colorbar(drawn, ax=axes, label=_literal(heat.goal))


def _orders(shown: Drawn, axes: Axes) -> None:
    axes.hist(shown.drawdowns * 100, bins=BINS, color=HELD)
    axes.axvline(shown.drawdown * 100, color=INK, linestyle=":")
    _named(axes, "drawdown in other orders, %", "orders")


def _colours() -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("gains", list(HEAT))
