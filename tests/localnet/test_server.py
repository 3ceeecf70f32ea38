"""The network door: HTTP and WebSocket on one loopback port, and how a server comes and goes."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path

import pytest
import requests
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect

from tidegate.localnet.doors.limits import UNLIMITED, Limits
from tidegate.localnet.doors.localnet import Localnet, LocalnetError, LocalnetOptions, build
from tidegate.localnet.doors.server import Server, serve
from tidegate.localnet.doors.sockets import UNSENT_BYTES_MAX
from tidegate.localnet.doors.thread import Running, running
from tidegate.localnet.markets.market import RandomMarket

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 10


@pytest.fixture(scope="module")
def net():
    with running(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        yield net


def socket_to(net: Running) -> ClientConnection:
    return connect(f"ws{net.url[4:]}/ws", ping_interval=None, compression="deflate", close_timeout=0.2, proxy=None)


def say(line: ClientConnection, **message: object) -> None:
    line.send(json.dumps(message))


def hear(line: ClientConnection, channel: str) -> dict:
    """The data of the next frame on `channel`."""
    while True:
        frame = json.loads(line.recv(timeout=TIMEOUT_S))
        if frame["channel"] == channel:
            return frame.get("data")


def test_both_endpoints_and_the_socket_share_one_port(net):
    mids = requests.post(f"{net.url}/info", json={"type": "allMids"}, timeout=TIMEOUT_S)
    assert (mids.status_code, mids.headers["content-type"]) == (200, "application/json")
    assert float(mids.json()["BTC"]) > 0
    refused = requests.post(f"{net.url}/exchange", json={}, timeout=TIMEOUT_S)
    assert refused.status_code == 422
    assert refused.text == "Failed to deserialize the JSON body into the target type"
    with socket_to(net) as line:
        say(line, method="subscribe", subscription={"type": "l2Book", "coin": "BTC"})
        assert hear(line, "subscriptionResponse")["method"] == "subscribe"
        assert hear(line, "l2Book")["coin"] == "BTC"


def test_a_get_is_refused_with_an_empty_answer(net):
    answer = requests.get(f"{net.url}/info", timeout=TIMEOUT_S)
    assert (answer.status_code, answer.content) == (405, b"")
    assert "content-type" not in answer.headers
    assert requests.get(f"{net.url}/docs", timeout=TIMEOUT_S).status_code == 404
    assert requests.get(f"{net.url}/openapi.json", timeout=TIMEOUT_S).status_code == 404


def test_one_connection_serves_many_requests(net):
    with requests.Session() as session:
        answers = [
            session.post(f"{net.url}/info", json={"type": "exchangeStatus"}, stream=True, timeout=TIMEOUT_S)
            for _ in range(3)
        ]
        assert [answer.json()["specialStatuses"] for answer in answers] == [None] * 3
        times = [answer.json()["time"] for answer in answers]
        assert times == sorted(times)
        assert len(session.adapters["http://"].poolmanager.pools) == 1


def test_head_and_body_leave_in_one_segment(net):
    host, port = net.url.removeprefix("http://").split(":")
    body = b'{"type":"allMids"}'
    head = b"POST /info HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as line:
        line.sendall(head + body)
        answer = line.recv(1 << 20)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head
    assert json.loads(body)


def test_the_market_moves_by_itself_and_is_pushed(net):
    with socket_to(net) as line:
        say(line, method="subscribe", subscription={"type": "trades", "coin": "BTC"})
        say(line, method="subscribe", subscription={"type": "l2Book", "coin": "BTC", "fast": True})
        seen = {(t["time"], t["tid"]) for t in hear(line, "trades")}
        fresh = hear(line, "trades")
        assert {(t["time"], t["tid"]) for t in fresh}.isdisjoint(seen)
        assert hear(line, "l2Book")["fast"] is True


def test_no_compression_is_negotiated(net):
    with socket_to(net) as line:
        assert line.protocol.extensions == []


def test_a_message_in_fragments_is_one_message(net):
    with socket_to(net) as line:
        line.send(['{"method"', ':"pi', 'ng"}'])
        assert line.recv(timeout=TIMEOUT_S) == '{"channel":"pong"}'


def test_an_unknown_coin_cuts_the_line_without_a_close_frame(net):
    with socket_to(net) as line:
        say(line, method="subscribe", subscription={"type": "trades", "coin": "btc"})
        with pytest.raises(ConnectionClosedError) as cut:
            line.recv(timeout=TIMEOUT_S)
        assert cut.value.rcvd is None


def test_a_client_that_says_goodbye_is_answered(net):
    with socket_to(net) as line:
        line.close()
    assert line.protocol.close_code == 1000
    assert line.protocol.close_rcvd is not None


def test_a_protocol_ping_is_answered(net):
    with socket_to(net) as line:
        assert line.ping().wait(TIMEOUT_S)


def test_a_client_that_does_not_read_is_cut_off_before_it_fills_the_memory():
    frame = b" " * (1 << 19)

    def tell(localnet: Localnet) -> int:
        for session in tuple(localnet.streams.sessions):
            session.send(frame)
        return len(localnet.streams.sessions)

    with running(LocalnetOptions(scenario="random")) as net, socket_to(net) as line:
        line.ping().wait(TIMEOUT_S)
        told = next(count for count in range(1000) if net.call(tell) == 0)
    assert told * len(frame) > UNSENT_BYTES_MAX


def test_another_path_is_no_socket(net):
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws{net.url[4:]}/elsewhere", proxy=None)
    assert refused.value.response.status_code == 404


def test_too_many_connections_are_refused_at_the_handshake():
    options = LocalnetOptions(scenario="random", limits=Limits(connections=1))
    with running(options) as net, socket_to(net):
        with pytest.raises(InvalidStatus) as refused:
            socket_to(net)
        assert refused.value.response.status_code == 429


def test_the_clock_page_says_what_is_running(net):
    clock = requests.get(f"{net.url}/localnet/clock", timeout=TIMEOUT_S).json()
    assert clock["speed"] == 1.0
    assert clock["pid"] == os.getpid()
    assert clock["instance"] == net.instance
    assert clock["says"] == net.says
    assert clock["time_ms"] >= net.time_ms


def test_an_account_is_funded_by_its_page(net):
    user = "0x" + "aB" * 20
    url = f"{net.url}/localnet/fund"
    assert requests.post(url, json={"user": user, "usdc": "1234.5"}, timeout=TIMEOUT_S).ok
    state = {"type": "clearinghouseState", "user": user}
    account = requests.post(f"{net.url}/info", json=state, timeout=TIMEOUT_S).json()
    assert account["withdrawable"] == "1234.5"
    for wrong in ({"user": "x", "usdc": "1"}, {"user": user, "usdc": "-1"}, {"user": user, "usdc": "NaN"}):
        assert requests.post(url, json=wrong, timeout=TIMEOUT_S).status_code == 422


def test_the_counters_page_counts(net):
    with socket_to(net) as line:
        say(line, method="subscribe", subscription={"type": "allMids"})
        hear(line, "allMids")
        requests.post(f"{net.url}/info", json={"type": "meta"}, timeout=TIMEOUT_S)
        counters = requests.get(f"{net.url}/localnet/counters", timeout=TIMEOUT_S).json()
    assert counters["connections"] >= 1
    assert counters["subscriptions"] >= 1
    assert counters["requests"]["meta"] >= 1
    assert counters["rest_weight_this_minute"] >= 0
    assert counters["users"] == counters["connections_this_minute"] == 0
    assert set(counters["limits"].values()) == {None}


@pytest.mark.parametrize("host", ["0.0.0.0", "example.org", "10.0.0.1", "::"])
def test_only_loopback_is_served(host):
    with pytest.raises(LocalnetError, match="this host only"):
        serve(LocalnetOptions(host=host, scenario="random"), lambda ready: None)


def test_a_taken_port_is_an_error_that_names_it(net):
    port = int(net.url.rsplit(":", 1)[1])
    with pytest.raises(LocalnetError, match=f"127.0.0.1:{port}"):
        serve(LocalnetOptions(port=port, scenario="random"), lambda ready: None)


def test_speed_must_be_positive():
    with pytest.raises(LocalnetError, match="speed"):
        build(LocalnetOptions(speed=0.0))


def test_under_speed_the_exchanges_time_runs_faster_than_the_wall():
    with running(LocalnetOptions(scenario="random", speed=600.0)) as net, socket_to(net) as line:
        say(line, method="subscribe", subscription={"type": "l2Book", "coin": "BTC"})
        times = [hear(line, "l2Book")["time"] for _ in range(5)]
    assert all(later - earlier >= 5_000 for earlier, later in pairwise(times[1:]))


def test_it_stops_when_the_page_says_so_and_tells_its_clients():
    with running(LocalnetOptions(scenario="random")) as net, socket_to(net) as line:
        assert requests.post(f"{net.url}/localnet/stop", timeout=TIMEOUT_S).ok
        with pytest.raises(ConnectionClosed):
            line.recv(timeout=TIMEOUT_S)
        assert line.protocol.close_code == CloseCode.SERVICE_RESTART


class Broken(RandomMarket):
    """A market with an error in it."""

    def step(self, exchange):
        raise ZeroDivisionError("the market is broken")


def test_a_market_that_fails_takes_the_server_down_with_its_error():
    options = LocalnetOptions(scenario="random")
    exchange, market, clock = build(options)
    market.__class__ = Broken
    server = Server(Localnet(exchange, market, clock, UNLIMITED), options, lambda ready: None)
    with pytest.raises(ZeroDivisionError):
        server.serve_until_stopped()


PROGRAM = textwrap.dedent(
    """
    import sys
    from tidegate.localnet.doors.server import LocalnetOptions, serve

    serve(LocalnetOptions(scenario="random", linger_s=float(sys.argv[1])), lambda ready: print(ready.url, flush=True))
    print("ended", flush=True)
    """
)


def start_process(linger_s: float) -> tuple[subprocess.Popen, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(linger_s)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_normally_and_it_prints_nothing(number):
    process, url = start_process(3600.0)
    assert requests.post(f"{url}/info", json={"type": "allMids"}, timeout=TIMEOUT_S).ok
    process.send_signal(number)
    out, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out, errors) == (0, "ended\n", "")


def test_it_ends_by_itself_when_its_parent_has_gone_and_no_client_is_left():
    process, url = start_process(0.3)
    with connect(f"ws{url[4:]}/ws", proxy=None) as line:
        process.stdin.close()
        process.stdin = None
        line.send('{"method":"ping"}')
        assert line.recv(timeout=TIMEOUT_S) == '{"channel":"pong"}'
        assert process.poll() is None
    out, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out, errors) == (0, "ended\n", "")


def test_a_frame_that_follows_another_one_does_not_wait_for_an_acknowledgement(net):
    made: list[bool] = []

    def look(localnet: Localnet) -> None:
        for session in localnet.streams.sessions:
            transport = session._send.__self__._transport
            made.append(bool(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))

    with socket_to(net):
        net.call(look)
    assert made
    assert all(made)
