"""An entry that rests: it follows the touch, is never alive twice, never more than wanted; what fills is covered."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.storms import Step, blow, storms
from tests.core.test_step import STORM
from tests.core.worlds import D, World, exits_of, make_ready, open_order, started, wishes
from tidegate.core.entering import TRIES_MAX
from tidegate.core.state import OrderState, Phase
from tidegate.model.brackets import ExitReason
from tidegate.model.events import (
    Account,
    OrderAccepted,
    OrderCanceled,
    OrderInDoubt,
    OrderOpened,
    OrderRejected,
    OrderSeen,
)
from tidegate.model.intents import CancelOrders, FetchAccount, FetchOrder, PlaceOrders, Quit, Remember
from tidegate.model.orders import Limit, OpenOrder, OrderRequest, Role, TimeInForce
from tidegate.model.positions import Position, Side
from tidegate.model.settings import EntryStyle, EntryTimeoutAction
from tidegate.model.signals import Want

POST_ONLY = "Post only order would have immediately matched, bbo was 100@100. asset=0"


def making(**settings: Any) -> World:
    """A ready coin with the book at 99.9 and 100.1."""
    world = started(entry=EntryStyle.MAKER, **settings)
    world.book("99.9", "100.1")
    return world


def rest(world: World, **fields: Any) -> OrderRequest:
    """The strategy wants in, and the entry rests at the touch."""
    wish = world.enter(**fields)
    accept(world, wish)
    return wish.orders[0]


def accept(world: World, wish: PlaceOrders) -> None:
    for number, order in enumerate(wish.orders):
        oid = 500 + number if number == 0 else None
        world.tell(OrderAccepted(at_ms=world.now_ms, cloid=order.cloid, oid=oid))


def canceled(world: World, order: OrderRequest, filled: Decimal | int | str | None = 0) -> None:
    """The exchange's stream tells that a resting entry is over; None: the answer to the cancel, which tells no size."""
    told = None if filled is None else D(filled)
    world.tell(
        OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=500, cloid=order.cloid, status="canceled", filled=told)
    )


def price_of(order: OrderRequest) -> Decimal:
    assert isinstance(order.kind, Limit)
    return order.kind.price


def tif_of(order: OrderRequest) -> TimeInForce:
    assert isinstance(order.kind, Limit)
    return order.kind.time_in_force


def said(world: World) -> str:
    return " ".join(note.text for decision in world.decisions for note in decision.notes)


def entries_of(world: World) -> list[OrderRequest]:
    return world.placed(Role.ENTRY)


def cancels_of(world: World) -> list[str]:
    return [cloid for wish in world.wished(CancelOrders) for cloid in wish.cloids]


# at the touch


@pytest.mark.parametrize(("direction", "price"), [(1, "99.9"), (-1, "100.1")])
def test_it_rests_post_only_at_the_touch_with_its_exits_in_the_same_action(direction: int, price: str) -> None:
    world = making()
    wish = world.enter(direction)
    entry = wish.orders[0]
    assert (price_of(entry), tif_of(entry)) == (D(price), TimeInForce.ALO)
    assert [order.role for order in wish.orders] == [Role.ENTRY, Role.STOP, Role.TAKE_PROFIT]
    assert {order.size for order in wish.orders} == {entry.size}


def test_a_cancel_that_is_refused_again_and_again_is_not_hammered() -> None:
    world = making()
    entry = rest(world)
    world.command("pause", "a break")
    end_ms, answered, told = world.now_ms + 20_000, 0, 0
    while world.now_ms < end_ms:
        world.run_until(world.now_ms + 100)
        for cloid in cancels_of(world)[answered:]:
            answered += 1
            world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=cloid, reason="the cancel was refused: unknown key"))
        for _question in world.wished(FetchOrder)[told:]:
            told += 1
            world.tell(OrderSeen(at_ms=world.now_ms, cloid=entry.cloid, status="open", oid=500))
    assert 5 <= answered <= 11


def test_without_an_order_book_the_signal_waits_for_one() -> None:
    world = started(entry=EntryStyle.MAKER)
    world.book(None, "100.1")
    world.signal(Want.LONG)
    assert "no order book was heard" in said(world)
    world.book("99.9", "100.1")
    assert price_of(world.entry()) == D("99.9")


