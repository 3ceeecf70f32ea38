"""checks.py: what the exchange refuses, in which words and under which status."""

from decimal import Decimal

import pytest

from tests.localnet.floor import ALO, GTC, IOC, MARKET, Tape, Trader, order, quiet_floor, quotes, trigger
from tidegate.localnet.kernel import checks
from tidegate.localnet.kernel.orders import Order, Stage

D = Decimal

REFUSALS = [
    (order("B", "79000.5", "0.01"), "tickRejected", "Price must be divisible by tick size. asset=0"),
    (
        order("B", "79000", "0.0001"),
        "minTradeNtlRejected",
        "Order must have minimum value of $10. asset=0",
    ),
    (order("B", "79000", "40"), "perpMarginRejected", "Insufficient margin to place order. asset=0"),
    (
        order("A", "81000", "0.01", reduce_only=True),
        "reduceOnlyRejected",
        "Reduce only order would increase position. asset=0",
    ),
    (
        order("B", "80001", "0.01", ALO),
        "badAloPxRejected",
        "Post only order would have immediately matched, bbo was 79999@80001. asset=0",
    ),
    (
        order("B", "79000", "0.01", IOC),
        "iocCancelRejected",
        "Order could not immediately match against any resting orders. asset=0",
    ),
    (
        order("B", "79000", "0.01", MARKET),
        "marketOrderNoLiquidityRejected",
        "No liquidity available for market order. asset=0",
    ),
    (
        order("B", "82000", "0.01", trigger("sl", "79000")),
        "badTriggerPxRejected",
        "Invalid TP/SL price. asset=0",
    ),
    (
        order("B", "82000", "0.01", trigger("tp", "81000")),
        "badTriggerPxRejected",
        "Invalid TP/SL price. asset=0",
    ),
    (
        order("B", "82000", "0.01", trigger("sl", "81000.5")),
        "tickRejected",
        "Price must be divisible by tick size. asset=0",
    ),
    (
        order("B", "0.07", "1000", asset=10000),
        "insufficientSpotBalanceRejected",
        "Insufficient spot balance asset=10000",
    ),
    (
        order("B", "37.8271", "1", asset=10107),
        "tickRejected",
        "Price must be divisible by tick size. asset=10107",
    ),
    (
        order("B", "0.07", "10", asset=10000),
        "minTradeNtlRejected",
        "Order must have minimum value of 10 USDC. asset=10000",
    ),
]


@pytest.mark.parametrize(("wish", "status", "text"), REFUSALS, ids=[status for _, status, _ in REFUSALS])
def test_a_refused_order_has_an_id_a_status_and_a_text_with_its_asset(wish, status, text):
    exchange = quiet_floor()
    tape = Tape()
    exchange.feed.append(tape)
    trader = Trader(exchange, 1)
    assert trader.orders([wish]) == [{"error": text}]
    assert tape.statuses(trader.user) == [(100000000001, status)]
    assert [row["status"] for row in trader.ask("historicalOrders")] == [status]
    assert trader.ask("openOrders") == []


MALFORMED = [
    (order("B", "0", "0.01"), "Order has invalid price."),
    (order("B", "x", "0.01"), "Order has invalid price."),
    (order("B", "79000", "0.01", trigger("sl", "0")), "Order has invalid price."),
    (order("B", "79000", "0.0000001"), "Order has invalid size."),
    (order("B", "79000", "-1"), "Order has invalid size."),
    (order("B", "79000", "0"), "Order has zero size."),
    (order("B", "1000", "0.01"), "Order price cannot be more than 80% away from the reference price"),
    (order("A", "145000", "0.01"), "Order price cannot be more than 80% away from the reference price"),
    (order("B", "79000", "4000"), "Order value too large. Max is $300000000."),
    (order("B", "2.4", "3000000", asset=2), "Order value too large. Max is $5000000."),
    (order("B", "0.4", "100", asset=3), "Trading is halted"),
]


@pytest.mark.parametrize(("wish", "text"), MALFORMED)
def test_a_malformed_order_refuses_its_whole_batch_with_one_text_and_no_id(wish, text):
    exchange = quiet_floor()
    tape = Tape()
    exchange.feed.append(tape)
    trader = Trader(exchange, 1)
    assert trader.orders([order("B", "79000", "0.01"), wish]) == [{"error": text}]
    assert tape.updates == []
    assert trader.ask("openOrders") == []


def test_an_empty_batch_and_an_unknown_asset_are_refused():
    trader = Trader(quiet_floor(), 1)
    assert len(trader.orders([])) == 1
    assert "error" in trader.orders([order("B", "1", "1", asset=9999)])[0]


