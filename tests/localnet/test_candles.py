"""Candles: one grid, exact live candles in front of a recorded history, and nothing made up."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.localnet.markets.candles import (
    CANDLES_MAX,
    INTERVALS,
    MINUTE_MS,
    Bars,
    CandleStore,
    closing_ms,
    fold,
    opening_ms,
)

D = Decimal
START_MS = 1_757_015_100_000
FOREVER_MS = 2**45
SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "exchange-samples"

prints = st.lists(
    st.tuples(
        st.integers(0, 4 * 60 * MINUTE_MS),
        st.decimals("0.5", "90000", places=2),
        st.decimals("0.001", "50", places=3),
    ),
    min_size=1,
    max_size=60,
).map(lambda rows: sorted(rows, key=lambda row: row[0]))


def bars(count: int, interval_ms: int = MINUTE_MS, start_ms: int = START_MS) -> Bars:
    close = np.round(100 + np.cumsum(np.random.RandomState(3).standard_normal(count)) / 10, 2)
    open_ = np.concatenate(([100.0], close[:-1]))
    times = start_ms - start_ms % interval_ms + interval_ms * np.arange(count)
    high, low = np.maximum(open_, close) + 0.5, np.minimum(open_, close) - 0.5
    return Bars(interval_ms, times, open_, high, low, close, np.full(count, 1.5), np.full(count, 7))


def by_hand(interval: str, rows: list[tuple[int, D, D]]) -> Iterator[tuple[int, D, D, D, D, D, int]]:
    groups: dict[int, list[tuple[D, D]]] = {}
    for time_ms, px, sz in rows:
        groups.setdefault(opening_ms(interval, time_ms), []).append((px, sz))
    for open_ms, group in groups.items():
        prices = [px for px, _ in group]
        yield open_ms, prices[0], max(prices), min(prices), prices[-1], sum(sz for _, sz in group), len(group)


@given(prints, st.sampled_from(list(INTERVALS)))
@settings(deadline=None)
def test_a_candle_is_what_its_prints_were_in_every_interval(rows, interval):
    store = CandleStore("BTC")
    rows = [(START_MS + after_ms, px, sz) for after_ms, px, sz in rows]
    for row in rows:
        store.add(*row)
    served = [
        (row["t"], D(row["o"]), D(row["h"]), D(row["l"]), D(row["c"]), D(row["v"]), row["n"])
        for row in store.snapshot(interval, 0, FOREVER_MS)
    ]
    assert served == list(by_hand(interval, rows))
    assert store.current(interval) == store.snapshot(interval, 0, FOREVER_MS)[-1]


@given(prints, st.integers(1, 500), st.sampled_from(list(INTERVALS)))
@settings(max_examples=50, deadline=None)
def test_history_and_prints_join_into_one_row_of_candles(rows, count, interval):
    history = bars(count)
    end_ms = int(history.time_ms[-1]) + MINUTE_MS
    store = CandleStore("BTC", history)
    for after_ms, px, sz in rows:
        store.add(end_ms + after_ms, px, sz)
    served = store.snapshot(interval, 0, FOREVER_MS)
    times = [row["t"] for row in served]
    assert times == sorted(set(times))
    assert sum(row["n"] for row in served) == 7 * count + len(rows)
    assert sum(float(row["v"]) for row in served) == pytest.approx(1.5 * count + sum(float(sz) for _, _, sz in rows))
    assert served[0]["o"] == "100.0"
    assert D(served[-1]["c"]) == rows[-1][1]


def test_a_minute_that_was_forming_at_the_start_goes_on():
    store = CandleStore("BTC", bars(10))
    last = store.snapshot("1m", 0, FOREVER_MS)[-1]
    store.add(last["t"] + 59_000, D("250"), D("2"))
    grown = store.snapshot("1m", 0, FOREVER_MS)
    assert len(grown) == 10
    assert (grown[-1]["o"], grown[-1]["h"], grown[-1]["c"]) == (last["o"], "250.0", "250.0")
    assert grown[-1]["n"] == last["n"] + 1


def test_intervals_finer_than_the_history_have_none_and_coarser_ones_do():
    store = CandleStore("BTC", bars(48, INTERVALS["1h"]))
    assert store.snapshot("5m", 0, FOREVER_MS) == []
    assert store.current("5m") is None
    assert len(store.snapshot("1h", 0, FOREVER_MS)) == 48
    assert 12 <= len(store.snapshot("4h", 0, FOREVER_MS)) <= 13


def test_only_the_newest_candles_of_an_interval_exist():
    store = CandleStore("BTC", bars(CANDLES_MAX + 500))
    end_ms = START_MS + (CANDLES_MAX + 500) * MINUTE_MS
    for minute in range(200):
        store.add(end_ms + minute * MINUTE_MS, D(100), D(1))
    rows = store.snapshot("1m", 0, FOREVER_MS)
    assert len(rows) == CANDLES_MAX
    assert rows[0]["t"] == rows[-1]["t"] - (CANDLES_MAX - 1) * MINUTE_MS


def test_live_candles_are_bounded_too():
    store = CandleStore("BTC")
    for minute in range(CANDLES_MAX + 10):
        store.add(START_MS + minute * MINUTE_MS, D(100), D(1))
    assert len(store.snapshot("1m", 0, FOREVER_MS)) == CANDLES_MAX


def test_rows_overlap_the_range_asked_for():
    history = bars(60)
    opens = history.time_ms.tolist()
    for store in (CandleStore("BTC", history), CandleStore("BTC")):
        if store.current("1m") is None:
            for open_ms in opens:
                store.add(open_ms, D(1), D(1))
        asked = [row["t"] for row in store.snapshot("1m", opens[10] + 30_000, opens[20])]
        assert asked == opens[10:21]
        assert store.snapshot("1m", opens[-1] + MINUTE_MS, FOREVER_MS) == []
        assert store.snapshot("1m", 0, opens[0] - 1) == []


def test_a_minute_without_prints_has_no_candle():
    store = CandleStore("BTC")
    store.add(START_MS, D(1), D(1))
    store.add(START_MS + 5 * MINUTE_MS, D(2), D(1))
    assert [row["t"] for row in store.snapshot("1m", 0, FOREVER_MS)] == [START_MS, START_MS + 5 * MINUTE_MS]


def test_a_month_is_the_calendars():
    january_31 = 1_769_860_800_000
    assert opening_ms("1M", january_31) == 1_767_225_600_000
    assert closing_ms("1M", 1_767_225_600_000) == 1_769_904_000_000 - 1


@given(st.sampled_from(list(INTERVALS)), st.integers(0, 2**42))
@settings(deadline=None)
def test_every_moment_lies_in_exactly_one_candle(interval, time_ms):
    open_ms = opening_ms(interval, time_ms)
    close_ms = closing_ms(interval, open_ms)
    assert open_ms <= time_ms <= close_ms
    assert opening_ms(interval, close_ms) == open_ms
    assert opening_ms(interval, close_ms + 1) == close_ms + 1


def test_folding_keeps_the_extremes_and_the_volume():
    fine = bars(1000)
    coarse = fold(fine, "1h")
    assert coarse.volume.sum() == pytest.approx(fine.volume.sum())
    assert coarse.high.max() == fine.high.max()
    assert coarse.low.min() == fine.low.min()
    assert (coarse.open[0], coarse.close[-1]) == (fine.open[0], fine.close[-1])


def test_a_row_has_the_shape_the_exchange_sends():
    if not SAMPLES.is_dir():
        pytest.skip("the recorded samples are not here")
    recorded = json.loads((SAMPLES / "rest" / "candleSnapshot.json").read_text())["response"][0]
    store = CandleStore("kPEPE", bars(3))
    store.add(START_MS + 10 * MINUTE_MS, D("0.0000012"), D("520665683"))
    for row in store.snapshot("1h", 0, FOREVER_MS):
        assert {key: type(value) for key, value in row.items()} == {key: type(value) for key, value in recorded.items()}
        assert row["T"] == row["t"] + INTERVALS["1h"] - 1
    assert store.current("1m")["o"] == "0.0000012"
    assert store.current("1m")["v"] == "520665683.0"


def test_small_recorded_floats_are_written_without_an_exponent():
    history = bars(2)
    tiny = Bars(MINUTE_MS, history.time_ms, *[np.array([1e-7, 1e-7])] * 5, history.trades)
    assert CandleStore("BTC", tiny).snapshot("1m", 0, FOREVER_MS)[0]["o"] == "0.0000001"


def test_an_unknown_interval_is_the_callers_mistake():
    with pytest.raises(KeyError):
        CandleStore("BTC").snapshot("7m", 0, 1)


def test_coarser_histories_reach_further_back_and_nothing_is_counted_twice():
    """Closed candles of the coarser ones, then finer bars; what is forming is told by the finest only."""
    minutes = bars(200)
    newest = minutes.slice(120, 200)
    whole, spliced = CandleStore("BTC", minutes), CandleStore("BTC", newest, coarser=[fold(minutes, "1h")])
    for interval in ("1h", "2h", "1d"):
        assert spliced.snapshot(interval, 0, FOREVER_MS)[-2:] == whole.snapshot(interval, 0, FOREVER_MS)[-2:]
    assert len(spliced.snapshot("1m", 0, FOREVER_MS)) == len(newest)


def test_a_spliced_history_begins_with_a_whole_candle():
    minutes = bars(200)
    store = CandleStore("BTC", minutes.slice(193, 200), coarser=[fold(minutes, "1h")])
    rows = store.snapshot("3m", 0, FOREVER_MS)
    assert [row["n"] for row in rows[:-1]] == [21] * (len(rows) - 1)
    assert len(rows) == 2
