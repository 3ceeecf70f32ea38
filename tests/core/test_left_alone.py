"""A position that the bot did not open is its owner's: nothing is sent for its coin until it is gone."""

import pytest
from hypothesis import given

from tests.core.storms import Step, blow, storms
from tests.core.test_step import STORM, sources, stormy
from tests.core.worlds import TAG, D, World, exits_of, make_ready, open_order, resting_stop, started, wishes
from tidegate.core.state import Phase
from tidegate.core.status import snapshot
from tidegate.core.step import still_wanted
from tidegate.model.events import (
    Account,
    AccountSeen,
    CandlesFetched,
    Event,
    LeverageRefused,
    LeverageSet,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    OrderSeen,
)
from tidegate.model.intents import (
    Alert,
    BookClosed,
    CancelOrders,
    Decision,
    FetchPrices,
    PlaceOrders,
    Quit,
    Recap,
    Remember,
    ResendOrders,
    SetLeverage,
)
from tidegate.model.orders import Role, is_ours
from tidegate.model.positions import Position, Side
from tidegate.model.settings import StopPriceSource
from tidegate.model.signals import Want

SENT = PlaceOrders | SetLeverage | ResendOrders | CancelOrders
"""Everything that goes out to change something."""


def alone(size: str = "5", price: int = 100) -> World:
    """A ready coin in which the user has opened a position by hand; what was decided before is forgotten."""
    world = started()
    world.decisions.clear()
    world.fill(Side.BUY if D(size) > 0 else Side.SELL, abs(D(size)), price)
    assert world.coin().left_alone
    return world


def texts(world: World) -> str:
    return " ".join(note.text for decision in world.decisions for note in decision.notes)


def hear_everything(world: World) -> None:
    """Prices through every level there could be, time, views of the account, and signals either way."""
    for price in (150, 100, 50, 100):
        world.mark(price)
        world.trade(price)
        world.book(price, price)
        world.mid(price)
    for want in (Want.LONG, Want.SHORT, Want.FLAT):
        world.now_ms += 300_000
        world.trade(100)
        world.signal(want)
        world.account()
    world.run_until(world.now_ms + 120_000)


# the law


def watched(world: World) -> World:
    """Let an own bookkeeping of whose the position is stand beside the core's."""
    tell, whose = world.tell, {"strangers": False, "said": False}

    def checked(event: Event) -> Decision:
        before = world.coin().position
        filled = event.fill if isinstance(event, OrderFilled) else None
        if isinstance(event, OrderAccepted):
            whose["said"] |= bool(event.filled) and world.state.roles.get(event.cloid) is Role.ENTRY
        whose["said"] |= isinstance(event, OrderSeen) and event.status == "filled"
        decision = tell(event)
        after = world.coin().position
        if filled is not None and after != before:
            ours = is_ours(filled.cloid, TAG)
            if not before.size or before.direction * after.direction < 0:
                whose["strangers"] = not ours
            elif ours and abs(after.size) > abs(before.size):
                whose["strangers"] = False
            whose["said"] &= not ours
        elif isinstance(event, AccountSeen) and after.size != before.size:
            whose["strangers"] = False
        if whose["strangers"] and after.size and not whose["said"]:
            assert world.coin().left_alone, world.coin().phase
            sent = [wish for wish in wishes([decision], PlaceOrders | SetLeverage) if wish.coin == "BTC"]
            assert sent == []
            assert list(wishes([decision], ResendOrders)) == []
        return decision

    world.tell = checked  # type: ignore[method-assign]
    return world


@STORM
@given(storms(60), sources)
def test_nothing_is_ever_sent_beside_a_position_that_strangers_opened(
    storm: list[Step], source: StopPriceSource
) -> None:
    blow(watched(stormy(source, trailing=True)), storm)


# while running


@pytest.mark.parametrize("size", ["5", "-5"])
def test_a_position_opened_by_hand_is_told_once_and_nothing_is_done_about_it(size: str) -> None:
    world = alone(size)
    assert len(world.wished(Alert)) == 1
    hear_everything(world)
    assert world.wished(SENT) == []
    assert len(world.wished(Alert)) == 1
    assert world.coin().position.size == D(size)
    assert "this bot did not open is there" in texts(world)
    assert "already held" not in texts(world)


