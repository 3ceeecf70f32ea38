"""The other side of the soak: localnet with fifty coins in which little happens, and a pump that says much about them.

Owns the moment of each trigger, of each cut and of the flood, and what is measured: from the print's bytes to the
socket to the exit's bytes from it.
"""

import asyncio
import random
import time
from decimal import Decimal
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection
from typing import Any, cast

import msgspec

from benchmarks.counterparty import LEVEL_USD, PRINT_USD, TRIGGER, Coin, Counterparty, Sample, on_grid, show, size_of
from benchmarks.pump import Pump
from benchmarks.taps import TappedWebSocketDoor, Watch
from tidegate.localnet.kernel.instruments import PerpRule
from tidegate.localnet.kernel.universe import Universe, flat_table
from tidegate.priority import run_in_short_slices

COINS = {name: Coin(name, Decimal(200), Decimal("0.01")) for name in (f"S{number:02}" for number in range(50))}
HELD = tuple(COINS)[:5]
"""The coins whose positions come and go."""
FEED_EVERY_S = 0.02
"""How often a coin has a print of the market's own: each once a second."""
BURST = 50_000
BURST_TIMEOUT_S = 10.0
LOOK_S = 0.01


class Pumped(msgspec.Struct, frozen=True):
    """What the pump did since it was asked last: frames, how late its ticks were, what waited to be sent at most."""

    written: int
    late_ms: list[float]
    unsent_max: int


class SoakDoor(TappedWebSocketDoor):
    """A connection that the pump can write to and that can be cut."""

    open: "set[SoakDoor]" = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """One more."""
        super().connection_made(transport)
        self._known: tuple[int, frozenset[str]] = (0, frozenset())
        self.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """One less."""
        self.open.discard(self)
        super().connection_lost(exc)

    def coins(self) -> frozenset[str]:
        """The coins whose prints are subscribed to on it."""
        subscriptions = self._session.subscriptions if self._session is not None else ()
        if len(subscriptions) != self._known[0]:
            coins = frozenset(each.coin for each in subscriptions if each.type == "trades" and each.coin)
            self._known = len(subscriptions), coins
        return self._known[1]

    def write(self, data: bytes) -> None:
        """Write bytes."""
        self._transport.write(data)

    def unsent(self) -> int:
        """Bytes that wait."""
        return self._transport.get_write_buffer_size()

    def cut(self) -> None:
        """Hang up without a word."""
        self._transport.abort()


class SoakExchange(Counterparty):
    """The counterparty of one bot with fifty coins."""

    def __init__(self, conn: Connection) -> None:
        perps = tuple(PerpRule(name, 2, 20, flat_table(20), coin.mid) for name, coin in COINS.items())
        super().__init__(conn, Watch(), COINS, Universe(perps=perps))
        self.server.config.ws = cast(Any, partial(SoakDoor, self.watch, self.localnet.streams))
        books = [name for name in COINS if name not in HELD]
        self.pump = Pump(COINS.values(), books, self.localnet.clock.now_ms)
        self._pumping: asyncio.Task[None] | None = None
        self._fallen: set[str] = set()
        self._turn = cycle(COINS.values())
        self._fed_s = 0.0
        self._dice = random.Random(2)

    async def on_pump(self, per_s: int) -> None:
        """So many frames a second from now on."""
        self.pump.per_s = per_s
        if self._pumping is None:
            self._pumping = asyncio.ensure_future(self.pump.run(lambda: tuple(SoakDoor.open), self._feed))

    async def on_pumped(self, _argument: None) -> Pumped:
        """What was pumped since it was asked last."""
        pump = self.pump
        pumped = Pumped(pump.written, pump.late_ms, pump.unsent_max)
        pump.written, pump.late_ms, pump.unsent_max = 0, [], 0
        return pumped

    async def on_cut(self, _argument: None) -> None:
        """Cut a connection."""
        lines = sorted(SoakDoor.open, key=lambda each: sorted(each.coins()))
        if lines:
            self._dice.choice(lines).cut()

    async def on_burst(self, name: str) -> int:
        """Fifty thousand frames within a second, in the midst of them one print through the stop of this coin. How
        many there were."""
        coin, pump = self._coins[name], self.pump
        before, rate = pump.written, pump.per_s
        self._fallen.add(name)
        try:
            await self.on_pump(BURST)
            await self._until_written(before + BURST // 2)
            self._cross(coin)
            await self._until_written(before + BURST)
        finally:
            await self.on_pump(rate)
            self._fallen.discard(name)
        return pump.written - before

    async def on_arrived(self, _argument: None) -> int | None:
        """When the exit of the burst arrived (monotonic ns); None when it has not within some time."""
        try:
            await asyncio.wait_for(self.watch.arrived.wait(), 5)
        except TimeoutError:
            return None
        return self.watch.order_ns

    async def on_exit(self, name: str) -> Sample | None:
        """Take a sample; the market of this coin stands still meanwhile."""
        self._fallen.add(name)
        try:
            return await super().on_exit(name)
        finally:
            self._fallen.discard(name)

    async def _until_written(self, count: int) -> None:
        """At that pace a second for all of it; longer on a machine that has no time, or when nobody is connected."""
        for _look in range(int(BURST_TIMEOUT_S / LOOK_S)):
            if self.pump.written >= count:
                return
            await asyncio.sleep(LOOK_S)

    def _cross(self, coin: Coin) -> None:
        """One print far below, and the bids are back: the resting stop, which goes by the mark, has no reason."""
        exchange, bid = self.localnet.exchange, on_grid(coin, coin.mid * TRIGGER)
        self.localnet.driver.catch_up()
        show(exchange, coin, bid)
        self.watch.arm(coin.name)
        exchange.trade(coin.name, "A", bid, size_of(coin, PRINT_USD))
        show(exchange, coin, coin.mid - coin.tick)

    def _feed(self) -> None:
        """The market's own print and book of one coin after the other, so that candles and books are those of REST."""
        if time.monotonic() - self._fed_s < FEED_EVERY_S:
            return
        self._fed_s = time.monotonic()
        coin = next(self._turn)
        if coin.name in self._fallen:
            return
        self.localnet.driver.catch_up()
        exchange, size = self.localnet.exchange, size_of(coin, PRINT_USD)
        exchange.trade(coin.name, "B", coin.mid + coin.tick, size)
        exchange.trade(coin.name, "A", coin.mid - coin.tick, size)
        depth = size_of(coin, LEVEL_USD + self._dice.randint(1, 9) * 1_000)
        levels = range(1, 6)
        exchange.quote(
            coin.name,
            [(coin.mid - coin.tick * step, depth, 1) for step in levels],
            [(coin.mid + coin.tick * step, depth, 1) for step in levels],
        )


def run(conn: Connection) -> None:
    """The process."""
    run_in_short_slices()
    SoakExchange(conn).serve()
