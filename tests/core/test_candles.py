"""The candle cache: closed candles only, merged by open time, asking for what is missing and no more."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.worlds import T0, D, candle
from tidegate.core.candles import REPAIRS_MAX, CandleCache
from tidegate.model.market import Candle

MINUTE = 60_000
LAWS = settings(max_examples=300, deadline=None)


def cache(limit: int = 20) -> CandleCache:
    return CandleCache(interval_ms=MINUTE, limit=limit)


def bar(number: int, close: int = 100) -> Candle:
    """The `number`th minute after the beginning."""
    return candle(T0 + number * MINUTE, close=D(close), interval_ms=MINUTE)


def bars(*numbers: int) -> tuple[Candle, ...]:
    return tuple(bar(number) for number in numbers)


def opens(rows: tuple[Candle, ...]) -> list[int]:
    """Which minutes these are."""
    return [(row.open_ms - T0) // MINUTE for row in rows]


numbers = st.lists(st.integers(0, 40), max_size=30)


@LAWS
@given(st.lists(st.tuples(st.sampled_from(["fetch", "stream"]), numbers, st.integers(0, 40 * 60)), max_size=12))
def test_no_forming_candle_is_ever_kept(told: list[tuple[str, list[int], int]]) -> None:
    """The exchange's clock only goes forward, and it shows candles that have begun."""
    kept, now_ms = cache(), T0
    for how, which, seconds in told:
        now_ms = max(now_ms, T0 + seconds * 1_000)
        begun = [number for number in which if T0 + number * MINUTE <= now_ms]
        if how == "fetch":
            kept, _merge = kept.merge(bars(*begun), now_ms)
        else:
            for number in begun:
                kept, _closed = kept.stream(bar(number))
        assert all(row.close_ms < now_ms for row in kept.rows)
        assert opens(kept.rows) == sorted(set(opens(kept.rows)))
        assert len(kept.rows) <= kept.limit
        assert kept.forming is None or not kept.rows or kept.forming.open_ms > kept.rows[-1].open_ms


