"""Candles from files, folders and the bot's own database, checked, cut to a span and named by their sha256.

Formats are told by a file's ending: Parquet, Feather (freqtrade's), CSV (also .csv.gz), JSON (freqtrade's and ccxt's
rows). A folder is searched for the coin and the time frame; finer candles are put together when it has no others.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tidegate.errors import ConfigError, StorageError
from tidegate.history.checks import checked
from tidegate.history.made_up import made_up, remark_of, seed_of
from tidegate.history.prints import is_prints, rolled_up
from tidegate.history.resampling import resampled
from tidegate.history.times import in_ms
from tidegate.model.market import Timeframe

VENUE = "mainnet"
CANDLES_ARE = "candles_are"
"""The setting by which a run tells that its candles are made up."""
ROW_COLUMNS = ("time", "open", "high", "low", "close", "volume")
NAME = re.compile(
    r"^(?P<coin>[A-Za-z0-9]+?)(?:[-_/](?:USDC|USDT|USD|USDC_USDC|USDT_USDT))*[-_](?P<timeframe>\d+[mhdw])(?:[-_.]|$)"
)
DATABASE = re.compile(r"^(sqlite|postgresql)(\+\w+)?://")


class History(NamedTuple):
    """Candles of one coin: `bars` as `checks.checked` gives them; `source` says from where, `remarks` what was done.

    `sha256` is that of the bars' times and numbers: the same candles have the same, wherever they came from. `made_up`
    ones no market ever traded.
    """

    coin: str
    timeframe: Timeframe
    bars: pd.DataFrame
    source: str
    sha256: str
    remarks: tuple[str, ...]
    made_up: bool = False


def load(
    path_or_catalog: str | Path,
    coin: str,
    timeframe: Timeframe,
    from_ms: int | None = None,
    to_ms: int | None = None,
    *,
    venue: str = VENUE,
) -> History:
    """The candles of `coin` that open from `from_ms` on and before `to_ms` (milliseconds UTC).

    `path_or_catalog`: a file, a folder of files, the URL of the bot's database (`venue` says of which exchange), or
    `made-up`, `made-up:SEED`. Raises ConfigError with every problem.
    """
    text = str(path_or_catalog)
    if (seed := seed_of(text)) is not None:
        found = of_frame(made_up(coin, timeframe, seed), coin, timeframe, f"made up, seed {seed}", from_ms, to_ms)
        return found._replace(made_up=True, remarks=(remark_of(seed), *found.remarks))
    if DATABASE.match(text):
        frame = _from_database(text, venue, coin, timeframe, from_ms, to_ms)
        return of_frame(frame, coin, timeframe, f"{text.split('@')[-1]} ({venue})", from_ms, to_ms)
    path = Path(path_or_catalog)
    if path.is_dir():
        return _from_folder(path, coin, timeframe, from_ms, to_ms)
    return of_frame(read_file(path), coin, timeframe, path.name, from_ms, to_ms)


def of_frame(
    frame: pd.DataFrame,
    coin: str,
    timeframe: Timeframe,
    source: str,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> History:
    """Candles that are at hand as a frame, checked, put together to `timeframe` if they are finer, and cut."""
    frame, rolled = _without_prints(frame, timeframe, source)
    own = _own_timeframe(frame, timeframe)
    found = checked(frame, own)
    if found.problems:
        raise ConfigError([f"{source}: {problem}" for problem in found.problems])
    bars, remarks = found.bars, [*rolled, *found.remarks]
    if own is not timeframe:
        bars = resampled(bars, own, timeframe)
        remarks.append(f"{timeframe.value} put together from {own.value}")
    lower = None if from_ms is None else pd.Timestamp(from_ms, unit="ms", tz="UTC")
    upper = None if to_ms is None else pd.Timestamp(to_ms - 1, unit="ms", tz="UTC")
    cut = bars.loc[lower:upper]
    if len(cut) < 2:
        there = f"{bars.index[0]:%Y-%m-%d %H:%M} to {bars.index[-1]:%Y-%m-%d %H:%M}" if len(bars) else "none"
        raise ConfigError(
            [f"{source}: too few bars of {coin} {timeframe.value} in that span: {len(cut)}; there: {there}"]
        )
    return History(coin, timeframe, cut, source, sha256_of(cut), tuple(remarks))


def _without_prints(frame: pd.DataFrame, timeframe: Timeframe, source: str) -> tuple[pd.DataFrame, list[str]]:
    """Recorded trades put together to candles, and a remark; candles as they are."""
    if not is_prints(frame):
        return frame, []
    try:
        return rolled_up(frame, timeframe), [f"{timeframe.value} put together from {len(frame):,} trades"]
    except ConfigError as error:
        raise ConfigError([f"{source}: {problem}" for problem in error.problems]) from error


def told_of(histories: Sequence[History]) -> dict[str, str]:
    """What a run remembers of its candles beside their hash: that they are made up, if they are."""
    return {CANDLES_ARE: histories[0].source} if histories[0].made_up else {}


def sha256_of(bars: pd.DataFrame) -> str:
    """Of the open times in milliseconds and the numbers, in the order time, open, high, low, close, volume."""
    digest = hashlib.sha256(in_ms(bars.index).tobytes())
    for name in ROW_COLUMNS[1:]:
        digest.update(np.ascontiguousarray(bars[name].to_numpy(dtype="<f8")).data)
    return digest.hexdigest()


def read_file(path: Path) -> pd.DataFrame:
    """The table in a file as it stands. Raises ConfigError when it cannot be read as what it is called."""
    kind = ".csv" if path.name.lower().endswith(".csv.gz") else path.suffix.lower()
    reader = READERS.get(kind)
    if not path.exists():
        raise ConfigError([f"{path}: there is no such file or folder"])
    if reader is None:
        raise ConfigError([f"{path.name}: {path.suffix or 'no ending'} is none of {', '.join(READERS)}"])
    try:
        return reader(path)
    except (OSError, ValueError, TypeError, KeyError) as error:
        words = " ".join(str(error).split())[:200]
        raise ConfigError([f"{path.name}: it cannot be read as {kind} ({words})"]) from error


def _read_csv(path: Path) -> pd.DataFrame:
    head = pd.read_csv(path, nrows=1, header=None, dtype=str)
    nameless = all(_is_number(value) for value in head.iloc[0])
    frame = pd.read_csv(path, header=None if nameless else "infer")
    return _rows_named(frame) if nameless else frame


def _read_json(path: Path) -> pd.DataFrame:
    told = json.loads(path.read_text(encoding="utf-8"))
    rows = told.get("data", told.get("candles")) if isinstance(told, dict) else told
    if not isinstance(rows, list) or not rows:
        raise ValueError("a list of rows was expected")
    if isinstance(rows[0], dict):
        return _of_exchange(pd.DataFrame(rows))
    return _rows_named(pd.DataFrame(rows))


def _of_exchange(frame: pd.DataFrame) -> pd.DataFrame:
    """The exchange's own candles are called t, T, s, i, o, c, h, l, v, n."""
    if not {"t", "o", "h", "l", "c", "v"} <= set(frame.columns):
        return frame
    return frame.rename(columns={"t": "time"}).drop(columns=["T", "s", "i", "n"], errors="ignore")


