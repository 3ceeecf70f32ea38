"""What every shipped strategy owes: total, deterministic, blind to the future, sound prices, readable reasons."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.strategy import WISH_COLUMNS, reason_at

VARIANTS = {
    "ema_cross": {},
    "ema_cross shorts": {"shorts": "true", "fast": "5", "slow": "13"},
    "donchian_breakout": {},
    "donchian_breakout shorts": {"shorts": "yes", "exit_bars": "30"},
    "rsi_reversion": {"bars": "7"},
    "rsi_reversion shorts": {"shorts": "on", "bars": "5", "middle": "45"},
    "bollinger_squeeze": {"least": "3", "ranges": "2"},
    "bollinger_squeeze shorts": {"shorts": "yes", "bars": "15", "least": "2", "ranges": "2"},
    "confluence": {},
    "confluence shorts": {"shorts": "yes", "enter": "0.4", "min_bars": "1"},
    "confluence higher": {"higher": "30m", "enter": "0.4", "shorts": "yes", "higher_bars": "10"},
    "funding_carry": {"trend_bars": "30"},
    "funding_carry shorts": {"longs": "no", "bars": "1"},
    "uptrend": {},
    "uptrend still": {"trail_atr": "0", "confirm": "1", "fast": "8", "middle": "20", "slow": "50"},
    "buy_and_hold": {},
    "buy_and_hold short": {"side": "short"},
}
each = pytest.mark.parametrize("variant", sorted(VARIANTS))


@pytest.fixture
def market(market, known):
    """The seeded market with everything that any strategy can make use of."""
    return lambda *given: known(market(*given))


@pytest.fixture
def strategy(shipped, variant):
    return shipped(variant.split()[0], **VARIANTS[variant])


@each
def test_it_speaks_on_a_lively_market_and_only_after_its_warm_up(strategy, market):
    bars = market()
    wishes = strategy.signals(bars)
    assert tuple(wishes.columns) == WISH_COLUMNS
    assert wishes.index.equals(bars.index)
    assert (wishes["want"].iloc[: strategy.warm_up_bars - 1] == "hold").all()
    assert wishes["want"].isin(["long", "short"]).any()


@each
def test_it_sees_no_future(strategy, market):
    bars = market()
    whole = strategy.signals(bars)
    for count in range(1, len(bars), 13):
        prefix = strategy.signals(bars.iloc[:count])
        pd.testing.assert_frame_equal(prefix, whole.iloc[:count], rtol=1e-9)
        assert reason_at(prefix, count - 1) == reason_at(whole, count - 1)


@each
def test_the_same_bars_give_the_same_wishes_and_stay_as_they_were(strategy, market):
    bars = market()
    first = strategy.signals(bars)
    pd.testing.assert_frame_equal(strategy.signals(bars), first)
    pd.testing.assert_frame_equal(bars, market())


@each
def test_bars_alone_are_enough_not_to_fail(strategy, market):
    bars = market()[["open", "high", "low", "close", "volume"]]
    wishes = strategy.signals(bars)
    assert len(wishes) == len(bars)
    assert reason_at(wishes, len(bars) - 1)


@each
def test_a_window_of_the_bots_default_history_gives_the_signal_of_all_history(strategy, market):
    bars = market(1200)
    whole = strategy.signals(bars)
    for end in range(700, 1200, 23):
        window = strategy.signals(bars.iloc[end - 500 : end]).iloc[-1]
        assert window["want"] == whole["want"].iloc[end - 1]
        assert window["stop"] == pytest.approx(whole["stop"].iloc[end - 1], rel=1e-6, nan_ok=True)


@each
def test_the_stop_of_an_entry_stands_on_the_losing_side(strategy, market):
    bars = market()
    wishes = strategy.signals(bars)
    distance = (bars["close"] - wishes["stop"]).dropna()
    assert (distance[wishes["want"] == "long"] > 0).all()
    assert (distance[wishes["want"] == "short"] < 0).all()


@each
def test_every_bar_after_the_warm_up_has_a_reason(strategy, market):
    wishes = strategy.signals(market())
    reasons = [reason_at(wishes, row) for row in range(strategy.warm_up_bars - 1, len(wishes))]
    assert all(reason and "nan" not in reason for reason in reasons)


@each
@pytest.mark.parametrize("count", [0, 1, 2, 13])
def test_a_few_bars_are_enough_not_to_fail(strategy, market, count):
    assert len(strategy.signals(market().iloc[:count])) == count


@each
def test_a_market_that_does_not_move_wishes_no_entry_by_signal(strategy, market, variant):
    bars = market()
    bars[["open", "high", "low", "close"]] = 100.0
    wants = set(strategy.signals(bars)["want"])
    assert variant.startswith("buy_and_hold") or not wants & {"long", "short"}


prices = st.floats(1e-6, 1e7)


@each
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(prices, prices), min_size=1, max_size=40),
    repeats=st.sampled_from([1, 2, 10]),
    data=st.sets(st.sampled_from(["funding", "imbalance"])),
)
def test_it_is_total(strategy, rows, repeats, data):
    close = np.array([row[0] for row in rows] * repeats)
    other = np.array([row[1] for row in rows] * repeats)
    bars = pd.DataFrame(
        {
            "open": other,
            "high": np.maximum(close, other),
            "low": np.minimum(close, other),
            "close": close,
            "volume": np.abs(close - other),
        },
        index=pd.date_range("2026-01-01", periods=len(close), freq="min", tz="UTC"),
    )
    if "funding" in data:
        bars = bars.assign(funding=(close / 1e7 - 0.5) / 1e3)
    if "imbalance" in data:
        bars = bars.assign(imbalance=np.where(close > other, np.nan, -0.5))
    wishes = strategy.signals(bars)
    reason_at(wishes, len(wishes) - 1)
    assert wishes["want"].isin(["long", "short", "flat", "hold"]).all()
    entries = wishes[wishes["want"].isin(["long", "short"])]
    assert not entries["stop"].le(0).any()
    assert entries["size_fraction"].between(0, 1, inclusive="right").all()
