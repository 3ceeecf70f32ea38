"""The stream's law: of what was received and fresh the extremes are handed over, each print once, nothing invented.

By Hypothesis over the protocol and the inbox (`make stream-law` plays 10 000 stories), and by seeds over the real
thread and a real socket.
"""

import json
import os
import random
import threading
from bisect import bisect
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperliquid_websocket import HyperliquidWebSocketClient
from tests.test_hyperliquid_websocket import NOW_MS, PATIENCE_S, USER, Venue
from tidegate.clock import ExchangeClock
from tidegate.hyperliquid.market_frames import REPLAY_MARGIN_MS
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.inbox import ConflatingInbox
from tidegate.model.events import BookChanged, Event, Marked, OrderFilled, Tick, Trade
from tidegate.model.market import Timeframe

EXAMPLES = int(os.environ.get("STREAM_LAW", "150"))
LAW = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
COINS = ("BTC", "ETH")
START_MS = 1_790_232_216_000
STEP_MS = 100
S = 1_000_000_000


class Clock:
    """Exchange time that a story moves."""

    def __init__(self) -> None:
        self.at_ms = START_MS

    def now_ms(self) -> int:
        return self.at_ms

    def seconds_until(self, at_ms: int) -> float:
        return 0.0


class Received:
    """What arrived and was fresh, by an understanding of its own: (coin, price) by the time of arrival."""

    def __init__(self) -> None:
        self.prints: dict[str, list[tuple[int, Decimal]]] = defaultdict(list)
        self.marks: dict[str, list[tuple[int, Decimal]]] = defaultdict(list)
        self.fills_ms: list[int] = []
        self._keys: set[tuple[int, str, int]] = set()
        self._tids: set[int] = set()
        self.from_ms = 0

    def print(self, row: dict[str, Any], at_ms: int) -> None:
        key = (row["time"], row["coin"], row["tid"])
        if row["time"] >= self.from_ms and key not in self._keys and Decimal(row["px"]) > 0:
            self._keys.add(key)
            self.prints[row["coin"]].append((at_ms, Decimal(row["px"])))

    def fill(self, tid: int, at_ms: int) -> None:
        if tid not in self._tids:
            self._tids.add(tid)
            self.fills_ms.append(at_ms)


