"""One run as one HTML file that needs nothing else: no network, no other file, scripts and pictures within.

Everything that comes from a run is text and stays text. A policy in the page forbids the browser to ask for anything.
"""

import base64
import importlib
import json
import math
from collections.abc import Hashable, Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from tidegate import __version__
from tidegate.backtest.results import Result
from tidegate.reports.charts import Chart, plain
from tidegate.reports.drawn import MONTHS, Drawn, years_of
from tidegate.reports.honesty import EQUITY_IS, Doubts
from tidegate.reports.meanings import MEANINGS, told
from tidegate.reports.metrics import Figure
from tidegate.reports.search import IN_SAMPLE, OUT_OF_SAMPLE, Search
from tidegate.reports.style import STYLE

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
TILES = ("total_return", "benchmark_return", "max_drawdown", "sharpe", "trades", "win_rate", "profit_factor", "costs")
TRADES_SHOWN = 10
FOLDS_SHOWN = 50
DRAW = """
for (const place of document.querySelectorAll(".chart")) {
  const chart = JSON.parse(document.getElementById(place.id + "-values").textContent);
  if (innerWidth < 700) chart.layout.dragmode = false;
  Plotly.newPlot(place, chart.data, chart.layout, {responsive: true, displayModeBar: false});
}
"""
Cells = Iterable[object]


class Mark(str):
    """Text that is markup already."""


def page_of(title: str, body: str, drawn: Mapping[str, Chart]) -> str:
    """A whole page: its style, the drawing library and the values of the charts within it."""
    values = "".join(
        f'<script type="application/json" id="{escape(name)}-values">{as_json(chart)}</script>'
        for name, chart in drawn.items()
    )
    library = importlib.import_module("plotly.offline").get_plotlyjs() if drawn else ""
    scripts = f"<script>{library}</script>{values}<script>{DRAW}</script>" if drawn else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main>{scripts}</body></html>\n"
    )


def report_page(
    result: Result,
    figures: Mapping[str, Figure],
    found: Doubts,
    search: Search,
    shown: Drawn,
    drawn: Mapping[str, Chart],
    pictures: Mapping[str, Path],
) -> str:
    """The report of a run. `drawn`: its charts by name; `pictures`: the PNGs shown where scripts do not run."""
    body = [_head(result), _tiles(figures), _warnings(found.warnings)]
    body += [_section("Equity", _charts(drawn, ("equity",)), "After all costs, marked at the close of each bar.")]
    body += [_section("Drawdown", _charts(drawn, ("drawdown",)))]
    body += [_trades(shown, drawn), _section("Months", _months(shown.months))]
    still = f"{shown.still_days:,} days without a return are left out." if shown.still_days else ""
    body += [_section("Distribution", f'<div class="two">{_charts(drawn, ("nets", "daily"))}</div>', still)]
    body += [
        _section(
            "Exposure", _charts(drawn, ("exposure",)), "Notional over equity, a mean over each stretch of a long run."
        )
    ]
    body += [_section("Costs", _charts(drawn, ("costs",)) + _reasons(result))]
    goal = f"Mean {shown.heat.goal} of all trials with these values, over what matters most." if shown.heat else ""
    body += [_section("Parameters", _charts(drawn, ("parameters",)), goal)]
    body += [_robustness(found, search, drawn), _figures(figures), _some_trades(result), _origin(result)]
    body += [_without_scripts(pictures)]
    run = result.run
    return page_of(f"{run.strategy} on {', '.join(run.coins)}: {run.id}", "".join(body), drawn)


