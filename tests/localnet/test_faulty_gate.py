"""Faults without sockets: the official SDK meets them as the exceptions of `requests`."""

import pytest
import requests
from eth_account import Account
from floor import START_MS, quiet_floor
from hyperliquid.info import Info

from tidegate.localnet.doors.faulty_gate import FaultyGate
from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.transport import LocalnetAdapter
from tidegate.localnet.faults.desk import Faults
from tidegate.localnet.faults.rules import read_rule

URL = "http://localnet"
USER = Account.from_key("0x" + "19" * 32).address


class Client:
    """The SDK's reader in process, and the faults it meets."""

    def __init__(self) -> None:
        exchange = quiet_floor()
        self.exchange = exchange
        self.faults = Faults(exchange)
        gate = FaultyGate(exchange, UNLIMITED, self.faults, wait=self._wait)
        self.info = Info(URL, skip_ws=True, meta={"universe": []}, spot_meta={"universe": [], "tokens": []})
        self.info.session.mount(URL, LocalnetAdapter(gate))

    def _wait(self, seconds: float) -> None:
        self.exchange.advance(self.exchange.now_ms + int(1000 * seconds))

    def fault(self, do: str) -> None:
        self.faults.add(read_rule({"do": do, "match": {"door": "process"}}, self.faults.coins))


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.mark.parametrize(
    ("do", "error"),
    [
        ("accept_then_timeout", requests.ReadTimeout),
        ("drop_request", requests.ReadTimeout),
        ("reset", requests.ConnectionError),
        ("close_idle", requests.ConnectionError),
        ("body.cut", requests.exceptions.ChunkedEncodingError),
    ],
)
def test_what_a_network_does_is_raised(client: Client, do: str, error: type[Exception]) -> None:
    client.fault(do)
    with pytest.raises(error):
        client.info.all_mids()
    assert client.info.all_mids()


def test_an_answer_is_spoiled(client: Client) -> None:
    client.fault("body.null")
    assert client.info.all_mids() is None
    client.fault("state.empty")
    assert client.info.user_state(USER)["assetPositions"] == []


def test_a_wait_is_exchange_time(client: Client) -> None:
    client.fault("delay 8")
    client.info.all_mids()
    assert client.exchange.now_ms == START_MS + 8_000
