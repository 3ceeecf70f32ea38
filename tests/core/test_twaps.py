"""An entry in slices: it begins once, is covered as it grows, ends when told to, and opens nothing after its exit."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.storms import Step, blow, storms
from tests.core.test_step import STORM
from tests.core.worlds import D, World, exits_of, make_ready, resting_stop, started, wishes
from tidegate.core.schedule import next_due_ms
from tidegate.core.state import Phase
from tidegate.model.brackets import ExitReason
from tidegate.model.events import (
    Account,
    AccountSeen,
    NonceSpent,
    OrderInDoubt,
    OrderRejected,
    TwapsSeen,
    TwapStarted,
    TwapStopped,
)
from tidegate.model.intents import (
    Alert,
    CancelTwap,
    FetchAccount,
    PlaceOrders,
    Quit,
    Remember,
    ResendOrders,
    SpendNonce,
)
from tidegate.model.orders import OrderRequest, Role, Twap
from tidegate.model.positions import Fill, Position, Side
from tidegate.model.settings import EntryStyle
from tidegate.model.signals import Want
from tidegate.model.twaps import TwapRecord, TwapState

ID = 15503


def slicing(**settings: Any) -> World:
    return started(entry=EntryStyle.TWAP, **settings)


def running(direction: int = 1, **settings: Any) -> World:
    """An entry by TWAP that the exchange has taken."""
    world = slicing(**settings)
    world.enter(direction)
    world.tell(TwapStarted(at_ms=world.now_ms, cloid=twap_of(world).cloid, twap_id=ID))
    return world


def twap_of(world: World) -> OrderRequest:
    return world.placed(Role.ENTRY)[-1]


def slice_of(world: World, part: Decimal | str = "0.1", price: Decimal | int | str = 100, **fields: Any) -> Fill:
    request = twap_of(world)
    size = world.coin().instrument.size(request.size * D(part))
    return world.fill(request.side, size, price, twap_id=fields.pop("twap_id", ID), **fields)


def row(world: World, status: str, executed: Decimal | int | str = 0, **changes: Any) -> TwapRecord:
    """The exchange's history of the entry."""
    request = twap_of(world)
    assert isinstance(request.kind, Twap)
    told = TwapRecord(
        twap_id=ID,
        coin="BTC",
        side=request.side,
        size=request.size,
        executed=D(executed),
        minutes=request.kind.minutes,
        reduce_only=False,
        started_ms=world.now_ms,
        status=status,
        told_ms=world.now_ms // 1000 * 1000,
    )
    return replace(told, **changes)


def history(world: World, *rows: TwapRecord) -> None:
    """The account is read, TWAPs included."""
    positions = tuple(coin.position for coin in world.state.coins.values() if coin.position.size)
    account = Account(
        equity=D(10_000),
        free=D(10_000),
        positions=positions,
        orders=tuple(world.open_orders()),
        time_ms=world.now_ms,
        twaps=rows,
    )
    world.tell(AccountSeen(at_ms=world.now_ms, account=account))


def cancelled(world: World, words: str = "cancelled") -> None:
    cloid = twap_of(world).cloid
    world.tell(TwapStopped(at_ms=world.now_ms, coin="BTC", twap_id=ID, cloid=cloid, words=words))


def stops_of(world: World) -> list[OrderRequest]:
    return world.placed(Role.STOP)


def cover(world: World) -> None:
    """What is due is done, and the newest stop rests."""
    world.run_until(world.now_ms + 300)
    world.accept(stops_of(world)[-1])


def said(world: World) -> str:
    return " ".join(note.text for decision in world.decisions for note in decision.notes)


# how it begins


@pytest.mark.parametrize("direction", [1, -1])
def test_an_entry_is_one_action_without_exits_of_its_own(direction: int) -> None:
    world = slicing(twap_minutes=45)
    wish = world.enter(direction)
    assert len(wish.orders) == 1
    assert isinstance(wish.orders[0].kind, Twap)
    assert wish.orders[0].kind.minutes == 45
    assert wish.orders[0].side is Side.opening(direction)
    assert world.coin().phase is Phase.ENTERING


