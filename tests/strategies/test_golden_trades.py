"""Golden trades of every strategy: all of them on a made-up market, and a sum of those on recorded candles.

Where the golden signals say what a strategy wishes, these say what comes of it by the bot's sizing, stops and costs. A
change here is a change of what users' bots do: look at it, tell it in the changelog, and write the goldens anew with
`GOLDEN=write pytest tests/strategies/test_golden_trades.py`.
"""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.strategies.test_golden_signals import FUNDING, RECORDED, VARIANTS
from tidegate.backtest.engine import backtest
from tidegate.backtest.rules import Rules
from tidegate.history import History, of_frame
from tidegate.model.market import Timeframe

GOLDENS = Path(__file__).with_name("golden_trades.json")
MADE_UP_BARS = 1_500
RECORDED_BARS = 15_000
LENGTHS = {RECORDED[0]: Timeframe.H1, RECORDED[1]: Timeframe.M1}
each = pytest.mark.parametrize("variant", sorted(VARIANTS))


def history_of(bars: pd.DataFrame, timeframe: Timeframe) -> History:
    return of_frame(bars.rename_axis("time").reset_index(), "BTC", timeframe, "a test")


def lines_of(trades: pd.DataFrame) -> list[str]:
    """A trade a line: when and where it began and ended, how large, why, and what it earned."""
    return [
        f"{row.opened:%Y-%m-%d %H:%M} {'long' if row.direction > 0 else 'short'} {row.size:.6g} "
        f"{row.entry_price:.6g} to {row.exit_price:.6g} {row.closed:%Y-%m-%d %H:%M} {row.reason} {row.net:.2f}"
        for row in trades.itertuples()
    ]


def held_to(variant: str, source: str, found: object) -> None:
    """Compare with the golden of a variant on a source; or write it where that is asked for."""
    goldens = json.loads(GOLDENS.read_text(encoding="utf-8")) if GOLDENS.exists() else {}
    if os.environ.get("GOLDEN") == "write":
        goldens.setdefault(variant, {})[source] = found
        GOLDENS.write_text(json.dumps(goldens, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        pytest.skip("the golden was written")
    assert found == goldens[variant][source]


def played(strategy, history: History, funding: "pd.Series | float") -> list[str]:
    # A loss limit that ends all entries would leave most of the list out.
    rules = Rules(funding={"BTC": funding}, max_drawdown_pct=0.0, max_daily_loss_pct=0.0)
    once, again = (lines_of(backtest(strategy, [history], rules).trades) for _ in range(2))
    assert once == again, "the same candles gave other trades"
    return once


@each
def test_the_trades_on_a_made_up_market_are_golden(shipped, market, variant):
    bars = market(MADE_UP_BARS)
    hours = pd.date_range(bars.index[0], bars.index[-1], freq="h")
    rates = pd.Series((1e-4 * np.sin(np.arange(len(hours)) / 5)).round(9), index=hours)
    strategy = shipped(variant.split()[0], **VARIANTS[variant])
    held_to(variant, "made up", played(strategy, history_of(bars, Timeframe.M5), rates))


@each
@pytest.mark.parametrize("file", RECORDED)
def test_the_trades_on_recorded_candles_are_golden(shipped, recorded, recorded_funding, variant, file):
    bars = recorded(file, 60_000).iloc[-RECORDED_BARS:]
    funding = 0.0
    if file.startswith("hyperliquid_perp/BTC"):
        funding = recorded_funding(FUNDING, bars.index).dropna()
    lines = played(shipped(variant.split()[0], **VARIANTS[variant]), history_of(bars, LENGTHS[file]), funding)
    summed = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    held_to(variant, file, {"trades": len(lines), "sha256": summed, "first": lines[:2], "last": lines[-2:]})


def test_every_variant_has_golden_trades_and_every_strategy_some():
    goldens = json.loads(GOLDENS.read_text(encoding="utf-8"))
    assert set(goldens) == set(VARIANTS)
    assert all(
        any(found if isinstance(found, list) else found["trades"] for found in each.values())
        for each in goldens.values()
    )
