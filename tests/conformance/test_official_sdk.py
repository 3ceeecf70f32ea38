"""The official SDK on a living market: prices move and others trade while it does. The matrix' market stands still."""

import pytest
from eth_account import Account
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info

from tests.conformance.ears import PATIENCE_S, Ear
from tests.conformance.sdk import next_millisecond, statuses_of
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running

OF_A_COIN = ("trades", "l2Book", "bbo", "candle", "activeAssetCtx")
OF_A_USER = ("userFills", "userEvents", "orderUpdates")


@pytest.fixture(scope="module")
def net():
    with running(LocalnetOptions(scenario="random")) as net:
        yield net


def test_the_websocket_manager_hears_every_stream_of_a_market_that_moves(net):
    wallet = Account.create()
    exchange = Exchange(wallet, net.url, timeout=PATIENCE_S)
    info = Info(net.url, timeout=PATIENCE_S)
    ears = {kind: Ear() for kind in (*OF_A_COIN, *OF_A_USER)}
    try:
        for kind in OF_A_COIN:
            info.subscribe({"type": kind, "coin": "BTC", "interval": "1m"}, ears[kind].hear)
        for kind in OF_A_USER:
            info.subscribe({"type": kind, "user": wallet.address}, ears[kind].hear)
        for kind in (*OF_A_COIN, "userFills"):
            ears[kind].take(kind)
        (opened,) = statuses_of(exchange.market_open("BTC", True, 0.01))
        next_millisecond()
        (closed,) = statuses_of(exchange.market_close("BTC"))
        assert opened["filled"]["totalSz"] == closed["filled"]["totalSz"] == "0.01"
        ears["userFills"].take("userFills", lambda data: data["fills"][-1]["dir"] == "Close Long")
        ears["userEvents"].take("user", lambda data: data["fills"][-1]["dir"] == "Close Long")
        ears["orderUpdates"].take("orderUpdates", lambda rows: rows[-1]["status"] == "filled")
    finally:
        info.disconnect_websocket()


def test_a_history_is_there_before_the_first_client(net):
    info = Info(net.url, skip_ws=True, timeout=PATIENCE_S)
    now_ms = info.post("/info", {"type": "exchangeStatus"})["time"]
    assert len(info.candles_snapshot("BTC", "1m", now_ms - 3_600_000, now_ms)) >= 50
    meta, contexts = info.meta_and_asset_ctxs()
    assert len(meta["universe"]) == len(contexts)