@pytest.mark.parametrize(("above_usd", "is_twap"), [(0, False), (1_000, True), (1_000_000, False)])
def test_a_market_entry_is_made_in_slices_above_the_size_that_is_set(above_usd: int, is_twap: bool) -> None:
    world = started(twap_above_usd=D(above_usd))
    assert isinstance(world.enter().orders[0].kind, Twap) is is_twap


def test_a_maker_entry_is_never_made_in_slices() -> None:
    world = started(entry=EntryStyle.MAKER, twap_above_usd=D(100))
    assert not isinstance(world.enter().orders[0].kind, Twap)


def test_what_the_exchange_refuses_ends_it_in_its_own_words() -> None:
    world = slicing(twap_minutes=1)
    cloid = world.enter().orders[0].cloid
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=cloid, reason="Invalid TWAP duration: 1 min(s)"))
    assert world.coin().twap is None
    assert world.coin().phase is Phase.READY
    assert "Invalid TWAP duration: 1 min(s); set TWAP_MINUTES" in said(world)


def test_no_entry_is_made_beside_one_that_is_under_way() -> None:
    world = running()
    world.now_ms += 300_000
    world.signal(Want.LONG)
    slice_of(world)
    world.signal(Want.LONG, candle_open_ms=world.now_ms)
    assert len(world.placed(Role.ENTRY)) == 1


# the cover


def test_each_slice_is_covered_by_a_stop_for_all_of_it_within_a_moment() -> None:
    world = running()
    slice_of(world)
    assert stops_of(world) == []
    cover(world)
    assert [stop.size for stop in stops_of(world)] == [abs(world.coin().position.size)]
    world.now_ms += 30_000
    slice_of(world)
    cover(world)
    assert stops_of(world)[-1].size == abs(world.coin().position.size)


def test_stops_are_placed_at_most_once_a_second_however_often_it_fills() -> None:
    world = running()
    end_ms = world.now_ms + 10_000
    while world.now_ms < end_ms:
        slice_of(world, "0.005")
        for stop in stops_of(world):
            if world.state.order(stop.cloid) is not None:
                world.accept(stop)
        world.run_until(world.now_ms + 100)
    assert 8 <= len(stops_of(world)) <= 11


def test_a_slice_told_twice_counts_once() -> None:
    world = running()
    fill = slice_of(world)
    history(world)
    held = world.coin().position.size
    account = Account(
        equity=D(1), free=D(1), fills=(fill,), positions=(world.coin().position,), time_ms=world.now_ms, twaps=()
    )
    world.tell(AccountSeen(at_ms=world.now_ms, account=account))
    assert world.coin().position.size == held == fill.size


# what ends it


def test_a_touched_stop_asks_for_its_end_before_the_exit_and_in_the_same_breath() -> None:
    world = running()
    slice_of(world)
    cover(world)
    decision = world.trade(50)
    kinds = [type(intent) for intent in decision.intents if isinstance(intent, CancelTwap | PlaceOrders)]
    assert kinds == [CancelTwap, PlaceOrders]
    urgencies = [intent.urgency for intent in decision.intents if isinstance(intent, CancelTwap | PlaceOrders)]
    assert len(set(urgencies)) == 1


def test_a_slice_after_the_exit_is_closed_at_once_and_no_entry_is_made_until_the_end_is_known() -> None:
    world = running()
    slice_of(world)
    world.trade(50)
    world.close(exits_of(world.decisions)[-1][1], 50)
    assert world.coin().phase is Phase.READY
    world.trade(100)
    world.book(100, 100)
    world.signal(Want.LONG, candle_open_ms=world.now_ms)
    slice_of(world)
    reason, late = exits_of(world.decisions)[-1]
    assert reason is ExitReason.FORCED
    assert late.size == abs(world.coin().position.size)
    world.close(late, 100)
    assert len(world.placed(Role.ENTRY)) == 1
    cancelled(world)
    executed = sum((fill.size for fill in world.fills if fill.twap_id), D(0))
    history(world, row(world, "terminated", executed))
    assert world.coin().twap is None


