"""Indicators: right against independent loops, silent while they warm up, blind to the future, not to be poisoned."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from ta.volatility import AverageTrueRange

from tidegate import indicators

COUNT = 220


def frame_of(count: int = COUNT, seed: int = 7) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.01, count)))
    spread = np.abs(chance.normal(0, 0.005, (2, count)))
    before = np.concatenate([[100.0], close[:-1]])
    return pd.DataFrame(
        {
            "open": before,
            "high": np.maximum(before, close) * (1 + spread[0]),
            "low": np.minimum(before, close) * (1 - spread[1]),
            "close": close,
            "volume": chance.uniform(1, 10, count),
        },
        index=pd.date_range("2026-01-01", periods=count, freq="5min", tz="UTC"),
    )


BARS = frame_of()

EVERY = {
    "ema": lambda bars: indicators.ema(bars["close"], 12),
    "sma": lambda bars: indicators.sma(bars["close"], 12),
    "rsi": lambda bars: indicators.rsi(bars["close"], 14),
    "atr": lambda bars: indicators.atr(bars, 14),
    "donchian_high": lambda bars: indicators.donchian_high(bars["high"], 20),
    "donchian_low": lambda bars: indicators.donchian_low(bars["low"], 20),
    "macd": lambda bars: indicators.macd(bars["close"])["macd"],
    "macd_signal": lambda bars: indicators.macd(bars["close"])["signal"],
    "macd_histogram": lambda bars: indicators.macd(bars["close"])["histogram"],
    "bollinger_lower": lambda bars: indicators.bollinger(bars["close"])["lower"],
    "bollinger_middle": lambda bars: indicators.bollinger(bars["close"])["middle"],
    "bollinger_upper": lambda bars: indicators.bollinger(bars["close"])["upper"],
    "true_range": lambda bars: indicators.true_range(bars),
    "adx": lambda bars: indicators.adx(bars, 14)["adx"],
    "adx_plus": lambda bars: indicators.adx(bars, 14)["plus"],
    "adx_minus": lambda bars: indicators.adx(bars, 14)["minus"],
    "keltner_lower": lambda bars: indicators.keltner(bars)["lower"],
    "keltner_middle": lambda bars: indicators.keltner(bars)["middle"],
    "keltner_upper": lambda bars: indicators.keltner(bars)["upper"],
    "stochastic": lambda bars: indicators.stochastic(bars, 14),
    "obv": lambda bars: indicators.obv(bars),
    "volume_flow": lambda bars: indicators.volume_flow(bars, 20),
    "zscore": lambda bars: indicators.zscore(bars["close"], 20),
    "roc": lambda bars: indicators.roc(bars["close"], 12),
    "slope": lambda bars: indicators.slope(bars["close"], 20),
}
FIRST_ROW = {
    "ema": 11,
    "sma": 11,
    "rsi": 14,
    "atr": 13,
    "donchian_high": 20,
    "donchian_low": 20,
    "macd": 25,
    "macd_signal": 33,
    "macd_histogram": 33,
    "bollinger_lower": 19,
    "bollinger_middle": 19,
    "bollinger_upper": 19,
    "true_range": 0,
    "adx": 27,
    "adx_plus": 14,
    "adx_minus": 14,
    "keltner_lower": 19,
    "keltner_middle": 19,
    "keltner_upper": 19,
    "stochastic": 13,
    "obv": 0,
    "volume_flow": 20,
    "zscore": 19,
    "roc": 12,
    "slope": 19,
}
AT_ONCE = {"obv", "true_range"}
each = pytest.mark.parametrize("name", sorted(EVERY))


@each
def test_an_indicator_is_nan_until_it_has_enough_bars_and_then_never(name):
    values = EVERY[name](BARS)
    assert list(np.flatnonzero(values.isna())) == list(range(FIRST_ROW[name]))
    assert values.index.equals(BARS.index)


@each
def test_an_indicator_does_not_see_the_future(name):
    whole = EVERY[name](BARS)
    for count in range(1, COUNT):
        prefix = EVERY[name](BARS.iloc[:count])
        pd.testing.assert_series_equal(prefix, whole.iloc[:count], check_exact=False, rtol=1e-12, check_names=False)


@each
@pytest.mark.parametrize("count", [0, 1, 2, 11])
def test_a_short_frame_gives_nan_and_no_error(name, count):
    values = EVERY[name](BARS.iloc[:count])
    assert len(values) == count
    assert values.isna().all() or (name in AT_ONCE and values.notna().all())


@each
def test_a_nan_in_the_input_passes_and_poisons_nothing(name):
    holed = BARS.copy()
    holed.iloc[100, :] = np.nan
    values = EVERY[name](holed)
    assert values.iloc[-50:].notna().all()


@each
def test_an_indicator_leaves_its_input_alone(name):
    bars = BARS.copy()
    EVERY[name](bars)
    pd.testing.assert_frame_equal(bars, BARS)


@each
def test_a_flat_market_gives_finite_values(name):
    flat = BARS.copy()
    flat[["open", "high", "low", "close"]] = 100.0
    values = EVERY[name](flat).dropna()
    assert np.isfinite(values).all()


def test_the_exponential_average_follows_its_recurrence():
    expected = BARS["close"].iloc[0]
    for close in BARS["close"].iloc[1:]:
        expected += (close - expected) * 2 / 13
    assert indicators.ema(BARS["close"], 12).iloc[-1] == pytest.approx(expected, rel=1e-12)


def test_the_average_true_range_is_that_of_ta():
    theirs = AverageTrueRange(BARS["high"], BARS["low"], BARS["close"], 14).average_true_range()
    ours = indicators.atr(BARS, 14)
    np.testing.assert_allclose(ours.iloc[13:], theirs.iloc[13:], rtol=1e-12)


def test_the_average_true_range_is_never_zero_while_it_warms_up():
    assert not (indicators.atr(BARS, 14) == 0).any()


def test_the_relative_strength_index_follows_wilder():
    closes = list(BARS["close"])
    up = down = 0.0
    for before, close in itertools.pairwise(closes):
        up += (max(close - before, 0) - up) / 14
        down += (max(before - close, 0) - down) / 14
    expected = 100 - 100 / (1 + up / down)
    assert indicators.rsi(BARS["close"], 14).iloc[-1] == pytest.approx(expected, rel=1e-9)


def test_the_relative_strength_of_a_market_that_never_moved_is_in_the_middle():
    flat = pd.Series(100.0, index=BARS.index)
    assert set(indicators.rsi(flat, 14).dropna()) == {50.0}


def test_the_relative_strength_of_a_market_that_only_rises_is_a_hundred():
    rising = pd.Series(np.arange(1.0, 51.0))
    assert indicators.rsi(rising, 14).iloc[-1] == 100


def test_a_close_can_leave_the_donchian_channel():
    highs = pd.Series([1.0, 5.0, 2.0, 3.0, 9.0])
    assert list(indicators.donchian_high(highs, 3))[3:] == [5.0, 5.0]
    assert list(indicators.donchian_low(highs, 3))[3:] == [1.0, 2.0]


def test_the_bollinger_bands_stand_two_deviations_from_the_mean():
    last = BARS["close"].iloc[-20:]
    mean = last.mean()
    deviation = math.sqrt(((last - mean) ** 2).mean())
    bands = indicators.bollinger(BARS["close"], 20, 2.0).iloc[-1]
    assert bands["middle"] == pytest.approx(mean)
    assert bands["upper"] == pytest.approx(mean + 2 * deviation)
    assert bands["lower"] == pytest.approx(mean - 2 * deviation)


def test_a_settled_average_has_forgotten_its_first_bar():
    other = BARS["close"].copy()
    other.iloc[0] *= 2
    span = 26
    row = indicators.settled(span)
    difference = indicators.ema(other, span).iloc[row] / indicators.ema(BARS["close"], span).iloc[row] - 1
    assert abs(difference) < 0.001


@pytest.mark.parametrize("bars", [0, -1])
def test_an_impossible_window_gives_nan(bars):
    assert indicators.ema(BARS["close"], bars).isna().all()
    assert indicators.atr(BARS, bars).isna().all()
    assert indicators.bollinger(BARS["close"], bars).isna().all().all()


def test_a_bar_that_closes_where_the_one_before_did_adds_no_volume_to_the_balance():
    bars = pd.DataFrame({"close": [1.0, 2.0, 2.0, 1.0], "volume": [5.0, 3.0, 100.0, 4.0]})
    assert list(indicators.obv(bars)) == [5, 8, 8, 4]


def test_the_flow_of_volume_is_one_sided_in_a_market_that_only_rises_and_none_without_volume():
    rising = pd.DataFrame({"close": np.arange(1.0, 31.0), "volume": 2.0})
    assert indicators.volume_flow(rising, 10).iloc[-1] == 1
    assert indicators.volume_flow(rising.assign(close=-rising["close"] + 99), 10).iloc[-1] == -1
    assert indicators.volume_flow(rising.assign(volume=0.0), 10).iloc[-1] == 0


def test_the_close_between_equal_extremes_stands_in_the_middle_and_has_no_score():
    flat = BARS.assign(high=5.0, low=5.0, close=5.0)
    assert set(indicators.stochastic(flat, 14).dropna()) == {50.0}
    assert set(indicators.zscore(flat["close"], 20).dropna()) == {0.0}


def test_the_slope_of_a_straight_line_is_its_rise_a_bar():
    line = pd.Series(1e6 + 0.25 * np.arange(50))
    assert indicators.slope(line, 20).iloc[-1] == pytest.approx(0.25, rel=1e-9)


@pytest.mark.parametrize("bars", [0, 1])
def test_a_line_through_one_bar_has_no_slope_and_one_bar_no_direction(bars):
    assert indicators.slope(BARS["close"], bars).isna().all()
    assert indicators.adx(BARS, bars).isna().all().all()


LONG = frame_of(3000, seed=21)
# TA-Lib begins its smoothed averages at other values; after so many bars nothing of the beginning is left.
FORGOTTEN = 900
ORACLE = {
    "ema": lambda t, o: t.EMA(o["close"], 12),
    "sma": lambda t, o: t.SMA(o["close"], 12),
    "rsi": lambda t, o: t.RSI(o["close"], 14),
    "atr": lambda t, o: t.ATR(o["high"], o["low"], o["close"], 14),
    "macd": lambda t, o: t.MACD(o["close"])[0],
    "macd_signal": lambda t, o: t.MACD(o["close"])[1],
    "macd_histogram": lambda t, o: t.MACD(o["close"])[2],
    "bollinger_upper": lambda t, o: t.BBANDS(o["close"], 20)[0],
    "bollinger_middle": lambda t, o: t.BBANDS(o["close"], 20)[1],
    "bollinger_lower": lambda t, o: t.BBANDS(o["close"], 20)[2],
    "donchian_high": lambda t, o: np.roll(t.MAX(o["high"], 20), 1),
    "donchian_low": lambda t, o: np.roll(t.MIN(o["low"], 20), 1),
    "true_range": lambda t, o: t.TRANGE(o["high"], o["low"], o["close"]),
    "adx": lambda t, o: t.ADX(o["high"], o["low"], o["close"], 14),
    "adx_plus": lambda t, o: t.PLUS_DI(o["high"], o["low"], o["close"], 14),
    "adx_minus": lambda t, o: t.MINUS_DI(o["high"], o["low"], o["close"], 14),
    "keltner_middle": lambda t, o: t.EMA(o["close"], 20),
    "keltner_upper": lambda t, o: t.EMA(o["close"], 20) + 2 * t.ATR(o["high"], o["low"], o["close"], 10),
    "keltner_lower": lambda t, o: t.EMA(o["close"], 20) - 2 * t.ATR(o["high"], o["low"], o["close"], 10),
    "stochastic": lambda t, o: t.STOCHF(o["high"], o["low"], o["close"], 14, 1)[0],
    "obv": lambda t, o: t.OBV(o["close"], o["volume"]),
    "zscore": lambda t, o: (o["close"] - t.SMA(o["close"], 20)) / t.STDDEV(o["close"], 20),
    "roc": lambda t, o: t.ROC(o["close"], 12),
    "slope": lambda t, o: t.LINEARREG_SLOPE(o["close"], 20),
}


@pytest.mark.parametrize("name", sorted(ORACLE))
def test_an_indicator_equals_that_of_ta_lib(name):
    talib = pytest.importorskip("talib", reason="TA-Lib is not installed; it is the oracle of this test only")
    theirs = ORACLE[name](talib, {column: LONG[column].to_numpy() for column in LONG})
    np.testing.assert_allclose(EVERY[name](LONG).iloc[FORGOTTEN:], theirs[FORGOTTEN:], rtol=1e-9, atol=1e-9)


def test_every_indicator_is_held_to_ta_lib_except_the_one_that_it_does_not_have():
    assert set(EVERY) - set(ORACLE) == {"volume_flow"}
