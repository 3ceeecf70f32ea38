"""What the tests of the shipped strategies share: the strategies themselves and a seeded market."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tidegate.discovery import load, read_source
from tidegate.strategy import Strategy

PROJECT = Path(__file__).resolve().parents[2]
RECORDED = PROJECT.parent / "shared" / "data" / "candles"


@pytest.fixture(scope="session")
def shipped() -> Callable[..., Strategy]:
    """A shipped strategy by name, with parameters as a user writes them."""

    def make(name: str, **parameters: str) -> Strategy:
        return load(read_source(PROJECT / "strategies", name)).from_text(parameters)

    return make


@pytest.fixture(scope="session")
def market() -> Callable[..., pd.DataFrame]:
    """So many five-minute bars of a seeded market with trends, ranges and jumps."""

    def make(count: int = 600, seed: int = 11) -> pd.DataFrame:
        chance = np.random.default_rng(seed)
        drift = np.repeat(chance.normal(0, 0.0012, count // 50 + 1), 50)[:count]
        step = drift + chance.normal(0, 0.002, count) + (chance.random(count) < 0.01) * chance.normal(0, 0.02, count)
        close = 60_000 * np.exp(np.cumsum(step))
        before = np.concatenate([[60_000.0], close[:-1]])
        spread = np.abs(chance.normal(0, 0.0008, (2, count)))
        frame = pd.DataFrame(
            {
                "open": before,
                "high": np.maximum(before, close) * (1 + spread[0]),
                "low": np.minimum(before, close) * (1 - spread[1]),
                "close": close,
                "volume": chance.uniform(1, 50, count),
            },
            index=pd.date_range("2026-01-01", periods=count, freq="5min", tz="UTC"),
        )
        return frame.round({"open": 0, "high": 0, "low": 0, "close": 0, "volume": 3})

    return make


@pytest.fixture(scope="session")
def known() -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The same bars with a seeded funding rate and an order book's imbalance, as a bot that hears both has them."""

    def add(bars: pd.DataFrame) -> pd.DataFrame:
        chance = np.random.default_rng(5)
        rate = 1e-4 * np.sin(np.arange(len(bars)) / 40) + chance.normal(0, 1e-5, len(bars))
        return bars.assign(funding=rate.round(9), imbalance=chance.uniform(-1, 1, len(bars)).round(3))

    return add


@pytest.fixture(scope="session")
def turns() -> Callable[[pd.DataFrame], list[tuple[str, str, int | None]]]:
    """The bars at which a strategy's wish changes to another than hold: (day and time, want, stop of an entry)."""

    def read(wishes: pd.DataFrame) -> list[tuple[str, str, int | None]]:
        changed = wishes[(wishes["want"] != "hold") & (wishes["want"] != wishes["want"].shift(1))]
        return [
            (moment.strftime("%d %H:%M"), want, None if want == "flat" else round(stop))
            for moment, want, stop in zip(changed.index, changed["want"], changed["stop"], strict=True)
        ]

    return read


@pytest.fixture(scope="session")
def recorded() -> Callable[..., pd.DataFrame]:
    """The first `count` bars of a recorded candle file; skips where the recordings are absent."""

    def read(file: str, count: int) -> pd.DataFrame:
        path = RECORDED / file
        if not path.exists():
            pytest.skip(f"the recordings are not here: {path}")
        frame = pd.read_parquet(path).iloc[:count]
        frame.index = pd.to_datetime(frame["ts"], unit="ms", utc=True)
        return frame[["open", "high", "low", "close", "volume"]]

    return read


@pytest.fixture(scope="session")
def recorded_funding() -> Callable[[str, pd.DatetimeIndex], pd.Series]:
    """The recorded funding rate of an hour as known at the close of each bar; skips where the recordings are absent."""

    def read(file: str, index: pd.DatetimeIndex) -> pd.Series:
        path = RECORDED.parent / "funding" / file
        if not path.exists():
            pytest.skip(f"the recordings are not here: {path}")
        rates = pd.read_parquet(path)
        paid = pd.Series(rates["funding_rate"].to_numpy(), index=pd.to_datetime(rates["ts"], unit="ms", utc=True))
        return paid.reindex(index, method="ffill")

    return read
