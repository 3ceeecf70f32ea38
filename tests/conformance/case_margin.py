"""Cases: leverage, margin and liquidation (protocol sections 2.10, 3.5, 8.1, 8.2)."""

import pytest

from tests.conformance.cases import subject
from tests.conformance.desk import D, Desk
from tests.conformance.sdk import DEFAULT, Trader

case = subject("leverage and margin")


def refused(text: str) -> dict:
    return {"status": "err", "response": text}


@case("updateLeverage: shown before there is a position, and in the position")
def leverage(desk: Desk) -> None:
    trader = Trader(desk)
    assert trader.do("update_leverage", 7, "BTC") == DEFAULT
    assert trader.ask("activeAssetData", coin="BTC")["leverage"] == {"type": "cross", "value": 7}
    trader.take("BTC", "B", 0.01)
    assert trader.position("BTC")["leverage"] == {"type": "cross", "value": 7}


@case("updateLeverage: above the coin's maximum and zero are invalid")
def leverage_too_high(desk: Desk) -> None:
    trader = Trader(desk)
    assert trader.do("update_leverage", 41, "BTC") == refused("Invalid leverage value")
    assert trader.do("update_leverage", 0, "BTC") == refused("Invalid leverage value")


@case("updateLeverage: isolated shows rawUsd, and margin that follows the profit")
def isolated(desk: Desk) -> None:
    trader = Trader(desk)
    trader.do("update_leverage", 10, "BTC", False)
    trader.take("BTC", "B", 0.1)
    position = trader.position("BTC")
    assert (position["leverage"]["type"], position["leverage"]["value"]) == ("isolated", 10)
    assert D(position["marginUsed"]) == D(position["leverage"]["rawUsd"]) + D(position["positionValue"])
    assert trader.state()["crossMarginSummary"]["totalNtlPos"] == "0.0"


