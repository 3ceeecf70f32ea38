"""Upkeep by REST while everything comes by stream: little of it, by and by, and nothing forgotten."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from tests.core.worlds import T0, D, World, candle, started
from tidegate.core import schedule, upkeep
from tidegate.model.events import (
    Account,
    AccountSeen,
    CandleChanged,
    CandlesFetched,
    PositionsSeen,
    PricesSeen,
    RequestsSeen,
    StreamUp,
)
from tidegate.model.intents import (
    Alert,
    CheckPrices,
    Evaluate,
    FetchAccount,
    FetchCandles,
    FetchPositions,
    FetchPrices,
    FetchRequests,
    Intent,
)
from tidegate.model.positions import Position
from tidegate.model.settings import Stream

M5 = 300_000
MINUTE = 60_000
WEIGHTS = {FetchCandles: 20, FetchPositions: 2, CheckPrices: 2, FetchRequests: 20, FetchPrices: 2}


def weight(wish: Intent) -> int:
    """What the exchange counts for a wish, in unified mode, where it is more."""
    if isinstance(wish, FetchAccount):
        return 6 + 20 * (1 + wish.fills + (wish.flows_since_ms is not None))
    if isinstance(wish, FetchPositions):
        return 4 + 20 * (wish.flows_since_ms is not None)
    return WEIGHTS.get(type(wish), 0)


def live(world: World, until_ms: int) -> list[tuple[int, int]]:
    """Let time pass with an exchange that answers at once, and the candle stream at work; when what was asked for."""
    asked: list[tuple[int, int]] = []
    while True:
        due_ms = min(schedule.next_due_ms(world.state), _next_bar_ms(world))
        if due_ms > until_ms:
            return asked
        world.now_ms = max(world.now_ms, due_ms)
        for name in world.state.coins:
            world.tell(CandleChanged(at_ms=world.now_ms, coin=name, candle=candle(world.now_ms - world.now_ms % M5)))
        decision = world.tick()
        for wish in decision.intents:
            asked.append((world.now_ms, weight(wish)))
            answer(world, wish)


def _next_bar_ms(world: World) -> int:
    return world.now_ms - world.now_ms % M5 + M5


def answer(world: World, wish: Intent) -> None:
    """The exchange answers, and agrees with all that we know."""
    match wish:
        case FetchCandles():
            world.fetched(coin=wish.coin)
        case CheckPrices():
            world.tell(PricesSeen(at_ms=world.now_ms, mids=dict.fromkeys(wish.coins, D(100))))
        case FetchPositions():
            world.tell(PositionsSeen(at_ms=world.now_ms, account=money(world, known=wish.flows_since_ms is not None)))
        case FetchAccount():
            world.account()
        case FetchRequests():
            world.tell(RequestsSeen(at_ms=world.now_ms, used=100, most=10_000))


def money(world: World, *, known: bool = False, equity: object = 10_000) -> Account:
    positions = tuple(coin.position for coin in world.state.coins.values() if coin.position.size)
    return Account(
        equity=D(equity),
        free=D(equity),
        positions=positions,
        time_ms=world.now_ms,
        flows_known=known,
        fills_known=False,
    )


def busiest_minute(asked: list[tuple[int, int]]) -> int:
    """The most that any sixty seconds hold."""
    return max(
        (sum(each for at_ms, each in asked if from_ms <= at_ms < from_ms + MINUTE) for from_ms, _ in asked), default=0
    )


@pytest.mark.parametrize("coins", [1, 3, 30])
@pytest.mark.parametrize("held", [False, True])
def test_with_the_stream_up_no_minute_weighs_sixty_whatever_the_number_of_coins(coins: int, held: bool) -> None:
    world = started(*(f"C{number}" for number in range(coins)), price=D(100))
    live(world, T0 + 2 * MINUTE)
    if held:
        world.trade(100, coin="C0")
        world.book(100, 100, coin="C0")
        world.mark(100, coin="C0")
        world.hold(coin="C0")
        live(world, world.now_ms + 3 * MINUTE)
    asked = live(world, world.now_ms + 20 * MINUTE)
    assert 0 < busiest_minute(asked) < 60


def test_in_time_every_chore_is_done() -> None:
    world = started("BTC", "ETH", "SOL")
    live(world, T0 + 90 * MINUTE)
    kinds = {type(wish): world.wished(type(wish)) for decision in world.decisions for wish in decision.intents}
    assert {FetchCandles, FetchPositions, CheckPrices, FetchAccount, FetchRequests} <= kinds.keys()
    assert {wish.coin for wish in world.wished(FetchCandles)} == {"BTC", "ETH", "SOL"}
    assert any(wish.flows_since_ms is not None for wish in world.wished(FetchPositions))
    assert any(wish.fills for wish in world.wished(FetchAccount))


def test_candles_that_the_stream_closed_are_decided_on_without_asking() -> None:
    world = started()
    live(world, T0 + 2 * MINUTE)
    world.decisions.clear()
    live(world, T0 + M5 + 5_000)
    (told,) = world.wished(Evaluate)
    assert [row.open_ms for row in told.candles] == [T0]
    assert not told.reset


def test_a_quiet_coin_waits_for_its_next_print_and_after_a_while_asks() -> None:
    world = started()
    live(world, T0 + 2 * MINUTE)
    world.decisions.clear()
    world.run_until(T0 + M5 + 20_000)
    assert world.wished(Evaluate) == []
    world.tell(CandleChanged(at_ms=world.now_ms, coin="BTC", candle=candle(T0 + M5)))
    assert [row.open_ms for row in world.wished(Evaluate)[0].candles] == [T0]
    world.fetched()
    world.decisions.clear()
    world.run_until(T0 + 2 * M5 + 120_000)
    assert world.wished(FetchCandles), "nobody traded: REST is asked"


def test_after_an_outage_the_missing_candles_are_asked_for_once() -> None:
    world = started("BTC", "ETH")
    live(world, T0 + 2 * MINUTE)
    world.down()
    world.now_ms = T0 + M5 + 20_000
    world.state.next_poll_ms = T0 + 10 * M5
    world.decisions.clear()
    world.tell(StreamUp(at_ms=world.now_ms))
    world.tell(CandleChanged(at_ms=world.now_ms, coin="BTC", candle=candle(T0 + M5)))
    world.tell(CandleChanged(at_ms=world.now_ms, coin="ETH", candle=candle(T0 + M5)))
    world.run_until(world.now_ms + 6_000)
    assert sorted(wish.coin for wish in world.wished(FetchCandles)) == ["BTC", "ETH"]


def test_an_outage_within_a_candle_costs_no_candle_read() -> None:
    world = started()
    live(world, T0 + 2 * MINUTE)
    world.down()
    world.tell(StreamUp(at_ms=world.now_ms + 1_000))
    world.tell(CandleChanged(at_ms=world.now_ms, coin="BTC", candle=candle(T0)))
    world.decisions.clear()
    world.run_until(world.now_ms + 7_000)
    assert world.wished(FetchCandles) == []


def test_without_any_stream_everything_is_polled_and_entries_go() -> None:
    world = started(stream=Stream.OFF, ready=False)
    world.run_until(T0 + 30_000)
    assert len(world.wished(FetchPrices)) >= 14
    assert any(wish.marks for wish in world.wished(FetchPrices))
    assert world.state.is_heard("BTC")


def test_a_withdrawal_is_no_loss() -> None:
    """Money that is gone is held against the limits only with the deposits and withdrawals beside it."""
    world = started()
    world.run_until(T0 + 10_000)
    world.tell(PositionsSeen(at_ms=world.now_ms, account=money(world, equity=9_000)))
    assert world.state.brakes.trips == ()
    world.decisions.clear()
    world.run_until(world.now_ms + 6_000)
    (asked,) = world.wished(FetchAccount)
    assert asked.flows_since_ms is not None
    world.tell(AccountSeen(at_ms=world.now_ms, account=replace(money(world, equity=9_000), flows_known=True)))
    assert [trip.brake.value for trip in world.state.brakes.trips] == ["daily loss"]


def test_a_limit_that_is_reached_is_asked_about_once_and_no_more() -> None:
    world = started()
    world.run_until(T0 + 10_000)
    world.decisions.clear()
    for _look in range(10):
        world.tell(PositionsSeen(at_ms=world.now_ms, account=money(world, equity=9_400)))
        world.run_until(world.now_ms + 1_000)
    assert 1 <= len(world.wished(FetchAccount)) <= 3


# against what the stream says


def test_a_position_that_rest_shows_otherwise_has_the_account_read_and_is_said_once() -> None:
    world = started()
    world.run_until(T0 + 10_000)
    world.decisions.clear()
    account = replace(money(world), positions=(Position(coin="BTC", size=D(3), entry_price=D(100)),))
    notes = []
    for _look in range(3):
        notes += world.tell(PositionsSeen(at_ms=world.now_ms, account=account)).notes
    assert len(world.wished(FetchAccount)) == 3
    assert [note.level for note in notes] == ["WARNING", "DEBUG", "DEBUG"]
    assert "the exchange shows 3, the bot knows 0" in notes[0].text


def test_a_position_that_is_really_another_one_is_corrected_and_alerted_once() -> None:
    world = started()
    world.hold()
    world.run_until(world.now_ms + 10_000)
    world.decisions.clear()
    held = world.coin().position
    theirs = replace(held, size=held.size * 2)
    world.tell(PositionsSeen(at_ms=world.now_ms, account=replace(money(world), positions=(theirs,))))
    assert world.wished(FetchAccount)
    assert not world.wished(Alert), "one look may be a matter of timing"
    for _read in range(3):
        world.now_ms += 10_000
        world.account(positions=[theirs])
    (alert,) = (each.text for each in world.wished(Alert) if "theirs counts" in each.text)
    assert f"the exchange shows a position of {theirs.size}, the bot knew {held.size}" in alert
    assert world.coin().position.size == theirs.size


def test_a_price_by_stream_that_is_wrong_is_found_corrected_and_told() -> None:
    world = started()
    world.hold()
    world.decisions.clear()
    for _look in range(2):
        world.tell(PricesSeen(at_ms=world.now_ms, mids={"BTC": D(97)}))
        world.now_ms += 10_000
        world.book(100, 100)
    assert [alert.text for alert in world.wished(Alert)] == [
        "BTC: 100 by stream, 97 by REST (3.1 % apart for 10 s): REST counts, no entries"
    ]
    assert world.coin().exit is not None, "and the stop that REST sees crossed has fired"
    assert "BTC" in world.state.frozen
    assert not world.state.is_heard("BTC")


def test_prices_that_agree_again_are_believed_again() -> None:
    world = started()
    for _look in range(2):
        world.tell(PricesSeen(at_ms=world.now_ms, mids={"BTC": D(90)}))
        world.now_ms += 10_000
        world.book(100, 100)
    assert "BTC" in world.state.frozen
    world.tell(PricesSeen(at_ms=world.now_ms, mids={"BTC": D("99.5")}))
    assert "BTC" not in world.state.frozen


def test_a_difference_of_a_moment_is_none() -> None:
    world = started()
    world.tell(PricesSeen(at_ms=world.now_ms, mids={"BTC": D(97)}))
    world.now_ms += 1_000
    world.trade(97)
    world.book(97, 97)
    world.tell(PricesSeen(at_ms=world.now_ms, mids={"BTC": D(97)}))
    world.now_ms += 20_000
    world.tell(PricesSeen(at_ms=world.now_ms, mids={"BTC": D(97)}))
    assert world.state.frozen == frozenset()


def test_a_candle_that_differs_from_rest_is_corrected_in_one_line_and_enters_nothing_twice() -> None:
    world = started()
    live(world, T0 + M5 + 5_000)
    assert world.coin().candles.rows[-1].open_ms == T0
    world.decisions.clear()
    wrong = tuple(replace(row, close=D(101), high=D(101)) for row in world.coin().candles.rows[-1:])
    decision = world.tell(CandlesFetched(at_ms=world.now_ms, coin="BTC", candles=wrong, exchange_ms=world.now_ms))
    (note,) = decision.notes
    assert note.text == (
        "BTC: 1 closed candle(s) were revised by the exchange: 00:00 high 100 is 101, close 100 is 101"
    )
    assert world.coin().candles.rows[-1].close == 101
    (told,) = world.wished(Evaluate)
    assert told.reset, "the strategy looks again; the signal of a bar is acted on once all the same"


def test_how_long_the_actions_last_is_told_when_it_is_not_long() -> None:
    world = started()
    hour = 3_600_000
    world.tell(RequestsSeen(at_ms=T0, used=9_000, most=10_000))
    world.tell(RequestsSeen(at_ms=T0 + hour, used=9_020, most=10_000))
    (alert,) = world.wished(Alert)
    assert "lasts 2.0 days" in alert.text
    world.tell(RequestsSeen(at_ms=T0 + 2 * hour, used=9_021, most=10_050))
    assert len(world.wished(Alert)) == 1


def test_weights_are_written_down_no_longer_than_they_count() -> None:
    world = started()
    for _ in range(50):
        world.now_ms += 10_000
        world.state.now_ms = world.now_ms
        upkeep.spent(world.state, 2)
    assert len(world.state.upkeep.spent) <= upkeep.WINDOW_MS // 10_000 + 1


@pytest.mark.parametrize("lag_ms", [5_000, -5_000])
def test_prints_that_all_come_late_or_from_the_future_have_the_clock_looked_at_within_ten_seconds(lag_ms: int) -> None:
    world = started()
    begun_ms = world.now_ms + abs(lag_ms)
    world.run_until(begun_ms)
    while not world.wished(FetchPositions) and world.now_ms < begun_ms + 20_000:
        world.run_until(world.now_ms + 500)
        world.trade(100, time_ms=world.now_ms - lag_ms)
    assert world.now_ms - begun_ms <= 10_000
    world.decisions.clear()
    world.run_until(world.now_ms + 10_000)
    assert not world.wished(FetchPositions), "not again and again"


def test_one_late_print_among_timely_ones_is_no_reason_to_look_at_the_clock() -> None:
    world = started()
    begun_ms = world.now_ms
    while world.now_ms < begun_ms + 20_000:
        world.run_until(world.now_ms + 500)
        world.trade(100)
        world.trade(100, time_ms=world.now_ms - 5_000)
    assert not world.wished(FetchPositions)


def test_positions_are_looked_at_every_half_minute_however_the_looks_fall() -> None:
    world = started()
    asked_ms: list[int] = []
    end_ms = world.now_ms + 5 * MINUTE
    while world.now_ms < end_ms:
        world.now_ms = max(world.now_ms, schedule.next_due_ms(world.state))
        for wish in world.tick().intents:
            if isinstance(wish, FetchPositions):
                asked_ms.append(world.now_ms)
            answer(world, wish)
    assert len(asked_ms) >= 5
    assert max(later - earlier for earlier, later in pairwise(asked_ms)) <= 30_000
