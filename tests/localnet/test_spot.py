"""Spot: balances, holds, fees in the bought token, prices of a pair."""

from decimal import Decimal

import pytest

from tests.localnet.floor import ALO, GTC, IOC, MARKET, START_MS, Tape, Trader, quotes, trigger
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel import spot
from tidegate.localnet.kernel.instruments import SpotPair, Token
from tidegate.localnet.kernel.universe import USDC, default_universe

D = Decimal
HYPE = 10_107


def spot_floor() -> Exchange:
    """A kernel with five levels a side of HYPE/USDC around 40."""
    exchange = Exchange(default_universe(), start_ms=START_MS)
    bids = quotes(*((str(D(40) - D(step) / 100), "100") for step in range(1, 6)))
    asks = quotes(*((str(D(40) + D(step) / 100), "100") for step in range(1, 6)))
    exchange.quote("@107", bids, asks)
    exchange.advance(START_MS + 3_000)
    return exchange


def holder(exchange: Exchange, number: int = 1, *, usdc: str = "1000", hype: str = "0") -> Trader:
    """A trader with spot balances."""
    trader = Trader(exchange, number)
    exchange.fund_spot(trader.user, "USDC", D(usdc))
    exchange.fund_spot(trader.user, "HYPE", D(hype))
    return trader


def balances(trader: Trader) -> dict[str, tuple[str, str, str]]:
    """Total, hold and cost by token."""
    rows = trader.ask("spotClearinghouseState")["balances"]
    return {row["coin"]: (row["total"], row["hold"], row["entryNtl"]) for row in rows}


def test_a_buy_pays_its_fee_in_the_bought_token():
    trader = holder(spot_floor())
    assert trader.order("B", "40.01", "2", IOC, asset=HYPE)["filled"] == {
        "totalSz": "2.0",
        "avgPx": "40.01",
        "oid": 100_000_000_001,
    }
    fill = trader.ask("userFills")[0]
    assert fill["dir"] == "Buy"
    assert fill["coin"] == "@107"
    assert (fill["fee"], fill["feeToken"]) == ("0.0014", "HYPE")
    assert fill["startPosition"] == "0.0"
    assert fill["closedPnl"] == "0.0"
    assert balances(trader) == {"USDC": ("919.98", "0.0", "0.0"), "HYPE": ("1.9986", "0.0", "80.02")}


def test_a_sale_pays_its_fee_in_the_quote_token_and_tells_its_profit():
    trader = holder(spot_floor())
    trader.order("B", "40.01", "2", IOC, asset=HYPE)
    trader.order("A", "39.99", "1", IOC, asset=HYPE)
    fill = trader.ask("userFills")[0]
    assert fill["dir"] == "Sell"
    assert (fill["fee"], fill["feeToken"]) == ("0.027993", "USDC")
    assert fill["startPosition"] == "1.9986"
    cost = (D("80.02") / D("1.9986")).quantize(D("1e-8"), rounding="ROUND_DOWN")
    assert D(fill["closedPnl"]) == D("39.99") - cost
    total, _, entry = balances(trader)["HYPE"]
    assert (D(total), D(entry)) == (D("0.9986"), D("80.02") - cost)
    assert D(balances(trader)["USDC"][0]) == D("919.98") + D("39.99") - D("0.027993")


@pytest.mark.parametrize(
    ("px", "sz", "rate", "decimals", "fee"),
    [
        ("160.32", "1.267", "0.0007", 8, "0.00088689"),
        ("47.989", "0.56", "0.000672", 8, "0.00037631"),
        ("3179.6", "0.0043", "0.000285", 9, "0.000001225"),
        ("3179.5", "0.0217", "0.0003264", 9, "0.000007082"),
    ],
)
def test_recorded_fees_of_buys_come_out_to_the_last_digit(px, sz, rate, decimals, fee):
    base = Token("T", 4, decimals, 9, "0x09")
    pair = SpotPair("@9", 9, base, USDC, False, D(px), D(1))
    assert spot.fee_of(pair, D(px), D(sz), D(rate), is_buy=True) == D(fee)


def test_a_recorded_fee_of_a_sale_comes_out_to_the_last_digit():
    pair = default_universe().spot_by_name["@107"]
    assert spot.fee_of(pair, D("3179.6"), D("0.0043"), D("0.00021"), is_buy=False) == D("0.00287117")


def test_resting_orders_hold_what_they_would_pay_with():
    trader = holder(spot_floor(), hype="5")
    buy = trader.order("B", "39", "3", GTC, asset=HYPE)["resting"]["oid"]
    trader.order("A", "41", "2", ALO, asset=HYPE)
    assert balances(trader)["USDC"][1] == "117.0"
    assert balances(trader)["HYPE"][1] == "2.0"
    assert trader.cancel(buy, HYPE) == "success"
    assert balances(trader)["USDC"][1] == "0.0"


def test_what_is_held_cannot_be_spent_again():
    trader = holder(spot_floor(), usdc="100", hype="5")
    trader.order("B", "39", "2", GTC, asset=HYPE)
    refused = {"error": f"Insufficient spot balance asset={HYPE}"}
    assert trader.order("B", "39", "1", GTC, asset=HYPE) == refused
    assert trader.order("A", "41", "5.01", GTC, asset=HYPE) == refused
    assert trader.order("A", "41", "5", GTC, asset=HYPE)["resting"]


