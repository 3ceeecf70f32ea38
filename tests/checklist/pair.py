"""The stream's protocol and localnet's sessions, tied together without sockets, in a time that only the test passes."""

import json
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from benchmarks.counterparty import Coin, Quiet
from tidegate.hyperliquid.fleet import Fleet, Frames
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.hyperliquid.subscriptions import SUBSCRIPTIONS_MAX
from tidegate.localnet.clock import ExchangeClock
from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.doors.localnet import Localnet
from tidegate.localnet.doors.session import Session
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.instruments import PerpRule
from tidegate.localnet.kernel.universe import Universe, flat_table
from tidegate.model.events import Event
from tidegate.model.market import Timeframe

D = Decimal
START_MS = 1_790_000_000_000
LOOK_S = 0.5
USER = "0x" + "ab" * 20


def coins_of(count: int) -> dict[str, Coin]:
    """So many coins of two hundred dollars."""
    return {name: Coin(name, D(200), D("0.01")) for name in (f"C{number:04}" for number in range(count))}


class Pair:
    """A fleet of sockets and the exchange that they are open to; what is said arrives at once, in order.

    `log` is every subscription that was asked for, by the exchange's ears: (method, what); `drops` why sessions ended.
    """

    def __init__(
        self,
        coins: dict[str, Coin],
        user: str = USER,
        *,
        wanted: Iterable[str] | None = None,
        room: int = SUBSCRIPTIONS_MAX,
        **more: Any,
    ) -> None:
        self.s = 1_000.0
        self.coins = coins
        perps = tuple(PerpRule(name, 2, 20, flat_table(20), coin.mid) for name, coin in coins.items())
        exchange = Exchange(Universe(perps=perps), start_ms=START_MS, instance="pair", wall_ms=lambda: self.now_ms)
        market = Quiet(START_MS, coins)
        market.prepare(exchange)
        clock = ExchangeClock(START_MS, 1.0, lambda: self.s)
        self.localnet = Localnet(exchange, market, clock, Limits(subscriptions=room), lambda: self.s)
        self.exchange, self.streams = exchange, self.localnet.streams
        self.fleet = Fleet(StreamProtocol(coins if wanted is None else wanted, user, Timeframe.M1, room=room, **more))
        self.protocol = self.fleet.home
        self.sessions: dict[StreamProtocol, Session] = {}
        self.events: list[Event] = []
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.pings = 0
        self.drops: list[str] = []
        self.each_frame: Callable[[bytes], None] = lambda _frame: None
        self.is_deaf = False
        self._frames: deque[tuple[StreamProtocol, bytes]] = deque()
        self.open()

    @property
    def now_ms(self) -> int:
        """Exchange time and wall time in one."""
        return START_MS + int((self.s - 1_000.0) * 1_000)

    @property
    def now_ns(self) -> int:
        """The monotonic clock of the bot."""
        return int(self.s * 1e9)

    def open(self) -> None:
        """Open every socket that is not."""
        for line in self.fleet.lines:
            if line not in self.sessions:
                assert self.streams.may_connect()
                self.sessions[line] = self.streams.connect(
                    lambda frame, line=line: self._frames.append((line, frame)),  # type: ignore[misc]
                    lambda _after_s, line=line: self.lose(line, "closed by the exchange"),  # type: ignore[misc]
                )
                self.say({line: line.opened(self.now_ms, self.now_ns)})

    def lose(self, line: StreamProtocol, reason: str) -> None:
        """A socket is gone."""
        self.drops.append(reason)
        self.sessions.pop(line).close()
        self._frames = deque(each for each in self._frames if each[0] is not line)
        self.events += line.lost(reason, self.now_ms)

    def say(self, out: Frames) -> None:
        """The fleet's words, and whatever they lead to."""
        waiting = deque((line, frame) for line, frames in out.items() for frame in frames)
        while waiting or self._frames:
            while waiting:
                line, frame = waiting.popleft()
                self._note(frame)
                if line in self.sessions:
                    self.sessions[line].receive(frame)
            while self._frames:
                line, frame = self._frames.popleft()
                if self.is_deaf:
                    continue
                self.events += line.receive(frame, self.now_ms, self.now_ns)
                self.each_frame(frame)
                waiting.extend((line, each) for each in line.outbox(self.now_ns))

    def _note(self, frame: bytes) -> None:
        said = json.loads(frame)
        if said["method"] == "ping":
            self.pings += 1
        else:
            self.log.append((said["method"], said["subscription"]))

    def do(self, change: Callable[[Exchange], object]) -> None:
        """Change something on the exchange now, and hear of it."""
        self.localnet.driver.catch_up()
        change(self.exchange)
        self.say({})

    def look(self) -> None:
        """What half a second brings, at both ends."""
        self.s += LOOK_S
        while not self.localnet.driver.catch_up():
            pass
        self.say({})
        self.streams.drop_idle()
        for line in tuple(self.sessions):
            due = line.due(self.now_ms, self.now_ns)
            self.events += due.events
            if due.give_up is not None:
                self.lose(line, due.give_up)
            else:
                self.say({line: list(due.frames)})
        self.say(self.fleet.settle(self.now_ns))
        self.open()

    def pass_s(self, seconds: float) -> None:
        """So many seconds."""
        for _look in range(round(seconds / LOOK_S)):
            self.look()

    def told(self, *kinds: type) -> list[Any]:
        """What was told, of these kinds, since this was asked last."""
        told, self.events = [event for event in self.events if isinstance(event, kinds)], []
        return told


def subscribed(log: Iterable[tuple[str, dict[str, Any]]], kind: str) -> list[str]:
    """The coins that were asked for on this channel and not ended since, "" for all."""
    wanted: dict[str, None] = {}
    for method, what in log:
        if what["type"] == kind:
            coin = what.get("coin", "")
            if method == "subscribe":
                wanted[coin] = None
            else:
                wanted.pop(coin, None)
    return list(wanted)
