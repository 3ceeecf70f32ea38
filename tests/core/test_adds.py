"""Adding to a position: exactly what was asked for or nothing, within every limit, and one stop for all of it."""

from decimal import Decimal
from typing import Any

import pytest

from tests.core.worlds import D, World, exits_of, started
from tidegate.core.state import Phase
from tidegate.model.brackets import ExitReason
from tidegate.model.events import Account, OrderCanceled, OrderInDoubt, OrderRejected, OrderSeen
from tidegate.model.intents import PlaceOrders, ResendOrders
from tidegate.model.orders import Limit, Role, TimeInForce
from tidegate.model.positions import Fill, Position, Side
from tidegate.model.signals import Want

MINUTES_5 = 300_000
FIRST = D("0.2")
"""The fraction of the usual risk that the first entry takes, so that there is room."""


def holding(**settings: Any) -> World:
    """A small covered long from 100 that may be added to."""
    world = started(**{"adds_max": 2, "max_allocation_usd": D(4_000)} | settings)
    world.hold(size_fraction=FIRST)
    return world


def add(world: World, fraction: str = "0.1") -> PlaceOrders | str:
    """The strategy wants more at the next bar: the wish, or what was said instead."""
    world.now_ms += MINUTES_5
    world.mark(100)
    world.trade(100)
    before = len(world.wished(PlaceOrders))
    decision = world.signal(Want.ADD, size_fraction=D(fraction))
    placed = world.wished(PlaceOrders)[before:]
    return placed[0] if placed else " ".join(note.text for note in decision.notes)


def land(world: World, wish: PlaceOrders, *, size: Decimal | None = None) -> None:
    """The exchange carries an add out, or a part of it; what rests is shown."""
    entry = wish.orders[0]
    filled = entry.size if size is None else size
    world.accept(entry, filled=filled)
    if filled:
        world.fill(entry.side, filled, 100, cloid=entry.cloid)
    for order in wish.orders[1:]:
        if order.cloid in world.coin().orders:
            world.accept(order)


def settled(world: World) -> None:
    """Time for what is replaced to be replaced: stops that are placed rest, what is cancelled is gone."""
    for _ in range(4):
        world.run_until(world.now_ms + 1_000)
        for order in tuple(world.coin().orders.values()):
            if order.state.value == "sent":
                world.accept(order.request)
        for order in tuple(world.coin().orders.values()):
            if order.state.value == "waiting":
                gone = OrderCanceled(
                    at_ms=world.now_ms, coin="BTC", oid=1, cloid=order.request.cloid, status="canceled"
                )
                world.tell(gone)
        world.account()


def test_an_add_buys_exactly_the_allocation_times_the_size_fraction() -> None:
    world = holding()
    wish = add(world, "0.25")
    assert isinstance(wish, PlaceOrders)
    entry, stop, profit = wish.orders
    assert entry.size * 100 == 4_000 * D("0.25")
    assert isinstance(entry.kind, Limit)
    assert entry.kind.time_in_force is TimeInForce.IOC
    assert not entry.reduce_only
    bracket = world.coin().bracket
    assert bracket is not None
    assert (stop.size, stop.kind.trigger_price) == (entry.size, bracket.stop)
    assert (profit.size, profit.kind.trigger_price) == (entry.size, bracket.take_profit)
    assert stop.reduce_only
    assert profit.reduce_only


def test_without_an_allocation_of_its_own_it_is_the_largest_position_that_is_the_whole() -> None:
    world = holding(max_allocation_usd=D(0), max_position_usd=D(3_000))
    wish = add(world, "0.1")
    assert isinstance(wish, PlaceOrders)
    assert wish.orders[0].size * 100 == 300


def test_it_is_off_unless_asked_for() -> None:
    assert "ADDS_MAX=0" in str(add(holding(adds_max=0)))


def test_nothing_is_added_to_nothing() -> None:
    world = started(adds_max=2)
    assert "no position is held" in str(add(world))
    assert world.coin().phase is Phase.READY


def test_a_position_is_added_to_so_often_and_once_a_bar() -> None:
    world = holding()
    for _ in range(2):
        wish = add(world, "0.05")
        assert isinstance(wish, PlaceOrders)
        land(world, wish)
        settled(world)
    assert "ADDS_MAX=2" in str(add(world, "0.05"))
    once = holding()
    first = add(once, "0.05")
    assert isinstance(first, PlaceOrders)
    land(once, first)
    settled(once)
    again = once.signal(Want.ADD, size_fraction=D("0.05"), candle_open_ms=once.coin().acted_open_ms)
    assert "acted on before" in again.notes[0].text


@pytest.mark.parametrize(
    ("settings", "fraction", "named"),
    [
        ({"max_position_usd": D(1_000)}, "0.2", "MAX_POSITION_USD"),
        ({"max_exposure_usd": D(900)}, "0.1", "MAX_EXPOSURE_USD"),
        ({"max_allocation_usd": D(1_000)}, "0.9", "MAX_ALLOCATION_USD"),
        ({"risk_per_trade_pct": D("0.5")}, "0.5", "RISK_PER_TRADE_PCT"),
    ],
)
def test_every_limit_holds_for_the_sum_and_what_does_not_fit_is_refused_whole(
    settings: dict[str, Any], fraction: str, named: str
) -> None:
    world = holding(**settings)
    held = world.coin().position.size
    assert named in str(add(world, fraction))
    assert world.coin().position.size == held
    assert world.coin().phase is Phase.HOLDING
    assert world.coin().adds == 0


