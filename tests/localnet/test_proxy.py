"""The proxy: nothing is changed while nothing was asked for, and bytes suffer as asked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import Running, running

TIMEOUT_S = 10
SILENCE_S = 0.3
META = {"type": "meta"}


@pytest.fixture(scope="module")
def net() -> Iterator[Running]:
    with running(LocalnetOptions(scenario="random", limits=UNLIMITED)) as net:
        yield net


@pytest.fixture
def url(net: Running) -> Iterator[str]:
    yield str(requests.post(f"{net.url}/localnet/proxy", timeout=TIMEOUT_S).json()["url"])
    requests.delete(f"{net.url}/localnet/fault", timeout=TIMEOUT_S)


def fault(net: Running, do: str, **rule: Any) -> None:
    answer = requests.post(f"{net.url}/localnet/fault", json={"do": do, **rule}, timeout=TIMEOUT_S)
    assert answer.status_code == 200, answer.text


def ask(url: str, timeout_s: float = TIMEOUT_S) -> requests.Response:
    return requests.post(f"{url}/info", json=META, timeout=timeout_s)


def dial(url: str) -> ClientConnection:
    return connect(f"ws{url[4:]}/ws", ping_interval=None, close_timeout=0.2, proxy=None)


def ping(line: ClientConnection) -> Any:
    line.send('{"method":"ping"}')
    return json.loads(line.recv(timeout=SILENCE_S))


def test_bytes_pass_as_they_are(net: Running, url: str) -> None:
    assert url != net.url
    assert requests.post(f"{net.url}/localnet/proxy", timeout=TIMEOUT_S).json() == {"url": url}
    assert ask(url).content == ask(net.url).content
    with dial(url) as line:
        assert ping(line) == {"channel": "pong"}


def test_a_call_is_refused_once(net: Running, url: str) -> None:
    fault(net, "proxy.refuse")
    with pytest.raises(requests.ConnectionError):
        ask(url)
    assert ask(url).ok


@pytest.mark.parametrize("do", ["proxy.rst", "proxy.truncate 20", "proxy.truncate 200"])
def test_a_connection_is_reset_before_or_within_an_answer(net: Running, url: str, do: str) -> None:
    fault(net, do, match={"door": "http"})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask(url)
    assert ask(net.url).ok


def test_answers_in_single_bytes_are_answers(net: Running, url: str) -> None:
    plain = ask(url).content
    fault(net, "proxy.split 7", times=None)
    assert ask(url).content == plain
    with dial(url) as line:
        assert ping(line) == {"channel": "pong"}


def test_noise_in_an_answer(net: Running, url: str) -> None:
    plain = ask(url).content
    fault(net, "proxy.garbage 16")
    spoiled = ask(url).content
    assert spoiled != plain
    assert len(spoiled) == len(plain)


def test_answers_wait(net: Running, url: str) -> None:
    fault(net, "proxy.delay 5")
    with pytest.raises(requests.ReadTimeout):
        ask(url, SILENCE_S)


def test_a_request_is_lost_on_its_way_up(net: Running, url: str) -> None:
    before = net.call(lambda localnet: localnet.gate.counters.requests["meta"])
    fault(net, "proxy.blackhole way=up")
    with pytest.raises(requests.ReadTimeout):
        ask(url, SILENCE_S)
    assert net.call(lambda localnet: localnet.gate.counters.requests["meta"]) == before


def test_a_websocket_hears_nothing_any_more_and_is_not_closed(net: Running, url: str) -> None:
    with dial(url) as line:
        assert ping(line)
        fault(net, "proxy.blackhole", match={"door": "ws"})
        with pytest.raises(TimeoutError):
            ping(line)
        with pytest.raises(TimeoutError):
            ping(line)
        assert ask(url).ok


def test_a_websocket_is_reset(net: Running, url: str) -> None:
    with dial(url) as line:
        assert ping(line)
        fault(net, "proxy.rst", match={"door": "ws"})
        with pytest.raises(ConnectionClosedError):
            ping(line)


def test_the_proxy_ends_with_its_localnet() -> None:
    with running(LocalnetOptions(scenario="random")) as net:
        url = requests.post(f"{net.url}/localnet/proxy", timeout=TIMEOUT_S).json()["url"]
        assert ask(url).ok
    with pytest.raises(requests.ConnectionError):
        ask(url)
