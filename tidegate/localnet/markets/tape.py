"""Recorded candles read from Parquet and CSV files, and what makes a recording unusable.

Owns the checks: every problem of every file is found and told at once, with the file, what was found, what was
expected and what to do. Never repairs a recording and never guesses.
"""

import csv
import gzip
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.localnet.markets.candles import DAY_MS, INTERVALS, Bars, Floats, Ints

CANDLES_IN_FILE_MAX = 10_000_000
HEADINGS: dict[str, tuple[str, ...]] = {
    "ts": ("ts", "t", "time", "time_ms", "timestamp", "date", "datetime", "open_time", "opentime"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v", "base_volume", "volume_base"),
}
TRADES_HEADINGS = ("trades", "n", "count", "number_of_trades")
LENGTHS = {length_ms: name for name, length_ms in INTERVALS.items() if length_ms <= DAY_MS}
# Times are told apart by size: seconds, milliseconds, microseconds, nanoseconds since the epoch.
UNITS = ((1e11, 1000.0), (1e14, 1.0), (1e17, 1e-3), (math.inf, 1e-6))
YEAR_2100_MS = 4_102_444_800_000


class BadRecording(ConfigError):
    """Recordings that cannot be replayed; `problems` has one line for each thing wrong."""


def utc(time_ms: int) -> str:
    """A moment for a human, to the second."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def read_candles(path: Path) -> tuple[Bars | None, list[str]]:
    """The candles of one file, or None and the problems."""
    columns, problems = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
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


def _read_parquet(path: Path) -> tuple[dict[str, Floats], list[str]]:
    import pyarrow as pa  # a third of a second, and only replays need it
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            found, problems = _headings(path, names)
            if file.metadata.num_rows > CANDLES_IN_FILE_MAX:
                problems.append(_too_many(path))
            if problems:
                return {}, problems
            table = file.read(columns=list(found.values()))
    except (OSError, pa.ArrowException) as error:
        return {}, [f"{path}: cannot be read as Parquet ({_one_line(error)}); expected a Parquet file of candles"]
    columns: dict[str, Floats] = {}
    for name, heading in found.items():
        column = table.column(heading)
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
        if not (
            pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)
        ):
            problems.append(f"{path}: column {heading} holds {column.type}; expected numbers; convert the column")
            continue
        columns[name] = np.asarray(
            column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64
        )
    if not problems and len(columns["ts"]):
        columns["ts"] = columns["ts"] * _unit(columns["ts"])
    return columns, problems


def _read_csv(path: Path) -> tuple[dict[str, Floats], list[str]]:
    values: dict[str, list[float]] = {}
    problems: list[str] = []
    unreadable: list[str] = []
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            heading = next(reader, [])
            found, problems = _headings(path, heading)
            if problems:
                return {}, problems
            places: list[tuple[str, int, Callable[[str], float]]] = [
                (name, heading.index(text), _time if name == "ts" else float) for name, text in found.items()
            ]
            values = {name: [] for name in found}
            for line, row in enumerate(reader, start=2):
                if not row:
                    continue
                try:
                    parsed = [read(row[place]) for _, place, read in places]
                except (ValueError, IndexError):
                    unreadable.append(f"line {line}: {','.join(row)[:60]!r}")
                    continue
                for (name, _, _), value in zip(places, parsed, strict=True):
                    values[name].append(value)
                if line > CANDLES_IN_FILE_MAX:
                    return {}, [_too_many(path)]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        return {}, [f"{path}: cannot be read as CSV ({_one_line(error)}); expected UTF-8 text with a heading line"]
    if unreadable:
        problems.append(
            f"{path}: {len(unreadable)} lines do not hold numbers in every column, first {unreadable[0]};"
            " expected a time and five numbers; repair or remove these lines"
        )
    columns = {name: np.array(column, dtype=np.float64) for name, column in values.items()}
    if len(columns["ts"]):
        columns["ts"] = columns["ts"] * _unit(columns["ts"])
    return columns, problems


def _headings(path: Path, names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Which of the file's headings is which column."""
    by_lower = {name.strip().lower().replace(" ", "_"): name for name in names}
    found = {
        column: by_lower[next(known for known in known_as if known in by_lower)]
        for column, known_as in {**HEADINGS, "trades": TRADES_HEADINGS}.items()
        if any(known in by_lower for known in known_as)
    }
    missing = [column for column in HEADINGS if column not in found]
    if not missing:
        return found, []
    return {}, [
        f"{path}: no column for {', '.join(missing)} (found {', '.join(names)[:120] or 'an empty file'}); expected"
        f" {' '.join(HEADINGS)}; add a heading line or rename the columns"
    ]


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


def _unit(times: Floats) -> float:
    largest = float(np.nanmax(times, initial=0.0))
    return next(factor for bound, factor in UNITS if largest < bound)


def _time(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000


def _too_many(path: Path) -> str:
    return f"{path}: more than {CANDLES_IN_FILE_MAX} candles; cut the file to the span you want to replay"


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())[:120]
