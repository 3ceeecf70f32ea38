"""Rows 001-11, 001-26, 004-03: each bar is told once whatever the clock does; too few bars and a stop are said."""

from itertools import pairwise

import pytest

from tests.core.worlds import T0, candles, started, wishes
from tidegate.core import schedule
from tidegate.model.events import CandlesFetched, Command, Signalled
from tidegate.model.intents import Evaluate, FetchCandles, PlaceOrders, Quit
from tidegate.model.market import Timeframe
from tidegate.model.settings import Stream

STEP = Timeframe.M5.ms
HOURS_3 = 3 * 3_600_000


@pytest.mark.parametrize("jump_ms", [HOURS_3, HOURS_3 + 123_456, HOURS_3 - 1])
def test_after_three_hours_away_every_bar_is_told_once_and_in_order(jump_ms: int) -> None:
    world = started(stream=Stream.PRICES)
    told = [row.open_ms for look in world.wished(Evaluate) for row in look.candles]
    world.decisions.clear()
    world.now_ms += jump_ms
    polls = 0
    for _second in range(2 * 300):
        decision = world.tick(1_000)
        for wish in wishes([decision], FetchCandles):
            polls += 1
            fetched = tuple(row for row in candles(world.now_ms, 60) if row.open_ms >= wish.since_ms)
            world.tell(CandlesFetched(at_ms=world.now_ms, coin="BTC", candles=fetched, exchange_ms=world.now_ms))
    told += [row.open_ms for look in world.wished(Evaluate) for row in look.candles]
    assert polls in (2, 3), "one poll makes up for what was missed; then the grid goes on"
    assert all(later - earlier == STEP for earlier, later in pairwise(told)), "none skipped, none doubled"
    newest = (world.now_ms - schedule.SETTLE_MS) // STEP * STEP - STEP
    assert told[-1] == newest
    assert len([open_ms for open_ms in told if open_ms >= T0]) >= jump_ms // STEP


def test_with_299_of_300_bars_nothing_is_traded_and_the_log_says_how_many_there_are() -> None:
    world = started()
    world.decisions.clear()
    decision = world.tell(Signalled(at_ms=world.now_ms, coin="BTC", candle_open_ms=T0, signal=None, bars=299))
    assert [note.text for note in decision.notes] == ["BTC waits: the strategy warms up (299 bars so far)"]
    assert not world.wished(PlaceOrders)


def test_a_bot_that_sleeps_between_two_polls_leaves_in_the_moment_in_which_it_is_asked_to() -> None:
    world = started()
    world.fetched()
    world.tick(1_000)
    assert schedule.next_due_ms(world.state) > world.now_ms
    asked_ms = world.now_ms
    world.tell(Command(at_ms=world.now_ms, name="stop", reason="SIGTERM"))
    world.tick(1)
    assert world.wished(Quit)
    assert world.state.stopped
    assert world.now_ms - asked_ms <= 1