@pytest.mark.parametrize("found", ["fill", "account"])
def test_it_is_told_also_when_the_coin_was_suspended_before(found: str) -> None:
    world = started()
    world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC", reason="too much"))
    world.decisions.clear()
    if found == "fill":
        world.fill(Side.BUY, 5, 100)
    for _look in range(2):
        world.now_ms += 5_000
        world.account(positions=[Position(coin="BTC", size=D(5), entry_price=D(100))])
    assert world.coin().left_alone
    assert "left alone" in " ".join(alert.text for alert in world.wished(Alert))


def test_it_may_grow_shrink_and_turn_round_and_stays_its_owners() -> None:
    world = alone()
    world.fill(Side.BUY, 5, 104)
    assert world.coin().position.entry_price == 102
    world.fill(Side.SELL, 8, 100)
    assert world.coin().position.size == 2
    assert len(world.wished(Alert)) == 1
    world.fill(Side.SELL, 5, 100)
    assert world.coin().position.size == -3
    for _look in range(2):
        world.now_ms += 5_000
        world.account(positions=[Position(coin="BTC", size=D(7), entry_price=D(90))])
    assert world.coin().position.size == 7
    assert world.coin().left_alone
    hear_everything(world)
    assert world.wished(SENT) == []


@pytest.mark.parametrize("how", ["fill", "account", "liquidation"])
def test_once_it_is_gone_the_coin_is_traded_again_and_the_books_know_nothing_of_it(how: str) -> None:
    world = alone()
    world.fill(Side.SELL, 2, 90)
    if how == "account":
        for _look in range(2):
            world.now_ms += 5_000
            world.account(positions=[])
    else:
        world.fill(Side.SELL, 3, 90, liquidation=how == "liquidation")
    coin = world.coin()
    assert (coin.phase, coin.why, coin.position) == (Phase.READY, "", Position(coin="BTC"))
    assert world.wished(BookClosed) == []
    assert world.wished(Recap) == []
    assert world.wished(SENT) == []
    world.now_ms += 300_000
    world.mark(100)
    world.trade(100)
    world.book(100, 100)
    world.hold()


def test_the_rest_of_a_signal_that_waited_is_given_up() -> None:
    world = started()
    world.down()
    world.signal(Want.LONG)
    assert world.coin().wanted is not None
    world.fill(Side.BUY, 5, 100)
    assert world.coin().wanted is None


def test_the_leverage_is_neither_asked_for_nor_does_an_answer_change_anything() -> None:
    world = started(ready=False)
    world.fill(Side.BUY, 5, 100)
    asked = len(world.wished(SetLeverage))
    world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC", reason="cross margin with an open position"))
    assert "did not open" in world.coin().why
    world.run_until(world.now_ms + 200_000)
    assert len(world.wished(SetLeverage)) == asked
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=3))
    assert world.coin().left_alone
    world.fetched()
    assert world.coin().left_alone


def test_a_coin_that_still_warms_up_is_left_alone_too() -> None:
    world = started(ready=False)
    world.fill(Side.SELL, 5, 100)
    assert world.coin().left_alone
    world.fill(Side.BUY, 5, 100)
    assert world.coin().phase is Phase.READY
    world.tell(CandlesFetched(at_ms=world.now_ms, coin="BTC", candles=(), exchange_ms=world.now_ms))


def test_no_prices_are_polled_for_it_while_the_stream_is_down() -> None:
    world = alone()
    world.down()
    world.run_until(world.now_ms + 20_000)
    assert world.wished(FetchPrices) == []


def test_leaving_does_not_wait_for_a_stop_that_will_never_be_there() -> None:
    world = alone()
    decision = world.stop()
    assert list(wishes([decision], Quit))
    assert "left alone as before: BTC 5" in texts(world)
    assert "resting stops" not in texts(world)


def test_the_status_shows_it_without_levels() -> None:
    (shown,) = snapshot(alone().state).positions
    assert (shown.size, shown.phase) == (D(5), "suspended")
    assert (shown.stop, shown.take_profit, shown.resting_stop, shown.confirmed_ms) == (None, None, None, 0)


