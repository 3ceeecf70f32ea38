"""A localnet whose market stands still and whose clock is moved by hand, behind one of two doors.

A case gets a `Desk`: fresh, without clients, quoted around round prices. Whatever the door, the case reads the
same; `InProcess` and `OverHttp` are the only places that know which one it is.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Protocol, TypeVar
from unittest.mock import patch

import requests
from hyperliquid.info import Info
from hyperliquid.websocket_manager import WebsocketManager

from tests.conformance.ears import PATIENCE_S, BareLine, Ear, LocalLine, WiredLine
from tidegate.localnet.clock import ExchangeClock
from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.doors.server import Localnet, LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.localnet.doors.transport import LocalnetAdapter, LocalnetSocket
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.candles import CandleStore

D = Decimal
T = TypeVar("T")

LEVELS = 20
# Mid and step of what the house quotes: the touch is half a step away, so a mid is a round number.
QUOTED = {"BTC": ("80000", "2"), "ETH": ("3000", "0.2"), "SOL": ("150", "0.02"), "HYPE": ("40", "0.002")}
QUOTED_SZ = "100"
LIMITS = Limits()
IN_PROCESS_URL = "http://localnet.invalid"


class HandClock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class StandingMarket:
    """Quotes that stay where they are."""

    says = "a market that stands still"
    coins = tuple(QUOTED)

    def __init__(self, start_ms: int) -> None:
        self.start_ms = start_ms

    def prepare(self, exchange: Exchange) -> None:
        for coin, (mid, _step) in QUOTED.items():
            exchange.load_candles(coin, CandleStore(coin))
            quote_around(exchange, coin, D(mid))
            exchange.set_oracle(coin, D(mid))

    def next_ms(self) -> int | None:
        return None

    def step(self, exchange: Exchange) -> None:
        """Nothing is ever due."""


def quote_around(exchange: Exchange, coin: str, mid: Decimal, sz: str = QUOTED_SZ) -> None:
    """Levels a step apart on both sides of `mid`, the first half a step away."""
    step = D(QUOTED[coin][1])
    offsets = [step / 2 + step * place for place in range(LEVELS)]
    exchange.quote(
        coin,
        [(mid - offset, D(sz), 1) for offset in offsets],
        [(mid + offset, D(sz), 1) for offset in offsets],
    )


def wall_ms() -> int:
    """The wall clock, from which the SDK takes its nonces."""
    return time.time_ns() // 1_000_000


def standing_localnet(clock: HandClock, limits: Limits, **settings: Any) -> Localnet:
    """A localnet that only the hand on `clock` moves; `settings` are the exchange's."""
    start_ms = wall_ms()
    exchange = Exchange(default_universe(), start_ms=start_ms, wall_ms=wall_ms, **settings)
    market = StandingMarket(start_ms)
    market.prepare(exchange)
    return Localnet(exchange, market, ExchangeClock(start_ms, 1.0, clock), limits, clock)


class Door(Protocol):
    """A way into one localnet."""

    url: str

    def visit(self, do: Callable[[Localnet], T]) -> T:
        """Do something where the exchange lives."""

    def build(self, make: Callable[[], T]) -> T:
        """Make an SDK object that gets its way in before its constructor asks for anything."""

    def session(self) -> requests.Session:
        """A bare HTTP client."""

    def line(self) -> BareLine:
        """A bare WebSocket."""

    def manager(self) -> tuple[WebsocketManager, Ear]:
        """The SDK's WebSocket client, connected, with an ear for its callbacks."""


class InProcess:
    """No socket: calls go straight to the gate and the streams."""

    url = IN_PROCESS_URL

    def __init__(self, localnet: Localnet) -> None:
        self._localnet = localnet
        self._adapter = LocalnetAdapter(localnet.gate)

    def visit(self, do: Callable[[Localnet], T]) -> T:
        return do(self._localnet)

    def build(self, make: Callable[[], T]) -> T:
        """The SDK makes its `requests.Session` itself: while it does, a session is one that leads here."""
        with patch.object(requests, "Session", self.session):
            return make()

    def session(self) -> requests.Session:
        session = requests.sessions.Session()
        session.mount(self.url, self._adapter)
        return session

    def line(self) -> BareLine:
        return LocalLine(self._localnet.streams)

    def manager(self) -> tuple[WebsocketManager, Ear]:
        manager = WebsocketManager(self.url)
        socket = LocalnetSocket(self._localnet.streams, manager.on_message)
        manager.ws = socket
        manager.on_open(socket)
        return manager, Ear(socket.deliver, 0.0)


