"""A builder's dex beside the first: ids, metadata, cash of its own, fees."""

from decimal import Decimal

from tests.localnet.floor import GTC, IOC, START_MS, Trader, quotes
from tests.localnet.test_transfers import OK, USDC, send
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe

D = Decimal
XYZ100, TSLA, GOLD = 110_000, 110_001, 110_002


def dex_floor() -> Exchange:
    """A kernel whose builder perps have a book."""
    exchange = Exchange(default_universe(), start_ms=START_MS)
    exchange.quote("xyz:XYZ100", quotes(("24999", "10")), quotes(("25001", "10")))
    exchange.set_oracle("xyz:XYZ100", D(25_000))
    exchange.quote("xyz:TSLA", quotes(("249.9", "1000")), quotes(("250.1", "1000")))
    exchange.set_oracle("xyz:TSLA", D(250))
    exchange.quote("xyz:GOLD", quotes(("4199.9", "1000")), quotes(("4200.1", "1000")))
    exchange.set_oracle("xyz:GOLD", D(4200))
    return exchange


def dex_trader(exchange: Exchange, usdc: str = "1000", number: int = 1) -> Trader:
    """A trader with money on the builder's dex and 100 on the first."""
    trader = Trader(exchange, number, usdc=str(D(usdc) + 100))
    fields = {"sourceDex": "", "destinationDex": "xyz", "token": USDC, "fromSubAccount": ""}
    assert send(trader, "sendAsset", destination=trader.user, amount=usdc, **fields) == OK
    return trader


def value(trader: Trader, dex: str) -> D:
    return D(trader.ask("clearinghouseState", dex=dex)["marginSummary"]["accountValue"])


def test_the_dexs_are_listed_with_null_for_the_first():
    dexs = dex_floor().info({"type": "perpDexs"}).body
    assert dexs[0] is None
    assert dexs[1]["name"] == "xyz"
    assert list(dexs[1]) == [
        "name", "fullName", "deployer", "oracleUpdater", "feeRecipient", "assetToStreamingOiCap", "subDeployers",
        "deployerFeeScale", "lastDeployerFeeScaleChangeTime", "assetToFundingMultiplier", "assetToFundingInterestRate",
    ]  # fmt: skip


def test_a_dex_s_metadata_names_its_coins_in_full():
    exchange = dex_floor()
    meta, contexts = exchange.info({"type": "metaAndAssetCtxs", "dex": "xyz"}).body
    names = [row["name"] for row in meta["universe"]]
    assert names == ["xyz:XYZ100", "xyz:TSLA", "xyz:GOLD"]
    assert meta["universe"][2]["growthMode"] == "enabled"
    assert [row["marginMode"] for row in meta["universe"][1:]] == ["noCross", "strictIsolated"]
    assert contexts[0]["markPx"] == "25000.0"
    assert exchange.info({"type": "meta", "dex": "xyz"}).body == meta
    assert exchange.info({"type": "allPerpMetas"}).body == [exchange.info({"type": "meta"}).body, meta]


def test_mids_come_dex_by_dex():
    exchange = dex_floor()
    assert exchange.info({"type": "allMids", "dex": "xyz"}).body == {
        "xyz:XYZ100": "25000.0",
        "xyz:TSLA": "250.0",
        "xyz:GOLD": "4200.0",
    }
    assert not any(coin.startswith("xyz") for coin in exchange.info({"type": "allMids", "dex": ""}).body)


def test_an_unknown_dex_has_no_answer():
    assert dex_floor().info({"type": "meta", "dex": "nope"}).status == 500


def test_a_perp_of_the_dex_is_margined_by_the_cash_there():
    exchange = dex_floor()
    poor = Trader(exchange, 2, usdc="100000")
    assert poor.order("B", "25001", "0.1", IOC, asset=XYZ100)["error"].startswith("Insufficient margin")
    trader = dex_trader(exchange)
    assert "filled" in trader.order("B", "25001", "0.1", IOC, asset=XYZ100)
    state = trader.ask("clearinghouseState", dex="xyz")
    assert [row["position"]["coin"] for row in state["assetPositions"]] == ["xyz:XYZ100"]
    assert trader.ask("clearinghouseState")["assetPositions"] == []
    assert trader.ask("clearinghouseState")["withdrawable"] == "100.0"
    assert trader.ask("userFills")[0]["coin"] == "xyz:XYZ100"


def test_a_builder_s_dex_takes_twice_the_fee_and_a_tenth_of_it_in_growth_mode():
    exchange = dex_floor()
    trader = dex_trader(exchange)
    trader.order("B", "25001", "0.1", IOC, asset=XYZ100)
    trader.order("B", "4200.1", "0.1", IOC, asset=GOLD)
    growing, usual = trader.ask("userFills")
    assert usual["fee"] == "2.25009"  # 2500.1 * 0.00045 * 2
    assert growing["fee"] == "0.0378"  # 420.01 * 0.00045 * 0.2, cut


def test_profit_stays_on_the_dex():
    exchange = dex_floor()
    trader = dex_trader(exchange)
    trader.order("B", "25001", "0.1", IOC, asset=XYZ100)
    exchange.quote("xyz:XYZ100", quotes(("25999", "10")), quotes(("26001", "10")))
    trader.order("A", "25999", "0.1", IOC, asset=XYZ100)
    fees = sum(D(row["fee"]) for row in trader.ask("userFills"))
    assert value(trader, "xyz") == 1000 + D("99.8") - fees
    assert value(trader, "") == 100


