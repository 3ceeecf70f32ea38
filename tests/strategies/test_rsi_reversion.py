"""rsi_reversion: golden on a seeded market, in after an excess and out in the middle."""

import pytest

from tidegate.errors import ConfigError
from tidegate.indicators import rsi
from tidegate.strategy import reason_at

GOLDEN_ENTRIES = [
    ("01 13:05", "short", 71345),
    ("01 14:55", "long", 69329),
    ("01 15:20", "long", 68974),
    ("01 15:55", "long", 68687),
    ("01 16:55", "long", 68636),
    ("01 17:15", "short", 70758),
    ("01 19:25", "long", 68167),
]


def test_the_signals_on_a_seeded_market_are_golden(shipped, market, turns):
    wishes = shipped("rsi_reversion", shorts="true").signals(market())
    assert [turn for turn in turns(wishes) if turn[1] != "flat"][:7] == GOLDEN_ENTRIES
    assert reason_at(wishes, list(wishes["want"]).index("long")) == "RSI 14 (30.5) came back above 30"


def test_a_position_is_left_only_on_the_far_side_of_the_middle(shipped, market):
    bars = market()
    strength = rsi(bars["close"], 14)
    held = 0
    for want, value in zip(shipped("rsi_reversion", shorts="true").signals(bars)["want"], strength, strict=True):
        if want in ("long", "short"):
            held = 1 if want == "long" else -1
        elif want == "flat" and held:
            assert value >= 50 if held > 0 else value <= 50


def test_a_middle_outside_the_extremes_is_refused(shipped):
    with pytest.raises(ConfigError, match="middle=30 must lie between oversold=30 and overbought=70"):
        shipped("rsi_reversion", middle="30")