def test_the_stop_covers_the_whole_new_size_with_one_order() -> None:
    world = holding()
    held = world.coin().position.size
    wish = add(world)
    assert isinstance(wish, PlaceOrders)
    land(world, wish)
    settled(world)
    coin = world.coin()
    assert coin.position.size == held + wish.orders[0].size
    assert coin.covered_ms
    assert sum(order.request.size for order in coin.live(Role.STOP)) >= coin.position.size
    assert coin.phase is Phase.HOLDING
    assert coin.making is None


def test_a_part_of_an_add_is_covered_as_well() -> None:
    world = holding()
    held = world.coin().position.size
    wish = add(world, "0.2")
    assert isinstance(wish, PlaceOrders)
    part = wish.orders[0].size / 2
    land(world, wish, size=part)
    settled(world)
    coin = world.coin()
    assert coin.position.size == held + part
    assert coin.covered_ms
    assert sum(order.request.size for order in coin.live(Role.STOP)) >= coin.position.size


@pytest.mark.parametrize("how", ["refused", "nothing filled", "never arrived"])
def test_an_add_that_comes_to_nothing_leaves_everything_as_it_was(how: str) -> None:
    world = holding()
    held, stops = world.coin().position, world.coin().live(Role.STOP)
    wish = add(world)
    assert isinstance(wish, PlaceOrders)
    entry = wish.orders[0]
    if how == "refused":
        for order in wish.orders:
            world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason="Insufficient margin"))
    elif how == "nothing filled":
        land(world, wish, size=D(0))
    else:
        for order in wish.orders:
            world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=order.cloid, reason="502"))
        world.tell(OrderSeen(at_ms=world.now_ms, cloid=entry.cloid, status=None))
        assert world.wished(ResendOrders), "the same bytes again, nothing is signed anew"
        world.now_ms += 21_000
        for order in wish.orders:
            world.tell(OrderSeen(at_ms=world.now_ms, cloid=order.cloid, status=None))
    coin = world.coin()
    assert coin.position.size == held.size
    assert coin.live(Role.STOP) == stops
    assert coin.phase is Phase.HOLDING
    assert coin.making is None
    assert world.placed(Role.ENTRY)[-1] is entry


def test_the_stop_that_is_touched_closes_all_of_it_and_an_add_that_comes_too_late_is_closed_too() -> None:
    world = holding()
    wish = add(world)
    assert isinstance(wish, PlaceOrders)
    world.trade(97)
    ((reason, exit_),) = exits_of(world.decisions)
    world.close(exit_, 97)
    assert reason is ExitReason.STOP
    assert not world.coin().position.size
    land(world, wish)
    world.tick()
    late = exits_of(world.decisions)[-1]
    assert late[0] is ExitReason.FORCED
    assert late[1].cloid != exit_.cloid
    world.close(late[1], 97)
    assert not world.coin().position.size
    assert world.coin().phase is Phase.READY


def test_how_often_was_added_is_known_after_a_restart() -> None:
    world = holding(adds_max=1)
    wish = add(world)
    assert isinstance(wish, PlaceOrders)
    land(world, wish)
    settled(world)
    held = world.coin().position
    account = Account(
        equity=D(10_000),
        free=D(10_000),
        positions=(Position(coin="BTC", size=held.size, entry_price=held.entry_price),),
        orders=tuple(world.open_orders()),
        time_ms=world.now_ms + 5_000,
    )
    again = started(
        account=account,
        remembered=[world.coin().remembered()],
        now_ms=account.time_ms,
        adds_max=1,
        max_allocation_usd=D(4_000),
    )
    again.now_ms += 60_000
    again.account(positions=account.positions, orders=account.orders)
    assert "ADDS_MAX=1" in str(add(again))


def test_an_add_waits_for_nothing_while_orders_or_cover_are_in_question() -> None:
    world = holding()
    wish = add(world)
    assert isinstance(wish, PlaceOrders)
    world.now_ms += MINUTES_5
    world.mark(100)
    world.trade(100)
    said = world.signal(Want.ADD, size_fraction=D("0.1"))
    assert "settled" in " ".join(note.text for note in said.notes)
    assert len(world.placed(Role.ENTRY)) == 2


def fill_of(world: World, cloid: str | None, time_ms: int) -> Fill:
    """A buy that begins a position."""
    return Fill(
        coin="BTC", side=Side.BUY, price=D(100), size=D(5), time_ms=time_ms, tid=time_ms, oid=1, cloid=cloid
    )  # fmt: skip


@pytest.mark.parametrize("by_hand", [False, True])
def test_after_a_restart_an_add_that_came_too_late_is_closed_and_what_somebody_opened_since_is_not(
    by_hand: bool,
) -> None:
    world = holding()
    wish = add(world)
    assert isinstance(wish, PlaceOrders)
    world.trade(97)
    world.close(exits_of(world.decisions)[0][1], 97)
    late = fill_of(world, wish.orders[0].cloid, world.now_ms + 1_000)
    told = (late, fill_of(world, None, world.now_ms + 2_000)) if by_hand else (late,)
    account = Account(
        equity=D(10_000),
        free=D(10_000),
        positions=(Position(coin="BTC", size=D(5), entry_price=D(100)),),
        fills=told,
        time_ms=world.now_ms + 5_000,
    )
    again = started(account=account, remembered=[world.coin().remembered()], now_ms=account.time_ms, adds_max=2)
    again.run_until(again.now_ms + 2_000)
    assert [reason for reason, _order in exits_of(again.decisions)] == ([] if by_hand else [ExitReason.FORCED])
    assert again.coin().left_alone is by_hand
