"""The mark and what is traded disagree for long: told, entries wait; exits and resting stops go on."""

from tests.core.worlds import T0, World, exits_of, started
from tidegate.model.intents import Alert, PlaceOrders
from tidegate.model.signals import Want


def quoted(world: World, mark: int, ms: int) -> None:
    """For so long the book stays around 100 and the mark at `mark`; both are told every second."""
    for _second in range(ms // 1_000):
        world.run_until(world.now_ms + 1_000)
        world.book(99, 101)
        world.mark(mark)


def ready() -> World:
    world = started()
    world.now_ms = T0 + 301_000
    world.fetched()
    world.book(99, 101)
    world.mark(100)
    return world


def test_a_mark_far_from_what_is_traded_for_ten_seconds_is_alerted_once_and_entries_wait_until_they_agree() -> None:
    world = ready()
    quoted(world, 103, 40_000)
    alerts = [alert.text for alert in world.wished(Alert)]
    assert len(alerts) == 1
    assert "the mark price 103 is 3.0 % from what is traded" in alerts[0]
    world.signal(Want.LONG)
    assert not world.wished(PlaceOrders)
    quoted(world, 100, 10_000)
    assert len(world.wished(PlaceOrders)) == 1


def test_a_mark_that_is_far_for_a_moment_is_no_reason_to_wait() -> None:
    world = ready()
    quoted(world, 103, 7_000)
    quoted(world, 100, 20_000)
    assert not world.wished(Alert)
    assert not world.state.upkeep.apart


def test_a_stop_fires_while_the_mark_is_far_from_what_is_traded() -> None:
    world = ready()
    world.hold()
    quoted(world, 103, 30_000)
    world.decisions.clear()
    world.trade(90)
    assert exits_of(world.decisions)
