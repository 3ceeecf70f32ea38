"""The life of our orders, and what each end of it means for the coin."""

import pytest

from tests.core.worlds import D, World, exits_of, open_order, started
from tidegate.core.state import OrderState, Phase
from tidegate.model.events import (
    LeverageRefused,
    LeverageSet,
    OrderAccepted,
    OrderCanceled,
    OrderOpened,
    OrderRejected,
    OrdersSent,
)
from tidegate.model.intents import FetchAccount, PlaceOrders, SetLeverage
from tidegate.model.orders import Role


def rejected(world: World, cloid: str, reason: str = "Insufficient margin to place order. asset=0") -> None:
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=cloid, reason=reason))


def test_a_rejected_entry_frees_the_coin_with_its_resting_orders() -> None:
    world = started()
    wish = world.enter()
    rejected(world, wish.orders[0].cloid)
    coin = world.coin()
    assert (coin.phase, coin.orders, coin.bracket) == (Phase.READY, {}, None)
    assert "Insufficient margin" in world.decisions[-1].notes[0].text


@pytest.mark.parametrize("sequence", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_an_action_that_is_refused_as_a_whole_is_over_whatever_the_order(sequence: tuple[int, ...]) -> None:
    world = started()
    wish = world.enter()
    for number in sequence:
        rejected(world, wish.orders[number].cloid)
    assert world.coin().phase is Phase.READY
    assert world.coin().orders == {}


def test_the_answer_may_come_before_or_after_the_fills() -> None:
    ends = []
    for fills_first in (True, False):
        world = started()
        wish = world.enter()
        entry = wish.orders[0]
        if not fills_first:
            world.accept(entry)
        world.fill(entry.side, entry.size, 100, cloid=entry.cloid)
        if fills_first:
            world.accept(entry)
        coin = world.coin()
        ends.append((coin.phase, coin.position.size, entry.cloid in coin.orders))
    assert ends[0] == ends[1] == (Phase.HOLDING, D("33.333"), False)


def test_a_filled_entry_whose_fills_do_not_come_is_looked_up_within_a_second() -> None:
    world = started()
    wish = world.enter()
    world.accept(wish.orders[0])
    world.decisions.clear()
    world.run_until(world.now_ms + 1_000)
    assert world.wished(FetchAccount)


def test_an_entry_that_fills_partly_is_held_and_covered_for_what_it_filled() -> None:
    world = started()
    entry = world.enter().orders[0]
    world.accept(entry, filled=D(10))
    world.fill(entry.side, 10, 100, cloid=entry.cloid)
    for order in tuple(world.coin().orders.values()):
        world.tell(OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=0, cloid=order.request.cloid, status="canceled"))
    world.now_ms += 1_500
    world.account(orders=[])
    assert world.placed(Role.STOP)[-1].size == 10


def test_the_number_of_an_order_is_learned_and_a_trigger_that_fires_is_told() -> None:
    world = started()
    stop = world.enter().orders[1]
    world.tell(OrderOpened(at_ms=world.now_ms, order=open_order(stop, oid=12, time_ms=world.now_ms)))
    known = world.coin().orders[stop.cloid]
    assert (known.oid, known.state) == (12, OrderState.RESTING)
    world.tell(OrderOpened(at_ms=world.now_ms, order=open_order(stop, oid=12, time_ms=world.now_ms), triggered=True))
    assert "triggered" in world.decisions[-1].notes[0].text


def test_a_fill_is_known_by_the_number_when_it_bears_no_name() -> None:
    world = started()
    world.hold()
    stop = world.coin().live(Role.STOP)[0]
    assert stop.oid is not None
    world.tell(OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=stop.oid, status="canceled"))
    assert stop.request.cloid not in world.coin().orders


