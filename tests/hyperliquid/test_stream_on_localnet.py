"""The stream client over real sockets against the built-in exchange, which does wrong what it is asked to."""

import queue
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from hyperliquid_websocket import HyperliquidWebSocketClient
from tidegate.clock import ExchangeClock
from tidegate.hyperliquid import pace, protocol, subscriptions, watch
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.limits import Budget
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.model.events import (
    BookChanged,
    CoinsHeard,
    CoinsUnheard,
    Event,
    Marked,
    StreamDown,
    StreamFrozen,
    StreamUp,
)
from tidegate.model.market import Timeframe

USER = "0x" + "ab" * 20
PATIENCE_S = 40.0
SECOND_NS = 1_000_000_000


class Facts:
    """An inbox that a test waits at; keeps everything that is no price."""

    conflated = 0

    def __init__(self) -> None:
        self.told: list[Event] = []
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def put_all(self, events: Sequence[Event]) -> None:
        for event in events:
            self.put(event)

    def put(self, event: Event) -> None:
        if isinstance(event, (CoinsHeard, CoinsUnheard, StreamDown, StreamFrozen, StreamUp)):
            self.told.append(event)
        self._queue.put(event)

    def wait_for(self, kind: type[Any], like: Callable[[Any], bool] = lambda _: True) -> Any:
        while True:
            event = self._queue.get(timeout=PATIENCE_S)
            if isinstance(event, kind) and like(event):
                return event

    def hear(self, *coins: str) -> None:
        """Wait until a mark of each of these coins is heard."""
        missing = set(coins)
        while missing:
            missing.discard(self.wait_for(Marked).coin)

    def all_of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


class Desk:
    """One localnet, and a stream of some of its coins."""

    def __init__(self, net: Running, *coins: str, **more: Any) -> None:
        self.net = net
        client = HyperliquidClient(net.url, budget=Budget())
        clock = ExchangeClock(client.exchange_ms(), net.speed)
        self.listed = list(client.instruments()[0])
        client.close()
        self.coins = list(coins) or self.listed
        self.facts = Facts()
        self.protocol = StreamProtocol(self.coins, USER, Timeframe.M1)
        url = "ws" + net.url.removeprefix("http") + "/ws"
        self.stream = HyperliquidWebSocketClient(url, self.facts, clock, self.protocol, rng=random.Random(1), **more)

    def fault(self, do: str, **rule: Any) -> None:
        answer = requests.post(f"{self.net.url}/localnet/fault", json={"do": do, **rule}, timeout=PATIENCE_S)
        assert answer.ok, answer.text

    def no_faults(self) -> None:
        requests.delete(f"{self.net.url}/localnet/fault", timeout=PATIENCE_S)

    def counters(self) -> dict[str, Any]:
        return requests.get(f"{self.net.url}/localnet/counters", timeout=PATIENCE_S).json()


