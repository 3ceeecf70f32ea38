"""WebSockets among faults: what a client hears, and how its connection ends."""

import json
import socket
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import requests
from eth_account import Account
from floor import order
from hyperliquid.utils.signing import sign_l1_action
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import Running, running

TIMEOUT_S = 10
SILENCE_S = 0.4
WALLET = Account.from_key("0x" + "18" * 32)
USER = WALLET.address.lower()
nonces = count(1)


@pytest.fixture(scope="module")
def net() -> Iterator[Running]:
    with running(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        net.call(lambda localnet: localnet.exchange.fund(USER, Decimal(100_000)))
        yield net


@pytest.fixture(autouse=True)
def tidy(net: Running) -> Iterator[None]:
    yield
    requests.delete(f"{net.url}/localnet/fault", timeout=TIMEOUT_S)


@pytest.fixture
def line(net: Running) -> Iterator[ClientConnection]:
    with dial(net) as line:
        yield line


def dial(net: Running) -> ClientConnection:
    return connect(f"ws{net.url[4:]}/ws", ping_interval=None, close_timeout=0.2, proxy=None)


def fault(net: Running, do: str, **rule: Any) -> None:
    answer = requests.post(f"{net.url}/localnet/fault", json={"do": do, **rule}, timeout=TIMEOUT_S)
    assert answer.status_code == 200, answer.text


def say(line: ClientConnection, **message: Any) -> None:
    line.send(json.dumps(message))


def listen(line: ClientConnection, **subscription: Any) -> None:
    say(line, method="subscribe", subscription=subscription)
    assert hear(line, "subscriptionResponse")


def hear(line: ClientConnection, channel: str) -> Any:
    """The data of the next frame on `channel`."""
    while True:
        frame = json.loads(line.recv(timeout=TIMEOUT_S))
        if isinstance(frame, dict) and frame.get("channel") == channel:
            return frame.get("data", True)


def listen_to_the_end(line: ClientConnection, patience_s: float) -> None:
    while True:
        line.recv(timeout=patience_s)


def resting(net: Running) -> dict[str, Any]:
    """A signed order that will rest."""
    mid = float(net.call(lambda localnet: localnet.exchange.mids()["BTC"]))
    action = {"type": "order", "orders": [order("B", str(int(mid * 0.9)), "0.001")], "grouping": "na"}
    nonce = net.call(lambda localnet: localnet.exchange.now_ms) - 10_000 + next(nonces)
    signature = sign_l1_action(WALLET, action, None, nonce, None, False)
    return {"action": action, "nonce": nonce, "signature": signature}


def post(line: ClientConnection, number: int, kind: str, payload: Any) -> None:
    say(line, method="post", id=number, request={"type": kind, "payload": payload})


def open_orders(net: Running) -> int:
    body = {"type": "openOrders", "user": USER}
    return net.call(lambda localnet: len(localnet.exchange.info(body).body))


@pytest.mark.parametrize("code", [1000, 1001, 1012])
def test_a_clean_close_reaches_every_client(net: Running, line: ClientConnection, code: int) -> None:
    fault(net, f"ws.close {code}")
    with pytest.raises(ConnectionClosed) as told:
        line.recv(timeout=TIMEOUT_S)
    assert told.value.rcvd is not None
    assert told.value.rcvd.code == code


@pytest.mark.parametrize("do", ["ws.rst", "ws.truncate"])
def test_a_connection_is_cut_without_a_word(net: Running, line: ClientConnection, do: str) -> None:
    fault(net, do)
    with pytest.raises(ConnectionClosedError) as told:
        line.recv(timeout=TIMEOUT_S)
    assert told.value.rcvd is None


@pytest.mark.parametrize(("how", "code"), [("opcode", 1002), ("utf8", 1007), ("oversize", 1009), ("http", 1002)])
def test_bytes_that_are_no_frame(net: Running, line: ClientConnection, how: str, code: int) -> None:
    fault(net, f"ws.garbage {how}")
    with pytest.raises(ConnectionClosed) as told:
        line.recv(timeout=TIMEOUT_S)
    assert told.value.sent is not None
    assert told.value.sent.code == code


def test_a_black_hole_swallows_both_ways_and_stays_open(net: Running, line: ClientConnection) -> None:
    listen(line, type="trades", coin="BTC")
    fault(net, "ws.blackhole")
    say(line, method="ping")
    with pytest.raises(TimeoutError):
        listen_to_the_end(line, SILENCE_S)
    with dial(net) as other:
        say(other, method="ping")
        assert hear(other, "pong")


def test_the_end_may_wait_for_the_nth_frame_of_a_stream(net: Running, line: ClientConnection) -> None:
    fault(net, "ws.close 1001", match={"channel": "l2Book"}, after=2)
    listen(line, type="l2Book", coin="BTC", fast=True)
    assert [hear(line, "l2Book")["coin"] for _ in range(2)] == ["BTC", "BTC"]
    with pytest.raises(ConnectionClosed):
        hear(line, "l2Book")


@pytest.mark.parametrize("status", [429, 403, 502])
def test_a_handshake_is_refused(net: Running, status: int) -> None:
    fault(net, f"ws.handshake {status}")
    with pytest.raises(InvalidStatus) as told:
        dial(net)
    assert told.value.response.status_code == status
    with dial(net) as line:
        say(line, method="ping")
        assert hear(line, "pong")


def test_a_connection_flaps(net: Running) -> None:
    fault(net, "ws.flap 0.05", times=2)
    for _ in range(2):
        with dial(net) as line, pytest.raises(ConnectionClosedError):
            line.recv(timeout=TIMEOUT_S)
    with dial(net) as line:
        say(line, method="ping")
        assert hear(line, "pong")


def test_a_subscription_is_rejected_or_ignored(net: Running, line: ClientConnection) -> None:
    fault(net, "ws.sub_reject 'no such luck'", match={"channel": "trades", "coin": "BTC"})
    say(line, method="subscribe", subscription={"type": "trades", "coin": "BTC"})
    assert hear(line, "error") == "no such luck"
    fault(net, "ws.sub_reject ''")
    say(line, method="subscribe", subscription={"type": "trades", "coin": "BTC"})
    say(line, method="ping")
    assert json.loads(line.recv(timeout=TIMEOUT_S)) == {"channel": "pong"}
    listen(line, type="trades", coin="BTC")


def test_a_muted_stream_is_silent_while_others_live(net: Running, line: ClientConnection) -> None:
    listen(line, type="l2Book", coin="BTC", fast=True)
    fault(net, "ws.mute", match={"channel": "l2Book", "coin": "BTC"})
    listen(line, type="l2Book", coin="ETH", fast=True)
    assert [hear(line, "l2Book")["coin"] for _ in range(3)] == ["ETH"] * 3


def test_frames_come_twice(net: Running, line: ClientConnection) -> None:
    fault(net, "ws.dup", match={"channel": "trades"}, times=None)
    listen(line, type="trades", coin="BTC")
    assert hear(line, "trades") == hear(line, "trades")


def test_trades_come_out_of_order(net: Running, line: ClientConnection) -> None:
    fault(net, "ws.shuffle", match={"channel": "trades"}, times=None)
    listen(line, type="trades", coin="BTC")
    times = [row["time"] for _ in range(2) for row in hear(line, "trades")]
    assert times != sorted(times)
    assert len(times) > 1


def test_a_snapshot_is_of_long_ago(net: Running, line: ClientConnection) -> None:
    fault(net, "ws.snapshot_age 60 by=0.1", match={"channel": "bbo"})
    listen(line, type="bbo", coin="BTC")
    old, new = hear(line, "bbo"), hear(line, "bbo")
    assert new["time"] - old["time"] >= 60_000
    assert float(old["bbo"][0]["px"]) > 1.05 * float(new["bbo"][0]["px"])


def test_a_text_that_is_no_json(net: Running, line: ClientConnection) -> None:
    fault(net, "ws.raw")
    say(line, method="ping")
    assert line.recv(timeout=TIMEOUT_S) == "Websocket connection established."
    assert json.loads(line.recv(timeout=TIMEOUT_S)) == {"channel": "pong"}


def test_spoiled_frames_are_json_of_every_wrong_shape(net: Running, line: ClientConnection) -> None:
    listen(line, type="bbo", coin="BTC")
    plain = hear(line, "bbo")
    fault(net, "ws.mutate", match={"channel": "bbo"}, times=17)
    seen = [json.loads(line.recv(timeout=TIMEOUT_S)) for _ in range(17)]
    assert seen[0] is None
    assert seen[1] == 7
    prices = [frame["data"]["bbo"][0].get("px") for frame in seen if isinstance(frame, dict) and _has_book(frame)]
    assert {"NaN", "-1", "1e999", "0", None, 1.5} <= set(prices)
    assert {"channel": "bbo"} in seen
    assert hear(line, "bbo").keys() == plain.keys()


def _has_book(frame: dict[str, Any]) -> bool:
    return isinstance(frame.get("data"), dict) and isinstance(frame["data"].get("bbo"), list)


def test_a_burst_of_prints_keeps_its_extremes(net: Running, line: ClientConnection) -> None:
    listen(line, type="trades", coin="BTC")
    hear(line, "trades")
    fault(net, "ws.burst 5000", match={"channel": "trades"})
    rows = [row for _ in range(5001) for row in hear(line, "trades")]
    prices = [float(row["px"]) for row in rows]
    assert max(prices) / min(prices) == pytest.approx(1.02, rel=0.002)
    assert len({row["tid"] for row in rows}) == len(rows)


def test_a_post_is_accepted_and_never_answered(net: Running, line: ClientConnection) -> None:
    payload = resting(net)
    before = open_orders(net)
    fault(net, "accept_then_timeout", match={"action": "order", "door": "ws"})
    post(line, 1, "action", payload)
    post(line, 2, "info", {"type": "meta"})
    assert hear(line, "post")["id"] == 2
    assert open_orders(net) == before + 1


def test_a_post_is_answered_with_a_gateways_error(net: Running, line: ClientConnection) -> None:
    payload = resting(net)
    before = open_orders(net)
    fault(net, "status 502 accepted=true", match={"action": "order"})
    post(line, 5, "action", payload)
    answer = hear(line, "post")
    assert (answer["id"], answer["response"]["type"]) == (5, "error")
    assert answer["response"]["payload"].startswith("502 Bad Gateway: <html>")
    assert open_orders(net) == before + 1


def test_a_post_is_refused_late_or_answered_falsely_like_a_request(net: Running, line: ClientConnection) -> None:
    payload = resting(net)
    fault(net, "refuse.margin", match={"action": "order"})
    post(line, 1, "action", payload)
    statuses = hear(line, "post")["response"]["payload"]["response"]["data"]["statuses"]
    assert statuses == [{"error": "Insufficient margin to place order. asset=0"}]
    fault(net, "state.empty", match={"request": "clearinghouseState"})
    post(line, 2, "info", {"type": "clearinghouseState", "user": USER})
    told = hear(line, "post")["response"]["payload"]
    assert told["type"] == "clearinghouseState"
    assert told["data"]["withdrawable"] == "0.0"
    fault(net, "delay 0.05", match={"request": "meta"})
    post(line, 3, "info", {"type": "meta"})
    post(line, 4, "info", {"type": "exchangeStatus"})
    assert [hear(line, "post")["id"] for _ in range(2)] == [4, 3]


@pytest.mark.parametrize("do", ["reset", "close_idle", "body.cut"])
def test_a_post_ends_its_connection(net: Running, line: ClientConnection, do: str) -> None:
    fault(net, do, match={"request": "meta"})
    post(line, 1, "info", {"type": "meta"})
    with pytest.raises(ConnectionClosedError):
        line.recv(timeout=TIMEOUT_S)


def test_order_updates_are_muted_for_whom_they_are_about(net: Running, line: ClientConnection) -> None:
    listen(line, type="orderUpdates", user=USER)
    fault(net, "ws.drop", match={"channel": "orderUpdates", "user": USER})
    post(line, 1, "action", resting(net))
    assert json.loads(line.recv(timeout=TIMEOUT_S))["channel"] == "post"
    post(line, 2, "action", resting(net))
    assert hear(line, "orderUpdates")[0]["status"] == "open"


def test_connections_end_after_an_action(net: Running, line: ClientConnection) -> None:
    fault(net, "ws.rst", match={"action": "order"})
    before = open_orders(net)
    post(line, 1, "action", resting(net))
    with pytest.raises(ConnectionClosedError):
        listen_to_the_end(line, TIMEOUT_S)
    assert open_orders(net) == before + 1


def test_a_cut_line_is_a_reset_on_the_wire(net: Running) -> None:
    host, port = net.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as raw:
        raw.sendall(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert raw.recv(4096).startswith(b"HTTP/1.1 101")
        fault(net, "ws.rst")
        with pytest.raises(ConnectionResetError):
            raw.recv(4096)
