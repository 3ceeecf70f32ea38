"""Orders in doubt: found and adopted, sent again as the same bytes, or never placed; never signed a second time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.worlds import D, World, exits_of, started, wishes
from tidegate.core.doubt import (
    ALERT_AFTER_ASKS,
    ASK_AFTER_MS,
    FINAL_AFTER_MS,
    REPEAT_AFTER_MS,
    RESENDS_MAX,
    SPENDS_MAX,
    UNWANTED_PATIENCE_MS,
)
from tidegate.core.state import ANSWER_PATIENCE_MS, EXPIRES_AFTER_MS, OrderState, Phase
from tidegate.core.step import still_wanted
from tidegate.model.events import NonceSpent, OrderAccepted, OrderInDoubt, OrderRejected, OrderSeen, StreamUp
from tidegate.model.intents import (
    Alert,
    Decision,
    FetchAccount,
    FetchOrder,
    PlaceOrders,
    Quit,
    ResendOrders,
    SpendNonce,
)
from tidegate.model.orders import Role
from tidegate.model.signals import Want


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


# orders that left together


def test_the_bytes_of_a_group_go_out_again_once_for_all_its_orders() -> None:
    world, _cloid = doubtful()
    group = {order.cloid for order in world.wished(PlaceOrders)[0].orders}
    assert len(group) > 1
    for cloid in group:
        seen(world, cloid, None)
    (again,) = world.wished(ResendOrders)
    assert set(again.cloids) == group
    assert {order.resends for order in world.coin().orders.values()} == {1}


def test_an_order_of_the_group_that_is_known_is_not_asked_to_be_sent_again() -> None:
    world, cloid = doubtful()
    stop = world.coin().live(Role.STOP)[0].request.cloid
    seen(world, stop, "open")
    seen(world, cloid, None)
    assert stop not in world.wished(ResendOrders)[0].cloids


# entries that nobody wants any more


UNWANTED = {
    "the bot stops": lambda world: world.stop(),
    "pause": lambda world: world.command("pause", "a break"),
    "flatten": lambda world: world.command("flatten", "enough"),
    "a HALT file": lambda world: world.command("halt", "a file"),
    "the strategy wants to be flat": lambda world: world.signal(Want.FLAT),
    "the strategy wants the other side": lambda world: world.signal(Want.SHORT),
}


@pytest.mark.parametrize("how", UNWANTED)
def test_an_entry_in_doubt_that_is_not_wanted_any_more_has_its_nonce_used_up_instead_of_being_sent_again(
    how: str,
) -> None:
    world, cloid = doubtful()
    UNWANTED[how](world)
    world.tick()
    assert cloid in [wish.cloid for wish in world.wished(FetchOrder)], "it is asked about at once"
    for order in tuple(world.coin().orders):
        seen(world, order, None)
    (spent,) = world.wished(SpendNonce)
    assert set(spent.cloids) == {order.cloid for order in world.wished(PlaceOrders)[0].orders}
    assert world.wished(ResendOrders) == []


def test_an_entry_whose_nonce_was_used_up_is_over_with_all_that_left_with_it() -> None:
    world, cloid = doubtful()
    world.command("pause", "a break")
    seen(world, cloid, None)
    (spent,) = world.wished(SpendNonce)
    assert still_wanted(world.state, spent)
    decision = world.tell(NonceSpent(at_ms=world.now_ms, cloids=spent.cloids))
    assert "can never be placed" in decision.notes[0].text
    assert world.coin().phase is Phase.READY
    assert world.coin().orders == {}
    assert not still_wanted(world.state, spent)


def test_a_bot_that_leaves_does_not_wait_for_an_entry_that_can_never_be_placed() -> None:
    world, cloid = doubtful()
    world.stop()
    world.tick()
    seen(world, cloid, None)
    world.tell(NonceSpent(at_ms=world.now_ms, cloids=world.wished(SpendNonce)[0].cloids))
    world.tick()
    assert world.wished(Quit)


def test_a_bot_that_leaves_settles_an_entry_that_nobody_has_answered_before_its_patience_ends() -> None:
    world = started()
    cloid = world.enter().orders[0].cloid
    world.stop()
    world.run_until(world.now_ms + UNWANTED_PATIENCE_MS + ASK_AFTER_MS[0])
    assert cloid in [wish.cloid for wish in world.wished(FetchOrder)]
    assert not world.wished(Quit)
    seen(world, cloid, None)
    assert world.wished(SpendNonce)


def test_an_entry_that_landed_first_is_found_and_closed_by_flatten() -> None:
    world, cloid = doubtful()
    world.command("flatten", "enough")
    seen(world, cloid, None)
    duplicate = "its nonce could not be used up: Invalid nonce: duplicate nonce 5"
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=cloid, reason=duplicate))
    seen(world, cloid, "filled")
    entry = world.entry()
    world.fill(entry.side, entry.size, 100, cloid=cloid)
    assert len(exits_of(world.decisions)) == 1


def test_exits_and_stops_in_doubt_are_always_wanted() -> None:
    world = started()
    world.hold()
    world.command("pause", "a break")
    world.trade(97)
    _reason, exit_ = exits_of(world.decisions)[0]
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=exit_.cloid, reason="502"))
    seen(world, exit_.cloid, None)
    assert world.wished(SpendNonce) == []
    assert [wish.cloid for wish in world.wished(ResendOrders)] == [exit_.cloid]


def test_a_strategy_that_wants_the_same_or_nothing_new_leaves_the_entry_wanted() -> None:
    for want in (Want.LONG, Want.HOLD):
        world, cloid = doubtful()
        world.signal(want)
        seen(world, cloid, None)
        assert world.wished(SpendNonce) == []


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(UNWANTED)),
    st.lists(st.tuples(st.integers(0, 6_000), st.booleans(), st.booleans()), max_size=30),
)
def test_whatever_is_answered_an_entry_given_up_is_never_sent_again_and_never_signed_anew(
    how: str, answers: list[tuple[int, bool, bool]]
) -> None:
    world, cloid = doubtful()
    seen(world, cloid, None)
    before = len(world.wished(ResendOrders))
    world.now_ms += REPEAT_AFTER_MS
    UNWANTED[how](world)
    for wait_ms, is_answered, is_refused in answers:
        if world.state.stopped:
            break
        world.run_until(world.now_ms + wait_ms)
        if is_refused:
            world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=cloid, reason="its nonce could not be used up: no"))
        if is_answered:
            seen(world, cloid, None)
    assert len(world.wished(ResendOrders)) == before
    assert len(world.wished(SpendNonce)) <= SPENDS_MAX
    assert len(world.placed(Role.ENTRY)) == 1
    spent = [wish for wish in world.decisions[-1:] for wish in wishes([wish], SpendNonce)]
    assert all(wish.expires_ms > world.now_ms for wish in spent)