def test_when_the_bytes_left_is_kept_for_the_recap() -> None:
    world = started()
    world.hold()
    world.trade(97)
    _reason, order = exits_of(world.decisions)[0]
    world.tell(OrdersSent(at_ms=world.now_ms, cloids=(order.cloid,), nonce=1, transport="ws", sent_ns=77))
    exit_ = world.coin().exit
    assert exit_ is not None
    assert (exit_.sent_ns, exit_.sent_ms) == (77, world.now_ms)


def test_an_exit_that_filled_but_whose_fills_do_not_come_is_looked_up_and_not_repeated_at_once() -> None:
    world = started()
    world.hold()
    world.trade(97)
    world.decisions.clear()
    order = world.coin().live(Role.EXIT)[0].request
    world.accept(order)
    assert world.wished(FetchAccount)
    world.tick(1_000)
    assert exits_of(world.decisions) == []


@pytest.mark.parametrize("kind", [OrderAccepted, OrderRejected])
def test_answers_about_orders_that_are_not_ours_change_nothing(kind: type) -> None:
    world = started()
    world.hold()
    before = world.coin()
    fields = {"reason": "no"} if kind is OrderRejected else {}
    world.tell(kind(at_ms=world.now_ms, cloid="0xstrange", **fields))
    assert world.coin() == before


# leverage


def test_a_refused_leverage_suspends_the_coin_until_it_is_set_after_all() -> None:
    world = started("BTC", "ETH", ready=False)
    world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC", reason="outcome unknown: timed out"))
    assert world.coin().phase is Phase.SUSPENDED
    assert world.coin("ETH").phase is not Phase.SUSPENDED
    world.decisions.clear()
    world.run_until(world.now_ms + 61_000)
    assert "BTC" in [wish.coin for wish in world.wished(SetLeverage)]
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=3))
    assert world.coin().phase is Phase.READY
    assert world.coin().leverage == 3


def test_the_same_refusal_again_is_not_told_again() -> None:
    world = started(ready=False)
    for _again in range(3):
        world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC", reason="too high"))
    assert sum(len(decision.notes) for decision in world.decisions[-3:]) == 1


def test_a_refused_leverage_does_not_disturb_a_position_or_an_order_on_its_way() -> None:
    world = started()
    wish = world.enter()
    world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC", reason="no"))
    assert world.coin().phase is Phase.ENTERING
    entry = wish.orders[0]
    world.accept(entry)
    world.fill(entry.side, entry.size, 100, cloid=entry.cloid)
    world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC", reason="still no"))
    assert world.coin().phase is Phase.HOLDING
    world.trade(97)
    assert exits_of(world.decisions)


def test_no_entry_without_a_confirmed_leverage() -> None:
    world = started()
    world.state.change("BTC", leverage=None)
    world.trade(100)
    decision = world.tick(20_000)
    assert [wish.coin for wish in decision.intents if isinstance(wish, SetLeverage)] == ["BTC"]
    assert world.wished(PlaceOrders) == []


def test_the_rest_of_a_partly_filled_entry_may_be_told_before_its_fills_and_its_bracket_stands() -> None:
    world = started()
    wish = world.enter(stop=D("98.5"))
    entry = wish.orders[0]
    planned = world.coin().bracket
    for number, request in enumerate(wish.orders):
        filled = D(10) if request is entry else D(0)
        gone = OrderCanceled(
            at_ms=world.now_ms, coin="BTC", oid=number, status="canceled", cloid=request.cloid, filled=filled
        )
        world.tell(gone)
    assert world.coin().phase is Phase.ENTERING
    world.fill(entry.side, 10, 100, cloid=entry.cloid)
    coin = world.coin()
    assert (coin.phase, coin.position.size, coin.bracket) == (Phase.HOLDING, D(10), planned)
    assert planned is not None
    assert planned.stop == D("98.5")
    assert not coin.orders


def test_an_entry_that_is_over_without_any_fill_frees_the_coin() -> None:
    world = started()
    wish = world.enter()
    world.tell(OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=1, status="canceled", cloid=wish.orders[0].cloid))
    coin = world.coin()
    assert (coin.phase, coin.bracket, coin.orders) == (Phase.READY, None, {})
