"""What the owner does by hand is explained once and never fought; a stop cancelled twice stays so where that is set."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.worlds import D, World, exits_of, make_ready, started, wishes
from tidegate.core.state import Phase
from tidegate.model.brackets import ExitReason
from tidegate.model.events import Account, OrderCanceled, OrderFilled, OrderSeen
from tidegate.model.intents import Alert, BookClosed, FetchOrder, PlaceOrders, Remember
from tidegate.model.orders import OrderRequest, Role
from tidegate.model.positions import Side


def holding(**settings: Any) -> World:
    world = started(**settings)
    world.hold()
    return world


def newest_stop(world: World) -> OrderRequest:
    return world.placed(Role.STOP)[-1]


def cancel_stop(world: World, status: str = "canceled") -> None:
    """Somebody cancels the stop that rests; the bot looks, and its next stop is accepted."""
    before = len(world.placed(Role.STOP))
    stop = newest_stop(world)
    world.tell(
        OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=1, status=status, cloid=stop.cloid, time_ms=world.now_ms)
    )
    world.now_ms += 3_000
    world.account()
    for again in world.placed(Role.STOP)[before:]:
        world.accept(again)
    world.now_ms += 3_000
    world.account()


def stops_after(world: World, times: int, status: str = "canceled") -> int:
    """How many stops were placed again."""
    before = len(world.placed(Role.STOP))
    for _ in range(times):
        cancel_stop(world, status)
    return len(world.placed(Role.STOP)) - before


def said(world: World, *words: str) -> list[str]:
    notes = (note.text for decision in world.decisions for note in decision.notes)
    return [text for text in notes if all(word in text for word in words)]


def test_a_stop_cancelled_by_hand_is_placed_again_every_time() -> None:
    assert stops_after(holding(), 4) == 4


def test_with_respect_it_is_placed_again_once_and_then_left_cancelled() -> None:
    world = holding(respect_manual=True)
    assert stops_after(world, 1) == 1
    assert said(world, "this once")
    assert stops_after(world, 2) == 0
    assert len([alert for alert in world.wished(Alert) if "unguarded on the exchange" in alert.text]) == 1
    world.run_until(world.now_ms + 60_000)
    assert exits_of(world.decisions) == []


def test_left_cancelled_the_own_stop_still_fires() -> None:
    world = holding(respect_manual=True)
    stops_after(world, 2)
    world.trade(50)
    assert [reason for reason, _ in exits_of(world.decisions)] == [ExitReason.STOP]


@pytest.mark.parametrize("status", ["marginCanceled", "siblingFilledCanceled", "scheduledCancel", "vaultWithdrawal"])
def test_what_the_exchange_cancels_is_no_answer_of_the_owner(status: str) -> None:
    world = holding(respect_manual=True)
    assert stops_after(world, 4, status) == 4


def test_the_answer_to_a_cancel_of_our_own_is_none_either() -> None:
    world = holding(respect_manual=True, trailing_stop_pct=D(1))
    for price in ("103", "104", "105"):
        old = newest_stop(world)
        world.mark(price)
        world.trade(price)
        assert newest_stop(world) is not old
        for stop in world.placed(Role.STOP):
            if world.state.order(stop.cloid) is not None and stop is not old:
                world.accept(stop)
        world.tell(OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=1, status="canceled", cloid=old.cloid))
    assert world.coin().stop_cancels == 0


def test_it_holds_for_one_position_and_the_next_is_guarded_again() -> None:
    world = holding(respect_manual=True)
    stops_after(world, 2)
    world.trade(50)
    world.close(exits_of(world.decisions)[-1][1], 50)
    assert world.coin().stop_cancels == 0
    for cloid in tuple(world.coin().orders):
        world.tell(OrderCanceled(at_ms=world.now_ms, coin="BTC", oid=1, status="canceled", cloid=cloid))
    world.now_ms += 600_000
    world.fetched()
    world.mark(100)
    world.trade(100)
    world.book(100, 100)
    world.hold()
    assert world.coin().covered_ms


def test_a_restart_remembers_it() -> None:
    world = holding(respect_manual=True)
    stops_after(world, 2)
    record = world.wished(Remember)[-1].record
    now_ms = world.now_ms + 5_000
    account = Account(equity=D(10_000), free=D(10_000), positions=(world.coin().position,), time_ms=now_ms)
    later = started(account=account, remembered=[record], now_ms=now_ms, respect_manual=True, ready=False)
    make_ready(later)
    later.now_ms += 3_000
    later.account()
    later.run_until(later.now_ms + 20_000)
    assert not list(wishes(later.decisions, PlaceOrders))
    without = started(account=account, remembered=[record], now_ms=now_ms, ready=False)
    assert without.placed(Role.STOP)


def test_a_stop_that_is_gone_without_a_word_is_replaced_at_once_and_asked_about() -> None:
    world = holding(respect_manual=True)
    gone = newest_stop(world)
    world.now_ms += 30_000
    world.account(orders=())
    assert world.placed(Role.STOP)[-1] is not gone
    world.accept(world.placed(Role.STOP)[-1])
    world.tick()
    assert gone.cloid in [ask.cloid for ask in world.wished(FetchOrder)]
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=gone.cloid, status="canceled", oid=1))
    assert world.coin().stop_cancels == 1


# other things done by hand


def test_a_position_made_smaller_by_hand_stays_so_and_is_told_once_an_order() -> None:
    world = holding()
    size = abs(world.coin().position.size)
    part = world.coin().instrument.size(size / 4)
    world.fill(Side.SELL, part, 100)
    assert len(said(world, "made smaller by hand")) == 1
    assert abs(world.coin().position.size) == size - part
    assert world.coin().phase is Phase.HOLDING


def test_one_order_by_hand_that_fills_in_parts_is_one_event() -> None:
    world = holding()
    fill = world.fill(Side.SELL, "0.5", 100)
    world.tell(OrderFilled(at_ms=world.now_ms, fill=replace(fill, tid=fill.tid + 9_000)))
    assert len(said(world, "made smaller by hand")) == 1


def test_a_position_closed_by_hand_stays_closed() -> None:
    world = holding()
    world.fill(Side.SELL, abs(world.coin().position.size), 100)
    assert len(said(world, "closed by hand; it stays closed")) == 1
    assert exits_of(world.decisions) == []
    assert world.coin().phase is Phase.READY


def test_a_position_turned_round_by_hand_is_its_owners() -> None:
    world = holding()
    world.fill(Side.SELL, 2 * abs(world.coin().position.size), 100)
    assert len(said(world, "turned round by hand")) == 1
    assert world.coin().left_alone


def test_fills_of_our_own_orders_are_not_by_hand() -> None:
    world = holding()
    world.trade(50)
    world.close(exits_of(world.decisions)[-1][1], 50)
    assert not said(world, "by hand")


@pytest.mark.parametrize(
    ("words", "reason"), [("Settlement", ExitReason.DELISTED), ("Auto-Deleveraging", ExitReason.DELEVERAGED)]
)
def test_what_the_exchange_closes_by_itself_is_booked_as_that_and_nobodys_hand_is_blamed(
    words: str, reason: ExitReason
) -> None:
    world = holding()
    world.fill(Side.SELL, world.coin().position.size, 99, direction_text=words)
    assert [intent.closed.reason for intent in world.wished(BookClosed)] == [reason]
    assert len(said(world, "the exchange took", words)) == 1
    assert not said(world, "by hand")
