"""What follows from a refusal beyond the order it answers: entries stop, somebody is told, exits go on."""

import pytest

from tests.core.worlds import PRICE, World, started, wishes
from tidegate.core.ration import SPARING_MS
from tidegate.core.refusals import EXPIRED_MAX, EXPIRED_OFF_MS
from tidegate.core.state import Phase
from tidegate.model.events import OrderRejected
from tidegate.model.intents import Alert, PlaceOrders
from tidegate.model.signals import Want

LIMIT = "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $0.00."


def refuse_entry(world: World, reason: str) -> None:
    wish = world.enter()
    for order in wish.orders:
        world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason=reason))


def next_bar(world: World) -> None:
    world.now_ms += world.state.settings.timeframe.ms
    world.mark(PRICE)
    world.trade(PRICE)
    world.book(PRICE, PRICE)


def alerts(world: World) -> list[str]:
    return [alert.text for alert in wishes(world.decisions, Alert)]


def test_at_the_address_limit_entries_pause_with_one_alert_and_go_on_afterwards() -> None:
    world = started()
    refuse_entry(world, LIMIT)
    assert len(alerts(world)) == 1
    assert world.state.entries_off_until_ms == world.now_ms + SPARING_MS
    assert "the exchange limits this address" in world.signal(Want.LONG, candle_open_ms=world.now_ms).notes[0].text
    next_bar(world)
    assert isinstance(world.enter(), PlaceOrders)


def test_orders_that_arrive_expired_pause_entries_after_the_third_in_a_row() -> None:
    world = started()
    for number in range(1, EXPIRED_MAX + 1):
        refuse_entry(world, "Action already expired")
        assert (world.state.entries_off_until_ms > 0) is (number == EXPIRED_MAX)
        if number < EXPIRED_MAX:
            next_bar(world)
    assert world.state.entries_off_until_ms == world.now_ms + EXPIRED_OFF_MS


@pytest.mark.parametrize("reason", ["HTTP 422 Failed to deserialize the JSON body", "Order has invalid size."])
def test_an_order_that_the_exchange_cannot_use_suspends_its_coin(reason: str) -> None:
    world = started()
    refuse_entry(world, reason)
    assert world.coin().phase is Phase.SUSPENDED
    assert any("BTC is suspended" in text for text in alerts(world))


def test_other_refusals_only_cost_the_entry() -> None:
    world = started()
    refuse_entry(world, "Insufficient margin to place order. asset=0")
    assert world.coin().phase is Phase.READY
    assert not alerts(world)
