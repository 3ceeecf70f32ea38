"""Orders, triggers, cancels and modifies once more, as ccxt plays them over REST."""

import ccxt
import pytest

from tests.conformance import case_cancels, case_orders, case_triggers
from tests.conformance.cases import again
from tests.conformance.ccxt_client import BTC, ETH, CcxtTrader
from tests.conformance.desk import D, Desk
from tests.conformance.sdk import Trader


@again(case_orders.gtc_rests)
def gtc_rests(desk: Desk) -> None:
    order = CcxtTrader(desk).limit("buy", 79_000, 0.01, clientOrderId=f"0x{1:032x}")
    assert int(order["id"]) > 0
    assert order["clientOrderId"] == f"0x{1:032x}"


@again(case_orders.gtc_fills)
def gtc_fills(desk: Desk) -> None:
    order = CcxtTrader(desk).limit("buy", 80_500, 0.01)
    assert (order["filled"], order["average"]) == (0.01, 80_001)


@again(case_orders.ioc_partly)
def ioc_partly(desk: Desk) -> None:
    desk.market(lambda exchange: exchange.quote("BTC", [], [(D(80_001), D("0.4"), 1)]))
    trader = CcxtTrader(desk)
    assert trader.limit("buy", 80_001, 1, timeInForce="IOC")["filled"] == 0.4
    assert trader.client.fetch_open_orders(BTC) == []


@again(case_orders.ioc_misses)
def ioc_misses(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.InvalidOrder, match="could not immediately match"):
        trader.limit("buy", 79_000, 0.01, timeInForce="IOC")