@case("updateLeverage: cross and isolated are not switched with an open position")
def leverage_switch(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    answer = trader.do("update_leverage", 10, "BTC", False)
    assert answer == refused("Cannot switch leverage type with open position.")


@case("updateLeverage: raising it on an open cross position frees margin")
def leverage_raised(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 1)
    before = D(trader.position("BTC")["marginUsed"])
    assert trader.do("update_leverage", 40, "BTC") == DEFAULT
    assert D(trader.position("BTC")["marginUsed"]) == before / 2


@case("updateLeverage: lowering it needs the margin")
def leverage_lowered(desk: Desk) -> None:
    trader = Trader(desk, "5000")
    trader.take("BTC", "B", 1)
    answer = trader.do("update_leverage", 2, "BTC")
    text = "Cross position does not have sufficient margin available to decrease leverage."
    assert answer == refused(f"{text} To decrease leverage, deposit more collateral.")


@case("a coin without cross margin refuses it")
def no_cross(desk: Desk) -> None:
    trader = Trader(desk)
    index = next(i for i, row in enumerate(desk.meta["universe"]) if row.get("onlyIsolated") or row.get("marginMode"))
    name = desk.meta["universe"][index]["name"]
    assert trader.do("update_leverage", 1, name) == refused("Cross margin is not allowed for this asset.")


@case("updateIsolatedMargin: adds to and takes from an isolated position")
def isolated_margin(desk: Desk) -> None:
    trader = Trader(desk)
    trader.do("update_leverage", 10, "BTC", False)
    trader.take("BTC", "B", 0.1)
    before = D(trader.position("BTC")["marginUsed"])
    assert trader.do("update_isolated_margin", 100, "BTC") == DEFAULT
    assert D(trader.position("BTC")["marginUsed"]) == before + 100
    assert trader.do("update_isolated_margin", -50, "BTC") == DEFAULT
    assert D(trader.position("BTC")["marginUsed"]) == before + 50


@case("updateIsolatedMargin: each refusal in the exchange's words")
def isolated_margin_refused(desk: Desk) -> None:
    trader = Trader(desk)
    empty = refused("Cannot update margin for empty position.")
    assert trader.do("update_isolated_margin", 10, "BTC") in (
        empty,
        refused("Position does not use isolated margin."),
    )
    trader.take("ETH", "B", 1)
    assert trader.do("update_isolated_margin", 10, "ETH") == refused("Position does not use isolated margin.")
    trader.do("update_leverage", 10, "BTC", False)
    trader.take("BTC", "B", 0.1)
    assert trader.do("update_isolated_margin", 0, "BTC") == refused("Update to isolated margin cannot be zero.")
    too_much = refused("Account does not have sufficient margin available for increase.")
    assert trader.do("update_isolated_margin", 1_000_000, "BTC") == too_much
    too_little = refused("Position does not have sufficient margin for reduction.")
    assert trader.do("update_isolated_margin", -900, "BTC") == too_little


@case("topUpIsolatedOnlyMargin brings an isolated position to a leverage")
def top_up(desk: Desk) -> None:
    trader = Trader(desk)
    trader.do("update_leverage", 10, "BTC", False)
    trader.take("BTC", "B", 0.1)
    assert trader.act({"type": "topUpIsolatedOnlyMargin", "asset": 0, "leverage": "4"}) == DEFAULT
    position = trader.position("BTC")
    assert D(position["positionValue"]) / D(position["marginUsed"]) == pytest.approx(D(4), rel=D("0.001"))


@case("an order that the margin does not carry is rejected as perpMarginRejected")
def no_margin(desk: Desk) -> None:
    trader = Trader(desk, "100")
    answer = trader.limit("BTC", "B", 80000, 0.1)
    assert answer == {"error": "Insufficient margin to place order. asset=0"}
    assert trader.history()[0][1] == "perpMarginRejected"


@case("resting orders reserve margin: two that fit alone do not fit together")
def margin_reserved(desk: Desk) -> None:
    trader = Trader(desk, "500")
    trader.rest("BTC", "B", 79000, 0.1)
    assert "Insufficient margin" in trader.limit("BTC", "B", 78000, 0.1)["error"]


@case("crossMaintenanceMarginUsed is half the tier's initial margin")
def maintenance(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 1)
    state = trader.state()
    value = D(state["assetPositions"][0]["position"]["positionValue"])
    assert D(state["crossMaintenanceMarginUsed"]) == pytest.approx(value / 80, abs=D("0.000001"))


@case("liquidationPx of a cross long is where equity meets maintenance")
def liquidation_px(desk: Desk) -> None:
    trader = Trader(desk, "10000")
    trader.take("BTC", "B", 1)
    state, position = trader.state(), trader.position("BTC")
    cash = D(state["crossMarginSummary"]["totalRawUsd"])
    assert D(position["liquidationPx"]) == pytest.approx(-cash / (1 - D(1) / 80), rel=D("0.000001"))


@case("liquidationPx is null when no price can do it")
def no_liquidation_px(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    assert trader.position("BTC")["liquidationPx"] is None


@case("a cross position under maintenance is sold on the book; fills say who was liquidated")
def liquidated(desk: Desk) -> None:
    trader = Trader(desk, "5000")
    trader.take("BTC", "B", 1)
    desk.move("BTC", "75800")
    desk.wait(60)
    assert trader.position("BTC") is None
    fill = desk.info.user_fills(trader.address)[0]
    assert fill["liquidation"]["liquidatedUser"] == trader.address
    assert fill["liquidation"]["method"] in ("market", "backstop")
    rows = desk.info.user_non_funding_ledger_updates(trader.address, 0)
    assert any(row["delta"]["type"] == "liquidation" for row in rows)


@case("a liquidation cancels the account's resting orders as liquidatedCanceled")
def liquidation_cancels(desk: Desk) -> None:
    trader = Trader(desk, "5000")
    trader.take("BTC", "B", 1)
    oid = trader.rest("ETH", "B", 2000, 0.01)
    desk.move("BTC", "75800")
    desk.wait(60)
    assert trader.order_status(oid) == "liquidatedCanceled"


@case("an isolated position is liquidated alone, the rest of the account is untouched")
def liquidated_isolated(desk: Desk) -> None:
    trader = Trader(desk)
    trader.do("update_leverage", 20, "BTC", False)
    trader.take("BTC", "B", 0.1)
    trader.take("ETH", "B", 1)
    desk.move("BTC", "76500")
    desk.wait(60)
    assert trader.position("BTC") is None
    assert trader.position("ETH")["szi"] == "1.0"


@case("a position may not be opened beyond its margin tier at the leverage that is set")
def margin_tier(desk: Desk) -> None:
    trader = Trader(desk, "100000000")
    trader.do("update_leverage", 5, "ATOM")
    desk.market(lambda exchange: exchange.quote("BTC", [], [(D(80_001), D(10_000), 1)]))
    trader.do("update_leverage", 40, "BTC")
    answers = [trader.limit("BTC", "B", 80_001, 60, "Ioc") for _ in range(32)]
    assert answers[0]["filled"]["totalSz"] == "60.0"
    assert any("exceed margin tier limit at current leverage" in answer.get("error", "") for answer in answers)
