"""What parity is shown on: pairs of strategy and period on recorded crashes, and a made-up market for every day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tidegate.discovery import load, read_source
from tidegate.model.market import Timeframe
from tidegate.model.settings import Settings
from tidegate.parity.playing import Asked, Report, compare
from tidegate.parity.replayed import Bot

ROOT = Path(__file__).resolve().parents[2]
CANDLES = ROOT.parent / "shared" / "data" / "candles"
D = Decimal
MADE_FROM = "2024-03-04T00:00"


@dataclass(frozen=True)
class Pair:
    """One strategy on one period; `speed` is how fast the bot's replay runs."""

    strategy: str
    timeframe: str
    files: Mapping[str, str]
    begin: str
    end: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    speed: float = 30.0

    @property
    def paths(self) -> dict[str, Path]:
        """The recordings by coin."""
        return {coin: CANDLES / file for coin, file in self.files.items()}


BTC_2021, ETH_2021 = (f"binance_spot/{coin}_1m_20210420_20210520.parquet" for coin in ("BTC", "ETH"))
BTC_2025, ETH_2025 = (f"binance_perp/{coin}_5m_20241231_20260219.parquet" for coin in ("BTC", "ETH"))
# With several coins equity is what the account last said, and a fast replay hears it less often: sizes by
# MAX_POSITION_USD depend on prices alone.
SHORTS = {"shorts": "true"}
PAIRS = {
    "2021-05-19 ema_cross": Pair("ema_cross", "1m", {"BTC": BTC_2021}, "2021-05-19T13:15", "2021-05-19T14:45"),
    "2021-05-19 donchian_breakout": Pair(
        "donchian_breakout", "1m", {"ETH": ETH_2021}, "2021-05-19T12:15", "2021-05-19T13:25", SHORTS
    ),
    "2021-05-19 rsi_reversion, trailing": Pair(
        "rsi_reversion", "1m", {"BTC": BTC_2021, "ETH": ETH_2021}, "2021-05-19T12:45", "2021-05-19T14:00", SHORTS,
        {"trailing_stop_pct": D("1.5"), "max_drawdown_pct": D(0), "max_position_usd": D(1000)},
    ),
    "2025-04-07 ema_cross": Pair(
        "ema_cross", "5m", {"BTC": "hyperliquid_perp/BTC_5m_20250314_20250726.parquet"},
        "2025-04-07T12:00", "2025-04-07T14:00", SHORTS,
    ),
    "2025-04-07 rsi_reversion": Pair(
        "rsi_reversion", "5m", {"SOL": "hyperliquid_perp/SOL_5m_20250314_20250726.parquet"},
        "2025-04-07T13:45", "2025-04-07T15:30", SHORTS,
    ),
    "2025-10-10 donchian_breakout": Pair(
        "donchian_breakout", "5m", {"BTC": BTC_2025}, "2025-10-10T20:40", "2025-10-10T21:45", SHORTS
    ),
    "2025-10-10 ema_cross": Pair(
        "ema_cross", "5m", {"BTC": BTC_2025, "ETH": ETH_2025}, "2025-10-10T23:30", "2025-10-11T00:10", SHORTS,
        {"max_position_usd": D(1000)},
    ),
}  # fmt: skip

LIVELY = Pair(
    "ema_cross", "1m", {"BTC": ""}, "2024-03-04T14:40", "2024-03-04T16:20",
    {"fast": "3", "slow": "7", "shorts": "true", "stop_atr": "1"},
)  # fmt: skip


def played(
    pair: Pair,
    paths: Mapping[str, Path],
    bot_folder: Path | None = None,
    speed: float = 0.0,
    say: Callable[[str], None] = lambda _what: None,
) -> Report:
    """Play a pair on these files; with a folder the bot itself, too."""
    plan = settings_of(pair)
    strategy = load(read_source(ROOT / "strategies", pair.strategy)).from_text(dict(pair.parameters))
    asked = Asked(plan, dict(paths), in_ms(pair.begin), in_ms(pair.end), speed or pair.speed)
    bot = Bot(ROOT / "bot.py", bot_folder, plan) if bot_folder is not None else None
    return compare(asked, strategy, bot, say)


def settings_of(pair: Pair) -> Settings:
    """The bot's settings for a pair: it looks at every bar."""
    length = next(each for each in Timeframe if each.value == pair.timeframe)
    return Settings(
        **{
            "coins": tuple(pair.files),
            "timeframe": length,
            "check_interval_s": D(length.ms // 1000),
            "strategy": pair.strategy,
            "strategy_dir": str(ROOT / "strategies"),
            "strategy_params": dict(pair.parameters),
            **pair.settings,
        }
    )


def in_ms(text: str) -> int:
    """A moment in UTC."""
    return int(pd.Timestamp(text, tz="UTC").timestamp() * 1000)


def made(folder: Path, coin: str = "BTC", *, seed: int = 3, minutes: int = 1_200, range_: float = 0.0006) -> Path:
    """A seeded market of one-minute candles, on ticks, with turns every twenty minutes."""
    chance = np.random.default_rng(seed)
    drift = np.repeat(chance.normal(0, 0.0009, minutes // 20 + 1), 20)[:minutes]
    close = 60_000 * np.exp(np.cumsum(drift + chance.normal(0, 0.0007, minutes)))
    opened = np.concatenate([[60_000.0], close[:-1]]) * (1 + chance.normal(0, 0.00005, minutes))
    reach = np.abs(chance.normal(0, range_, (2, minutes)))
    frame = pd.DataFrame(
        {
            "time": in_ms(MADE_FROM) + 60_000 * np.arange(minutes),
            "open": opened.round(),
            "high": (np.maximum(opened, close) * (1 + reach[0])).round(),
            "low": (np.minimum(opened, close) * (1 - reach[1])).round(),
            "close": close.round(),
            "volume": chance.uniform(5, 50, minutes).round(3),
        }
    )
    path = folder / f"{coin}_1m_made.csv"
    frame.to_csv(path, index=False)
    return path