def test_a_slice_while_the_exit_is_on_its_way_is_closed_by_the_next_try() -> None:
    world = running()
    slice_of(world)
    world.trade(50)
    first = exits_of(world.decisions)[-1][1]
    slice_of(world, price=50)
    world.close(first, 50)
    assert world.coin().phase is Phase.EXITING
    world.run_until(world.now_ms + 3_000)
    assert exits_of(world.decisions)[-1][1].size == abs(world.coin().position.size)


def test_the_resting_stop_that_closes_the_position_ends_it_too() -> None:
    world = running()
    slice_of(world)
    cover(world)
    stop = stops_of(world)[-1]
    world.fill(stop.side, stop.size, 97, cloid=stop.cloid)
    assert world.wished(CancelTwap)
    assert world.coin().twap is not None
    assert world.coin().twap.closes


@pytest.mark.parametrize("command", ["pause", "halt"])
def test_a_brake_ends_it_and_keeps_what_has_filled(command: str) -> None:
    world = running()
    slice_of(world)
    world.command(command, "the test")
    world.run_until(world.now_ms + 1_500)
    assert world.wished(CancelTwap)
    cancelled(world)
    history(world, row(world, "terminated", world.coin().position.size))
    assert world.coin().twap is None
    assert world.coin().phase is Phase.HOLDING


def test_flattening_ends_it_and_is_done_only_when_it_is_over() -> None:
    world = running()
    slice_of(world)
    world.command("flatten")
    assert world.wished(CancelTwap)
    world.close(exits_of(world.decisions)[-1][1], 100)
    assert world.state.brakes.flatten
    cancelled(world)
    history(world, row(world, "terminated", world.fills[0].size))
    assert not world.state.brakes.flatten


def test_a_bot_that_leaves_takes_it_back_first() -> None:
    world = running()
    world.stop()
    world.run_until(world.now_ms + 1_500)
    assert world.wished(CancelTwap)
    assert not world.wished(Quit)
    cancelled(world)
    history(world, row(world, "terminated"))
    assert world.wished(Quit)


def test_a_stream_that_stays_away_ends_it_and_a_short_break_does_not() -> None:
    world = running()
    world.down()
    world.run_until(world.now_ms + 4_000)
    assert not world.wished(CancelTwap)
    world.run_until(world.now_ms + 3_000)
    assert world.wished(CancelTwap)


@pytest.mark.parametrize(("direction", "price"), [(1, "101.5"), (-1, "98.5")])
def test_a_price_beyond_the_worst_that_was_to_be_paid_ends_it(direction: int, price: str) -> None:
    world = running(direction)
    world.book(price, price)
    world.run_until(world.now_ms + 1_500)
    assert "has gone beyond" in world.wished(CancelTwap)[0].reason


def test_a_stop_that_is_reached_before_anything_filled_ends_it() -> None:
    world = running()
    world.book(90, 90)
    world.run_until(world.now_ms + 1_500)
    assert world.wished(CancelTwap)
    assert exits_of(world.decisions) == []


def test_a_strategy_that_wants_out_ends_it() -> None:
    world = running()
    world.signal(Want.FLAT, candle_open_ms=world.now_ms)
    world.run_until(world.now_ms + 100)
    assert world.wished(CancelTwap)


def test_its_end_is_asked_for_until_it_is_confirmed_and_somebody_is_told() -> None:
    world = running()
    world.command("pause")
    world.run_until(world.now_ms + 40_000)
    assert len(world.wished(CancelTwap)) > 10
    assert len(world.wished(Alert)) == 1
    assert "has not confirmed" in world.wished(Alert)[0].text


def test_it_is_over_only_when_every_slice_has_been_heard_of() -> None:
    world = running()
    first = slice_of(world, "0.5")
    world.tell(TwapsSeen(at_ms=world.now_ms, twaps=(row(world, "finished", 2 * first.size),)))
    assert world.coin().twap is not None
    assert world.wished(FetchAccount)[-1].twaps
    slice_of(world, "0.5")
    world.run_until(world.now_ms + 6_000)
    assert world.coin().twap is None
    assert world.coin().phase is Phase.HOLDING


