"""A key that the exchange takes no more: entries stop once and loudly, exits are tried on, `resume` lifts it."""

import pytest

from tests.core.worlds import World, started, wishes
from tidegate.core.state import Phase
from tidegate.model.brakes import Brake
from tidegate.model.events import Command, LeverageRefused, OrderRejected
from tidegate.model.intents import Alert, PlaceOrders
from tidegate.model.orders import Role

GONE = "User or API Wallet 0x4b6c5b1287e38b78e61d5dbca726d5e267eda747 does not exist."


def tripped(world: World) -> bool:
    return world.state.brakes.on(Brake.KEY_REFUSED) is not None


def alerts(world: World) -> list[str]:
    return [alert.text for alert in wishes(world.decisions, Alert)]


@pytest.mark.parametrize(
    "reason", [GONE, f"L1 error: {GONE}", "Must deposit before performing actions. User: 0x4b6c5b1287e38b78e61d"]
)
def test_a_refused_key_stops_entries_with_one_alert_until_resume(reason: str) -> None:
    world = started()
    wish = world.enter()
    for order in wish.orders:
        world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason=reason))
    assert tripped(world)
    (alert,) = alerts(world)
    assert "approve an API wallet there" in alert
    assert world.coin().phase is Phase.READY
    world.tell(Command(at_ms=world.now_ms, name="resume", reason=""))
    assert not tripped(world)


@pytest.mark.parametrize("reason", ["Insufficient margin to place order. asset=0", "Order 5 does not exist"])
def test_what_is_refused_for_another_reason_stops_nothing(reason: str) -> None:
    world = started()
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=world.enter().orders[0].cloid, reason=reason))
    assert not tripped(world)


def test_a_refused_leverage_tells_it_too() -> None:
    world = started()
    world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC", reason=GONE))
    assert tripped(world)


def test_an_exit_is_tried_on_with_pauses() -> None:
    world = started()
    position = world.hold()
    assert position.size > 0
    stop = world.coin().bracket
    assert stop is not None
    assert stop.stop is not None
    exits = list(wishes([world.trade(stop.stop)], PlaceOrders))
    assert [order.role for wish in exits for order in wish.orders] == [Role.EXIT]
    world.sent(exits[0])
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=exits[0].orders[0].cloid, reason=GONE))
    assert tripped(world)
    again = world.coin().exit
    assert again is not None
    assert again.retry_due_ms is not None
    assert again.retry_due_ms > world.now_ms
