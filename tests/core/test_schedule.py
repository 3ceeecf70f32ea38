"""When things are due: a grid that cannot drift, prices while the stream is down, the account, and leaving."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.worlds import T0, D, World, exits_of, instrument, started, wishes
from tidegate.core import schedule
from tidegate.core.step import STOP_PATIENCE_MS
from tidegate.model.events import (
    Account,
    Faulted,
    OrderInDoubt,
    OrderRejected,
    StreamDown,
    StreamFrozen,
    StreamUp,
    Tick,
)
from tidegate.model.intents import Alert, Evaluate, FetchAccount, FetchCandles, FetchPrices, PlaceOrders, Quit
from tidegate.model.market import Timeframe
from tidegate.model.orders import Role
from tidegate.model.positions import Position
from tidegate.model.settings import OnStartPosition, StopPriceSource, Stream
from tidegate.model.signals import Want

HOUR = 3_600_000
LAWS = settings(max_examples=100, deadline=None)


def polled(world: World, until_ms: int) -> list[int]:
    """When candles were asked for on the way to `until_ms`, each answered at once."""
    times = []
    while True:
        due_ms = schedule.next_due_ms(world.state)
        if due_ms > until_ms:
            return times
        world.now_ms = max(due_ms, world.now_ms)
        if list(wishes([world.tick()], FetchCandles)):
            times.append(world.now_ms)
            world.fetched(3)


@pytest.mark.parametrize("interval_s", ["300", "7", "60", "3600", "0.5"])
def test_polls_stand_on_an_exact_grid_for_days(interval_s: str) -> None:
    world = started(check_interval_s=D(interval_s), stream=Stream.PRICES)
    interval_ms = int(D(interval_s) * 1000)
    days = 3 if interval_ms >= 7_000 else 0
    times = polled(world, T0 + days * 24 * HOUR + (HOUR if not days else 0))
    assert {(time_ms - schedule.SETTLE_MS) % interval_ms for time_ms in times} == {0}
    assert {later - earlier for earlier, later in pairwise(times)} == {interval_ms}


def test_the_first_poll_comes_at_once() -> None:
    world = started(ready=False, now_ms=T0 + 12_345)
    assert list(wishes([world.tick()], FetchCandles))


@LAWS
@given(st.lists(st.integers(1, 40 * 300_000), max_size=30), st.integers(1, 4))
def test_after_a_jump_polls_are_skipped_and_never_doubled(jumps_ms: list[int], interval_minutes: int) -> None:
    interval_ms = interval_minutes * 60_000
    world = started(check_interval_s=D(60 * interval_minutes), stream=Stream.PRICES)
    slots = []
    for jump_ms in jumps_ms:
        world.now_ms += jump_ms
        for _again in range(2):
            if list(wishes([world.tick()], FetchCandles)):
                slots.append((world.now_ms - schedule.SETTLE_MS) // interval_ms)
                world.fetched(3)
    assert len(slots) == len(set(slots))
    assert schedule.next_due_ms(world.state) > world.now_ms


def test_a_clock_that_steps_back_does_not_poll_twice() -> None:
    world = started()
    world.run_until(T0 + 301_000)
    polls = len(world.wished(FetchCandles))
    world.fetched()
    for back_ms in (1, 1_000, 200_000):
        world.tell(Tick(at_ms=world.now_ms - back_ms))
    assert len(world.wished(FetchCandles)) == polls


def test_a_held_up_bot_says_how_many_polls_it_missed() -> None:
    world = started()
    world.fetched()
    decision = world.tick(3 * 300_000 + 5_000)
    assert any("missed" in note.text for note in decision.notes)
    assert len(list(wishes([decision], FetchCandles))) == 1


@LAWS
@given(st.integers(0, 10**13), st.integers(1, 10**8), st.integers(0, 10**6))
def test_the_next_grid_moment_is_the_first_after_now(now_ms: int, interval_ms: int, settle_ms: int) -> None:
    due_ms = schedule.grid_after(now_ms, interval_ms, settle_ms)
    assert now_ms < due_ms <= now_ms + interval_ms
    assert (due_ms - settle_ms) % interval_ms == 0


def test_the_time_in_which_a_read_finds_its_candle_closed_is_our_own_also_when_the_exchange_runs_fast() -> None:
    world = started(speed=10.0, stream=Stream.PRICES)
    times = polled(world, T0 + 2 * HOUR)
    assert {(time_ms - 10 * schedule.SETTLE_MS) % 300_000 for time_ms in times} == {0}


def test_a_streamed_candle_is_waited_for_however_fast_the_exchange_runs_so_nothing_is_decided_later() -> None:
    world = started(speed=120.0)
    world.state.stream_up = True
    world.run_until(world.state.next_poll_ms)
    assert schedule.settling_ms(world.state) == schedule.SETTLE_MS
    assert (world.state.next_poll_ms - schedule.SETTLE_MS) % world.state.settings.check_interval_ms == 0


def test_a_read_under_way_is_not_asked_for_again_until_patience_ends() -> None:
    world = started(check_interval_s=D(5), stream=Stream.PRICES)
    world.fetched()
    asked = []
    for _poll in range(6):
        world.now_ms = world.state.next_poll_ms
        asked.append(bool(list(wishes([world.tick()], FetchCandles))))
    assert asked == [True, False, False, False, True, False]


def test_a_failed_read_is_asked_for_with_the_next_poll() -> None:
    world = started(check_interval_s=D(5))
    world.run_until(world.now_ms + 5_000)
    world.tell(Faulted(at_ms=world.now_ms, where="candles", coin="BTC", reason="502"))
    before = len(world.wished(FetchCandles))
    world.run_until(world.now_ms + 5_000)
    assert len(world.wished(FetchCandles)) == before + 1


def test_every_poll_asks_only_for_what_is_missing() -> None:
    world = started(stream=Stream.PRICES)
    world.run_until(T0 + 300_000 + schedule.SETTLE_MS)
    world.fetched(3)
    world.decisions.clear()
    world.run_until(T0 + 600_000 + schedule.SETTLE_MS)
    assert [wish.since_ms for wish in world.wished(FetchCandles)] == [T0 + 300_000]


def test_the_strategy_sees_only_new_bars_once_the_cache_is_full() -> None:
    world = started(candle_history=4, stream=Stream.PRICES)
    world.fetched(10)
    world.decisions.clear()
    for _bar in range(3):
        world.now_ms += 300_000
        world.fetched(2)
    told = world.wished(Evaluate)
    assert [wish.reset for wish in told] == [False] * 3
    assert [len(wish.candles) for wish in told] == [1] * 3


# prices while the stream is down


def test_while_the_stream_is_up_no_price_is_polled() -> None:
    world = started()
    world.hold()
    world.run_until(world.now_ms + 120_000)
    assert world.wished(FetchPrices) == []


def test_a_position_is_watched_by_rest_while_the_stream_is_down() -> None:
    world = started()
    world.hold()
    world.down()
    down_ms = world.now_ms
    world.run_until(down_ms + 10_000)
    assert len(world.wished(FetchPrices)) == 6
    assert all(wish.coins == ("BTC",) and not wish.marks for wish in world.wished(FetchPrices))
    world.mid(97)
    assert exits_of(world.decisions)


def test_a_stream_that_has_not_been_up_yet_is_no_outage_to_alert_of() -> None:
    held = Position(coin="BTC", size=D(10), entry_price=D(100))
    account = Account(equity=D(10_000), free=D(10_000), positions=(held,), time_ms=T0)
    world = started(account=account, ready=False, on_start_position=OnStartPosition.ADOPT)
    world.run_until(world.now_ms + 5_000)
    assert world.wished(FetchPrices)
    assert not [alert for alert in world.wished(Alert) if "stream has been down" in alert.text]


def test_without_a_position_nothing_is_polled_but_one_that_appears_is() -> None:
    world = started()
    entry = world.enter().orders[0]
    world.accept(entry, filled=D(0))
    world.down()
    world.run_until(world.now_ms + 20_000)
    assert world.wished(FetchPrices) == []
    world.fill(entry.side, 1, 100, cloid=entry.cloid)
    world.run_until(world.now_ms + 4_000)
    assert len(world.wished(FetchPrices)) >= 2


@pytest.mark.parametrize(("source", "marks"), [("trade", False), ("mark", True), ("both", True)])
def test_marks_are_polled_when_stops_watch_them(source: str, marks: bool) -> None:
    world = started(stop_price_source=StopPriceSource(source))
    world.hold()
    world.down()
    world.tick()
    assert [wish.marks for wish in world.wished(FetchPrices)] == [marks]


def test_a_frozen_coin_is_watched_by_rest_although_the_stream_is_up() -> None:
    world = started("BTC", "ETH")
    world.hold(coin="ETH")
    world.hold(coin="BTC")
    world.tell(StreamFrozen(at_ms=world.now_ms, coin="ETH", reason="no acknowledgement"))
    world.tick()
    assert [wish.coins for wish in world.wished(FetchPrices)] == [("ETH",)]


def test_a_stream_that_returns_ends_the_polling_and_looks_at_the_account_once() -> None:
    world = started()
    world.hold()
    world.down()
    world.tell(StreamDown(at_ms=world.now_ms, reason="again"))
    world.tick()
    world.decisions.clear()
    world.tell(StreamUp(at_ms=world.now_ms))
    assert len(world.wished(FetchAccount)) == 1
    world.run_until(world.now_ms + 20_000)
    assert world.wished(FetchPrices) == []


# the account


def test_the_account_is_read_every_half_minute_where_it_does_not_come_by_stream() -> None:
    world = started(stream=Stream.CANDLES)
    world.run_until(T0 + 300_000)
    assert 10 <= len(world.wished(FetchAccount)) <= 11
    assert all(wish.fills for wish in world.wished(FetchAccount))


def test_the_account_is_read_seldom_while_it_comes_by_stream_and_often_once_it_does_not() -> None:
    world = started()
    world.run_until(T0 + 540_000)
    assert len(world.wished(FetchAccount)) == 3
    world.down()
    before = len(world.wished(FetchAccount))
    world.run_until(world.now_ms + 300_000)
    assert len(world.wished(FetchAccount)) - before == 10


def test_fills_are_asked_for_since_the_last_one_known_or_the_last_look() -> None:
    world = started()
    world.run_until(T0 + 30_000)
    assert world.wished(FetchAccount)[-1].fills_since_ms == T0 - schedule.FILLS_OVERLAP_MS
    world.run_until(T0 + 900_000)
    assert world.wished(FetchAccount)[-1].fills_since_ms == T0 - schedule.FILLS_OVERLAP_MS, "no look succeeded since"
    world.trade(100)
    world.hold()
    filled_ms = world.state.last_fill_ms
    world.run_until(world.now_ms + 30_000)
    assert world.wished(FetchAccount)[-1].fills_since_ms == filled_ms - schedule.FILLS_OVERLAP_MS


# leaving


def quits(world: World) -> int:
    """How often the bot was told to leave."""
    return len(world.wished(Quit))


def test_with_nothing_on_its_way_the_bot_leaves_at_once() -> None:
    world = started()
    world.stop()
    assert quits(world) == 1
    assert world.state.stopped


def test_a_covered_position_does_not_hold_up_leaving_and_keeps_its_stop() -> None:
    world = started()
    world.hold()
    before = len(world.wished(PlaceOrders))
    decision = world.stop()
    assert quits(world) == 1
    assert "keep their resting stops" in decision.notes[0].text
    assert len(world.wished(PlaceOrders)) == before


def test_an_order_on_its_way_is_waited_for_and_no_longer_than_its_answer() -> None:
    world = started()
    wish = world.enter()
    world.stop()
    assert quits(world) == 0
    for request in wish.orders:
        world.tell(OrderRejected(at_ms=world.now_ms, cloid=request.cloid, reason="no"))
    assert quits(world) == 1


def test_an_order_in_doubt_is_waited_for_until_patience_ends() -> None:
    world = started()
    wish = world.enter()
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=wish.orders[0].cloid, reason="timed out"))
    world.stop()
    world.run_until(world.now_ms + STOP_PATIENCE_MS - 1)
    assert quits(world) == 0
    world.run_until(world.now_ms + 1)
    assert quits(world) == 1
    assert any("undone" in note.text for note in world.decisions[-1].notes)


def test_a_position_whose_stop_is_not_confirmed_is_waited_for_and_protected() -> None:
    world = started()
    wish = world.enter()
    for request in wish.orders:
        world.accept(request)
    world.fill(wish.orders[0].side, wish.orders[0].size, 100, cloid=wish.orders[0].cloid)
    world.stop()
    assert quits(world) == 0
    world.now_ms += 1_500
    world.account(orders=[])
    assert quits(world) == 0
    world.accept(world.placed(Role.STOP)[-1])
    world.now_ms += 1_500
    world.account()
    assert quits(world) == 1


def test_an_exit_under_way_is_seen_through() -> None:
    world = started()
    world.hold()
    world.trade(97)
    world.stop()
    assert quits(world) == 0
    world.close(exits_of(world.decisions)[0][1], 97)
    assert quits(world) == 1


def test_after_the_stop_command_nothing_is_entered_or_polled_and_no_tick_spins() -> None:
    world = started()
    world.enter()
    world.stop()
    world.signal(Want.LONG, candle_open_ms=T0)
    world.run_until(world.now_ms + 4_000)
    polls = len(world.wished(FetchCandles))
    world.run_until(world.now_ms + 600_000)
    assert len(world.placed(Role.ENTRY)) == 1
    assert len(world.wished(FetchCandles)) == polls
    assert quits(world) == 1


def test_a_second_stop_changes_nothing() -> None:
    world = started()
    world.enter()
    world.stop()
    due_ms = world.state.quit_due_ms
    world.now_ms += 100
    world.stop()
    assert world.state.quit_due_ms == due_ms


@LAWS
@given(st.sampled_from(Timeframe), st.decimals("0.1", "100000", places=1), st.integers(0, 10**9))
def test_what_is_due_lies_ahead_after_a_tick(timeframe: Timeframe, interval_s: Decimal, after_ms: int) -> None:
    world = started(instrument(), timeframe=timeframe, check_interval_s=interval_s)
    world.tick(after_ms)
    assert schedule.next_due_ms(world.state) > world.now_ms


def test_the_first_coins_are_polled_in_every_cycle_and_later_ranks_less_often() -> None:
    tier = 50
    cycles = range(12)
    for rank, every in ((0, 1), (tier - 1, 1), (tier, 2), (2 * tier - 1, 2), (2 * tier, 3)):
        polled_in = [cycle for cycle in cycles if schedule.is_polled(rank, cycle, tier)]
        assert polled_in[0] == 0
        assert polled_in[1:] == list(range(polled_in[1], 12, every))
        assert polled_in[1] <= every


@given(st.integers(1, 1_001), st.integers(60, 3_600))
def test_the_tiers_keep_polling_within_its_share_of_the_budget(coins: int, interval_s: int) -> None:
    tier = schedule.tier_size(coins, interval_s * 1_000)
    cycles = 60
    polls = sum(schedule.is_polled(rank, cycle, tier) for rank in range(coins) for cycle in range(1, cycles + 1))
    allowed = schedule.POLLED_PER_MINUTE * interval_s / 60
    assert tier == 1 or polls / cycles <= allowed * 1.05 + 1
    assert 1 <= tier <= coins


def test_a_stream_that_stays_away_for_a_minute_with_a_position_is_one_alert_an_outage() -> None:
    world = started()
    world.hold()
    world.tell(StreamDown(at_ms=world.now_ms, reason="cut"))
    world.run_until(world.now_ms + 59_000)
    assert world.wished(Alert) == []
    world.run_until(world.now_ms + 600_000)
    assert len(world.wished(Alert)) == 1
    world.tell(StreamUp(at_ms=world.now_ms))
    world.tell(StreamDown(at_ms=world.now_ms, reason="cut again"))
    world.run_until(world.now_ms + 120_000)
    assert len(world.wished(Alert)) == 2


def test_a_view_of_the_account_that_failed_is_asked_for_again_within_seconds() -> None:
    world = started()
    world.hold()
    world.tell(Faulted(at_ms=world.now_ms, where="account", reason="the budget is spent"))
    reads = len(world.wished(FetchAccount))
    world.run_until(world.now_ms + schedule.ACCOUNT_AGAIN_MS)
    assert len(world.wished(FetchAccount)) == reads + 1


def test_a_start_with_more_coins_than_can_be_polled_says_so_with_the_arithmetic() -> None:
    world = started(*(f"C{number}" for number in range(200)), check_interval_s=D(60), ready=False)
    (note,) = [note for note in world.decisions[0].notes if "without the stream" in note.text]
    assert "200 coins every 60 s would weigh 4000 a minute, of which candles may have 400" in note.text
    few = started("BTC", ready=False)
    assert not [note for note in few.decisions[0].notes if "without the stream" in note.text]