class OverHttp:
    """HTTP and WebSocket on a loopback port."""

    def __init__(self, net: Running) -> None:
        self.url = net.url
        self._net = net

    def visit(self, do: Callable[[Localnet], T]) -> T:
        return self._net.call(do)

    def build(self, make: Callable[[], T]) -> T:
        return make()

    def session(self) -> requests.Session:
        return requests.Session()

    def line(self) -> BareLine:
        return WiredLine(f"ws{self.url.removeprefix('http')}/ws")

    def manager(self) -> tuple[WebsocketManager, Ear]:
        manager = WebsocketManager(self.url)
        ear = Ear()
        manager.start()
        return manager, ear


class Desk:
    """What a case works with. `info` is the SDK's, without a WebSocket."""

    def __init__(self, door: Door, clock: HandClock) -> None:
        self.door = door
        self._clock = clock
        self._open = contextlib.ExitStack()
        self._session = door.session()
        self.meta = self.ask("meta")
        self.spot_meta = self.ask("spotMeta")
        self.info = door.build(lambda: Info(door.url, True, self.meta, self.spot_meta, timeout=PATIENCE_S))

    def close(self) -> None:
        """Hang up everything that was opened here."""
        self._open.close()

    def post(self, path: str, body: Any, content_type: str = "application/json") -> requests.Response:
        """A request without the SDK; `body` is JSON, or bytes that are sent as they are."""
        headers = {"Content-Type": content_type}
        if isinstance(body, bytes):
            return self._session.post(self.door.url + path, data=body, headers=headers, timeout=PATIENCE_S)
        return self._session.post(self.door.url + path, json=body, headers=headers, timeout=PATIENCE_S)

    def request(self, method: str, path: str) -> requests.Response:
        """A request of any method, without a body."""
        return self._session.request(method, self.door.url + path, timeout=PATIENCE_S)

    def ask(self, kind: str, **fields: Any) -> Any:
        """The body of an /info answer, for requests that the SDK has no method for."""
        answer = self.post("/info", {"type": kind, **fields})
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    def line(self) -> BareLine:
        """A bare WebSocket; it is closed with the desk."""
        line = self.door.line()
        self._open.callback(line.close)
        return line

    def manager(self) -> tuple[WebsocketManager, Ear]:
        """The SDK's WebsocketManager and an ear for its callbacks; it is stopped with the desk."""
        manager, ear = self.door.manager()
        self._open.callback(manager.stop)
        return manager, ear

    @property
    def now_ms(self) -> int:
        """Exchange time."""
        return self.door.visit(lambda net: net.exchange.now_ms)

    def wait(self, seconds: float) -> None:
        """Let exchange time, and the wall time of connections, pass."""

        def pass_time(net: Localnet) -> None:
            self._clock.now_s += seconds
            while not net.driver.catch_up():
                pass
            net.streams.drop_idle()

        self.door.visit(pass_time)

    def market(self, do: Callable[[Exchange], T]) -> T:
        """Be the market: quote, trade, publish an oracle."""
        return self.door.visit(lambda net: do(net.exchange))

    def move(self, coin: str, mid: str, sz: str = QUOTED_SZ) -> None:
        """Walk a market to a new mid: book, a print, oracle; the mark follows."""
        self.wait(3)

        def walk(exchange: Exchange) -> None:
            quote_around(exchange, coin, D(mid), sz)
            exchange.trade(coin, "B", D(mid) + D(QUOTED[coin][1]) / 2, D("1"))
            exchange.set_oracle(coin, D(mid))

        self.market(walk)

    def fund(self, user: str, usdc: str) -> None:
        """Deposit USDC to the perp account of `user`."""
        self.market(lambda exchange: exchange.fund(user, D(usdc)))


@contextlib.contextmanager
def in_process(limits: Limits = LIMITS, **settings: Any) -> Iterator[Desk]:
    """A desk without sockets."""
    clock = HandClock()
    with contextlib.closing(Desk(InProcess(standing_localnet(clock, limits, **settings)), clock)) as desk:
        yield desk


@contextlib.contextmanager
def over_http(limits: Limits = LIMITS, **settings: Any) -> Iterator[Desk]:
    """A desk at a server of its own."""
    clock = HandClock()
    localnet = standing_localnet(clock, limits, **settings)
    with (
        running(LocalnetOptions(limits=limits), localnet) as net,
        contextlib.closing(Desk(OverHttp(net), clock)) as desk,
    ):
        yield desk
