"""Reads, margin, refusals, people, TWAP and spot once more, as ccxt plays them over REST."""

import ccxt
import pytest

from tests.conformance import (
    case_account_reads,
    case_agents,
    case_errors,
    case_families,
    case_margin,
    case_market_data,
    case_spot,
    case_twap,
)
from tests.conformance.cases import again
from tests.conformance.ccxt_client import BTC, ETH, PURR, CcxtTrader
from tests.conformance.desk import D, Desk
from tests.conformance.sdk import Trader


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


@again(case_agents.builder_fee)
def builder_fee(desk: Desk) -> None:
    trader, builder = CcxtTrader(desk), Trader(desk)
    trader.client.approve_builder_fee(builder.address, "0.05%")
    assert desk.ask("maxBuilderFee", user=trader.address, builder=builder.address) == 50


@again(case_agents.class_transfer)
def class_transfer(desk: Desk) -> None:
    trader = CcxtTrader(desk, "1000")
    trader.client.transfer("USDC", 400, "swap", "spot")
    assert trader.client.fetch_balance({"type": "spot"})["USDC"]["total"] == 400
    assert trader.client.fetch_balance()["USDC"]["total"] == 600


@again(case_agents.withdraw)
def withdraw(desk: Desk) -> None:
    trader = CcxtTrader(desk, "1000")
    trader.client.withdraw("USDC", 100, trader.address)
    assert trader.client.fetch_balance()["USDC"]["total"] == 900


@again(case_agents.withdraw_too_much)
def withdraw_too_much(desk: Desk) -> None:
    trader = CcxtTrader(desk, "1000")
    with pytest.raises(ccxt.InsufficientFunds):
        trader.client.withdraw("USDC", 100_000, trader.address)


@again(case_families.sub_account_transfer)
def sub_account_transfer(desk: Desk) -> None:
    trader = CcxtTrader(desk, "1000000")
    for side in ("buy", "sell"):
        trader.take(side, 1)
    address = trader.client.create_sub_account("second")["response"]["data"]
    trader.client.transfer("USDC", 500, "main", address)
    assert desk.info.user_state(address)["withdrawable"] == "500.0"


@again(case_families.sub_account_gate)
def sub_account_gate(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.ExchangeError, match="Cannot create sub-accounts"):
        trader.client.create_sub_account("second")


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


@again(case_families.vault_created)
def vault_created(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.client.create_vault("Tidal", "in and out", 1_000)
    (row,) = desk.info.user_vault_equities(trader.address)
    assert row["equity"] == "1000.0"


@again(case_families.vault_trades)
def vault_trades(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.client.create_vault("Tidal", "in and out", 1_000)
    vault = desk.info.user_vault_equities(trader.address)[0]["vaultAddress"]
    trader.limit("buy", 79_000, 0.01, vaultAddress=vault)
    assert len(desk.info.open_orders(vault)) == 1


@again(case_spot.spot_sell)
def spot_sell(desk: Desk) -> None:
    trader = spot_trader(desk)
    trader.limit("buy", 0.0672, 1000, PURR, timeInForce="IOC")
    trader.limit("sell", 0.067, 500, PURR, timeInForce="IOC")
    fees = {trade["side"]: trade["fee"]["currency"] for trade in trader.client.fetch_my_trades(PURR)}
    assert fees == {"buy": "PURR", "sell": "USDC"}


@again(case_spot.spot_minimum)
def spot_minimum(desk: Desk) -> None:
    trader = spot_trader(desk)
    with pytest.raises(ccxt.ExchangeError, match="minimum value of 10 USDC"):
        trader.limit("buy", 0.06, 100, PURR)


@again(case_spot.spot_open_orders)
def spot_open_orders(desk: Desk) -> None:
    trader = spot_trader(desk)
    trader.limit("buy", 0.06, 1000, PURR)
    assert [row["symbol"] for row in trader.client.fetch_open_orders(PURR)] == [PURR]


@again(case_spot.dex_listed)
def dex_listed(desk: Desk) -> None:
    name = desk.info.perp_dexs()[1]["name"]
    assert any(market["info"]["name"].startswith(f"{name}:") for market in CcxtTrader(desk).client.markets.values())


@again(case_twap.slices)
def twap_slices(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    trader.client.create_twap_order(BTC, "buy", 1, 300_000)
    desk.wait(350)
    assert trader.position()["contracts"] == pytest.approx(1, abs=0.05)


@again(case_margin.leverage_too_high)
def leverage_too_high(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.ExchangeError, match="Invalid leverage value"):
        trader.client.set_leverage(41, BTC)


@again(case_margin.liquidation_px)
def liquidation_px(desk: Desk) -> None:
    trader = CcxtTrader(desk, "10000")
    trader.take("buy", 1)
    assert trader.position()["liquidationPrice"] == pytest.approx(70_923, abs=100)


@again(case_errors.delisted)
def delisted(desk: Desk) -> None:
    trader = CcxtTrader(desk)
    with pytest.raises(ccxt.ExchangeError, match="Trading is halted"):
        trader.limit("buy", 0.37, 100, "MATIC/USDC:USDC")
