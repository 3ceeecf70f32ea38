"""Getting out: one crossing, one exit, by the prices that STOP_PRICE_SOURCE names, the same for long and short."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.worlds import T0, D, World, exits_of, started
from tidegate.core import exits
from tidegate.core.state import OrderState, Phase
from tidegate.model.brackets import Bracket, ExitReason
from tidegate.model.events import OrderCanceled, OrderInDoubt, OrderRejected, OrderSeen, Trade
from tidegate.model.intents import FetchAccount, FetchOrder, PlaceOrders, Remember, ResendOrders, Urgency
from tidegate.model.orders import Limit, Role, TimeInForce
from tidegate.model.settings import StopPriceSource

TRADE, MARK, BOTH = StopPriceSource.TRADE, StopPriceSource.MARK, StopPriceSource.BOTH
LAWS = settings(max_examples=200, deadline=None)

# One price that is heard: which kind, the price as a distance from 100 in our favour, how far the extremes or the
# other side of the book are from it.
heard = st.tuples(
    st.sampled_from(["trade", "book", "mark", "mid"]),
    st.integers(-60, 80).map(lambda tenths: D(tenths) / 10),
    st.integers(0, 20).map(lambda tenths: D(tenths) / 10),
)
directions = st.sampled_from([1, -1])


def holding(direction: int = 1, *, trail_by: Decimal | None = None, source: StopPriceSource = TRADE) -> World:
    """A covered position from 100 with its stop three behind and its take-profit six ahead."""
    world = started(stop_price_source=source)
    world.hold(direction)
    bracket = Bracket(
        direction=direction, stop=D(100 - 3 * direction), take_profit=D(100 + 6 * direction), trail_by=trail_by
    )
    world.state.change("BTC", bracket=bracket)
    world.decisions.clear()
    return world


def hear(world: World, direction: int, kind: str, gain: Decimal, spread: Decimal) -> None:
    """Tell one price, seen from a position in `direction`."""
    price, other = 100 + direction * gain, 100 + direction * (gain - spread)
    if kind == "trade":
        world.trade(price, low=min(price, other), high=max(price, other))
    elif kind == "book":
        world.book(min(price, other), max(price, other))
    elif kind == "mark":
        world.mark(price)
    else:
        world.mid(price)


def expected(source: StopPriceSource, kind: str, gain: Decimal, spread: Decimal) -> ExitReason | None:
    """What one price must fire, by the rules as the configuration's page words them."""
    if (kind == "mark" and source is TRADE) or (kind != "mark" and source is MARK):
        return None
    worst = gain - spread if kind == "trade" else gain
    best = gain - spread if kind == "book" else gain
    if worst <= -3:
        return ExitReason.STOP
    return ExitReason.TAKE_PROFIT if best >= 6 else None


@LAWS
@given(st.lists(heard, max_size=30), directions, st.sampled_from(StopPriceSource))
def test_the_first_crossing_fires_exactly_one_exit_and_nothing_else_does(
    prices: list[tuple[str, Decimal, Decimal]], direction: int, source: StopPriceSource
) -> None:
    world = holding(direction, source=source)
    first = None
    for kind, gain, spread in prices:
        hear(world, direction, kind, gain, spread)
        first = first or expected(source, kind, gain, spread)
        assert [reason for reason, _order in exits_of(world.decisions)] == ([first] if first else [])
    assert world.coin().phase is (Phase.EXITING if first else Phase.HOLDING)


@LAWS
@given(st.lists(heard, max_size=30), st.sampled_from(StopPriceSource), st.booleans())
def test_long_and_short_are_mirror_images(
    prices: list[tuple[str, Decimal, Decimal]], source: StopPriceSource, trailing: bool
) -> None:
    worlds = {each: holding(each, source=source, trail_by=D(1) if trailing else None) for each in (1, -1)}
    for kind, gain, spread in prices:
        for direction, world in worlds.items():
            hear(world, direction, kind, gain, spread)
        long, short = (exits_of(world.decisions) for world in worlds.values())
        assert [reason for reason, _order in long] == [reason for reason, _order in short]
        up, down = worlds[1].coin().bracket, worlds[-1].coin().bracket
        assert up is not None
        assert down is not None
        assert up.stop is not None
        assert down.stop is not None
        assert up.stop - 100 == 100 - down.stop


