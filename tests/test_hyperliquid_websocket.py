"""The stream client over real sockets, against a venue that does what each test asks of it."""

import asyncio
import json
import queue
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

import hyperliquid_websocket as module
from hyperliquid_websocket import HyperliquidWebSocketClient
from tidegate.clock import ExchangeClock
from tidegate.hyperliquid import pace as pace_module
from tidegate.hyperliquid import protocol as protocol_module
from tidegate.hyperliquid.pace import Pace
from tidegate.hyperliquid.protocol import PERSONAL, StreamProtocol
from tidegate.model.events import (
    Event,
    Faulted,
    OrderAccepted,
    OrderInDoubt,
    StreamDown,
    StreamUp,
    Trade,
)
from tidegate.model.intents import PlaceOrders
from tidegate.model.market import Timeframe
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce
from tidegate.model.positions import Side

USER = "0x" + "ab" * 20
NOW_MS = 1_790_232_216_000
ONE_COIN = len(PERSONAL) + 4
"""What is asked for with one coin: the account's channels, its prints, touch, context and candles."""
PATIENCE_S = 20.0
FILLED = {"filled": {"totalSz": "0.01", "avgPx": "84000.0", "oid": 9}}
ORDER_OK = {"status": "ok", "response": {"type": "order", "data": {"statuses": [FILLED]}}}


