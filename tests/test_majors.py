"""Coins that are listened to and not traded: a feed of their own, that fails by itself."""

import socket
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from hyperliquid_websocket import HyperliquidWebSocketClient
from tests.hyperliquid.test_stream_on_localnet import PATIENCE_S, Facts
from tidegate.clock import ExchangeClock
from tidegate.config import check_against_market
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.limits import Budget
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.majors import Heard, Majors, check_majors, majors_of, subscriptions_of
from tidegate.model.events import BookChanged, CoinsUnheard, Faulted, Marked, StreamDown, StreamUp, Trade
from tidegate.model.instruments import Instrument
from tidegate.model.market import Timeframe
from tidegate.model.settings import Settings, Stream

D = Decimal
LISTED = {coin: Instrument(coin=coin, asset=1, size_decimals=3, leverage_max=2) for coin in ("BTC", "ETH")}


def test_the_newest_of_each_coin_is_kept_and_nothing_of_others() -> None:
    heard = Heard(("BTC", "ETH"))
    heard.put_all(
        [
            Trade(at_ms=2, coin="BTC", price=D(101), low=D(99), high=D(102), time_ms=1),
            BookChanged(at_ms=3, coin="BTC", bid=D(100), ask=D(102), time_ms=2),
            Marked(at_ms=4, coin="BTC", mark=D(100), funding=D("0.0001"), time_ms=3),
            Trade(at_ms=5, coin="SOL", price=D(1), low=D(1), high=D(1), time_ms=4),
        ]
    )
    btc, eth = heard.shown()
    assert (btc.price, btc.bid, btc.ask, btc.mark, btc.funding) == (101, 100, 102, 100, D("0.0001"))
    assert (btc.heard_ms, eth.coin, eth.price, eth.heard_ms) == (3, "ETH", None, 0)


def test_what_becomes_of_the_feed_is_told_once() -> None:
    heard = Heard(("BTC",))
    heard.put_all(
        [StreamUp(at_ms=1), StreamDown(at_ms=2, reason="reset"), Faulted(at_ms=3, where="stream", reason="x")]
    )
    heard.put(CoinsUnheard(at_ms=4, coins=("BTC",), reason="silent"))
    told = list(heard.news())
    assert [note.level for note in told] == ["INFO", "WARNING", "WARNING", "WARNING"]
    assert told[1].text == "majors down: reset; trading does not depend on it"
    assert not list(heard.news())


def test_names_are_resolved_and_checked_as_those_of_coins_are() -> None:
    names, problems = check_majors(Settings(majors=("btcusdt", "ETX"), leverage=10), LISTED)
    assert names == ("BTC",)
    assert problems == ["MAJORS: ETX is not listed on localnet, did you mean ETH?"]
    assert check_against_market(Settings(coins=("BTC",), leverage=10), LISTED)


def test_without_majors_or_without_a_stream_there_is_no_feed() -> None:
    clock = ExchangeClock(0)
    assert majors_of(HyperliquidWebSocketClient, "ws://127.0.0.1:1/ws", clock, Settings(), {}) is None
    off = Settings(majors=("BTC",), stream=Stream.OFF)
    assert majors_of(HyperliquidWebSocketClient, "ws://127.0.0.1:1/ws", clock, off, {}) is None


def test_trading_leaves_room_for_the_majors_within_the_exchange_s_limit() -> None:
    room = 1_000 - subscriptions_of(("BTC", "ETH"))
    protocol = StreamProtocol([f"C{number}" for number in range(1_200)], "0x0", Timeframe.M1, room=room)
    assert protocol.subscription_count == 994
    assert StreamProtocol(("BTC", "ETH"), "", Timeframe.M1, candles=False, account=False).subscription_count == 6


class Feeds:
    """A trading stream and a majors' feed on one exchange, each through a door of its own that can be shut."""

    def __init__(self, net: Running) -> None:
        client = HyperliquidClient(net.url, budget=Budget())
        self.clock = ExchangeClock(client.exchange_ms(), net.speed)
        client.close()
        port = int(net.url.rpartition(":")[2])
        self.of_trading, self.of_majors = Door(port), Door(port)
        self.facts = Facts()
        protocol = StreamProtocol(("SOL",), "0x" + "ab" * 20, Timeframe.M1)
        self.trading = HyperliquidWebSocketClient(self.of_trading.url, self.facts, self.clock, protocol)
        settings = Settings(majors=("BTC", "ETH"))
        feed = majors_of(HyperliquidWebSocketClient, self.of_majors.url, self.clock, settings, {})
        assert isinstance(feed, Majors)
        self.majors = feed
        self.trading.start()
        self.majors.start()
        self.facts.wait_for(StreamUp)
        self.hear_majors()

    def hear_majors(self) -> None:
        """Wait until each of them is heard anew."""
        before = {each.coin: each.heard_ms for each in self.majors.shown()}
        waiting = threading.Event()
        for _try in range(int(PATIENCE_S * 20)):
            if all(each.heard_ms > before[each.coin] for each in self.majors.shown()):
                return
            waiting.wait(0.05)
        raise AssertionError("the majors are not heard")

    def close(self) -> None:
        for each in (self.trading.stop, self.majors.stop, self.of_trading.shut, self.of_majors.shut):
            each()


class Door:
    """A way to a port on this machine that passes everything on, until it is shut: then nobody gets through."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._pairs: list[socket.socket] = []
        self._is_shut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}/ws"
        threading.Thread(target=self._let_in, daemon=True).start()

    def shut(self) -> None:
        """Nobody gets through any more, and whoever was inside is thrown out."""
        self._is_shut = True
        for each in (self._listener, *self._pairs):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _let_in(self) -> None:
        while not self._is_shut:
            try:
                guest, _ = self._listener.accept()
            except OSError:
                return
            host = socket.create_connection(("127.0.0.1", self._port))
            self._pairs += [guest, host]
            for one, other in ((guest, host), (host, guest)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while piece := one.recv(1 << 16):
                other.sendall(piece)
            other.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


@pytest.fixture
def feeds() -> Iterator[Feeds]:
    with running(LocalnetOptions(scenario="random", seed=5)) as net:
        made = Feeds(net)
        yield made
        made.close()


def test_the_end_of_the_majors_feed_leaves_the_trading_stream_alone(feeds: Feeds) -> None:
    feeds.of_majors.shut()
    waiting = threading.Event()
    told: list[str] = []
    while not any("majors down" in text for text in told):
        told += [note.text for note in feeds.majors.news()]
        waiting.wait(0.05)
    feeds.facts.hear("SOL")
    assert (feeds.trading.is_up, feeds.trading.connects) == (True, 1)
    assert not feeds.facts.all_of(StreamDown) + feeds.facts.all_of(CoinsUnheard)


def test_the_end_of_the_trading_stream_leaves_the_majors_feed_alone(feeds: Feeds) -> None:
    feeds.of_trading.shut()
    feeds.facts.wait_for(StreamDown)
    feeds.hear_majors()
    assert feeds.majors.gauges().reconnects == 0
    assert not [note for note in feeds.majors.news() if note.level == "WARNING"]