@pytest.mark.parametrize("grouping", ["normalTpsl", "positionTpsl"])
def test_exits_of_a_group_must_be_reduce_only(grouping):
    trader = Trader(quiet_floor(), 1)
    wishes = [order("A", "70000", "0.01", trigger("sl", "79000"))]
    if grouping == "normalTpsl":
        wishes.insert(0, order("B", "80001", "0.01"))
    assert trader.orders(wishes, grouping) == [{"error": "TP/SL order must be reduce only."}]


def test_closing_the_whole_position_is_exempt_from_the_minimum_value():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    trader.order("B", "80001", "0.00013", IOC)
    too_small = {"error": "Order must have minimum value of $10. asset=0"}
    trader.order("A", "79999", "0.00003", IOC)
    assert trader.order("A", "79999", "0.0001", IOC, reduce_only=True) == too_small
    assert trader.order("A", "79999", "0.00012", IOC) == too_small
    assert trader.order("A", "79800", "0.00012", IOC) == too_small
    assert "filled" in trader.order("A", "79999", "0.00013", IOC)
    trader.order("B", "80001", "0.00013", IOC)
    trader.order("A", "79999", "0.00013", IOC)
    trader.order("B", "80001", "0.00023", IOC)
    trader.order("A", "79999", "0.00013", IOC)
    assert trader.order("A", "79999", "0.00012", IOC) == too_small, "turning a position is not closing it"
    trader.order("A", "79999", "0.0001", IOC)
    trader.order("B", "80001", "0.00013", IOC)
    trader.order("B", "80001", "0.00013", IOC)
    assert trader.order("A", "79999", "0.00012", IOC, reduce_only=True) == too_small
    assert "filled" in trader.order("A", "79999", "0.5", IOC, reduce_only=True)


def test_margin_counts_what_resting_orders_reserve():
    exchange = quiet_floor()
    trader = Trader(exchange, 1, usdc="1000")
    assert "resting" in trader.order("B", "79000", "0.2")
    assert trader.order("B", "79000", "0.06") == {"error": "Insufficient margin to place order. asset=0"}
    assert "resting" in trader.order("B", "79000", "0.05")
    assert trader.ask("clearinghouseState")["withdrawable"] == "12.5"


def test_closing_needs_no_margin_and_turning_only_what_it_adds():
    exchange = quiet_floor()
    trader = Trader(exchange, 1, usdc="1000")
    trader.order("B", "80001", "0.24", IOC)
    assert trader.order("B", "80001", "0.1", IOC) == {"error": "Insufficient margin to place order. asset=0"}
    assert "filled" in trader.order("A", "79999", "0.47", IOC)
    assert trader.position() == D("-0.23")


def test_a_market_orders_far_limit_does_not_count_against_margin():
    trader = Trader(quiet_floor(), 1, usdc="1000")
    assert "filled" in trader.order("B", "88000", "0.249", IOC)


def test_leverage_beyond_the_tier_refuses_the_position():
    exchange = quiet_floor(sz="10000")
    trader = Trader(exchange, 1, usdc="1000000000")
    trader.post({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 40})
    answer = trader.order("B", "80001", "2000", IOC)
    assert answer == {"error": f"{checks.BEYOND_TIER.text} asset=0"}
    assert "filled" in trader.order("B", "80001", "1500", IOC)


def test_a_full_order_list_refuses_exits_first(monkeypatch):
    monkeypatch.setattr(checks, "OPEN_ORDERS_BEFORE_EXITS_STOP", 2)
    monkeypatch.setattr(checks, "OPEN_ORDERS_MAX", 2)
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    trader.order("B", "80001", "0.01", IOC)
    trader.orders([order("B", "79000", "0.01"), order("B", "79001", "0.01")])
    assert trader.order("A", "70000", "0.01", trigger("sl", "79000"), reduce_only=True) == {
        "error": "Too many open orders. asset=0"
    }
    assert trader.order("B", "79002", "0.01") == {"error": "Too many open orders. asset=0"}
    assert trader.ask("historicalOrders")[0]["status"] == "tooManyOpenOrdersRejected"


def test_the_post_only_text_names_an_empty_side_with_nothing():
    exchange = quiet_floor()
    exchange.quote("BTC", [], quotes(("80001", "1")))
    trader = Trader(exchange, 1)
    assert "bbo was @80001." in trader.order("B", "80001", "0.01", ALO)["error"]


def test_kinds_of_order_by_name():
    def kind(**fields):
        return Order(1, "0x0", "BTC", 0, True, D(1), D(1), D(1), False, 0, **fields)

    assert kind(tif="Gtc").order_type == "Limit"
    assert kind(tif="FrontendMarket").order_type == "Market"
    assert GTC["limit"]["tif"] == "Gtc"
    assert not kind(tif="Gtc").is_live
    live = kind(tif="Gtc")
    live.stage = Stage.WAITING
    assert live.is_live
