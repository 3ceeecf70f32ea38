"""Cases: orders by time in force (protocol sections 3.1, 3.9)."""

from tests.conformance.cases import subject
from tests.conformance.desk import D, Desk
from tests.conformance.sdk import ALO, GTC, IOC, Trader, cloid, wish

case = subject("orders by tif")


@case("GTC: rests with an oid and the cloid that was sent")
def gtc_rests(desk: Desk) -> None:
    trader = Trader(desk)
    answer = trader.limit("BTC", "B", 79000, 0.01, cloid=cloid(1))
    assert list(answer["resting"]) == ["oid", "cloid"]
    assert answer["resting"]["cloid"] == cloid(1).to_raw()
    plain = trader.limit("BTC", "B", 79000, 0.01)
    assert list(plain["resting"]) == ["oid"]


@case("GTC: crosses and fills at the resting price")
def gtc_fills(desk: Desk) -> None:
    filled = Trader(desk).limit("BTC", "B", 80500, 0.01)["filled"]
    assert (filled["totalSz"], filled["avgPx"]) == ("0.01", "80001.0")


@case("GTC: fills what crosses and rests the remainder")
def gtc_partly(desk: Desk) -> None:
    desk.market(lambda exchange: exchange.quote("BTC", [], [(D(80_001), D("0.4"), 1)]))
    trader = Trader(desk)
    trader.limit("BTC", "B", 80_001, 1)
    (row,) = trader.open_orders()
    assert (row["sz"], row["origSz"], row["limitPx"]) == ("0.6", "1.0", "80001.0")
    assert trader.position("BTC")["szi"] == "0.4"


@case("IOC: fills several levels, avgPx is their mean by size")
def ioc_sweeps(desk: Desk) -> None:
    desk.market(lambda exchange: exchange.quote("BTC", [], [(D(80_000), D("0.1"), 1), (D(80_100), D("0.3"), 1)]))
    filled = Trader(desk).limit("BTC", "B", 80_100, 0.4, "Ioc")["filled"]
    assert (filled["totalSz"], filled["avgPx"]) == ("0.4", "80075.0")


@case("IOC: what cannot fill is dropped without a word")
def ioc_partly(desk: Desk) -> None:
    desk.market(lambda exchange: exchange.quote("BTC", [], [(D(80_001), D("0.4"), 1)]))
    trader = Trader(desk)
    assert trader.limit("BTC", "B", 80_001, 1, "Ioc")["filled"]["totalSz"] == "0.4"
    assert trader.open_orders() == []


@case("IOC: with nothing to match it is rejected and remembered as iocCancelRejected")
def ioc_misses(desk: Desk) -> None:
    trader = Trader(desk)
    answer = trader.limit("BTC", "B", 79000, 0.01, "Ioc")
    assert answer == {"error": "Order could not immediately match against any resting orders. asset=0"}
    assert trader.history()[0][1] == "iocCancelRejected"


@case("ALO: rests when it does not cross")
def alo_rests(desk: Desk) -> None:
    trader = Trader(desk)
    trader.rest("BTC", "A", 80001, 0.01, "Alo")
    assert trader.open_orders()[0]["tif"] == "Alo"


@case("ALO: is rejected when it would match, naming the touch")
def alo_rejected(desk: Desk) -> None:
    trader = Trader(desk)
    answer = trader.limit("BTC", "B", 80001, 0.01, "Alo")
    assert answer == {"error": "Post only order would have immediately matched, bbo was 79999@80001. asset=0"}
    assert trader.history()[0][1] == "badAloPxRejected"


