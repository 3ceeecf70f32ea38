"""Blocks that stand still: told, and waited out by entries; coins that are merely quiet are not taken for that."""

from tests.core.worlds import D, World, exits_of, started, wishes
from tidegate.core import risk
from tidegate.model.events import BlockSeen, Trade
from tidegate.model.intents import Alert, Decision, FetchBlock
from tidegate.model.orders import Role
from tidegate.model.signals import Want


def block(world: World, age_ms: int = 0) -> Decision:
    """The exchange's newest block is so old."""
    return world.tell(BlockSeen(at_ms=world.now_ms, time_ms=world.now_ms - age_ms))


def stalled(**settings: object) -> World:
    """A core that has heard nothing new for 12 s, and that the newest block is as old."""
    world = started(**settings)  # type: ignore[arg-type]
    world.run_until(world.now_ms + 12_000)
    block(world, age_ms=12_000)
    return world


def test_the_newest_block_is_asked_for_once_nothing_new_was_heard_for_ten_seconds() -> None:
    world = started("BTC", "ETH")
    assert not list(wishes(world.run_until(world.now_ms + 9_000), FetchBlock))
    assert [wish.coin for wish in wishes(world.run_until(world.now_ms + 2_000), FetchBlock)] == ["BTC"]
    assert len(list(wishes(world.run_until(world.now_ms + 60_000), FetchBlock))) == 6


def test_nothing_is_asked_while_prices_come_or_the_stream_is_down() -> None:
    world = started()
    for _ in range(20):
        world.now_ms += 5_000
        world.trade(100)
        assert not list(wishes([world.tick()], FetchBlock))
    world.down()
    assert not list(wishes(world.run_until(world.now_ms + 60_000), FetchBlock))


def test_a_quiet_coin_on_an_exchange_that_goes_on_is_no_stall() -> None:
    world = started()
    world.run_until(world.now_ms + 12_000)
    assert not block(world, age_ms=300)
    assert risk.hindrance(world.state, world.coin()) is None


def test_blocks_that_stand_still_are_an_alert_once() -> None:
    world = started()
    world.run_until(world.now_ms + 12_000)
    (alert,) = wishes([block(world, age_ms=12_000)], Alert)
    assert "blocks stand still: the newest is 12 s old" in alert.text
    world.now_ms += 10_000
    assert not list(wishes([block(world, age_ms=22_000)], Alert))


def test_an_entry_waits_for_the_blocks_to_go_on_and_is_made_then() -> None:
    world = stalled()
    decision = world.signal(Want.LONG)
    assert "waits: the exchange's blocks stand still" in decision.notes[0].text
    assert not world.placed(Role.ENTRY)
    decision = world.trade(100)
    assert "blocks go on after" in " ".join(note.text for note in decision.notes)
    world.trade(100)
    assert world.placed(Role.ENTRY)


def test_an_old_print_does_not_end_the_stall() -> None:
    world = stalled()
    old_ms = world.state.block_ms + 1
    world.tell(Trade(at_ms=world.now_ms, coin="BTC", price=D(100), low=D(100), high=D(100), time_ms=old_ms))
    assert risk.hindrance(world.state, world.coin()) == "the exchange's blocks stand still"


def test_an_exit_is_tried_in_a_stall_as_ever_and_not_more_often() -> None:
    world = started()
    world.hold()
    world.run_until(world.now_ms + 12_000)
    block(world, age_ms=12_000)
    world.mid(90)
    assert len(exits_of(world.decisions)) == 1
    world.run_until(world.now_ms + 120_000)
    assert 2 <= len(exits_of(world.decisions)) <= 10