def test_a_market_entry_is_made_as_before() -> None:
    world = started()
    assert tif_of(world.enter().orders[0]) is TimeInForce.IOC
    assert world.coin().making is None


# following the touch


def test_it_follows_a_touch_that_moved_away_only_once_the_cancel_is_confirmed() -> None:
    world = making()
    first = rest(world)
    world.now_ms += 5_000
    world.book("100.0", "100.2")
    assert cancels_of(world) == [first.cloid]
    world.tick(500)
    assert len(entries_of(world)) == 1, "the first one may still be alive"
    canceled(world, first)
    second = world.entry()
    assert (price_of(second), second.size) == (D("100.0"), first.size)
    assert second.cloid != first.cloid


def test_it_does_not_follow_more_often_than_every_few_seconds() -> None:
    world = making()
    rest(world)
    world.now_ms += 4_900
    world.book("100.0", "100.2")
    assert cancels_of(world) == []
    world.run_until(world.now_ms + 1_200)
    assert len(cancels_of(world)) == 1


def test_it_stays_where_it_is_when_the_touch_comes_to_it() -> None:
    world = making()
    rest(world)
    world.now_ms += 6_000
    world.book("99.8", "100.0")
    world.run_until(world.now_ms + 3_000)
    assert cancels_of(world) == []


def test_it_never_pays_more_than_the_slippage_allows() -> None:
    world = making(max_slippage_pct=D(1))
    first = rest(world)
    world.now_ms += 5_000
    world.book("105", "105.2")
    canceled(world, first)
    assert price_of(world.entry()) == D("100.89")


def test_the_tries_are_bounded_and_each_has_its_own_name() -> None:
    world = making(entry_timeout_s=D(3600))
    order = rest(world)
    for number in range(TRIES_MAX + 5):
        world.now_ms += 5_000
        bid = D("99.9") + D("0.01") * (number + 1)
        world.book(bid, bid + D("0.2"))
        if order.cloid in cancels_of(world):
            canceled(world, order)
            wish = world.wished(PlaceOrders)[-1]
            accept(world, wish)
            order = wish.orders[0]
    assert len(entries_of(world)) == TRIES_MAX
    cloids = [each.cloid for wish in world.wished(PlaceOrders) for each in wish.orders]
    assert len(cloids) == len(set(cloids))


def test_an_answer_that_it_would_have_matched_is_followed_by_another_try_a_little_later() -> None:
    world = making()
    wish = world.enter()
    for order in wish.orders:
        world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason=POST_ONLY))
    assert len(entries_of(world)) == 1
    assert world.coin().phase is Phase.ENTERING
    world.book("99.7", "99.9")
    world.run_until(world.now_ms + 6_000)
    assert len(entries_of(world)) == 2
    assert price_of(world.entry()) == D("99.7")


def test_any_other_refusal_ends_it() -> None:
    world = making()
    wish = world.enter()
    for order in wish.orders:
        world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason="Insufficient margin to place order."))
    assert world.coin().phase is Phase.READY
    assert world.coin().making is None
    assert world.coin().orders == {}


def test_an_entry_whose_stop_was_refused_does_not_go_on_resting() -> None:
    world = making()
    wish = world.enter()
    entry, stop = wish.orders[:2]
    world.tell(OrderAccepted(at_ms=world.now_ms, cloid=entry.cloid, oid=500))
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=stop.cloid, reason="Invalid TP/SL price. asset=0"))
    assert cancels_of(world) == [entry.cloid]
    canceled(world, entry)
    world.run_until(world.now_ms + 6_000)
    assert [order.role for order in world.wished(PlaceOrders)[-1].orders] == [Role.ENTRY, Role.STOP, Role.TAKE_PROFIT]


# how much is left


def test_what_filled_before_the_cancel_is_not_ordered_again_though_its_fill_comes_later() -> None:
    world = making()
    first = rest(world)
    world.now_ms += 5_000
    world.book("100.0", "100.2")
    canceled(world, first, 10)
    second = world.entry()
    assert second.size == first.size - 10
    world.fill(Side.BUY, 10, "99.9", cloid=first.cloid)
    assert abs(world.coin().position.size) + second.size == first.size


