"""Golden signals of every strategy: all turns on a made-up market, and a sum of those on recorded candles.

A change here is a change of what users' bots do: look at it, tell it in the changelog, and write the goldens anew with
`GOLDEN=write pytest tests/strategies/test_golden_signals.py`.
"""

import hashlib
import json
import os
from pathlib import Path

import pandas as pd
import pytest

GOLDENS = Path(__file__).with_name("golden_signals.json")
RECORDED = ("hyperliquid_perp/BTC_1h_20240904_20250726.parquet", "binance_spot/ETH_1m_20210420_20210520.parquet")
FUNDING = "hyperliquid_perp/BTC_funding_20230512_20250726.parquet"
BARS_MAX = 20_000
VARIANTS = {
    "bollinger_squeeze": {"shorts": "true"},
    "bollinger_squeeze wide": {"ranges": "2"},
    "buy_and_hold": {},
    "confluence": {"shorts": "true"},
    "confluence higher": {"higher": "4h"},
    "donchian_breakout": {"shorts": "true"},
    "ema_cross": {},
    "ema_cross shorts": {"shorts": "true"},
    "funding_carry": {},
    "rsi_reversion": {"shorts": "true"},
    "uptrend": {},
}
each = pytest.mark.parametrize("variant", sorted(VARIANTS))


def lines_of(wishes: pd.DataFrame) -> list[str]:
    """Every bar at which the wish turns: when, what, stop, take-profit, trail and size to six digits."""
    changed = wishes[(wishes["want"] != "hold") & (wishes["want"] != wishes["want"].shift(1))]
    names = ("stop", "take_profit", "trail_by", "size_fraction")
    return [
        " ".join([f"{moment:%Y-%m-%d %H:%M}", row["want"], *(f"{row[name]:.6g}" for name in names)])
        if row["want"] != "flat"
        else f"{moment:%Y-%m-%d %H:%M} flat"
        for moment, row in changed.iterrows()
    ]


def held_to(variant: str, source: str, found: object) -> None:
    """Compare with the golden of a variant on a source; or write it where that is asked for."""
    goldens = json.loads(GOLDENS.read_text(encoding="utf-8")) if GOLDENS.exists() else {}
    if os.environ.get("GOLDEN") == "write":
        goldens.setdefault(variant, {})[source] = found
        GOLDENS.write_text(json.dumps(goldens, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        pytest.skip("the golden was written")
    assert found == goldens[variant][source]


@each
def test_the_signals_on_a_made_up_market_are_golden(shipped, market, known, variant):
    wishes = shipped(variant.split()[0], **VARIANTS[variant]).signals(known(market(900)))
    held_to(variant, "made up", lines_of(wishes))


@each
@pytest.mark.parametrize("file", RECORDED)
def test_the_signals_on_recorded_candles_are_golden(shipped, recorded, recorded_funding, variant, file):
    bars = recorded(file, 60_000).iloc[-BARS_MAX:]
    if file.startswith("hyperliquid_perp/BTC"):
        bars = bars.assign(funding=recorded_funding(FUNDING, bars.index))
    lines = lines_of(shipped(variant.split()[0], **VARIANTS[variant]).signals(bars))
    summed = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    held_to(variant, file, {"turns": len(lines), "sha256": summed, "first": lines[:3], "last": lines[-3:]})


def test_every_strategy_has_a_golden(shipped):
    folder = Path(__file__).resolve().parents[2] / "strategies"
    names = {path.stem for path in folder.glob("[!_]*.py")}
    goldens = json.loads(GOLDENS.read_text(encoding="utf-8"))
    assert names == {variant.split()[0] for variant in VARIANTS}
    assert set(goldens) == set(VARIANTS)


def test_a_golden_list_has_entries_of_every_strategy_that_may_trade():
    goldens = json.loads(GOLDENS.read_text(encoding="utf-8"))
    entered = {name.split()[0] for name, each in goldens.items() if any(" long " in line for line in each["made up"])}
    assert entered == {name.split()[0] for name in goldens}
