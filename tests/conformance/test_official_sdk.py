"""The official Python SDK, unmodified, trades on localnet: REST, signatures and its WebsocketManager."""

import queue
import time

import pytest
from eth_account import Account
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.error import ClientError, ServerError
from hyperliquid.utils.signing import get_timestamp_ms
from hyperliquid.utils.types import Cloid

from tidegate.localnet.doors.limits import UNLIMITED, Limits
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running

TIMEOUT_S = 10
GTC = {"limit": {"tif": "Gtc"}}
IOC = {"limit": {"tif": "Ioc"}}


@pytest.fixture(scope="module")
def net():
    with running(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        yield net


@pytest.fixture(scope="module")
def info(net):
    return Info(net.url, skip_ws=True, timeout=TIMEOUT_S)


class Trader:
    """One fresh account with the SDK's Exchange; `do` keeps two nonces from falling into one millisecond."""

    def __init__(self, url: str) -> None:
        self.wallet = Account.create()
        self.address = self.wallet.address
        self.exchange = Exchange(self.wallet, url, timeout=TIMEOUT_S)

    def do(self, method: str, *args: object, **settings: object) -> dict:
        began_ms = get_timestamp_ms()
        while get_timestamp_ms() == began_ms:
            pass
        return getattr(self.exchange, method)(*args, **settings)

    def statuses(self, method: str, *args: object, **settings: object) -> list:
        answer = self.do(method, *args, **settings)
        assert answer["status"] == "ok", answer
        return answer["response"]["data"]["statuses"]


@pytest.fixture
def trader(net):
    return Trader(net.url)


def price(info: Info, coin: str, factor: float) -> float:
    """A legal BTC or ETH price at about `factor` times the mid."""
    return float(f"{float(info.all_mids()[coin]) * factor:.3g}")


def test_the_constructors_find_their_metadata(info):
    assert info.coin_to_asset["BTC"] == 0
    meta = info.meta()
    assert [entry["name"] for entry in meta["universe"]][:2] == ["BTC", "ETH"]
    assert any(entry.get("isDelisted") for entry in meta["universe"])
    spot = info.spot_meta()
    assert any(pair["index"] != place for place, pair in enumerate(spot["universe"]))


def test_an_order_is_placed_queried_and_canceled(trader, info):
    cloid = Cloid.from_int(1)
    px = price(info, "BTC", 0.8)
    (placed,) = trader.statuses("order", "BTC", True, 0.001, px, GTC, cloid=cloid)
    oid = placed["resting"]["oid"]
    assert placed["resting"]["cloid"] == cloid.to_raw()

    (resting,) = info.open_orders(trader.address)
    assert (resting["oid"], resting["coin"], resting["side"], resting["sz"]) == (oid, "BTC", "B", "0.001")
    assert float(resting["limitPx"]) == px
    assert [row["oid"] for row in info.frontend_open_orders(trader.address)] == [oid]
    by_oid = info.query_order_by_oid(trader.address, oid)
    assert (by_oid["status"], by_oid["order"]["status"]) == ("order", "open")
    assert info.query_order_by_cloid(trader.address, cloid) == by_oid
    assert info.query_order_by_oid(trader.address, 1) == {"status": "unknownOid"}

    assert trader.statuses("cancel", "BTC", oid) == ["success"]
    assert info.open_orders(trader.address) == []
    assert info.query_order_by_oid(trader.address, oid)["order"]["status"] == "canceled"
    (refused,) = trader.statuses("cancel", "BTC", oid)
    assert refused == {"error": "Order was never placed, already canceled, or filled. asset=0"}


def test_an_order_is_modified_into_a_new_one_and_canceled_by_cloid(trader, info):
    cloid = Cloid.from_int(2)
    (placed,) = trader.statuses("order", "ETH", False, 0.05, price(info, "ETH", 1.2), GTC, cloid=cloid)
    px = price(info, "ETH", 1.3)
    (modified,) = trader.statuses("modify_order", placed["resting"]["oid"], "ETH", False, 0.06, px, GTC, cloid=cloid)
    assert modified["resting"]["oid"] != placed["resting"]["oid"]
    (resting,) = info.open_orders(trader.address)
    assert (resting["sz"], float(resting["limitPx"])) == ("0.06", px)
    assert trader.statuses("cancel_by_cloid", "ETH", cloid) == ["success"]
    assert info.open_orders(trader.address) == []


def test_a_market_order_opens_and_market_close_closes(trader, info):
    (opened,) = trader.statuses("market_open", "BTC", True, 0.01)
    assert opened["filled"]["totalSz"] == "0.01"
    (position,) = info.user_state(trader.address)["assetPositions"]
    assert (position["position"]["coin"], position["position"]["szi"]) == ("BTC", "0.01")

    (closed,) = trader.statuses("market_close", "BTC")
    assert closed["filled"]["totalSz"] == "0.01"
    assert info.user_state(trader.address)["assetPositions"] == []
    assert trader.do("market_close", "BTC") is None

    fills = info.user_fills(trader.address)
    assert fills[0]["dir"] == "Close Long"
    assert fills[-1]["dir"] == "Open Long"
    assert sum(float(fill["sz"]) for fill in fills) == pytest.approx(0.02)
    assert all(float(fill["fee"]) > 0 and fill["crossed"] for fill in fills)
    by_time = info.user_fills_by_time(trader.address, fills[-1]["time"])
    assert sorted(fill["tid"] for fill in by_time) == sorted(fill["tid"] for fill in fills)


def test_an_entry_with_stop_and_take_profit_goes_out_in_one_action(trader, info):
    def child(factor: float, kind: str) -> dict:
        trigger_px = price(info, "BTC", factor)
        worst = price(info, "BTC", factor * 0.9)
        trigger = {"trigger": {"isMarket": True, "triggerPx": trigger_px, "tpsl": kind}}
        order = {"coin": "BTC", "is_buy": False, "sz": 0.01, "limit_px": worst, "order_type": trigger}
        return order | {"reduce_only": True}

    entry = {"coin": "BTC", "is_buy": True, "sz": 0.01, "limit_px": price(info, "BTC", 1.03), "order_type": IOC}
    orders = [entry | {"reduce_only": False}, child(0.9, "sl"), child(1.1, "tp")]
    entered, *children = trader.statuses("bulk_orders", orders, grouping="normalTpsl")
    assert entered["filled"]["totalSz"] == "0.01"
    assert children == ["waitingForTrigger", "waitingForTrigger"]
    resting = info.frontend_open_orders(trader.address)
    assert sorted(row["orderType"] for row in resting) == ["Stop Market", "Take Profit Market"]
    assert all(row["isTrigger"] and row["reduceOnly"] for row in resting)

    trader.statuses("market_close", "BTC")
    assert info.open_orders(trader.address) == []


def test_leverage_is_set_and_shown(trader, info):
    assert trader.do("update_leverage", 7, "BTC") == {"status": "ok", "response": {"type": "default"}}
    trader.statuses("market_open", "BTC", False, 0.001)
    (position,) = info.user_state(trader.address)["assetPositions"]
    assert position["position"]["leverage"] == {"type": "cross", "value": 7}
    trader.statuses("market_close", "BTC")


def test_refusals_come_in_the_exchanges_words(trader, info):
    (too_small,) = trader.statuses("order", "BTC", True, 0.00001, price(info, "BTC", 0.9), GTC)
    assert too_small == {"error": "Order must have minimum value of $10. asset=0"}
    (off_tick,) = trader.statuses("order", "BTC", True, 0.01, price(info, "BTC", 0.9) + 0.5, GTC)
    assert off_tick == {"error": "Price must be divisible by tick size. asset=0"}
    (flat,) = trader.statuses("order", "BTC", False, 0.01, price(info, "BTC", 0.9), IOC, reduce_only=True)
    assert flat == {"error": "Reduce only order would increase position. asset=0"}


def test_the_sdk_understands_http_errors(net, info):
    with pytest.raises(ClientError) as unknown:
        info.post("/info", {"type": "noSuchType"})
    assert (unknown.value.status_code, unknown.value.error_message) == (
        422,
        "Failed to deserialize the JSON body into the target type",
    )
    with pytest.raises(ServerError):
        info.post("/info", {"type": "metaAndAssetCtxs", "dex": "nope"})


def test_too_much_weight_is_client_error_429_null():
    with running(LocalnetOptions(scenario="random", limits=Limits(rest_weight_per_minute=45))) as net:
        info = Info(net.url, skip_ws=True, timeout=TIMEOUT_S)
        info.all_mids()
        info.all_mids()
        with pytest.raises(ClientError) as limited:
            info.all_mids()
    assert (limited.value.status_code, limited.value.error_message) == (429, "null")


def test_the_sdks_reads_are_all_answered(trader, info):
    trader.statuses("market_open", "ETH", True, 0.05)
    now_ms = int(time.time() * 1000)
    candles = info.candles_snapshot("BTC", "1m", now_ms - 3_600_000, now_ms)
    assert len(candles) >= 50
    assert len(info.l2_snapshot("BTC")["levels"]) == 2
    meta, contexts = info.meta_and_asset_ctxs()
    assert len(meta["universe"]) == len(contexts)
    assert info.spot_meta_and_asset_ctxs()
    assert info.user_fees(trader.address)["userCrossRate"] == "0.00045"
    assert info.user_role(trader.address)["role"] == "user"
    assert info.post("/info", {"type": "userRateLimit", "user": trader.address})["nRequestsUsed"] >= 1
    assert "balances" in info.spot_user_state(trader.address)
    assert info.historical_orders(trader.address)
    trader.statuses("market_close", "ETH")


def test_the_sdks_websocket_manager_hears_every_stream(net, trader):
    info = Info(net.url, timeout=TIMEOUT_S)
    heard: queue.SimpleQueue[dict] = queue.SimpleQueue()
    streams = [
        {"type": "trades", "coin": "BTC"},
        {"type": "l2Book", "coin": "BTC"},
        {"type": "bbo", "coin": "BTC"},
        {"type": "candle", "coin": "BTC", "interval": "1m"},
        {"type": "allMids"},
        {"type": "activeAssetCtx", "coin": "BTC"},
        {"type": "userFills", "user": trader.address},
        {"type": "userEvents", "user": trader.address},
        {"type": "orderUpdates", "user": trader.address},
        {"type": "userFundings", "user": trader.address},
    ]
    missing = {"trades", "l2Book", "bbo", "candle", "allMids", "activeAssetCtx", "userFills", "userFundings"}
    try:
        for stream in streams:
            info.subscribe(stream, heard.put)
        take_until_heard(heard, missing)
        trader.statuses("market_open", "BTC", True, 0.01)
        trader.statuses("market_close", "BTC")
        frames = take_until_heard(heard, {"userFills", "user", "orderUpdates", "trades", "candle"})
        fills = [frame["data"] for frame in frames if frame["channel"] == "userFills"]
        assert all(data["user"] == trader.address.lower() for data in fills)
        assert info.unsubscribe(streams[0], 1)
    finally:
        info.disconnect_websocket()


def take_until_heard(heard: "queue.SimpleQueue[dict]", channels: set[str]) -> list[dict]:
    """Wait until every channel of `channels` has spoken; return what was heard meanwhile."""
    frames = []
    missing = set(channels)
    while missing:
        frame = heard.get(timeout=TIMEOUT_S)
        frames.append(frame)
        missing.discard(frame["channel"])
    return frames
