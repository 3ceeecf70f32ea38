"""The in-process door: what the SDK's `requests` and its WebsocketManager get out of a gate and its streams."""

import json

import pytest
import requests

from tests.localnet.floor import quiet_floor
from tidegate.localnet.doors.gate import Gate
from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.doors.streams import Streams
from tidegate.localnet.doors.transport import LocalnetAdapter, LocalnetSocket

URL = "http://localnet.invalid"
LIMITS = Limits()
BBO = {"method": "subscribe", "subscription": {"type": "bbo", "coin": "BTC"}}


@pytest.fixture
def streams():
    exchange = quiet_floor()
    return Streams(exchange, Gate(exchange, LIMITS), LIMITS, lambda: 0.0)


@pytest.fixture
def session(streams):
    session = requests.Session()
    session.mount(URL, LocalnetAdapter(streams.gate))
    return session


def test_a_request_is_answered_as_the_http_door_would(session):
    answer = session.post(f"{URL}/info", json={"type": "allMids"})
    assert (answer.status_code, answer.reason) == (200, "OK")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["BTC"] == "80000.0"


def test_an_error_keeps_its_status_and_text(session):
    answer = session.post(f"{URL}/info", data="{nope", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.text) == (400, "Failed to parse the request body as JSON")


def test_frames_wait_until_they_are_delivered(streams):
    heard = []
    socket = LocalnetSocket(streams, lambda _socket, text: heard.append(json.loads(text)["channel"]))
    socket.send(json.dumps(BBO))
    assert heard == []
    assert socket.deliver() == 2
    assert heard == ["subscriptionResponse", "bbo"]
    assert socket.deliver() == 0


def test_a_callback_may_speak_again_while_frames_are_delivered(streams):
    heard = []

    def answer(socket, text):
        heard.append(json.loads(text)["channel"])
        if heard == ["pong"]:
            socket.send('{"method":"ping"}')

    socket = LocalnetSocket(streams, answer)
    socket.send('{"method":"ping"}')
    assert socket.deliver() == 2
    assert heard == ["pong", "pong"]


def test_a_line_that_the_exchange_cuts_is_cut_for_good(streams):
    socket = LocalnetSocket(streams, lambda _socket, _text: None)
    socket.send('{"method":"subscribe","subscription":{"type":"bbo","coin":"NOPE"}}')
    assert not socket.keep_running
    with pytest.raises(ConnectionError):
        socket.send('{"method":"ping"}')


def test_who_hangs_up_is_forgotten(streams):
    socket = LocalnetSocket(streams, lambda _socket, _text: None)
    socket.send(json.dumps(BBO))
    assert streams.subscription_count == 1
    socket.close()
    socket.close()
    assert (streams.subscription_count, len(streams.sessions)) == (0, 0)
