"""Cases: what an account is told about itself (protocol sections 2.10 to 2.14)."""

import pytest

from tests.conformance.cases import subject
from tests.conformance.desk import D, Desk
from tests.conformance.sdk import Trader, cloid

case = subject("account reads")

NOBODY = "0x" + "7" * 40


@case("clearinghouseState of an unknown user is zeroed, never an error")
def unknown_state(desk: Desk) -> None:
    state = desk.info.user_state(NOBODY)
    assert state["marginSummary"]["accountValue"] == "0.0"
    assert (state["withdrawable"], state["assetPositions"]) == ("0.0", [])


@case("lists of an unknown user are empty")
def unknown_lists(desk: Desk) -> None:
    assert desk.info.open_orders(NOBODY) == []
    assert desk.info.frontend_open_orders(NOBODY) == []
    assert desk.info.user_fills(NOBODY) == []
    assert desk.info.historical_orders(NOBODY) == []
    assert desk.info.user_fills_by_time(NOBODY, 0) == []
    assert desk.info.user_funding_history(NOBODY, 0) == []
    assert desk.info.user_non_funding_ledger_updates(NOBODY, 0) == []


@case("an address is read in any case and answered in lower case")
def mixed_case(desk: Desk) -> None:
    trader = Trader(desk)
    trader.rest("BTC", "B", 79000, 0.01)
    assert desk.info.open_orders(trader.wallet.address) == desk.info.open_orders(trader.address)
    asked = desk.info.post("/info", {"type": "activeAssetData", "user": trader.wallet.address, "coin": "BTC"})
    assert asked["user"] == trader.address


@case("clearinghouseState: a long's value, cost, profit and margin obey the identities")
def long_position(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.5)
    state, position = trader.state(), trader.position("BTC")
    mark = D(desk.info.meta_and_asset_ctxs()[1][0]["markPx"])
    assert position["szi"] == "0.5"
    assert D(position["positionValue"]) == D("0.5") * mark
    assert D(position["unrealizedPnl"]) == D("0.5") * (mark - 80_001)
    assert D(position["marginUsed"]) == pytest.approx(D(position["positionValue"]) / 20, abs=D("0.000001"))
    summary = state["marginSummary"]
    assert D(summary["accountValue"]) == D(summary["totalRawUsd"]) + D(position["positionValue"])
    assert position["leverage"] == {"type": "cross", "value": 20}


