"""A book whose bid is above its ask cannot be: nothing fires by one of its sides alone, and both beyond a level do."""

import pytest

from tests.core.worlds import D, exits_of, started
from tidegate.inbox import high_of, low_of
from tidegate.model.events import BookChanged


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize(("bid", "ask"), [(101, 99), (110, 90), (104, 96)])
def test_a_crossed_book_around_the_price_closes_nothing(direction: int, bid: int, ask: int) -> None:
    world = started()
    world.hold(direction)
    world.decisions.clear()
    world.book(bid, ask)
    world.tick(5_000)
    assert not exits_of(world.decisions)
    assert world.coin().reference_price() == 100


@pytest.mark.parametrize(("direction", "bid", "ask"), [(1, "96.9", "90"), (-1, "110", "103.1")])
def test_one_that_is_wholly_beyond_the_stop_fires_it(direction: int, bid: str, ask: str) -> None:
    world = started()
    world.hold(direction)
    world.decisions.clear()
    world.book(bid, ask)
    assert exits_of(world.decisions)


@pytest.mark.parametrize(
    ("bid", "ask", "low", "high"),
    [(99, 101, 101, 99), (104, 96, 104, 96), (100, 100, 100, 100), (None, 5, 5, "-Infinity"), (4, None, "Infinity", 4)],
)
def test_what_waits_is_compared_by_the_same_rule_so_no_crossing_hides_behind_one(
    bid: int | None, ask: int | None, low: int | str, high: int | str
) -> None:
    sides = {"bid": None if bid is None else D(bid), "ask": None if ask is None else D(ask)}
    book = BookChanged(at_ms=1, coin="BTC", time_ms=1, **sides)
    assert (low_of(book), high_of(book)) == (D(low), D(high))
