"""The charts of a page as plotly understands them: plain values that become JSON.

Times UTC, percent where a fraction is meant. Every text of a run's is escaped: plotly reads markup in labels.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from tidegate.reports.drawn import SIGNIFICANT, CoinTrades, Drawn, Line, label, moments_of
from tidegate.reports.search import Heat
from tidegate.reports.style import COMPARED, FAINT, GAIN, HEAT, HELD, INK, LOSS, OURS, PAPER, RULE, SOFT

Chart = dict[str, Any]
BINS = 40
MANY = 100
"""With more trades of a kind their marks are smaller."""
AXIS: Chart = {"gridcolor": RULE, "zerolinecolor": "#c5ccd4", "linecolor": RULE, "automargin": True, "fixedrange": True}


def charts(shown: Drawn) -> dict[str, Chart]:
    """Every chart of a report by its name, those with something to show."""
    found: dict[str, Chart] = {}
    if len(shown.equity.values) > 1:
        found["equity"] = _equity(shown)
        found["drawdown"] = _drawdown(shown)
        found["exposure"] = _exposure(shown)
    for at, coin in enumerate(shown.coins):
        found[f"trades-{at}"] = _trades(coin)
    for name in found:
        found[name]["layout"]["xaxis"] |= _whole_span(shown)
    if len(shown.nets):
        found["nets"] = _histogram(shown.nets, "net of a trade, USD", "trades")
        found["costs"] = _costs(shown.costs)
    if len(shown.daily) > 1:
        found["daily"] = _histogram(shown.daily * 100, "return of a day, %", "days")
    if shown.heat is not None:
        found["parameters"] = _heat(shown.heat)
    if len(shown.drawdowns):
        found["orders"] = _orders(shown)
    return found


def compared(lines: Mapping[str, tuple[Line, Line]]) -> dict[str, Chart]:
    """Equity from 100 and drawdown of several runs by name, in colours of their own."""
    found: dict[str, Chart] = {}
    for at, (name, suffix, height) in enumerate((("equity", "", 340), ("drawdown", " %", 240))):
        data = [
            _scatter(both[at], escape(title), COMPARED[number % len(COMPARED)])
            for number, (title, both) in enumerate(lines.items())
        ]
        layout = _layout(height, yaxis={"ticksuffix": suffix}, showlegend=True)
        found[name] = {"data": data, "layout": layout}
    return found


def plain(value: Any) -> Any:
    """The same chart of values that JSON knows: moments as text, seven digits, None for what is no number."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind == "M":
        return [str(each) for each in value]
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(each) for each in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{SIGNIFICANT}g}") if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value


def _layout(height: int, **more: Any) -> Chart:
    layout = {
        "height": height,
        "autosize": True,
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "font": {"color": INK, "size": 12},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"color": FAINT}},
        "hovermode": "x unified",
        "dragmode": False,
        "xaxis": dict(AXIS),
        "yaxis": dict(AXIS),
    }
    for name, value in more.items():
        layout[name] = {**AXIS, **value} if name in ("xaxis", "yaxis") else value
    return layout


def _scatter(line: Line, name: str, colour: str, times: float = 1.0, **more: Any) -> Chart:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": line.moments,
        "y": line.values * times,
        "line": {"color": colour, "width": 1.5},
        **more,
    }


def _whole_span(shown: Drawn) -> Chart:
    """All charts over time begin and end with the run, whatever of it has something to show."""
    moments = shown.equity.moments
    return {"range": moments[[0, -1]]} if len(moments) > 1 else {}


def _equity(shown: Drawn) -> Chart:
    lines = [_scatter(shown.held, "buy-and-hold", HELD), _scatter(shown.equity, "equity", OURS)]
    return {"data": lines, "layout": _layout(320, yaxis={"ticksuffix": " USD"})}


def _drawdown(shown: Drawn) -> Chart:
    filled = {"fill": "tozeroy", "fillcolor": SOFT}
    lines = [
        _scatter(shown.underwater, "drawdown", OURS, 100, **filled),
        _scatter(shown.held_underwater, "of buy-and-hold", HELD, 100),
    ]
    return {"data": lines, "layout": _layout(220, yaxis={"ticksuffix": " %"})}


def _exposure(shown: Drawn) -> Chart:
    line = _scatter(shown.exposure, "exposure", OURS, 100, fill="tozeroy", fillcolor=SOFT)
    return {"data": [line], "layout": _layout(200, yaxis={"ticksuffix": " %", "rangemode": "tozero"}, showlegend=False)}


def _trades(coin: CoinTrades) -> Chart:
    """Entries, exits, and a line between them in the colour of the outcome."""
    data: list[Chart] = []
    if coin.price is not None:
        data.append(_scatter(coin.price, "price", HELD, hoverinfo="skip"))
    won = coin.trades["net"] > 0
    for name, colour, rows in (("won", GAIN, coin.trades[won]), ("lost", LOSS, coin.trades[~won])):
        if len(rows):
            data.append(_between(rows, name, colour))
            data.append(_marks(rows, colour, "opened", "entry_price", _sides(rows), f"in, {name}", _entry_words))
            data.append(_marks(rows, colour, "closed", "exit_price", "x-thin-open", f"out, {name}", _exit_words))
    layout = _layout(340, hovermode="closest", dragmode="zoom", xaxis={"fixedrange": False})
    return {"data": data, "layout": layout}


