"""Results as a backtest leaves them, made of seeded chance."""

from typing import Any

import numpy as np
import pandas as pd

from tidegate.backtest.results import REASONS, Result, Run, trades_frame

HOUR_MS = 3_600_000
BEGIN = pd.Timestamp("2024-01-01", tz="UTC")


def a_run(**changes: Any) -> Run:
    told: dict[str, Any] = {
        "id": "",
        "kind": "backtest",
        "strategy": "ema_cross",
        "parameters": {"fast": 12, "slow": 48},
        "coins": ("BTC",),
        "timeframe": "1h",
        "begin_ms": int(BEGIN.timestamp() * 1000),
        "end_ms": int(BEGIN.timestamp() * 1000) + 240 * HOUR_MS,
        "settings": {"equity_usd": 1000.0, "taker_fee": 0.00045},
        "data_sha256": "ab" * 32,
        "code_version": "0.1.0",
        "seed": 1,
        "made_at": "2026-01-01T00:00:00Z",
    }
    return Run(**(told | changes)).named()


def index_of(bars: int, begin: pd.Timestamp = BEGIN) -> pd.DatetimeIndex:
    return pd.date_range(begin, periods=bars, freq="1h", name="time")


def of_equity(values: Any, *, trades: pd.DataFrame | None = None, run: Run | None = None) -> Result:
    """A result whose equity at the close of each hour is `values`."""
    index = index_of(len(values))
    frame = pd.DataFrame({"equity": values, "balance": values, "exposure": 0.0}, index=index).astype("float64")
    held = pd.Series(1000.0, index=index, name="benchmark")
    return Result(run or a_run(), trades if trades is not None else trades_frame(), frame, held)


def of_nets(nets: list[float], run: Run | None = None) -> pd.DataFrame:
    """Trades one after the other, an hour each, with these nets and half a dollar of fees."""
    opened = index_of(max(len(nets), 1))[: len(nets)]
    rows = {
        "coin": ["BTC"] * len(nets),
        "direction": [1 if at % 3 else -1 for at in range(len(nets))],
        "size": [0.01] * len(nets),
        "opened": opened,
        "closed": opened + pd.Timedelta(hours=1),
        "entry_price": [50_000.0 + at for at in range(len(nets))],
        "exit_price": [50_010.0 + at for at in range(len(nets))],
        "stop": [49_000.0] * len(nets),
        "reason": [REASONS[at % 4] for at in range(len(nets))],
        "gross": [net + 0.5 + 0.1 + 0.2 for net in nets],
        "fees": [0.5] * len(nets),
        "funding": [0.1] * len(nets),
        "slippage": [0.2] * len(nets),
        "net": nets,
        "bars": [1] * len(nets),
        "mae": [3.0] * len(nets),
        "mfe": [4.0] * len(nets),
    }
    return trades_frame(rows)


def by_chance(days: int = 90, seed: int = 7, coins: tuple[str, ...] = ("BTC",), **changes: Any) -> Result:
    """Whole days of hours: a price that wanders, a trade every eight hours, an equity that follows from them."""
    random = np.random.default_rng(seed)
    bars = days * 24
    index = index_of(bars)
    price = 40_000 * np.exp(np.cumsum(random.normal(0, 0.006, bars)))
    entries = np.arange(2, bars - 6, 8)
    exits = entries + random.integers(1, 6, len(entries))
    sides = random.choice([-1, 1], len(entries))
    gross = sides * 0.01 * (price[exits] - price[entries]) * 2
    fees, funding = np.full(len(entries), 0.3), random.normal(0, 0.05, len(entries))
    slippage = np.full(len(entries), 0.1)
    net = gross - fees - funding - slippage
    trades = trades_frame(
        {
            "coin": np.asarray(coins)[np.arange(len(entries)) % len(coins)],
            "direction": sides,
            "size": np.full(len(entries), 0.02),
            "opened": index[entries] + pd.Timedelta(hours=1),
            "closed": index[exits] + pd.Timedelta(hours=1),
            "entry_price": price[entries],
            "exit_price": price[exits],
            "stop": price[entries] * (1 - 0.02 * sides),
            "reason": np.asarray(REASONS)[random.integers(0, len(REASONS), len(entries))],
            "gross": gross,
            "fees": fees,
            "funding": funding,
            "slippage": slippage,
            "net": net,
            "bars": exits - entries,
            "mae": np.abs(gross),
            "mfe": np.abs(gross),
        }
    )
    booked = np.zeros(bars)
    np.add.at(booked, exits, net)
    held = np.zeros(bars)
    for entry, end in zip(entries, exits, strict=True):
        held[entry:end] = 0.5
    balance = 5000.0 + np.cumsum(booked)
    equity = pd.DataFrame({"equity": balance, "balance": balance, "exposure": held}, index=index)
    benchmark = pd.Series(5000.0 * price / price[0], index=index, name="benchmark")
    end = int((index[-1] + pd.Timedelta(hours=1)).timestamp() * 1000)
    run = a_run(**({"coins": coins, "end_ms": end, "settings": {"equity_usd": 5000.0}} | changes))
    prices = pd.DataFrame(dict.fromkeys(coins, price), index=index)
    return Result(run, trades, equity, benchmark, prices)