@case("clearinghouseState: a short has a negative size and its sign in the identities")
def short_position(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("ETH", "A", 3)
    summary, position = trader.state()["marginSummary"], trader.position("ETH")
    assert position["szi"] == "-3.0"
    assert D(summary["accountValue"]) == D(summary["totalRawUsd"]) - D(position["positionValue"])


@case("clearinghouseState: a flat coin is absent")
def flat_is_absent(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    trader.take("BTC", "A", 0.01)
    assert trader.state()["assetPositions"] == []


@case("clearinghouseState: withdrawable is what positions and resting orders leave")
def withdrawable(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 1)
    trader.rest("BTC", "B", 79000, 0.1)
    state = trader.state()
    cross = state["crossMarginSummary"]
    used = max(D(cross["totalMarginUsed"]), D("0.1") * D(cross["totalNtlPos"]))
    free = D(cross["accountValue"]) - used - D(79_000) * D("0.1") / 20
    assert D(state["withdrawable"]) == pytest.approx(free, abs=D("0.000001"))


@case("openOrders: cloid only when set, reduceOnly only when true")
def open_orders(desk: Desk) -> None:
    trader = Trader(desk)
    trader.rest("ETH", "B", 2900, 1)
    trader.rest("ETH", "B", 2890, 1, cloid=cloid(7))
    rows = {row["limitPx"]: row for row in desk.info.open_orders(trader.address)}
    assert list(rows["2900.0"]) == ["coin", "side", "limitPx", "sz", "oid", "timestamp", "origSz"]
    assert rows["2890.0"]["cloid"] == cloid(7).to_raw()


@case("frontendOpenOrders: the whole row, null cloid when none")
def frontend_open_orders(desk: Desk) -> None:
    trader = Trader(desk)
    trader.rest("BTC", "B", 79000, 0.01)
    (row,) = trader.open_orders()
    assert {key: row[key] for key in list(row)[6:]} == {
        "triggerCondition": "N/A",
        "isTrigger": False,
        "triggerPx": "0.0",
        "children": [],
        "isPositionTpsl": False,
        "reduceOnly": False,
        "orderType": "Limit",
        "origSz": "0.01",
        "tif": "Gtc",
        "cloid": None,
    }


@case("orderStatus: by oid and by cloid the same, unknownOid otherwise")
def order_status(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "B", 79000, 0.01, cloid=cloid(5))
    by_oid = desk.info.query_order_by_oid(trader.address, oid)
    assert (by_oid["status"], by_oid["order"]["status"]) == ("order", "open")
    assert desk.info.query_order_by_cloid(trader.address, cloid(5)) == by_oid
    assert desk.info.query_order_by_oid(trader.address, 1) == {"status": "unknownOid"}
    assert desk.info.query_order_by_oid(NOBODY, oid) == {"status": "unknownOid"}


@case("orderStatus: a filled order has sz 0.0 and its original size")
def filled_status(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.take("BTC", "B", 0.01)["oid"]
    answer = desk.info.query_order_by_oid(trader.address, oid)["order"]
    assert (answer["status"], answer["order"]["sz"], answer["order"]["origSz"]) == ("filled", "0.0", "0.01")


@case("historicalOrders: newest first, rejected orders included")
def historical_orders(desk: Desk) -> None:
    trader = Trader(desk)
    filled = trader.take("BTC", "B", 0.01)["oid"]
    trader.limit("BTC", "B", 79000, 0.0001)
    (rejected, status), *older = trader.history()
    assert status == "minTradeNtlRejected"
    assert rejected > filled
    assert (filled, "filled") in older


@case("userFills: newest first, with fee, direction and starting position")
def user_fills(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.1)
    trader.take("BTC", "A", 0.1)
    closing, opening = desk.info.user_fills(trader.address)
    assert (opening["dir"], opening["startPosition"], opening["closedPnl"]) == ("Open Long", "0.0", "0.0")
    assert (closing["dir"], closing["startPosition"], closing["closedPnl"]) == ("Close Long", "0.1", "-0.2")
    assert (opening["fee"], opening["feeToken"], opening["crossed"]) == ("3.600045", "USDC", True)
    assert closing["twapId"] is None


@case("userFillsByTime: oldest first, both ends inclusive")
def user_fills_by_time(desk: Desk) -> None:
    trader = Trader(desk)
    for _ in range(3):
        trader.take("BTC", "B", 0.01)
        desk.wait(1)
    times = [row["time"] for row in reversed(desk.info.user_fills(trader.address))]
    by_time = [row["time"] for row in desk.info.user_fills_by_time(trader.address, times[1], times[2])]
    assert by_time == times[1:]


@case("userFills with aggregateByTime pools what one taker order filled")
def pooled_fills(desk: Desk) -> None:
    desk.market(lambda exchange: exchange.quote("BTC", [], [(D(80_001), D("0.1"), 1), (D(80_002), D("0.1"), 1)]))
    trader = Trader(desk)
    trader.limit("BTC", "B", 80_010, 0.2, "Ioc")
    assert len(desk.info.user_fills(trader.address)) == 2
    pooled = trader.ask("userFills", aggregateByTime=True)
    assert [row["sz"] for row in pooled] == ["0.2"]


@case("userFees: the base account's rates")
def user_fees(desk: Desk) -> None:
    fees = desk.info.user_fees(Trader(desk).address)
    assert (fees["userCrossRate"], fees["userAddRate"]) == ("0.00045", "0.00015")
    assert (fees["userSpotCrossRate"], fees["userSpotAddRate"]) == ("0.0007", "0.0004")
    assert fees["feeSchedule"]["tiers"]["vip"]


@case("userRateLimit: the cap is 10000 plus one for each USDC traded")
def user_rate_limit(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    limit = desk.info.user_rate_limit(trader.address)
    assert limit == {"cumVlm": "800.01", "nRequestsUsed": 1, "nRequestsCap": 10_800, "nRequestsSurplus": 0}


@case("userRole: user and missing")
def user_role(desk: Desk) -> None:
    assert desk.info.user_role(Trader(desk).address) == {"role": "user"}
    assert desk.info.user_role(NOBODY) == {"role": "missing"}


@case("activeAssetData: leverage of a coin without a position, sizes for buyer and seller")
def active_asset_data(desk: Desk) -> None:
    trader = Trader(desk)
    asked = trader.ask("activeAssetData", coin="BTC")
    assert list(asked) == ["user", "coin", "leverage", "maxTradeSzs", "availableToTrade", "markPx"]
    assert asked["leverage"] == {"type": "cross", "value": 20}
    assert D(asked["maxTradeSzs"][0]) == pytest.approx(D(100_000) * 20 / 80_000, rel=D("0.01"))


@case("portfolio: eight periods, histories of [ms, value]")
def portfolio(desk: Desk) -> None:
    rows = desk.info.portfolio(Trader(desk).address)
    assert [period for period, _ in rows] == [
        "day",
        "week",
        "month",
        "allTime",
        "perpDay",
        "perpWeek",
        "perpMonth",
        "perpAllTime",
    ]
    assert all(list(row) == ["accountValueHistory", "pnlHistory", "vlm"] for _, row in rows)


@case("userFunding: paid by longs when the rate is positive, one row an hour")
def user_funding(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 1)
    began_ms = desk.now_ms
    desk.wait(3600)
    (row,) = desk.info.user_funding_history(trader.address, began_ms)
    delta = row["delta"]
    assert list(delta) == ["type", "coin", "usdc", "szi", "fundingRate", "nSamples"]
    assert (delta["type"], delta["coin"], delta["szi"], delta["nSamples"]) == ("funding", "BTC", "1.0", None)
    assert D(delta["usdc"]) == pytest.approx(-80_000 * D(delta["fundingRate"]), abs=D("0.000002"))


@case("cumFunding counts what was paid as positive")
def cum_funding(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 1)
    began_ms = desk.now_ms
    desk.wait(3600)
    paid = -D(desk.info.user_funding_history(trader.address, began_ms)[0]["delta"]["usdc"])
    cum_funding = trader.position("BTC")["cumFunding"]
    assert D(cum_funding["sinceOpen"]) == D(cum_funding["allTime"]) == paid


@case("referral and approvedBuilders of a plain account")
def plain_account(desk: Desk) -> None:
    trader = Trader(desk)
    assert desk.info.query_referral_state(trader.address)["referredBy"] is None
    assert trader.ask("approvedBuilders") == []
    assert trader.ask("maxBuilderFee", builder=NOBODY) == 0


@case("abstraction of a plain account is the default")
def plain_abstraction(desk: Desk) -> None:
    assert desk.info.query_user_abstraction_state(Trader(desk).address) in ("default", "disabled")


@case("lists that a new account has not filled yet are empty")
def new_account_lists(desk: Desk) -> None:
    address = Trader(desk).address
    assert desk.info.extra_agents(address) == []
    assert desk.info.query_sub_accounts(address) is None
    assert desk.info.user_vault_equities(address) == []
    assert desk.info.user_twap_slice_fills(address) == []


@case("userNonFundingLedgerUpdates: a deposit is a row")
def deposit_row(desk: Desk) -> None:
    trader = Trader(desk)
    (row,) = desk.info.user_non_funding_ledger_updates(trader.address, 0)
    assert list(row) == ["time", "hash", "delta"]
    assert row["delta"] == {"type": "deposit", "usdc": "100000.0"}


@case("staking: an account without a stake")
def no_stake(desk: Desk) -> None:
    address = Trader(desk).address
    assert desk.info.user_staking_delegations(address) == []
    assert desk.info.user_staking_rewards(address) == []
    assert desk.info.delegator_history(address) == []
    assert desk.info.user_staking_summary(address) == {
        "delegated": "0.0",
        "undelegated": "0.0",
        "totalPendingWithdrawal": "0.0",
        "nPendingWithdrawals": 0,
    }