def _rows_named(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows as ccxt gives them: time in milliseconds, open, high, low, close, volume."""
    if frame.shape[1] < len(ROW_COLUMNS):
        raise ValueError(f"rows of {frame.shape[1]} values, {len(ROW_COLUMNS)} were expected: {', '.join(ROW_COLUMNS)}")
    named = frame.iloc[:, : len(ROW_COLUMNS)]
    named.columns = pd.Index(ROW_COLUMNS)
    return named


READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".parquet": pd.read_parquet,
    ".feather": pd.read_feather,
    ".csv": _read_csv,
    ".json": _read_json,
}


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _own_timeframe(frame: pd.DataFrame, wanted: Timeframe) -> Timeframe:
    """What the bars of a frame are, when they are finer than what is wanted and divide it; else what is wanted."""
    found = checked(frame, Timeframe.M1).bars
    if len(found) < 3:
        return wanted
    steps = np.diff(in_ms(found.index))
    lengths, counts = np.unique(steps[steps > 0], return_counts=True)
    usual = int(lengths[counts.argmax()]) if len(lengths) else 0
    own = next((each for each in Timeframe if each.ms == usual), wanted)
    return own if own.ms < wanted.ms and wanted.ms % own.ms == 0 else wanted


def _from_folder(folder: Path, coin: str, timeframe: Timeframe, from_ms: int | None, to_ms: int | None) -> History:
    """The file of a folder that has the most of the span; the time frame itself before finer ones."""
    fitting, there = [], set()
    for path in sorted(folder.rglob("*")):
        named = NAME.match(path.name)
        if named is None or not (path.suffix.lower() in READERS or path.name.lower().endswith(".csv.gz")):
            continue
        own = next((each for each in Timeframe if each.value == named["timeframe"]), None)
        there.add(f"{named['coin']} {named['timeframe']}")
        if own is not None and named["coin"].lower() == coin.lower() and timeframe.ms % own.ms == 0:
            fitting.append((-own.ms, path))
    if not fitting:
        listed = ", ".join(sorted(there)) or "nothing that is called like BTC_1h.parquet"
        raise ConfigError([f"{folder}: no candles of {coin} {timeframe.value} or finer; there: {listed}"])
    best: tuple[int, int, History] | None = None
    problems: list[str] = []
    for finer, path in sorted(fitting, key=lambda each: each[0]):
        try:
            history = of_frame(read_file(path), coin, timeframe, str(path.relative_to(folder)), from_ms, to_ms)
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        rank = (len(history.bars), -finer)
        if best is None or rank[0] > best[0] * 1.01:
            best = (*rank, history)
    if best is None:
        raise ConfigError(problems)
    return best[2]


def _from_database(
    url: str, venue: str, coin: str, timeframe: Timeframe, from_ms: int | None, to_ms: int | None
) -> pd.DataFrame:
    """What bots stored of the coin: the time frame itself, or the coarsest finer one that divides it."""
    from tidegate.storage.prices import PriceDataReader
    from tidegate.storage.rows import INT64_MAX

    try:
        with PriceDataReader(url, venue=venue) as reader:
            holdings = reader.holdings()
            own = [each for each in holdings if each.coin == coin and not timeframe.ms % each.timeframe.ms]
            if not own:
                there = ", ".join(f"{each.coin} {each.timeframe.value}" for each in holdings) or "none"
                raise ConfigError(
                    [f"the database has no candles of {coin} {timeframe.value} on {venue}; there: {there}"]
                )
            best = max(own, key=lambda each: each.timeframe.ms)
            candles = reader.candles(coin, best.timeframe, from_ms or 0, INT64_MAX if to_ms is None else to_ms)
    except StorageError as error:
        raise ConfigError([str(error)]) from error
    if not candles:
        there = " to ".join(
            f"{pd.Timestamp(at, unit='ms'):%Y-%m-%d %H:%M}" for at in (best.first_open_ms, best.last_open_ms)
        )
        raise ConfigError(
            [f"the database has too few bars of {coin} {timeframe.value} in that span: 0; there: {there}"]
        )
    rows = [(each.open_ms, each.open, each.high, each.low, each.close, each.volume) for each in candles]
    frame = pd.DataFrame(rows, columns=list(ROW_COLUMNS))
    return frame.astype(dict.fromkeys(ROW_COLUMNS[1:], "float64"))
