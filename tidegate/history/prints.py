"""Candles from recorded trades: whoever kept the prints of a market needs no candles of it.

Owns what a table of trades is called and how it is put together. Only whole bars come out: the recording begins and
ends somewhere within its first and last one. A bar in which nobody traded is not there, as on the exchange.
"""

import numpy as np
import pandas as pd

from tidegate.errors import ConfigError
from tidegate.history.checks import TIME_NAMES, moments
from tidegate.history.resampling import WEEK_OFFSET
from tidegate.history.times import in_ms
from tidegate.model.market import Timeframe

PRICE_NAMES = ("price", "px", "p")
SIZE_NAMES = ("size", "sz", "qty", "quantity", "amount", "q")
VOLUME_DIGITS = 9
"""Sums of sizes are rounded to what an exchange may show, so that they are not 0.30000000000000004."""


def is_prints(frame: pd.DataFrame) -> bool:
    """Whether a table holds trades and no candles: a time, a price and a size in each row."""
    names = {str(name).strip().lower() for name in frame.columns}
    return all(names & set(wanted) for wanted in (TIME_NAMES, PRICE_NAMES, SIZE_NAMES)) and not names & {"open", "o"}


def rolled_up(frame: pd.DataFrame, timeframe: Timeframe) -> pd.DataFrame:
    """Trades as candles of `timeframe`: columns time (open, UTC), open, high, low, close, volume, trades.

    Trades that share a `tid` are one; they may come in any order, those of one moment stay in theirs. Raises
    ConfigError for times that cannot be read, and prices or sizes that are none.
    """
    named = frame.rename(columns={name: str(name).strip().lower() for name in frame.columns})
    times, problems = moments(_column(named, TIME_NAMES))
    price = pd.to_numeric(_column(named, PRICE_NAMES), errors="coerce").to_numpy(dtype="float64")
    size = pd.to_numeric(_column(named, SIZE_NAMES), errors="coerce").to_numpy(dtype="float64")
    for what, numbers in (("price", price), ("size", size)):
        wrong = int((~(np.isfinite(numbers) & (numbers > 0))).sum())
        if wrong:
            problems = (*problems, f"{wrong} trades have no {what}")
    if times is None or problems:
        raise ConfigError(list(problems))
    kept = _once(named)
    at_ms = in_ms(pd.DatetimeIndex(times))[kept]
    order = np.argsort(at_ms, kind="stable")
    return _bars(at_ms[order], price[kept][order], size[kept][order], timeframe)


def _bars(at_ms: np.ndarray, price: np.ndarray, size: np.ndarray, timeframe: Timeframe) -> pd.DataFrame:
    offset_ms = int(WEEK_OFFSET / pd.Timedelta(milliseconds=1)) if timeframe is Timeframe.W1 else 0
    opens = at_ms - (at_ms - offset_ms) % timeframe.ms
    first = np.flatnonzero(np.concatenate(([True], opens[1:] != opens[:-1])))
    last = np.concatenate((first[1:], [len(opens)])) - 1
    whole = slice(1, -1)
    return pd.DataFrame(
        {
            "time": pd.to_datetime(opens[first], unit="ms", utc=True),
            "open": price[first],
            "high": np.maximum.reduceat(price, first),
            "low": np.minimum.reduceat(price, first),
            "close": price[last],
            "volume": np.round(np.add.reduceat(size, first), VOLUME_DIGITS),
            "trades": last - first + 1,
        }
    )[whole].reset_index(drop=True)


def _column(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.Series:
    return frame[next(name for name in names if name in frame.columns)]


def _once(frame: pd.DataFrame) -> np.ndarray:
    """Which rows count; system trades share the number 0, so that only the others can be told apart."""
    if "tid" not in frame.columns:
        return np.ones(len(frame), dtype=bool)
    tids = pd.to_numeric(frame["tid"], errors="coerce").fillna(0)
    return np.asarray(~tids.duplicated() | (tids == 0))