class World:
    """An exchange, a stream and an inbox in one story; the consumer takes when it is told to."""

    def __init__(self) -> None:
        self.clock, self.received, self.taken = Clock(), Received(), []
        self.inbox = ConflatingInbox(self.clock)
        self.protocol = StreamProtocol(COINS, USER, Timeframe.M1, fills_since_ms=0)
        self.history: list[dict[str, Any]] = []
        self.late: list[bytes] = []
        self._tid = 0
        self.open()

    def open(self) -> None:
        """A new connection: everything is asked for, granted, and begins with a replay of old prints."""
        self.inbox.put_all(self.protocol.lost("cut", self.clock.at_ms))
        self.received.from_ms = self.clock.at_ms - REPLAY_MARGIN_MS
        waiting = self.protocol.opened(self.clock.at_ms, self._now_ns())
        for frame in waiting:
            echo = {"method": "subscribe", "subscription": json.loads(frame)["subscription"]}
            self._put("subscriptionResponse", echo)
        for coin in COINS:
            self.tell([row for row in self.history if row["coin"] == coin][-30:])

    def trade(self, coin: str, prices: list[int], ages: list[int]) -> list[dict[str, Any]]:
        """New prints of one frame; an age lets one be older than others."""
        rows = []
        for price, age in zip(prices, ages, strict=False):
            self._tid += 1
            time_ms = self.clock.at_ms - age * STEP_MS
            rows.append({"coin": coin, "side": "A", "px": str(price), "sz": "1", "time": time_ms, "tid": self._tid})
        self.history += rows
        return rows

    def tell(self, rows: list[dict[str, Any]]) -> None:
        """A frame of prints arrives."""
        if rows:
            self._pass()
            for row in rows:
                self.received.print(row, self.clock.at_ms)
            self._put("trades", rows)

    def mark(self, coin: str, price: int) -> None:
        """A mark price arrives."""
        self._pass()
        self.received.marks[coin].append((self.clock.at_ms, Decimal(price)))
        self._put("activeAssetCtx", {"coin": coin, "ctx": {"markPx": str(price)}})

    def book(self, coin: str, price: int) -> None:
        """The touch moves."""
        self._pass()
        touch = [{"px": str(price)}, {"px": str(price + 1)}]
        self._put("bbo", {"coin": coin, "time": self.clock.at_ms, "bbo": touch})

    def fill(self, tid: int) -> None:
        """An execution of ours arrives, perhaps not for the first time."""
        self._pass()
        self.received.fill(tid, self.clock.at_ms)
        row = {"coin": "BTC", "px": "1", "sz": "1", "side": "B", "time": START_MS, "oid": 1, "tid": tid}
        self._put("userFills", {"user": USER, "fills": [row]})

    def garbage(self, number: int) -> None:
        """Something that nobody can read arrives."""
        frames = (b"null", b'{"channel":"trades","data":[{"coin":"BTC","px":"x","time":1,"tid":1}]}', b"\xff", b"{}")
        self.inbox.put_all(self.protocol.receive(frames[number % len(frames)], self.clock.at_ms, self._now_ns()))

    def take(self) -> None:
        """The consumer takes one helping."""
        self.taken += [event for event in self.inbox.take(0) if not isinstance(event, Tick)]

    def finish(self) -> None:
        """The consumer takes all there is."""
        while batch := self.inbox.take(0):
            self.taken += batch

    def _pass(self) -> None:
        self.clock.at_ms += STEP_MS

    def _put(self, channel: str, data: Any) -> None:
        frame = json.dumps({"channel": channel, "data": data}).encode()
        self.inbox.put_all(self.protocol.receive(frame, self.clock.at_ms, self._now_ns()))

    def _now_ns(self) -> int:
        return (self.clock.at_ms - START_MS) * 1_000_000 + 1


def hold(received: Received, taken: list[Event]) -> None:
    """The law."""
    for coin in COINS:
        trades = [event for event in taken if isinstance(event, Trade) and event.coin == coin]
        marks = [event for event in taken if isinstance(event, Marked) and event.coin == coin]
        prices = {price for _at_ms, price in received.prints[coin]}
        assert {value for event in trades for value in (event.low, event.high, event.price)} <= prices, "invented"
        assert {event.mark for event in marks} <= {price for _at_ms, price in received.marks[coin]}, "invented"
        assert sum(event.count for event in trades) == len(received.prints[coin]), "each print counts once"
        extremes = [(event.at_ms, value) for event in trades for value in (event.low, event.high)]
        assert by_stretch(received, received.prints[coin]) == by_stretch(received, extremes)
        told = [(event.at_ms, event.mark) for event in marks]
        assert by_stretch(received, received.marks[coin]) == by_stretch(received, told)
        times = [event.at_ms for event in trades]
        assert times == sorted(times), "in the order of arrival"
    assert len([event for event in taken if isinstance(event, OrderFilled)]) == len(received.fills_ms)


def by_stretch(received: Received, prices: list[tuple[int, Decimal]]) -> dict[int, tuple[Decimal, Decimal]]:
    """Lowest and highest between two of our executions: one after an entry is never hidden by one before it."""
    stretches: defaultdict[int, list[Decimal]] = defaultdict(list)
    for at_ms, price in prices:
        stretches[bisect(received.fills_ms, at_ms)].append(price)
    return {number: (min(some), max(some)) for number, some in stretches.items()}


coins = st.sampled_from(COINS)
numbers = st.integers(1, 30)
ages = st.sampled_from([0, 0, 0, 1, 3, 15, 25, 60])
deeds = st.one_of(
    st.tuples(st.just("trade"), coins, st.lists(numbers, min_size=1, max_size=4), st.lists(ages, min_size=4)),
    st.tuples(st.just("burst"), coins, st.integers(1, 2**16), st.integers(200, 900)),
    st.tuples(st.just("again"), st.integers(1, 40)),
    st.tuples(st.just("swap"), coins, numbers, numbers),
    st.tuples(st.just("mark"), coins, numbers),
    st.tuples(st.just("book"), coins, numbers),
    st.tuples(st.just("fill"), st.integers(1, 6)),
    st.tuples(st.just("garbage"), numbers),
    st.tuples(st.just("cut"), st.integers(0, 50)),
    st.tuples(st.just("take")),
)


