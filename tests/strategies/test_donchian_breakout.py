"""donchian_breakout: golden on a seeded market, entries and exits by the channels of the bars before."""

import pytest

from tidegate.strategy import reason_at

GOLDEN_BEGINNING = [
    ("01 04:35", "long", 60103),
    ("01 05:20", "long", 61393),
    ("01 05:40", "long", 61891),
    ("01 05:50", "long", 62014),
    ("01 06:20", "long", 62599),
    ("01 06:40", "long", 63023),
]


def test_the_signals_on_a_seeded_market_are_golden(shipped, market, turns):
    wishes = shipped("donchian_breakout").signals(market())
    assert turns(wishes)[:6] == GOLDEN_BEGINNING
    assert reason_at(wishes, list(wishes["want"]).index("long")) == "close 60,433 is above 60,304, the high of 20 bars"


@pytest.mark.parametrize("shorts", ["true", "false"])
def test_it_equals_an_independent_loop(shipped, market, shorts):
    bars = market()
    wants = list(shipped("donchian_breakout", shorts=shorts).signals(bars)["want"])
    side, expected = 0, []
    for row, close in enumerate(bars["close"]):
        entry, leave = bars.iloc[max(row - 20, 0) : row], bars.iloc[max(row - 10, 0) : row]
        up = row >= 20 and close > entry["high"].max()
        down = shorts == "true" and row >= 20 and close < entry["low"].min()
        side = 1 if up else -1 if down else side
        out = close > leave["high"].max() if side < 0 else close < leave["low"].min()
        want = "long" if up else "short" if down else "flat" if row >= 10 and out else "hold"
        expected.append(want if row >= 55 else "hold")
    assert wants == expected