@case("FrontendMarket: behaves like IOC and is shown as a market order")
def frontend_market(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.limit("BTC", "B", 81000, 0.01, "FrontendMarket")["filled"]["oid"]
    row = desk.info.query_order_by_oid(trader.address, oid)["order"]["order"]
    assert (row["orderType"], row["tif"]) == ("Market", "FrontendMarket")


@case("market_open and market_close: open, close the whole position, then nothing")
def market_round_trip(desk: Desk) -> None:
    trader = Trader(desk)
    assert trader.statuses("market_open", "BTC", True, 0.01)[0]["filled"]["totalSz"] == "0.01"
    assert trader.statuses("market_close", "BTC")[0]["filled"]["totalSz"] == "0.01"
    assert trader.do("market_close", "BTC") is None
    assert trader.position("BTC") is None


@case("a batch of orders is answered one status each, in the same order")
def batch(desk: Desk) -> None:
    wishes = [
        wish("BTC", "B", 79000, 0.01),
        wish("ETH", "B", 3010, 0.1, IOC),
        wish("BTC", "B", 79000, 0.0001),
        wish("BTC", "B", 80001, 0.01, ALO),
    ]
    statuses = Trader(desk).statuses("bulk_orders", wishes)
    assert [next(iter(status)) for status in statuses] == ["resting", "filled", "error", "error"]


@case("equal prices fill in the order in which they came")
def time_priority(desk: Desk) -> None:
    first, second, taker = Trader(desk), Trader(desk), Trader(desk)
    first.rest("BTC", "B", 80000, 0.01)
    second.rest("BTC", "B", 80000, 0.01)
    taker.take("BTC", "A", 0.01)
    assert first.open_orders() == []
    assert len(second.open_orders()) == 1


@case("a better price fills first")
def price_priority(desk: Desk) -> None:
    early, better, taker = Trader(desk), Trader(desk), Trader(desk)
    early.rest("ETH", "B", 2999.9, 0.1)
    better.rest("ETH", "B", 3000, 0.1)
    taker.take("ETH", "A", 0.1)
    assert len(early.open_orders()) == 1
    assert better.open_orders() == []


@case("a maker's fill is not crossed and pays the maker's fee")
def maker_fill(desk: Desk) -> None:
    maker, taker = Trader(desk), Trader(desk)
    oid = maker.rest("BTC", "B", 80000, 0.1)
    taker.take("BTC", "A", 0.1)
    (fill,) = desk.info.user_fills(maker.address)
    assert (fill["oid"], fill["crossed"], fill["fee"], fill["side"]) == (oid, False, "1.2", "B")
    assert maker.order_status(oid) == "filled"


@case("reduce-only: on a flat account it is rejected")
def reduce_only_flat(desk: Desk) -> None:
    trader = Trader(desk)
    answer = trader.limit("BTC", "B", 79000, 0.01, reduce_only=True)
    assert answer == {"error": "Reduce only order would increase position. asset=0"}
    assert trader.history()[0][1] == "reduceOnlyRejected"


@case("reduce-only: larger than the position it closes it and never flips")
def reduce_only_shrinks(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    filled = trader.limit("BTC", "A", 79000, 5, "Ioc", reduce_only=True)["filled"]
    assert filled["totalSz"] == "0.01"
    assert trader.position("BTC") is None


@case("reduce-only: a resting order shrinks with the position and is canceled when it is gone")
def reduce_only_follows(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.02)
    oid = trader.rest("BTC", "A", 81000, 0.02, reduce_only=True)
    trader.take("BTC", "A", 0.01)
    (row,) = trader.open_orders()
    assert (row["sz"], row["origSz"], row["reduceOnly"]) == ("0.01", "0.02", True)
    trader.take("BTC", "A", 0.01)
    assert trader.order_status(oid) == "reduceOnlyCanceled"


@case("a sell through the position flips it, in one fill of two directions' name")
def flips(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    trader.take("BTC", "A", 0.03)
    assert trader.position("BTC")["szi"] == "-0.02"
    assert desk.info.user_fills(trader.address)[0]["dir"] == "Long > Short"


@case("self-trade: the resting order is canceled, the taker goes on, nothing is printed")
def self_trade(desk: Desk) -> None:
    trader = Trader(desk)
    oid = trader.rest("BTC", "A", 80000, 0.01)
    before = len(desk.ask("recentTrades", coin="BTC"))
    filled = trader.limit("BTC", "B", 80500, 0.01, "Ioc")["filled"]
    assert filled["avgPx"] == "80001.0"
    assert trader.order_status(oid) == "selfTradeCanceled"
    assert len(desk.ask("recentTrades", coin="BTC")) == before + 1


@case("an order that closes the whole position may be worth less than $10")
def small_close(desk: Desk) -> None:
    trader = Trader(desk)
    trader.limit("BTC", "B", 80001, 0.00013, "Ioc")
    desk.move("BTC", "60000")
    filled = trader.statuses("market_close", "BTC")[0]["filled"]
    assert filled["totalSz"] == "0.00013"


@case("an oid grows with every order, rejected ones included")
def oids_grow(desk: Desk) -> None:
    trader = Trader(desk)
    first = trader.rest("BTC", "B", 79000, 0.01)
    trader.limit("BTC", "B", 79000, 0.0001)
    assert trader.rest("BTC", "B", 79000, 0.01) > first + 1


@case("a resting order is margin-checked again when it matches, and canceled if it fails")
def margin_canceled(desk: Desk) -> None:
    trader = Trader(desk, "5000")
    trader.do("update_leverage", 40, "BTC")
    oid = trader.rest("BTC", "B", 79000, 1)
    trader.do("update_leverage", 25, "ETH")
    trader.take("ETH", "B", 15)
    desk.move("ETH", "2850")
    desk.market(lambda exchange: exchange.quote("BTC", [], [(D(79_010), D(1), 1)]))
    Trader(desk, "1000000").limit("BTC", "A", 78900, 1, "Ioc")
    assert trader.order_status(oid) == "marginCanceled"


@case("an action's orders carry grouping na unless told otherwise; GTC in a batch rests in turn")
def batch_rests(desk: Desk) -> None:
    trader = Trader(desk)
    statuses = trader.statuses("bulk_orders", [wish("BTC", "B", 79000 - step, 0.01, GTC) for step in range(5)])
    oids = [status["resting"]["oid"] for status in statuses]
    assert oids == sorted(oids)
    assert {row["oid"] for row in trader.open_orders()} == set(oids)
