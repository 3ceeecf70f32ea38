"""Recorded candles, and what makes a recording unusable.

Owns the checks: every problem of every file is found and told at once, with the file, what was found, what was
expected and what to do. Never repairs a recording and never guesses.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.localnet.markets.candles import DAY_MS, INTERVALS, Bars, Floats, Ints
from tidegate.localnet.markets.table import TIMES, Kind, read_table

CANDLES = Kind(
    "candles",
    {
        "ts": TIMES,
        "open": ("open", "o"),
        "high": ("high", "h"),
        "low": ("low", "l"),
        "close": ("close", "c"),
        "volume": ("volume", "vol", "v", "base_volume", "volume_base"),
    },
    {"trades": ("trades", "n", "count", "number_of_trades")},
)
LENGTHS = {length_ms: name for name, length_ms in INTERVALS.items() if length_ms <= DAY_MS}
YEAR_2100_MS = 4_102_444_800_000


class BadRecording(ConfigError):
    """Recordings that cannot be replayed; `problems` has one line for each thing wrong."""


def utc(time_ms: int) -> str:
    """A moment for a human, to the second."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def read_candles(path: Path) -> tuple[Bars | None, list[str]]:
    """The candles of one file, or None and the problems."""
    columns, problems = read_table(path, CANDLES)
    if problems:
        return None, problems
    problems = [f"{path}: {problem}" for problem in _judge(columns)]
    if problems:
        return None, problems
    times = columns["ts"].astype(np.int64)
    interval_ms = _interval_ms(times, path)
    if interval_ms not in LENGTHS:
        return None, [
            f"{path}: candles lie {interval_ms / 60_000:g} minutes apart; expected {', '.join(LENGTHS.values())};"
            " resample the file to such an interval"
        ]
    off_grid = np.flatnonzero(times % interval_ms)
    if len(off_grid):
        return None, [
            f"{path}: {len(off_grid)} candles do not open on the {LENGTHS[interval_ms]} grid, first"
            f" {utc(int(times[off_grid[0]]))}; expected open times (not close times) that are multiples of the interval"
            " in UTC; correct the times"
        ]
    open_, high, low, close, volume = (columns[name] for name in ("open", "high", "low", "close", "volume"))
    trades = columns.get("trades", np.zeros(len(times))).astype(np.int64)
    return Bars(interval_ms, times, open_, high, low, close, volume, trades), []


def _judge(columns: dict[str, Floats]) -> list[str]:
    """What is wrong with the values, without the file's name."""
    times = columns["ts"]
    if not len(times):
        return ["holds no candles; expected at least one row; record or download it again"]
    problems: list[str] = []

    def judge(wrong: NDArray[np.bool_], what: str, expected: str) -> None:
        at = np.flatnonzero(wrong)
        if len(at):
            row = int(at[0])
            shown = ", ".join(
                f"{name} {columns[name][row]:.12g}" for name in ("open", "high", "low", "close", "volume")
            )
            when = utc(int(times[row])) if 0 < times[row] < YEAR_2100_MS else f"row {row + 1}"
            problems.append(
                f"{len(at)} candles {what}, first {when} ({shown}); expected {expected}; repair or remove them"
            )

    names = ("open", "high", "low", "close")
    with np.errstate(invalid="ignore"):
        judge(~np.all([np.isfinite(column) for column in columns.values()], axis=0), "hold NaN or infinity", "numbers")
        judge(
            ~((times > 0) & (times < YEAR_2100_MS)), "have an impossible time", "UTC open times between 1970 and 2100"
        )
        judge(
            np.any([columns[name] <= 0 for name in names], axis=0), "have a price of zero or less", "prices above zero"
        )
        judge(columns["volume"] < 0, "have a negative volume", "base units")
        judge(columns["high"] < columns["low"], "have their high below their low", "low <= high")
        open_, high, low, close = (columns[name] for name in names)
        outside = (np.maximum(open_, close) > high) | (np.minimum(open_, close) < low)
        judge(outside & (high >= low), "open or close outside their range", "low <= open, close <= high")
        later = np.diff(times, prepend=times[0] - 1)
        judge(later == 0, "repeat the time of the one before", "each open time once")
        judge(later < 0, "are older than the one before", "ascending open times")
    return problems


def _interval_ms(times: Ints, path: Path) -> int:
    """The most frequent distance; for a single candle what the file's name says (BTC_5m_...), else a minute."""
    if len(times) > 1:
        distances, counts = np.unique(np.diff(times), return_counts=True)
        return int(distances[counts.argmax()])
    return next((INTERVALS[word] for word in path.name.split("_") if word in INTERVALS), INTERVALS["1m"])
