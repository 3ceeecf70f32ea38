"""Funding rates of the past: a rate a coin and hour, from a file or a folder of files."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tidegate.errors import ConfigError
from tidegate.history.loading import read_file

TIMES, RATES = ("ts", "time", "timestamp", "date"), ("funding_rate", "fundingRate", "rate", "funding")


def load_funding(path: Path, coins: Sequence[str]) -> "dict[str, float | pd.Series[float]]":
    """The hourly rates by coin (index: hours, UTC), from files called like `BTC_funding_….parquet`, or one file.

    A coin without a file has no entry. Raises ConfigError when there is none at all or one cannot be read.
    """
    found: dict[str, float | pd.Series[float]] = {}
    for coin in coins:
        files = sorted(path.rglob(f"{coin}_funding*")) if path.is_dir() else [path]
        if files:
            found[coin] = _rates(files[-1])
    if not found:
        raise ConfigError(
            [f"{path}: no funding rates of {', '.join(coins)}; a file is called like BTC_funding.parquet"]
        )
    return found


def _rates(path: Path) -> "pd.Series[float]":
    frame = read_file(path)
    time = next((name for name in TIMES if name in frame.columns), None)
    rate = next((name for name in RATES if name in frame.columns), None)
    if time is None or rate is None:
        there = ", ".join(map(str, frame.columns))
        raise ConfigError([f"{path.name}: a time (ts) and a rate (funding_rate) were expected; there are {there}"])
    stamps = frame[time]
    numeric = pd.api.types.is_numeric_dtype(stamps)
    index = pd.to_datetime(stamps, unit="ms" if numeric else None, utc=True)
    rates = pd.Series(
        pd.to_numeric(frame[rate], errors="coerce").to_numpy(float), index=pd.DatetimeIndex(index).floor("h")
    )
    rates = rates.dropna().sort_index()
    return rates[~rates.index.duplicated(keep="last")]
