"""Cases: the WebSocket (protocol section 6). Those that the SDK cannot hear use a bare socket."""

import base64
import json
import zlib

from hyperliquid.utils.signing import get_timestamp_ms, sign_l1_action

from tests.conformance.cases import subject
from tests.conformance.desk import D, Desk
from tests.conformance.ears import BareLine, until_pong
from tests.conformance.sdk import DEFAULT, Listener, Trader

case = subject("streams")


def subscribed(desk: Desk, **subscription: object) -> BareLine:
    """A bare socket that has asked for one stream."""
    line = desk.line()
    line.say({"method": "subscribe", "subscription": subscription})
    return line


def data_of(line: BareLine, channel: str) -> list:
    """What has come on a channel so far."""
    return [frame["data"] for frame in until_pong(line) if frame["channel"] == channel]


@case("allMids: full on subscribe, then on its clock")
def all_mids(desk: Desk) -> None:
    listener = Listener(desk)
    listener.subscribe("allMids")
    assert listener.take("allMids")["mids"]["BTC"] == "80000.0"
    desk.move("BTC", "80400")
    desk.wait(6)
    assert listener.take("allMids", lambda data: data["mids"]["BTC"] == "80400.0")


@case("l2Book: a snapshot of twenty levels, then one every five seconds")
def l2_book(desk: Desk) -> None:
    listener = Listener(desk)
    listener.subscribe("l2Book", coin="BTC")
    first = listener.take("l2Book")
    assert (first["coin"], len(first["levels"][0])) == ("BTC", 20)
    assert "fast" not in first
    desk.wait(6)
    assert listener.take("l2Book")["time"] > first["time"]


@case("l2Book fast: five levels, marked, every half second")
def fast_book(desk: Desk) -> None:
    listener = Listener(desk)
    listener.subscribe("l2Book", coin="BTC", fast=True)
    first = listener.take("l2Book")
    assert (first["fast"], len(first["levels"][0])) == (True, 5)
    desk.wait(0.6)
    assert listener.take("l2Book")["time"] > first["time"]


@case("bbo: at once, then whenever the touch changes")
def bbo(desk: Desk) -> None:
    listener = Listener(desk)
    listener.subscribe("bbo", coin="BTC")
    assert listener.take("bbo")["bbo"][0] == {"px": "79999.0", "sz": "100.0", "n": 1}
    Trader(desk).rest("BTC", "B", 80000, 0.01)
    assert listener.take("bbo")["bbo"][0] == {"px": "80000.0", "sz": "0.01", "n": 1}


@case("bbo: an empty side is null")
def one_sided_bbo(desk: Desk) -> None:
    listener = Listener(desk)
    listener.subscribe("bbo", coin="BTC")
    listener.take("bbo")
    desk.market(lambda exchange: exchange.quote("BTC", [], [(D(80_001), D(1), 1)]))
    assert listener.take("bbo")["bbo"][0] is None


