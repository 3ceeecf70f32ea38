"""The other side of every measurement: a real localnet in a process of its own, with a market that only we move.

Owns the prices, the moment of each trigger and what is measured: from the print's bytes to the socket to the exit's
bytes from it. It does not know who its contestants are; each has a coin of its own, so that none hears another's.
"""

import asyncio
import gc
import random
import time
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from multiprocessing.connection import Connection
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from benchmarks.taps import SlowFront, TappedHttpDoor, TappedWebSocketDoor, Watch
from tidegate.localnet.clock import ExchangeClock
from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import Localnet, LocalnetOptions
from tidegate.localnet.doors.server import Server
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import Universe, default_universe
from tidegate.localnet.markets.candles import MINUTE_MS, Bars, CandleStore
from tidegate.localnet.ready import Ready
from tidegate.priority import run_in_short_slices

if TYPE_CHECKING:
    from tidegate.localnet.kernel.block import Row

D = Decimal
HISTORY_MINUTES = 600
LEVELS = 5
LEVEL_USD = D(2_000_000)
PRINT_USD = D(1_000)
# Below every contestant's stop (0.5 % under the entry) and above what an exit's collar gives away.
TRIGGER = D("0.994")
QUIET_S = (0.005, 0.010)
"""How long nothing has happened before a trigger; at random, so that no clock of anybody's is in step with it."""
HEARD_S = 0.005
ENTRY_TIMEOUT_S = 2.0
QUIET_TIMEOUT_S = 20.0
EXIT_TIMEOUT_S = 30.0


class Coin(NamedTuple):
    """A contestant's market: the middle of its book and its tick."""

    name: str
    mid: Decimal
    tick: Decimal


COINS = {
    each.name: each
    for each in (Coin("BTC", D(80_000), D(1)), Coin("ETH", D(4_000), D("0.1")), Coin("SOL", D(200), D("0.01")))
}


@dataclass(frozen=True)
class Conditions:
    """What a case does to answers: how late each is, how long each read hangs first."""

    answer_delay_s: float = 0.0
    read_hang_s: float = 0.0


@dataclass(frozen=True)
class Sample:
    """One exit: from the print's write to the order's arrival, and the REST requests between them."""

    took_ns: int
    rest_calls: int


class Quiet:
    """A market in which nothing happens by itself."""

    says = "a benchmark's market: it moves when a sample is taken"

    def __init__(self, start_ms: int, coins: Mapping[str, Coin] = COINS) -> None:
        self.start_ms = start_ms
        self.coins = tuple(coins)
        self._coins = tuple(coins.values())

    def prepare(self, exchange: Exchange) -> None:
        """Some flat history, a book, an oracle price for every contestant's coin."""
        for coin in self._coins:
            exchange.load_candles(coin.name, CandleStore(coin.name, _flat(coin, self.start_ms)))
            exchange.set_oracle(coin.name, coin.mid)
            show(exchange, coin, coin.mid - coin.tick)

    def next_ms(self) -> int | None:
        """Nothing is ever due."""
        return None

    def step(self, exchange: Exchange) -> None:
        """Nothing is ever played."""


def show(exchange: Exchange, coin: Coin, best_bid: Decimal) -> None:
    """Quote asks above the middle, always the same ones, and bids from `best_bid` down."""
    size = size_of(coin, LEVEL_USD)
    bids = [(best_bid - coin.tick * step, size, 1) for step in range(LEVELS)]
    asks = [(coin.mid + coin.tick * (step + 1), size, 1) for step in range(LEVELS)]
    exchange.quote(coin.name, bids, asks)


class Holdings:
    """Follows the kernel's feed: what contestants hold in each coin, and when anything was last heard."""

    def __init__(self, coins: Iterable[str] = COINS) -> None:
        self.size: dict[str, Decimal] = dict.fromkeys(coins, D(0))
        self.changed = asyncio.Event()
        self.last_ns = 0

    def on_fills(self, _user: str, fills: list["Row"]) -> None:
        for fill in fills:
            self.size[fill["coin"]] += D(fill["sz"]) * (1 if fill["side"] == "B" else -1)
        self.last_ns = time.monotonic_ns()
        self.changed.set()

    def on_order_update(self, _user: str, _updates: list["Row"]) -> None:
        self.last_ns = time.monotonic_ns()

    def on_trades(self, coin: str, trades: list["Row"]) -> None: ...

    def on_book(self, coin: str) -> None: ...

    def on_user_event(self, user: str, event: "Row") -> None: ...

    def on_asset_ctx(self, coin: str) -> None: ...


