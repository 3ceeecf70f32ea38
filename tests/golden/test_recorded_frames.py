"""Frames that Hyperliquid really sent, held against the frames that our streams send.

Compared are the shape: keys and their order, the JSON type of every value, and how numbers are written. The
recordings lie outside the project; without them there is nothing to compare.
"""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from eth_account import Account
from hyperliquid.utils.signing import sign_l1_action

from tidegate.localnet.doors.gate import Gate
from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.doors.streams import Streams
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.candles import CandleStore

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "exchange-samples" / "ws"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded frames beside the project ({FOLDER.name})")

START_MS = 1_790_000_000_000
WALLET = Account.from_key("0x" + "42" * 32)
USER = WALLET.address.lower()
DECIMAL = re.compile(r"-?\d+\.\d+\Z")


def recorded(name: str) -> list[dict]:
    return json.loads((FOLDER / name).read_text())


def shape(value: object) -> object:
    """What a JSON value looks like: keys in order, types, and decimals told from other strings."""
    if isinstance(value, dict):
        return {key: shape(child) for key, child in value.items()}
    if isinstance(value, list):
        return [shape(child) for child in value]
    if isinstance(value, str):
        if DECIMAL.match(value):
            return "decimal"
        return "hash" if re.match(r"0x[0-9a-f]{64}\Z", value) else "text"
    return type(value).__name__


def flat(value: object) -> str:
    """The shape as text, so that the order of keys counts."""
    return json.dumps(shape(value))


class Net:
    """A kernel with one listener whose account the recordings' situations are played with."""

    def __init__(self) -> None:
        self.frames: list[dict] = []
        self.exchange = Exchange(default_universe(), start_ms=START_MS)
        self.exchange.load_candles("BTC", CandleStore("BTC"))
        limits = Limits()
        self.gate = Gate(self.exchange, limits)
        self.streams = Streams(self.exchange, self.gate, limits, lambda: 0.0)
        self.session = self.streams.connect(lambda raw: self.frames.append(json.loads(raw)), lambda after_s: None)
        self._nonce = START_MS
        for coin, px in (("BTC", "84000"), ("ETH", "3000")):
            bids = [(Decimal(px) - i, Decimal("10.25923"), 36) for i in range(20)]
            asks = [(Decimal(px) + 1 + i, Decimal("50.66422"), 18) for i in range(20)]
            self.exchange.quote(coin, bids, asks)

    def say(self, message: dict) -> list[dict]:
        self.frames.clear()
        self.session.receive(json.dumps(message, separators=(",", ":")).encode())
        return list(self.frames)

    def subscribe(self, **subscription: object) -> list[dict]:
        return self.say({"method": "subscribe", "subscription": subscription})

    def act(self, action: dict, post_id: int = 1) -> list[dict]:
        self._nonce += 1
        signature = sign_l1_action(WALLET, action, None, self._nonce, None, False)
        payload = {"action": action, "nonce": self._nonce, "signature": signature, "vaultAddress": None}
        return self.say({"method": "post", "id": post_id, "request": {"type": "action", "payload": payload}})

    def order(self, *, px: str, sz: str = "1", tif: str = "Gtc", buy: bool = True, cloid: int = 1) -> list[dict]:
        order = {"a": 1, "b": buy, "p": px, "s": sz, "r": False, "t": {"limit": {"tif": tif}}}
        order["c"] = f"0x{cloid:032x}"
        return self.act({"type": "order", "orders": [order], "grouping": "na"})


@pytest.fixture
def net() -> Net:
    return Net()


def only(frames: list[dict], channel: str) -> dict:
    """The last frame on `channel`."""
    return [frame for frame in frames if frame["channel"] == channel][-1]


def with_levels_like(frame: dict, sample: dict) -> dict:
    """Cut our book to as many levels as the recording kept."""
    sides = zip(frame["data"]["levels"], sample["data"]["levels"], strict=True)
    return {**frame, "data": {**frame["data"], "levels": [ours[: len(theirs)] for ours, theirs in sides]}}


def test_every_recording_is_compared_somewhere():
    source = Path(__file__).read_text()
    missing = [path.name for path in sorted(FOLDER.glob("*.json")) if f'"{path.name}"' not in source]
    assert missing == []


