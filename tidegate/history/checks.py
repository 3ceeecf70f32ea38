"""What is wrong with candles: refused, or repaired with a line that says which rows.

Repaired is what has one honest answer: order, exact duplicates, backfilled bars before a coin was listed, times in
another unit or zone. Refused is what would have to be invented: prices that are no prices,
duplicates that contradict each other, holes in most of the frame. All problems are told at once. Reads no file.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tidegate.history.times import in_ms
from tidegate.model.market import Timeframe

COLUMNS = ("open", "high", "low", "close", "volume")
PRICES = COLUMNS[:4]
TIME_NAMES = ("time", "ts", "timestamp", "date", "datetime", "open_time", "open_ms", "opentime", "time_ms")
KNOWN_EXTRAS = frozenset(
    {"trades", "count", "n", "number_of_trades", "quote_volume", "quote_asset_volume", "taker_buy_volume"}
    | {"taker_buy_quote_volume", "close_time", "close_ms", "ignore", "symbol", "coin", "venue", "timeframe", "interval"}
)
ROWS_SHOWN = 3
MISSING_MAX = 0.2
"""The greatest share of bars that may be missing."""
DAY_MS = 86_400_000
BARS_MIN = 2
SECONDS_BELOW, MILLISECONDS_BELOW, MICROSECONDS_BELOW = 10**11, 10**14, 10**17


class Checked(NamedTuple):
    """Sound bars, or every problem; `remarks` tell what was repaired."""

    bars: pd.DataFrame
    problems: tuple[str, ...]
    remarks: tuple[str, ...]


class _Findings:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self.remarks: list[str] = []

    def problem(self, text: str) -> None:
        self.problems.append(text)

    def remark(self, text: str) -> None:
        self.remarks.append(text)


def checked(frame: pd.DataFrame, timeframe: Timeframe, *, bars_min: int = BARS_MIN) -> Checked:
    """The candles of `frame` as bars: index "time" (open, UTC), columns open, high, low, close, volume (float64).

    `frame` has the open time as a column (TIME_NAMES) or as index: milliseconds, seconds, micro- or nanoseconds since
    the epoch, text or datetimes. `timeframe` is what the bars are meant to be.
    """
    found = _Findings()
    named = _named(frame, found)
    if found.problems:
        return Checked(_nothing(), tuple(found.problems), tuple(found.remarks))
    times = _times(named["time"], found)
    bars = pd.DataFrame({name: pd.to_numeric(named[name], errors="coerce") for name in COLUMNS}).astype("float64")
    if times is None:
        return Checked(_nothing(), tuple(found.problems), tuple(found.remarks))
    bars.index = pd.DatetimeIndex(times, name="time")
    bars = _without_untimed(bars, found)
    bars = _sorted(bars, found)
    bars = _unique(bars, found)
    bars = _listed(bars, found)
    _check_values(bars, found)
    _check_grid(bars, timeframe, found)
    if len(bars) < bars_min:
        found.problem(f"too few bars: {len(bars)}, at least {bars_min} are needed")
    return Checked(bars, tuple(found.problems), tuple(found.remarks))


def moments(column: Any) -> tuple[Any, tuple[str, ...]]:
    """Times in any of the forms that `checked` knows, in UTC, and what is wrong with them; None where none is one."""
    found = _Findings()
    times = _times(column, found)
    if times is not None and (untimed := int(times.isna().sum())):
        found.problem(f"{untimed} rows have no time")
    return times, tuple(found.problems)


def rows_text(index: pd.Index, where: np.ndarray) -> str:
    """Which rows, for a person: how many, the first few by number and time."""
    numbers = np.flatnonzero(where)
    shown = ", ".join(f"{number} ({_moment(index[number])})" for number in numbers[:ROWS_SHOWN])
    more = f" and {len(numbers) - ROWS_SHOWN:,} more" if len(numbers) > ROWS_SHOWN else ""
    return f"row {shown}{more}" if len(numbers) == 1 else f"rows {shown}{more}"


def _moment(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if isinstance(at, pd.Timestamp) else "no time"


def _nothing() -> pd.DataFrame:
    index = pd.DatetimeIndex([], tz="UTC", name="time", dtype="datetime64[ms, UTC]")
    return pd.DataFrame({name: np.empty(0) for name in COLUMNS}, index=index)


def _named(frame: pd.DataFrame, found: _Findings) -> pd.DataFrame:
    """The columns by our names; unknown ones are told, a missing one is a problem."""
    known = frame.rename(columns={name: str(name).strip().lower().replace(" ", "_") for name in frame.columns})
    known = known.rename(columns={"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "vol": "volume"})
    twice = sorted({str(name) for name in known.columns[known.columns.duplicated()]})
    if twice:
        found.problem(f"columns are there twice: {', '.join(twice)}")
        return known
    time_name = next((name for name in TIME_NAMES if name in known.columns), None)
    if time_name is not None:
        known = known.rename(columns={time_name: "time"})
    elif isinstance(known.index, pd.DatetimeIndex) or known.index.name in TIME_NAMES:
        known = known.assign(time=known.index)
    missing = [name for name in ("time", *COLUMNS) if name not in known.columns]
    if missing:
        there = ", ".join(map(str, frame.columns))
        found.problem(f"columns are missing: {', '.join(missing)}; there are {there or 'none'}")
    strange = [name for name in known.columns if name not in ("time", *COLUMNS) and name not in KNOWN_EXTRAS]
    if strange and not missing:
        found.remark(f"unknown columns are not used: {', '.join(map(str, strange))}")
    return known.reset_index(drop=True)


def _times(column: Any, found: _Findings) -> Any:
    """Open times in UTC; the unit is known by its size, a zone is converted, none is taken for UTC."""
    if pd.api.types.is_numeric_dtype(column):
        return _from_numbers(column, found)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        if str(column.dt.tz) not in ("UTC", "+00:00", "UTC+00:00"):
            found.remark(f"times are in {column.dt.tz}: converted to UTC")
        return column.dt.tz_convert("UTC").astype("datetime64[ms, UTC]")
    if not pd.api.types.is_datetime64_dtype(column):
        texts = column.astype(str)
        parsed = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
        if texts.str.contains(r"[+-]\d\d:?\d\d$").any() and not texts.str.contains(r"\+00:?00$").all():
            found.remark("times have an offset from UTC: converted to UTC")
        if parsed.isna().all():
            found.problem(f"times cannot be read: {texts.iloc[0] if len(texts) else 'none'}")
            return None
        return parsed.astype("datetime64[ms, UTC]")
    return column.dt.tz_localize("UTC").astype("datetime64[ms, UTC]")


def _from_numbers(column: Any, found: _Findings) -> Any:
    numbers = column.to_numpy(dtype="float64", na_value=np.nan)
    sound = numbers[np.isfinite(numbers)]
    if not len(sound):
        found.problem("times cannot be read: there is none")
        return None
    largest = np.abs(sound).max()
    scale, unit = (
        (1000.0, "seconds")
        if largest < SECONDS_BELOW
        else (1.0, "")
        if largest < MILLISECONDS_BELOW
        else (1e-3, "microseconds")
        if largest < MICROSECONDS_BELOW
        else (1e-6, "nanoseconds")
    )
    if unit:
        found.remark(f"times are in {unit}: converted")
    if pd.api.types.is_integer_dtype(column) and not unit:
        return pd.Series(pd.to_datetime(column.to_numpy(), unit="ms", utc=True)).astype("datetime64[ms, UTC]")
    at_ms = pd.Series(np.round(numbers * scale))
    return pd.to_datetime(at_ms, unit="ms", utc=True, errors="coerce").astype("datetime64[ms, UTC]")


def _without_untimed(bars: pd.DataFrame, found: _Findings) -> pd.DataFrame:
    untimed = np.asarray(bars.index.isna())
    if untimed.any():
        found.problem(f"{untimed.sum()} rows have no time: {rows_text(bars.index, untimed)}")
    return bars[~untimed]


def _sorted(bars: pd.DataFrame, found: _Findings) -> pd.DataFrame:
    if bars.index.is_monotonic_increasing:
        return bars
    steps = np.diff(in_ms(bars.index))
    back = np.concatenate([[False], steps < 0])
    found.remark(f"{back.sum()} rows were out of order: {rows_text(bars.index, back)}; sorted")
    return bars.sort_index(kind="stable")


def _unique(bars: pd.DataFrame, found: _Findings) -> pd.DataFrame:
    again = np.asarray(bars.index.duplicated(keep="first"))
    if not again.any():
        return bars
    same = bars.reset_index().duplicated(keep="first").to_numpy()
    contradicting = again & ~same
    if contradicting.any():
        found.problem(
            f"{contradicting.sum()} bars are there twice with different numbers: {rows_text(bars.index, contradicting)}"
        )
    if (again & same).any():
        found.remark(f"{(again & same).sum()} duplicates were left away: {rows_text(bars.index, again & same)}")
    return bars[~again]


def _listed(bars: pd.DataFrame, found: _Findings) -> pd.DataFrame:
    """Without the bars before the first trade: exchanges fill them with the prices of another venue."""
    traded = bars["volume"].to_numpy() > 0
    if not traded.any() or traded[0]:
        return bars
    first = int(np.argmax(traded))
    # A quiet minute or two at the start of a file is no listing.
    if first < max(BARS_MIN, len(bars) // 1000):
        return bars
    found.remark(
        f"{first:,} bars without volume before the first trade ({_moment(bars.index[first])}) were left away: "
        f"{rows_text(bars.index, np.arange(len(bars)) < first)}"
    )
    return bars.iloc[first:]


def _check_values(bars: pd.DataFrame, found: _Findings) -> None:
    values = bars.to_numpy()
    opened, high, low, close, volume = values.T
    outside = (np.maximum(opened, close) > high) | (np.minimum(opened, close) < low)
    rules: list[tuple[str, np.ndarray]] = [
        ("have a price that is no number", np.asarray(~np.isfinite(values[:, :4]).all(axis=1))),
        ("have a price of zero or less", np.asarray((values[:, :4] <= 0).any(axis=1))),
        ("have a high below the low", high < low),
        ("open or close outside of high and low", (high >= low) & outside),
        ("have a volume that is no number or negative", ~(volume >= 0)),
    ]
    for words, wrong in rules:
        if wrong.any():
            found.problem(f"{wrong.sum():,} bars {words}: {rows_text(bars.index, wrong)}")


def _check_grid(bars: pd.DataFrame, timeframe: Timeframe, found: _Findings) -> None:
    if len(bars) < BARS_MIN:
        return
    at_ms = in_ms(bars.index)
    steps = np.diff(at_ms)
    usual = int(np.bincount(np.minimum(steps // 60_000, 40_000)).argmax()) * 60_000 if (steps > 0).any() else 0
    if usual > timeframe.ms:
        found.problem(f"these are bars of {usual // 60_000} minutes, {timeframe.value} was asked for")
        return
    if _off_the_grid(bars, timeframe, found):
        return
    gaps = np.concatenate([[False], steps > timeframe.ms])
    missing = int(((steps // timeframe.ms) - 1).clip(min=0).sum())
    if not missing:
        return
    where = f"before {rows_text(bars.index, gaps)}"
    if missing > MISSING_MAX * (missing + len(bars)):
        found.problem(f"{missing:,} of {missing + len(bars):,} bars are missing, more than {MISSING_MAX:.0%}: {where}")
    else:
        found.remark(f"{missing:,} bars are missing in {gaps.sum()} gaps, left as gaps: {where}")


def _off_the_grid(bars: pd.DataFrame, timeframe: Timeframe, found: _Findings) -> bool:
    """Whether bars open at other moments than the exchange's; those of three days and weeks begin anywhere."""
    if timeframe.ms > DAY_MS:
        return False
    off = in_ms(bars.index) % timeframe.ms != 0
    if off.any():
        where = rows_text(bars.index, off)
        words = f"{off.sum():,} bars do not open on the grid of {timeframe.value} in UTC"
        found.problem(f"{words} (another timezone or time frame?): {where}")
    return bool(off.any())