class Venue:
    """A WebSocket server in a thread of its own that acknowledges, answers posts, and misbehaves on demand."""

    def __init__(self) -> None:
        self.heard: queue.Queue[dict[str, Any]] = queue.Queue()
        self.raw_posts: queue.Queue[bytes] = queue.Queue()
        self.refusals: list[int] = []
        self.handshakes = 0
        self.mute = False
        self.answers_posts = True
        self.connections: list[ServerConnection] = []
        self._loop = asyncio.new_event_loop()
        self._server: Server | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready: Future[int] = Future()
        self._done = asyncio.Event()

    def start(self, port: int = 0) -> str:
        self._wanted_port = port
        self._thread.start()
        return f"ws://127.0.0.1:{self._ready.result(PATIENCE_S)}/ws"

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._done.set)
            self._thread.join(PATIENCE_S)

    def send(self, *frames: Any) -> None:
        """Send to the newest connection; text as it stands, everything else as JSON."""
        texts = [frame if isinstance(frame, (str, list)) else json.dumps(frame) for frame in frames]

        async def do() -> None:
            for text in texts:
                await self.connections[-1].send(text)

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(PATIENCE_S)

    def drop(self) -> None:
        """Cut the newest connection without a word."""
        self._loop.call_soon_threadsafe(self.connections[-1].transport.abort)

    def subscriptions(self, count: int) -> list[dict[str, Any]]:
        """The next so many requests to subscribe."""
        asked = []
        while len(asked) < count:
            message = self.heard.get(timeout=PATIENCE_S)
            if message["method"] == "subscribe":
                asked.append(message["subscription"])
        return asked

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        async with serve(
            self._talk,
            "127.0.0.1",
            self._wanted_port,
            compression=None,
            ping_interval=None,
            close_timeout=0.2,
            process_request=self._greet,
        ) as server:
            self._ready.set_result(server.sockets[0].getsockname()[1])
            await self._done.wait()

    def _greet(self, connection: ServerConnection, _request: Any) -> Any:
        self.handshakes += 1
        return connection.respond(self.refusals.pop(0), "no\n") if self.refusals else None

    async def _talk(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        try:
            async for text in connection:
                raw = text.encode() if isinstance(text, str) else text
                message = json.loads(raw)
                self.heard.put(message)
                await self._answer(connection, message, raw)
        except ConnectionClosed:
            return

    async def _answer(self, connection: ServerConnection, message: dict[str, Any], raw: bytes) -> None:
        if self.mute:
            return
        match message["method"]:
            case "ping":
                await connection.send('{"channel":"pong"}')
            case "subscribe" | "unsubscribe":
                echo = {"method": message["method"], "subscription": message["subscription"]}
                await connection.send(json.dumps({"channel": "subscriptionResponse", "data": echo}))
            case "post":
                self.raw_posts.put(raw)
                if self.answers_posts:
                    response = {"type": "action", "payload": ORDER_OK}
                    data = {"id": message["id"], "response": response}
                    await connection.send(json.dumps({"channel": "post", "data": data}))


class Facts:
    """An inbox that a test waits at; `poison` makes it fail once on facts of that kind."""

    def __init__(self) -> None:
        self.all: list[Event] = []
        self.poison: type | None = None
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def put_all(self, events: Sequence[Event]) -> None:
        for event in events:
            self.put(event)

    def put(self, event: Event) -> None:
        if self.poison is not None and isinstance(event, self.poison):
            self.poison = None
            raise MemoryError("a test's poison")
        self.all.append(event)
        self._queue.put(event)

    def wait_for(self, kind: type[Any]) -> Any:
        while True:
            event = self._queue.get(timeout=PATIENCE_S)
            if isinstance(event, kind):
                return event


@pytest.fixture
def venue() -> Iterator[Venue]:
    made = Venue()
    yield made
    made.stop()


@pytest.fixture
def facts() -> Facts:
    return Facts()


@pytest.fixture
def client_of(facts: Facts) -> Iterator[Callable[..., HyperliquidWebSocketClient]]:
    clients: list[HyperliquidWebSocketClient] = []

    def make(url: str, *coins: str) -> HyperliquidWebSocketClient:
        protocol = StreamProtocol(coins or ("BTC",), USER, Timeframe.M1)
        made = HyperliquidWebSocketClient(url, facts, ExchangeClock(NOW_MS), protocol, rng=random.Random(1))
        clients.append(made)
        return made

    yield make
    for each in clients:
        each.stop()


def started(venue: Venue, facts: Facts, client_of: Callable[..., Any], *coins: str) -> HyperliquidWebSocketClient:
    client = client_of(venue.start(), *coins)
    client.start()
    facts.wait_for(StreamUp)
    return client


def trade(tid: int = 1, px: str = "84143.0") -> dict[str, Any]:
    row = {"coin": "BTC", "side": "A", "px": px, "sz": "1", "time": NOW_MS + 10, "tid": tid}
    return {"channel": "trades", "data": [row]}


def wish(number: int = 1) -> PlaceOrders:
    order = OrderRequest(
        coin="BTC",
        asset=0,
        cloid=f"0x{number:032x}",
        side=Side.SELL,
        size=Decimal("0.01"),
        kind=Limit(price=Decimal(84000), time_in_force=TimeInForce.IOC),
        role=Role.EXIT,
        reduce_only=True,
    )
    return PlaceOrders(coin="BTC", orders=(order,), expires_ms=1, signal_id="s", reason="r")


def test_the_stream_comes_up_and_brings_prints(venue, facts, client_of):
    client = started(venue, facts, client_of)
    assert client.is_up
    assert client.silent_s is not None
    venue.send(trade(px="84143.5"))
    event = facts.wait_for(Trade)
    assert event.price == Decimal("84143.5")
    assert 0 < event.received_ns <= time.monotonic_ns()
    assert len(venue.subscriptions(ONE_COIN)) == ONE_COIN


def test_the_socket_sends_at_once(venue, facts, client_of):
    client = started(venue, facts, client_of)
    raw = client._home.connection.transport.get_extra_info("socket")
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.fixture(params=["written at once", "handed over"])
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways by which an order reaches the socket; over TLS it is always handed over."""
    if request.param == "handed over":
        monkeypatch.setattr(module.Connection, "write_at_once", lambda *_: False)
    return request.param


def test_a_plain_socket_takes_a_message_from_another_thread_and_a_closed_one_does_not(venue, facts, client_of):
    client = started(venue, facts, client_of)
    connection = client._home.connection
    assert connection.write_at_once(b'{"method":"ping"}')
    while venue.heard.get(timeout=PATIENCE_S)["method"] != "ping":
        pass
    venue.drop()
    facts.wait_for(StreamDown)
    assert not connection.write_at_once(b'{"method":"ping"}')


def test_an_order_leaves_as_the_very_bytes_and_its_answer_is_a_fact(road, venue, facts, client_of):
    client = started(venue, facts, client_of)
    body = b'{"action":{"type":"order"},"nonce":17,"signature":{"r":"0x1","s":"0x2","v":27}}'
    assert client.post(wish(), body)
    event = facts.wait_for(OrderAccepted)
    assert (event.cloid, event.oid, event.resting) == (f"0x{1:032x}", 9, False)
    assert body in venue.raw_posts.get(timeout=PATIENCE_S)


def test_orders_posted_amid_a_busy_stream_arrive_whole_and_in_order(road, venue, facts, client_of):
    client = started(venue, facts, client_of)
    stop = threading.Event()

    def chatter() -> None:
        number = 1
        while not stop.is_set():
            venue.send(*(trade(number + place) for place in range(50)))
            number += 50

    busy = threading.Thread(target=chatter, daemon=True)
    busy.start()
    for number in range(1, 201):
        body = b'{"nonce":%d,"filler":"%b"}' % (number, b"x" * number)
        assert client.post(wish(number), body)
        assert facts.wait_for(OrderAccepted).cloid == f"0x{number:032x}"
    stop.set()
    busy.join(PATIENCE_S)
    posted = [json.loads(venue.raw_posts.get(timeout=PATIENCE_S)) for _ in range(200)]
    assert [each["request"]["payload"]["nonce"] for each in posted] == list(range(1, 201))


def test_nothing_is_posted_while_there_is_no_socket(venue, facts, client_of):
    url = venue.start()
    client = client_of(url)
    assert not client.post(wish(), b"{}")
    client.start()
    facts.wait_for(StreamUp)
    client.stop()
    assert not client.post(wish(), b"{}")
    assert not client.is_alive
    assert not any(isinstance(event, OrderInDoubt) for event in facts.all)


def test_a_cut_line_is_told_once_mended_and_subscribed_anew(venue, facts, client_of):
    client = started(venue, facts, client_of, "BTC", "ETH")
    before = venue.subscriptions(ONE_COIN + 4)
    venue.drop()
    down = facts.wait_for(StreamDown)
    assert down.reason == "lost without a goodbye (code 1006)"
    facts.wait_for(StreamUp)
    assert venue.subscriptions(ONE_COIN + 4) == before
    assert client.is_up
    assert client.connects == 2
    edges = [type(event) for event in facts.all if isinstance(event, (StreamUp, StreamDown))]
    assert edges == [StreamUp, StreamDown, StreamUp]


def test_an_order_on_its_way_is_in_doubt_when_the_line_is_cut(road, venue, facts, client_of):
    client = started(venue, facts, client_of)
    venue.answers_posts = False
    assert client.post(wish(5), b"{}")
    venue.raw_posts.get(timeout=PATIENCE_S)
    venue.drop()
    assert facts.wait_for(OrderInDoubt).cloid == f"0x{5:032x}"


def test_no_handshake_error_is_final(venue, facts, client_of):
    venue.refusals = [429, 502, 403, 500]
    started(venue, facts, client_of)
    assert venue.handshakes == 5
    assert not any(isinstance(event, (StreamDown, Faulted)) for event in facts.all)


def test_a_venue_that_is_not_there_yet_is_found_when_it_comes(venue, facts, client_of):
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    client = client_of(f"ws://127.0.0.1:{port}/ws")
    client.start()
    venue.start(port)
    facts.wait_for(StreamUp)


def test_a_venue_that_never_answers_the_handshake_does_not_hold_up_the_end(facts, client_of):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = client_of(f"ws://127.0.0.1:{silent.getsockname()[1]}/ws")
        client.start()
        accepted, _ = silent.accept()
        client.stop()
        assert not client.is_alive
        accepted.close()


def test_a_line_that_falls_silent_is_given_up_and_opened_again(venue, facts, client_of, monkeypatch):
    monkeypatch.setattr(protocol_module, "PING_AFTER_NS", 100_000_000)
    monkeypatch.setattr(protocol_module, "SILENCE_MAX_NS", 1_500_000_000)
    started(venue, facts, client_of)
    venue.mute = True
    assert "nothing heard" in facts.wait_for(StreamDown).reason
    venue.mute = False
    facts.wait_for(StreamUp)


def test_an_idle_line_is_kept_alive_by_pings(venue, facts, client_of, monkeypatch):
    monkeypatch.setattr(protocol_module, "PING_AFTER_NS", 100_000_000)
    started(venue, facts, client_of)
    while venue.heard.get(timeout=PATIENCE_S)["method"] != "ping":
        pass
    assert not any(isinstance(event, StreamDown) for event in facts.all)


def test_garbage_is_survived_on_the_same_connection(venue, facts, client_of):
    client = started(venue, facts, client_of)
    venue.send("Websocket connection established.", "null", '{"channel":"trades","data":[{}]}', trade())
    facts.wait_for(Trade)
    assert client.connects == 1


def test_a_message_in_fragments_is_read_whole(venue, facts, client_of):
    started(venue, facts, client_of)
    text = json.dumps(trade(px="84001.0"))
    venue.send([text[:10], text[10:50], text[50:]])
    assert facts.wait_for(Trade).price == Decimal(84001)


def test_a_failure_inside_the_thread_becomes_a_fact_and_the_stream_comes_back(venue, facts, client_of):
    started(venue, facts, client_of)
    facts.poison = Trade
    venue.send(trade())
    assert "poison" in facts.wait_for(Faulted).reason
    facts.wait_for(StreamDown)
    facts.wait_for(StreamUp)
    venue.send(trade(2))
    facts.wait_for(Trade)


def test_a_failure_at_the_top_of_the_thread_becomes_a_fact_and_the_session_starts_again(venue, facts, client_of):
    facts.poison = StreamDown
    client = started(venue, facts, client_of)
    venue.drop()
    assert "poison" in facts.wait_for(Faulted).reason
    facts.wait_for(StreamUp)
    assert client.is_alive


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_replaced_and_said(venue, facts, client_of):
    client = started(venue, facts, client_of)
    dead = client._thread
    client._loop.call_soon_threadsafe(sys.exit)
    facts.wait_for(StreamDown)
    assert "died" in facts.wait_for(Faulted).reason
    facts.wait_for(StreamUp)
    assert client.is_alive
    assert client._thread is not dead
    assert client.restarts == 1
    venue.send(trade(7))
    facts.wait_for(Trade)
    assert client.post(wish(), b"{}")
    facts.wait_for(OrderAccepted)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_orders_on_their_way_are_in_doubt_when_the_thread_dies(venue, facts, client_of):
    client = started(venue, facts, client_of)
    venue.answers_posts = False
    assert client.post(wish(5), b"{}")
    venue.raw_posts.get(timeout=PATIENCE_S)
    client._loop.call_soon_threadsafe(sys.exit)
    assert facts.wait_for(OrderInDoubt).cloid == f"0x{5:032x}"


def test_a_thread_that_stands_still_is_told_as_down_and_opens_its_sockets_anew_when_it_turns(
    venue, facts, client_of, monkeypatch
):
    monkeypatch.setattr(module, "STANDSTILL_S", 1.5)
    client = started(venue, facts, client_of)
    held = threading.Event()
    client._loop.call_soon_threadsafe(held.wait, PATIENCE_S)
    assert "stood still" in facts.wait_for(StreamDown).reason
    held.set()
    facts.wait_for(StreamUp)
    assert client.connects == 2
    assert client.restarts == 0


def test_a_proxy_is_used_only_when_it_is_named(venue, facts):
    url = venue.start()
    protocol = StreamProtocol(("BTC",), USER, Timeframe.M1)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        client = HyperliquidWebSocketClient(url, facts, ExchangeClock(NOW_MS), protocol, proxy=address)
        client.start()
        accepted, _ = proxy.accept()
        with accepted:
            assert accepted.recv(64).startswith(b"CONNECT 127.0.0.1:")
        client.stop()


def test_coins_and_single_channels_are_added_and_removed_while_it_runs(venue, facts, client_of):
    client = started(venue, facts, client_of)
    venue.subscriptions(ONE_COIN)
    client.subscribe_trades("SOL")
    assert venue.subscriptions(1) == [{"type": "trades", "coin": "SOL"}]
    client.subscribe_orderbook("SOL")
    assert venue.subscriptions(1) == [{"type": "bbo", "coin": "SOL"}]
    client.add_coins(["ETH"])
    assert {each["coin"] for each in venue.subscriptions(4)} == {"ETH"}
    client.remove_coins(["BTC"])
    gone = [venue.heard.get(timeout=PATIENCE_S) for _ in range(4)]
    assert {(each["method"], each["subscription"]["coin"]) for each in gone} == {("unsubscribe", "BTC")}


def test_what_is_added_before_the_start_is_asked_for_at_the_start(venue, facts, client_of):
    client = client_of(venue.start())
    client.add_coins(["ETH"])
    client.subscribe_trades("SOL")
    client.start()
    facts.wait_for(StreamUp)
    assert {each.get("coin") for each in venue.subscriptions(ONE_COIN + 5)} == {None, "BTC", "ETH", "SOL"}


def test_proxies_of_the_environment_are_not_used(venue, facts, client_of, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "WS_PROXY", "ws_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    started(venue, facts, client_of)


def test_a_burst_is_read_without_losing_a_print(venue, facts, client_of):
    started(venue, facts, client_of)
    venue.send(*(trade(number, px=str(number)) for number in range(1, 3001)))
    seen = [facts.wait_for(Trade).price for _ in range(3000)]
    assert seen == [Decimal(number) for number in range(1, 3001)]


def test_stopping_twice_or_before_the_start_is_harmless(venue, facts, client_of):
    unstarted = client_of("ws://127.0.0.1:9/ws")
    unstarted.stop()
    client = started(venue, facts, client_of)
    client.stop()
    client.stop()
    assert not client.is_alive


@given(st.integers(0, 2**32), st.lists(st.floats(0, 200), min_size=1, max_size=60))
def test_pauses_are_bounded_and_no_minute_sees_too_many_connections(seed, lives):
    pace = Pace(random.Random(seed))
    now_s, connects = 0.0, []
    for life_s in lives:
        delay_s = pace.delay_s(now_s)
        assert 0 <= delay_s <= 60
        now_s += delay_s
        pace.connecting(now_s)
        connects.append(now_s)
        assert sum(now_s - at < 60 for at in connects) <= pace_module.CONNECTS_PER_MINUTE_MAX
        if life_s < 1:
            pace.failed()
        else:
            now_s += life_s
            pace.lived(life_s)


def test_the_first_connection_and_the_one_after_a_long_life_come_quickly():
    pace = Pace(random.Random(1))
    assert pace.delay_s(0) == 0
    pace.connecting(0)
    for _ in range(30):
        pace.failed()
    pace.lived(pace_module.STABLE_AFTER_S)
    assert pace.delay_s(1000) <= pace_module.BACKOFF_FIRST_S
