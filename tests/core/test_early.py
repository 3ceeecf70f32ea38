"""Prices that are heard before the fill is told: the younger ones count, the older ones do not."""

import pytest

from tests.core.worlds import D, World, exits_of, started
from tidegate.model.brackets import ExitReason
from tidegate.model.settings import StopPriceSource


def entering(**settings: object) -> tuple[World, int]:
    """An entry is accepted, its fill happened a moment ago and was not told yet."""
    world = started(**settings)
    for request in world.enter().orders:
        world.accept(request)
    world.now_ms += 50
    return world, world.now_ms


def told(world: World, filled_ms: int) -> None:
    """The fill comes at last, in two parts."""
    entry = world.entry()
    for part in (D(1), entry.size - D(1)):
        world.fill(entry.side, part, 100, cloid=entry.cloid, time_ms=filled_ms)


@pytest.mark.parametrize(("price", "reason"), [(97, ExitReason.STOP), (106, ExitReason.TAKE_PROFIT)])
def test_a_crossing_between_the_fill_and_its_news_closes_all_of_it_once_that_is_told(
    price: int, reason: ExitReason
) -> None:
    world, filled_ms = entering()
    world.trade(price)
    world.trade(100)
    told(world, filled_ms)
    assert exits_of(world.decisions) == []
    world.tick()
    world.tick()
    ((fired, request),) = exits_of(world.decisions)
    assert (fired, request.size) == (reason, world.entry().size)


def test_a_crossing_from_before_the_fill_fires_nothing() -> None:
    world, filled_ms = entering()
    world.trade(97, time_ms=filled_ms - 1)
    world.trade(100, low=97, time_ms=world.now_ms)
    world.trade(100)
    told(world, world.now_ms)
    world.tick()
    assert exits_of(world.decisions) == []


def test_only_the_prices_that_the_settings_name_count() -> None:
    world, filled_ms = entering(stop_price_source=StopPriceSource.MARK)
    world.trade(97)
    world.mark(100)
    told(world, filled_ms)
    world.tick()
    assert exits_of(world.decisions) == []
    world, filled_ms = entering(stop_price_source=StopPriceSource.MARK)
    world.mark(97)
    told(world, filled_ms)
    world.tick()
    assert len(exits_of(world.decisions)) == 1


def test_the_touch_of_the_last_entry_says_nothing_about_the_next() -> None:
    world, _ = entering()
    world.trade(97)
    assert world.coin().early is not None
    told(world, world.now_ms)
    world.tick()
    position = world.coin().position
    assert exits_of(world.decisions) == []
    world.fill(world.entry().side.opposite, position.size, 100)
    world.account(orders=[])
    for order in tuple(world.coin().orders):
        world.state.drop_order(order)
    world.now_ms += 300_000
    world.trade(100)
    world.mark(100)
    world.enter()
    assert world.coin().early is None
