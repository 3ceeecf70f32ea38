"""A small seeded market, a quick strategy with a few parameters, and the task that searches them."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tidegate.backtest.rules import Rules
from tidegate.discovery import StrategySource, load
from tidegate.history import History, of_frame
from tidegate.model.market import Timeframe
from tidegate.optimise.judging import Task, maximised
from tidegate.optimise.planning import Plan
from tidegate.optimise.space import space_of
from tidegate.optimise.versions import code_version_of

SIMPLE = '''
from dataclasses import dataclass
from tidegate.strategy import Strategy, crossed_above, crossed_below, param

@dataclass(frozen=True)
class Simple(Strategy):
    """Two plain averages."""

    fast: int = param(5, low=2, high=20)
    slow: int = param(20, low=5, high=60)
    stop_pct: float = param(2.0, low=0.5, high=8.0)

    @property
    def warm_up_bars(self):
        return self.slow + 1

    def problems(self):
        return [] if self.fast < self.slow else ["fast must be less than slow"]

    def signals(self, bars):
        fast, slow = (bars["close"].rolling(each).mean() for each in (self.fast, self.slow))
        stop = bars["close"] * (1 - self.stop_pct / 100)
        MORE
        return self.wishes(bars, long=crossed_above(fast, slow), flat=crossed_below(fast, slow), stop=stop)
'''


def market(count: int = 1500, seed: int = 7) -> pd.DataFrame:
    """Hourly bars with trends and jumps."""
    chance = np.random.default_rng(seed)
    drift = np.repeat(chance.normal(0, 0.002, count // 40 + 1), 40)[:count]
    close = 60_000 * np.exp(np.cumsum(drift + chance.normal(0, 0.004, count)))
    before = np.concatenate([[60_000.0], close[:-1]])
    spread = np.abs(chance.normal(0, 0.001, (2, count)))
    return pd.DataFrame(
        {
            "open": before,
            "high": np.maximum(before, close) * (1 + spread[0]),
            "low": np.minimum(before, close) * (1 - spread[1]),
            "close": close,
            "volume": chance.uniform(1, 50, count),
        },
        index=pd.date_range("2025-01-01", periods=count, freq="h", tz="UTC", name="time"),
    )


def source(text: str = SIMPLE, more: str = "", name: str = "simple") -> StrategySource:
    code = text.replace("MORE", more).encode()
    return StrategySource(name, f"/nowhere/{name}.py", code, hashlib.sha256(code).hexdigest())


@pytest.fixture(scope="session")
def histories() -> list[History]:
    return [of_frame(market(), "BTC", Timeframe.H1, "made")]


@pytest.fixture(scope="session")
def task(histories) -> Task:
    begin, end = (int(at.timestamp() * 1000) for at in histories[0].bars.index[[0, -1]])
    return Task(
        source(), ("sharpe",), Rules(), begin, end + 3_600_000, histories[0].sha256, code_version_of(source()), 1
    )


@pytest.fixture(scope="session")
def plan() -> Callable[..., Plan]:
    """A plan over the parameters of the simple strategy."""

    def make(sampler="grid", trials=30, seed=1, goals=("sharpe",), batch=10, **ranges) -> Plan:
        cls = load(source())
        space = space_of(cls.parameters(), ranges, {})
        return Plan(
            space, maximised(goals), sampler, seed, trials, lambda values: bool(cls(**values).problems()), batch
        )

    return make


@pytest.fixture(scope="session")
def with_source(task) -> Callable[[str], Task]:
    """The task with lines of code more in the strategy."""
    return lambda more: replace(task, source=source(more=more))


@pytest.fixture(scope="session")
def candles(tmp_path_factory) -> Path:
    """The market as a file."""
    path = tmp_path_factory.mktemp("candles") / "BTC_1h.parquet"
    market().reset_index().to_parquet(path)
    return path