def play(world: World, deed: tuple[Any, ...]) -> None:
    """One deed of a story."""
    match deed:
        case ("trade", coin, prices, some_ages):
            world.tell(world.trade(coin, prices, some_ages))
        case ("burst", coin, seed, count):
            rng = random.Random(seed)
            for _print in range(count):
                other = rng.choice(COINS) if rng.random() < 0.2 else coin
                if rng.random() < 0.1:
                    world.mark(other, rng.randint(1, 30))
                elif rng.random() < 0.1:
                    world.book(other, rng.randint(1, 30))
                else:
                    world.tell(world.trade(other, [rng.randint(1, 30)], [rng.choice((0, 0, 1, 30))]))
        case ("again", count):
            world.tell(world.history[-count:])
        case ("swap", coin, one, other):
            first, second = world.trade(coin, [one], [0]), world.trade(coin, [other], [0])
            world.tell(second)
            world.tell(first)
        case ("mark", coin, price):
            world.mark(coin, price)
        case ("book", coin, price):
            world.book(coin, price)
        case ("fill", tid):
            world.fill(tid)
        case ("garbage", number):
            world.garbage(number)
        case ("cut", steps):
            world.clock.at_ms += steps * STEP_MS
            world.open()
        case ("take",):
            world.take()


@LAW
@given(st.lists(deeds, max_size=25))
def test_the_extremes_of_what_was_received_and_fresh_are_handed_over_and_none_is_invented(
    story: list[tuple[Any, ...]],
) -> None:
    world = World()
    for deed in story:
        play(world, deed)
    world.finish()
    hold(world.received, world.taken)


@pytest.mark.parametrize("seed", range(3))
def test_the_law_holds_over_a_real_thread_and_socket_with_cuts_and_a_consumer_that_sleeps(seed: int) -> None:
    rng = random.Random(seed)
    venue, clock = Venue(), ExchangeClock(NOW_MS)
    inbox = ConflatingInbox(clock)
    protocol = StreamProtocol(("BTC",), USER, Timeframe.M1)
    client = HyperliquidWebSocketClient(venue.start(), inbox, clock, protocol, rng=random.Random(seed))
    client.start()
    taken: list[Event] = []
    sent: list[int] = []
    try:
        for life in range(3):
            wait_until(lambda life=life: client.is_up and client.connects == life + 1)
            rows = []
            for _print in range(rng.randint(500, 4_000)):
                sent.append(rng.randint(1, 10**6))
                rows.append(frame(len(sent), sent[-1]))
            venue.send(*rows, *rng.sample(rows, 50))
            if rng.random() < 0.5:
                taken += inbox.take(0)
            wait_until(lambda: len(protocol.shared.prints_seen) >= len(sent))
            venue.drop()
    finally:
        client.stop()
        venue.stop()
    while batch := inbox.take(0):
        taken += batch
    trades = [event for event in taken if isinstance(event, Trade)]
    assert sum(event.count for event in trades) == len(sent)
    assert min(event.low for event in trades) == min(sent)
    assert max(event.high for event in trades) == max(sent)
    assert not any(isinstance(event, BookChanged) for event in taken)


def frame(tid: int, price: int) -> dict[str, Any]:
    """One print; all are of one moment, which is fresh on any connection of the test."""
    row = {"coin": "BTC", "side": "A", "px": str(price), "sz": "1", "time": NOW_MS + 60_000, "tid": tid}
    return {"channel": "trades", "data": [row]}


def wait_until(is_so: Any) -> None:
    """Wait for a condition."""
    patience = threading.Event()
    for _look in range(int(PATIENCE_S / 0.01)):
        if is_so():
            return
        patience.wait(0.01)
    raise AssertionError("it did not become so")
