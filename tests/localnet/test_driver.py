"""Moving a localnet through time: order, catching up, and not hogging the thread."""

import asyncio
import json

from tidegate.localnet.clock import ExchangeClock
from tidegate.localnet.doors.driver import TURN_S, Driver
from tidegate.localnet.doors.gate import Gate
from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.doors.streams import Streams
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe

START_MS = 1_790_000_000_000


class Metronome:
    """A market that does nothing every `period_ms` until `last_ms`, and notes when; a step may cost wall time."""

    says = "ticks"
    coins = ()
    start_ms = START_MS

    def __init__(self, period_ms: int, last_ms: int, cost_s: float = 0.0) -> None:
        self.period_ms, self.last_ms, self.cost_s = period_ms, START_MS + last_ms, cost_s
        self.stepped_ms: list[int] = []
        self.net: Net | None = None
        self._next_ms = START_MS + period_ms

    def prepare(self, exchange: Exchange) -> None:
        """Nothing to prepare."""

    def next_ms(self) -> int | None:
        return self._next_ms if self._next_ms <= self.last_ms else None

    def step(self, exchange: Exchange) -> None:
        self.stepped_ms.append(exchange.now_ms - START_MS)
        self._next_ms += self.period_ms
        self.net.wall_s += self.cost_s


class Net:
    """A kernel driven by a wall clock that a test moves."""

    def __init__(self, market: Metronome, speed: float = 1.0) -> None:
        self.wall_s = 50.0
        self.looks = 0
        market.net = self
        self.exchange = Exchange(default_universe(), start_ms=START_MS)
        self.streams = Streams(self.exchange, Gate(self.exchange, Limits()), Limits(), self.monotonic)
        self.heard: list[dict] = []
        session = self.streams.connect(lambda raw: self.heard.append(json.loads(raw)), lambda after_s: None)
        book = {"type": "l2Book", "coin": "BTC", "fast": True}
        session.receive(json.dumps({"method": "subscribe", "subscription": book}).encode())
        self.heard.clear()
        clock = ExchangeClock(START_MS, speed, self.monotonic)
        self.driver = Driver(self.exchange, market, clock, self.streams, self.monotonic)

    def monotonic(self) -> float:
        self.looks += 1
        return self.wall_s

    def book_times(self) -> list[int]:
        return [frame["data"]["time"] - START_MS for frame in self.heard]


def test_steps_and_marks_happen_at_their_own_time_however_late_the_host_is():
    market = Metronome(period_ms=300, last_ms=1500)
    net = Net(market)
    net.wall_s += 2.25
    assert net.driver.catch_up()
    assert market.stepped_ms == [300, 600, 900, 1200, 1500]
    assert net.book_times() == [500, 1000, 1500, 2000]
    assert net.exchange.now_ms == START_MS + 2250


def test_a_tape_that_has_ended_leaves_time_running():
    net = Net(Metronome(period_ms=300, last_ms=300))
    net.wall_s += 10
    assert net.driver.catch_up()
    assert net.exchange.now_ms == START_MS + 10_000
    assert net.driver.catch_up()


def test_speed_multiplies_what_is_due():
    market = Metronome(period_ms=1000, last_ms=60_000)
    net = Net(market, speed=60.0)
    net.wall_s += 1
    assert net.driver.catch_up()
    assert len(market.stepped_ms) == 60
    assert net.book_times() == list(range(500, 60_001, 500))


def test_one_turn_ends_in_time_and_the_next_goes_on_where_it_ended():
    market = Metronome(period_ms=1000, last_ms=60_000, cost_s=TURN_S / 2)
    net = Net(market, speed=60.0)
    net.wall_s += 1
    assert not net.driver.catch_up()
    assert market.stepped_ms == [1000, 2000]
    net.driver.catch_up()
    assert market.stepped_ms == [1000, 2000, 3000, 4000]


def test_the_task_sleeps_between_what_is_due():
    async def drive() -> None:
        net = Net(Metronome(period_ms=1000, last_ms=60_000))
        net.looks = 0
        task = asyncio.create_task(net.driver.run())
        for _ in range(100):
            await asyncio.sleep(0)
        task.cancel()
        assert net.looks < 20

    asyncio.run(drive())
