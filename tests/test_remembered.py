"""What is kept of an indicator is what it would answer anew."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from tidegate import remembered
from tidegate.indicators import atr, ema, rsi

pytestmark = pytest.mark.skipif(not remembered.COPY_ON_WRITE, reason="only pandas from 3 on protects what is shared")
ROWS = remembered.ROWS_MIN


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    remembered._kept.clear()
    yield
    remembered._kept.clear()


def candles(rows: int = ROWS, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.001, rows)))
    index = pd.date_range("2025-01-01", periods=rows, freq="min", tz="UTC", name="time")
    return pd.DataFrame({"high": close * 1.001, "low": close * 0.999, "close": close}, index=index)


def asked_twice(bars: pd.DataFrame) -> int:
    """How many answers are kept after everything was asked for twice, each the same."""
    for _ in range(2):
        for indicator, source in ((ema, bars["close"]), (rsi, bars["close"]), (atr, bars.copy(deep=False))):
            fresh = indicator.__wrapped__(source, 20)  # type: ignore[attr-defined]
            pd.testing.assert_series_equal(indicator(source, 20), fresh)
    return len(remembered._kept)


def test_the_same_is_computed_once_and_short_series_are_never_kept() -> None:
    assert asked_twice(candles()) == 3
    remembered._kept.clear()
    assert asked_twice(candles(ROWS - 1)) == 0


def test_other_numbers_are_another_answer() -> None:
    bars = candles()
    one, other = ema(bars["close"], 20), ema(bars["close"], 21)
    assert not one.equals(other)
    assert ema(bars["close"], bars=20).equals(one)
    assert not ema(bars["close"].iloc[1:], 19).equals(one)


def test_who_writes_into_the_candles_gets_the_answer_of_what_he_wrote() -> None:
    bars = candles()
    before = ema(bars["close"], 20)
    bars.loc[bars.index[50], "close"] = 1000.0
    after = ema(bars["close"], 20)
    assert after.iloc[50] > before.iloc[50] + 50
    series = bars["close"] * 2
    before = ema(series, 20)
    series.iloc[60] = 10_000.0
    assert ema(series, 20).iloc[60] > before.iloc[60] + 500


def test_who_writes_into_an_answer_spoils_nobody_elses() -> None:
    bars = candles()
    one = ema(bars["close"], 20)
    kept = one.copy()
    one.iloc[:] = 0.0
    other = ema(bars["close"], 20)
    pd.testing.assert_series_equal(other, kept)
    other.iloc[:] = 1.0
    pd.testing.assert_series_equal(ema(bars["close"], 20), kept)


def test_the_same_numbers_under_another_index_are_not_the_same() -> None:
    bars = candles()
    ema(bars["close"], 20)
    local = bars["close"].tz_convert("Asia/Tokyo")
    later = bars["close"].set_axis(bars.index + pd.Timedelta("1D"))
    for other in (local, later):
        pd.testing.assert_index_equal(ema(other, 20).index, other.index)


def test_no_more_is_kept_than_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "BYTES_MAX", 5 * ROWS * 8)
    close = candles()["close"]
    for bars in range(2, 12):
        ema(close, bars)
    assert len(remembered._kept) == 3  # the close and its index are two of the five
    assert ema(close, 11).equals(ema.__wrapped__(close, 11))  # type: ignore[attr-defined]