def test_what_still_rests_of_ours_is_taken_back_since_it_would_close_what_is_not_ours() -> None:
    world = alone()
    stale = resting_stop(1, D(5), D(97), cloid=f"0x{TAG}{'0' * 24}")
    theirs = resting_stop(1, D(5), D(80))
    world.now_ms += 5_000
    world.account(orders=[stale, theirs])
    assert [wish.cloids for wish in world.wished(CancelOrders)] == [(stale.cloid,)]
    assert world.coin().left_alone


def test_what_was_wished_before_it_came_up_is_not_carried_out() -> None:
    world = started()
    wish = world.enter()
    again = ResendOrders(cloid=wish.orders[0].cloid)
    leverage = SetLeverage(coin="BTC", asset=0, leverage=3, expires_ms=world.now_ms + 1)
    back = CancelOrders(coin="BTC", asset=0, cloids=("0x1",), expires_ms=world.now_ms + 1, reason="")
    assert all(still_wanted(world.state, each) for each in (wish, again, leverage, back))
    world.fill(Side.BUY, 5, 100)
    assert [still_wanted(world.state, each) for each in (wish, again, leverage, back)] == [False, False, False, True]


# beside an entry of ours


def entering_beside(size: str) -> tuple[World, PlaceOrders]:
    """Our long entry is on its way when the user opens a position in the same coin."""
    world = started()
    wish = world.enter(trail_by=D(2))
    world.decisions.clear()
    world.fill(Side.BUY if D(size) > 0 else Side.SELL, abs(D(size)), 100)
    assert world.coin().left_alone
    return world, wish


@pytest.mark.parametrize("answered_first", [True, False])
def test_our_entry_that_fills_beside_it_is_guarded_with_its_own_levels_and_so_is_the_rest(answered_first: bool) -> None:
    world, wish = entering_beside("5")
    entry = wish.orders[0]
    if answered_first:
        for request in wish.orders:
            world.accept(request)
        assert world.coin().phase is Phase.HOLDING, "the answer says that it is in"
    world.fill(entry.side, entry.size, 100, cloid=entry.cloid)
    coin = world.coin()
    assert coin.phase is Phase.HOLDING
    assert coin.position.size == entry.size + 5
    assert coin.signal_id == wish.signal_id
    assert coin.bracket is not None
    assert coin.bracket.trail_by == 2
    assert world.wished(Remember)[-1].record.position == coin.position or answered_first
    if not answered_first:
        for request in wish.orders:
            world.accept(request)
    world.now_ms += 3_000
    world.account()
    assert sum(order.size for order in world.placed(Role.STOP)) == 5, "what the entry's own stop does not cover"
    world.trade(90)
    (fired,) = exits_of(world.decisions)
    assert fired[1].size == coin.position.size


@pytest.mark.parametrize("size", ["5", "-5"])
@pytest.mark.parametrize("end", ["rejected", "canceled", "nothing", "never"])
def test_our_entry_that_comes_to_nothing_leaves_it_to_its_owner(size: str, end: str) -> None:
    world, wish = entering_beside(size)
    entry = wish.orders[0]
    if end == "rejected":
        for request in wish.orders:
            world.tell(OrderRejected(at_ms=world.now_ms, cloid=request.cloid, reason="Insufficient margin"))
    elif end == "canceled":
        canceled = OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=1, cloid=entry.cloid, status="iocCancelRejected")
        world.tell(canceled)
    elif end == "nothing":
        world.accept(entry, filled=D(0))
    else:
        for request in wish.orders:
            world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=request.cloid, reason="timed out"))
        world.tell(OrderSeen(at_ms=world.now_ms + 1, cloid=entry.cloid, status=None))
        world.now_ms += 25_000
        for request in wish.orders:
            world.tell(OrderSeen(at_ms=world.now_ms, cloid=request.cloid, status=None))
    assert world.coin().left_alone
    assert world.coin().bracket is None
    assert world.coin().orders == {}
    assert world.wished(SENT) == [], "not even the same bytes again"
    hear_everything(world)
    assert world.wished(SENT) == []
    assert all(wish.record.position is None for wish in world.wished(Remember)), "the next start must not take it over"


