"""The trading half of the cases once more, as ccxt plays it over REST."""

import ccxt
import pytest

from tests.conformance import (
    case_account_reads,
    case_cancels,
    case_errors,
    case_margin,
    case_market_data,
    case_orders,
    case_people,
    case_spot,
    case_triggers,
    case_twap,
)
from tests.conformance.cases import again
from tests.conformance.ccxt_client import BTC, ETH, PURR, CcxtTrader
from tests.conformance.desk import D, Desk
from tests.conformance.sdk import Trader

# Market data


@again(case_market_data.meta_universe)
def markets(desk: Desk) -> None:
    markets = CcxtTrader(desk).client.markets
    assert markets["SOL/USDC:USDC"]["baseId"] == "5"
    assert markets[BTC]["precision"]["amount"] == 0.00001


@again(case_market_data.contexts)
def tickers(desk: Desk) -> None:
    ticker = CcxtTrader(desk).client.fetch_ticker(BTC)
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == (79_999, 80_001, 80_000)


@again(case_market_data.book)
def order_book(desk: Desk) -> None:
    book = CcxtTrader(desk).client.fetch_order_book(BTC)
    assert (book["bids"][0], book["asks"][0], len(book["bids"])) == ([79_999, 100], [80_001, 100], 20)


@again(case_market_data.candles)
def candles(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 1)
    row = trader.client.fetch_ohlcv(BTC, "1m", desk.now_ms - 60_000)[-1]
    assert row[1:] == [80_001, 80_001, 80_001, 80_001, 1]


@again(case_market_data.funding_history)
def funding_history(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    began_ms = desk.now_ms
    desk.wait(3600)
    assert len(trader.client.fetch_funding_rate_history(BTC, began_ms)) == 1


# Account reads


@again(case_account_reads.long_position)
def long_position(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.5)
    position = trader.position()
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 0.5, 80_001)


