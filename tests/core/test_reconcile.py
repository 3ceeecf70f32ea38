"""The exchange is the truth: starts adopt and double nothing, missed fills count, ghosts need two witnesses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.worlds import TAG, D, World, exits_of, instrument, make_ready, open_order, resting_stop, started
from tidegate.core.reconcile import CONTRADICTIONS_MAX, SNAPSHOT_AGE_MS, WITNESS_GAP_MS
from tidegate.core.state import OrderState, Phase
from tidegate.model.brackets import Bracket, ExitReason
from tidegate.model.events import Account, LeverageRefused, OrderCanceled, OrderFilled
from tidegate.model.intents import Alert, BookClosed, CancelOrders, PlaceOrders, Remember, SetLeverage
from tidegate.model.orders import OpenOrder, Role
from tidegate.model.positions import Fill, Position, Side
from tidegate.model.records import Remembered
from tidegate.model.signals import Want

LAWS = settings(max_examples=100, deadline=None)
OURS = f"0x{TAG}{'0' * 24}"
"""An order that this bot placed in a session that nobody remembers."""


def account_of(world: World, *, orders: list[OpenOrder] | None = None, fills: tuple[Fill, ...] = ()) -> Account:
    """The exchange's view at the end of a run."""
    return Account(
        equity=D(10_000),
        free=D(10_000),
        positions=tuple(
            Position(coin=coin.coin, size=coin.position.size, entry_price=coin.position.entry_price)
            for coin in world.state.coins.values()
            if coin.position.size
        ),
        orders=tuple(world.open_orders() if orders is None else orders),
        fills=fills,
        time_ms=world.now_ms + 5_000,
    )


def record_of(world: World) -> Remembered:
    """What the ledger has kept of BTC."""
    return world.wished(Remember)[-1].record


def restarted(world: World, account: Account) -> World:
    """The next session over the same ledger."""
    return started(account=account, remembered=[record_of(world)], now_ms=account.time_ms, ready=False)


# starts


@pytest.mark.parametrize("direction", [1, -1])
def test_a_position_with_its_resting_stop_is_adopted_and_nothing_is_doubled(direction: int) -> None:
    before = started()
    before.hold(direction)
    again = restarted(before, account_of(before))
    assert again.coin().phase is Phase.HOLDING
    assert again.coin().position == before.coin().position
    assert again.coin().bracket == before.coin().bracket
    assert set(again.coin().orders) == set(before.coin().orders)
    assert again.coin().covered_ms
    make_ready(again)
    again.now_ms += 30_000
    again.account()
    assert again.wished(PlaceOrders) == []
    text = " ".join(note.text for decision in again.decisions for note in decision.notes)
    assert "known from an earlier run" in text
    assert "resting stop recognised: 97" in text or "resting stop recognised: 103" in text
    again.trade(100 - 3 * direction)
    assert len(exits_of(again.decisions)) == 1


def test_a_position_whose_stop_vanished_while_away_gets_a_new_one_at_once() -> None:
    before = started()
    before.hold()
    again = restarted(before, account_of(before, orders=[]))
    (stop,) = again.placed(Role.STOP)
    assert stop.size == before.coin().position.size
    assert stop.cloid not in {order.request.cloid for order in before.coin().orders.values()}


def test_an_exit_after_a_restart_has_a_new_name() -> None:
    before = started()
    before.hold()
    before.trade(97)
    first = exits_of(before.decisions)[0][1].cloid
    again = restarted(before, account_of(before))
    make_ready(again)
    again.tick(1_000)
    reason, request = exits_of(again.decisions)[0]
    assert reason is ExitReason.STOP, "the exit that was under way goes on, whatever the price is now"
    assert request.cloid != first


def test_an_exit_after_a_crash_has_a_new_name_although_the_last_try_was_not_written_down() -> None:
    before = started()
    before.hold()
    record = record_of(before)
    before.trade(97)
    first = exits_of(before.decisions)[0][1].cloid
    again = started(account=account_of(before), remembered=[record], now_ms=before.now_ms + 5_000, ready=False)
    make_ready(again)
    again.trade(97)
    assert exits_of(again.decisions)[0][1].cloid != first