def test_an_answer_that_tells_no_size_is_asked_about_before_anything_else_is_sent() -> None:
    world = making()
    first = rest(world)
    world.now_ms += 5_000
    world.book("100.0", "100.2")
    canceled(world, first, None)
    assert len(entries_of(world)) == 1
    world.run_until(world.now_ms + 400)
    assert [wish.cloid for wish in world.wished(FetchOrder)] == [first.cloid]
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=first.cloid, status="canceled", filled=D(10)))
    assert world.entry().size == first.size - 10


def test_one_that_filled_while_it_was_taken_back_is_held_and_not_repeated() -> None:
    world = making()
    first = rest(world)
    world.now_ms += 5_000
    world.book("100.0", "100.2")
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=first.cloid, status="filled", filled=first.size))
    world.fill(Side.BUY, first.size, "99.9", cloid=first.cloid)
    world.account()
    assert len(entries_of(world)) == 1
    assert world.coin().phase is Phase.HOLDING
    assert world.coin().making is None
    assert world.coin().covered_ms


def test_a_rest_that_the_exchange_would_not_take_is_given_up() -> None:
    world = making()
    first = rest(world)
    world.now_ms += 5_000
    world.book("100.0", "100.2")
    canceled(world, first, first.size - D("0.05"))
    assert len(entries_of(world)) == 1
    assert "less than the exchange takes" in said(world)
    assert world.coin().making is None


# cover


def test_what_fills_partly_gets_a_stop_of_its_own_within_two_seconds() -> None:
    world = making()
    entry = rest(world)
    fill = world.fill(Side.BUY, 1, "99.9", cloid=entry.cloid)
    while not world.placed(Role.STOP)[1:]:
        world.tick(100)
        world.account()
        assert world.now_ms - fill.time_ms <= 2_000, "the stop that came with the entry waits for all of it"
    assert world.placed(Role.STOP)[-1].size == 1


def test_a_growing_position_gets_one_stop_for_all_of_it_and_the_smaller_one_goes_afterwards() -> None:
    world = making()
    entry = rest(world)
    world.fill(Side.BUY, 1, "99.9", cloid=entry.cloid)
    world.now_ms += 2_000
    world.account()
    small = world.placed(Role.STOP)[-1]
    world.accept(small)
    world.fill(Side.BUY, 2, "99.9", cloid=entry.cloid)
    world.now_ms += 2_000
    world.account()
    whole = world.placed(Role.STOP)[-1]
    assert whole.size == 3
    assert small.cloid not in cancels_of(world)
    world.accept(whole)
    assert cancels_of(world) == [small.cloid]


def test_a_stop_that_waits_for_the_entry_never_replaces_one_that_stands() -> None:
    world = making()
    entry = rest(world)
    world.fill(Side.BUY, 1, "99.9", cloid=entry.cloid)
    world.now_ms += 2_000
    world.account()
    world.accept(world.placed(Role.STOP)[-1])
    child = world.placed(Role.STOP)[0]
    shown = open_order(child, oid=501, time_ms=world.now_ms)
    world.tell(OrderOpened(at_ms=world.now_ms, order=shown))
    world.now_ms += 5_000
    world.book("100.0", "100.2")
    canceled(world, entry, 1)
    assert cancels_of(world) == [entry.cloid]
    assert child.cloid not in world.coin().orders, "it is over with its entry"


# the end


def test_after_the_timeout_the_rest_is_taken() -> None:
    world = making(entry_timeout_s=D(20))
    first = rest(world)
    world.run_until(world.now_ms + 21_000)
    assert cancels_of(world) == [first.cloid]
    canceled(world, first, 3)
    taker = world.entry()
    assert tif_of(taker) is TimeInForce.IOC
    assert taker.size == first.size - 3
    assert price_of(taker) <= D("100.899")
    assert [order.role for order in world.wished(PlaceOrders)[-1].orders] == [Role.ENTRY, Role.STOP, Role.TAKE_PROFIT]
    world.accept(taker)
    assert world.coin().making is None


