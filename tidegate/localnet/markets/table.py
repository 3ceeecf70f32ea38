"""Tables of numbers read from Parquet and CSV files: which heading is which column, and times in milliseconds.

Owns the reading and what makes a file unreadable; what the columns mean is judged by who asked for them. Every
problem is told with the file, what was found, what was expected and what to do.
"""

import csv
import gzip
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tidegate.localnet.markets.candles import Floats

ROWS_IN_FILE_MAX = 10_000_000
TIMES = ("ts", "t", "time", "time_ms", "timestamp", "date", "datetime", "open_time", "opentime", "ts_ns")
# Times are told apart by size: seconds, milliseconds, microseconds, nanoseconds since the epoch.
UNITS = ((1e11, 1000.0), (1e14, 1.0), (1e17, 1e-3), (math.inf, 1e-6))


class Kind(NamedTuple):
    """What a file may hold: its name for a person, and the headings under which its columns are known.

    Columns that are `optional` may be missing; `words` says which number a text in a column stands for.
    """

    name: str
    required: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]] = {}
    words: Mapping[str, float] = {}


def headings(path: Path) -> list[str]:
    """The headings of a file, none of one that cannot be read."""
    import pyarrow as pa  # a third of a second, and only replays need it
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".parquet":
            return list(pq.read_schema(path).names)
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, pa.ArrowException):
        return []


def fits(kind: Kind, names: Sequence[str]) -> bool:
    """Say whether headings name every column that this kind requires."""
    return not _found(kind, names)[1]


def read_table(path: Path, kind: Kind) -> tuple[dict[str, Floats], list[str]]:
    """The columns of a file by name, times in milliseconds, or the problems."""
    return _read_parquet(path, kind) if path.suffix == ".parquet" else _read_csv(path, kind)


def _read_parquet(path: Path, kind: Kind) -> tuple[dict[str, Floats], list[str]]:
    import pyarrow as pa  # a third of a second, and only replays need it
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            found, problems = _headings(path, kind, names)
            if file.metadata.num_rows > ROWS_IN_FILE_MAX:
                problems.append(_too_many(path, kind))
            if problems:
                return {}, problems
            table = file.read(columns=list(found.values()))
    except (OSError, pa.ArrowException) as error:
        return {}, [f"{path}: cannot be read as Parquet ({_one_line(error)}); expected a Parquet file of {kind.name}"]
    columns: dict[str, Floats] = {}
    for name, heading in found.items():
        column = table.column(heading)
        if kind.words and (pa.types.is_string(column.type) or pa.types.is_boolean(column.type)):
            texts = [str(value).lower() for value in column.to_pylist()]
            columns[name] = np.array([kind.words.get(text, math.nan) for text in texts], dtype=np.float64)
            continue
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


def _read_csv(path: Path, kind: Kind) -> tuple[dict[str, Floats], list[str]]:
    values: dict[str, list[float]] = {}
    problems: list[str] = []
    unreadable: list[str] = []
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            heading = next(reader, [])
            found, problems = _headings(path, kind, heading)
            if problems:
                return {}, problems
            reading = partial(_number, kind.words) if kind.words else float
            places: list[tuple[str, int, Callable[[str], float]]] = [
                (name, heading.index(text), _time if name == "ts" else reading) for name, text in found.items()
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
                if line > ROWS_IN_FILE_MAX:
                    return {}, [_too_many(path, kind)]
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


def _found(kind: Kind, names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Which heading is which column, and the required columns that are missing."""
    by_lower = {name.strip().lower().replace(" ", "_"): name for name in names}
    found = {
        column: by_lower[next(known for known in known_as if known in by_lower)]
        for column, known_as in {**kind.required, **kind.optional}.items()
        if any(known in by_lower for known in known_as)
    }
    return found, [column for column in kind.required if column not in found]


def _headings(path: Path, kind: Kind, names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    found, missing = _found(kind, names)
    if not missing:
        return found, []
    return {}, [
        f"{path}: no column for {', '.join(missing)} (found {', '.join(names)[:120] or 'an empty file'}); expected"
        f" {' '.join(kind.required)}; add a heading line or rename the columns"
    ]


def _number(words: Mapping[str, float], text: str) -> float:
    word = words.get(text.strip().lower())
    return float(text) if word is None else word


def _unit(times: Floats) -> float:
    largest = float(np.nanmax(times, initial=0.0))
    return next(factor for bound, factor in UNITS if largest < bound)


def _time(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000


def _too_many(path: Path, kind: Kind) -> str:
    return f"{path}: more than {ROWS_IN_FILE_MAX} {kind.name}; cut the file to the span you want to replay"


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())[:120]