def as_json(chart: Chart) -> str:
    """A chart as JSON that may stand within a script element."""
    text = json.dumps(plain(chart), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def table(head: Cells, rows: Iterable[Cells], *, kind: str = "") -> str:
    """A table; the first cell of a row stands left, all others right. Wider than the screen, it scrolls by itself."""
    titles = "".join(f"<th{_side(at)}>{_cell(each)}</th>" for at, each in enumerate(head))
    lines = "".join(
        "<tr>" + "".join(f"<td{_side(at)}>{_cell(each)}</td>" for at, each in enumerate(row)) + "</tr>" for row in rows
    )
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def place_of(name: str, chart: Chart) -> str:
    """Where a chart is drawn, as high as it will be, so that nothing moves when it is."""
    height = chart["layout"]["height"]
    return f'<div class="chart" id="{name}" role="img" aria-label="{name}" style="height:{height}px"></div>'


def _side(at: int) -> str:
    return ' class="n"' if at else ""


def _cell(value: object) -> str:
    return str(value) if isinstance(value, Mark) else escape(str(value))


def _section(title: str, content: str, note: str = "") -> str:
    """A part of the page; nothing at all where it would be empty."""
    if not content.replace('<div class="two"></div>', ""):
        return ""
    below = f'<p class="faint">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{below}{content}</section>"


def _charts(drawn: Mapping[str, Chart], names: Iterable[str]) -> str:
    return "".join(place_of(name, drawn[name]) for name in names if name in drawn)


def _head(result: Result) -> str:
    run = result.run
    sample = f", {run.settings[EQUITY_IS]}" if EQUITY_IS in run.settings else ""
    return (
        f"<h1>{escape(run.strategy)} on {escape(', '.join(run.coins))}</h1>"
        f'<p class="faint">{escape(run.kind + sample)}, {escape(run.timeframe)} bars, {_day(run.begin_ms)} to '
        f"{_day(run.end_ms)} (UTC). Run <code>{escape(run.id)}</code></p>"
    )


def _day(moment_ms: int) -> str:
    return f"{datetime.fromtimestamp(moment_ms / 1000, UTC):%Y-%m-%d %H:%M}"


def _tiles(figures: Mapping[str, Figure]) -> str:
    tiles = "".join(
        f"<div><span>{escape(MEANINGS[name].title)}</span><b>{escape(told(name, figures[name].value))}</b></div>"
        for name in TILES
    )
    return f'<div class="tiles">{tiles}</div>'


def _warnings(warnings: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(each)}</li>" for each in warnings)
    return f'<div class="warnings" role="note"><b>Before you believe it</b><ul>{items}</ul></div>' if items else ""


def _trades(shown: Drawn, drawn: Mapping[str, Chart]) -> str:
    parts = []
    for at, coin in enumerate(shown.coins):
        left = (
            f" (the last {len(coin.trades):,}; {coin.left_out:,} earlier ones are not drawn)" if coin.left_out else ""
        )
        parts.append(f"<h3>{escape(coin.coin)}{left}</h3>{_charts(drawn, (f'trades-{at}',))}")
    rest = f" {shown.coins_left_out} more coins are not drawn." if shown.coins_left_out else ""
    rest += f" No trade in {', '.join(shown.untraded)}." if shown.untraded else ""
    marks = "Triangles are entries (up: long, down: short), crosses are exits. Green won, red lost."
    return _section("Trades", "".join(parts), f"{marks} With a mouse, drag across to look closer.{rest}")


def _months(months: Mapping[tuple[int, int], float]) -> str:
    if not months:
        return ""
    head = "".join(f"<th>{each}</th>" for each in ("", *MONTHS, "Year"))
    rows = []
    for year, whole in sorted(years_of(dict(months)).items()):
        cells = [(name, months.get((year, at))) for at, name in enumerate(MONTHS, 1)]
        shown = "".join(_month(name, value) for name, value in (*cells, ("Year", whole)))
        rows.append(f'<tr><th scope="row">{year}</th>{shown}</tr>')
    return f'<table class="months"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _month(name: str, value: float | None) -> str:
    if value is None:
        return f'<td data-month="{name}">·</td>'
    kind = "gain" if value > 0 else "loss" if value < 0 else ""
    number = f"{value * 100:+.1f}" if kind else "0.0"
    return f'<td class="{kind}" data-month="{name}">{number} %</td>'


def _reasons(result: Result) -> str:
    """How trades ended, and what that made."""
    grouped = result.trades.groupby("reason")["net"].agg(["count", "sum", "mean"])
    rows: list[Cells] = [
        (str(reason), f"{row['count']:,.0f}", f"{row['sum']:+,.2f}", f"{row['mean']:+,.2f}")
        for reason, row in grouped.iterrows()
    ]
    return f"<h3>How trades ended</h3>{table(('', 'trades', 'net, USD', 'each'), rows)}" if rows else ""


def _robustness(found: Doubts, search: Search, drawn: Mapping[str, Chart]) -> str:
    rows: list[Cells] = [
        ("Trials before this one was chosen", f"{found.trials:,}"),
        ("Probabilistic Sharpe (the true one is above 0)", _share(found.probabilistic_sharpe)),
        ("Sharpe that luck alone reaches with so many trials", f"{found.sharpe_by_luck:.2f}"),
        ("Deflated Sharpe (the true one is above that)", _share(found.deflated_sharpe)),
    ]
    if found.without_best is not None:
        rows.append(("Net without the best trade", f"{found.without_best:+,.2f} USD"))
    if found.shuffled is not None:
        count = f"{found.shuffled.draws:,}"
        rows += [
            (f"Deepest drawdown in {count} other orders: 5 %, 50 %, 95 %", _percent(*found.shuffled.drawdowns)),
            (f"Return in {count} new draws of trades: 5 %, 50 %, 95 %", _percent(*found.shuffled.returns, sign="+")),
            ("Of these draws, those that lose", _percent(found.shuffled.loss_share)),
        ]
    return _section("Robustness", table(("", ""), rows) + _charts(drawn, ("orders",)) + _folds(search))


def _share(figure: Figure) -> str:
    return f"– ({figure.reason})" if figure.value is None else _percent(figure.value)


def _percent(*fractions: float, sign: str = "-") -> str:
    """Fractions as the page shows them everywhere: 12.3 %."""
    return ", ".join(f"{each * 100:{sign}.1f} %" for each in fractions)


def _folds(search: Search) -> str:
    if search.kept() is None:
        return ""
    rows: list[Cells] = [
        (_fold(at, row), _value(row[IN_SAMPLE]), _value(row[OUT_OF_SAMPLE]))
        for at, row in enumerate(search.folds.head(FOLDS_SHOWN).to_dict("records"), 1)
    ]
    return f"<h3>Walk-forward</h3>{table(('played', 'in sample', 'out of sample'), rows, kind='folds')}"


def _fold(at: int, row: Mapping[Hashable, Any]) -> str:
    """When a fold was played, where its row tells, else its number."""
    begin, end = row.get("out_from"), row.get("out_until")
    if begin is None or end is None:
        return str(at)
    return Mark(f'<span class="whole">{at}: {str(begin)[:10]} to {str(end)[:10]}</span>')


def _value(number: Any) -> str:
    return f"{number:,.4g}" if number is not None and math.isfinite(number) else "–"


def _figures(figures: Mapping[str, Figure]) -> str:
    parts = []
    for group in dict.fromkeys(meaning.group for meaning in MEANINGS.values()):
        rows: list[Cells] = []
        for name, figure in figures.items():
            meaning = MEANINGS[name]
            if meaning.group == group:
                why = Mark(f"<small>{escape(figure.reason or meaning.formula)}</small>")
                title = Mark(f'{escape(meaning.title)} <span class="formula">{why}</span>')
                rows.append((title, told(name, figure.value)))
        parts.append(f"<div><h3>{escape(group)}</h3>{table(('', ''), rows)}</div>")
    return _section("All figures", f'<div class="two">{"".join(parts)}</div>')


def _some_trades(result: Result) -> str:
    ordered = result.trades.sort_values("net", ascending=False, kind="stable")
    if not len(ordered):
        return ""
    some = ordered if len(ordered) <= 2 * TRADES_SHOWN else None
    best, worst = ordered.head(TRADES_SHOWN), ordered.tail(TRADES_SHOWN)[::-1]
    head = ("coin", "side", "opened (UTC)", "held, bars", "entry", "exit", "reason", "costs, USD", "net, USD")
    if some is not None:
        return _section("Trades, best first", table(head, map(_trade, some.itertuples()), kind="trades"))
    content = f"<h3>Best</h3>{table(head, map(_trade, best.itertuples()), kind='trades')}"
    return _section(
        "Best and worst trades", f"{content}<h3>Worst</h3>{table(head, map(_trade, worst.itertuples()), kind='trades')}"
    )


def _trade(row: Any) -> Cells:
    side = "long" if row.direction > 0 else "short"
    costs = row.fees + row.funding + row.slippage
    prices = (f"{row.entry_price:,.6g}", f"{row.exit_price:,.6g}")
    return (
        row.coin,
        side,
        f"{row.opened:%Y-%m-%d %H:%M}",
        row.bars,
        *prices,
        row.reason,
        f"{costs:,.2f}",
        f"{row.net:+,.2f}",
    )


def _origin(result: Result) -> str:
    run = result.run
    rows: list[Cells] = [
        ("made", run.made_at),
        ("code", run.code_version),
        ("candles (sha256)", run.data_sha256),
        ("seed", run.seed),
        *((f"parameter {name}", value) for name, value in run.parameters.items()),
        *((name, value) for name, value in run.settings.items()),
    ]
    lines = "".join(f"<tr><td>{_cell(name)}</td><td>{_cell(value)}</td></tr>" for name, value in rows)
    return (
        f"<section><h2>Where it comes from</h2><details><summary>parameters, account, candles, code</summary>"
        f'<div class="wide"><table><tbody>{lines}</tbody></table></div></details>'
        f'<p class="faint">Tidegate {escape(__version__)}. The past says little about the future.</p></section>'
    )


def _without_scripts(pictures: Mapping[str, Path]) -> str:
    images = "".join(
        f'<img alt="{escape(name)}" src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}">'
        for name, path in pictures.items()
    )
    return f"<noscript><h2>Pictures</h2>{images}</noscript>" if images else ""