def test_a_trailing_stop_does_not_fall_back_after_a_restart() -> None:
    before = started()
    before.hold(trail_by=D(2))
    record = record_of(before)
    before.mark(105)
    before.trade(105)
    new = before.placed(Role.STOP)[-1]
    shown = open_order(new, oid=5, time_ms=before.now_ms)
    again = started(
        account=account_of(before, orders=[shown]), remembered=[record], now_ms=before.now_ms + 5_000, ready=False
    )
    bracket = again.coin().bracket
    assert bracket is not None
    assert bracket.stop == 103
    assert bracket.trailed


def test_an_entry_that_filled_while_the_bot_died_is_known_by_its_bracket() -> None:
    before = started()
    wish = before.enter(trail_by=D(2))
    entry = wish.orders[0]
    account = Account(
        equity=D(10_000),
        free=D(1_000),
        positions=(Position(coin="BTC", size=entry.size, entry_price=D(100)),),
        orders=(open_order(wish.orders[1], oid=8, time_ms=before.now_ms),),
        time_ms=before.now_ms + 5_000,
    )
    again = restarted(before, account)
    assert again.coin().bracket == before.coin().bracket
    assert again.coin().signal_id == wish.signal_id
    assert again.wished(PlaceOrders) == []


@pytest.mark.parametrize(
    ("closing", "reason"),
    [
        ("stop", ExitReason.STOP),
        ("take_profit", ExitReason.TAKE_PROFIT),
        ("hand", ExitReason.ELSEWHERE),
        ("liquidation", ExitReason.LIQUIDATION),
        ("unknown", ExitReason.ELSEWHERE),
    ],
)
def test_a_position_that_was_closed_while_away_is_booked(closing: str, reason: ExitReason) -> None:
    before = started()
    position = before.hold()
    cloids = {"stop": before.coin().live(Role.STOP), "take_profit": before.coin().live(Role.TAKE_PROFIT)}
    fill = Fill(
        coin="BTC",
        side=Side.SELL,
        price=D(95),
        size=position.size,
        time_ms=before.now_ms + 1_000,
        tid=77,
        oid=1,
        cloid=cloids[closing][0].request.cloid if closing in cloids else None,
        liquidation=closing == "liquidation",
        fee=D(2),
    )
    account = replace(account_of(before, fills=() if closing == "unknown" else (fill,)), positions=(), orders=())
    again = restarted(before, account)
    (booked,) = again.wished(BookClosed)
    assert booked.closed.reason is reason
    assert booked.closed.size == position.size
    if closing != "unknown":
        assert booked.closed.exit_price == 95
        assert booked.closed.pnl == -5 * position.size
        assert booked.closed.fees == position.fees + 2
    assert again.coin().phase is Phase.READY
    assert record_of(again).position is None
    third = restarted(again, replace(account, time_ms=account.time_ms + 1))
    assert third.wished(BookClosed) == [], "it is booked once"


def test_a_position_whose_own_exit_filled_while_away_is_booked_with_the_reason_of_that_exit() -> None:
    before = started()
    before.hold()
    before.trade(97)
    ((_reason, exit_),) = exits_of(before.decisions)
    fill = Fill(
        coin="BTC",
        side=exit_.side,
        price=D(97),
        size=exit_.size,
        time_ms=before.now_ms + 1_000,
        tid=77,
        oid=1,
        cloid=exit_.cloid,
    )
    again = restarted(before, replace(account_of(before, fills=(fill,)), positions=(), orders=()))
    assert again.wished(BookClosed)[0].closed.reason is ExitReason.STOP


def test_orders_of_a_position_that_is_gone_are_swept_and_the_users_are_left_alone() -> None:
    before = started()
    before.hold()
    ours = before.open_orders()
    theirs = resting_stop(1, D(1), D(80))
    account = replace(account_of(before, orders=[*ours, theirs]), positions=())
    again = restarted(before, account)
    again.now_ms += 3_000
    again.account(positions=[], orders=[*ours, theirs])
    (sweep,) = again.wished(CancelOrders)
    assert set(sweep.cloids) == {order.cloid for order in ours}