def test_after_the_timeout_it_is_given_up_if_that_is_wished() -> None:
    world = making(entry_timeout_s=D(20), entry_timeout_action=EntryTimeoutAction.CANCEL)
    first = rest(world)
    world.run_until(world.now_ms + 21_000)
    canceled(world, first)
    assert len(entries_of(world)) == 1
    assert world.coin().phase is Phase.READY
    assert world.coin().orders == {}


def test_the_rest_is_taken_where_only_its_worst_price_lies_beyond_the_take_profit() -> None:
    world = making(entry_timeout_s=D(4), take_profit_pct=D("0.5"))
    first = rest(world)
    world.run_until(world.now_ms + 5_000)
    canceled(world, first)
    assert tif_of(world.entry()) is TimeInForce.IOC


def test_a_price_that_has_run_away_is_not_taken() -> None:
    world = making(entry_timeout_s=D(4), max_slippage_pct=D(1))
    first = rest(world)
    world.book("102.9", "103")
    world.run_until(world.now_ms + 5_000)
    canceled(world, first)
    assert len(entries_of(world)) == 1
    assert "has gone beyond" in said(world)


@pytest.mark.parametrize("why", ["stop", "pause", "down", "flat", "opposite"])
def test_it_is_taken_back_when_it_is_not_wanted_any_more(why: str) -> None:
    world = making()
    entry = rest(world)
    if why == "stop":
        world.stop()
    elif why == "pause":
        world.command("pause")
    elif why == "down":
        world.down()
    else:
        world.now_ms += 300_000
        world.state.change("BTC", making=world.coin().making)
        world.signal(Want.FLAT if why == "flat" else Want.SHORT)
    world.run_until(world.now_ms + 1_100)
    assert cancels_of(world)[:1] == [entry.cloid]
    canceled(world, entry)
    later = [each for each in entries_of(world)[1:] if each.side is Side.BUY]
    assert not later
    assert world.coin().making is None or world.coin().making.direction < 0


def test_the_bot_leaves_only_when_it_is_over() -> None:
    world = making()
    entry = rest(world)
    world.stop()
    world.run_until(world.now_ms + 1_500)
    assert not world.wished(Quit)
    canceled(world, entry)
    assert world.wished(Quit)


def test_an_exit_takes_back_what_is_left_of_the_entry() -> None:
    world = making(entry_timeout_s=D(600))
    entry = rest(world)
    world.fill(Side.BUY, 1, "99.9", cloid=entry.cloid)
    world.trade("90")
    assert [reason for reason, _order in exits_of(world.decisions)] == [ExitReason.STOP]
    world.run_until(world.now_ms + 1_100)
    assert entry.cloid in cancels_of(world)


# doubts and restarts


def test_an_entry_in_doubt_is_settled_before_anything_else() -> None:
    world = making(entry_timeout_s=D(20))
    wish = world.enter()
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=wish.orders[0].cloid, reason="timed out"))
    assert world.coin().phase is Phase.IN_DOUBT
    world.book("100.0", "100.2")
    world.run_until(world.now_ms + 9_000)
    assert len(entries_of(world)) == 1
    assert cancels_of(world) == []
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=wish.orders[0].cloid, status="open", oid=500))
    assert world.coin().phase is Phase.ENTERING
    world.run_until(world.now_ms + 1_000)
    assert cancels_of(world) == [wish.orders[0].cloid]


def test_a_cancel_that_nobody_answers_is_asked_about() -> None:
    world = making()
    first = rest(world)
    world.now_ms += 5_000
    world.book("100.0", "100.2")
    world.run_until(world.now_ms + 12_000)
    assert [wish.cloid for wish in world.wished(FetchOrder)][:1] == [first.cloid]
    assert len(entries_of(world)) == 1
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=first.cloid, status="open", oid=500))
    world.tick(1_000)
    assert cancels_of(world) == [first.cloid] * 2


