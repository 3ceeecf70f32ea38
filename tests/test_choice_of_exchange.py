"""Which exchange a session talks to: real ones by a table (here of loopback ports), localnet started or found."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tidegate import venue as module
from tidegate.clock import ExchangeClock
from tidegate.config import Loaded, Secrets
from tidegate.errors import ConfigError, Unreachable
from tidegate.localnet.arguments import MarketChoice
from tidegate.localnet.child import ask
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.model.settings import Network, Settings
from tidegate.venue import PLAY_MONEY_USD, PROXY_VARIABLES, Venue, _way, open_venue

BOT = Path(__file__).resolve().parents[1] / "bot.py"
T0 = 1_767_225_600_000
USER = "0x" + "ab" * 20
FAST = 4.0


class Exchange:
    """A web server that gives one answer to everything; `answer` is its body."""

    def __init__(self) -> None:
        self.answer: object = {"time": T0, "specialStatuses": None}
        outer = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.do_GET()

            def do_GET(self) -> None:
                body = json.dumps(outer.answer).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    exchange = Exchange()
    yield exchange
    exchange.stop()


@pytest.fixture(scope="module")
def net() -> Iterator[Running]:
    with running(LocalnetOptions(scenario="random", seed=5, speed=FAST)) as net:
        yield net


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        return f"http://127.0.0.1:{door.getsockname()[1]}"


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[..., Loaded]:
    def make(network: Network = Network.LOCALNET, localnet_url: str = "") -> Loaded:
        settings = Settings(network=network, log_dir=str(tmp_path / "logs"))
        return Loaded(settings=settings, secrets=Secrets(), entries=(), localnet_url=localnet_url)

    return make


@pytest.mark.parametrize("network", [Network.TESTNET, Network.MAINNET])
def test_a_real_exchange_is_an_address_and_its_time_is_followed(
    loaded: Callable[..., Loaded], exchange: Exchange, monkeypatch: pytest.MonkeyPatch, network: Network
) -> None:
    monkeypatch.setitem(module.URLS, network, exchange.url)
    clock = ExchangeClock(0)
    with open_venue(loaded(network), MarketChoice(), BOT, clock) as venue:
        assert (venue.name, venue.url, venue.says) == (network.value, exchange.url, f"{network.value} ({exchange.url})")
        assert not venue.is_play_money
        assert (venue.market, venue.tag) == ("", "")
        assert T0 <= clock.now_ms() < T0 + 60_000


def test_the_table_names_a_host_for_every_network_but_localnet() -> None:
    assert module.URLS.keys() == set(Network) - {Network.LOCALNET}
    assert all(url.startswith("https://api.hyperliquid") for url in module.URLS.values())
    assert "testnet" in module.URLS[Network.TESTNET]
    assert "testnet" not in module.URLS[Network.MAINNET]


def test_a_real_exchange_that_cannot_be_reached_is_said_in_one_line(
    loaded: Callable[..., Loaded], nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(module.URLS, Network.TESTNET, nobody)
    with (
        pytest.raises(Unreachable, match="connection refused") as told,
        open_venue(loaded(Network.TESTNET), MarketChoice(), BOT, ExchangeClock(0)),
    ):
        pass
    assert "\n" not in str(told.value)


def test_a_real_exchange_plays_no_recordings(loaded: Callable[..., Loaded]) -> None:
    with (
        pytest.raises(ConfigError, match="for NETWORK=localnet only, it is testnet"),
        open_venue(loaded(Network.TESTNET), MarketChoice(speed=2.0), BOT, ExchangeClock(0)),
    ):
        pass


def test_a_localnet_that_runs_already_is_used_and_left_running(loaded: Callable[..., Loaded], net: Running) -> None:
    clock = ExchangeClock(0)
    with open_venue(loaded(localnet_url=f"{net.url}/"), MarketChoice(seed=9), BOT, clock) as venue:
        page = ask("GET", f"{net.url}/localnet/clock").json()
        assert venue.url == net.url
        assert venue.name == f"localnet:{page['instance']}"
        assert venue.market == page["says"]
        assert venue.is_play_money
        assert clock.speed == FAST
        assert abs(clock.now_ms() - page["time_ms"]) < 60_000
    assert ask("GET", f"{net.url}/localnet/clock").ok


def test_the_throw_away_key_follows_from_the_seed(loaded: Callable[..., Loaded], net: Running) -> None:
    def key(seed: int) -> str:
        with open_venue(loaded(localnet_url=net.url), MarketChoice(seed=seed), BOT, ExchangeClock(0)) as venue:
            return venue.throw_away_key

    assert key(1) == key(1) != key(2)
    assert len(key(1)) == 66


def test_an_account_without_money_is_funded(loaded: Callable[..., Loaded], net: Running) -> None:
    with open_venue(loaded(localnet_url=net.url), MarketChoice(), BOT, ExchangeClock(0)) as venue:
        venue.fund(USER)
    state = requests.post(f"{net.url}/info", json={"type": "clearinghouseState", "user": USER}, timeout=5).json()
    assert float(state["marginSummary"]["accountValue"]) == PLAY_MONEY_USD


def test_no_localnet_at_the_given_address_says_how_to_start_one(loaded: Callable[..., Loaded], nobody: str) -> None:
    with (
        pytest.raises(Unreachable, match=r"no localnet answers there .* start one: python bot.py localnet") as told,
        open_venue(loaded(localnet_url=nobody), MarketChoice(), BOT, ExchangeClock(0)),
    ):
        pass
    assert nobody in str(told.value)


@pytest.mark.parametrize("answer", [{"hello": "world"}, [], "no", {"time_ms": "x", "speed": 1}, None])
def test_somebody_else_at_the_given_address_is_no_localnet(
    loaded: Callable[..., Loaded], exchange: Exchange, answer: object
) -> None:
    exchange.answer = answer
    with (
        pytest.raises(Unreachable, match="no localnet answers there"),
        open_venue(loaded(localnet_url=exchange.url), MarketChoice(), BOT, ExchangeClock(0)),
    ):
        pass


def test_funding_that_fails_is_said(nobody: str) -> None:
    with pytest.raises(Unreachable, match="did not fund the account"):
        Venue(name="localnet:1", url=nobody, says="").fund(USER)


def test_a_localnet_of_our_own_is_stopped_at_the_end(
    loaded: Callable[..., Loaded], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_venue(loaded(), MarketChoice(scenario="random"), BOT, ExchangeClock(0)) as venue:
        assert ask("GET", f"{venue.url}/localnet/clock").ok
        assert (tmp_path / "data" / "localnet.json").exists()
    with pytest.raises(requests.ConnectionError):
        ask("GET", f"{venue.url}/localnet/clock")
    assert not (tmp_path / "data" / "localnet.json").exists()


def test_the_socket_is_at_the_same_place() -> None:
    assert Venue(name="a", url="http://127.0.0.1:1", says="").stream_url == "ws://127.0.0.1:1/ws"
    assert Venue(name="a", url="https://a.example", says="").stream_url == "wss://a.example/ws"


def test_a_proxy_is_named_where_it_is_used_and_one_of_the_environment_where_it_is_not(monkeypatch):
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    assert _way("") == ""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert _way("") == ", directly: HTTPS_PROXY of the environment not used, PROXY would be"
    assert _way("http://127.0.0.1:8080") == ", through the proxy http://127.0.0.1:8080"
