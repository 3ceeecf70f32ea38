"""Executions count once, in any order; the position is their sum, and its end is booked once."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.worlds import D, World, exits_of, started
from tidegate.core.state import FILLS_REMEMBERED, Phase, State
from tidegate.model.brackets import ExitReason
from tidegate.model.events import OrderFilled, OrdersSent, Trade
from tidegate.model.intents import BookClosed, CancelOrders, FetchAccount, Recap, Remember
from tidegate.model.orders import Role
from tidegate.model.positions import Fill, Position, Side

LAWS = settings(max_examples=200, deadline=None)


def parts(size: Decimal, cuts: list[Decimal]) -> list[Decimal]:
    """`size` cut into lots at some of its thousandths."""
    marks = sorted({D(0), size, *(cut for cut in cuts if cut < size)})
    return [after - before for before, after in pairwise(marks)]


def entering(direction: int = 1) -> tuple[World, Fill]:
    """A world with an entry under way, and the fill that would complete it."""
    world = started()
    wish = world.enter(direction)
    entry = wish.orders[0]
    fill = Fill(
        coin="BTC",
        side=entry.side,
        price=D(100),
        size=entry.size,
        time_ms=world.now_ms + 5,
        tid=1,
        oid=9,
        cloid=entry.cloid,
        fee=D(1),
    )
    return world, fill


orders_of_arrival = st.tuples(
    st.lists(st.decimals("0.001", "33", places=3), max_size=5),
    st.randoms(use_true_random=False),
    st.sampled_from([1, -1]),
)


@LAWS
@given(orders_of_arrival)
def test_fills_in_any_order_and_more_than_once_give_the_same_position(
    arrival: tuple[list[Decimal], object, int],
) -> None:
    cuts, chance, direction = arrival
    world, whole = entering(direction)
    fills = [
        replace(whole, size=size, tid=tid, time_ms=whole.time_ms + tid % 3, price=100 + D(tid), fee=D(0))
        for tid, size in enumerate(parts(whole.size, cuts))
    ]
    told = [*fills, *fills, *fills[:2]]
    chance.shuffle(told)  # type: ignore[attr-defined]
    for fill in told:
        world.tell(OrderFilled(at_ms=world.now_ms, fill=fill))
    position = world.coin().position
    assert position.size == whole.size * direction
    average = sum((fill.size * fill.price for fill in fills), D(0)) / whole.size
    assert abs(position.entry_price - average) < D("1e-20")


@LAWS
@given(orders_of_arrival, st.booleans())
def test_a_position_that_closes_in_any_pieces_is_booked_once_and_in_full(
    arrival: tuple[list[Decimal], object, int], by_account: bool
) -> None:
    cuts, chance, direction = arrival
    world = started()
    position = world.hold(direction)
    world.trade(100 - 3 * direction)
    _reason, order = exits_of(world.decisions)[0]
    fills = [
        Fill(
            coin="BTC",
            side=order.side,
            price=D(97),
            size=size,
            time_ms=world.now_ms + 1,
            tid=100 + tid,
            oid=5,
            cloid=order.cloid,
        )
        for tid, size in enumerate(parts(order.size, cuts))
    ]
    told = [*fills, *fills]
    chance.shuffle(told)  # type: ignore[attr-defined]
    for fill in told:
        if by_account:
            world.account(fills=[fill])
        else:
            world.tell(OrderFilled(at_ms=world.now_ms, fill=fill))
    (booked,) = world.wished(BookClosed)
    assert booked.closed.size == position.size
    assert booked.closed.exit_price == 97
    assert booked.closed.pnl == (97 - 100) * position.size
    assert booked.closed.reason is ExitReason.STOP
    assert world.coin().position == Position(coin="BTC")
    assert world.coin().phase is Phase.READY


def test_a_fill_counts_once_whoever_tells_it() -> None:
    world, fill = entering()
    world.tell(OrderFilled(at_ms=world.now_ms, fill=fill))
    world.account(fills=[fill])
    world.tell(OrderFilled(at_ms=world.now_ms, fill=fill))
    assert world.coin().position.size == fill.size


def test_fills_from_before_the_start_are_history_however_late_they_are_told() -> None:
    world = started()
    old = Fill(coin="BTC", side=Side.BUY, price=D(100), size=D(1), time_ms=world.state.history_ms, tid=1, oid=1)
    world.account(fills=[old])
    world.tell(OrderFilled(at_ms=world.now_ms, fill=replace(old, tid=2, time_ms=old.time_ms - 86_400_000)))
    assert world.coin().position.size == 0


def test_so_many_fills_are_remembered_and_no_more() -> None:
    state = State()
    for tid in range(FILLS_REMEMBERED + 10):
        assert state.note_fill((tid, "BTC", tid))
    assert len(state.fills_seen) == FILLS_REMEMBERED
    assert not state.note_fill((FILLS_REMEMBERED, "BTC", FILLS_REMEMBERED))


def test_a_fill_of_a_strange_coin_is_told_and_left_alone() -> None:
    world = started()
    world.fill(Side.BUY, 5, 1, coin="DOGE")
    assert "left alone" in world.decisions[-1].notes[0].text
    assert world.decisions[-1].intents == ()


def test_a_position_that_opens_has_its_cover_looked_at_within_a_second() -> None:
    world, fill = entering()
    world.tell(OrderFilled(at_ms=world.now_ms, fill=fill))
    world.decisions.clear()
    world.run_until(world.now_ms + 1_001)
    assert len(world.wished(FetchAccount)) == 1


def test_what_still_rests_is_swept_when_the_position_is_gone() -> None:
    world = started()
    world.hold()
    resting = {order.request.cloid for order in world.coin().orders.values()}
    world.trade(97)
    world.close(exits_of(world.decisions)[0][1], 97)
    swept = [cloid for wish in world.wished(CancelOrders) for cloid in wish.cloids]
    assert set(swept) == resting
    assert len(swept) == 2


@pytest.mark.parametrize(("role", "reason"), [(Role.STOP, ExitReason.STOP), (Role.TAKE_PROFIT, ExitReason.TAKE_PROFIT)])
def test_a_resting_order_that_closes_the_position_is_its_reason(role: Role, reason: ExitReason) -> None:
    world = started()
    world.hold()
    order = world.coin().live(role)[0].request
    world.fill(order.side, order.size, 97, cloid=order.cloid)
    (booked,) = world.wished(BookClosed)
    assert booked.closed.reason is reason
    (recap,) = world.wished(Recap)
    assert recap.by_resting


def test_a_liquidation_is_booked_as_one() -> None:
    world = started()
    position = world.hold()
    world.fill(Side.SELL, position.size, 60, liquidation=True)
    assert world.wished(BookClosed)[0].closed.reason is ExitReason.LIQUIDATION


def test_a_position_that_the_user_closes_stays_closed() -> None:
    world = started()
    position = world.hold()
    world.fill(Side.SELL, position.size, 101)
    assert world.wished(BookClosed)[0].closed.reason is ExitReason.ELSEWHERE
    world.run_until(world.now_ms + 200_000)
    world.trade(90)
    assert exits_of(world.decisions) == []
    assert world.coin().position.size == 0


def test_a_recap_tells_what_touched_what_and_how_long_it_took() -> None:
    world = started()
    world.hold()
    world.trade("96.9")
    touched_ms = world.now_ms
    _reason, order = exits_of(world.decisions)[0]
    world.close(order, "96.8")
    (recap,) = world.wished(Recap)
    assert (recap.level, recap.touch_price, recap.touched_ms) == (97, D("96.9"), touched_ms)
    assert not recap.by_resting
    assert recap.filled_ms == world.now_ms


def test_a_recap_after_a_second_try_still_tells_the_price_that_touched() -> None:
    world = started()
    world.hold()
    world.trade("96.9")
    _reason, order = exits_of(world.decisions)[0]
    world.accept(order, filled=D(0))
    world.trade("95")
    world.tick(250)
    world.close(exits_of(world.decisions)[1][1], "94.9")
    assert world.wished(Recap)[0].touch_price == D("96.9")


@pytest.mark.parametrize("direction", [1, -1])
def test_a_position_that_flips_by_hand_is_booked_and_the_new_one_left_alone(direction: int) -> None:
    world = started()
    position = world.hold(direction)
    resting = {order.request.cloid for order in world.coin().orders.values()}
    world.fill(Side.opening(-direction), abs(position.size) * 2, 100)
    coin = world.coin()
    assert [booked.closed.size for booked in world.wished(BookClosed)] == [position.size]
    assert coin.position == Position(
        coin="BTC", size=-position.size, entry_price=D(100), opened_ms=coin.position.opened_ms
    )
    assert coin.left_alone
    assert (coin.bracket, coin.signal_id, coin.cover_due_ms) == (None, "", None)
    assert {cloid for wish in world.wished(CancelOrders) for cloid in wish.cloids} == resting


def test_a_position_opened_by_hand_does_not_pass_for_one_of_ours() -> None:
    world = started()
    world.hold()
    world.trade(97)
    world.close(exits_of(world.decisions)[0][1], 97)
    before = world.coin()
    world.fill(Side.BUY, 1, 100)
    coin = world.coin()
    assert coin.left_alone
    assert (coin.signal_id, coin.bracket) == ("", None)
    assert coin.generation == before.generation + 1
    assert (coin.exit_attempts, coin.protect_attempts) == (0, 0)
    assert "did not open" in " ".join(note.text for note in world.decisions[-1].notes)


def test_a_late_fill_of_our_own_entry_is_still_ours() -> None:
    world, fill = entering()
    world.accept(world.entry(), filled=D(0))
    assert world.coin().phase is Phase.READY
    signal_id = world.coin().signal_id
    world.tell(OrderFilled(at_ms=world.now_ms, fill=fill))
    assert world.coin().phase is Phase.HOLDING
    assert world.coin().signal_id == signal_id


def test_every_change_of_a_position_is_remembered() -> None:
    world = started()
    position = world.hold()
    for size in (D(1), D(2), position.size - 3):
        before = len(world.wished(Remember))
        world.fill(Side.SELL, size, 99)
        assert len(world.wished(Remember)) == before + 1
        left = world.coin().position
        assert world.wished(Remember)[-1].record.position == (left if left.size else None)


def test_bought_in_two_entries_sold_in_one_the_profit_counts_both() -> None:
    world = started()
    position = world.hold()
    world.fill(Side.BUY, position.size, 104)
    world.fill(Side.SELL, position.size * 2, 105)
    closed = world.wished(BookClosed)[0].closed
    assert closed.entry_price == 102
    assert closed.pnl == 3 * 2 * position.size


def test_reduced_enlarged_and_closed_the_books_name_all_that_was_closed() -> None:
    world = started()
    world.hold()
    world.fill(Side.SELL, 10, 101)
    world.fill(Side.BUY, 5, 100)
    world.fill(Side.SELL, "28.333", 103)
    closed = world.wished(BookClosed)[0].closed
    assert closed.size == D("38.333")
    assert closed.exit_price == (10 * D(101) + D("28.333") * 103) / D("38.333")
    assert closed.pnl == 10 + D("28.333") * 3


def test_a_fill_without_a_name_is_known_by_the_number_of_its_order() -> None:
    world = started()
    position = world.hold()
    stop = world.coin().live(Role.STOP)[0]
    fill = Fill(
        coin="BTC", side=Side.SELL, price=D(97), size=position.size, time_ms=world.now_ms + 1, tid=99, oid=stop.oid or 0
    )
    world.tell(OrderFilled(at_ms=world.now_ms, fill=fill))
    assert world.wished(BookClosed)[0].closed.reason is ExitReason.STOP


@pytest.mark.parametrize(("received_ns", "milliseconds"), [(1_000_000, 2.5), (0, None)])
def test_a_recap_measures_only_what_was_measured(received_ns: int, milliseconds: float | None) -> None:
    world = started()
    world.hold()
    world.now_ms += 1
    world.tell(
        Trade(
            at_ms=world.now_ms,
            coin="BTC",
            price=D(97),
            low=D(97),
            high=D(97),
            time_ms=world.now_ms,
            received_ns=received_ns,
        )
    )
    _reason, order = exits_of(world.decisions)[0]
    world.tell(OrdersSent(at_ms=world.now_ms, cloids=(order.cloid,), nonce=1, transport="ws", sent_ns=3_500_000))
    world.now_ms += 7
    world.close(order, 97)
    (recap,) = world.wished(Recap)
    assert recap.touch_to_sent_ms == milliseconds
    assert recap.sent_to_filled_ms == 8