def test_one_that_vanished_from_the_account_is_asked_about_and_not_forgotten() -> None:
    world = making(entry_timeout_s=D(600))
    first = rest(world)
    world.now_ms += 3_000
    world.account(orders=[])
    order = world.state.order(first.cloid)
    assert order is not None
    assert order.state is OrderState.DOUBT
    assert len(world.coin().orders) == 3, "its exits wait with it"


def test_after_a_restart_it_is_taken_back_and_nothing_is_entered_beside_it() -> None:
    before = making()
    entry = rest(before)
    records = {wish.record.coin: wish.record for wish in before.wished(Remember)}
    left = open_order(entry, oid=500, time_ms=before.now_ms)
    now_ms = before.now_ms + 60_000
    account = Account(equity=D(10_000), free=D(10_000), time_ms=now_ms, orders=(left,))
    world = started(
        entry=EntryStyle.MAKER, account=account, remembered=tuple(records.values()), now_ms=now_ms, ready=False
    )
    world.tick()
    assert cancels_of(world) == [entry.cloid]
    make_ready(world)
    world.now_ms += 300_000
    world.book("99.9", "100.1")
    world.mark(100)
    world.trade(100)
    world.signal(Want.LONG)
    assert entries_of(world) == []
    canceled(world, entry)
    assert len(entries_of(world)) == 1, "the new signal waited for the old entry to be over"


def test_after_a_restart_what_filled_meanwhile_is_covered_and_the_rest_taken_back() -> None:
    before = making()
    entry = rest(before)
    records = {wish.record.coin: wish.record for wish in before.wished(Remember)}
    child = next(order for order in before.wished(PlaceOrders)[-1].orders if order.role is Role.STOP)
    before.fill(Side.BUY, 2, "99.9", cloid=entry.cloid)
    now_ms = before.now_ms + 60_000
    account = Account(
        equity=D(10_000),
        free=D(10_000),
        time_ms=now_ms,
        positions=(before.coin().position,),
        orders=(
            _with_children(open_order(entry, oid=500, time_ms=before.now_ms), 501),
            open_order(child, oid=501, time_ms=before.now_ms),
        ),
    )
    world = started(account=account, remembered=tuple(records.values()), now_ms=now_ms, ready=False)
    assert [order.size for order in world.placed(Role.STOP)] == [2], "the child guards nothing yet"
    world.tick()
    assert cancels_of(world) == [entry.cloid]


def _with_children(order: OpenOrder, *oids: int) -> OpenOrder:
    return replace(order, children=oids)


def test_an_entry_that_nobody_waits_for_is_taken_back_also_while_a_position_is_held() -> None:
    world = started()
    world.hold()
    stray = open_order(world.entry(), oid=77, time_ms=world.now_ms - 60_000)
    world.account(orders=[*world.open_orders(), stray])
    assert cancels_of(world) == [stray.cloid]


# laws


@STORM
@given(storms(60), st.booleans())
def test_every_fact_is_handled_while_entries_rest(storm: list[Step], takes: bool) -> None:
    action = EntryTimeoutAction.TAKER if takes else EntryTimeoutAction.CANCEL
    world = started("BTC", "ETH", entry=EntryStyle.MAKER, entry_timeout_action=action)
    blow(world, storm)
    cloids = [order.cloid for wish in world.wished(PlaceOrders) for order in wish.orders]
    assert len(cloids) == len(set(cloids))