def test_a_resting_order_is_filled_by_the_house_and_frees_its_hold():
    exchange = spot_floor()
    trader = holder(exchange)
    tape = Tape()
    exchange.feed.append(tape)
    trader.order("B", "40", "3", GTC, asset=HYPE)
    exchange.trade("@107", "A", D(40), D(1))
    assert balances(trader)["USDC"] == ("960.0", "80.0", "0.0")
    assert balances(trader)["HYPE"][0] == "0.9996"
    assert [row["fee"] for _, row in tape.fills] == ["0.0004"]
    assert tape.trades[0]["coin"] == "@107"
    assert tape.trades[0]["side"] == "A"


def test_two_clients_trade_tokens_and_nothing_is_lost_but_fees():
    exchange = spot_floor()
    seller, buyer = holder(exchange, 1, hype="10"), holder(exchange, 2)
    seller.order("A", "40", "4", GTC, asset=HYPE)
    buyer.order("B", "40", "4", IOC, asset=HYPE)
    venue = exchange._venue
    for token, given in ((0, 2000), (150, 10)):
        held = sum(account.balance_of(token) for account in (*venue.accounts.values(), venue.house))
        assert held + venue.spot_fees[token] == given


def test_an_order_in_another_quote_token_names_it():
    exchange = spot_floor()
    trader = holder(exchange)
    assert trader.order("B", "37", "0.2", asset=10_232) == {
        "error": "Order must have minimum value of 10 USDH. asset=10232"
    }
    assert trader.order("B", "37", "1", asset=10_232) == {"error": "Insufficient spot balance asset=10232"}
    exchange.fund_spot(trader.user, "USDH", D(50))
    trader.order("B", "37", "1", asset=10_232)
    assert balances(trader)["USDH"][:2] == ("50.0", "37.0")


def test_a_post_only_spot_order_that_would_match_is_refused():
    trader = holder(spot_floor())
    text = f"Post only order would have immediately matched, bbo was 39.99@40.01. asset={HYPE}"
    assert trader.order("B", "40.01", "1", ALO, asset=HYPE) == {"error": text}


def test_nothing_can_be_reduced_on_spot():
    trader = holder(spot_floor(), hype="5")
    text = f"Reduce only order would increase position. asset={HYPE}"
    assert trader.order("A", "39.99", "1", IOC, asset=HYPE, reduce_only=True) == {"error": text}


def test_a_spot_price_far_from_the_mark_is_refused_for_the_batch():
    trader = holder(spot_floor())
    text = "Order price cannot be more than 80% away from the reference price"
    assert trader.order("B", "5", "10", asset=HYPE) == {"error": text}


def test_a_spot_stop_fires_at_the_pair_s_mark_and_sells():
    exchange = spot_floor()
    trader = holder(exchange, hype="2")
    trader.order("A", "30", "2", trigger("sl", "39.5"), asset=HYPE)
    assert balances(trader)["HYPE"][1] == "0.0"
    exchange.quote("@107", quotes(("39", "100")), quotes(("39.02", "100")))
    exchange.advance(exchange.now_ms + 3_000)
    assert trader.ask("userFills")[0]["px"] == "39.0"
    assert balances(trader)["HYPE"][0] == "0.0"


def test_a_spot_stop_whose_tokens_are_gone_is_rejected_when_it_fires():
    exchange = spot_floor()
    trader = holder(exchange, hype="2")
    tape = Tape()
    exchange.feed.append(tape)
    trader.order("A", "30", "2", trigger("sl", "39.5"), asset=HYPE)
    trader.order("A", "39.99", "1.5", MARKET, asset=HYPE)
    exchange.quote("@107", quotes(("39", "100")), quotes(("39.02", "100")))
    exchange.advance(exchange.now_ms + 3_000)
    assert tape.statuses(trader.user)[-1][1] == "insufficientSpotBalanceRejected"


def test_a_pair_s_context_mid_and_candles_follow_its_trades():
    exchange = spot_floor()
    exchange.trade("@107", "B", D("40.01"), D(3))
    exchange.advance(exchange.now_ms + 3_000)
    context = exchange.asset_ctx("@107")
    assert list(context) == [
        "prevDayPx", "dayNtlVlm", "markPx", "midPx", "circulatingSupply", "coin", "totalSupply", "dayBaseVlm",
    ]  # fmt: skip
    assert (context["markPx"], context["midPx"]) == ("40.01", "40.0")
    assert exchange.mids()["@107"] == "40.0"
    assert D(context["dayBaseVlm"]) == D("1523210.4") + 3
    assert exchange.recent_trades("@107")[0]["sz"] == "3.0"
    assert exchange.l2("@107")["levels"][0][0]["px"] == "39.99"


def test_spot_volume_counts_for_the_account():
    exchange = spot_floor()
    trader = holder(exchange)
    trader.order("B", "40.01", "2", IOC, asset=HYPE)
    assert trader.ask("userRateLimit")["cumVlm"] == "80.02"


def test_spot_orders_are_listed_with_the_first_dex_only():
    trader = holder(spot_floor())
    trader.order("B", "39", "1", asset=HYPE)
    assert [row["coin"] for row in trader.ask("openOrders")] == ["@107"]
    assert trader.ask("openOrders", dex="xyz") == []


def test_a_token_is_told_by_its_id():
    exchange = spot_floor()
    hype = exchange.universe.token_by_index[150]
    body = exchange.info({"type": "tokenDetails", "tokenId": hype.token_id}).body
    assert (body["name"], body["midPx"], body["weiDecimals"]) == ("HYPE", "40.0", 8)
    assert exchange.info({"type": "tokenDetails", "tokenId": "0x00"}).body is None