def test_positions_and_orders_in_coins_that_are_not_ours_are_left_alone() -> None:
    account = Account(
        equity=D(10_000),
        free=D(10_000),
        positions=(Position(coin="DOGE", size=D(1_000), entry_price=D("0.1")),),
        orders=(resting_stop(1, D(1_000), D(90), coin="DOGE"),),
        time_ms=1_767_225_600_000,
    )
    world = started(account=account)
    for _look in range(3):
        world.now_ms += 30_000
        world.account(positions=account.positions, orders=account.orders)
    assert world.wished(PlaceOrders) == []
    assert world.wished(CancelOrders) == []
    text = " ".join(note.text for decision in world.decisions for note in decision.notes)
    assert "left alone" in text


def test_a_position_that_nobody_remembers_takes_its_levels_from_our_resting_orders() -> None:
    account = Account(
        equity=D(10_000),
        free=D(10_000),
        positions=(Position(coin="BTC", size=D(-2), entry_price=D(100)),),
        orders=(resting_stop(-1, D(2), D(108), cloid=OURS),),
        time_ms=1_767_225_600_000,
    )
    world = started(account=account)
    assert world.coin().bracket == Bracket(direction=-1, stop=D(108), take_profit=D(94))
    assert world.wished(PlaceOrders) == []
    assert world.coin().signal_id == ""


def test_a_fill_between_the_two_reads_of_a_start_is_not_lost() -> None:
    before = started()
    position = before.hold()
    account = account_of(before)
    stop = before.coin().live(Role.STOP)[0].request
    fill = Fill(
        coin="BTC",
        side=stop.side,
        price=D(97),
        size=position.size,
        time_ms=account.time_ms + 20,
        tid=9,
        oid=9,
        cloid=stop.cloid,
    )
    again = restarted(before, replace(account, fills=(fill,)))
    assert again.coin().position.size == 0
    assert again.wished(BookClosed)[0].closed.reason is ExitReason.STOP


def test_fills_of_the_past_that_a_later_look_brings_are_not_counted() -> None:
    before = started()
    position = before.hold()
    again = restarted(before, account_of(before))
    again.now_ms += 5_000
    again.account(fills=before.fills)
    again.tell(OrderFilled(at_ms=again.now_ms, fill=before.fills[0]))
    assert again.coin().position.size == position.size


def test_the_leverage_of_an_open_position_is_left_alone_and_asked_for_once_flat() -> None:
    before = started()
    position = before.hold()
    again = restarted(before, account_of(before))
    again.tick()
    again.tick(60_000)
    assert again.wished(SetLeverage) == []
    again.fill(Side.SELL, position.size, 100)
    again.tick(60_000)
    assert [wish.leverage for wish in again.wished(SetLeverage)] == [3]


def test_a_coin_that_allows_less_leverage_is_asked_for_less() -> None:
    world = started(instrument(leverage_max=2), ready=False)
    assert [wish.leverage for wish in world.wished(SetLeverage)] == [2]


# while running


def test_missed_fills_are_counted_from_the_account() -> None:
    world = started()
    world.hold()
    stop = world.coin().live(Role.STOP)[0].request
    fill = Fill(
        coin="BTC",
        side=stop.side,
        price=D(97),
        size=stop.size,
        time_ms=world.now_ms + 1,
        tid=500,
        oid=1,
        cloid=stop.cloid,
    )
    world.account(positions=[], orders=[], fills=[fill])
    assert world.wished(BookClosed)[0].closed.reason is ExitReason.STOP
    assert world.wished(Alert) == []


