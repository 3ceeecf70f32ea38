"""Coarser bars: made of closed ones, seen only after they have closed, the same in every prefix."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.timeframes import STEP, coarser, ratio, step_ms_of

HOUR_MS = 3_600_000


def bars_of(count: int, start: str = "2026-01-01 00:00", freq: str = "5min") -> pd.DataFrame:
    close = 100 + np.arange(count, dtype=float)
    columns = {"open": close - 0.5, "high": close + 1, "low": close - 1, "close": close, "volume": 1.0}
    return pd.DataFrame(columns, index=pd.date_range(start, periods=count, freq=freq, tz="UTC"))


def test_a_coarse_bar_has_the_first_open_the_extremes_the_last_close_and_the_whole_volume():
    (bar,) = coarser(bars_of(12), "1h").bars.itertuples()
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (99.5, 112, 99, 111, 12)


def test_a_coarse_bar_is_seen_from_the_fine_bar_on_with_which_it_closes():
    coarse = coarser(bars_of(30), "1h")
    seen = coarse.seen(coarse.bars["close"])
    assert seen.iloc[:11].isna().all()
    assert list(seen.iloc[11:23]) == [111] * 12
    assert list(seen.iloc[23:]) == [123] * 7


def test_a_coarse_bar_that_forms_is_not_there():
    assert len(coarser(bars_of(23), "1h").bars) == 1
    assert len(coarser(bars_of(24), "1h").bars) == 2


def test_a_first_coarse_bar_of_which_only_a_part_is_known_is_left_out():
    coarse = coarser(bars_of(30, start="2026-01-01 00:20"), "1h")
    assert list(coarse.bars.index) == [pd.Timestamp("2026-01-01 01:00", tz="UTC")]


@settings(max_examples=60, deadline=None)
@given(
    kept=st.lists(st.booleans(), min_size=2, max_size=120),
    offset=st.integers(0, 40),
    timeframe=st.sampled_from(["15m", "1h", "5m"]),
)
def test_what_is_seen_after_a_bar_is_the_same_in_every_prefix_and_has_closed_by_then(kept, offset, timeframe):
    start = pd.Timestamp("2026-01-01", tz="UTC") + offset * pd.Timedelta("5min")
    bars = bars_of(len(kept), start=str(start.tz_localize(None)))[np.array(kept)]
    bars.attrs[STEP] = HOUR_MS // 12
    whole = coarser(bars, timeframe)
    length = pd.Timedelta(timeframe.replace("m", "min"))
    ends = pd.Series(whole.bars.index.asi8 if len(whole.bars) else [], index=whole.bars.index, dtype=float)
    seen = whole.seen(pd.to_datetime(ends, unit=whole.bars.index.unit, utc=True) if len(ends) else ends)
    for count in range(1, len(bars) + 1):
        part = coarser(bars.iloc[:count], timeframe)
        closed = bars.index[count - 1] + pd.Timedelta("5min")
        if len(part.bars):
            assert part.bars.index[-1] + length <= closed
            assert part.seen(part.bars["close"]).iloc[-1] == whole.seen(whole.bars["close"]).iloc[count - 1]
        assert pd.isna(seen.iloc[count - 1]) or seen.iloc[count - 1] + length <= closed


def test_a_gap_inside_makes_a_coarse_bar_of_what_is_there():
    bars = bars_of(24).drop(bars_of(24).index[3:11])
    coarse = coarser(bars, "1h")
    assert list(coarse.bars["volume"]) == [4, 12]


@pytest.mark.parametrize(
    ("timeframe", "words"), [("7m", "is no timeframe"), ("3m", "bars of 3m cannot be made of bars of 5m")]
)
def test_a_timeframe_that_cannot_be_made_is_an_error_in_words(timeframe, words):
    with pytest.raises(ValueError, match=words):
        coarser(bars_of(30), timeframe)


def test_one_bar_or_none_makes_no_coarse_bar():
    for count in (0, 1):
        coarse = coarser(bars_of(count), "1h")
        assert coarse.bars.empty
        assert len(coarse.seen(coarse.bars["close"])) == count


def test_a_column_of_another_length_is_refused():
    with pytest.raises(ValueError, match="2 bars, 1 values"):
        coarser(bars_of(24), "1h").seen(pd.Series([1.0]))


def test_the_length_of_a_bar_is_what_the_frame_says_or_its_least_distance():
    bars = bars_of(10)
    assert step_ms_of(bars) == HOUR_MS // 12
    assert step_ms_of(bars.iloc[::2]) == HOUR_MS // 6
    bars.attrs[STEP] = 1
    assert step_ms_of(bars) == 1
    assert step_ms_of(bars_of(1)) == 0


def test_so_many_bars_make_one_of_a_longer_timeframe():
    assert ratio("4h", HOUR_MS) == 4
    assert ratio("1h", HOUR_MS) == 1
