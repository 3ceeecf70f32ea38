"""Cases: trigger orders and groupings (protocol sections 3.1, 3.9)."""

from tests.conformance.cases import subject
from tests.conformance.desk import D, Desk
from tests.conformance.sdk import IOC, Trader, trigger, wish

case = subject("triggers and groupings")


def bracket(entry_px: float, kind: dict, sz: float = 0.01) -> list[dict]:
    """A long entry with a stop at 78000 and a take-profit at 82000."""
    return [
        wish("BTC", "B", entry_px, sz, kind),
        wish("BTC", "A", 70000, sz, trigger("sl", 78000), reduce_only=True),
        wish("BTC", "A", 75000, sz, trigger("tp", 82000), reduce_only=True),
    ]


def armed_stop(trader: Trader, *, is_market: bool = True, px: float = 70000) -> int:
    """A reduce-only stop for 0.01 BTC at 78000."""
    kind = trigger("sl", 78000, is_market=is_market)
    return trader.statuses("order", "BTC", False, 0.01, px, kind, reduce_only=True)[0]["resting"]["oid"]


@case("a plain trigger order rests with an oid and is listed with its condition")
def trigger_rests(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    oid = armed_stop(trader)
    (row,) = trader.open_orders()
    assert (row["oid"], row["isTrigger"], row["orderType"], row["tif"]) == (oid, True, "Stop Market", None)
    assert (row["triggerPx"], row["triggerCondition"]) == ("78000.0", "Price below 78000")


@case("the four trigger types read as the exchange names them")
def trigger_names(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.04)
    kinds = [trigger(tpsl, px, is_market=m) for tpsl, px in (("sl", 78000), ("tp", 82000)) for m in (True, False)]
    for kind in kinds:
        trader.statuses("order", "BTC", False, 0.01, 75000, kind, reduce_only=True)
    names = {row["orderType"] for row in trader.open_orders()}
    assert names == {"Stop Market", "Stop Limit", "Take Profit Market", "Take Profit Limit"}


@case("a stop fires when the mark reaches it, and closes the position")
def stop_fires(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    oid = armed_stop(trader)
    desk.move("BTC", "77000")
    assert trader.position("BTC") is None
    assert trader.order_status(oid) == "filled"


@case("a take-profit fires upwards")
def take_profit_fires(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    trader.statuses("order", "BTC", False, 0.01, 75000, trigger("tp", 82000), reduce_only=True)
    desk.move("BTC", "82500")
    assert trader.position("BTC") is None


@case("a stop with a limit rests as a limit order when the book is beyond it")
def stop_limit_rests(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    oid = armed_stop(trader, is_market=False, px=77900)
    desk.move("BTC", "77000")
    (row,) = trader.open_orders()
    assert (row["limitPx"], row["sz"]) == ("77900.0", "0.01")
    assert trader.order_status(oid) == "triggered"


@case("a trigger that the mark has already passed is refused")
def bad_trigger(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    answer = trader.statuses("order", "BTC", False, 0.01, 70000, trigger("sl", 81000), reduce_only=True)
    assert answer == [{"error": "Invalid TP/SL price. asset=0"}]
    assert trader.history()[0][1] == "badTriggerPxRejected"


@case("a stop-entry (trigger, not reduce-only) opens a position")
def stop_entry(desk: Desk) -> None:
    trader = Trader(desk)
    trader.statuses("order", "BTC", True, 0.01, 85000, trigger("sl", 81000))
    desk.move("BTC", "81500")
    assert trader.position("BTC")["szi"] == "0.01"


@case("normalTpsl: a filled entry arms its children")
def children_armed(desk: Desk) -> None:
    trader = Trader(desk)
    entry, *children = trader.statuses("bulk_orders", bracket(81000, IOC), grouping="normalTpsl")
    assert entry["filled"]["totalSz"] == "0.01"
    assert children == ["waitingForTrigger", "waitingForTrigger"]
    assert {row["orderType"] for row in trader.open_orders()} == {"Stop Market", "Take Profit Market"}


@case("normalTpsl: children of a resting entry wait for its fill")
def children_wait(desk: Desk) -> None:
    trader = Trader(desk)
    statuses = trader.statuses("bulk_orders", bracket(79000, {"limit": {"tif": "Gtc"}}), grouping="normalTpsl")
    assert statuses[1:] == ["waitingForFill", "waitingForFill"]
    parent = next(row for row in trader.open_orders() if not row["isTrigger"])
    assert [child["orderType"] for child in parent["children"]] == ["Stop Market", "Take Profit Market"]


@case("normalTpsl: canceling the entry cancels its children")
def children_follow(desk: Desk) -> None:
    trader = Trader(desk)
    statuses = trader.statuses("bulk_orders", bracket(79000, {"limit": {"tif": "Gtc"}}), grouping="normalTpsl")
    trader.statuses("cancel", "BTC", statuses[0]["resting"]["oid"])
    assert trader.open_orders() == []


@case("normalTpsl: a resting entry that fills arms its children")
def children_armed_later(desk: Desk) -> None:
    trader, other = Trader(desk), Trader(desk)
    trader.statuses("bulk_orders", bracket(80000, {"limit": {"tif": "Gtc"}}), grouping="normalTpsl")
    other.take("BTC", "A", 0.01)
    assert {row["isTrigger"] for row in trader.open_orders()} == {True}
    desk.move("BTC", "77000")
    assert trader.position("BTC") is None


@case("normalTpsl: when one child fills its sibling is canceled")
def sibling_canceled(desk: Desk) -> None:
    trader = Trader(desk)
    trader.statuses("bulk_orders", bracket(81000, IOC), grouping="normalTpsl")
    desk.move("BTC", "77000")
    statuses = {status for _, status in trader.history()}
    assert trader.open_orders() == []
    assert statuses & {"siblingFilledCanceled", "reduceOnlyCanceled"}


@case("positionTpsl: size follows the position")
def position_tpsl(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    stop = wish("BTC", "A", 70000, 0, trigger("sl", 78000), reduce_only=True)
    assert trader.statuses("bulk_orders", [stop], grouping="positionTpsl") == ["waitingForTrigger"]
    (row,) = trader.open_orders()
    assert (row["isPositionTpsl"], row["reduceOnly"]) == (True, True)
    trader.take("BTC", "B", 0.03)
    desk.move("BTC", "77000")
    assert trader.position("BTC") is None


@case("positionTpsl: closing the position by hand cancels them")
def position_tpsl_ends(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    stop = wish("BTC", "A", 70000, 0, trigger("sl", 78000), reduce_only=True)
    trader.statuses("bulk_orders", [stop], grouping="positionTpsl")
    trader.statuses("market_close", "BTC")
    assert trader.open_orders() == []


@case("TP/SL of a grouping that are not reduce-only are one error for the whole batch")
def must_reduce(desk: Desk) -> None:
    trader = Trader(desk)
    wishes = bracket(81000, IOC)
    wishes[1]["reduce_only"] = False
    statuses = trader.statuses("bulk_orders", wishes, grouping="normalTpsl")
    assert len(statuses) == 1
    assert "error" in statuses[0]
    assert trader.position("BTC") is None


@case("a triggered market order with an empty book is canceled for want of liquidity")
def no_liquidity(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    oid = armed_stop(trader)
    desk.wait(3)
    desk.market(lambda exchange: exchange.quote("BTC", [], [(D(77_001), D(1), 1)]))
    desk.market(lambda exchange: exchange.set_oracle("BTC", D(77_000)))
    desk.wait(3)
    desk.market(lambda exchange: exchange.set_oracle("BTC", D(76_000)))
    assert trader.order_status(oid) in ("marketOrderNoLiquidityRejected", "iocCancelRejected")


@case("a trigger order is canceled like any other")
def trigger_canceled(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    oid = armed_stop(trader)
    assert trader.statuses("cancel", "BTC", oid) == ["success"]
    desk.move("BTC", "77000")
    assert trader.position("BTC")["szi"] == "0.01"
