"""The report on a screen: each trade by every way, what differs and why, at the end what nobody could explain."""

from collections import Counter
from typing import TYPE_CHECKING

from tidegate.parity.comparing import Difference, listed
from tidegate.parity.playing import Report, moment
from tidegate.parity.trades import Key, Trade

if TYPE_CHECKING:
    from rich.console import Console


def show(report: Report, console: "Console", *, whole: bool = True) -> None:
    """Print it; without `whole` only the sums."""
    given = report.given
    span = f"{moment(report.begin_ms)} to {moment(given.until_ms)} UTC"
    coins, length = ", ".join(given.settings.coins), given.settings.timeframe.value
    console.print(f"{given.settings.strategy} on {coins}, {length}, {span}", highlight=False)
    if whole:
        _trades(report, console)
    console.print()
    for line in _sums(report):
        console.print(line, highlight=False, soft_wrap=True)
    for line in report.unexplained:
        console.print(f"UNEXPLAINED {line}", style="red", highlight=False, markup=False, soft_wrap=True)


def _trades(report: Report, console: "Console") -> None:
    from rich.table import Table

    by_key: dict[Key, list[Difference]] = {}
    for each in (*report.against_backtest, *report.against_bot):
        by_key.setdefault(each.key, []).append(each)
    trades = [way.by_key() for way in report.ways]
    for key in sorted({key for way in trades for key in way}, key=lambda key: (key[1], key[0])):
        console.print()
        table = Table(box=None, pad_edge=False, show_header=False)
        for way, own in zip(report.ways, trades, strict=True):
            table.add_row(way.name, *(_row(own[key]) if key in own else ["-"]))
        console.print(table, highlight=False, soft_wrap=True)
        for each in by_key.get(key, []):
            style = "" if each.explained else "red"
            text = f"  {each.what}: {each.kind or 'UNEXPLAINED'}: {each.text}"
            console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def _row(trade: Trade) -> list[str]:
    closed = ["still open", ""]
    if trade.closed_ms is not None and trade.exit_price is not None:
        closed = [moment(trade.closed_ms)[5:], f"{trade.exit_price.normalize():f}"]
    opened = [moment(trade.opened_ms), f"{trade.entry_price.normalize():f}"]
    reason = "" if trade.closed_ms is None else trade.reason
    return [trade.coin, trade.side, f"{trade.size.normalize():f}", *opened, *closed, reason]


def _sums(report: Report) -> list[str]:
    counts = ", ".join(f"{way.name} {len(way.trades)}" for way in report.ways)
    lines = [f"trades: {counts}"]
    backtest, simulation, *_ = report.ways
    rows = [[(*row[:2], *row[3:]) for row in listed(report.given, way)] for way in (backtest, simulation)]
    same = "the same" if rows[0] == rows[1] else "not the same"
    lines.append(f"backtest and simulation: bars, sides and reasons are {same}; {_kinds(report.against_backtest)}")
    if report.identical is not None:
        lists = "identical (bars, sides, sizes, reasons)" if report.identical else "NOT identical"
        lines.append(f"simulation and bot: the lists of trades are {lists}; {_kinds(report.against_bot)}")
    for name, heard in report.heard.items():
        counted = Counter(heard.otherwise.values())
        others = "".join(f", {count} others because {why}" for why, count in counted.items())
        lines.append(f"signals of the {name}: {heard.compared} held against the backtest's{others}")
    return lines


def _kinds(differences: tuple[Difference, ...]) -> str:
    counted = Counter(each.kind or "UNEXPLAINED" for each in differences)
    told = ", ".join(f"{count} {kind}" for kind, count in counted.most_common())
    return f"differences: {told}" if told else "no differences"
