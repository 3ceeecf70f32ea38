"""What is known from before a standstill, or by a clock that was far off, is not acted on; nothing waits for a time
that was wrong."""

from tests.core.worlds import T0, World, started
from tidegate.core import schedule
from tidegate.model.events import Faulted, Tick
from tidegate.model.intents import Alert, FetchAccount, PlaceOrders
from tidegate.model.positions import Side
from tidegate.model.signals import Want

HOUR_MS = 3_600_000


def ready() -> World:
    """Flat, a bar has closed, everything is known."""
    world = started()
    world.now_ms = T0 + 301_000
    world.fetched()
    world.book(99, 101)
    world.mark(100)
    return world


def stand_still(world: World, ms: int) -> None:
    world.now_ms += ms
    world.tell(Faulted(at_ms=world.now_ms, where="standstill", reason="it slept"))


def clock_off(world: World, off_ms: int) -> None:
    """The exchange says that it is another time than we thought."""
    world.now_ms += off_ms
    world.tell(Faulted(at_ms=world.now_ms, where="clock", reason="off", off_ms=off_ms))


def test_after_a_standstill_an_entry_waits_for_a_new_price_and_a_new_view_of_the_account() -> None:
    world = ready()
    stand_still(world, 20_000)
    assert world.wished(FetchAccount)[-1].reason == "after a standstill"
    world.signal(Want.LONG)
    assert not world.wished(PlaceOrders)
    world.book(99, 101)
    assert not world.wished(PlaceOrders), "the account is still the old one"
    world.account()
    assert len(world.wished(PlaceOrders)) == 1


def test_a_clock_that_was_far_off_holds_up_entries_until_two_more_views_and_alerts() -> None:
    world = ready()
    clock_off(world, 31_000)
    assert "off" in world.wished(Alert)[-1].text
    world.book(99, 101)
    world.signal(Want.LONG)
    world.account()
    world.book(99, 101)
    assert not world.wished(PlaceOrders)
    world.account()
    assert len(world.wished(PlaceOrders)) == 1


def test_a_clock_that_was_a_little_off_alerts_and_holds_up_nothing() -> None:
    world = ready()
    clock_off(world, -5_000)
    assert world.wished(Alert)
    world.book(99, 101)
    world.signal(Want.LONG)
    assert len(world.wished(PlaceOrders)) == 1


def test_nothing_protective_waits_for_a_time_that_turned_out_to_be_two_hours_away() -> None:
    world = started()
    world.hold()
    world.fill(Side.BUY, 1, 100)
    assert world.coin().cover_due_ms is not None
    clock_off(world, -2 * HOUR_MS)
    assert world.state.now_ms == world.now_ms
    assert schedule.next_due_ms(world.state) <= world.now_ms
    reads = len(world.wished(FetchAccount))
    world.run_until(world.now_ms + 5_000)
    assert len(world.wished(FetchAccount)) > reads


def test_an_account_read_that_fails_after_the_clock_fell_back_is_due_again_by_that_clock() -> None:
    world = ready()
    world.now_ms -= 2 * HOUR_MS
    world.tell(Faulted(at_ms=world.now_ms, where="standstill", reason="the clock says less"))
    world.tell(Faulted(at_ms=world.now_ms, where="account", reason="no answer"))
    before = len(world.wished(FetchAccount))
    world.tell(Tick(at_ms=world.now_ms + schedule.ACCOUNT_AGAIN_MS))
    assert len(world.wished(FetchAccount)) == before + 1
