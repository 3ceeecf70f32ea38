"""The candle cache: closed candles only, merged by open time, asking for what is missing and no more."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.worlds import T0, D, candle
from tidegate.core.candles import REPAIRS_MAX, STILL_MAX, CandleCache, Merge
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
    kept, _merge = kept.stream(bar(2))
    kept, merge = kept.stream(bar(3))
    assert merge.added == bars(2)
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


def streamed(kept: CandleCache, *told: Candle) -> tuple[CandleCache, Merge]:
    """The stream tells of these; what the last one did."""
    merge = Merge()
    for each in told:
        kept, merge = kept.stream(each)
    return kept, merge


def test_the_stream_closes_a_candle_by_its_successor_only() -> None:
    kept, _merge = cache().merge(bars(0, 1), T0 + MINUTE + 10)
    kept, merge = streamed(kept, replace(bar(1), trades=9))
    assert merge == Merge()
    kept, merge = streamed(kept, bar(2))
    assert merge.added == (replace(bar(1), trades=9),)
    kept, merge = streamed(kept, bar(1))
    assert merge == Merge()
    assert kept.forming == bar(2)


def test_a_candle_that_rest_alone_has_shown_is_not_closed_by_the_stream() -> None:
    """The stream may have begun after its last print."""
    kept, _merge = cache().merge(bars(0, 1), T0 + MINUTE + 10)
    kept, merge = streamed(kept, bar(2))
    assert merge == Merge()
    assert opens(kept.rows) == [0]
    assert kept.needs_rest


def test_a_candle_that_the_stream_told_of_before_it_was_lost_is_not_closed_by_it() -> None:
    kept, _merge = streamed(cache().merge(bars(0, 1), T0 + MINUTE + 10)[0], bar(1))
    kept, merge = streamed(kept.broken(), bar(2), bar(3))
    assert merge == Merge()
    assert opens(kept.rows) == [0]
    assert kept.needs_rest
    kept, _merge = kept.merge(bars(1, 2, 3), T0 + 3 * MINUTE + 10)
    assert not kept.needs_rest


def test_an_outage_within_one_candle_costs_nothing() -> None:
    kept, _merge = streamed(cache().merge(bars(0, 1), T0 + MINUTE + 10)[0], bar(1))
    kept, _merge = streamed(kept.broken(), bar(1, close=101))
    assert not kept.needs_rest
    kept, merge = streamed(kept, bar(2))
    assert merge.added == (bar(1, close=101),)


def test_a_pause_of_the_market_is_filled_with_flat_candles_on_which_nothing_is_decided() -> None:
    kept, _merge = streamed(cache().merge(bars(0, 1), T0 + MINUTE + 10)[0], bar(1, close=107), bar(4))
    assert opens(kept.rows) == [0, 1, 2, 3]
    assert [row.close for row in kept.rows[2:]] == [107, 107]
    assert {row.volume for row in kept.rows[2:]} == {0}
    assert not kept.can_decide
    assert not kept.needs_rest
    kept, _merge = streamed(kept, bar(5))
    assert kept.can_decide
    kept, merge = kept.merge(bars(2, 3), T0 + 6 * MINUTE)
    assert opens(merge.revised) == [2, 3]
    assert not kept.inferred


def test_a_very_long_pause_is_asked_about() -> None:
    kept, _merge = streamed(cache(limit=200).merge(bars(0, 1), T0 + MINUTE + 10)[0], bar(1), bar(3 + STILL_MAX))
    assert opens(kept.rows) == [0, 1]
    assert kept.needs_rest


def test_prints_of_which_the_candle_stream_says_nothing_leave_the_word_to_rest() -> None:
    kept, _merge = streamed(cache().merge(bars(0, 1), T0 + MINUTE + 10)[0], bar(1))
    kept = kept.heard_print(D(90), D(90), D(90), T0 + 2 * MINUTE + 5)
    kept, merge = streamed(kept, bar(4))
    assert merge == Merge()
    assert kept.needs_rest


def test_a_print_widens_the_open_candle_and_does_not_say_how_it_closes() -> None:
    kept, _merge = streamed(cache().merge(bars(0, 1), T0 + MINUTE + 10)[0], bar(1))
    kept = kept.heard_print(D(80), D(120), D(80), T0 + MINUTE + 30_000)
    kept, merge = streamed(kept, bar(2))
    (closed,) = merge.added
    assert (closed.low, closed.high, closed.close) == (80, 120, bar(1).close)


def test_prints_alone_make_an_open_candle_and_never_close_it() -> None:
    kept, _merge = cache().merge(bars(0), T0 + MINUTE)
    kept = kept.heard_print(D(98), D(99), D(98), T0 + MINUTE + 1_000)
    assert kept.forming is not None
    assert (kept.forming.low, kept.forming.high) == (98, 99)
    kept = kept.heard_print(D(98), D(99), D(98), T0 + 2 * MINUTE + 1_000)
    assert opens(kept.rows) == [0]


def test_the_last_word_on_a_candle_may_come_after_its_successor() -> None:
    kept, _merge = streamed(cache().merge(bars(0, 1), T0 + MINUTE + 10)[0], bar(1), bar(2))
    late = replace(bar(1, close=103), trades=bar(1).trades + 1)
    kept, merge = streamed(kept, late)
    assert merge.revised == (late,)
    assert kept.rows[-1] == late
    assert streamed(kept, bar(1))[0] == kept, "an older word is none"


def test_rest_does_not_turn_back_what_the_stream_says_of_the_open_candle() -> None:
    kept, _merge = streamed(cache().merge(bars(0, 1), T0 + MINUTE + 10)[0], replace(bar(1), trades=9))
    kept, _merge = kept.merge(bars(0, 1), T0 + MINUTE + 20)
    assert kept.forming == replace(bar(1), trades=9)


def test_an_answer_out_of_order_is_put_in_order_and_named() -> None:
    kept, merge = cache().merge((bar(2), bar(0), bar(1), bar(1)), T0 + 10 * MINUTE)
    assert opens(kept.rows) == [0, 1, 2]
    assert merge.out_of_order


def test_the_stream_does_not_close_over_a_hole() -> None:
    kept, _merge = cache().merge(bars(0, 1), T0 + 2 * MINUTE)
    kept, merge = streamed(kept, bar(4), bar(5))
    assert merge == Merge()
    assert opens(kept.rows) == [0, 1]


def test_unsound_candles_of_the_stream_are_refused() -> None:
    kept, _merge = cache().merge(bars(0), T0 + MINUTE)
    for bad in (replace(bar(1), high=D(0)), replace(bar(1), open_ms=T0 + 1), replace(bar(1), close=D("NaN"))):
        same, merge = kept.stream(bad)
        assert same == kept
        assert len(merge.refused) == 1


# whatever comes in whatever order, it is REST that counts in the end

words = st.lists(
    st.one_of(
        st.tuples(st.just("candle"), st.integers(0, 15), st.integers(1, 4)),
        st.tuples(st.just("print"), st.integers(0, 15 * 60), st.integers(90, 110)),
        st.tuples(st.just("rest"), st.integers(0, 14), st.integers(0, 16 * 60)),
        st.tuples(st.just("lost"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@LAWS
@given(words, st.dictionaries(st.integers(0, 14), st.integers(90, 110)))
def test_any_order_of_stream_and_rest_ends_equal_to_rest(
    told: list[tuple[str, int, int]], closes: dict[int, int]
) -> None:
    truth = tuple(bar(number, close=closes.get(number, 100)) for number in range(15))
    kept = cache(limit=15)
    for what, one, other in told:
        if what == "candle":
            kept, _merge = kept.stream(replace(bar(one, close=closes.get(one, 100)), trades=other))
        elif what == "print":
            kept = kept.heard_print(D(other), D(other), D(other), T0 + one * 1_000)
        elif what == "rest":
            kept, _merge = kept.merge(truth[one : one + 3], T0 + other * 1_000)
        else:
            kept = kept.broken()
        assert opens(kept.rows) == sorted(set(opens(kept.rows)))
    kept, _merge = kept.merge(truth, T0 + 15 * MINUTE)
    assert kept.rows == truth
    assert not kept.inferred


@LAWS
@given(st.lists(st.integers(0, 30 * 60 - 1), min_size=1, unique=True), st.data())
def test_what_an_unbroken_stream_closes_is_what_rest_shows(seconds: list[int], data: st.DataObject) -> None:
    """A market of prints at these seconds; the stream tells of each candle as it grows, prints come around it."""
    kept, _merge = cache(limit=50).merge(bars(-2, -1), T0)
    tape = [(second, data.draw(st.integers(90, 110))) for second in sorted(seconds)]
    exchange: dict[int, Candle] = {-1: bar(-1)}
    kept, _merge = kept.stream(bar(-1)) if not kept.has_closed(T0 - MINUTE) else (kept, Merge())
    for second, price in tape:
        number = second // 60
        exchange[number] = grown(exchange.get(number), number, price)
        frames = [("print", second, price), ("candle", number, 0)]
        for what, one, _other in data.draw(st.permutations(frames)):
            if what == "print":
                kept = kept.heard_print(D(price), D(price), D(price), T0 + one * 1_000)
            else:
                kept, _merge = kept.stream(exchange[one])
        for row in kept.rows:
            shown = exchange.get((row.open_ms - T0) // MINUTE)
            assert row == shown if shown is not None and row.open_ms >= T0 else True
    assert kept.forming == exchange[max(exchange)]


def grown(candle: Candle | None, number: int, price: int) -> Candle:
    """The candle of this minute after one more print."""
    at, value = T0 + number * MINUTE, D(price)
    if candle is None:
        return Candle(at, at + MINUTE - 1, value, value, value, value, D(1), 1)
    return Candle(
        at,
        at + MINUTE - 1,
        candle.open,
        max(candle.high, value),
        min(candle.low, value),
        value,
        candle.volume + 1,
        candle.trades + 1,
    )


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
