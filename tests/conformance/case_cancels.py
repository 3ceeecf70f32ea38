"""Cases: cancels and modifies (protocol sections 3.2 to 3.4)."""

from tests.conformance.cases import subject
from tests.conformance.desk import Desk
from tests.conformance.sdk import ALO, DEFAULT, GTC, Trader, cloid

case = subject("cancels")

GONE = {"error": "Order was never placed, already canceled, or filled. asset=0"}


@case("cancel by oid: success, and the order is canceled")
def cancel(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "B", 79000, 0.01)
    assert trader.statuses("cancel", "BTC", oid) == ["success"]
    assert trader.open_orders() == []
    assert trader.order_status(oid) == "canceled"


@case("cancel by cloid: success")
def cancel_by_cloid(desk: Desk) -> None:
    trader = Trader(desk)
    trader.rest("BTC", "B", 79000, 0.01, cloid=cloid(3))
    assert trader.statuses("cancel_by_cloid", "BTC", cloid(3)) == ["success"]


@case("a second cancel, a filled order and an unknown oid are refused alike")
def cancel_gone(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "B", 79000, 0.01)
    trader.statuses("cancel", "BTC", oid)
    assert trader.statuses("cancel", "BTC", oid) == [GONE]
    assert trader.statuses("cancel", "BTC", trader.take("BTC", "B", 0.01)["oid"]) == [GONE]
    assert trader.statuses("cancel", "BTC", 1) == [GONE]
    assert trader.statuses("cancel_by_cloid", "BTC", cloid(99)) == [GONE]


@case("cancels of a batch are answered one by one, the type is cancel")
def cancel_batch(desk: Desk) -> None:
    trader = Trader(desk)
    oids = [trader.rest("BTC", "B", 79000, 0.01), 5, trader.rest("ETH", "B", 2900, 1)]
    coins = ["BTC", "BTC", "ETH"]
    wishes = [{"coin": coin, "oid": oid} for coin, oid in zip(coins, oids, strict=True)]
    answer = trader.do("bulk_cancel", wishes)
    assert answer["response"] == {"type": "cancel", "data": {"statuses": ["success", GONE, "success"]}}


@case("bulk_cancel_by_cloid answers with the type cancel, too")
def cancel_cloid_batch(desk: Desk) -> None:
    trader = Trader(desk)
    for number in (1, 2):
        trader.rest("BTC", "B", 79000, 0.01, cloid=cloid(number))
    answer = trader.do("bulk_cancel_by_cloid", [{"coin": "BTC", "cloid": cloid(number)} for number in (1, 2)])
    assert answer["response"] == {"type": "cancel", "data": {"statuses": ["success", "success"]}}


@case("nobody cancels another's order")
def cancel_foreign(desk: Desk) -> None:
    owner, other = Trader(desk), Trader(desk)
    oid = owner.rest("BTC", "B", 79000, 0.01)
    assert other.statuses("cancel", "BTC", oid) == [GONE]
    assert len(owner.open_orders()) == 1


@case("a partly filled order is canceled with its remainder")
def cancel_rest(desk: Desk) -> None:
    maker, taker = Trader(desk), Trader(desk)
    oid = maker.rest("BTC", "B", 80000, 0.02)
    taker.take("BTC", "A", 0.01)
    maker.statuses("cancel", "BTC", oid)
    answer = desk.info.query_order_by_oid(maker.address, oid)["order"]
    assert (answer["status"], answer["order"]["sz"], answer["order"]["origSz"]) == ("canceled", "0.01", "0.02")


@case("more than 200 cancels in one action are over its weight")
def cancel_too_many(desk: Desk) -> None:
    answer = Trader(desk).do("bulk_cancel", [{"coin": "BTC", "oid": oid} for oid in range(1, 202)])
    assert answer == {"status": "err", "response": "Signed action over weight limit of 200."}


@case("a fast cancel (f: true) cancels")
def fast_cancel(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "B", 79000, 0.01)
    answer = trader.act({"type": "cancel", "cancels": [{"a": 0, "o": oid}], "f": True})
    assert answer["response"]["data"]["statuses"] == ["success"]


@case("scheduleCancel: needs a million of volume, even to clear")
def schedule_gate(desk: Desk) -> None:
    trader = Trader(desk)
    text = "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $0.0."
    refused = {"status": "err", "response": text}
    assert trader.do("schedule_cancel", desk.now_ms + 10_000) == refused
    assert trader.do("schedule_cancel", None) == refused


def much_traded(desk: Desk) -> Trader:
    """An account that has traded more than a million."""
    trader = Trader(desk, "10000000")
    for side in "BA":
        trader.take("BTC", side, 7)
    return trader