def test_one_that_traded_nothing_leaves_the_coin_free() -> None:
    world = running()
    world.tell(TwapsSeen(at_ms=world.now_ms, twaps=(row(world, "error", words="Insufficient margin"),)))
    assert world.coin().phase is Phase.READY
    assert "Insufficient margin" in said(world)


def test_somebody_elses_twap_changes_nothing() -> None:
    world = running()
    other = row(world, "finished", twap_id=ID + 1)
    world.tell(TwapsSeen(at_ms=world.now_ms, twaps=(other,)))
    assert world.coin().twap is not None
    assert world.coin().twap.state is TwapState.RUNNING


# in doubt


def doubtful(**settings: Any) -> World:
    world = slicing(**settings)
    cloid = world.enter().orders[0].cloid
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=cloid, reason="the line was cut"))
    return world


def test_in_doubt_the_same_bytes_are_sent_again_and_never_others() -> None:
    world = doubtful()
    world.run_until(world.now_ms + 60_000)
    assert 1 <= len(world.wished(ResendOrders)) <= 3
    assert len(world.placed(Role.ENTRY)) == 1


def test_in_doubt_the_history_tells_that_it_runs() -> None:
    world = doubtful()
    world.now_ms += 1_000
    history(world, row(world, "activated"))
    assert world.coin().twap is not None
    assert world.coin().twap.twap_id == ID
    assert world.coin().phase is Phase.ENTERING


def test_in_doubt_a_history_without_it_is_believed_only_once_it_has_expired() -> None:
    world = doubtful()
    world.now_ms += 10_000
    history(world)
    assert world.coin().twap is not None
    world.now_ms += 15_000
    history(world)
    assert world.coin().twap is None
    assert world.coin().phase is Phase.READY


def test_one_in_doubt_that_nobody_wants_is_not_sent_again_its_nonce_is_used_up() -> None:
    world = doubtful()
    world.command("pause")
    world.run_until(world.now_ms + 10_000)
    assert not world.wished(ResendOrders)
    spends = world.wished(SpendNonce)
    assert spends
    world.tell(NonceSpent(at_ms=world.now_ms, cloids=spends[0].cloids))
    assert world.coin().twap is None
    assert world.coin().phase is Phase.READY


def test_a_refused_repetition_says_nothing_of_the_first_sending() -> None:
    world = doubtful()
    world.run_until(world.now_ms + 5_000)
    assert world.wished(ResendOrders)
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=twap_of(world).cloid, reason="whatever"))
    assert world.coin().twap is not None


def test_one_whose_outcome_stays_unknown_is_told_of_within_forty_seconds() -> None:
    world = doubtful()
    world.run_until(world.now_ms + 40_000)
    assert any("still unknown" in alert.text for alert in world.wished(Alert))


def test_one_found_running_after_it_was_given_up_is_ended() -> None:
    world = doubtful()
    world.command("pause")
    world.run_until(world.now_ms + 3_000)
    history(world, row(world, "activated"))
    assert world.wished(CancelTwap)


# after a restart


def again(world: World, *rows: TwapRecord, positions: tuple[Position, ...] = (), fills: tuple[Fill, ...] = ()) -> World:
    """The bot is killed, and started on the account as it is."""
    record = world.wished(Remember)[-1].record
    now_ms = world.now_ms + 3_000
    account = Account(
        equity=D(10_000), free=D(10_000), positions=positions, fills=fills, time_ms=now_ms, twaps=tuple(rows)
    )
    return started(account=account, remembered=[record], now_ms=now_ms, entry=EntryStyle.TWAP, ready=False)


def test_a_restart_finds_it_again_and_covers_what_it_has_filled() -> None:
    world = running()
    fill = slice_of(world)
    later = again(world, row(world, "activated"), positions=(world.coin().position,), fills=(fill,))
    twap = later.coin().twap
    assert twap is not None
    assert (twap.twap_id, twap.filled) == (ID, fill.size)
    assert [stop.size for stop in stops_of(later)] == [fill.size]
    make_ready(later)
    later.accept(stops_of(later)[-1])
    later.now_ms += 3_000
    later.account()
    later.run_until(later.now_ms + 10_000)
    assert not later.wished(CancelTwap)


