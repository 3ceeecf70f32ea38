"""ema_cross: equal to an independent loop on recorded candles, golden on a seeded market."""

import itertools

import pandas as pd
import pytest

from tidegate.errors import ConfigError
from tidegate.strategy import reason_at

GOLDEN = [
    ("01 14:30", "flat", None),
    ("01 17:15", "long", 69758),
    ("01 18:00", "flat", None),
    ("01 20:15", "long", 68993),
    ("01 21:15", "flat", None),
    ("02 02:00", "long", 66692),
    ("02 14:35", "flat", None),
    ("02 18:55", "long", 66803),
    ("03 00:30", "flat", None),
    ("03 01:10", "long", 71861),
    ("03 01:15", "flat", None),
    ("03 01:20", "long", 71842),
]


def reference(bars: pd.DataFrame, fast: int, slow: int, stop_atr: float, atr_bars: int) -> list[tuple[str, float]]:
    """The strategy once more, bar by bar with plain numbers: (want, stop of an entry)."""
    quick = slack = average = 0.0
    ranges: list[float] = []
    above_before: bool | None = None
    wishes = []
    previous = None
    for row, bar in enumerate(bars.itertuples()):
        if previous is None:
            quick = slack = bar.close
            true_range = bar.high - bar.low
        else:
            quick += (bar.close - quick) * 2 / (fast + 1)
            slack += (bar.close - slack) * 2 / (slow + 1)
            true_range = max(bar.high - bar.low, abs(bar.high - previous), abs(bar.low - previous))
        ranges.append(true_range)
        if row + 1 == atr_bars:
            average = sum(ranges) / atr_bars
        elif row + 1 > atr_bars:
            average += (true_range - average) / atr_bars
        want, stop = "hold", float("nan")
        if row >= 4 * slow:
            if quick > slack and not above_before:
                want, stop = "long", bar.close - stop_atr * average
            elif quick < slack:
                want = "flat"
        wishes.append((want, stop))
        above_before = quick > slack
        previous = bar.close
    return wishes


@pytest.mark.parametrize(
    "file",
    ["hyperliquid_perp/BTC_1h_20240904_20250726.parquet", "hyperliquid_perp/ETH_5m_20250314_20250726.parquet"],
)
def test_it_equals_an_independent_loop_on_recorded_candles(shipped, recorded, file):
    bars = recorded(file, 5000)
    wishes = shipped("ema_cross").signals(bars)
    expected = reference(bars, 12, 26, 2.0, 14)
    assert list(wishes["want"]) == [want for want, _ in expected]
    longs = wishes["want"] == "long"
    assert longs.sum() > 50
    for stop, (want, expected_stop) in zip(wishes["stop"], expected, strict=True):
        if want == "long":
            assert stop == pytest.approx(expected_stop, rel=1e-9)


def test_the_signals_on_a_seeded_market_are_golden(shipped, market, turns):
    assert turns(shipped("ema_cross").signals(market())) == GOLDEN


def test_a_crossing_is_told_with_its_numbers(shipped, market):
    wishes = shipped("ema_cross").signals(market())
    reason = reason_at(wishes, list(wishes["want"]).index("long"))
    assert reason == "EMA 12 (69,523.31) crossed above EMA 26 (69,455.56)"


def test_a_fast_average_that_is_not_the_faster_one_is_refused(shipped):
    with pytest.raises(ConfigError, match="fast=26 must be less than slow=26"):
        shipped("ema_cross", fast="26")


def test_without_shorts_being_below_is_reason_to_be_out_on_every_bar(shipped, market):
    wants = shipped("ema_cross").signals(market())["want"]
    assert (wants == "flat").sum() > 50
    assert "short" not in set(wants)


def test_with_shorts_it_turns_at_each_crossing_and_is_never_flat(shipped, market):
    wants = shipped("ema_cross", shorts="true").signals(market())["want"]
    turns = list(wants[wants != "hold"])
    assert "flat" not in turns
    assert all(one != other for one, other in itertools.pairwise(turns))
    assert turns