def test_books_have_the_recorded_shape(net):
    _, full = net.subscribe(type="l2Book", coin="BTC")
    _, fast = net.subscribe(type="l2Book", coin="BTC", fast=True)
    for sample in recorded("l2Book.json"):
        ours = fast if sample["data"].get("fast") else full
        assert flat(with_levels_like(ours, sample)) == flat(sample)
        assert [max(map(len, frame["data"]["levels"])) for frame in (fast, full)] == [5, 20]


def test_the_touch_has_the_recorded_shape(net):
    (_, quoted), (_, empty) = net.subscribe(type="bbo", coin="BTC"), net.subscribe(type="bbo", coin="SOL")
    for sample in recorded("bbo.json"):
        assert flat(empty if sample["data"]["bbo"] == [None, None] else quoted) == flat(sample)


def test_trades_have_the_recorded_shape(net):
    net.subscribe(type="trades", coin="BTC")
    net.frames.clear()
    net.exchange.trade("BTC", "A", Decimal(84000), Decimal("0.00036"))
    live = list(net.frames)
    net.exchange.trade("BTC", "B", Decimal(84001), Decimal("0.00016"))
    net.say({"method": "unsubscribe", "subscription": {"type": "trades", "coin": "BTC"}})
    replay = net.subscribe(type="trades", coin="BTC")
    by_length = {1: only(live, "trades"), 2: only(replay, "trades")}
    for sample in recorded("trades.json"):
        ours = by_length[len(sample["data"])]
        assert flat(ours) == flat(sample)
        assert all(isinstance(trade["tid"], int) and trade["tid"] < 2**50 for trade in ours["data"])


def test_candles_have_the_recorded_shape(net):
    net.subscribe(type="candle", coin="BTC", interval="1m")
    net.frames.clear()
    net.exchange.trade("BTC", "B", Decimal(84001), Decimal("0.00083"))
    for sample in recorded("candle.json"):
        assert flat(only(net.frames, "candle")) == flat(sample)


def test_mids_have_the_recorded_shape(net):
    _, ours = net.subscribe(type="allMids")
    (sample,) = recorded("allMids.json")
    assert list(ours) == list(sample)
    assert list(ours["data"]) == list(sample["data"])
    assert {shape(px) for px in ours["data"]["mids"].values()} == {"decimal"}


def test_contexts_have_the_recorded_shape(net):
    delisted = next(perp.name for perp in net.exchange.universe.perps if perp.is_delisted)
    (_, listed), (_, dead) = (net.subscribe(type="activeAssetCtx", coin=coin) for coin in ("BTC", delisted))
    for sample in recorded("activeAssetCtx.json"):
        assert flat(dead if sample["data"]["ctx"]["midPx"] is None else listed) == flat(sample)


def test_the_contexts_of_all_dexs_have_the_recorded_shape(net):
    _, ours = net.subscribe(type="allDexsAssetCtxs")
    (sample,) = recorded("allDexsAssetCtxs.json")
    assert ours["data"]["ctxs"][0][0] == sample["data"]["ctxs"][0][0] == ""
    assert len(ours["data"]["ctxs"]) > 1
    for (dex, contexts), (_, recorded_contexts) in zip(ours["data"]["ctxs"], sample["data"]["ctxs"], strict=False):
        quoted = [row for row in contexts if row["midPx"] is not None] or contexts
        if quoted[0]["midPx"] is not None:
            assert flat(quoted[0]) == flat(recorded_contexts[0]), dex
        assert list(contexts[0]) == list(recorded_contexts[0]), dex


def test_notifications_have_the_recorded_words(net):
    net.subscribe(type="notification", user=USER)
    net.order(px="2999.5", sz="0.0063")
    net.frames.clear()
    net.exchange.trade("ETH", "A", Decimal(2999), Decimal(30))
    (sample,) = recorded("notification.json")
    ours = only(net.frames, "notification")
    assert list(ours["data"]) == list(sample["data"])
    words = r"(Resting order filled: Bought 0\.0063 ETH at \$)[0-9.]*[0-9]"
    (mine,) = ours["data"].values()
    (theirs,) = sample["data"].values()
    assert re.fullmatch(words, mine)[1] == re.fullmatch(words, theirs)[1]