@LAWS
@given(st.lists(heard, max_size=30), directions, st.sampled_from(StopPriceSource))
def test_a_trailing_stop_never_retreats_whatever_is_heard(
    prices: list[tuple[str, Decimal, Decimal]], direction: int, source: StopPriceSource
) -> None:
    world = holding(direction, trail_by=D(1), source=source)
    level = D(100 - 3 * direction)
    for kind, gain, spread in prices:
        hear(world, direction, kind, gain, spread)
        bracket = world.coin().bracket
        assert bracket is not None
        assert bracket.stop is not None
        assert (bracket.stop - level) * direction >= 0
        level = bracket.stop
    assert len(exits_of(world.decisions)) <= 1


@LAWS
@given(st.lists(heard, max_size=15), directions, st.sampled_from(StopPriceSource), st.integers(0, 5_000))
def test_prices_that_are_not_newer_than_the_position_never_fire(
    prices: list[tuple[str, Decimal, Decimal]], direction: int, source: StopPriceSource, older_ms: int
) -> None:
    world = holding(direction, source=source)
    old_ms = world.coin().position.opened_ms - older_ms
    for _kind, gain, spread in prices:
        price, other = 100 + direction * gain, 100 + direction * (gain - spread)
        low, high = min(price, other), max(price, other)
        world.trade(price, low=low, high=high, time_ms=old_ms)
        world.book(low, high, time_ms=old_ms)
        world.mark(price, time_ms=old_ms)
    assert exits_of(world.decisions) == []


@LAWS
@given(directions, st.integers(1, 10_000), st.sampled_from(["90", "97"]))
def test_a_late_print_fires_a_level_that_stands_but_moves_nothing(direction: int, late_ms: int, price: str) -> None:
    world = holding(direction)
    world.now_ms += 20_000
    world.trade(100)
    before = world.coin()
    against = D(price) if direction > 0 else 200 - D(price)
    world.trade(against, time_ms=before.last_ms - late_ms)
    assert [reason for reason, _order in exits_of(world.decisions)] == [ExitReason.STOP]
    assert world.coin().last == before.last


def test_a_late_print_does_not_fire_a_stop_that_was_trailed_after_it() -> None:
    world = holding(1, trail_by=D(1))
    world.trade(100)
    printed_ms = world.now_ms
    world.trade(104)
    world.trade("102.5", time_ms=printed_ms)
    assert exits_of(world.decisions) == []
    world.trade("102.9")
    assert [reason for reason, _order in exits_of(world.decisions)] == [ExitReason.TRAIL]


@pytest.mark.parametrize(
    ("direction", "bid", "ask", "fires"),
    [
        (1, 90, 99, None),
        (1, 96, 97, ExitReason.STOP),
        (1, None, 97, ExitReason.STOP),
        (1, 90, None, None),
        (1, 105, 107, None),
        (1, 106, 107, ExitReason.TAKE_PROFIT),
        (-1, 101, 110, None),
        (-1, 103, 104, ExitReason.STOP),
        (-1, None, 110, None),
        (-1, 93, 94, ExitReason.TAKE_PROFIT),
        (-1, 93, 95, None),
    ],
)
def test_a_spread_that_merely_widens_fires_nothing(
    direction: int, bid: int | None, ask: int | None, fires: ExitReason | None
) -> None:
    world = holding(direction)
    world.book(bid, ask)
    assert [reason for reason, _order in exits_of(world.decisions)] == ([fires] if fires else [])


def test_the_low_of_conflated_prints_fires_although_the_last_price_recovered() -> None:
    world = holding(1)
    world.trade(100, low="96.5", high=101)
    assert [reason for reason, _order in exits_of(world.decisions)] == [ExitReason.STOP]