def _between(rows: pd.DataFrame, name: str, colour: str) -> Chart:
    gaps: list[None] = [None] * len(rows)
    times = [str(each) for each in moments_of(rows["opened"])], [str(each) for each in moments_of(rows["closed"])], gaps
    prices = list(rows["entry_price"]), list(rows["exit_price"]), gaps
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [each for three in zip(*times, strict=True) for each in three],
        "y": [each for three in zip(*prices, strict=True) for each in three],
        "line": {"color": colour, "width": 1.2},
        "connectgaps": False,
        "hoverinfo": "skip",
    }


def _sides(rows: pd.DataFrame) -> list[str]:
    return ["triangle-up" if each > 0 else "triangle-down" for each in rows["direction"]]


def _marks(
    rows: pd.DataFrame, colour: str, when: str, price: str, symbol: Any, name: str, words: Callable[[Any], str]
) -> Chart:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "showlegend": False,
        "x": moments_of(rows[when]),
        "y": np.asarray(rows[price], dtype=np.float64),
        "marker": {
            "color": colour,
            "symbol": symbol,
            "size": 7 if len(rows) < MANY else 4,
            "line": {"color": colour, "width": 1.5},
        },
        "text": [words(row) for row in rows.itertuples()],
        "hovertemplate": "%{text}<extra></extra>",
        "cliponaxis": False,
    }


def _entry_words(row: Any) -> str:
    side = "long" if row.direction > 0 else "short"
    return f"{side} {row.size:g} {escape(str(row.coin))} at {row.entry_price:,.6g}<br>{row.opened:%Y-%m-%d %H:%M}"


def _exit_words(row: Any) -> str:
    return f"{escape(str(row.reason))} at {row.exit_price:,.6g}: {row.net:+,.2f} USD<br>{row.closed:%Y-%m-%d %H:%M}"


def _bars(counts: Iterable[float], edges: "np.ndarray[Any, np.dtype[np.float64]]", colours: Any) -> Chart:
    return {
        "type": "bar",
        "x": (edges[:-1] + edges[1:]) / 2,
        "y": np.asarray(counts),
        "width": np.diff(edges),
        "marker": {"color": colours, "line": {"color": PAPER, "width": 0.5}},
    }


def _histogram(values: Any, across: str, up: str) -> Chart:
    counts, edges = binned(values)
    colours = [GAIN if low + high > 0 else LOSS for low, high in pairwise(edges)]
    layout = _layout(260, xaxis={"title": {"text": across}}, yaxis={"title": {"text": up}}, hovermode="closest")
    return {"data": [_bars(counts, edges, colours)], "layout": {**layout, "showlegend": False, "bargap": 0}}


def binned(values: Any) -> tuple[Any, Any]:
    """How many values lie where: counts and the edges between, 0 being an edge where it is inside."""
    values = values[np.isfinite(values)]
    low, high = float(np.min(values, initial=0.0)), float(np.max(values, initial=0.0))
    width = (high - low) / BINS
    if not width > 0:
        return np.histogram(values, bins=1, range=(low - 0.5, low + 0.5))
    edges = np.arange(math.floor(low / width), math.ceil(high / width) + 1) * width
    return np.histogram(values, bins=edges)


def _costs(costs: dict[str, float]) -> Chart:
    """From gross to net in steps."""
    steps = [costs["gross"], -costs["fees"], -costs["funding"], -costs["slippage"], costs["net"]]
    bars = {
        "type": "waterfall",
        "x": ["gross", "fees", "funding", "slippage", "net"],
        "measure": ["absolute", "relative", "relative", "relative", "total"],
        "y": steps,
        "text": [f"{each:+,.2f}" for each in steps],
        "textposition": "outside",
        "cliponaxis": False,
        "increasing": {"marker": {"color": GAIN}},
        "decreasing": {"marker": {"color": LOSS}},
        "totals": {"marker": {"color": OURS}},
        "connector": {"line": {"color": RULE}},
    }
    return {"data": [bars], "layout": _layout(280, yaxis={"ticksuffix": " USD"}, showlegend=False, hovermode=False)}


def _heat(heat: Heat) -> Chart:
    data = {
        "type": "heatmap",
        "x": [escape(label(each)) for each in heat.x_labels],
        "y": [escape(label(each)) for each in heat.y_labels],
        "z": heat.values,
        "colorscale": [list(each) for each in HEAT],
        "hovertemplate": "%{x}, %{y}: %{z:.4g}<extra></extra>",
        "hoverongaps": False,
        "xgap": 2,
        "ygap": 2,
        **({"zmid": 0} if heat.has_both_signs else {}),
        "colorbar": {"title": {"text": escape(label(heat.goal))}, "thickness": 10, "outlinewidth": 0},
    }
    axes = {
        "xaxis": {"title": {"text": escape(label(heat.x))}, "type": "category"},
        "yaxis": {"title": {"text": escape(label(heat.y))}, "type": "category"},
    }
    return {"data": [data], "layout": _layout(340 if heat.y else 180, hovermode="closest", **axes)}


def _orders(shown: Drawn) -> Chart:
    counts, edges = np.histogram(shown.drawdowns * 100, bins=BINS)
    mark = {"type": "line", "x0": shown.drawdown * 100, "x1": shown.drawdown * 100, "yref": "paper", "y0": 0, "y1": 1}
    layout = _layout(
        260,
        xaxis={"title": {"text": "deepest drawdown in another order, %"}},
        yaxis={"title": {"text": "orders"}},
        hovermode="closest",
        shapes=[mark | {"line": {"color": INK, "width": 1.5, "dash": "dot"}}],
        showlegend=False,
        bargap=0,
    )
    return {"data": [_bars(counts, edges, HELD)], "layout": layout}
