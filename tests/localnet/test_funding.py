"""funding.py: samples, hours, payments, and what is told of them."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.localnet.floor import IOC, START_MS, Tape, Trader, quiet_floor, quote_around
from tidegate.localnet.info.of_funding import POOLED_AFTER_DAYS, ROWS_PER_ANSWER
from tidegate.localnet.kernel.funding import PAYMENTS_KEPT
from tidegate.localnet.kernel.premiums import HOUR_MS, PAST_HOURS, SETTLES_AFTER_MS, hourly_rate

D = Decimal

FIRST_HOUR_MS = (START_MS // HOUR_MS + 1) * HOUR_MS
FIRST_PAYMENT_MS = FIRST_HOUR_MS + SETTLES_AFTER_MS
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def exchange():
    return quiet_floor()


def payments(trader, start_ms=0):
    return trader.ask("userFunding", startTime=start_ms)


def test_a_long_pays_the_oracle_price_times_the_rate_just_past_the_hour(exchange):
    trader = Trader(exchange, 1)
    trader.order("B", "80001", "0.5", IOC)
    exchange.advance(FIRST_HOUR_MS + SETTLES_AFTER_MS - 1)
    assert payments(trader) == []
    exchange.advance(FIRST_PAYMENT_MS)
    (row,) = payments(trader)
    assert row == {
        "time": FIRST_PAYMENT_MS,
        "hash": "0x" + "0" * 64,
        "delta": {
            "type": "funding",
            "coin": "BTC",
            "usdc": "-0.5",
            "szi": "0.5",
            "fundingRate": "0.0000125",
            "nSamples": None,
        },
    }


def test_a_short_receives_what_longs_pay_and_the_house_takes_the_rest(exchange):
    short, long = Trader(exchange, 1), Trader(exchange, 2)
    short.order("A", "79999", "0.3", IOC)
    long.order("B", "80001", "0.1", IOC)
    house = exchange._venue.house.raw_usd
    exchange.advance(FIRST_PAYMENT_MS)
    received, paid = (D(payments(trader)[0]["delta"]["usdc"]) for trader in (short, long))
    assert (received, paid) == (D("0.3"), D("-0.1"))
    assert exchange._venue.house.raw_usd == house - received - paid


def test_payments_count_as_paid_in_cum_funding_and_start_anew_with_a_change(exchange):
    trader = Trader(exchange, 1)
    trader.order("B", "80001", "0.5", IOC)
    exchange.advance(FIRST_PAYMENT_MS)
    trader.order("B", "80001", "0.5", IOC)
    exchange.advance(FIRST_PAYMENT_MS + HOUR_MS)
    row = trader.ask("clearinghouseState")["assetPositions"][0]["position"]["cumFunding"]
    assert row == {"allTime": "1.5", "sinceOpen": "1.5", "sinceChange": "1.0"}
    trader.order("A", "79999", "1", IOC, reduce_only=True)
    trader.order("B", "80001", "0.5", IOC)
    row = trader.ask("clearinghouseState")["assetPositions"][0]["position"]["cumFunding"]
    assert row == {"allTime": "1.5", "sinceOpen": "0.0", "sinceChange": "0.0"}


def test_a_turned_position_is_a_new_one_for_cum_funding(exchange):
    trader = Trader(exchange, 1)
    trader.order("B", "80001", "0.5", IOC)
    exchange.advance(FIRST_PAYMENT_MS)
    trader.order("A", "79999", "1", IOC)
    row = trader.ask("clearinghouseState")["assetPositions"][0]["position"]["cumFunding"]
    assert row == {"allTime": "0.5", "sinceOpen": "0.0", "sinceChange": "0.0"}


def test_an_isolated_position_pays_from_its_own_margin(exchange):
    trader = Trader(exchange, 1)
    trader.post({"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 10})
    trader.order("B", "80001", "0.5", IOC)
    before = trader.ask("clearinghouseState")
    exchange.advance(FIRST_PAYMENT_MS)
    after = trader.ask("clearinghouseState")
    assert after["crossMarginSummary"] == before["crossMarginSummary"]
    raw = [D(state["assetPositions"][0]["position"]["leverage"]["rawUsd"]) for state in (before, after)]
    assert raw[0] - raw[1] == D("0.5")


def test_each_payment_is_told_as_a_user_event(exchange):
    trader, tape = Trader(exchange, 1), Tape()
    trader.order("B", "80001", "0.5", IOC)
    exchange.feed.append(tape)
    exchange.advance(FIRST_PAYMENT_MS)
    (event,) = [row for user, row in tape.events if user == trader.user]
    told = {
        "time": FIRST_PAYMENT_MS,
        "coin": "BTC",
        "usdc": "-0.5",
        "szi": "0.5",
        "fundingRate": "0.0000125",
        "nSamples": None,
    }
    assert event == {"funding": told}
    assert list(event["funding"]) == list(told)


def test_the_rate_is_the_average_of_the_samples_that_were_due(exchange):
    """A book 1 % above the oracle for the last half of the samples of the hour."""
    samples = (FIRST_HOUR_MS - START_MS) // 5_000
    half_ms = FIRST_HOUR_MS - samples // 2 * 5_000
    exchange.advance(half_ms)
    quote_around(exchange, 80_801)
    premium = D(exchange.asset_ctx("BTC")["premium"])
    assert premium == D("0.01")
    exchange.advance(FIRST_PAYMENT_MS)
    (row,) = exchange.info({"type": "fundingHistory", "coin": "BTC", "startTime": START_MS}).body
    average = premium * (samples // 2) / ((FIRST_HOUR_MS // 5_000) - (START_MS // 5_000))
    assert D(row["premium"]) == average.quantize(D("1e-10"))
    assert D(row["fundingRate"]) == hourly_rate(average)
    assert row["time"] == FIRST_PAYMENT_MS


def test_the_context_shows_the_rate_of_the_running_hour(exchange):
    assert exchange.asset_ctx("BTC")["funding"] == "0.0000125"
    quote_around(exchange, 80_801)
    exchange.advance(START_MS + 5_000)
    assert D(exchange.asset_ctx("BTC")["funding"]) == hourly_rate(D("0.01"))


def test_one_long_step_of_time_pays_every_hour_it_passes():
    stepped, jumped = quiet_floor(), quiet_floor()
    rows = []
    for exchange, step_ms in ((stepped, 1_000_000), (jumped, 10 * HOUR_MS)):
        trader = Trader(exchange, 1)
        trader.order("B", "80001", "0.5", IOC)
        for time_ms in range(START_MS, START_MS + 10 * HOUR_MS + 1, step_ms):
            exchange.advance(time_ms)
        exchange.advance(START_MS + 10 * HOUR_MS)
        rows.append(payments(trader))
    assert rows[0] == rows[1]
    assert len(rows[0]) == 10


def test_a_fresh_exchange_has_a_past_of_steady_rates(exchange):
    exchange.advance(FIRST_PAYMENT_MS)
    past_ms = START_MS - 10 * HOUR_MS
    rows = exchange.info({"type": "fundingHistory", "coin": "BTC", "startTime": past_ms}).body
    assert [row["time"] for row in rows] == [FIRST_PAYMENT_MS - hours * HOUR_MS for hours in reversed(range(11))]
    assert {row["fundingRate"] for row in rows} == {"0.0000125"}
    rows = exchange.info({"type": "fundingHistory", "coin": "BTC", "startTime": 0, "endTime": START_MS}).body
    assert len(rows) == ROWS_PER_ANSWER < PAST_HOURS


def test_delisted_coins_have_no_rates(exchange):
    exchange.advance(FIRST_PAYMENT_MS)
    assert exchange.info({"type": "fundingHistory", "coin": "MATIC", "startTime": 0}).body == []
    coins = [coin for coin, _ in exchange.info({"type": "predictedFundings"}).body]
    assert "MATIC" not in coins
    assert coins == sorted(coins)


def test_predicted_fundings_name_the_hour_that_was_settled_last(exchange):
    exchange.advance(FIRST_PAYMENT_MS)
    rows = dict(exchange.info({"type": "predictedFundings"}).body)
    assert rows["BTC"] == [
        ["BinPerp", None],
        ["HlPerp", {"fundingRate": "0.0000125", "nextFundingTime": FIRST_HOUR_MS, "fundingIntervalHours": 1}],
        ["BybitPerp", None],
    ]


def test_a_range_of_rates_includes_both_ends_and_has_at_most_500_rows(exchange):
    exchange.advance(START_MS + 25 * DAY_MS)
    first = exchange.info({"type": "fundingHistory", "coin": "BTC", "startTime": START_MS}).body
    assert len(first) == ROWS_PER_ANSWER
    ends = {"startTime": first[3]["time"], "endTime": first[7]["time"]}
    assert exchange.info({"type": "fundingHistory", "coin": "BTC", **ends}).body == first[3:8]
    following = {"type": "fundingHistory", "coin": "BTC", "startTime": first[-1]["time"] + 1}
    assert exchange.info(following).body[0]["time"] == first[-1]["time"] + HOUR_MS


def test_old_payments_are_pooled_by_day(exchange):
    trader = Trader(exchange, 1)
    trader.order("B", "80001", "0.5", IOC)
    exchange.advance(START_MS + (POOLED_AFTER_DAYS + 3) * DAY_MS)
    rows = payments(trader)
    pooled = [row for row in rows if row["delta"]["nSamples"] is not None]
    assert pooled == rows[: len(pooled)]
    assert 2 <= len(pooled) <= 4
    assert pooled[1]["time"] % DAY_MS == 0
    assert pooled[1]["delta"] == {
        "type": "funding",
        "coin": "BTC",
        "usdc": "-12.0",
        "szi": "0.5",
        "fundingRate": "0.0000125",
        "nSamples": 24,
    }


def test_the_oldest_payments_are_forgotten(exchange):
    trader = Trader(exchange, 1)
    trader.order("B", "80001", "0.001", IOC)
    exchange.advance(START_MS + (PAYMENTS_KEPT + 5) * HOUR_MS)
    assert len(exchange._venue.accounts[trader.user].fundings) == PAYMENTS_KEPT


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(-300, 300), st.sampled_from("BA"), st.integers(1, 2_000)), max_size=6))
def test_funding_makes_and_loses_nothing(moves):
    exchange = quiet_floor()
    traders = [Trader(exchange, number) for number in (1, 2)]
    for number, (shift, side, lots) in enumerate(moves):
        quote_around(exchange, 80_000 + shift)
        traders[number % 2].order(side, str(80_000 + shift), str(D(lots) / 1000), IOC)
        exchange.advance(exchange.now_ms + HOUR_MS)
    venue = exchange._venue
    accounts = [*venue.accounts.values(), venue.house]
    cash = sum(each.raw_usd + sum(own.isolated_usd for own in each.positions.values()) for each in accounts)
    assert cash + venue.fees == sum(each.deposits for each in accounts)
