"""open_interest.py: nobody adds to a position at the cap, and nobody too quickly."""

from decimal import Decimal

import pytest

from tests.localnet.floor import GTC, IOC, START_MS, Tape, Trader, move_to, order, quiet_floor, trigger

D = Decimal
INCREASE = "Order would increase open interest while open interest is capped. asset=0"
TOO_AGGRESSIVE = "Order rejected due to price more aggressive than oracle while at open interest cap. asset=0"
TOO_QUICK = "Order would increase open interest too quickly. asset=0"


@pytest.fixture
def floor():
    """A long trader, and a cap that is reached."""
    exchange = quiet_floor()
    tape = Tape()
    trader = Trader(exchange, 1)
    trader.order("B", "80001", "0.01", IOC)
    exchange.feed.append(tape)
    exchange.operators.cap_open_interest("BTC", D(1_000_000))
    return exchange, trader, tape


@pytest.mark.parametrize(
    ("wish", "status", "text"),
    [
        (order("B", "79000", "0.01"), "positionIncreaseAtOpenInterestCapRejected", INCREASE),
        (order("A", "81000", "0.02"), "positionFlipAtOpenInterestCapRejected", INCREASE),
        (order("A", "79999", "0.01", IOC), "tooAggressiveAtOpenInterestCapRejected", TOO_AGGRESSIVE),
    ],
)
def test_at_the_cap_nobody_adds_turns_or_closes_beyond_the_oracle(floor, wish, status, text):
    _, trader, tape = floor
    assert trader.orders([wish]) == [{"error": text}]
    assert [each for _, each in tape.statuses(trader.user)] == [status]


def test_a_flat_account_opens_nothing_at_the_cap(floor):
    exchange, _, tape = floor
    other = Trader(exchange, 2)
    assert other.order("A", "81000", "0.01") == {"error": INCREASE}
    assert tape.statuses(other.user)[0][1] == "positionIncreaseAtOpenInterestCapRejected"


def test_closing_is_free_at_the_cap_within_the_oracle_or_reduce_only(floor):
    _, trader, _ = floor
    assert "resting" in trader.order("A", "80050", "0.005")
    assert "filled" in trader.order("A", "79999", "0.005", IOC, reduce_only=True)


def test_the_cap_is_lifted_and_names_its_coins(floor):
    exchange, trader, _ = floor
    assert exchange.info({"type": "perpsAtOpenInterestCap"}).body == ["BTC"]
    exchange.operators.cap_open_interest("ETH", D(10) ** 12)
    assert exchange.info({"type": "perpsAtOpenInterestCap"}).body == ["BTC"]
    exchange.operators.cap_open_interest("BTC", None)
    assert exchange.info({"type": "perpsAtOpenInterestCap"}).body == []
    assert "filled" in trader.order("B", "80001", "0.01", IOC)


def test_a_resting_order_that_would_add_at_the_cap_is_canceled_when_it_would_match(floor):
    exchange, trader, tape = floor
    exchange.operators.cap_open_interest("BTC", None)
    opening = trader.order("B", "79999", "0.01")["resting"]["oid"]
    closing = Trader(exchange, 2)
    closing.order("A", "79999", "0.01", IOC)
    taking = closing.order("B", "79998", "0.01", reduce_only=True)["resting"]["oid"]
    exchange.operators.cap_open_interest("BTC", D(1))
    tape.updates.clear()
    exchange.trade("BTC", "A", D(79_998), D(25))
    assert (opening, "openInterestCapCanceled") in tape.statuses(trader.user)
    assert tape.statuses(closing.user) == [(taking, "filled")], "what closes still trades"
    assert (trader.user, {"nonUserCancel": [{"coin": "BTC", "oid": opening}]}) in tape.events


def test_a_trigger_that_would_add_at_the_cap_is_rejected_when_it_fires(floor):
    exchange, trader, tape = floor
    oid = trader.order("B", "90000", "0.01", trigger("sl", "80500"))["resting"]["oid"]
    move_to(exchange, 80_600)
    assert tape.statuses(trader.user)[-1] == (oid, "positionIncreaseAtOpenInterestCapRejected")


def test_open_interest_grows_no_quicker_than_its_limit_a_minute():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    exchange.operators.limit_growth("BTC", D(1_000))
    assert "filled" in trader.order("B", "80001", "0.01", IOC)
    assert trader.order("B", "80001", "0.01", IOC) == {"error": TOO_QUICK}
    assert trader.ask("historicalOrders")[0]["status"] == "openInterestIncreaseRejected"
    assert "filled" in trader.order("A", "79999", "0.01", IOC), "closing adds nothing"
    exchange.advance(START_MS + 60_000)
    assert "filled" in trader.order("B", "80001", "0.01", IOC)
    exchange.operators.limit_growth("BTC", None)
    assert "resting" in trader.order("B", "79000", "1", GTC)