@LAWS
@given(st.lists(numbers, max_size=6).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_of_merges_does_not_matter(both: tuple[list[list[int]], list[list[int]]]) -> None:
    now_ms = T0 + 41 * MINUTE
    results = []
    for batches in both:
        kept = cache(limit=10)
        for batch in batches:
            kept, _merge = kept.merge(bars(*batch), now_ms)
        results.append((kept.rows, kept.confirmed_ms))
    assert results[0] == results[1]


@LAWS
@given(numbers, st.integers(0, 45 * 60))
def test_merging_twice_changes_nothing(which: list[int], seconds: int) -> None:
    now_ms = T0 + seconds * 1_000
    once, _merge = cache().merge(bars(*which), now_ms)
    twice, merge = once.merge(bars(*which), now_ms)
    assert twice.rows == once.rows
    assert twice.confirmed_ms == once.confirmed_ms
    assert merge.added == () or len(once.rows) == once.limit
    assert merge.revised == ()


def test_at_first_all_of_the_history_is_asked_for() -> None:
    assert cache(limit=500).since_ms(T0 + 30_000) == T0 - 500 * MINUTE


def test_then_only_what_follows_the_last_confirmed_candle() -> None:
    kept, _merge = cache().merge(bars(0, 1, 2, 3), T0 + 3 * MINUTE + 10)
    assert opens(kept.rows) == [0, 1, 2]
    assert kept.forming == bar(3)
    assert kept.since_ms(T0 + 5 * MINUTE) == T0 + 3 * MINUTE


def test_what_only_the_stream_has_closed_is_asked_for_again() -> None:
    kept, _merge = cache().merge(bars(0, 1, 2), T0 + 2 * MINUTE + 10)
    kept, closed = kept.stream(bar(3))
    assert closed == bar(2)
    assert opens(kept.rows) == [0, 1, 2]
    assert kept.since_ms(T0 + 4 * MINUTE) == T0 + 2 * MINUTE


def test_a_hole_is_asked_for_and_taken_for_a_pause_of_the_market_after_a_while() -> None:
    now_ms = T0 + 10 * MINUTE
    kept, _merge = cache().merge(bars(0, 1, 4, 5), now_ms)
    assert opens(kept.tail()) == [4, 5]
    asked = []
    for _time in range(REPAIRS_MAX + 2):
        asked.append(kept.since_ms(now_ms))
        kept, _merge = kept.merge(bars(4, 5), now_ms)
    assert asked == [T0 + 2 * MINUTE] * REPAIRS_MAX + [T0 + 6 * MINUTE] * 2
    filled, merge = kept.merge(bars(2, 3), now_ms)
    assert opens(merge.added) == [2, 3]
    assert opens(filled.tail()) == [0, 1, 2, 3, 4, 5]


def test_a_revised_candle_replaces_the_old_one_and_is_named() -> None:
    now_ms = T0 + 10 * MINUTE
    kept, _merge = cache().merge(bars(0, 1, 2), now_ms)
    kept, merge = kept.merge((bar(1, close=105),), now_ms)
    assert merge.revised == (bar(1, close=105),)
    assert kept.rows[1].close == 105


def test_unsound_candles_are_refused_one_by_one() -> None:
    bad = (
        replace(bar(1), high=D(1)),
        replace(bar(2), close=D("NaN")),
        replace(bar(3), open_ms=T0 + 3 * MINUTE + 1),
        replace(bar(4), low=D(-1)),
    )
    kept, merge = cache().merge((bar(0), *bad, bar(5)), T0 + 10 * MINUTE)
    assert opens(kept.rows) == [0, 5]
    assert len(merge.refused) == len(bad)


def test_a_candle_that_claims_to_be_over_too_soon_is_still_forming() -> None:
    early = replace(bar(3), close_ms=T0 + 3 * MINUTE + 1)
    kept, merge = cache().merge((*bars(1, 2), early), T0 + 3 * MINUTE + 30_000)
    assert opens(kept.rows) == [1, 2]
    assert merge.added == bars(1, 2)


def test_the_stream_closes_a_candle_by_its_successor_only() -> None:
    kept, _merge = cache().merge(bars(0, 1), T0 + MINUTE + 10)
    kept, closed = kept.stream(replace(bar(1), trades=9))
    assert closed is None
    kept, closed = kept.stream(bar(2))
    assert closed == replace(bar(1), trades=9)
    kept, closed = kept.stream(bar(1))
    assert closed is None
    assert kept.forming == bar(2)


def test_the_stream_does_not_close_over_a_hole() -> None:
    kept, _merge = cache().merge(bars(0, 1), T0 + 2 * MINUTE)
    kept, _closed = kept.stream(bar(4))
    kept, closed = kept.stream(bar(5))
    assert closed is None
    assert opens(kept.rows) == [0, 1]


def test_unsound_candles_of_the_stream_are_ignored() -> None:
    kept, _merge = cache().merge(bars(0), T0 + MINUTE)
    for bad in (replace(bar(1), high=D(0)), replace(bar(1), open_ms=T0 + 1)):
        assert kept.stream(bad) == (kept, None)


def test_a_full_cache_drops_its_oldest() -> None:
    kept, _merge = cache(limit=3).merge(bars(0, 1, 2, 3, 4), T0 + 10 * MINUTE)
    assert opens(kept.rows) == [2, 3, 4]
    assert kept.tail() == kept.rows


def test_an_empty_cache_has_no_tail() -> None:
    empty, merge = cache().merge((), T0)
    assert empty.tail() == ()
    assert not merge.added


def test_a_candle_is_closed_from_the_first_millisecond_after_it() -> None:
    last_ms = bar(1).close_ms
    assert opens(cache().merge(bars(0, 1), last_ms)[0].rows) == [0]
    assert opens(cache().merge(bars(0, 1), last_ms + 1)[0].rows) == [0, 1]