@case("trades: an array of prints, with the recent ones repeated on subscribe")
def trades(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    listener = Listener(desk)
    listener.subscribe("trades", coin="BTC")
    assert listener.take("trades")[0]["sz"] == "0.01"
    trader.take("BTC", "A", 0.02)
    (row,) = listener.take("trades", lambda rows: rows[0]["sz"] == "0.02")
    assert (row["side"], row["px"]) == ("A", "79999.0")
    assert row["users"][1] == trader.address


@case("candle: one object, changing with each print")
def candle(desk: Desk) -> None:
    listener = Listener(desk)
    listener.subscribe("candle", coin="BTC", interval="1m")
    Trader(desk).take("BTC", "B", 0.01)
    row = listener.take("candle", lambda data: data["v"] == "0.01")
    assert (row["s"], row["i"], row["c"], row["n"]) == ("BTC", "1m", "80001.0", 1)


@case("activeAssetCtx: the coin's context, every second")
def context(desk: Desk) -> None:
    listener = Listener(desk)
    listener.subscribe("activeAssetCtx", coin="BTC")
    assert listener.take("activeAssetCtx")["ctx"]["oraclePx"] == "80000.0"
    desk.move("BTC", "80400")
    desk.wait(2)
    assert listener.take("activeAssetCtx", lambda data: data["ctx"]["oraclePx"] == "80400.0")


@case("orderUpdates: no snapshot; open, filled and canceled with what remains")
def order_updates(desk: Desk) -> None:
    trader, taker = Trader(desk), Trader(desk)
    trader.rest("ETH", "B", 2000, 1)
    listener = Listener(desk)
    listener.subscribe("orderUpdates", user=trader.address)
    oid = trader.rest("BTC", "B", 80000, 0.02)
    (opened,) = listener.take("orderUpdates")
    assert (opened["order"]["oid"], opened["status"], opened["order"]["sz"]) == (oid, "open", "0.02")
    taker.take("BTC", "A", 0.01)
    trader.statuses("cancel", "BTC", oid)
    (gone,) = listener.take("orderUpdates", lambda rows: rows[-1]["status"] == "canceled")
    assert (gone["order"]["sz"], gone["order"]["origSz"]) == ("0.01", "0.02")


@case("orderUpdates: rejected orders appear, too")
def rejected_update(desk: Desk) -> None:
    trader = Trader(desk)
    listener = Listener(desk)
    listener.subscribe("orderUpdates", user=trader.address)
    trader.limit("BTC", "B", 80001, 0.01, "Alo")
    rows = listener.take("orderUpdates")
    assert rows[-1]["status"] == "badAloPxRejected"


@case("userFills: a snapshot that says so, then what is new, without the flag")
def user_fills(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.01)
    listener = Listener(desk)
    listener.subscribe("userFills", user=trader.address)
    snapshot = listener.take("userFills")
    assert (snapshot["isSnapshot"], snapshot["user"], len(snapshot["fills"])) == (True, trader.address, 1)
    trader.take("BTC", "A", 0.01)
    news = listener.take("userFills")
    assert "isSnapshot" not in news
    assert news["fills"][0]["dir"] == "Close Long"


@case("userEvents: fills on the channel user")
def user_events(desk: Desk) -> None:
    trader = Trader(desk)
    listener = Listener(desk)
    listener.subscribe("userEvents", user=trader.address)
    trader.take("BTC", "B", 0.01)
    assert listener.take("user")["fills"][0]["sz"] == "0.01"


@case("userEvents: nonUserCancel for a self-trade")
def non_user_cancel(desk: Desk) -> None:
    trader = Trader(desk)
    listener = Listener(desk)
    listener.subscribe("userEvents", user=trader.address)
    oid = trader.rest("BTC", "A", 80000, 0.01)
    trader.limit("BTC", "B", 80500, 0.01, "Ioc")
    event = listener.take("user", lambda data: "nonUserCancel" in data)
    assert event["nonUserCancel"] == [{"coin": "BTC", "oid": oid}]


@case("userFundings: a snapshot, then the hour's payments")
def user_fundings(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 1)
    listener = Listener(desk)
    listener.subscribe("userFundings", user=trader.address)
    assert listener.take("userFundings") == {"isSnapshot": True, "user": trader.address, "fundings": []}
    desk.wait(3600)
    (row,) = listener.take("userFundings")["fundings"]
    assert list(row) == ["time", "coin", "usdc", "szi", "fundingRate", "nSamples"]


@case("userEvents: funding as the hour turns")
def funding_event(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "A", 1)
    listener = Listener(desk)
    listener.subscribe("userEvents", user=trader.address)
    desk.wait(3600)
    assert listener.take("user", lambda data: "funding" in data)["funding"]["coin"] == "BTC"


@case("userNonFundingLedgerUpdates: a snapshot, then a transfer")
def ledger_updates(desk: Desk) -> None:
    trader, other = Trader(desk, "1000"), Trader(desk)
    listener = Listener(desk)
    listener.subscribe("userNonFundingLedgerUpdates", user=trader.address)
    snapshot = listener.take("userNonFundingLedgerUpdates")
    assert snapshot["nonFundingLedgerUpdates"][0]["delta"]["type"] == "deposit"
    trader.do("usd_transfer", 100, other.address)
    news = listener.take("userNonFundingLedgerUpdates")
    assert news["nonFundingLedgerUpdates"][0]["delta"]["type"] == "internalTransfer"


@case("activeAssetData: leverage and sizes, again when they change")
def active_asset_data(desk: Desk) -> None:
    trader = Trader(desk)
    listener = Listener(desk)
    listener.subscribe("activeAssetData", user=trader.address, coin="BTC")
    assert listener.take("activeAssetData")["leverage"]["value"] == 20
    trader.do("update_leverage", 7, "BTC")
    assert listener.take("activeAssetData", lambda data: data["leverage"]["value"] == 7)


@case("unsubscribe: the SDK ends one of two callbacks, then the stream")
def unsubscribe(desk: Desk) -> None:
    listener = Listener(desk)
    listener.subscribe("bbo", coin="ETH")
    number = listener.subscribe("bbo", coin="BTC")
    listener.take("bbo", lambda data: data["coin"] == "BTC")
    assert listener.unsubscribe(number, "bbo", coin="BTC")
    assert not listener.unsubscribe(number, "bbo", coin="SOL")


@case("ack before data, the echo normalised", bare=True)
def ack(desk: Desk) -> None:
    line = subscribed(desk, type="l2Book", coin="BTC")
    first, second = until_pong(line)[:2]
    echo = {"type": "l2Book", "coin": "BTC", "nSigFigs": None, "mantissa": None, "fast": False}
    assert first == {"channel": "subscriptionResponse", "data": {"method": "subscribe", "subscription": echo}}
    assert second["channel"] == "l2Book"


@case("an address is echoed in lower case, userFills with aggregateByTime", bare=True)
def ack_of_user(desk: Desk) -> None:
    trader = Trader(desk)
    line = subscribed(desk, type="userFills", user=trader.wallet.address)
    assert until_pong(line)[0]["data"]["subscription"] == {
        "type": "userFills",
        "user": trader.address,
        "aggregateByTime": False,
    }


@case("a second subscription to the same is an error, so is ending what is not there", bare=True)
def twice(desk: Desk) -> None:
    line = subscribed(desk, type="trades", coin="ETH")
    line.say({"method": "subscribe", "subscription": {"type": "trades", "coin": "ETH"}})
    line.say({"method": "unsubscribe", "subscription": {"type": "trades", "coin": "BTC"}})
    assert data_of(line, "error") == [
        'Already subscribed: {"type":"trades","coin":"ETH"}',
        'Already unsubscribed: {"type":"trades","coin":"BTC"}',
    ]


@case("what cannot be parsed is quoted back and the socket stays open", bare=True)
def unparsable(desk: Desk) -> None:
    line = desk.line()
    said = ["{nope", '{"method":"dance"}', '{"method":"subscribe","subscription":{"type":"noSuch"}}']
    for text in said:
        line.say(text)
    start = "Error parsing JSON into valid websocket request: "
    assert data_of(line, "error") == [start + text for text in said]


@case("an unknown coin cuts the line without a word", bare=True)
def unknown_coin(desk: Desk) -> None:
    line = subscribed(desk, type="trades", coin="btc")
    assert line.ear.wait_cut()
    assert line.ear.frames == []


@case("a delisted coin is accepted: an empty book", bare=True)
def delisted_coin(desk: Desk) -> None:
    line = subscribed(desk, type="l2Book", coin="MATIC")
    assert line.ear.take("l2Book")["levels"] == [[], []]


@case("a line to which nothing was sent for a minute is cut", bare=True)
def idle(desk: Desk) -> None:
    line = subscribed(desk, type="trades", coin="ETH")
    until_pong(line)
    desk.wait(59)
    assert until_pong(line) == []
    desk.wait(61)
    assert line.ear.wait_cut()


@case("post info: the REST body, wrapped", bare=True)
def post_info(desk: Desk) -> None:
    line = desk.line()
    request = {"type": "info", "payload": {"type": "allMids"}}
    line.say({"method": "post", "id": 12, "request": request})
    answer = line.ear.take("post")
    assert answer["id"] == 12
    assert answer["response"]["type"] == "info"
    assert answer["response"]["payload"] == {"type": "allMids", "data": desk.info.all_mids()}


@case("post action: a signed order is carried out", bare=True)
def post_action(desk: Desk) -> None:
    trader = Trader(desk)
    line = desk.line()
    line.say({"method": "post", "id": 7, "request": {"type": "action", "payload": signed_noop(trader)}})
    answer = line.ear.take("post")
    assert answer == {"id": 7, "response": {"type": "action", "payload": DEFAULT}}


def signed_noop(trader: Trader) -> dict:
    """The envelope of a noop."""
    nonce = get_timestamp_ms()
    action = {"type": "noop"}
    signature = sign_l1_action(trader.wallet, action, None, nonce, None, False)
    return {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None}


@case("clearinghouseState, openOrders and spotState: whole states, on a clock", bare=True)
def user_states(desk: Desk) -> None:
    trader = Trader(desk)
    line = desk.line()
    for kind in ("clearinghouseState", "openOrders", "spotState"):
        line.say({"method": "subscribe", "subscription": {"type": kind, "user": trader.address}})
    state = line.ear.take("clearinghouseState")
    assert list(state) == ["dex", "user", "clearinghouseState"]
    assert list(line.ear.take("openOrders")) == ["dex", "user", "orders"]
    assert list(line.ear.take("spotState")) == ["user", "spotState"]
    oid = trader.rest("BTC", "B", 79000, 0.01)
    desk.wait(6)
    assert line.ear.take("openOrders")["orders"][0]["oid"] == oid


@case("webData3: the person's state and one entry for each dex", bare=True)
def web_data(desk: Desk) -> None:
    trader = Trader(desk)
    data = subscribed(desk, type="webData3", user=trader.address).ear.take("webData3")
    assert data["userState"]["user"] == trader.address
    assert len(data["perpDexStates"]) == len(desk.info.perp_dexs())


@case("notification: a resting order that fills is told in words", bare=True)
def notification(desk: Desk) -> None:
    maker, taker = Trader(desk), Trader(desk)
    line = subscribed(desk, type="notification", user=maker.address)
    maker.rest("ETH", "B", 3000, 0.01)
    taker.limit("ETH", "A", 3000, 0.01, "Ioc")
    assert line.ear.take("notification")["notification"].startswith("Resting order filled: Bought 0.01 ETH at $3000")


@case("TWAP streams: states, history and slice fills", bare=True)
def twap_streams(desk: Desk) -> None:
    trader = Trader(desk)
    line = desk.line()
    for kind in ("twapStates", "userTwapHistory", "userTwapSliceFills"):
        line.say({"method": "subscribe", "subscription": {"type": kind, "user": trader.address}})
    assert line.ear.take("twapStates")["states"] == []
    assert line.ear.take("userTwapHistory") == {"isSnapshot": True, "user": trader.address, "history": []}
    assert line.ear.take("userTwapSliceFills")["twapSliceFills"] == []
    trader.act({"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "1", "r": False, "m": 5, "t": False}})
    desk.wait(60)
    assert line.ear.take("userTwapSliceFills")["twapSliceFills"][0]["fill"]["coin"] == "BTC"


@case("allDexsAssetCtxs and allDexsClearinghouseState: a pair for each dex", bare=True)
def all_dexs(desk: Desk) -> None:
    contexts = subscribed(desk, type="allDexsAssetCtxs").ear.take("allDexsAssetCtxs")["ctxs"]
    assert contexts[0][0] == ""
    assert len(contexts[0][1]) == len(desk.meta["universe"])
    trader = Trader(desk)
    states = subscribed(desk, type="allDexsClearinghouseState", user=trader.address)
    assert states.ear.take("allDexsClearinghouseState")["clearinghouseStates"][0][0] == ""


@case("fastAssetCtxs: deflated mark and mid prices", bare=True)
def fast_contexts(desk: Desk) -> None:
    line = subscribed(desk, type="fastAssetCtxs")
    packed = line.ear.take("fastAssetCtxs")
    contexts = json.loads(zlib.decompress(base64.b64decode(packed), wbits=-15))
    assert contexts["BTC"] == {"markPx": "80000.0", "midPx": "80000.0"}


@case("activeSpotAssetCtx: a pair's context comes on a channel of its own")
def spot_context(desk: Desk) -> None:
    listener = Listener(desk)
    listener.subscribe("activeAssetCtx", coin="PURR/USDC")
    assert listener.take("activeSpotAssetCtx")["coin"] == "PURR/USDC"


@case("webData2 is rejected", bare=True)
def web_data_2(desk: Desk) -> None:
    line = subscribed(desk, type="webData2", user="0x" + "1" * 40)
    assert data_of(line, "error")[0].startswith("Error parsing JSON into valid websocket request: ")


@case("unsubscribing is acknowledged and ends the frames", bare=True)
def unsubscribed(desk: Desk) -> None:
    line = subscribed(desk, type="bbo", coin="BTC")
    line.say({"method": "unsubscribe", "subscription": {"type": "bbo", "coin": "BTC"}})
    assert until_pong(line)[-1]["data"]["method"] == "unsubscribe"
    desk.move("BTC", "80400")
    assert data_of(line, "bbo") == []
