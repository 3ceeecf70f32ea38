"""Settings and markets that several tests simulate."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tidegate.model.market import Timeframe
from tidegate.model.settings import Settings

D = Decimal
ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
CRASH = SHARED / "candles" / "binance_spot" / "BTC_1m_20210420_20210520.parquet"
FRAMES = SHARED / "ws" / "hyperliquid" / "20250904_1946_BTC-ETH-SOL_l2-bbo-trades.jsonl.gz"
needs_the_crash = pytest.mark.skipif(not CRASH.is_file(), reason="the shared recordings are not on this machine")
needs_frames = pytest.mark.skipif(not FRAMES.is_file(), reason="the shared recordings are not on this machine")


def settings(**changes: Any) -> Settings:
    """The defaults, with the strategies of this project wherever the tests are run from."""
    return Settings(**{"strategy_dir": str(ROOT / "strategies"), **changes})


def holding(side: str, **changes: Any) -> Settings:
    """Always in the market on one side: every minute decides anew."""
    plan = {"coins": ("BTC",), "timeframe": Timeframe.M1, "check_interval_s": D(60), "strategy": "buy_and_hold"}
    return settings(**{**plan, "strategy_params": {"side": side}, **changes})
