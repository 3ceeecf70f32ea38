"""What a run leaves behind: who ran what over which candles, every closed trade, the equity bar by bar.

Owns the shape of a result and its files under `data/runs/<id>/` (run.json, trades.parquet, equity.parquet,
prices.parquet). Computes no figure of merit: that is the reports' work.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd

from tidegate.errors import ConfigError

RUNS = Path("data/runs")
Kind = Literal["backtest", "simulate", "optimise"]
REASONS = ("stop_loss", "take_profit", "trailing_stop", "signal", "time_limit", "liquidation", "end")
TRADE_COLUMNS: dict[str, str] = {
    "coin": "str",
    "direction": "int64",
    "size": "float64",
    "opened": "datetime64[ms, UTC]",
    "closed": "datetime64[ms, UTC]",
    "entry_price": "float64",
    "exit_price": "float64",
    "stop": "float64",
    "reason": "str",
    "gross": "float64",
    "fees": "float64",
    "funding": "float64",
    "slippage": "float64",
    "net": "float64",
    "bars": "int64",
    "mae": "float64",
    "mfe": "float64",
}
BENCHMARK = "benchmark"
PRICES = "prices.parquet"
ID_DIGITS = 8


@dataclass(frozen=True)
class Run:
    """One run, told so that it can be repeated. Times in milliseconds UTC, `end_ms` after the last bar's close.

    `parameters` are the strategy's, `settings` the account's and the costs; `data_sha256` is that of the candles,
    `code_version` names the bot and the strategy's file.
    """

    id: str
    kind: Kind
    strategy: str
    parameters: Mapping[str, Any]
    coins: tuple[str, ...]
    timeframe: str
    begin_ms: int
    end_ms: int
    settings: Mapping[str, Any]
    data_sha256: str
    code_version: str
    seed: int
    made_at: str

    def named(self) -> "Run":
        """The same run with an id: kind, strategy and eight digits of what makes it; the same run, the same id."""
        told = {name: value for name, value in asdict(self).items() if name not in ("id", "made_at")}
        digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
        return replace(self, id=f"{self.kind}-{self.strategy}-{digest[:ID_DIGITS]}")


class Result(NamedTuple):
    """A run with its trades, its equity and, on the same index, buy-and-hold of the same coins.

    `trades`: one row a closed trade, columns TRADE_COLUMNS; USD, costs positive (funding negative when received),
    `gross` is what the prices made at the prices seen before slippage: net = gross - fees - funding - slippage.
    `equity`: index the open time of the bars (UTC, name "time"), columns equity, balance (USD) and exposure
    (notional / equity), as they were at the close of that bar. `benchmark`: USD, from the same equity. `prices`: a
    column a coin, the close of each bar (NaN where it has none), on the same index; None where nobody kept them.
    """

    run: Run
    trades: pd.DataFrame
    equity: pd.DataFrame
    benchmark: "pd.Series[float]"
    prices: pd.DataFrame | None = None


def trades_frame(rows: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """A frame of trades with every column in its type; without `rows` an empty one."""
    return pd.DataFrame(rows or {}, columns=list(TRADE_COLUMNS)).astype(TRADE_COLUMNS)


def save(
    run: Run,
    trades: pd.DataFrame,
    equity: pd.DataFrame,
    benchmark: "pd.Series[float]",
    prices: pd.DataFrame | None = None,
    folder: Path = RUNS,
) -> Path:
    """Write a run down and give its folder; one of the same id is replaced. Each file is whole or not there."""
    place = folder / run.id
    place.mkdir(parents=True, exist_ok=True)
    with_benchmark = equity.assign(**{BENCHMARK: benchmark})
    _whole(place / "trades.parquet", lambda path: trades.to_parquet(path, index=False))
    _whole(place / "equity.parquet", with_benchmark.to_parquet)
    if prices is None:
        (place / PRICES).unlink(missing_ok=True)
    else:
        _whole(place / PRICES, prices.to_parquet)
    text = json.dumps(asdict(run), indent=2, default=str)
    _whole(place / "run.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))
    return place


def read(id_or_path: str | Path, folder: Path = RUNS) -> Result:
    """A run by its id, the beginning of its id, or its folder; "last" is the newest.

    Raises ConfigError when there is none, when several begin like that, or when its files cannot be read.
    """
    place = _place(str(id_or_path), folder)
    try:
        told = json.loads((place / "run.json").read_text(encoding="utf-8"))
        trades = pd.read_parquet(place / "trades.parquet")
        equity = pd.read_parquet(place / "equity.parquet")
        prices = pd.read_parquet(place / PRICES) if (place / PRICES).is_file() else None
        run = Run(**{**told, "coins": tuple(told["coins"])})
        benchmark = equity.pop(BENCHMARK)
        wrong = [name for name in TRADE_COLUMNS if name not in trades.columns]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError([f"{place}: not the whole of a run ({type(error).__name__}: {error})"]) from error
    if wrong or run.kind not in get_args(Kind):
        raise ConfigError([f"{place}: not a run of this version (kind {run.kind}, columns missing: {wrong or 'none'})"])
    return Result(run, trades.astype(TRADE_COLUMNS), equity, benchmark, prices)


def runs(folder: Path = RUNS) -> list[str]:
    """The ids of the runs that are there, the newest last."""
    found = sorted(folder.glob("*/run.json"), key=lambda path: (path.stat().st_mtime_ns, path.parent.name))
    return [path.parent.name for path in found]


def _place(name: str, folder: Path) -> Path:
    if (Path(name) / "run.json").is_file():
        return Path(name)
    known = runs(folder)
    if name == "last" and known:
        return folder / known[-1]
    if name in known:
        return folder / name
    if name == "last":
        raise ConfigError([f"there is no run in {folder}/ yet; make one with python bot.py backtest ema_cross"])
    close = [each for each in known if each.startswith(name)] if name else []
    if len(close) == 1:
        return folder / close[0]
    there = ", ".join((close or known)[-5:]) or "none yet; make one with python bot.py backtest ema_cross"
    raise ConfigError([f"{name}: {len(close) or 'no'} runs in {folder}/ are called so; there: {there}"])


def _whole(path: Path, write: Any) -> None:
    """Write beside, then put in place: who reads meanwhile sees the old file or the new one."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    write(Path(beside))
    os.replace(beside, path)