class Venue:
    """An exchange with one book side: entries rest, fill in parts, are cancelled; what it tells may be lost or late."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.left: dict[str, Decimal] = {}
        self.done: dict[str, Decimal] = {}
        self.status: dict[str, str] = {}
        self.orders: dict[str, OrderRequest] = {}
        self.taken_back: set[str] = set()
        self.late: list[tuple[str, Decimal]] = []
        self.most_alive = 0
        self._heard = 0

    def restarted(self) -> World:
        """The bot dies and starts again, with what it wrote down and what the exchange shows."""
        old, filled = self.world, sum(self.done.values(), D(0))
        records = {wish.record.coin: wish.record for wish in old.wished(Remember)}
        resting = [order for cloid, order in self.orders.items() if self.left[cloid]]
        now_ms = old.now_ms + 5_000
        shown = [open_order(order, oid=1, time_ms=old.now_ms) for order in resting]
        stops = [each for each in old.open_orders() if each.is_stop and not self._waits(each)] if filled else []
        held = Position(coin="BTC", size=filled, entry_price=D("99.9"))
        account = Account(
            equity=D(10_000),
            free=D(10_000),
            time_ms=now_ms,
            positions=(held,) if filled else (),
            orders=(*shown, *stops),
        )
        self.late.clear()
        self.world, self._heard = (
            started(
                account=account,
                remembered=tuple(records.values()),
                now_ms=now_ms,
                entry=EntryStyle.MAKER,
            ),
            0,
        )
        return self.world

    def _waits(self, order: OpenOrder) -> bool:
        coin = self.world.coin()
        ours = coin.orders.get(order.cloid or "")
        return ours is not None and coin.waits_for_entry(ours)

    def pass_time(self, ms: int, *, lost: bool, meets: bool) -> None:
        """Time passes; what is decided meanwhile is carried out within a fifth of a second."""
        end_ms = self.world.now_ms + ms
        while self.world.now_ms < end_ms:
            self.world.run_until(min(self.world.now_ms + 200, end_ms))
            self.hear(lost=lost, meets=meets)

    def hear(self, *, lost: bool, meets: bool) -> None:
        """Carry out what was decided since the last time; its answers may be lost."""
        decisions, self._heard = self.world.decisions[self._heard :], len(self.world.decisions)
        for wish in wishes(decisions, PlaceOrders | CancelOrders | FetchOrder | FetchAccount):  # type: ignore[type-var]
            if isinstance(wish, PlaceOrders) and wish.orders[0].role is Role.ENTRY:
                self._place(wish, lost=lost, meets=meets)
            elif isinstance(wish, PlaceOrders):
                for order in wish.orders:
                    self.world.accept(order)
            elif isinstance(wish, CancelOrders):
                self._cancel(wish, lost=lost)
            elif isinstance(wish, FetchOrder):
                self._answer(wish.cloid)
            else:
                self.tell_late()  # the account that is read shows what filled
                gone = {cloid for cloid, left in self.left.items() if not left}
                self.world.account(orders=[each for each in self.world.open_orders() if each.cloid not in gone])
        self.most_alive = max(self.most_alive, len([left for left in self.left.values() if left]))

    def _place(self, wish: PlaceOrders, *, lost: bool, meets: bool) -> None:
        world, entry = self.world, wish.orders[0]
        self.orders[entry.cloid], self.done[entry.cloid] = entry, D(0)
        if tif_of(entry) is TimeInForce.IOC:
            self.left[entry.cloid], self.status[entry.cloid] = entry.size, "filled"
            for order in wish.orders:
                world.accept(order)
            self.fill(entry.cloid, entry.size, late=False)
            return
        if meets:
            self.left[entry.cloid], self.status[entry.cloid] = D(0), "badAloPxRejected"
            for order in wish.orders:
                world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason=POST_ONLY))
            return
        self.left[entry.cloid], self.status[entry.cloid] = entry.size, "open"
        for order in wish.orders:
            event = OrderAccepted(at_ms=world.now_ms, cloid=order.cloid, oid=len(self.orders))
            doubt = OrderInDoubt(at_ms=world.now_ms, cloid=order.cloid, reason="timed out")
            world.tell(doubt if lost and order is entry else event)

    def _cancel(self, wish: CancelOrders, *, lost: bool) -> None:
        for cloid in wish.cloids:
            self.taken_back.add(cloid)
            gone = cloid in self.orders and not self.left[cloid]
            if cloid in self.orders and not gone:
                self.left[cloid], self.status[cloid] = D(0), "canceled"
            told = OrderInDoubt(at_ms=self.world.now_ms, cloid=cloid, reason="timed out")
            if not lost:
                told = OrderCanceled(  # type: ignore[assignment]
                    at_ms=self.world.now_ms, coin="BTC", oid=0, cloid=cloid, status="gone" if gone else "canceled"
                )
            self.world.tell(told)

    def _answer(self, cloid: str) -> None:
        if cloid not in self.orders:
            status = "canceled" if cloid in self.taken_back else "open"
            self.world.tell(OrderSeen(at_ms=self.world.now_ms, cloid=cloid, status=status, oid=1))
            return
        self.world.tell(
            OrderSeen(at_ms=self.world.now_ms, cloid=cloid, status=self.status[cloid], oid=1, filled=self.done[cloid])
        )

    def fill(self, cloid: str, size: Decimal, *, late: bool) -> None:
        size = min(size, self.left[cloid])
        if not size:
            return
        self.left[cloid] -= size
        self.done[cloid] += size
        if not self.left[cloid]:
            self.status[cloid] = "filled"
        self.late.append((cloid, size))
        if not late:
            self.tell_late()

    def tell_late(self) -> None:
        for cloid, size in self.late:
            order = self.orders[cloid]
            self.world.fill(order.side, size, price_of(order), cloid=cloid)
            if not self.left[cloid] and self.status[cloid] == "filled":
                self._answer(cloid)
        self.late.clear()


moments = st.tuples(
    st.sampled_from([100, 900, 3_000, 6_000]),
    st.integers(-3, 3),
    st.sampled_from([0, 0, 0, 1, 5, 100]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([False, False, True]),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(moments, max_size=25), st.booleans())
def test_never_two_alive_and_never_more_than_wanted_whatever_is_lost_or_late(
    story: list[tuple[int, int, int, bool, bool, bool]], takes: bool
) -> None:
    action = EntryTimeoutAction.TAKER if takes else EntryTimeoutAction.CANCEL
    world = making(entry_timeout_action=action, entry_timeout_s=D(30))
    wanted = world.enter().orders[0].size
    venue = Venue(world)
    for after_ms, move, fills, late, lost, meets in story:
        venue.hear(lost=lost, meets=meets)
        alive = [cloid for cloid, left in venue.left.items() if left]
        if alive and fills:
            venue.fill(alive[-1], D(fills), late=late)
        venue.pass_time(after_ms, lost=lost, meets=meets)
        if not late:
            venue.tell_late()
        bid = D("99.9") + D("0.01") * move
        world.book(bid, bid + D("0.2"))
    for _second in range(60):
        venue.tell_late()
        venue.pass_time(1_000, lost=False, meets=False)
        world.book("99.9", "100.1")
        world.mark(100)
    assert venue.most_alive <= 1
    assert sum(venue.done.values()) <= wanted
    coin = world.coin()
    assert abs(coin.position.size) == sum(venue.done.values())
    assert coin.making is None
    assert not coin.live(Role.ENTRY)
    assert coin.phase is (Phase.HOLDING if coin.position.size else Phase.READY)
    assert bool(coin.covered_ms) is bool(coin.position.size)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(moments, max_size=12))
def test_a_restart_at_any_moment_takes_back_what_rests_and_orders_nothing_again(
    story: list[tuple[int, int, int, bool, bool, bool]],
) -> None:
    before = making(entry_timeout_s=D(600))
    wish = before.enter()
    wanted, bar_ms = wish.orders[0].size, before.coin().acted_open_ms
    venue = Venue(before)
    for after_ms, move, fills, late, lost, meets in story:
        venue.hear(lost=lost, meets=meets)
        alive = [cloid for cloid, left in venue.left.items() if left]
        if alive and fills:
            venue.fill(alive[-1], D(fills), late=late)
        venue.pass_time(after_ms, lost=lost, meets=meets)
        bid = D("99.9") + D("0.01") * move
        before.book(bid, bid + D("0.2"))
    venue.hear(lost=True, meets=False)
    world = venue.restarted()
    world.book("99.9", "100.1")
    world.signal(Want.LONG, candle_open_ms=bar_ms)
    for _second in range(30):
        venue.pass_time(1_000, lost=False, meets=False)
        world.book("99.9", "100.1")
        world.mark(100)
    filled = sum(venue.done.values())
    assert not entries_of(world), "this bar's signal was acted on"
    assert not [cloid for cloid, left in venue.left.items() if left], "nothing rests any longer"
    assert filled <= wanted
    coin = world.coin()
    assert (coin.position.size, coin.making) == (filled, None)
    assert bool(coin.covered_ms) is bool(filled)