def test_orders_are_listed_under_their_dex_and_canceled_by_their_asset():
    exchange = dex_floor()
    exchange.quote("BTC", quotes(("84000", "1")), quotes(("84001", "1")))
    trader = dex_trader(exchange)
    oid = trader.order("B", "24000", "0.1", GTC, asset=XYZ100)["resting"]["oid"]
    trader.order("B", "83000", "0.001", GTC)
    assert [row["coin"] for row in trader.ask("openOrders")] == ["BTC"]
    assert [row["coin"] for row in trader.ask("frontendOpenOrders", dex="xyz")] == ["xyz:XYZ100"]
    assert D(trader.ask("clearinghouseState", dex="xyz")["withdrawable"]) == 1000 - 120
    assert trader.cancel(oid, XYZ100) == "success"


def test_an_isolated_only_perp_starts_isolated_and_takes_its_margin_from_the_dex():
    exchange = dex_floor()
    trader = dex_trader(exchange)
    assert "filled" in trader.order("A", "249.9", "4", IOC, asset=TSLA)
    state = trader.ask("clearinghouseState", dex="xyz")
    position = state["assetPositions"][0]["position"]
    assert position["leverage"]["type"] == "isolated"
    assert D(state["crossMarginSummary"]["accountValue"]) == 1000 - D("99.96")
    refused = trader.post({"type": "updateLeverage", "asset": TSLA, "isCross": True, "leverage": 5})
    assert refused == {"status": "err", "response": "Cross margin is not allowed for this asset."}


def test_isolated_margin_comes_from_the_dex_and_leverage_asks_its_cash():
    exchange = dex_floor()
    trader = dex_trader(exchange)
    trader.order("A", "249.9", "4", IOC, asset=TSLA)
    move = {"type": "updateIsolatedMargin", "asset": TSLA, "isBuy": True, "ntli": 500_000_000}
    assert trader.post(move) == OK
    assert trader.post(move)["response"] == "Account does not have sufficient margin available for increase."
    cross = trader.ask("clearinghouseState", dex="xyz")["crossMarginSummary"]["accountValue"]
    assert D(cross) == 1000 - D("99.96") - 500
    trader.order("B", "25001", "0.1", IOC, asset=XYZ100)
    lower = {"type": "updateLeverage", "asset": XYZ100, "isCross": True, "leverage": 2}
    assert trader.post(lower)["response"].startswith("Cross position does not have sufficient margin")


def test_active_asset_data_speaks_of_the_dex_s_cash():
    exchange = dex_floor()
    trader = dex_trader(exchange)
    row = trader.ask("activeAssetData", coin="xyz:XYZ100")
    assert row["availableToTrade"] == ["1000.0", "1000.0"]
    assert trader.ask("activeAssetData", coin="BTC")["availableToTrade"] == ["100.0", "100.0"]


def test_asking_about_a_dex_that_was_never_used_changes_nothing():
    exchange = dex_floor()
    trader = Trader(exchange, 1)
    assert trader.ask("clearinghouseState", dex="xyz")["withdrawable"] == "0.0"
    assert exchange._venue.accounts[trader.user].dexs == {}


def test_a_unified_account_trades_every_dex_with_one_collateral():
    exchange = dex_floor()
    trader = Trader(exchange, 1, usdc="1000")
    trader.post({"type": "agentSetAbstraction", "abstraction": "u"})
    assert "filled" in trader.order("B", "25001", "0.1", IOC, asset=XYZ100)
    state = trader.ask("clearinghouseState", dex="xyz")
    assert [row["position"]["coin"] for row in state["assetPositions"]] == ["xyz:XYZ100"]
    assert trader.ask("clearinghouseState")["assetPositions"] == []
    assert D(trader.ask("spotClearinghouseState")["balances"][0]["hold"]) == D("250")


def test_size_is_conserved_on_the_dex():
    exchange = dex_floor()
    trader, other = dex_trader(exchange), dex_trader(exchange, number=2)
    trader.order("B", "25000", "0.1", GTC, asset=XYZ100)
    other.order("A", "25000", "0.1", IOC, asset=XYZ100)
    venue = exchange._venue
    accounts = (*venue.accounts.values(), venue.house)
    assert sum(account.position_size("xyz:XYZ100") for account in accounts) == 0
    cash = [part.raw_usd for account in accounts for part in (account, *account.dexs.values())]
    assert sum(cash) + venue.fees == 2200


def test_the_limits_of_a_builder_s_dex_are_told_and_the_first_has_none():
    exchange = dex_floor()
    assert exchange.info({"type": "perpDexLimits", "dex": ""}).body is None
    body = exchange.info({"type": "perpDexLimits", "dex": "xyz"}).body
    assert list(body) == ["totalOiCap", "oiSzCapPerPerp", "maxTransferNtl", "coinToOiCap"]
    assert body["coinToOiCap"][0] == ["xyz:XYZ100", "25000000.0"]


def test_a_dex_tells_what_was_put_onto_it():
    exchange = dex_floor()
    dex_trader(exchange)
    assert exchange.info({"type": "perpDexStatus", "dex": "xyz"}).body == {"totalNetDeposit": "1000.0"}
    assert exchange.info({"type": "perpDexStatus", "dex": ""}).body == {"totalNetDeposit": "100.0"}


def test_a_margin_table_under_fifty_is_one_tier_of_that_leverage():
    exchange = dex_floor()
    table = exchange.info({"type": "marginTable", "id": 7}).body
    assert table == {"description": "", "marginTiers": [{"lowerBound": "0.0", "maxLeverage": 7}]}
    assert exchange.info({"type": "marginTable", "id": 56}).body["description"] == "tiered 40x"
    assert exchange.info({"type": "marginTable", "id": 999}).status == 500


def test_the_largest_market_orders_are_listed_by_leverage():
    assert dex_floor().info({"type": "maxMarketOrderNtls"}).body[-1] == [25, "30000000.0"]
