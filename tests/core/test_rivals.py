"""Another bot on the same account: its orders are not swept, nothing more is entered; we never mistake ourselves."""

import pytest

from tests.core.worlds import TAG, D, World, resting_stop, started
from tidegate.model.brakes import Brake
from tidegate.model.intents import Alert, CancelOrders
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
