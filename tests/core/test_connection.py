"""The stream comes and goes, coin by coin; what it does not bring is polled, and its exits are evaluated."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from tests.core.worlds import T0, D, candle, candles, exits_of, started
from tidegate.core import schedule
from tidegate.core.state import Phase
from tidegate.model.events import (
    AccountMissed,
    CandleChanged,
    CandlesFetched,
    CoinsHeard,
    CoinsUnheard,
    Faulted,
    PricesSeen,
    StreamDown,
    StreamUp,
)
from tidegate.model.intents import Alert, FetchAccount, FetchCandles, FetchPrices
from tidegate.model.settings import Stream
from tidegate.model.signals import Want

M5 = 300_000


def test_a_coin_beyond_the_stream_is_polled_every_two_seconds_while_it_has_a_position_and_its_stop_fires() -> None:
    world = started("BTC", "ETH")
    world.hold(coin="ETH")
    world.tell(CoinsUnheard(at_ms=world.now_ms, coins=("ETH",), reason="the exchange allows 1000 subscriptions"))
    world.decisions.clear()
    world.run_until(world.now_ms + 10_000)
    assert [wish.coins for wish in world.wished(FetchPrices)] == [("ETH",)] * 6
    world.mid(97, coin="ETH")
    assert exits_of(world.decisions)


def test_a_coin_beyond_the_stream_without_a_position_has_its_price_looked_at_now_and_then() -> None:
    world = started("BTC", "ETH")
    world.tell(CoinsUnheard(at_ms=world.now_ms, coins=("ETH",), reason="no room"))
    world.decisions.clear()
    world.run_until(world.now_ms + 60_000)
    assert 3 <= len(world.wished(FetchPrices)) <= 5
    assert world.wished(Alert) == [], "no room is no reason to wake anybody"


def test_no_entry_is_made_in_a_coin_that_is_not_heard_and_one_that_is_heard_again_is_entered() -> None:
    world = started("BTC", "ETH")
    world.tell(CoinsUnheard(at_ms=world.now_ms, coins=("ETH",), reason="its socket is down"))
    world.signal(Want.LONG, coin="ETH")
    assert world.coin("ETH").wanted is not None
    world.tell(CoinsHeard(at_ms=world.now_ms, coins=("ETH",)))
    assert world.coin("ETH").wanted is None
    assert world.entry().coin == "ETH"


def test_candles_of_coins_that_are_not_heard_are_polled_by_rank() -> None:
    names = [f"C{number}" for number in range(60)]
    world = started(*names, check_interval_s=D(60))
    for name in names:
        world.tell(CandleChanged(at_ms=world.now_ms, coin=name, candle=candle(T0)))
    world.tell(CoinsUnheard(at_ms=world.now_ms, coins=tuple(names[20:]), reason="no room"))
    polls: dict[str, int] = dict.fromkeys(names, 0)
    for minute in range(1, 13):
        world.now_ms = T0 + minute * 60_000 + schedule.SETTLE_MS
        for wish in (wish for wish in world.tick().intents if isinstance(wish, FetchCandles)):
            polls[wish.coin] += 1
            world.fetched(coin=wish.coin)
    counts = [polls[name] for name in names[20:]]
    assert counts[0] == 12
    assert all(later <= earlier + 1 for earlier, later in pairwise(counts)), "each has a turn of its own"
    assert 0 < counts[-1] < 6
    assert sum(counts) <= 12 * schedule.POLLED_PER_MINUTE * 1.1


def test_a_coin_whose_first_read_failed_is_read_again_from_its_beginning_though_the_stream_has_closed_candles() -> None:
    world = started(ready=False)
    (first,) = [wish for wish in world.tick().intents if isinstance(wish, FetchCandles)]
    world.tell(Faulted(at_ms=world.now_ms, where="candles", coin="BTC", reason="not now"))
    for open_ms in (T0, T0 + M5, T0 + 2 * M5):
        world.now_ms = open_ms + schedule.SETTLE_MS
        world.tell(CandleChanged(at_ms=world.now_ms, coin="BTC", candle=candle(open_ms)))
    assert len(world.coin().candles.rows) == 2
    (again,) = [wish for wish in world.tick().intents if isinstance(wish, FetchCandles)]
    assert again.since_ms <= first.since_ms + 2 * M5
    world.fetched(30)
    assert world.coin().phase is Phase.READY


def test_what_may_have_been_missed_of_the_account_is_read() -> None:
    world = started()
    world.decisions.clear()
    world.tell(AccountMissed(at_ms=world.now_ms, reason="userFills was granted late"))
    (wish,) = world.wished(FetchAccount)
    assert wish.fills


@pytest.mark.parametrize("stage", list(Stream))
def test_every_stage_of_streaming_polls_decides_and_enters(stage: Stream) -> None:
    world = started(stream=stage, ready=stage is not Stream.OFF)
    if stage is Stream.OFF:
        world.tick()
        world.fetched()
        world.state.change("BTC", leverage=3)
        world.mark(100)
        world.mid(100)
    world.run_until(T0 + M5 + 2_000)
    if stage in (Stream.OFF, Stream.PRICES):
        assert [wish.since_ms for wish in world.wished(FetchCandles)][-1] <= T0
    world.trade(100) if stage is not Stream.OFF else world.mid(100)
    if stage is not Stream.OFF:
        world.book(100, 100)
    world.mark(100)
    world.fetched()
    world.signal(Want.LONG)
    assert world.entry().coin == "BTC"


# candles that cannot be


@pytest.mark.parametrize("how", ["gap", "duplicate", "unsorted", "nan", "negative", "crossed", "open"])
def test_bad_candles_are_refused_or_put_right_with_a_line_and_nothing_is_decided_on_them(how: str) -> None:
    world = started(stream=Stream.PRICES)
    world.now_ms = T0 + 2 * M5 + 1_000
    rows = list(candles(world.now_ms, 4))
    broken = rows[-2]
    match how:
        case "gap":
            del rows[-3]
        case "duplicate":
            rows.insert(-1, broken)
        case "unsorted":
            rows.reverse()
        case "nan":
            rows[-2] = replace(broken, close=D("NaN"))
        case "negative":
            rows[-2] = replace(broken, low=D(-1))
        case "crossed":
            rows[-2] = replace(broken, high=D(50))
        case "open":
            rows[-2] = replace(broken, close_ms=world.now_ms + 1)
    decision = world.tell(CandlesFetched(at_ms=world.now_ms, coin="BTC", candles=tuple(rows), exchange_ms=world.now_ms))
    kept = world.coin().candles.rows
    assert [row.open_ms for row in kept] == sorted({row.open_ms for row in kept})
    assert all(row.problem() is None and row.close_ms < world.now_ms for row in kept)
    if how in ("duplicate", "unsorted", "gap"):
        assert kept[-1].open_ms == T0 + M5
        assert decision.notes
    else:
        assert kept[-1].open_ms == T0, "the candle is left out, and no bar of it reaches the strategy"
        assert how == "open" or decision.notes[0].text.startswith("BTC: candle of ")


def test_a_bar_told_twice_is_entered_once() -> None:
    world = started()
    first = world.enter()
    world.accept(first.orders[0], filled=D(0))
    again = world.signal(Want.LONG, candle_open_ms=world.coin().acted_open_ms)
    assert "acted on before" in again.notes[0].text


def test_a_coin_whose_price_is_not_believed_is_not_believed_because_its_socket_is_back() -> None:
    world = started()
    for _look in range(2):
        world.tell(PricesSeen(at_ms=world.now_ms, mids={"BTC": D(90)}))
        world.now_ms += 10_000
        world.book(100, 100)
    world.tell(CoinsHeard(at_ms=world.now_ms, coins=("BTC",)))
    assert not world.state.is_heard("BTC")


def test_of_a_storm_of_losses_the_first_are_told_one_by_one_and_the_rest_are_only_counted() -> None:
    world = started()
    levels: list[str] = []
    for _loss in range(10):
        world.now_ms += 5_000
        down = world.tell(StreamDown(at_ms=world.now_ms, reason="cut"))
        world.now_ms += 5_000
        up = world.tell(StreamUp(at_ms=world.now_ms))
        levels += [note.level for note in (*down.notes, *up.notes) if note.topic == "stream"]
    assert levels == ["WARNING", "INFO"] * 3 + ["WARNING", "DEBUG"] + ["DEBUG"] * 12
    world.now_ms += 400_000
    assert world.tell(StreamDown(at_ms=world.now_ms, reason="cut")).notes[0].level == "WARNING"


def test_a_socket_given_up_for_what_came_over_it_is_worth_an_alert_and_one_that_was_merely_lost_is_not() -> None:
    world = started()
    world.tell(StreamDown(at_ms=world.now_ms, reason="cut"))
    assert not world.wished(Alert)
    world.tell(StreamUp(at_ms=world.now_ms))
    world.tell(StreamDown(at_ms=world.now_ms, reason="unreadable frames", is_worrying=True))
    assert "unreadable frames" in world.wished(Alert)[0].text