@case("scheduleCancel: all orders go at the time that was set, as scheduledCancel")
def schedule_fires(desk: Desk) -> None:
    trader = much_traded(desk)
    oids = [trader.rest("BTC", "B", 79000, 0.01), trader.rest("ETH", "B", 2900, 1)]
    assert trader.do("schedule_cancel", desk.now_ms + 10_000) == DEFAULT
    desk.wait(9)
    assert len(trader.open_orders()) == 2
    desk.wait(2)
    assert [trader.order_status(oid) for oid in oids] == ["scheduledCancel", "scheduledCancel"]


@case("scheduleCancel: without a time it is cleared")
def schedule_cleared(desk: Desk) -> None:
    trader = much_traded(desk)
    trader.rest("BTC", "B", 79000, 0.01)
    trader.do("schedule_cancel", desk.now_ms + 10_000)
    assert trader.do("schedule_cancel", None) == DEFAULT
    desk.wait(15)
    assert len(trader.open_orders()) == 1


modifying = subject("modifies")


@modifying("modify_order (batchModify): a new oid, the old one canceled")
def modify(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "B", 79000, 0.01)
    (status,) = trader.statuses("modify_order", oid, "BTC", True, 0.02, 78000, ALO)
    assert status["resting"]["oid"] > oid
    assert trader.order_status(oid) == "canceled"
    (row,) = trader.open_orders()
    assert (row["limitPx"], row["sz"]) == ("78000.0", "0.02")


@modifying("modify_order by cloid, which is kept when repeated")
def modify_by_cloid(desk: Desk) -> None:
    trader = Trader(desk)
    trader.rest("BTC", "B", 79000, 0.01, cloid=cloid(4))
    (status,) = trader.statuses("modify_order", cloid(4), "BTC", True, 0.02, 78000, ALO, cloid=cloid(4))
    assert status["resting"]["cloid"] == cloid(4).to_raw()


@modifying("a cloid that is not repeated is lost")
def modify_drops_cloid(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "B", 79000, 0.01, cloid=cloid(4))
    (status,) = trader.statuses("modify_order", oid, "BTC", True, 0.02, 78000, ALO)
    assert "cloid" not in status["resting"]
    assert trader.open_orders()[0]["cloid"] is None


@modifying("modifying what is gone is refused")
def modify_gone(desk: Desk) -> None:
    (status,) = Trader(desk).statuses("modify_order", 77, "BTC", True, 0.02, 78000, ALO)
    assert status == {"error": "Cannot modify canceled or filled order"}


@modifying("a single modify answers default")
def single_modify(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "B", 79000, 0.01)
    assert trader.act(single(oid, "78000")) == DEFAULT
    assert trader.open_orders()[0]["limitPx"] == "78000.0"


@modifying("a single modify of what is gone is an error of the whole action")
def single_modify_gone(desk: Desk) -> None:
    refused = {"status": "err", "response": "Cannot modify canceled or filled order"}
    assert Trader(desk).act(single(77, "78000")) == refused


@modifying("batchModify: one status each, good and bad")
def batch_modify(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "B", 79000, 0.01)
    wishes = [
        {"oid": place, "order": {"coin": "BTC", "is_buy": True, "sz": 0.01, "limit_px": 78000, "order_type": ALO}}
        for place in (77, oid)
    ]
    for row in wishes:
        row["order"]["reduce_only"] = False
    gone, changed = trader.statuses("bulk_modify_orders_new", wishes)
    assert gone == {"error": "Cannot modify canceled or filled order"}
    assert "resting" in changed


@modifying("a GTC becomes post-only when modified without always_place")
def modify_to_alo(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "B", 79000, 0.01)
    trader.statuses("modify_order", oid, "BTC", True, 0.01, 78000, GTC)
    assert trader.open_orders()[0]["tif"] == "Alo"


@modifying("always_place (a: true) places the new order even when the old one is gone")
def modify_always(desk: Desk) -> None:
    trader = Trader(desk)
    assert trader.act(single(77, "78000") | {"a": True}) == DEFAULT
    assert trader.open_orders()[0]["limitPx"] == "78000.0"


@modifying("orderUpdates tell of both: the new one open, the old one canceled")
def modify_updates(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "B", 79000, 0.01)
    (status,) = trader.statuses("modify_order", oid, "BTC", True, 0.01, 78000, ALO)
    rows = dict(trader.history())
    assert (rows[oid], rows[status["resting"]["oid"]]) == ("canceled", "open")


def single(oid: int, px: str) -> dict:
    """A modify of a BTC bid of 0.01."""
    order = {"a": 0, "b": True, "p": px, "s": "0.01", "r": False, "t": {"limit": {"tif": "Alo"}}}
    return {"type": "modify", "oid": oid, "order": order}