@pytest.fixture
def desk_of() -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []
    with running(LocalnetOptions(scenario="random", seed=5)) as net:

        def make(*coins: str, start: bool = True, **more: Any) -> Desk:
            desk = Desk(net, *coins, **more)
            made.append(desk)
            if start:
                desk.stream.start()
                desk.facts.wait_for(StreamUp)
            return desk

        yield make
        for desk in made:
            desk.stream.stop()


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let silence be noticed sooner than on the real exchange; localnet tells of every coin once a second."""
    monkeypatch.setattr(watch, "SILENCE_MAX_NS", 5 * SECOND_NS // 2)
    monkeypatch.setattr(watch, "PROBE_AFTER_NS", 3 * SECOND_NS // 2)


def test_all_coins_are_heard_over_several_sockets_and_the_gauges_equal_the_exchanges_counters(desk_of):
    desk = desk_of(line_subscriptions=40)
    desk.facts.hear(*desk.listed)
    gauges, counters = desk.stream.gauges(), desk.counters()
    assert len(gauges.sockets) == counters["connections"] == 3
    assert gauges.subscriptions == counters["subscriptions"] == len(desk.listed) * 4 + len(protocol.PERSONAL)
    assert gauges.messages_per_minute == counters["messages_this_minute"]
    assert gauges.unheard == 0
    assert gauges.lag_p50_ms is not None
    assert set(gauges.ages_s) == set(desk.listed)
    assert "3 of 3 sockets" in gauges.words


def test_a_socket_that_is_closed_takes_its_own_coins_down_only_and_comes_back(desk_of):
    desk = desk_of(line_subscriptions=40)
    desk.facts.hear(*desk.listed)
    victim = desk.stream._fleet.lines[1].coins
    desk.fault("ws.close", match={"coin": victim[0], "channel": "activeAssetCtx"})
    down = desk.facts.wait_for(CoinsUnheard, lambda event: victim[0] in event.coins)
    assert set(down.coins) == set(victim)
    assert "closed by the other side" in down.reason
    desk.facts.wait_for(CoinsHeard, lambda event: set(victim) <= set(event.coins))
    assert not desk.facts.all_of(StreamDown)
    assert desk.stream.is_up


def test_a_coin_whose_frames_stop_is_told_moved_and_heard_again_without_harm_to_others(desk_of, monkeypatch):
    quick(monkeypatch)
    desk = desk_of("BTC", "ETH", "SOL")
    desk.fault("ws.mute", match={"coin": "ETH"}, times=None)
    assert desk.facts.wait_for(CoinsUnheard).coins == ("ETH",)
    while len(desk.stream._fleet.lines) == 1:
        desk.facts.hear("BTC", "SOL")
    desk.no_faults()
    assert desk.facts.wait_for(CoinsHeard).coins == ("ETH",)
    assert not desk.facts.all_of(StreamDown)
    assert desk.stream._home.connects == 1


def test_an_unknown_coin_is_isolated_though_the_exchange_drops_the_whole_socket(desk_of, monkeypatch):
    monkeypatch.setattr(pace, "BACKOFF_FIRST_S", 0.05)
    desk = desk_of("BTC", "WRONG", "ETH")
    frozen = desk.facts.wait_for(StreamFrozen)
    assert frozen.coin == "WRONG"
    desk.facts.hear("BTC", "ETH")
    assert desk.stream.is_up
    assert desk.stream.connects <= 6


def test_a_coin_whose_subscriptions_are_refused_is_left_to_rest_and_the_others_are_streamed(desk_of, monkeypatch):
    monkeypatch.setattr(subscriptions, "ACK_TIMEOUT_NS", SECOND_NS // 2)
    desk = desk_of("BTC", "ETH", start=False)
    desk.fault("ws.sub_reject", match={"coin": "ETH"}, times=None)
    desk.stream.start()
    desk.facts.wait_for(StreamUp)
    assert desk.facts.wait_for(StreamFrozen).coin == "ETH"
    desk.facts.hear("BTC")


def test_poisoned_frames_of_one_coin_suspend_it_and_forty_nine_of_fifty_would_not_notice(desk_of):
    desk = desk_of()
    desk.fault("ws.mutate no_px", match={"coin": "ETH", "channel": "bbo"}, times=None)
    desk.fault("ws.mutate no_px", match={"coin": "ETH", "channel": "trades"}, times=None)
    assert desk.facts.wait_for(StreamFrozen).coin == "ETH"
    others = [coin for coin in desk.listed if coin != "ETH"]
    desk.facts.hear(*others)
    assert [event.coin for event in desk.facts.all_of(StreamFrozen)] == ["ETH"]
    assert desk.stream.connects == 1


def test_a_black_hole_is_found_and_the_line_opened_anew(desk_of, monkeypatch):
    monkeypatch.setattr(protocol, "PING_AFTER_NS", SECOND_NS)
    monkeypatch.setattr(protocol, "SILENCE_MAX_NS", 2 * SECOND_NS)
    desk = desk_of("BTC")
    desk.fault("ws.blackhole")
    assert "nothing heard" in desk.facts.wait_for(StreamDown).reason
    desk.facts.wait_for(StreamUp)
    desk.facts.hear("BTC")


def test_an_exchange_that_cuts_every_connection_sees_six_of_them_a_minute_at_most(desk_of, monkeypatch):
    monkeypatch.setattr(pace, "BACKOFF_FIRST_S", 0.01)
    desk = desk_of("BTC", start=False)
    desk.fault("ws.flap seconds=0.2", times=None)
    desk.stream.start()
    for _cut in range(pace.FLAPS_PER_MINUTE_MAX + 1):
        desk.facts.wait_for(StreamDown)
    assert desk.stream._pace.delay_s(desk.stream._home.opened_s) > 30
    assert desk.stream.connects == pace.FLAPS_PER_MINUTE_MAX + 1


def test_coins_come_and_go_on_one_connection_without_a_gap_for_others_or_anything_left_behind(desk_of):
    desk = desk_of("BTC")
    threads, files = threading.active_count(), open_files()
    asked = desk.stream.gauges().messages_per_minute
    for cycle in range(50):
        coin = desk.listed[1 + cycle % 10]
        desk.stream.add_coins([coin, coin])
        desk.stream.add_coins([coin])
        desk.facts.wait_for(BookChanged, lambda event, coin=coin: event.coin == coin)
        desk.stream.remove_coins([coin])
    desk.facts.hear("BTC")
    gauges = desk.stream.gauges()
    assert gauges.messages_per_minute - asked == 50 * 8
    assert (desk.stream.connects, gauges.unheard, set(gauges.ages_s)) == (1, 0, {"BTC"})
    assert (threading.active_count(), open_files()) == (threads, files)
    assert desk.counters()["subscriptions"] == 4 + len(protocol.PERSONAL)
    assert desk.facts.told == [desk.facts.told[0]]


def test_an_error_at_the_top_of_the_thread_loses_the_sockets_which_are_opened_anew(desk_of):
    desk = desk_of("BTC")
    turn, errors = desk.stream._turn, [MemoryError()]

    def raising() -> None:
        if errors:
            raise errors.pop()
        turn()

    desk.stream._turn = raising
    assert "MemoryError" in desk.facts.wait_for(StreamDown).reason
    desk.facts.wait_for(StreamUp)
    desk.facts.hear("BTC")
    assert desk.stream.connects == 2


def open_files() -> int:
    """Descriptors that are sockets, where the system shows them."""
    folder = Path("/proc/self/fd")
    if not folder.exists():
        return 0
    links = [each.readlink() for each in folder.iterdir() if each.is_symlink()]
    return sum(str(link).startswith("socket:") for link in links)


def test_a_coin_comes_and_goes_a_hundred_times_on_an_open_socket_without_a_gap_for_the_others(desk_of):
    desk = desk_of("BTC", "ETH")
    for _cycle in range(100):
        desk.stream.add_coins(["SOL"])
        desk.stream.remove_coins(["SOL"])
    desk.stream.add_coins(["SOL"])
    desk.facts.hear("SOL", "BTC", "ETH")
    gauges, counters = desk.stream.gauges(), desk.counters()
    assert gauges.subscriptions == counters["subscriptions"] == 3 * 4 + len(protocol.PERSONAL)
    assert counters["connections"] == 1
    assert (desk.stream.connects, gauges.reconnects, gauges.unheard) == (1, 0, 0)
    assert not desk.facts.all_of(StreamDown) + desk.facts.all_of(CoinsUnheard) + desk.facts.all_of(StreamFrozen)
