"""Cases: spot trading and the builder-deployed dex (protocol sections 2.3, 2.4, 2.11, 5)."""

import pytest
from hyperliquid.info import Info

from tests.conformance.cases import subject
from tests.conformance.desk import D, Desk
from tests.conformance.ears import PATIENCE_S
from tests.conformance.sdk import DEFAULT, Trader

spot = subject("spot")
builder_dex = subject("builder dex")

PURR = "PURR/USDC"


def spot_trader(desk: Desk, usdc: str = "10000") -> Trader:
    """An account with USDC in spot and a quoted PURR book."""
    trader = Trader(desk, usdc)
    assert trader.do("usd_class_transfer", float(usdc), False) == DEFAULT
    desk.market(lambda exchange: exchange.quote(PURR, [(D("0.067"), D(50_000), 1)], [(D("0.0672"), D(50_000), 1)]))
    return trader


def balance(desk: Desk, trader: Trader, coin: str) -> dict:
    """The account's row of one token."""
    rows = desk.info.spot_user_state(trader.address)["balances"]
    return next((row for row in rows if row["coin"] == coin), {"total": "0.0", "hold": "0.0"})


@spot("spotMeta: pairs name their tokens by index, indices have gaps")
def spot_meta(desk: Desk) -> None:
    meta = desk.info.spot_meta()
    tokens = {token["index"] for token in meta["tokens"]}
    assert all(set(pair["tokens"]) <= tokens for pair in meta["universe"])
    assert any(pair["index"] != place for place, pair in enumerate(meta["universe"]))
    assert any(token["index"] != place for place, token in enumerate(meta["tokens"]))


@spot("the SDK finds a pair by its name and by its @index")
def spot_names(desk: Desk) -> None:
    assert desk.info.name_to_asset(PURR) == 10_000
    assert desk.info.name_to_asset("@107") == 10_107
    assert desk.info.name_to_asset("HYPE/USDC") == 10_107


@spot("spotMetaAndAssetCtxs: contexts carry their coin")
def spot_contexts(desk: Desk) -> None:
    meta, contexts = desk.info.spot_meta_and_asset_ctxs()
    assert {ctx["coin"] for ctx in contexts} >= {pair["name"] for pair in meta["universe"]}


@spot("a buy takes from the book and pays its fee in the bought token")
def spot_buy(desk: Desk) -> None:
    trader = spot_trader(desk)
    filled = trader.limit(PURR, "B", 0.0672, 1000, "Ioc")["filled"]
    assert (filled["totalSz"], filled["avgPx"]) == ("1000.0", "0.0672")
    (fill,) = desk.info.user_fills(trader.address)
    assert (fill["dir"], fill["feeToken"], fill["fee"]) == ("Buy", "PURR", "0.7")
    assert D(balance(desk, trader, "PURR")["total"]) == D("999.3")
    assert D(balance(desk, trader, "USDC")["total"]) == D("10000") - D("67.2")


@spot("a sell pays its fee in the quote token")
def spot_sell(desk: Desk) -> None:
    trader = spot_trader(desk)
    trader.limit(PURR, "B", 0.0672, 1000, "Ioc")
    trader.limit(PURR, "A", 0.067, 500, "Ioc")
    fill = desk.info.user_fills(trader.address)[0]
    assert (fill["dir"], fill["feeToken"]) == ("Sell", "USDC")
    assert D(fill["fee"]) == pytest.approx(D("33.5") * D("0.0007"), abs=D("0.00001"))


@spot("a resting bid holds its USDC, a resting offer its token; canceling frees it")
def spot_holds(desk: Desk) -> None:
    trader = spot_trader(desk)
    oid = trader.rest(PURR, "B", 0.06, 1000)
    assert D(balance(desk, trader, "USDC")["hold"]) == 60
    trader.statuses("cancel", PURR, oid)
    assert D(balance(desk, trader, "USDC")["hold"]) == 0
    trader.limit(PURR, "B", 0.0672, 1000, "Ioc")
    trader.rest(PURR, "A", 0.07, 400)
    assert D(balance(desk, trader, "PURR")["hold"]) == 400


@spot("without the balance an order is refused")
def spot_balance(desk: Desk) -> None:
    trader = spot_trader(desk, "50")
    answer = trader.limit(PURR, "B", 0.0672, 10_000)
    assert answer == {"error": "Insufficient spot balance asset=10000"}
    assert trader.history()[0][1] == "insufficientSpotBalanceRejected"


@spot("minimum value: 10 of the quote token")
def spot_minimum(desk: Desk) -> None:
    answer = spot_trader(desk).limit(PURR, "B", 0.06, 100)
    assert answer == {"error": "Order must have minimum value of 10 USDC. asset=10000"}


@spot("market_open buys spot with the spot price's decimals")
def spot_market(desk: Desk) -> None:
    trader = spot_trader(desk)
    (status,) = trader.statuses("market_open", PURR, True, 1000)
    assert status["filled"]["totalSz"] == "1000.0"


