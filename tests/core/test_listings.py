"""The stream's own listing of stops: what it does not show is looked up at once, by the account's word."""

from tests.core.worlds import TAG, D, World, resting_stop, started
from tidegate.core.listings import AGAIN_MS, LAG_MS
from tidegate.model.brakes import Brake
from tidegate.model.events import StopsListed
from tidegate.model.intents import FetchAccount
from tidegate.model.orders import Role, new_cloid


def covered() -> World:
    """A position whose stop was confirmed a while ago."""
    world = started()
    world.hold()
    world.account()
    assert world.coin().covered_ms
    world.now_ms += LAG_MS + 100
    world.decisions.clear()
    return world


def looks(world: World) -> list[FetchAccount]:
    """The looks at the account for a cover check."""
    return [wish for wish in world.wished(FetchAccount) if "cover" in wish.reason]


def test_a_stop_that_vanished_without_a_word_is_placed_again_within_seconds() -> None:
    world = covered()
    world.tell(StopsListed(at_ms=world.now_ms, stops=()))
    world.tick()
    assert len(looks(world)) == 1
    world.now_ms += 200
    world.account(orders=[])
    (stop,) = world.placed(Role.STOP)[-1:]
    assert stop.size == abs(world.coin().position.size)


def test_a_listing_that_shows_the_stop_asks_for_nothing() -> None:
    world = covered()
    world.tell(StopsListed(at_ms=world.now_ms, stops=tuple(world.open_orders())))
    world.tick()
    assert looks(world) == []


def test_a_listing_never_places_anything_by_itself() -> None:
    world = covered()
    world.tell(StopsListed(at_ms=world.now_ms, stops=()))
    world.tick()
    assert world.placed(Role.STOP) == []


def test_a_listing_that_the_account_contradicts_is_not_believed_for_a_while() -> None:
    world = covered()
    began_ms = world.now_ms
    while world.now_ms < began_ms + AGAIN_MS - 5_000:
        world.tell(StopsListed(at_ms=world.now_ms, stops=()))
        world.tick()
        world.now_ms += 200
        world.account()
        world.now_ms += 4_800
    assert len(looks(world)) == 1


def test_a_listing_from_before_the_stop_was_confirmed_says_nothing() -> None:
    world = started()
    world.hold()
    world.account()
    world.now_ms += LAG_MS - 100
    world.decisions.clear()
    world.tell(StopsListed(at_ms=world.now_ms, stops=()))
    world.tick()
    assert looks(world) == []
    assert world.coin().position.size > D(0)


def test_a_listed_stop_with_our_tag_that_we_did_not_place_has_the_account_read_once() -> None:
    world = covered()
    world.now_ms += 60_000
    theirs = resting_stop(77, D(1), D(90), cloid=new_cloid(TAG, "theirs", Role.STOP, 1), time_ms=world.now_ms - 1_000)
    for _ in range(3):
        world.tell(StopsListed(at_ms=world.now_ms, stops=(*world.open_orders(), theirs)))
    (look,) = world.wished(FetchAccount)
    assert look.reason == "a stop that this bot did not place"
    world.account(orders=[*world.open_orders(), theirs])
    assert world.state.brakes.on(Brake.SECOND_BOT) is not None
