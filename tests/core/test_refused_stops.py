"""Row 002-22: a stop that the exchange refuses for good is placed once more at once, then the position ends."""

import pytest

from tests.core.test_protection import naked, stops_of, trailing
from tests.core.worlds import World, exits_of, started, wishes
from tidegate.model.brackets import ExitReason
from tidegate.model.events import OrderInDoubt, OrderRejected
from tidegate.model.intents import Alert, PlaceOrders
from tidegate.model.orders import OrderRequest, Role

TICK = "Price must be divisible by tick size. asset=0"
WITHIN_MS = 1_000


def refuse(world: World, stop: OrderRequest, reason: str = TICK) -> None:
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=stop.cloid, reason=reason))


def alerts(world: World) -> list[str]:
    return [alert.text for alert in wishes(world.decisions, Alert)]


def entered(direction: int = 1) -> tuple[World, PlaceOrders]:
    world = started()
    return world, world.enter(direction)


def stop_of(wish: PlaceOrders) -> OrderRequest:
    return next(order for order in wish.orders if order.role is Role.STOP)


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("filled_first", [True, False])
def test_a_stop_refused_with_its_entry_is_placed_anew_and_the_second_no_closes_within_a_second_of_the_fill(
    direction: int, filled_first: bool
) -> None:
    world, wish = entered(direction)
    entry = wish.orders[0]
    began_ms = world.now_ms
    world.accept(entry)
    if filled_first:
        world.fill(entry.side, entry.size, 100, cloid=entry.cloid)
    refuse(world, stop_of(wish))
    if not filled_first:
        world.fill(entry.side, entry.size, 100, cloid=entry.cloid)
    while len(stops_of(world)) == 1 and world.now_ms < began_ms + WITHIN_MS:
        world.tick(50)
    again = stops_of(world)[-1]
    assert (again.size, again.reduce_only) == (entry.size, True)
    assert exits_of(world.decisions) == []
    refuse(world, again)
    assert [reason for reason, _order in exits_of(world.decisions)] == [ExitReason.EMERGENCY]
    assert world.now_ms - began_ms < WITHIN_MS
    assert [text for text in alerts(world) if "refuses a stop twice" in text and TICK in text]


def test_a_second_no_after_a_yes_is_a_first_one() -> None:
    world = naked()
    world.now_ms += 1_500
    world.account(orders=[])
    refuse(world, stops_of(world)[-1])
    second = stops_of(world)[-1]
    world.accept(second)
    assert exits_of(world.decisions) == []
    world.now_ms += 5_000
    world.account(orders=[])
    refuse(world, stops_of(world)[-1])
    assert exits_of(world.decisions) == []
    assert len(stops_of(world)) == 4


@pytest.mark.parametrize(
    "reason",
    [
        "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $0.00.",
        "Action already expired",
        "Invalid nonce: nonce too low 7 < 8",
        "HTTP 422 Failed to deserialize the JSON body",
        "User or API Wallet 0xab does not exist.",
    ],
)
def test_what_says_nothing_of_the_stop_keeps_the_patience_of_the_cover_check(reason: str) -> None:
    world = naked()
    world.now_ms += 1_500
    world.account(orders=[])
    refuse(world, stops_of(world)[-1], reason)
    refuse(world, stops_of(world)[-1], reason)
    assert exits_of(world.decisions) == []


def test_a_doubt_is_no_refusal() -> None:
    world = naked()
    world.now_ms += 1_500
    world.account(orders=[])
    (stop,) = stops_of(world)
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=stop.cloid, reason="no answer"))
    assert len(stops_of(world)) == 1
    assert exits_of(world.decisions) == []


def test_while_another_stop_covers_all_of_it_refusals_close_nothing() -> None:
    world = trailing()
    for price in (103, 105):
        world.mark(price)
        world.trade(price)
        refuse(world, stops_of(world)[-1])
    assert len(stops_of(world)) == 2, "each was a step of the trailing stop"
    assert exits_of(world.decisions) == []


def test_a_trigger_that_has_passed_closes_at_once_and_alerts() -> None:
    world = naked()
    world.now_ms += 1_500
    world.account(orders=[])
    refuse(world, stops_of(world)[-1], "Invalid TP/SL price. asset=0")
    assert [reason for reason, _order in exits_of(world.decisions)] == [ExitReason.STOP]
    assert [text for text in alerts(world) if "refuses a stop" in text]