@spot("l2Book and trades of a pair go by its market-data name")
def spot_book(desk: Desk) -> None:
    trader = spot_trader(desk)
    trader.limit(PURR, "B", 0.0672, 1000, "Ioc")
    book = desk.info.l2_snapshot(PURR)
    assert book["levels"][0][0]["px"] == "0.067"
    assert desk.ask("recentTrades", coin=PURR)[0]["sz"] == "1000.0"


@spot("openOrders lists spot orders beside perps")
def spot_open_orders(desk: Desk) -> None:
    trader = spot_trader(desk)
    trader.rest(PURR, "B", 0.06, 1000)
    assert [row["coin"] for row in trader.open_orders()] == [PURR]


def dex_name(desk: Desk) -> str:
    """The builder-deployed dex of this exchange."""
    return desk.info.perp_dexs()[1]["name"]


@builder_dex("perpDexs lists it with its deployer and fee scale")
def dex_listed(desk: Desk) -> None:
    row = desk.info.perp_dexs()[1]
    assert {"name", "fullName", "deployer", "oracleUpdater", "feeRecipient", "deployerFeeScale"} <= set(row)


@builder_dex("Info(perp_dexs) finds its coins from asset 110000 on")
def dex_assets(desk: Desk) -> None:
    name = dex_name(desk)
    info = desk.door.build(lambda: Info(desk.door.url, True, perp_dexs=["", name], timeout=PATIENCE_S))
    coins = {coin: asset for coin, asset in info.coin_to_asset.items() if coin.startswith(f"{name}:")}
    assert min(coins.values()) == 110_000
    assert info.name_to_asset("BTC") == 0


@builder_dex("meta, contexts and mids of the dex carry its prefix")
def dex_market_data(desk: Desk) -> None:
    name = dex_name(desk)
    meta, contexts = desk.info.post("/info", {"type": "metaAndAssetCtxs", "dex": name})
    assert meta == desk.info.meta(name)
    assert len(contexts) == len(meta["universe"])
    assert all(row["name"].startswith(f"{name}:") for row in meta["universe"])
    assert set(desk.info.all_mids(name)) == {row["name"] for row in meta["universe"]}
    assert not any(coin.startswith(f"{name}:") for coin in desk.info.all_mids())


def dex_trader(desk: Desk) -> tuple[Trader, str]:
    """An account with 5000 USDC at the dex, and a quoted coin of it."""
    name = dex_name(desk)
    meta = desk.info.meta(name)
    coin = meta["universe"][0]["name"]
    mid = D(desk.info.all_mids(name)[coin])
    tick = D(1).scaleb(mid.adjusted() - 3)
    px = mid.quantize(tick)
    desk.market(lambda exchange: exchange.quote(coin, [(px - tick, D(1000), 1)], [(px + tick, D(1000), 1)]))
    trader = Trader(desk)
    trader.exchange.info.set_perp_meta(meta, 110_000)
    token = f"USDC:{desk.spot_meta['tokens'][0]['tokenId']}"
    assert trader.do("send_asset", trader.address, "", name, token, 5_000) == DEFAULT
    return trader, coin


@builder_dex("an order trades there; position and money are the dex's own")
def dex_trade(desk: Desk) -> None:
    trader, coin = dex_trader(desk)
    name = dex_name(desk)
    px = float(desk.ask("l2Book", coin=coin)["levels"][1][0]["px"])
    answer = trader.limit(coin, "B", px, 0.1, "Ioc")
    assert answer["filled"]["totalSz"] == "0.1"
    state = desk.info.user_state(trader.address, name)
    assert [row["position"]["coin"] for row in state["assetPositions"]] == [coin]
    assert trader.state()["assetPositions"] == []
    assert trader.state()["marginSummary"]["accountValue"] == "95000.0"


@builder_dex("open orders are asked by dex")
def dex_open_orders(desk: Desk) -> None:
    trader, coin = dex_trader(desk)
    name = dex_name(desk)
    bid = float(desk.ask("l2Book", coin=coin)["levels"][0][0]["px"])
    trader.rest(coin, "B", bid, 0.1)
    assert [row["coin"] for row in desk.info.open_orders(trader.address, name)] == [coin]
    assert desk.info.open_orders(trader.address) == []
    assert len(desk.info.frontend_open_orders(trader.address, name)) == 1


@builder_dex("allPerpMetas has the dex's meta in the place of perpDexs")
def dex_metas(desk: Desk) -> None:
    assert desk.ask("allPerpMetas")[1] == desk.info.meta(dex_name(desk))


@builder_dex("its fees are scaled by its deployer's share")
def dex_fee(desk: Desk) -> None:
    trader, coin = dex_trader(desk)
    px = float(desk.ask("l2Book", coin=coin)["levels"][1][0]["px"])
    trader.limit(coin, "B", px, 0.1, "Ioc")
    (fill,) = desk.info.user_fills(trader.address)
    assert D(fill["fee"]) != D("0.00045") * D(fill["px"]) / 10
