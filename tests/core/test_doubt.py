"""Orders in doubt: found and adopted, sent again as the same bytes, or never placed; never signed a second time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.worlds import D, World, exits_of, started
from tidegate.core.doubt import ALERT_AFTER_ASKS, FINAL_AFTER_MS, RESENDS_MAX
from tidegate.core.state import ANSWER_PATIENCE_MS, EXPIRES_AFTER_MS, OrderState, Phase
from tidegate.model.events import OrderAccepted, OrderInDoubt, OrderRejected, OrderSeen, StreamUp
from tidegate.model.intents import Alert, Decision, FetchAccount, FetchOrder, PlaceOrders, ResendOrders
from tidegate.model.orders import Role


def doubtful() -> tuple[World, str]:
    """A world whose entry may or may not have been placed."""
    world = started()
    wish = world.enter()
    for request in wish.orders:
        world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=request.cloid, reason="the answer never came"))
    return world, wish.orders[0].cloid


def seen(world: World, cloid: str, status: str | None) -> Decision:
    """The exchange answers a question."""
    return world.tell(OrderSeen(at_ms=world.now_ms, cloid=cloid, status=status, oid=7))


def test_an_entry_in_doubt_blocks_its_coin_and_is_asked_about() -> None:
    world, cloid = doubtful()
    assert world.coin().phase is Phase.IN_DOUBT
    world.run_until(world.now_ms + 300)
    assert cloid in [wish.cloid for wish in world.wished(FetchOrder)]


def test_an_order_that_is_found_is_adopted() -> None:
    world, cloid = doubtful()
    stop = world.coin().live(Role.STOP)[0].request.cloid
    seen(world, stop, "open")
    assert world.coin().orders[stop].state is OrderState.RESTING
    seen(world, cloid, "filled")
    assert cloid not in world.coin().orders
    world.run_until(world.now_ms + 1_000)
    assert world.wished(FetchAccount), "what it filled is looked up at once"
    entry = world.entry()
    world.fill(entry.side, entry.size, 100, cloid=cloid)
    assert world.coin().phase is Phase.HOLDING


@pytest.mark.parametrize("status", ["rejected", "iocCancelRejected", "perpMarginRejected"])
def test_an_entry_that_was_rejected_frees_its_coin(status: str) -> None:
    world, cloid = doubtful()
    seen(world, cloid, status)
    assert world.coin().phase is Phase.READY
    assert world.coin().orders == {}
    assert world.coin().bracket is None


def test_an_entry_that_was_cancelled_unfilled_frees_its_coin() -> None:
    world, cloid = doubtful()
    seen(world, cloid, "marginCanceled")
    assert world.coin().phase is Phase.READY


def test_unknown_before_its_expiry_the_same_bytes_go_out_again_three_times_at_most() -> None:
    world, cloid = doubtful()
    expires_ms = world.coin().orders[cloid].expires_ms
    while world.now_ms < expires_ms - 100:
        seen(world, cloid, None)
        world.now_ms += 400
    assert [wish.cloid for wish in world.wished(ResendOrders)] == [cloid] * RESENDS_MAX
    assert len(world.placed(Role.ENTRY)) == 1


def test_unknown_between_expiry_and_finality_nothing_is_sent_and_nothing_is_given_up() -> None:
    world, cloid = doubtful()
    world.now_ms = world.coin().orders[cloid].expires_ms + FINAL_AFTER_MS - 1
    seen(world, cloid, None)
    assert world.wished(ResendOrders) == []
    assert world.coin().phase is Phase.IN_DOUBT


def test_unknown_after_expiry_it_was_never_placed_and_is_not_signed_again() -> None:
    world, cloid = doubtful()
    world.now_ms = world.coin().orders[cloid].expires_ms + FINAL_AFTER_MS + 1
    seen(world, cloid, None)
    assert world.coin().phase is Phase.READY
    assert len(world.placed(Role.ENTRY)) == 1
    assert "never arrived" in " ".join(note.text for note in world.decisions[-1].notes)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6_000), st.sampled_from([None, None, None, "silence"])), max_size=40))
def test_whatever_is_answered_an_entry_is_signed_once_and_resent_thrice_at_most(
    answers: list[tuple[int, str | None]],
) -> None:
    world, cloid = doubtful()
    for wait_ms, answer in answers:
        world.run_until(world.now_ms + wait_ms)
        if answer is None:
            seen(world, cloid, None)
    assert len(world.placed(Role.ENTRY)) == 1
    assert len([wish for wish in world.wished(ResendOrders) if wish.cloid == cloid]) <= RESENDS_MAX
    assert world.coin().phase in (Phase.IN_DOUBT, Phase.READY)


def test_a_refused_repetition_says_nothing_of_the_first_sending() -> None:
    world, cloid = doubtful()
    seen(world, cloid, None)
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=cloid, reason="Too many cumulative requests sent"))
    assert world.coin().phase is Phase.IN_DOUBT
    seen(world, cloid, "filled")
    entry = world.entry()
    world.fill(entry.side, entry.size, 100, cloid=cloid)
    assert world.coin().phase is Phase.HOLDING
    assert world.coin().live(Role.STOP), "its resting orders are still known"


def test_a_first_sending_that_is_refused_after_all_is_over() -> None:
    world, cloid = doubtful()
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=cloid, reason="Insufficient margin"))
    assert world.coin().phase is Phase.READY


def test_an_answer_that_comes_late_settles_the_doubt() -> None:
    world, cloid = doubtful()
    entry = world.entry()
    world.tell(OrderAccepted(at_ms=world.now_ms, cloid=cloid, oid=5, resting=False, filled=entry.size))
    world.fill(entry.side, entry.size, 100, cloid=cloid)
    assert world.coin().phase is Phase.HOLDING
    assert cloid not in world.coin().orders


def test_an_order_that_nobody_answers_is_in_doubt_after_ten_seconds() -> None:
    world = started()
    wish = world.enter()
    world.run_until(world.now_ms + ANSWER_PATIENCE_MS - 1)
    assert world.coin().phase is Phase.ENTERING
    world.run_until(world.now_ms + 1)
    assert world.coin().phase is Phase.IN_DOUBT
    assert {order.state for order in world.coin().orders.values()} == {OrderState.DOUBT}
    world.run_until(world.now_ms + 300)
    assert {each.cloid for each in world.wished(FetchOrder)} == {order.cloid for order in wish.orders}


def test_the_pauses_between_questions_grow_and_the_operator_is_told_once() -> None:
    world, cloid = doubtful()
    world.run_until(world.now_ms + 600_000)
    asked = [wish for wish in world.wished(FetchOrder) if wish.cloid == cloid]
    assert ALERT_AFTER_ASKS < len(asked) < 30
    assert len([alert for alert in world.wished(Alert) if "entry" in alert.text]) == 1


def test_when_the_exchange_is_heard_again_a_long_pause_is_cut_short() -> None:
    world, _cloid = doubtful()
    world.run_until(world.now_ms + 600_000)
    asked = len(world.wished(FetchOrder))
    world.tell(StreamUp(at_ms=world.now_ms))
    world.run_until(world.now_ms + 300)
    assert len(world.wished(FetchOrder)) == asked + 3


def test_an_exit_that_never_arrived_is_tried_anew_under_another_name() -> None:
    world = started()
    world.hold()
    world.trade(97)
    _reason, first = exits_of(world.decisions)[0]
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=first.cloid, reason="502"))
    world.run_until(world.now_ms + EXPIRES_AFTER_MS + FINAL_AFTER_MS + 1)
    seen(world, first.cloid, None)
    assert first.cloid not in world.coin().orders
    exits = [order.cloid for _reason, order in exits_of(world.decisions)]
    assert len(exits) == len(set(exits)) >= 2


def test_a_stop_that_never_arrived_is_noticed_by_the_cover_check() -> None:
    world, _cloid = doubtful()
    entry, stop = world.wished(PlaceOrders)[0].orders[:2]
    seen(world, entry.cloid, "filled")
    world.fill(entry.side, entry.size, 100, cloid=entry.cloid)
    world.now_ms = world.coin().orders[stop.cloid].expires_ms + FINAL_AFTER_MS + 1
    world.decisions.clear()
    seen(world, stop.cloid, None)
    assert world.coin().cover_due_ms is not None
    world.now_ms += 10
    world.account(orders=[])
    assert len(world.placed(Role.STOP)) == 1


def test_an_answer_about_an_order_that_is_no_longer_in_doubt_changes_nothing() -> None:
    world, cloid = doubtful()
    seen(world, cloid, "rejected")
    before = world.coin()
    seen(world, cloid, "filled")
    seen(world, "0xstrange", None)
    assert world.coin() == before
    assert world.coin().position.size == D(0)
