"""Another bot on the same account: its orders are not swept, nothing more is entered; we never mistake ourselves."""

import pytest

from tests.core.worlds import TAG, D, World, resting_stop, started
from tidegate.core.rivals import DUPLICATES_MAX, DUPLICATES_WITHIN_MS
from tidegate.model.brakes import Brake
from tidegate.model.events import OrderInDoubt, OrderSeen
from tidegate.model.intents import Alert, CancelOrders, SkipNonces
from tidegate.model.orders import Role, new_cloid
from tidegate.model.positions import Side

LONG_MS = 60_000


def tripped(world: World) -> bool:
    return world.state.brakes.on(Brake.SECOND_BOT) is not None


def test_an_order_with_our_tag_that_we_did_not_place_is_not_swept_and_stops_entries() -> None:
    world = started()
    world.now_ms += LONG_MS
    theirs = resting_stop(1, D(1), D(90), cloid=new_cloid(TAG, "theirs", Role.STOP, 1), time_ms=world.now_ms - 20_000)
    world.account(orders=[theirs])
    assert tripped(world)
    assert not world.wished(CancelOrders)
    assert "another bot seems to trade with this wallet" in world.wished(Alert)[0].text


def test_a_second_bots_stop_beside_ours_is_noticed_while_a_position_is_open_and_nothing_of_it_is_touched() -> None:
    world = started()
    world.hold()
    world.now_ms += LONG_MS
    theirs = resting_stop(77, D(1), D(90), cloid=new_cloid(TAG, "theirs", Role.STOP, 1), time_ms=world.now_ms - 1_000)
    world.account(orders=[*world.open_orders(), theirs])
    assert tripped(world)
    assert not world.wished(CancelOrders)


def test_an_entry_with_our_tag_in_a_coin_that_is_not_ours_is_a_second_bots() -> None:
    world = started()
    world.now_ms += LONG_MS
    theirs = new_cloid(TAG, "theirs", Role.ENTRY, 1)
    world.fill(Side.SELL, 1, 100, cloid=theirs, coin="ETH", start_position=D(1))
    assert not tripped(world), "it may be a stop of ours, from before COINS was changed"
    world.fill(Side.BUY, 1, 100, cloid=theirs, coin="ETH", start_position=D(0))
    assert tripped(world)


def test_a_fill_of_an_order_that_we_did_not_place_stops_entries_once() -> None:
    world = started()
    world.now_ms += LONG_MS
    for number in range(3):
        world.fill(Side.BUY, 1, 100, cloid=new_cloid(TAG, "theirs", Role.ENTRY, number))
    assert tripped(world)
    assert len([each for each in world.wished(Alert) if "another bot" in each.text]) == 1


@pytest.mark.parametrize("cloid", [None, "0x" + "ab" * 16])
def test_what_a_person_or_another_program_does_is_no_second_bot(cloid: str | None) -> None:
    world = started()
    world.now_ms += LONG_MS
    world.fill(Side.BUY, 1, 100, cloid=cloid)
    world.account(orders=[resting_stop(1, D(1), D(90), cloid=cloid, time_ms=world.now_ms)])
    assert not tripped(world)


def test_what_an_earlier_session_may_have_left_behind_is_no_second_bot() -> None:
    world = started()
    world.now_ms += 15_000
    world.fill(Side.BUY, 1, 100, cloid=new_cloid(TAG, "sent just before the crash", Role.ENTRY, 1))
    world.now_ms += LONG_MS
    left = resting_stop(1, D(1), D(90), cloid=new_cloid(TAG, "old", Role.STOP, 1), time_ms=world.state.started_ms - 1)
    world.account(orders=[left])
    assert not tripped(world)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_whole_life_of_our_own_orders_never_accuses_anybody(direction: int) -> None:
    world = started()
    world.now_ms += LONG_MS
    for _ in range(3):
        world.now_ms += 600_000
        for coin in world.state.coins:
            world.trade(100, coin=coin)
            world.book(D("99.99"), D("100.01"), coin=coin)
            world.mark(100, coin=coin)
        world.hold(direction)
        world.trade(100 - direction * 4)
        world.close(world.placed(Role.EXIT)[-1], 100 - direction * 4)
        world.now_ms += 5_000
        world.account(orders=[])
        assert not tripped(world)


DUPLICATE = "Invalid nonce: duplicate nonce 1767225600000"


def duplicate_exit(world: World) -> str:
    """The next try of an exit is answered with a nonce that was used before."""
    cloid = world.placed(Role.EXIT)[-1].cloid
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=cloid, reason=DUPLICATE))
    return cloid


def test_a_nonce_that_was_used_before_moves_the_next_ones_up() -> None:
    world = started()
    world.hold()
    world.trade(97)
    duplicate_exit(world)
    assert [wish.by > 0 for wish in world.wished(SkipNonces)] == [True]
    assert not tripped(world)


def test_three_nonces_used_before_within_ten_minutes_are_a_second_bot() -> None:
    world = started()
    world.hold()
    world.trade(97)
    for number in range(1, DUPLICATES_MAX + 1):
        duplicate_exit(world)
        assert tripped(world) is (number == DUPLICATES_MAX)
        world.run_until(world.now_ms + 40_000)
    skipped = [wish.by for wish in world.wished(SkipNonces)]
    assert skipped[:3] == sorted(set(skipped[:3])), "each time further up"


def test_nonces_used_before_that_are_far_apart_are_no_second_bot() -> None:
    world = started()
    world.hold()
    world.trade(97)
    for _ in range(DUPLICATES_MAX + 1):
        duplicate_exit(world)
        world.now_ms += DUPLICATES_WITHIN_MS
        world.tick()
    assert not tripped(world)


def test_orders_of_one_action_are_one_nonce() -> None:
    world = started()
    wish = world.enter()
    for order in wish.orders:
        world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=order.cloid, reason=DUPLICATE))
    assert len(wish.orders) >= DUPLICATES_MAX - 1
    assert len(world.wished(SkipNonces)) == 1


def test_a_repetition_that_is_answered_so_has_only_arrived_before() -> None:
    world = started()
    world.hold()
    world.trade(97)
    cloid = world.placed(Role.EXIT)[-1].cloid
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=cloid, reason="no answer"))
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=cloid, status=None))
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=cloid, reason=DUPLICATE))
    assert not world.wished(SkipNonces)
