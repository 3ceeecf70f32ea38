"""Where resting orders would stand in another venue's queues."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.localnet.kernel.book import Standing
from tidegate.localnet.mirror.places import Places, Printed

D = Decimal
BID = Standing(1, True, D(100), D(2))
ASK = Standing(2, False, D(101), D(2))


def showing(**sizes: str | None):
    """A book in words: b100="5" is five on the bid at 100; what is not named has no size, None is out of view."""
    seen = {(name[0] == "b", D(name[1:])): None if sz is None else D(sz) for name, sz in sizes.items()}
    return lambda is_bid, px: seen.get((is_bid, px), D(0))


def placed(*standing: Standing, **sizes: str | None) -> Places:
    places = Places()
    places.follow(standing, showing(**sizes))
    return places


def sell(px: int, sz: str, time_ms: int = 1) -> Printed:
    return Printed(time_ms, "A", D(px), D(sz))


def buy(px: int, sz: str) -> Printed:
    return Printed(1, "B", D(px), D(sz))


def got(due) -> dict[int, D]:
    return {each.order.oid: each.sz for each in due}


def test_an_order_stands_behind_all_that_is_shown_when_it_joins():
    places = placed(BID, b100="5")
    assert got(places.see_print(sell(100, "5"), [BID])) == {}
    assert got(places.see_print(sell(100, "0.5"), [BID])) == {1: D("0.5")}


def test_a_print_larger_than_what_stands_before_fills_with_what_it_has_left_over():
    places = placed(BID, b100="5")
    assert got(places.see_print(sell(100, "6.5"), [BID])) == {1: D("1.5")}


@pytest.mark.parametrize(("order", "printed"), [(BID, sell(99, "0.001")), (ASK, buy(102, "0.001"))])
def test_a_print_beyond_the_price_fills_the_whole_order(order, printed):
    places = placed(order, b100="5", a101="5")
    assert got(places.see_print(printed, [order])) == {order.oid: D(2)}


@pytest.mark.parametrize(("order", "printed"), [(BID, sell(101, "9")), (ASK, buy(100, "9"))])
def test_a_print_at_a_better_price_for_the_venue_fills_nothing(order, printed):
    assert got(placed(order).see_print(printed, [order])) == {}


def test_a_taker_of_the_same_side_does_not_eat_our_queue():
    places = placed(BID, b100="5")
    assert got(places.see_print(buy(100, "50"), [BID])) == {}
    assert got(places.see_print(sell(100, "5"), [BID])) == {}


def test_what_leaves_without_a_print_stood_behind_us_while_enough_remains():
    places = placed(BID, b100="5")
    places.see_book(2, [BID], showing(b100="7"))
    places.see_book(3, [BID], showing(b100="5"))
    assert got(places.see_print(sell(100, "4", 4), [BID])) == {}
    places.see_book(5, [BID], showing(b100="0.4"))
    assert got(places.see_print(sell(100, "1", 6), [BID])) == {1: D("0.6")}


def test_a_print_that_comes_after_the_book_it_has_changed_is_not_counted_twice():
    places = placed(BID, b100="5")
    places.see_book(10, [BID], showing(b100="3"))
    assert got(places.see_print(sell(100, "2", 10), [BID])) == {}
    assert got(places.see_print(sell(100, "3", 11), [BID])) == {}
    assert got(places.see_print(sell(100, "1", 12), [BID])) == {1: D(1)}


def test_a_late_print_that_reached_us_still_fills():
    places = placed(BID, b100="5")
    places.see_book(10, [BID], showing())
    assert got(places.see_print(sell(100, "6", 10), [BID])) == {1: D(1)}


def test_two_of_ours_at_one_price_share_what_is_left_over_the_older_first():
    older, younger = Standing(1, True, D(100), D(1)), Standing(2, True, D(100), D(1))
    places = placed(older, younger, b100="5")
    assert got(places.see_print(sell(100, "6.5"), [older, younger])) == {1: D(1), 2: D("0.5")}


def test_an_order_deeper_than_the_venue_shows_waits_until_its_price_comes_into_view():
    places = placed(BID, b100=None)
    assert got(places.see_print(sell(100, "9"), [BID])) == {}
    places.see_book(2, [BID], showing(b100="4"))
    assert got(places.see_print(sell(100, "5", 3), [BID])) == {1: D(1)}


def test_an_order_that_left_and_came_again_has_lost_its_place():
    places = placed(BID, b100="1")
    places.follow([], showing(b100="9"))
    places.follow([BID], showing(b100="9"))
    assert got(places.see_print(sell(100, "5"), [BID])) == {}


sizes = st.integers(0, 20)
moments = st.lists(st.tuples(st.booleans(), sizes), max_size=30)


@given(sizes, moments)
def test_no_more_is_filled_at_a_price_than_the_venue_traded_there_beyond_what_stood_before(there, news):
    order = Standing(1, True, D(100), D(1_000_000))
    places = placed(order, b100=str(there))
    filled = traded = D(0)
    smallest_queue = D(there)
    for time_ms, (is_print, size) in enumerate(news, start=1):
        if is_print:
            traded += size
            filled += sum(got(places.see_print(sell(100, str(size), time_ms), [order])).values())
        else:
            smallest_queue = min(smallest_queue, D(size))
            places.see_book(time_ms, [order], showing(b100=str(size)))
        assert filled <= traded
        if smallest_queue == there:
            assert filled == max(traded - there, D(0))