@again(case_account_reads.short_position)
def short_position(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("sell", 3, ETH)
    assert trader.position(ETH)["side"] == "short"


@again(case_account_reads.order_status)
def order_status(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    cloid = f"0x{5:032x}"
    placed = trader.limit("buy", 79_000, 0.01, clientOrderId=cloid)
    order = trader.client.fetch_order(placed["id"], BTC)
    assert (order["status"], order["amount"], order["clientOrderId"]) == ("open", 0.01, cloid)
    with pytest.raises(ccxt.OrderNotFound):
        trader.client.fetch_order("1", BTC)


@again(case_account_reads.frontend_open_orders)
def open_orders(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    placed = trader.limit("buy", 79_000, 0.01)
    assert [row["id"] for row in trader.client.fetch_open_orders(BTC)] == [placed["id"]]


@again(case_account_reads.historical_orders)
def historical_orders(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.client.cancel_order(trader.limit("buy", 79_000, 0.01)["id"], BTC)
    trader.take("buy", 0.01)
    assert len(trader.client.fetch_closed_orders(BTC)) == 1
    assert len(trader.client.fetch_canceled_orders(BTC)) == 1


@again(case_account_reads.user_fills)
def my_trades(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.1)
    (trade,) = trader.client.fetch_my_trades(BTC)
    assert (trade["side"], trade["price"], trade["amount"], trade["takerOrMaker"]) == ("buy", 80_001, 0.1, "taker")
    assert trade["fee"]["cost"] == pytest.approx(3.600045)


@again(case_account_reads.user_fees)
def trading_fee(desk: Desk) -> None:
    fee = CcxtTrader(desk).client.fetch_trading_fee(BTC)
    assert (fee["taker"], fee["maker"]) == (0.00045, 0.00015)


@again(case_account_reads.user_funding)
def funding_payments(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 1)
    desk.wait(3600)
    (payment,) = trader.client.fetch_funding_history(BTC)
    assert payment["amount"] < 0


@again(case_account_reads.deposit_row)
def deposits(desk: Desk) -> None:
    (deposit,) = CcxtTrader(desk).client.fetch_deposits("USDC")
    assert deposit["amount"] == 100_000


# Orders


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


# Triggers


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


# Cancels and modifies


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


# Leverage, margin, errors


@again(case_margin.leverage)
def leverage(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.client.set_leverage(7, BTC)
    trader.take("buy", 0.01)
    assert (trader.position()["leverage"], trader.position()["marginMode"]) == (7, "cross")


@again(case_margin.isolated)
def isolated(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.client.set_margin_mode("isolated", BTC, {"leverage": 10})
    trader.take("buy", 0.1)
    assert trader.position()["marginMode"] == "isolated"


@again(case_margin.isolated_margin)
def isolated_margin(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.client.set_margin_mode("isolated", BTC, {"leverage": 10})
    trader.take("buy", 0.1)
    before = D(trader.position()["info"]["position"]["marginUsed"])
    trader.client.add_margin(BTC, 100)
    assert D(trader.position()["info"]["position"]["marginUsed"]) == before + 100
    trader.client.reduce_margin(BTC, 50)
    assert D(trader.position()["info"]["position"]["marginUsed"]) == before + 50


@again(case_margin.leverage_switch)
def leverage_switch(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.take("buy", 0.01)
    with pytest.raises(ccxt.ExchangeError, match="Cannot switch leverage type with open position"):
        trader.client.set_margin_mode("isolated", BTC, {"leverage": 10})


@again(case_margin.no_margin)
def no_margin(desk: Desk) -> None:
    trader = CcxtTrader(desk, "100")
    with pytest.raises(ccxt.InsufficientFunds):
        trader.limit("buy", 80_000, 0.1)


@again(case_margin.liquidated)
def liquidated(desk: Desk) -> None:
    trader = CcxtTrader(desk, "5000")
    trader.take("buy", 1)
    desk.move("BTC", "75800")
    desk.wait(60)
    assert trader.position() is None
    assert trader.client.fetch_my_trades(BTC)[-1]["info"]["liquidation"]["liquidatedUser"] == trader.address


@again(case_errors.too_small)
def too_small(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.InvalidOrder, match="minimum value of"):
        trader.limit("buy", 79_000, 0.0001)


@again(case_errors.far_price)
def far_price(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.InvalidOrder, match="80% away from the reference price"):
        trader.limit("buy", 1_000, 0.1)


# People


@again(case_people.builder_fee)
def builder_fee(desk: Desk) -> None:
    trader, builder = CcxtTrader(desk), Trader(desk)
    trader.client.approve_builder_fee(builder.address, "0.05%")
    assert desk.ask("maxBuilderFee", user=trader.address, builder=builder.address) == 50


@again(case_people.class_transfer)
def class_transfer(desk: Desk) -> None:
    trader = CcxtTrader(desk, "1000")
    trader.client.transfer("USDC", 400, "swap", "spot")
    assert trader.client.fetch_balance({"type": "spot"})["USDC"]["total"] == 400
    assert trader.client.fetch_balance()["USDC"]["total"] == 600


@again(case_people.withdraw)
def withdraw(desk: Desk) -> None:
    trader = CcxtTrader(desk, "1000")
    trader.client.withdraw("USDC", 100, trader.address)
    assert trader.client.fetch_balance()["USDC"]["total"] == 900


@again(case_people.withdraw_too_much)
def withdraw_too_much(desk: Desk) -> None:
    trader = CcxtTrader(desk, "1000")
    with pytest.raises(ccxt.InsufficientFunds):
        trader.client.withdraw("USDC", 100_000, trader.address)


@again(case_people.sub_account_transfer)
def sub_account_transfer(desk: Desk) -> None:
    trader = CcxtTrader(desk, "1000000")
    for side in ("buy", "sell"):
        trader.take(side, 1)
    address = trader.client.create_sub_account("second")["response"]["data"]
    trader.client.transfer("USDC", 500, "main", address)
    assert desk.info.user_state(address)["withdrawable"] == "500.0"


@again(case_people.sub_account_gate)
def sub_account_gate(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.ExchangeError, match="Cannot create sub-accounts"):
        trader.client.create_sub_account("second")


# TWAP and spot


@again(case_twap.running)
def twap_running(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    assert trader.client.create_twap_order(BTC, "buy", 1, 300_000)["id"]


@again(case_twap.cancel)
def twap_canceled(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    number = trader.client.create_twap_order(BTC, "buy", 1, 300_000)["id"]
    trader.client.cancel_twap_order(number, BTC)
    with pytest.raises(ccxt.OrderNotFound):
        trader.client.cancel_twap_order(number, BTC)


@again(case_twap.too_short)
def twap_too_short(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.ExchangeError, match="Invalid TWAP duration"):
        trader.client.create_twap_order(BTC, "buy", 1, 60_000)


def spot_trader(desk: Desk) -> CcxtTrader:
    """An account with USDC in spot and a quoted PURR book."""
    trader = CcxtTrader(desk, "10000")
    trader.client.transfer("USDC", 10_000, "swap", "spot")
    desk.market(lambda exchange: exchange.quote(PURR, [(D("0.067"), D(50_000), 1)], [(D("0.0672"), D(50_000), 1)]))
    return trader


@again(case_spot.spot_buy)
def spot_buy(desk: Desk) -> None:
    trader = spot_trader(desk)
    trader.limit("buy", 0.0672, 1000, PURR, timeInForce="IOC")
    (trade,) = trader.client.fetch_my_trades(PURR)
    assert trade["fee"]["currency"] == "PURR"
    assert trader.client.fetch_balance({"type": "spot"})["PURR"]["total"] > 990


@again(case_spot.spot_holds)
def spot_holds(desk: Desk) -> None:
    trader = spot_trader(desk)
    trader.limit("buy", 0.06, 1000, PURR)
    assert trader.client.fetch_balance({"type": "spot"})["USDC"]["used"] == 60


@again(case_spot.spot_balance)
def spot_balance(desk: Desk) -> None:
    trader = spot_trader(desk)
    with pytest.raises(ccxt.InsufficientFunds):
        trader.limit("buy", 0.0672, 1_000_000, PURR)


@again(case_people.vault_created)
def vault_created(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.client.create_vault("Tidal", "in and out", 1_000)
    (row,) = desk.info.user_vault_equities(trader.address)
    assert row["equity"] == "1000.0"


@again(case_people.vault_trades)
def vault_trades(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.client.create_vault("Tidal", "in and out", 1_000)
    vault = desk.info.user_vault_equities(trader.address)[0]["vaultAddress"]
    trader.limit("buy", 79_000, 0.01, vaultAddress=vault)
    assert len(desk.info.open_orders(vault)) == 1