class Counterparty:
    """A server, its watch, and the taking of samples; `universe` lists at least `coins`."""

    def __init__(
        self,
        conn: Connection,
        watch: Watch | None = None,
        coins: Mapping[str, Coin] = COINS,
        universe: Universe | None = None,
    ) -> None:
        self._conn, self._coins = conn, coins
        self.watch = watch or Watch()
        self.holdings = Holdings(coins)
        self._rng = random.Random(1)
        start_ms = time.time_ns() // 1_000_000
        exchange = Exchange(universe or default_universe(), start_ms=start_ms, instance=f"{start_ms:x}")
        market = Quiet(start_ms, coins)
        market.prepare(exchange)
        exchange.feed.append(self.holdings)
        localnet = Localnet(exchange, market, ExchangeClock(start_ms, 1.0, time.monotonic), UNLIMITED)
        self.localnet = localnet
        self.server = Server(localnet, LocalnetOptions(limits=UNLIMITED), self._on_ready)
        config = self.server.config
        config.http = cast(Any, partial(TappedHttpDoor, self.watch))
        config.ws = cast(Any, partial(TappedWebSocketDoor, self.watch, localnet.streams))
        config.app = SlowFront(cast(Any, config.app), self.watch)

    def serve(self) -> None:
        """Answer until told to stop."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self.server.serve_until_stopped()

    def _on_ready(self, ready: Ready) -> None:
        self._conn.send(ready.url)
        Thread(target=self._obey, name="orders", daemon=True).start()

    def _obey(self) -> None:
        """Take what the benchmark asks, one thing after another, and answer each."""
        loop = self.server.loop
        assert loop is not None, "a server that is ready has a loop"
        try:
            while True:
                word, argument = self._conn.recv()
                work: Coroutine[Any, Any, Any] = getattr(self, f"on_{word}")(argument)
                self._conn.send(asyncio.run_coroutine_threadsafe(work, loop).result())
        except EOFError:
            self.server.stop()

    async def on_conditions(self, conditions: Conditions) -> None:
        """Answer like this from now on."""
        self.watch.answer_delay_s, self.watch.read_hang_s = conditions.answer_delay_s, conditions.read_hang_s

    async def on_idle(self, _argument: None) -> None:
        """Clean up between two rounds."""
        gc.collect()

    async def on_entered(self, name: str) -> bool:
        """Whether a contestant holds its coin, or will within a moment."""
        return await self._until(self._coins[name], holds=True, timeout_s=ENTRY_TIMEOUT_S)

    async def on_exit(self, name: str) -> Sample | None:
        """Take a sample of a contestant that holds its coin; None when its exit never came."""
        sample = await self._trigger(self._coins[name], hanging=bool(self.watch.read_hang_s))
        if sample is None or not await self._until(self._coins[name], holds=False, timeout_s=EXIT_TIMEOUT_S):
            return None
        await self._restore(self._coins[name])
        return sample

    async def on_echo(self, name: str) -> Sample | None:
        """Take a sample of a contestant that only echoes; None when nothing came back."""
        sample = await self._trigger(self._coins[name], hanging=False)
        await self._restore(self._coins[name])
        return sample

    async def _trigger(self, coin: Coin, *, hanging: bool) -> Sample | None:
        """Wait for quiet, lower the bids, wait again, print at the best of them, and wait for the exit.

        `hanging`: print only while a read hangs.
        """
        watch, localnet = self.watch, self.localnet
        await self._quiet(watch.answer_delay_s, hanging=hanging)
        localnet.driver.catch_up()
        bid = on_grid(coin, coin.mid * TRIGGER)
        show(localnet.exchange, coin, bid)
        self.holdings.last_ns = time.monotonic_ns()
        await self._quiet(0.0, hanging=hanging)
        localnet.driver.catch_up()
        watch.arm(coin.name)
        localnet.exchange.trade(coin.name, "A", bid, size_of(coin, PRINT_USD))
        try:
            await asyncio.wait_for(watch.arrived.wait(), EXIT_TIMEOUT_S)
        except TimeoutError:
            return None
        return Sample(watch.order_ns - watch.wrote_ns, watch.rest_calls())

    async def _restore(self, coin: Coin) -> None:
        """Put the bids back, and give everybody the time to hear of it: the next entry is sized by this price."""
        self.localnet.driver.catch_up()
        show(self.localnet.exchange, coin, coin.mid - coin.tick)
        await asyncio.sleep(HEARD_S)

    async def _until(self, coin: Coin, *, holds: bool, timeout_s: float) -> bool:
        """Wait until the coin is held, or not any more."""
        deadline_s = time.monotonic() + timeout_s
        changed = self.holdings.changed
        while bool(self.holdings.size[coin.name]) is not holds:
            changed.clear()
            try:
                await asyncio.wait_for(changed.wait(), deadline_s - time.monotonic())
            except TimeoutError:
                return False
        return True

    async def _quiet(self, longer_s: float, *, hanging: bool) -> None:
        """Until nobody has asked or been told anything for a while, and, where that is asked, a read hangs."""
        watch = self.watch
        quiet_s = self._rng.uniform(*QUIET_S) + longer_s
        deadline_s = time.monotonic() + QUIET_TIMEOUT_S
        while time.monotonic() < deadline_s:
            heard_ns = max(watch.last_request_ns, self.holdings.last_ns)
            left_s = quiet_s - (time.monotonic_ns() - heard_ns) / 1e9
            if left_s <= 0 and (watch.reads_hanging or not hanging):
                return
            await asyncio.sleep(max(left_s, 0.001))


def run(conn: Connection) -> None:
    """The process. A real exchange does not wait for our strategies' processor, so this one does not either."""
    run_in_short_slices()
    Counterparty(conn).serve()


def _flat(coin: Coin, now_ms: int) -> Bars:
    """Minutes in which nothing moved."""
    first_ms = now_ms - now_ms % MINUTE_MS - HISTORY_MINUTES * MINUTE_MS
    times = first_ms + MINUTE_MS * np.arange(HISTORY_MINUTES, dtype=np.int64)
    price = np.full(HISTORY_MINUTES, float(coin.mid))
    return Bars(MINUTE_MS, times, price, price, price, price, np.ones(HISTORY_MINUTES), np.ones_like(times))


def on_grid(coin: Coin, px: Decimal) -> Decimal:
    return px // coin.tick * coin.tick


def size_of(coin: Coin, usd: Decimal) -> Decimal:
    return (usd / coin.mid).quantize(D("0.01"))