def test_order_updates_have_the_recorded_shape(net):
    net.subscribe(type="orderUpdates", user=USER)
    placed = net.order(px="1500")
    oid = only(placed, "post")["data"]["response"]["payload"]["response"]["data"]["statuses"][0]["resting"]["oid"]
    canceled = net.act({"type": "cancel", "cancels": [{"a": 1, "o": oid}]})
    filled = net.order(px="3010", sz="0.01", tif="Ioc", cloid=2)
    rejected = net.order(px="1500", sz="0.0001", cloid=3)
    ours = {}
    for frames in (placed, canceled, filled, rejected):
        rows = [row for frame in frames if frame["channel"] == "orderUpdates" for row in frame["data"]]
        ours |= {row["status"]: row for row in rows}
    for sample in recorded("orderUpdates.json"):
        for row in sample["data"]:
            assert flat(ours[row["status"]]) == flat(row)
            if row["status"] in ("filled", "canceled", "minTradeNtlRejected"):
                assert (ours[row["status"]]["order"]["sz"] == "0.0") is (row["order"]["sz"] == "0.0")


def test_user_events_and_fills_have_the_recorded_shape(net):
    net.subscribe(type="userEvents", user=USER)
    _, empty = net.subscribe(type="userFills", user=USER)
    order = {"a": 1, "b": True, "p": "3010", "s": "0.01", "r": False, "t": {"limit": {"tif": "Ioc"}}}
    events = net.act({"type": "order", "orders": [order], "grouping": "na"})
    net.say({"method": "unsubscribe", "subscription": {"type": "userFills", "user": USER}})
    _, filled = net.subscribe(type="userFills", user=USER)
    for sample in recorded("userFills.json"):
        assert flat(filled if sample["data"]["fills"] else empty) == flat(sample)
    sample = next(frame for frame in recorded("user.json") if "fills" in frame["data"])
    assert flat(only(events, "user")) == flat(sample)


def test_fundings_have_the_recorded_shape(net):
    _, snapshot = net.subscribe(type="userFundings", user=USER)
    (sample,) = recorded("userFundings.json")
    assert list(snapshot["data"]) == list(sample["data"])
    event = next(frame for frame in recorded("user.json") if "funding" in frame["data"])
    net.subscribe(type="userEvents", user=USER)
    net.frames.clear()
    net.streams.on_user_event(USER, event["data"])
    assert net.frames[0] == event
    assert flat(net.frames[1]["data"]["fundings"][0]) == flat(sample["data"]["fundings"][0])


def test_posts_have_the_recorded_shape(net):
    filled = only(net.order(px="3010", sz="0.5", tif="Ioc"), "post")
    resting = only(net.order(px="1500", cloid=2), "post")
    refused = only(net.order(px="1500", sz="0.0001", cloid=3), "post")
    oid = resting["data"]["response"]["payload"]["response"]["data"]["statuses"][0]["resting"]["oid"]
    canceled = only(net.act({"type": "cancel", "cancels": [{"a": 1, "o": oid}]}), "post")

    def asked(payload: dict) -> dict:
        request = {"type": "info", "payload": payload}
        return only(net.say({"method": "post", "id": 7, "request": request}), "post")

    unknown = asked({"type": "l2Book", "coin": "NOPE"})
    spot = asked({"type": "spotMeta"})
    payload = spot["data"]["response"]["payload"]
    payload["data"] = {"universe": payload["data"]["universe"][:2]}
    ours = [refused, resting, filled, canceled, unknown, spot]
    for mine, sample in zip(ours, recorded("post.json"), strict=True):
        assert flat(mine) == flat(sample)


def test_acks_errors_and_pongs_are_the_recorded_ones(net):
    assert net.say({"method": "ping"}) == recorded("pong.json")
    full, cut, fills = recorded("subscriptionResponse.json")
    assert net.subscribe(type="l2Book", coin="BTC", fast=True)[0] == full
    net.subscribe(type="l2Book", coin="BTC", nSigFigs=5)
    unsubscribed = {"type": "l2Book", "coin": "BTC", "nSigFigs": 5}
    assert net.say({"method": "unsubscribe", "subscription": unsubscribed}) == [cut]
    user = fills["data"]["subscription"]["user"]
    ack, _ = net.subscribe(type="userFills", user=user.upper().replace("0X", "0x"))
    assert json.dumps(ack) == json.dumps(fills)
    duplicate, array, unknown = recorded("error.json")
    net.subscribe(type="l2Book", coin="SOL")
    assert net.subscribe(type="l2Book", coin="SOL") == [duplicate]
    for error in (array, unknown):
        net.frames.clear()
        net.session.receive(error["data"].split("request: ", 1)[1].encode())
        assert net.frames == [error]