@pytest.mark.parametrize(("older", "fires"), [(True, []), (False, [ExitReason.STOP])])
def test_extremes_from_before_the_position_do_not_count(older: bool, fires: list[ExitReason]) -> None:
    world = holding(1)
    opened_ms = world.coin().position.opened_ms
    world.now_ms += 1
    prints = Trade(
        at_ms=world.now_ms,
        coin="BTC",
        price=D(100),
        low=D(90),
        high=D(120),
        time_ms=world.now_ms,
        since_ms=opened_ms if older else opened_ms + 1,
        count=7,
    )
    world.tell(prints)
    assert [reason for reason, _order in exits_of(world.decisions)] == fires


def test_a_mark_below_the_level_does_not_close_a_trailing_position_that_prints_guard() -> None:
    world = holding(1, trail_by=D(1))
    world.mark(99)
    world.trade(104)
    assert world.coin().bracket == Bracket(direction=1, stop=D(103), take_profit=D(106), trail_by=D(1), trailed=True)
    assert exits_of(world.decisions) == []
    assert world.placed(Role.STOP) == []


# the exit itself


@pytest.mark.parametrize("direction", [1, -1])
def test_an_exit_is_one_reduce_only_ioc_for_all_of_it_and_the_most_urgent_of_wishes(direction: int) -> None:
    world = holding(direction)
    decision = world.trade(100 - 3 * direction)
    wish = next(each for each in decision.intents if isinstance(each, PlaceOrders))
    (order,) = wish.orders
    assert wish.urgency is Urgency.EXIT
    assert wish.exit_reason is ExitReason.STOP
    assert order.reduce_only
    assert order.size == abs(world.coin().position.size)
    assert order.side.sign == -direction
    assert isinstance(order.kind, Limit)
    assert order.kind.time_in_force is TimeInForce.IOC


def test_the_try_is_remembered_before_it_leaves() -> None:
    world = holding()
    remember, wish = world.trade(97).intents
    assert isinstance(remember, Remember)
    assert isinstance(wish, PlaceOrders)
    assert remember.record.exit_attempts == 1


@pytest.mark.parametrize(("slippage_pct", "limit"), [("1", "96.03"), ("2", "95.06"), ("0.1", "96.03")])
def test_the_first_try_may_slip_by_the_collar_or_by_the_setting_if_that_is_more(slippage_pct: str, limit: str) -> None:
    world = started(max_slippage_pct=D(slippage_pct))
    world.hold()
    world.decisions.clear()
    world.book(97, 97)
    ((_reason, order),) = exits_of(world.decisions)
    assert order.price == D(limit)


@pytest.mark.parametrize(("direction", "limits"), [(1, ["96.03", "94.09"]), (-1, ["104.03", "106.09"])])
def test_a_retry_asks_for_no_better_price_although_the_book_lags_behind(direction: int, limits: list[str]) -> None:
    world = holding(direction)
    world.trade(100 - 3 * direction)
    refused(world)
    world.tick(250)
    assert [order.price for _reason, order in exits_of(world.decisions)] == [D(limit) for limit in limits]


def refused(world: World, reason: str = "Order could not immediately match against any resting orders.") -> None:
    """The exchange refuses the newest exit."""
    _reason, order = exits_of(world.decisions)[-1]
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason=reason))


def test_refused_exits_are_tried_again_with_wider_collars_and_growing_pauses() -> None:
    world = holding()
    world.trade(97)
    pauses = []
    for _number in range(6):
        refused(world)
        exit_ = world.coin().exit
        assert exit_ is not None
        assert exit_.retry_due_ms is not None
        pauses.append(exit_.retry_due_ms - world.now_ms)
        world.now_ms = exit_.retry_due_ms
        world.tick()
    orders = [order for _reason, order in exits_of(world.decisions)]
    assert pauses == [250, 1_000, 2_000, 5_000, 10_000, 10_000]
    assert len(orders) == len({order.cloid for order in orders}) == 7
    assert [order.price for order in orders[:4]] == [D("96.03"), D("94.09"), D("89.24"), D("89.24")]


