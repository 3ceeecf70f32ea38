"""Stored candles: closed ones only, each once, and by coin, time frame and time."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidegate.model.events import CandlesFetched, Tick
from tidegate.model.intents import NOTHING, Decision, Evaluate
from tidegate.model.market import Candle, Timeframe
from tidegate.storage.ledger import Ledger
from tidegate.storage.prices import Holding, PriceDataReader, stored_candles

MINUTE_MS = 60_000
T0 = 1_790_000_040_000

Opener = Callable[..., Ledger]


def candle(number: int, close: str = "100.50", timeframe: Timeframe = Timeframe.M1) -> Candle:
    open_ms = T0 + number * timeframe.ms
    price = Decimal(close)
    return Candle(open_ms, open_ms + timeframe.ms - 1, price, price, price, price, Decimal("12.3400"), 7)


def fetched(*candles: Candle, coin: str = "BTC", exchange_ms: int = T0 + 1_000 * MINUTE_MS) -> CandlesFetched:
    return CandlesFetched(at_ms=T0, coin=coin, candles=candles, exchange_ms=exchange_ms)


def stored(ledger: Ledger, *facts: CandlesFetched) -> None:
    for fact in facts:
        ledger.record(fact, NOTHING)
    ledger.flush()


def test_a_candle_comes_back_as_it_was_to_the_last_digit(open_ledger: Opener, url: str) -> None:
    stored(open_ledger(), fetched(candle(0), candle(1)))

    with PriceDataReader(url, venue="testnet") as prices:
        found = prices.candles("BTC", Timeframe.M1)

    assert found == (candle(0), candle(1))
    assert str(found[0].close) == "100.50"
    assert str(found[0].volume) == "12.3400"


def test_a_candle_that_is_fetched_again_is_kept_once_in_its_newest_form(open_ledger: Opener, url: str) -> None:
    ledger = open_ledger()
    stored(ledger, fetched(candle(0, "100"), candle(1, "100")), fetched(candle(1, "101")))
    stored(ledger, fetched(candle(1, "102"), candle(2, "103")))
    stored(ledger, fetched(candle(1, "102"), candle(2, "103")))

    with PriceDataReader(url, venue="testnet") as prices:
        assert [found.close for found in prices.candles("BTC", Timeframe.M1)] == [100, 102, 103]


def test_the_forming_candle_is_never_stored(open_ledger: Opener, url: str) -> None:
    closes_ms = candle(1).close_ms
    stored(open_ledger(), fetched(candle(0), candle(1), exchange_ms=closes_ms))
    with PriceDataReader(url, venue="testnet") as prices:
        assert prices.candles("BTC", Timeframe.M1) == (candle(0),)

    stored(open_ledger(), fetched(candle(1), exchange_ms=closes_ms + 1))
    with PriceDataReader(url, venue="testnet") as prices:
        assert prices.candles("BTC", Timeframe.M1) == (candle(0), candle(1))


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_every_time_frame_is_told_by_a_candles_length(open_ledger: Opener, url: str, timeframe: Timeframe) -> None:
    one = candle(0, timeframe=timeframe)
    stored(open_ledger(), fetched(one, exchange_ms=2**62))

    with PriceDataReader(url, venue="testnet") as prices:
        assert prices.candles("BTC", timeframe) == (one,)
        assert [holding.timeframe for holding in prices.holdings()] == [timeframe]


def test_a_candle_of_no_known_length_is_left_out(open_ledger: Opener, url: str) -> None:
    odd = Candle(T0, T0 + 12_345, Decimal(1), Decimal(1), Decimal(1), Decimal(1), Decimal(1))
    stored(open_ledger(), fetched(odd, candle(0)))

    with PriceDataReader(url, venue="testnet") as prices:
        assert [holding.count for holding in prices.holdings()] == [1]


def test_a_span_includes_its_first_moment_and_excludes_its_last(open_ledger: Opener, url: str) -> None:
    stored(open_ledger(), fetched(*(candle(number) for number in range(10))))

    with PriceDataReader(url, venue="testnet") as prices:
        found = prices.candles("BTC", Timeframe.M1, T0 + 3 * MINUTE_MS, T0 + 6 * MINUTE_MS)

    assert found == (candle(3), candle(4), candle(5))


def test_coins_and_venues_are_kept_apart_and_accounts_share_candles(open_ledger: Opener, url: str) -> None:
    stored(open_ledger(account="0xabc"), fetched(candle(0)), fetched(candle(0), candle(1), coin="ETH"))
    stored(open_ledger(account="0xdef"), fetched(candle(0)))
    stored(open_ledger(venue="mainnet"), fetched(candle(5)))

    with PriceDataReader(url, venue="testnet") as prices:
        assert prices.holdings() == (
            Holding(coin="BTC", timeframe=Timeframe.M1, first_open_ms=T0, last_open_ms=T0, count=1),
            Holding(coin="ETH", timeframe=Timeframe.M1, first_open_ms=T0, last_open_ms=T0 + MINUTE_MS, count=2),
        )
        assert prices.candles("SOL", Timeframe.M1) == ()


def test_candles_wait_while_an_order_hurries_into_the_database(open_ledger: Opener, url: str) -> None:
    ledger = open_ledger()
    ledger.record(fetched(candle(0)), NOTHING)
    ledger.commit_before_send(["0xa"], 5, b"signed", T0)
    with PriceDataReader(url, venue="testnet") as prices:
        assert prices.candles("BTC", Timeframe.M1) == ()
        ledger.flush()
        assert prices.candles("BTC", Timeframe.M1) == (candle(0),)


def test_candles_that_the_stream_closed_are_stored_but_not_those_that_were_inferred(
    open_ledger: Opener, url: str
) -> None:
    ledger = open_ledger()
    quiet = replace(candle(1), trades=0)
    told = Evaluate(coin="BTC", candles=(candle(0), quiet, candle(2)), reset=False)
    again = Evaluate(coin="ETH", candles=tuple(candle(number) for number in range(9)), reset=True)
    ledger.record(Tick(at_ms=T0), Decision(intents=(told, again)))
    ledger.flush()
    assert stored_candles(url, "testnet", "BTC", Timeframe.M1, 0) == (candle(0), candle(2))
    assert stored_candles(url, "testnet", "ETH", Timeframe.M1, 0) == (candle(6), candle(7), candle(8)), (
        "the rest was read, and stored, before"
    )


def test_a_candle_that_the_stream_closes_while_older_ones_are_read_is_stored_with_them(
    open_ledger: Opener, url: str
) -> None:
    ledger = open_ledger()
    told = Evaluate(coin="BTC", candles=(candle(0), candle(1), candle(2)), reset=True)
    ledger.record(fetched(candle(0), candle(1)), Decision(intents=(told,)))
    ledger.flush()
    assert stored_candles(url, "testnet", "BTC", Timeframe.M1, 0) == (candle(0), candle(1), candle(2))


def test_what_came_from_the_store_is_not_written_again(open_ledger: Opener, url: str) -> None:
    ledger = open_ledger()
    stored(ledger, fetched(candle(0, "100")))
    stored(ledger, replace(fetched(candle(0, "999"), candle(1)), stored_ms=candle(1).open_ms))
    assert stored_candles(url, "testnet", "BTC", Timeframe.M1, 0) == (candle(0, "100"), candle(1))


def test_without_a_database_nothing_is_stored() -> None:
    assert stored_candles("sqlite:///nowhere/at/all.db", "testnet", "BTC", Timeframe.M1, 0) == ()