@again(case_orders.alo_rests)
def alo_rests(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.limit("sell", 80_001, 0.01, postOnly=True)
    assert trader.client.fetch_open_orders(BTC)[0]["timeInForce"] in ("PO", "ALO")


@again(case_orders.alo_rejected)
def alo_rejected(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.InvalidOrder, match="Post only order"):
        trader.limit("buy", 80_001, 0.01, postOnly=True)


@again(case_orders.market_round_trip)
def market_round_trip(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.01)
    trader.take("sell", 0.01, reduceOnly=True)
    assert trader.position() is None


@again(case_orders.batch)
def batch(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    orders = [
        {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": 79_000, "params": {}},
        {"symbol": ETH, "type": "limit", "side": "buy", "amount": 0.1, "price": 3_010, "params": {}},
    ]
    assert [order["filled"] for order in trader.client.create_orders(orders)] == [None, 0.1]


@again(case_orders.maker_fill)
def maker_fill(desk: Desk) -> None:
    maker = CcxtTrader(desk)
    maker.limit("buy", 80_000, 0.1)
    Trader(desk).take("BTC", "A", 0.1)
    (trade,) = maker.client.fetch_my_trades(BTC)
    assert (trade["takerOrMaker"], trade["price"]) == ("maker", 80_000)


@again(case_orders.reduce_only_flat)
def reduce_only_flat(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.InvalidOrder, match="Reduce only order would increase position"):
        trader.limit("buy", 79_000, 0.01, reduceOnly=True)


@again(case_orders.reduce_only_shrinks)
def reduce_only_shrinks(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.01)
    assert trader.take("sell", 5, reduceOnly=True)["filled"] == 0.01
    assert trader.position() is None


@again(case_orders.flips)
def flips(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.01)
    trader.take("sell", 0.03)
    assert trader.position()["side"] == "short"


@again(case_triggers.trigger_rests)
def trigger_rests(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.01)
    trader.client.create_order(BTC, "market", "sell", 0.01, 78_000, {"stopLossPrice": 78_000, "reduceOnly": True})
    (row,) = trader.client.fetch_open_orders(BTC)
    assert (row["stopPrice"], row["info"]["orderType"]) == (78_000, "Stop Market")


@again(case_triggers.stop_fires)
def stop_fires(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.01)
    trader.client.create_order(BTC, "market", "sell", 0.01, 78_000, {"stopLossPrice": 78_000, "reduceOnly": True})
    desk.move("BTC", "77000")
    assert trader.position() is None


@again(case_triggers.take_profit_fires)
def take_profit_fires(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.01)
    trader.client.create_order(BTC, "market", "sell", 0.01, 82_000, {"takeProfitPrice": 82_000, "reduceOnly": True})
    desk.move("BTC", "82500")
    assert trader.position() is None


def bracketed(trader: CcxtTrader, px: float) -> None:
    """A long of 0.01 with a stop at 78000 and a take-profit at 82000."""
    exits = {"stopLoss": {"triggerPrice": 78_000, "type": "market"}, "takeProfit": {"triggerPrice": 82_000}}
    trader.limit("buy", px, 0.01, **exits)


@again(case_triggers.children_armed)
def children_armed(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    bracketed(trader, 81_000)
    kinds = {row["info"]["orderType"] for row in trader.client.fetch_open_orders(BTC)}
    assert kinds == {"Stop Market", "Take Profit Limit"}


@again(case_triggers.sibling_canceled)
def sibling_canceled(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    bracketed(trader, 81_000)
    desk.move("BTC", "77000")
    assert trader.position() is None
    assert trader.client.fetch_open_orders(BTC) == []


@again(case_triggers.position_tpsl)
def position_tpsl(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.01)
    exits = {"grouping": "positionTpsl", "stopLoss": {"triggerPrice": 78_000}}
    trader.limit("buy", 80_000, 0.01, **exits)
    trader.take("buy", 0.03)
    desk.move("BTC", "77000")
    assert trader.position() is None


@again(case_triggers.stop_entry)
def stop_entry(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.client.create_order(BTC, "market", "buy", 0.01, 81_000, {"triggerPrice": 81_000})
    desk.move("BTC", "81500")
    assert trader.position()["contracts"] == 0.01


@again(case_cancels.cancel)
def cancel(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    placed = trader.limit("buy", 79_000, 0.01)
    trader.client.cancel_order(placed["id"], BTC)
    assert trader.client.fetch_order(placed["id"], BTC)["status"] == "canceled"


@again(case_cancels.cancel_by_cloid)
def cancel_by_cloid(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    cloid = f"0x{3:032x}"
    trader.limit("buy", 79_000, 0.01, clientOrderId=cloid)
    trader.client.cancel_order(None, BTC, {"clientOrderId": cloid})
    assert trader.client.fetch_open_orders(BTC) == []


@again(case_cancels.cancel_gone)
def cancel_gone(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.OrderNotFound):
        trader.client.cancel_order("1", BTC)


@again(case_cancels.cancel_batch)
def cancel_batch(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    ids = [trader.limit("buy", px, 0.01)["id"] for px in (79_000, 78_000)]
    assert [row["status"] for row in trader.client.cancel_orders(ids, BTC)] == ["success", "success"]


@again(case_cancels.schedule_gate)
def schedule_gate(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.ExchangeError, match="until enough volume traded"):
        trader.client.cancel_all_orders_after(10_000)


@again(case_cancels.modify)
def modify(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    placed = trader.limit("buy", 79_000, 0.01)
    edited = trader.client.edit_order(placed["id"], BTC, "limit", "buy", 0.02, 78_000)
    assert edited["id"] != placed["id"]
    assert trader.client.fetch_open_orders(BTC)[0]["amount"] == 0.02


@again(case_cancels.modify_gone)
def modify_gone(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.ExchangeError, match="Cannot modify canceled or filled order"):
        trader.client.edit_order("77", BTC, "limit", "buy", 0.02, 78_000)


@again(case_orders.gtc_partly)
def gtc_partly(desk: Desk) -> None:
    desk.market(lambda exchange: exchange.quote("BTC", [], [(D(80_001), D("0.4"), 1)]))
    trader = CcxtTrader(desk)
    trader.limit("buy", 80_001, 1)
    (row,) = trader.client.fetch_open_orders(BTC)
    assert (row["remaining"], row["amount"], row["filled"]) == (0.6, 1, 0.4)


@again(case_orders.ioc_sweeps)
def ioc_sweeps(desk: Desk) -> None:
    desk.market(lambda exchange: exchange.quote("BTC", [], [(D(80_000), D("0.1"), 1), (D(80_100), D("0.3"), 1)]))
    order = CcxtTrader(desk).limit("buy", 80_100, 0.4, timeInForce="IOC")
    assert (order["filled"], order["average"]) == (0.4, 80_075)


@again(case_orders.time_priority)
def time_priority(desk: Desk) -> None:
    first, second = CcxtTrader(desk), CcxtTrader(desk)
    for trader in (first, second):
        trader.limit("buy", 80_000, 0.01)
    Trader(desk).take("BTC", "A", 0.01)
    assert first.client.fetch_open_orders(BTC) == []
    assert len(second.client.fetch_open_orders(BTC)) == 1


@again(case_orders.price_priority)
def price_priority(desk: Desk) -> None:
    early, better = CcxtTrader(desk), CcxtTrader(desk)
    early.limit("buy", 2_999.9, 0.1, ETH)
    better.limit("buy", 3_000, 0.1, ETH)
    Trader(desk).take("ETH", "A", 0.1)
    assert len(early.client.fetch_open_orders(ETH)) == 1
    assert better.client.fetch_open_orders(ETH) == []


@again(case_orders.reduce_only_follows)
def reduce_only_follows(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.02)
    trader.limit("sell", 81_000, 0.02, reduceOnly=True)
    trader.take("sell", 0.01)
    assert trader.client.fetch_open_orders(BTC)[0]["remaining"] == 0.01
    trader.take("sell", 0.01)
    assert trader.client.fetch_open_orders(BTC) == []


@again(case_orders.self_trade)
def self_trade(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    resting = trader.limit("sell", 80_000, 0.01)
    assert trader.limit("buy", 80_500, 0.01, timeInForce="IOC")["average"] == 80_001
    assert trader.client.fetch_order(resting["id"], BTC)["info"]["status"] == "selfTradeCanceled"


@again(case_orders.batch_rests)
def batch_rests(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    wish = {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "params": {}}
    placed = trader.client.create_orders([wish | {"price": 79_000 - step} for step in range(5)])
    assert {row["id"] for row in trader.client.fetch_open_orders(BTC)} == {row["id"] for row in placed}


@again(case_triggers.stop_limit_rests)
def stop_limit_rests(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.01)
    trader.limit("sell", 77_900, 0.01, stopLossPrice=78_000, reduceOnly=True)
    desk.move("BTC", "77000")
    (row,) = trader.client.fetch_open_orders(BTC)
    assert row["price"] == 77_900


@again(case_triggers.bad_trigger)
def bad_trigger(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.01)
    with pytest.raises(ccxt.InvalidOrder, match="Invalid TP/SL price"):
        trader.limit("sell", 80_900, 0.01, stopLossPrice=81_000, reduceOnly=True)


@again(case_triggers.trigger_canceled)
def trigger_canceled(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.01)
    placed = trader.limit("sell", 77_900, 0.01, stopLossPrice=78_000, reduceOnly=True)
    trader.client.cancel_order(placed["id"], BTC)
    desk.move("BTC", "77000")
    assert trader.position()["contracts"] == 0.01


@again(case_cancels.cancel_rest)
def cancel_rest(desk: Desk) -> None:
    maker = CcxtTrader(desk)
    placed = maker.limit("buy", 80_000, 0.02)
    Trader(desk).take("BTC", "A", 0.01)
    maker.client.cancel_order(placed["id"], BTC)
    order = maker.client.fetch_order(placed["id"], BTC)
    assert (order["status"], order["filled"], order["remaining"]) == ("canceled", 0.01, 0.01)


@again(case_cancels.schedule_fires)
def schedule_fires(desk: Desk) -> None:
    trader = CcxtTrader(desk, "10000000")
    for side in ("buy", "sell"):
        trader.take(side, 7)
    trader.limit("buy", 79_000, 0.01)
    trader.client.cancel_all_orders_after(10_000)
    desk.wait(12)
    assert trader.client.fetch_open_orders(BTC) == []


@again(case_cancels.batch_modify)
def batch_modify(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    ids = [trader.limit("buy", px, 0.01)["id"] for px in (79_000, 78_000)]
    wish = {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.02, "price": 77_000, "params": {}}
    edited = trader.client.edit_orders([wish | {"id": number} for number in ids])
    assert {row["id"] for row in edited} == {row["id"] for row in trader.client.fetch_open_orders(BTC)}


@again(case_cancels.modify_to_alo)
def modify_to_alo(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.client.edit_order(trader.limit("buy", 79_000, 0.01)["id"], BTC, "limit", "buy", 0.01, 78_000)
    assert trader.client.fetch_open_orders(BTC)[0]["info"]["tif"] == "Alo"
