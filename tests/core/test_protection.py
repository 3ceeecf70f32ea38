"""The cover: an open position has a resting stop for all of it, whoever placed it, or it is closed."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.worlds import TAG, D, World, exits_of, open_order, resting_stop, started
from tidegate.core.protection import NAKED_MAX_MS
from tidegate.core.state import OrderState, Phase
from tidegate.model.brackets import ExitReason
from tidegate.model.events import Account, OrderAccepted, OrderCanceled, OrderInDoubt, OrderOpened, OrderRejected
from tidegate.model.instruments import NOTIONAL_MIN_USD
from tidegate.model.intents import Alert, CancelOrders, FetchAccount, PlaceOrders, Remember, Urgency
from tidegate.model.orders import OpenOrder, OrderRequest, Role, Trigger
from tidegate.model.positions import Side
from tidegate.model.settings import StopPriceSource

LAWS = settings(max_examples=150, deadline=None)
directions = st.sampled_from([1, -1])


def naked(direction: int = 1) -> World:
    """A position whose entry filled while its resting orders came to nothing."""
    world = started()
    wish = world.enter(direction)
    for request in wish.orders[1:]:
        world.tell(
            OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=0, cloid=request.cloid, status="siblingFilledCanceled")
        )
    world.accept(wish.orders[0])
    world.fill(wish.orders[0].side, wish.orders[0].size, 100, cloid=wish.orders[0].cloid)
    world.decisions.clear()
    return world


def stops_of(world: World) -> list[OrderRequest]:
    """The stops placed so far."""
    return world.placed(Role.STOP)


def trigger_of(order: OrderRequest) -> Decimal:
    """The trigger price of a resting exit."""
    assert isinstance(order.kind, Trigger)
    return order.kind.trigger_price


@pytest.mark.parametrize("direction", [1, -1])
def test_an_uncovered_position_gets_a_stop_for_all_of_it(direction: int) -> None:
    world = naked(direction)
    world.now_ms += 1_500
    world.account(orders=[])
    (stop,) = stops_of(world)
    assert stop.size == abs(world.coin().position.size)
    assert trigger_of(stop) == 100 - 3 * direction
    assert stop.reduce_only
    assert world.wished(PlaceOrders)[0].urgency is Urgency.PROTECTION


def test_the_cover_is_looked_at_until_it_is_confirmed() -> None:
    world = naked()
    world.run_until(world.now_ms + 5_500)
    assert len([wish for wish in world.wished(FetchAccount) if "cover" in wish.reason]) == 3
    world.account(orders=[resting_stop(1, abs(world.coin().position.size), D(97))])
    assert world.coin().covered_ms
    world.decisions.clear()
    world.run_until(world.now_ms + 20_000)
    assert world.wished(FetchAccount) == []


@LAWS
@given(directions, st.lists(st.integers(1, 4_000), max_size=6), st.integers(0, 3))
def test_what_is_not_covered_within_ten_seconds_is_closed_then_and_no_later(
    direction: int, pauses_ms: list[int], refusals: int
) -> None:
    world = naked(direction)
    opened_ms = world.coin().position.opened_ms
    end_ms = opened_ms + NAKED_MAX_MS
    for number, pause_ms in enumerate(pauses_ms):
        if world.now_ms + pause_ms >= end_ms:
            break
        world.run_until(world.now_ms + pause_ms)
        world.account(orders=[])
        if number < refusals:
            for stop in stops_of(world)[-1:]:
                world.tell(OrderRejected(at_ms=world.now_ms, cloid=stop.cloid, reason="Action already expired"))
    world.run_until(end_ms - 1)
    assert exits_of(world.decisions) == []
    world.run_until(end_ms)
    assert [reason for reason, _order in exits_of(world.decisions)] == [ExitReason.EMERGENCY]
    assert world.wished(Alert)
    assert world.coin().phase is Phase.EXITING


@LAWS
@given(directions, st.lists(st.integers(1, 12_000), min_size=1, max_size=6))
def test_a_partial_cover_is_completed_and_never_overdone(direction: int, thousandths: list[int]) -> None:
    world = naked(direction)
    size = abs(world.coin().position.size)
    world.now_ms += 3_000
    theirs = [resting_stop(direction, D(lots) / 1000, 100 - D(3) * direction) for lots in thousandths]
    world.account(orders=theirs)
    covered = sum((order.size for order in theirs), D(0))
    placed = stops_of(world)
    if covered >= size:
        assert placed == []
        assert world.coin().covered_ms
    else:
        missing = size - covered  # too little to be an order is covered by one for all of it
        level = 100 - D(3) * direction
        assert [stop.size for stop in placed] == [missing if missing * level >= NOTIONAL_MIN_USD else size]
        world.accept(placed[0])
        world.now_ms += 3_000
        world.account(orders=[*theirs, *world.open_orders()])
        assert world.coin().covered_ms
        assert len(stops_of(world)) == 1


def test_a_stop_that_the_user_placed_counts() -> None:
    world = naked()
    world.now_ms += 1_500
    world.account(orders=[resting_stop(1, abs(world.coin().position.size), D(95))])
    assert stops_of(world) == []
    world.run_until(world.now_ms + 60_000)
    assert exits_of(world.decisions) == []


def test_a_stop_for_the_whole_position_shows_no_size_and_counts() -> None:
    world = naked()
    world.now_ms += 1_500
    world.account(orders=[resting_stop(1, D(0), D(95))])
    assert world.coin().covered_ms


@pytest.mark.parametrize(
    "wrong",
    [
        {"direction": -1},
        {"coin": "ETH"},
        {"is_stop": False},
        {"reduce_only": False},
        {"is_trigger": False},
    ],
)
def test_what_would_not_close_the_position_is_no_cover(wrong: dict[str, object]) -> None:
    world = naked()
    world.now_ms += 1_500
    size = abs(world.coin().position.size)
    right = resting_stop(-1 if wrong.pop("direction", 1) == -1 else 1, size, D(95))
    fields = {name: getattr(right, name) for name in right.__struct_fields__} | wrong
    world.account(orders=[OpenOrder(**fields)])
    assert len(stops_of(world)) == 1


def test_a_stop_on_its_way_is_waited_for_two_seconds_and_then_no_more_than_one_is_added_every_two() -> None:
    world = naked()
    counts = []
    for _look in range(5):
        world.now_ms += 1_200
        world.account(orders=[])
        counts.append(len(stops_of(world)))
    assert counts == [1, 1, 2, 2, 3]


def test_a_stop_that_the_stream_tells_is_gone_is_placed_again_without_the_accounts_word() -> None:
    world = started()
    world.hold()
    (stop,) = world.coin().live(Role.STOP)
    before = len(stops_of(world))
    world.tell(
        OrderCanceled(
            at_ms=world.now_ms, coin="BTC", oid=stop.oid or 0, cloid=stop.request.cloid, status="marginCanceled"
        )
    )
    world.run_until(world.now_ms + 400)
    assert len(stops_of(world)) == before + 1


def test_after_a_part_of_an_entry_filled_and_its_exits_were_cancelled_a_stop_follows_without_the_accounts_word() -> (
    None
):
    world = started()
    wish = world.enter()
    entry, *exits = wish.orders
    part = D(1)
    world.fill(entry.side, part, 100, cloid=entry.cloid)
    world.accept(entry, filled=part)
    for each in exits:
        world.tell(
            OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=0, cloid=each.cloid, status="siblingFilledCanceled")
        )
    before = len(stops_of(world))
    world.run_until(world.now_ms + 400)
    assert [order.size for order in stops_of(world)[before:]] == [part]


def test_a_stop_in_doubt_is_waited_for_just_as_long() -> None:
    world = naked()
    world.now_ms += 1_500
    world.account(orders=[])
    (stop,) = stops_of(world)
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=stop.cloid, reason="timed out"))
    counts = []
    for _look in range(3):
        world.now_ms += 900
        world.account(orders=[])
        counts.append(len(stops_of(world)))
    assert counts == [1, 1, 2]


def test_what_an_entry_in_doubt_has_filled_is_covered_though_nobody_answers_what_became_of_the_rest() -> None:
    world = started()
    wish = world.enter()
    for order in wish.orders:
        world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=order.cloid, reason="the stream was lost"))
    world.fill(wish.orders[0].side, 1, 100, cloid=wish.orders[0].cloid)
    before = len(stops_of(world))
    world.run_until(world.now_ms + 5_000)
    assert [order.size for order in stops_of(world)[before : before + 1]] == [D(1)]


def test_a_position_beyond_its_stop_is_closed_since_no_stop_can_rest_there() -> None:
    world = naked()
    world.mark(96)
    world.now_ms += 1_500
    world.account(orders=[])
    assert stops_of(world) == []
    assert [reason for reason, _order in exits_of(world.decisions)] == [ExitReason.STOP]


def test_a_vanished_stop_is_placed_again_within_five_seconds() -> None:
    world = started()
    world.hold()
    stop = world.coin().live(Role.STOP)[0].request
    world.decisions.clear()
    world.tell(OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=0, cloid=stop.cloid, status="canceled"))
    gone_ms = world.now_ms
    world.run_until(world.now_ms + 1_000)
    assert world.wished(FetchAccount)
    world.account()
    (again,) = stops_of(world)
    assert world.now_ms - gone_ms < 5_000
    assert again.cloid != stop.cloid
    assert again.size == stop.size


def test_every_stop_has_a_cloid_of_its_own_also_after_a_restart() -> None:
    world = naked()
    cloids = []
    for _round in range(4):
        world.now_ms += 3_500
        world.account(orders=[])
        stop = stops_of(world)[-1]
        cloids.append(stop.cloid)
        world.accept(stop)
        world.now_ms += 3_000
        world.account()
        world.tell(OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=0, cloid=stop.cloid, status="canceled"))
    record = world.wished(Remember)[-1].record
    again = started("BTC", account=account_with(world), remembered=[record])
    again.now_ms += 3_500
    again.account(orders=[])
    cloids.append(stops_of(again)[-1].cloid)
    assert len(set(cloids)) == 5


def account_with(world: World) -> Account:
    """The account that a restart would find: the position, and no orders."""
    return Account(
        equity=D(10_000), free=D(10_000), positions=(world.coin().position,), orders=(), time_ms=world.now_ms
    )


@pytest.mark.parametrize("direction", [1, -1])
def test_a_stop_of_an_earlier_position_on_the_other_side_neither_counts_nor_retires_the_one_that_does(
    direction: int,
) -> None:
    world = started()
    position = world.hold(direction)
    stale = resting_stop(-direction, abs(position.size) * 2, D(100) + 4 * direction, cloid=f"0x{TAG}{'0' * 24}")
    world.decisions.clear()
    world.now_ms += 3_000
    world.account(orders=[stale])
    (new,) = stops_of(world)
    assert new.side is Side.opening(-direction)
    assert new.size == abs(position.size)
    world.accept(new)
    world.now_ms += 3_000
    world.account(orders=[*world.open_orders(), stale])
    assert world.coin().covered_ms
    assert new.cloid not in {cloid for wish in world.wished(CancelOrders) for cloid in wish.cloids}
    assert len(stops_of(world)) == 1


def test_a_stop_that_the_stream_showed_open_is_no_reason_to_panic_while_the_account_cannot_be_read() -> None:
    world = started()
    wish = world.enter()
    for request in wish.orders:
        world.accept(request)
    stop = wish.orders[1]
    world.tell(OrderOpened(at_ms=world.now_ms, order=open_order(stop, oid=4, time_ms=world.now_ms)))
    world.fill(wish.orders[0].side, stop.size, 100, cloid=wish.orders[0].cloid)
    world.run_until(world.now_ms + 60_000)
    assert exits_of(world.decisions) == []
    world.now_ms += 5_000
    world.account(orders=[])
    assert world.placed(Role.STOP)[1:], "once the account shows that it is gone, it is placed again"


# trailing


def trailing(direction: int = 1) -> World:
    """A covered position with a trailing stop two behind."""
    world = started()
    world.hold(direction, trail_by=D(2))
    world.decisions.clear()
    return world


@LAWS
@given(directions, st.lists(st.integers(-15, 55), min_size=1, max_size=25))
def test_the_resting_stop_follows_by_steps_and_the_old_one_goes_after_the_new_one_rests(
    direction: int, gains: list[int]
) -> None:
    world = trailing(direction)
    level = D(100 - 3 * direction)
    for tenths in gains:
        price = 100 + direction * D(tenths) / 10
        world.mark(price)
        world.trade(price)
        if world.coin().phase is not Phase.HOLDING:
            break
        rest = world.coin().live(Role.STOP)
        assert any(order.state in (OrderState.RESTING, OrderState.WAITING) for order in rest), "never without a stop"
        for order in rest:
            if order.state is not OrderState.SENT:
                continue
            assert (trigger_of(order.request) - level) * direction > 0, "only ever nearer"
            level = trigger_of(order.request)
            world.accept(order.request)
            swept = world.wished(CancelOrders)[-1].cloids
            assert order.request.cloid not in swept
            for cloid in swept:
                world.tell(OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=0, cloid=cloid, status="canceled"))
        (left,) = world.coin().live(Role.STOP)
        assert trigger_of(left.request) == level
    assert len(exits_of(world.decisions)) <= 1


def test_a_new_stop_that_the_stream_shows_first_retires_the_old_one_too() -> None:
    world = trailing()
    world.mark(104)
    world.trade(104)
    (new,) = stops_of(world)
    shown = open_order(new, oid=31, time_ms=world.now_ms)
    world.tell(OrderOpened(at_ms=world.now_ms, order=shown))
    assert new.cloid not in world.wished(CancelOrders)[0].cloids
    world.tell(OrderAccepted(at_ms=world.now_ms, cloid=new.cloid, oid=31))
    assert len(world.wished(CancelOrders)) == 1


def test_small_moves_do_not_move_the_resting_stop() -> None:
    world = trailing()
    world.mark("99.1")
    world.trade("99.1")
    bracket = world.coin().bracket
    assert bracket is not None
    assert bracket.stop == D("97.1")
    assert stops_of(world) == []


def test_a_refused_trailing_stop_leaves_the_old_one_in_place() -> None:
    world = trailing()
    world.mark(104)
    world.trade(104)
    (new,) = stops_of(world)
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=new.cloid, reason="Invalid TP/SL price. asset=0"))
    assert world.wished(CancelOrders) == []
    world.account()
    assert world.coin().covered_ms


@pytest.mark.parametrize("kind", ["mark", "mid"])
def test_the_resting_stop_follows_whichever_price_moves_the_trailing_one(kind: str) -> None:
    world = started(stop_price_source=StopPriceSource.BOTH)
    world.hold(trail_by=D(2))
    world.decisions.clear()
    getattr(world, kind)(104)
    if kind == "mid":
        world.mark(104)
    assert [trigger_of(stop) for stop in stops_of(world)] == [102]


def test_a_stop_that_rests_since_a_moment_is_not_doubled_because_a_view_lags() -> None:
    world = naked()
    world.now_ms += 1_500
    world.account(orders=[])
    (stop,) = stops_of(world)
    world.accept(stop)
    world.now_ms += 900
    world.account(orders=[])
    assert len(stops_of(world)) == 1
    world.now_ms += 3_000
    world.account(orders=[])
    assert len(stops_of(world)) == 2


def test_a_stop_that_is_refused_because_its_price_has_passed_closes_the_position_at_once() -> None:
    world = naked()
    world.now_ms += 1_500
    world.account(orders=[])
    (stop,) = stops_of(world)
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=stop.cloid, reason="Invalid TP/SL price. asset=0"))
    assert [reason for reason, _order in exits_of(world.decisions)] == [ExitReason.STOP]