@LAWS
@given(st.sampled_from([1, -1]), st.lists(st.integers(0, 5_000), min_size=2, max_size=5))
def test_a_vanished_position_needs_two_witnesses(direction: int, pauses_ms: list[int]) -> None:
    world = started()
    position = world.hold(direction)
    world.now_ms += SNAPSHOT_AGE_MS
    first_ms = world.now_ms + pauses_ms[0]
    for pause_ms in pauses_ms:
        world.now_ms += pause_ms
        world.account(positions=[], orders=[])
        if world.now_ms - first_ms < WITNESS_GAP_MS:
            assert world.coin().position.size, "views so close together are one witness"
    booked = world.wished(BookClosed)
    assert len(booked) == (1 if world.now_ms - first_ms >= WITNESS_GAP_MS else 0)
    if booked:
        assert booked[0].closed.size == position.size
        assert booked[0].closed.reason is ExitReason.ELSEWHERE
        assert world.wished(Alert)


def test_the_same_view_read_twice_is_one_witness() -> None:
    world = started()
    world.hold()
    world.now_ms += 5_000
    for _again in range(5):
        world.account(positions=[], orders=[], time_ms=world.now_ms)
    assert world.coin().position.size
    assert world.wished(BookClosed) == []


def test_a_position_that_shows_again_was_never_gone() -> None:
    world = started()
    world.hold()
    for _time in range(4):
        world.now_ms += 5_000
        world.account(positions=[])
        world.now_ms += 5_000
        world.account()
    assert world.wished(BookClosed) == []


def test_a_view_from_before_the_last_fill_says_nothing() -> None:
    world = started()
    world.hold()
    filled_ms = world.state.last_fill_ms
    for _again in range(3):
        world.now_ms += 3_000
        world.account(positions=[], time_ms=filled_ms + SNAPSHOT_AGE_MS - 1)
    assert world.coin().position.size
    assert world.coin().mismatches == 0


@pytest.mark.parametrize("size", ["50", "10"])
def test_another_size_is_adopted_covered_and_told(size: str) -> None:
    world = started()
    world.hold()
    theirs = Position(coin="BTC", size=D(size), entry_price=D(99))
    for _look in range(2):
        world.now_ms += 5_000
        world.account(positions=[theirs])
    coin = world.coin()
    assert coin.position.size == D(size)
    assert coin.position.entry_price == 99
    assert coin.bracket is not None
    assert coin.bracket.direction == coin.position.direction
    assert world.wished(Alert)
    stops = [order.size for order in world.placed(Role.STOP)[1:]]
    assert stops == ([D(10)] if D(size) == 10 else [D("16.667")]), "one that fits, or one for what is missing"


def test_a_position_that_was_turned_round_without_a_fill_is_ours_no_longer() -> None:
    world = started()
    position = world.hold()
    theirs = Position(coin="BTC", size=D(-20), entry_price=D(99))
    world.decisions.clear()
    for _look in range(2):
        world.now_ms += 5_000
        world.account(positions=[theirs])
    assert [booked.closed.size for booked in world.wished(BookClosed)] == [position.size]
    assert world.coin().left_alone
    assert world.coin().position.size == -20
    assert world.wished(PlaceOrders) == []


def test_a_suspended_coin_with_a_late_fill_of_our_own_is_guarded_again() -> None:
    world = started()
    entry = world.enter().orders[0]
    world.accept(entry, filled=D(0))
    world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC", reason="too much"))
    assert world.coin().phase is Phase.SUSPENDED
    world.fill(entry.side, entry.size, 100, cloid=entry.cloid)
    assert world.coin().phase is Phase.HOLDING
    world.trade(97)
    assert len(exits_of(world.decisions)) == 1


def test_an_order_that_is_no_longer_open_is_forgotten_after_a_while() -> None:
    world = started()
    world.hold()
    profit = world.coin().live(Role.TAKE_PROFIT)[0].request.cloid
    world.account(orders=[order for order in world.open_orders() if order.cloid != profit])
    assert profit not in world.coin().orders


def test_an_order_that_was_just_sent_is_not_forgotten() -> None:
    world = started()
    wish = world.enter()
    for request in wish.orders[1:]:
        world.accept(request)
    world.account(orders=[])
    assert {order.cloid for order in wish.orders} == set(world.coin().orders)


