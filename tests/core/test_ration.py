"""At the address limit: one action in ten seconds, for exits first, then for stops; everything else waits."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.worlds import D, World, exits_of, started, wishes
from tidegate.core.ration import SLOT_MS, SPARING_MS, TURN_MS
from tidegate.core.state import Phase
from tidegate.model.events import LeverageRefused, OrderInDoubt, OrderRejected, OrderSeen
from tidegate.model.intents import Alert, PlaceOrders, ResendOrders, SetLeverage, SpendNonce
from tidegate.model.orders import OrderRequest, Role

LIMIT = "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $0.00."
COINS = ("BTC", "ETH", "SOL")


def holding(*coins: str, **more: object) -> World:
    """Covered long positions in all coins."""
    world = started(*(coins or COINS), **more)
    for coin in coins or COINS:
        world.hold(coin=coin)
    return world


def refuse(world: World, order: OrderRequest) -> None:
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason=LIMIT))


def exits(world: World) -> list[OrderRequest]:
    return [order for _reason, order in exits_of(world.decisions)]


def run_refusing(world: World, ms: int) -> list[OrderRequest]:
    """Time passes; every order that leaves meanwhile is refused at once. Gives them."""
    end_ms, sent = world.now_ms + ms, []
    while world.now_ms < end_ms:
        before = len(world.decisions)
        world.run_until(min(world.now_ms + 250, end_ms))
        for wish in list(wishes(world.decisions[before:], PlaceOrders)):
            for order in wish.orders:
                sent.append(order)
                refuse(world, order)
    return sent


def test_the_first_try_of_every_exit_leaves_at_once_whatever_is_limited() -> None:
    world = holding()
    for coin in COINS:
        world.trade(97, coin=coin)
        refuse(world, exits(world)[-1])
    assert [order.coin for order in exits(world)] == list(COINS)


def test_repeated_exits_take_turns_the_oldest_and_least_tried_first() -> None:
    world = holding()
    for coin in COINS:
        world.trade(97, coin=coin)
        refuse(world, exits(world)[-1])
    again = [order.coin for order in run_refusing(world, 40_000)]
    assert again[: len(COINS)] == list(COINS)
    assert {coin: again.count(coin) for coin in COINS}.keys() == set(COINS)
    assert len(again) <= 40_000 // TURN_MS + 1


def test_a_repetition_waits_until_the_exchange_takes_the_next_action() -> None:
    world = holding("BTC", "ETH")
    world.trade(97, coin="BTC")
    world.close(exits(world)[-1], 97)
    accepted_ms = world.now_ms - 1
    world.trade(97, coin="ETH")
    refuse(world, exits(world)[-1])
    count = len(exits(world))
    world.run_until(accepted_ms + SLOT_MS - 100)
    assert len(exits(world)) == count
    world.run_until(accepted_ms + SLOT_MS + TURN_MS)
    assert len(exits(world)) == count + 1


def test_a_missing_stop_waits_for_the_exits_and_is_placed_after_them() -> None:
    world = holding("BTC", "ETH")
    world.now_ms += SLOT_MS
    world.trade(97, coin="ETH")
    refuse(world, exits(world)[-1])
    world.decisions.clear()
    world.account(orders=[])
    assert world.placed(Role.STOP) == []
    world.run_until(world.now_ms + 2 * TURN_MS)
    world.close(exits(world)[-1], 97)
    world.now_ms += 2_000
    world.account(orders=[])
    assert [order.coin for order in world.placed(Role.STOP)] == ["BTC"]


def _again(world: World) -> OrderRequest:
    """The next try of an exit, as soon as it leaves."""
    tried = len(exits(world))
    while len(exits(world)) == tried:
        world.run_until(world.now_ms + 250)
    return exits(world)[-1]


def test_trailing_moves_are_suspended_and_come_back_a_minute_after_the_last_refusal() -> None:
    world = holding("BTC", "ETH", trailing_stop_pct=D(2))
    world.trade(97, coin="ETH")
    refuse(world, exits(world)[-1])
    world.decisions.clear()
    world.trade(105, coin="BTC")
    assert world.placed(Role.STOP) == []
    assert world.coin("BTC").bracket.stop > 100, "our own stop trails on"
    world.close(_again(world), 97)
    world.now_ms += SPARING_MS + 1
    world.mark(105, coin="BTC")
    world.trade(D("105.5"), coin="BTC")
    assert [order.coin for order in world.placed(Role.STOP)] == ["BTC"]


def test_the_ration_ends_when_the_exchange_takes_an_order_again() -> None:
    world = holding("BTC", "ETH")
    world.trade(97, coin="ETH")
    refuse(world, exits(world)[-1])
    assert world.state.rationed
    world.close(_again(world), 97)
    assert not world.state.rationed
    assert "takes orders of this address again" in " ".join(
        note.text for decision in world.decisions for note in decision.notes
    )


def test_an_order_that_is_found_open_by_asking_does_not_end_the_ration() -> None:
    world = started("BTC", "ETH")
    world.hold(coin="ETH")
    entry = world.enter(coin="BTC").orders[0]
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=entry.cloid, reason="no answer"))
    world.now_ms += SLOT_MS
    world.trade(97, coin="ETH")
    refuse(world, exits(world)[-1])
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=entry.cloid, status="open", oid=7))
    assert world.state.rationed
    tried = len(exits(world))
    world.run_until(world.now_ms + SLOT_MS // 2)
    assert len(exits(world)) > tried, "nobody has used the next action up, so the exit need not wait for it"


def test_one_alert_tells_of_the_limit_however_often_it_is_heard() -> None:
    world = holding()
    for coin in COINS:
        world.trade(97, coin=coin)
        refuse(world, exits(world)[-1])
    run_refusing(world, 120_000)
    assert len([alert for alert in world.wished(Alert) if "limits this address" in alert.text]) == 1


def test_a_leverage_refused_for_the_limit_suspends_no_coin_and_is_not_asked_for_meanwhile() -> None:
    world = started(ready=False)
    world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC", reason=LIMIT))
    assert world.coin().phase is not Phase.SUSPENDED
    asked = len(world.wished(SetLeverage))
    world.run_until(world.now_ms + SPARING_MS - 1)
    assert len(world.wished(SetLeverage)) == asked
    world.run_until(world.now_ms + 30_000)
    assert len(world.wished(SetLeverage)) > asked


def test_an_entry_in_doubt_is_neither_repeated_nor_given_up_at_the_cost_of_an_exit() -> None:
    world = started("BTC", "ETH")
    world.hold(coin="ETH")
    wish = world.enter(coin="BTC")
    world.trade(97, coin="ETH")
    refuse(world, exits(world)[-1])
    for order in wish.orders:
        world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=order.cloid, reason="no answer"))
        world.tell(OrderSeen(at_ms=world.now_ms, cloid=order.cloid, status=None))
    world.command("pause", "a break")
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=wish.orders[0].cloid, status=None))
    assert world.wished(ResendOrders) == []
    assert world.wished(SpendNonce) == []


@settings(max_examples=60, deadline=None)
@given(st.permutations(COINS), st.lists(st.integers(0, 12_000), max_size=20))
def test_whatever_is_refused_every_exit_is_tried_again_and_all_get_out(order: list[str], waits_ms: list[int]) -> None:
    world = holding()
    for coin in order:
        world.trade(97, coin=coin)
        refuse(world, exits(world)[-1])
    for wait_ms in waits_ms:
        run_refusing(world, wait_ms)
    for _ in COINS:
        before = len(exits(world))
        world.run_until(world.now_ms + 2 * SLOT_MS + len(COINS) * TURN_MS)
        for request in exits(world)[before:]:
            if world.coin(request.coin).position.size and request.cloid in world.coin(request.coin).orders:
                world.close(request, 97)
    assert all(not world.coin(coin).position.size for coin in COINS)