def test_our_entry_that_turns_it_round_is_ours_from_there_on() -> None:
    world, wish = entering_beside("-5")
    entry = wish.orders[0]
    world.fill(entry.side, entry.size, 100, cloid=entry.cloid)
    coin = world.coin()
    assert coin.phase is Phase.HOLDING
    assert coin.position.size == entry.size - 5
    assert coin.signal_id == wish.signal_id
    assert world.wished(CancelOrders) == [], "the stop that left with the entry stays"


def test_the_user_may_be_out_again_before_our_entry_fills() -> None:
    world, wish = entering_beside("5")
    world.fill(Side.SELL, 5, 100)
    assert world.coin().phase is Phase.READY
    assert world.wished(CancelOrders) == []
    entry = wish.orders[0]
    world.fill(entry.side, entry.size, 100, cloid=entry.cloid)
    assert world.coin().phase is Phase.HOLDING
    assert world.coin().bracket is not None
    assert world.coin().signal_id == wish.signal_id


def test_a_fill_of_the_user_between_our_answer_and_our_fill_does_not_unguard_ours() -> None:
    world = started()
    wish = world.enter()
    for request in wish.orders:
        world.accept(request)
    world.fill(Side.BUY, 1, 100)
    assert world.coin().phase is Phase.HOLDING
    assert world.coin().signal_id == wish.signal_id


def test_what_the_user_adds_to_our_position_is_guarded_with_it() -> None:
    world = started()
    position = world.hold()
    world.fill(Side.BUY, 5, 100)
    world.now_ms += 3_000
    world.account()
    assert world.coin().phase is Phase.HOLDING
    assert [order.size for order in world.placed(Role.STOP)] == [position.size, D(5)]


# over a restart


def account(size: str, *orders: object, time_ms: int) -> Account:
    """An account with one position in BTC."""
    position = Position(coin="BTC", size=D(size), entry_price=D(100))
    return Account(
        equity=D(10_000),
        free=D(10_000),
        positions=(position,),
        orders=orders,  # type: ignore[arg-type]
        time_ms=time_ms,
    )


def test_a_start_leaves_a_strangers_position_and_its_orders_alone() -> None:
    world = started(account=account("-2", resting_stop(-1, D(2), D(108)), time_ms=1_767_225_600_000))
    assert world.coin().left_alone
    assert world.wished(SENT) == []
    assert len(world.wished(Alert)) == 1
    hear_everything(world)
    assert world.wished(SENT) == []


def test_it_is_not_taken_for_ours_after_a_restart_nor_booked_when_it_is_gone() -> None:
    world = started()
    world.hold()
    world.trade(97)
    world.close(exits_of(world.decisions)[0][1], 97)
    world.fill(Side.BUY, 5, 100)
    record = world.wished(Remember)[-1].record
    seen = account("5", time_ms=world.now_ms + 5_000)
    again = started(account=seen, remembered=[record], now_ms=seen.time_ms, ready=False)
    make_ready(again)
    assert again.coin().left_alone
    assert again.wished(PlaceOrders) == []
    again.fill(Side.SELL, 5, 100)
    assert again.coin().phase is Phase.READY
    assert again.wished(BookClosed) == []


def test_a_stale_stop_of_ours_does_not_make_a_position_the_other_way_round_ours() -> None:
    before = started()
    position = before.hold()
    stops = [open_order(order.request, oid=7, time_ms=before.now_ms) for order in before.coin().live(Role.STOP)]
    record = before.wished(Remember)[-1].record
    seen = account("-3", *stops, time_ms=before.now_ms + 5_000)
    again = started(account=seen, remembered=[record], now_ms=seen.time_ms, ready=False)
    assert again.coin().left_alone
    assert again.coin().position.size == -3
    assert [booked.closed.size for booked in again.wished(BookClosed)] == [position.size]
    assert again.wished(Remember)[-1].record.position is None
    again.now_ms += 5_000
    again.account(orders=stops)
    assert [wish.cloids for wish in again.wished(CancelOrders)] == [tuple(stop.cloid for stop in stops)]