def test_an_order_whose_answer_is_missing_is_found_in_the_account() -> None:
    world = started()
    wish = world.enter()
    stop = wish.orders[1]
    world.account(orders=[open_order(stop, oid=44, time_ms=world.now_ms)])
    known = world.coin().orders[stop.cloid]
    assert (known.state, known.oid) == (OrderState.RESTING, 44)


def test_an_entry_that_was_said_to_fill_but_left_no_trace_suspends_its_coin_and_cancels_nothing() -> None:
    world = started()
    wish = world.enter()
    for request in wish.orders:
        world.accept(request)
    for _look in range(2):
        assert world.coin().phase is Phase.ENTERING
        world.now_ms += 2_500
        world.account()
    assert world.coin().phase is Phase.SUSPENDED, "the position may stand in another account, with those stops"
    assert world.wished(CancelOrders) == []
    assert world.wished(Alert)
    world.signal(Want.LONG, candle_open_ms=world.now_ms)
    assert world.wished(PlaceOrders) == [wish]
    world.fill(wish.orders[0].side, 5, 100, cloid=wish.orders[0].cloid)
    assert world.coin().phase is Phase.HOLDING, "should it come after all, it is protected"


def test_the_money_is_what_the_exchange_says() -> None:
    world = started()
    world.account(equity=D(123), free=D(45))
    assert (world.state.equity, world.state.free, world.state.account_ms) == (123, 45, world.now_ms)


def test_a_cancelled_stop_of_an_unknown_name_is_no_matter() -> None:
    world = started()
    world.hold()
    before = world.coin()
    world.tell(OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=123_456, status="canceled"))
    assert world.coin() == before


@pytest.mark.parametrize("strange", [{"is_trigger": False}, {"reduce_only": False}])
def test_orders_that_are_no_exits_say_nothing_about_a_position_that_nobody_remembers(strange: dict[str, bool]) -> None:
    account = Account(
        equity=D(10_000),
        free=D(10_000),
        positions=(Position(coin="BTC", size=D(2), entry_price=D(100)),),
        orders=(replace(resting_stop(1, D(2), D(91), cloid=OURS), **strange),),
        time_ms=1_767_225_600_000,
    )
    assert started(account=account).coin().bracket == Bracket(direction=1, stop=D(97), take_profit=D(106))


def test_a_cancellation_that_never_arrived_is_sent_again_until_the_orders_are_gone() -> None:
    world = started()
    world.hold()
    ours = world.open_orders()
    world.trade("96")
    (close,) = (wish for wish in world.wished(PlaceOrders) if wish.exit_reason is not None)
    world.close(close.orders[0], "96")
    first = world.wished(CancelOrders)
    assert {cloid for wish in first for cloid in wish.cloids} == {order.cloid for order in ours}
    world.now_ms += 30_000
    world.account(positions=[], orders=ours)
    again = world.wished(CancelOrders)[len(first) :]
    assert {cloid for wish in again for cloid in wish.cloids} == {order.cloid for order in ours}
    world.now_ms += 30_000
    world.account(positions=[], orders=[])
    assert not world.coin().orders


def test_a_position_that_is_shown_gone_while_its_stop_stands_is_not_believed_at_once_and_trips_no_brake() -> None:
    world = started()
    world.hold()
    stops = world.open_orders()
    for _view in range(CONTRADICTIONS_MAX - 1):
        world.now_ms += 10_000
        world.account(positions=[], orders=stops, equity=D(0))
    assert world.coin().position.size
    assert not world.state.brakes.trips
    assert not world.wished(CancelOrders)
    assert sum("not believed" in alert.text for alert in world.wished(Alert)) == 1
    world.now_ms += 10_000
    world.account(positions=[], orders=stops)
    assert not world.coin().position.size


def test_a_position_that_is_gone_with_its_stop_is_believed_at_the_second_look() -> None:
    world = started()
    world.hold()
    for _view in range(2):
        world.now_ms += 10_000
        world.account(positions=[], orders=[])
    assert not world.coin().position.size