def test_a_restart_takes_back_one_of_which_nothing_has_come() -> None:
    world = running()
    later = again(world, row(world, "activated"))
    make_ready(later)
    later.run_until(later.now_ms + 2_000)
    assert later.wished(CancelTwap)


@pytest.mark.parametrize("closed", [True, False])
def test_slices_that_came_while_nobody_closed_them_are_closed_after_a_restart(closed: bool) -> None:
    world = running()
    first = slice_of(world)
    world.trade(50)
    if closed:
        world.close(exits_of(world.decisions)[-1][1], 50)
    late = replace(first, tid=first.tid + 1, time_ms=world.now_ms + 1_000)
    held = D(0) if closed else first.size
    position = replace(world.coin().position, size=held + late.size, entry_price=D(100), opened_ms=0)
    later = again(world, row(world, "activated"), positions=(position,), fills=(first, late))
    assert later.coin().phase is Phase.EXITING, "it is ours, and it is not kept"
    make_ready(later)
    later.run_until(later.now_ms + 3_000)
    assert later.wished(CancelTwap)
    assert [(order.size, order.reduce_only) for _reason, order in exits_of(later.decisions)] == [(position.size, True)]


def test_a_restart_recognises_one_whose_answer_was_lost() -> None:
    world = slicing()
    world.enter()
    later = again(world, row(world, "activated"))
    assert later.coin().twap is not None
    assert later.coin().twap.twap_id == ID


def test_a_restart_settles_one_that_ended_meanwhile() -> None:
    world = running()
    fill = slice_of(world)
    later = again(world, row(world, "finished", fill.size), positions=(world.coin().position,), fills=(fill,))
    assert later.coin().twap is None
    assert later.coin().phase is Phase.HOLDING


# laws


def _started(world: World, which: int) -> None:
    entries = world.placed(Role.ENTRY)
    if entries:
        world.tell(TwapStarted(at_ms=world.now_ms, cloid=entries[-1].cloid, twap_id=ID + len(entries)))


def _sliced(world: World, which: int) -> None:
    twap = world.coin().twap
    if twap is None or twap.twap_id is None or twap.state is TwapState.OVER:
        return
    size = world.coin().instrument.size(twap.request.size * which / 20)
    left = twap.request.size - twap.filled
    if 0 < size <= left and world.coin().position.direction in (0, twap.request.side.sign):
        world.fill(twap.request.side, size, 100, twap_id=twap.twap_id)


def _stopped(world: World, which: int) -> None:
    twap = world.coin().twap
    if twap is not None and twap.twap_id is not None:
        words = "cancelled"
        stop = TwapStopped(at_ms=world.now_ms, coin="BTC", twap_id=twap.twap_id, cloid=twap.request.cloid, words=words)
        world.tell(stop)


def _told(world: World, which: int) -> None:
    twap = world.coin().twap
    if twap is None:
        return
    status = ("activated", "finished", "terminated", "error")[which % 4]
    twap_id = twap.twap_id or ID + 900 + which
    executed = twap.filled if which > 3 else twap.request.size
    told = row(world, status, executed, twap_id=twap_id, size=twap.request.size, side=twap.request.side)
    world.tell(TwapsSeen(at_ms=world.now_ms, twaps=(told,)))


SLICES = (_started, _sliced, _sliced, _stopped, _told)


@STORM
@given(storms(), st.lists(st.tuples(st.integers(0, len(SLICES) - 1), st.integers(0, 9)), max_size=60))
def test_no_storm_breaks_a_law(steps: list[Step], others: list[tuple[int, int]]) -> None:
    world = slicing(stop_loss_pct=D(2))
    for number, step in enumerate(steps):
        blow(world, [step])
        for what, which in others[number * 2 : number * 2 + 2]:
            SLICES[what](world, which)
        assert next_due_ms(world.state) > 0


def test_a_stop_of_its_owner_counts_as_cover() -> None:
    world = running()
    slice_of(world)
    held = abs(world.coin().position.size)
    world.now_ms += 100
    world.account(orders=[resting_stop(1, held, D(97))])
    assert world.coin().covered_ms
    assert not list(wishes(world.decisions[-1:], PlaceOrders))
