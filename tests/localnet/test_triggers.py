"""triggers.py: trigger orders fire on the mark price."""

from decimal import Decimal

import pytest

from tests.localnet.floor import IOC, Tape, Trader, move_to, quiet_floor, quotes, trigger
from tidegate.localnet.kernel.orders import Trigger

D = Decimal


@pytest.fixture
def long():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    trader.order("B", "80100", "0.01", IOC)
    tape = Tape()
    exchange.feed.append(tape)
    return exchange, trader, tape


def test_a_stop_ignores_prints_and_fires_on_the_mark(long):
    exchange, trader, _ = long
    trader.order("A", "70000", "0.01", trigger("sl", "79500"), reduce_only=True)
    exchange.quote("BTC", quotes(("79000", "1")), quotes(("80001", "1")))
    exchange.trade("BTC", "A", D(79000), D("0.1"))
    assert trader.position() == D("0.01"), "a print far below the stop leaves it asleep"
    move_to(exchange, 79_400)
    assert trader.position() == 0


def test_a_stop_sells_at_the_book_not_at_its_trigger_price(long):
    exchange, trader, tape = long
    oid = trader.order("A", "70000", "0.01", trigger("sl", "79500"), reduce_only=True)["resting"]["oid"]
    tape.updates.clear()
    move_to(exchange, 78_000)
    fill = trader.ask("userFills")[0]
    assert (fill["px"], fill["oid"], fill["crossed"], fill["dir"]) == ("77999.0", oid, True, "Close Long")
    assert tape.statuses(trader.user) == [(oid, "triggered"), (oid, "filled")]


def test_a_take_profit_fires_above_for_a_long(long):
    exchange, trader, _ = long
    trader.order("A", "75000", "0.01", trigger("tp", "81000"), reduce_only=True)
    move_to(exchange, 81_200)
    assert trader.ask("userFills")[0]["px"] == "81199.0"


def test_a_limit_trigger_rests_at_its_limit_when_the_market_is_beyond(long):
    exchange, trader, tape = long
    kind = trigger("sl", "79500", is_market=False)
    oid = trader.order("A", "79400", "0.01", kind, reduce_only=True)["resting"]["oid"]
    move_to(exchange, 79_000)
    row = trader.ask("frontendOpenOrders")[0]
    assert (row["oid"], row["orderType"], row["limitPx"]) == (oid, "Stop Limit", "79400.0")
    assert tape.statuses(trader.user)[-1] == (oid, "triggered")
    assert trader.ask("orderStatus", oid=oid)["order"]["status"] == "triggered"
    move_to(exchange, 79_450)
    assert trader.position() == 0
    assert trader.ask("userFills")[0]["px"] == "79400.0"


def test_a_market_trigger_without_anybody_to_trade_with_is_rejected(long):
    exchange, trader, tape = long
    oid = trader.order("A", "70000", "0.01", trigger("sl", "79500"), reduce_only=True)["resting"]["oid"]
    exchange.quote("BTC", [], [])
    exchange.set_oracle("BTC", D(79_000))
    assert tape.statuses(trader.user)[-1] == (oid, "marketOrderNoLiquidityRejected")
    assert trader.position() == D("0.01")


def test_a_market_trigger_that_fills_partly_drops_the_rest(long):
    exchange, trader, tape = long
    trader.order("A", "70000", "0.01", trigger("sl", "79500"), reduce_only=True)
    exchange.quote("BTC", quotes(("79990", "0.004")), [])
    exchange.set_oracle("BTC", D(79_000))
    assert trader.position() == D("0.006")
    assert tape.statuses(trader.user)[-1][1] == "canceled"


@pytest.mark.parametrize(("worst", "left"), [("79400", "0.01"), ("79000", "0.0")])
def test_a_market_trigger_trades_at_no_worse_than_its_limit(long, worst, left):
    exchange, trader, tape = long
    trader.order("A", worst, "0.01", trigger("sl", "79500"), reduce_only=True)
    exchange.quote("BTC", quotes(("79000", "1")), [])
    exchange.set_oracle("BTC", D(79_000))
    assert trader.position() == D(left)
    status = tape.statuses(trader.user)[-1][1]
    assert status == ("marketOrderNoLiquidityRejected" if D(left) else "filled")


@pytest.mark.parametrize("kind", ["sl", "tp"])
def test_the_limit_of_a_market_trigger_lies_beyond_its_trigger_price(long, kind):
    _, trader, _ = long
    px = {"sl": 79_500, "tp": 80_500}[kind]
    refused = {"error": "Invalid TP/SL price. asset=0"}
    assert trader.order("A", str(px + 1), "0.01", trigger(kind, str(px)), reduce_only=True) == refused
    assert "resting" in trader.order("A", str(px), "0.01", trigger(kind, str(px)), reduce_only=True)
    may_wait = trigger(kind, str(px), is_market=False)
    assert "resting" in trader.order("A", str(px + 1), "0.01", may_wait, reduce_only=True)


def test_a_stop_entry_opens_a_position_if_there_is_margin():
    exchange = quiet_floor()
    rich, poor = Trader(exchange, 1), Trader(exchange, 2, usdc="100")
    for trader, sz in ((rich, "0.01"), (poor, "1")):
        trader.order("B", "90000", sz, trigger("sl", "80500"))
    move_to(exchange, 80_600)
    assert rich.position() == D("0.01")
    assert poor.position() == 0
    assert poor.ask("historicalOrders")[0]["status"] == "perpMarginRejected"


def test_the_conditions_are_written_as_the_frontend_shows_them():
    assert Trigger(D("10.004"), True, False, above=True).condition() == "Price above 10.004"
    assert Trigger(D("9.9950"), True, True, above=False).condition() == "Price below 9.995"
    assert Trigger(D("80000"), True, True, above=False).condition() == "Price below 80000"


def test_the_oldest_of_several_reached_orders_fires_first(long):
    exchange, trader, tape = long
    first = trader.order("A", "70000", "0.005", trigger("sl", "79000"), reduce_only=True)["resting"]["oid"]
    second = trader.order("A", "70000", "0.005", trigger("sl", "79500"), reduce_only=True)["resting"]["oid"]
    tape.updates.clear()
    move_to(exchange, 78_000)
    assert tape.statuses(trader.user) == [
        (first, "triggered"),
        (first, "filled"),
        (second, "triggered"),
        (second, "filled"),
    ]