def test_a_halted_market_costs_few_requests() -> None:
    world = holding()
    world.trade(97)
    end_ms = world.now_ms + 600_000
    while world.now_ms < end_ms:
        refused(world, "Trading is halted.")
        exit_ = world.coin().exit
        assert exit_ is not None
        assert exit_.retry_due_ms is not None
        world.run_until(exit_.retry_due_ms)
    reads = world.wished(FetchAccount)
    assert len(exits_of(world.decisions)) < 70
    assert len(reads) < 400


def test_a_partial_exit_is_followed_by_one_for_the_rest() -> None:
    world = holding()
    size = world.coin().position.size
    world.trade(97)
    _reason, order = exits_of(world.decisions)[0]
    world.accept(order, filled=D(10))
    world.fill(order.side, 10, 97, cloid=order.cloid)
    world.tick(250)
    assert [order.size for _reason, order in exits_of(world.decisions)] == [size, size - 10]


def test_a_cancelled_exit_is_tried_again_soon() -> None:
    world = holding()
    world.trade(97)
    _reason, order = exits_of(world.decisions)[0]
    world.tell(OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=5, cloid=order.cloid, status="selfTradeCanceled"))
    world.tick(250)
    assert len(exits_of(world.decisions)) == 2


def test_an_exit_without_an_answer_is_asked_about_and_tried_again_after_ten_seconds() -> None:
    world = holding()
    world.trade(97)
    world.run_until(world.now_ms + 9_999)
    assert len(exits_of(world.decisions)) == 1
    world.run_until(world.now_ms + 2)
    assert len(exits_of(world.decisions)) == 2
    first = exits_of(world.decisions)[0][1].cloid
    assert world.coin().orders[first].state is OrderState.DOUBT
    assert {wish.cloid for wish in world.wished(FetchOrder)} == {first}


def test_a_lost_exit_is_asked_about_within_two_seconds_and_leaves_again_as_the_same_bytes() -> None:
    world = holding()
    world.trade(97)
    (exit_,) = (order for _reason, order in exits_of(world.decisions))
    world.run_until(world.now_ms + 2_000)
    assert [wish.cloid for wish in world.wished(FetchOrder)] == [exit_.cloid]
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=exit_.cloid, status=None))
    assert [wish.cloid for wish in world.wished(ResendOrders)] == [exit_.cloid]
    world.run_until(world.now_ms + 7_000)
    assert len(exits_of(world.decisions)) == 1, "nothing is signed anew while it is in doubt"
    world.close(exit_, 97)
    assert world.coin().phase is Phase.READY


def test_an_exit_whose_answer_is_merely_slow_is_found_by_its_name_and_not_sent_again() -> None:
    world = holding()
    world.trade(97)
    (exit_,) = (order for _reason, order in exits_of(world.decisions))
    world.run_until(world.now_ms + 2_000)
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=exit_.cloid, status="filled", oid=7))
    world.fill(exit_.side, exit_.size, 97, cloid=exit_.cloid)
    world.accept(exit_)
    assert world.wished(ResendOrders) == []
    assert len(exits_of(world.decisions)) == 1
    assert world.coin().phase is Phase.READY


def test_an_exit_refused_after_it_was_sent_again_is_asked_about_at_once() -> None:
    world = holding()
    world.trade(97)
    (exit_,) = (order for _reason, order in exits_of(world.decisions))
    world.run_until(world.now_ms + 4_000)
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=exit_.cloid, status=None))
    world.decisions.clear()
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=exit_.cloid, reason="could not immediately match"))
    world.run_until(world.now_ms + 300)
    assert [wish.cloid for wish in world.wished(FetchOrder)] == [exit_.cloid]
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=exit_.cloid, status="iocCancelRejected"))
    world.run_until(world.now_ms + 300)
    assert len(exits_of(world.decisions)) == 1, "and tried anew as soon as it is known to be over"


def test_a_late_answer_to_an_older_try_does_not_hurry_the_newer_one() -> None:
    world = holding()
    world.trade(97)
    world.run_until(world.now_ms + 10_001)
    first, second = (order for _reason, order in exits_of(world.decisions))
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=first.cloid, status="iocCancelRejected"))
    world.run_until(world.now_ms + 5_000)
    assert [order.cloid for _reason, order in exits_of(world.decisions)] == [first.cloid, second.cloid]
    assert set(world.coin().orders) >= {second.cloid}


