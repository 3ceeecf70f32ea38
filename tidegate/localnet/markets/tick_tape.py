"""Recorded ticks: the best bid and ask of a coin as they changed, or its trades, read from Parquet and CSV files.

Owns the columns of both kinds and the checks: every problem of every file is told at once. Never repairs a recording
and never guesses, except for the side of a trade where none was recorded: then a price that rose was bought.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.localnet.markets.candles import Floats, Ints, exact
from tidegate.localnet.markets.table import TIMES, Kind, fits, headings, read_table
from tidegate.localnet.markets.tape import YEAR_2100_MS, utc

QUOTES = Kind(
    "quotes",
    {
        "ts": TIMES,
        "bid": ("bid_price", "bid", "bid_px", "best_bid", "bidprice"),
        "bid_size": ("bid_size", "bid_sz", "bid_qty", "bid_amount", "bidsize"),
        "ask": ("ask_price", "ask", "ask_px", "best_ask", "askprice"),
        "ask_size": ("ask_size", "ask_sz", "ask_qty", "ask_amount", "asksize"),
    },
)
TRADES = Kind(
    "trades",
    {"ts": TIMES, "price": ("price", "px", "p"), "size": ("size", "sz", "qty", "quantity", "amount", "q")},
    {"side": ("side", "taker_side", "direction")},
    {"b": 1.0, "buy": 1.0, "bid": 1.0, "a": -1.0, "s": -1.0, "sell": -1.0, "ask": -1.0},
)
CHUNK = 4096  # rows turned into exact numbers at a time


class Tick(NamedTuple):
    """One row: the book's touch (`bid`, `ask`, sizes zero where a side was empty) or a trade (`side` is not empty)."""

    time_ms: int
    bid: Decimal
    bid_sz: Decimal
    ask: Decimal
    ask_sz: Decimal
    side: str = ""
    px: Decimal = Decimal(0)
    sz: Decimal = Decimal(0)


@dataclass(frozen=True, eq=False)
class TickTape:
    """The judged ticks of one coin from one file; `columns` are floats beside the times."""

    kind: Kind
    time_ms: Ints
    columns: dict[str, Floats]

    def rows(self, start: int, stop: int) -> Iterator[Tick]:
        """The ticks from row `start` up to and without `stop`, exact."""
        zero = Decimal(0)
        for at in range(start, stop, CHUNK):
            end = min(at + CHUNK, stop)
            times = self.time_ms[at:end].tolist()
            cut = {name: column[at:end].tolist() for name, column in self.columns.items()}
            if self.kind is QUOTES:
                figures = ([exact(value) for value in cut[name]] for name in ("bid", "bid_size", "ask", "ask_size"))
                yield from map(Tick, times, *figures)
                continue
            for time_ms, px, sz, side in zip(times, cut["price"], cut["size"], cut["side"], strict=True):
                yield Tick(time_ms, zero, zero, zero, zero, "B" if side > 0 else "A", exact(px), exact(sz))


def tick_kind(path: Path) -> Kind | None:
    """Quotes or trades by the file's headings, None for anything else."""
    names = headings(path)
    return next((kind for kind in (QUOTES, TRADES) if fits(kind, names)), None)


def read_ticks(path: Path, kind: Kind) -> tuple[TickTape | None, list[str]]:
    """The ticks of one file, or None and the problems."""
    columns, problems = read_table(path, kind)
    if not problems:
        problems = [f"{path}: {problem}" for problem in _judge(kind, columns)]
    if problems:
        return None, problems
    times = columns.pop("ts").astype(np.int64)
    if kind is TRADES and "side" not in columns:
        columns["side"] = _sides(columns["price"])
    return TickTape(kind, times, columns), []


def _sides(price: Floats) -> Floats:
    """+1 where the price rose or, unmoved, had risen last; -1 elsewhere."""
    moved = np.sign(np.diff(price, prepend=price[0]))
    last = np.maximum.accumulate(np.where(moved != 0, np.arange(len(moved)), 0))
    return np.where(moved[last] < 0, -1.0, 1.0)


def _judge(kind: Kind, columns: dict[str, Floats]) -> list[str]:
    """What is wrong with the values, without the file's name."""
    times = columns["ts"]
    if not len(times):
        return [f"holds no {kind.name}; expected at least one row; record or download it again"]
    problems: list[str] = []

    def judge(wrong: NDArray[np.bool_], what: str, expected: str) -> None:
        at = np.flatnonzero(wrong)
        if len(at):
            row = int(at[0])
            when = utc(int(times[row])) if 0 < times[row] < YEAR_2100_MS else f"row {row + 1}"
            shown = ", ".join(f"{name} {column[row]:.12g}" for name, column in columns.items() if name != "ts")
            problems.append(
                f"{len(at)} {kind.name} {what}, first {when} ({shown}); expected {expected}; repair or remove them"
            )

    prices, sizes = (("bid", "ask"), ("bid_size", "ask_size")) if kind is QUOTES else (("price",), ("size",))
    with np.errstate(invalid="ignore"):
        judge(~np.all([np.isfinite(column) for column in columns.values()], axis=0), "hold no number", "numbers")
        judge(~((times > 0) & (times < YEAR_2100_MS)), "have an impossible time", "UTC times between 1970 and 2100")
        judge(
            np.any([columns[name] <= 0 for name in prices], axis=0), "have a price of zero or less", "positive prices"
        )
        judge(np.diff(times, prepend=times[0]) < 0, "are older than the one before", "ascending times")
        if kind is QUOTES:
            judge(
                np.any([columns[name] < 0 for name in sizes], axis=0), "have a negative size", "sizes of zero or more"
            )
            judge(columns["bid"] >= columns["ask"], "are crossed", "bid < ask")
        else:
            judge(columns["size"] <= 0, "have a size of zero or less", "base units")
    return problems