def test_exits_of_a_dead_exchange_stay_few_and_so_do_the_questions() -> None:
    world = holding()
    world.trade(97)
    world.run_until(world.now_ms + 3_600_000)
    assert len(exits_of(world.decisions)) < 130
    asked_before = len(world.wished(FetchOrder))
    world.run_until(world.now_ms + 60_000)
    assert len(world.wished(FetchOrder)) - asked_before < 150


def test_nothing_to_close_any_more_is_looked_at_before_it_is_tried_again() -> None:
    world = holding()
    world.trade(97)
    world.decisions.clear()
    refused_reason = "Reduce only order would increase position. asset=0"
    order = next(iter(world.coin().live(Role.EXIT))).request
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason=refused_reason))
    assert world.wished(FetchAccount)
    world.tick(1_000)
    assert exits_of(world.decisions) == []


def test_when_the_resting_stop_was_faster_the_exit_in_flight_ends_quietly() -> None:
    world = holding()
    world.trade(97)
    _reason, exit_order = exits_of(world.decisions)[0]
    world.sent(next(iter(world.wished(PlaceOrders))))
    stop = world.coin().live(Role.STOP)[0].request
    world.fill(stop.side, stop.size, 97, cloid=stop.cloid)
    assert world.coin().phase is Phase.READY
    assert exit_order.cloid in world.coin().orders, "no entry before it is known to be over"
    refused(world, "Reduce only order would increase position. asset=0")
    assert exit_order.cloid not in world.coin().orders
    world.run_until(world.now_ms + 20_000)
    assert len(exits_of(world.decisions)) == 1


def test_a_new_position_never_reuses_the_exit_of_an_old_one() -> None:
    world = started()
    cloids = []
    for _round in range(3):
        world.now_ms += 300_000
        world.trade(100)
        world.book(100, 100)
        world.mark(100)
        world.hold()
        world.trade(97)
        _reason, order = exits_of(world.decisions)[-1]
        cloids.append(order.cloid)
        world.close(order, 97)
        world.now_ms += 5_000
        world.account(orders=[])
        assert world.coin().orders == {}
    assert len(set(cloids)) == 3


def test_pauses_end_with_the_last_one() -> None:
    assert [exits.pause_ms((1, 2, 3), number) for number in (0, 1, 2, 3, 4, 100)] == [1, 1, 2, 3, 3, 3]


def test_a_position_opened_at_the_very_time_of_a_print_is_not_closed_by_it() -> None:
    world = holding()
    world.trade(90, time_ms=world.coin().position.opened_ms)
    assert exits_of(world.decisions) == []
    assert world.coin().position.opened_ms > T0


def test_an_exit_in_doubt_holds_up_the_next_entry_but_not_the_next_exit() -> None:
    world = holding()
    world.trade(97)
    first = exits_of(world.decisions)[0][1]
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=first.cloid, reason="timed out"))
    world.run_until(world.now_ms + 10_001)
    second = exits_of(world.decisions)[1][1]
    world.close(second, 96)
    assert world.coin().phase is Phase.READY
    assert first.cloid in world.coin().orders
    closed = world.coin()
    assert replace(closed, orders={}) != closed


def test_a_print_beyond_the_stop_is_told_once_where_only_the_mark_counts_and_fires_nothing() -> None:
    world = holding(source=MARK)
    told = [note.text for _print in range(3) for note in world.trade(95).notes]
    assert len(told) == 1
    assert "a print of 95 is beyond the stop 97" in told[0]
    assert not world.wished(PlaceOrders)


def test_an_exit_fired_by_an_absurd_print_is_priced_by_the_book() -> None:
    world = holding()
    world.book(100, 101)
    world.mark(100)
    world.trade("1.5")
    [(_reason, order)] = exits_of(world.decisions)
    assert order.price > 90
