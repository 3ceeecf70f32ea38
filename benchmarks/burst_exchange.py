"""The other side of a burst: localnet with ten coins for each contestant, all of whose stops are crossed at once.

Owns the moment of the burst and what is measured: from the first print's bytes to the socket to the bytes of the exit
of each coin from it. Every reduce-only order that arrives until all positions are closed is counted.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection

from benchmarks.counterparty import (
    ENTRY_TIMEOUT_S,
    EXIT_TIMEOUT_S,
    PRINT_USD,
    TRIGGER,
    Coin,
    Counterparty,
    on_grid,
    show,
    size_of,
)
from benchmarks.taps import Watch
from tidegate.localnet.kernel.instruments import PerpRule
from tidegate.localnet.kernel.universe import Universe, flat_table
from tidegate.priority import run_in_short_slices

COINS_EACH = 10
KINDS = ("bot", "sdk", "floor")
COINS = {
    kind: {
        name: Coin(name, Decimal(200), Decimal("0.01")) for name in (f"{kind.upper()}{i}" for i in range(COINS_EACH))
    }
    for kind in KINDS
}
"""The coins of each contestant, so that none hears another's."""

CALM_S = 0.1
"""How long nothing has happened when the bids fall: positions that are about to be stopped out are rarely fresh."""
FALLEN_S = 0.02
"""How long after the last bid fell the prints come, besides the usual quiet."""

ORDER = re.compile(rb'"a": ?(\d+), ?"b": ?\w+, ?"p": ?"[^"]*", ?"s": ?"[^"]*", ?"r": ?true')
"""A reduce-only order as the bot, the SDK and the floor write it; the number is its asset's."""


@dataclass(frozen=True)
class Burst:
    """One burst: when the exit of each coin arrived after the first print was written, in order of arrival.

    `orders` counts every reduce-only order that arrived until all was closed, `rest_calls` the REST requests between
    the first print and the last exit, `writes` how often the prints' bytes were handed to the socket.
    """

    took_ns: tuple[int, ...]
    orders: int
    rest_calls: int
    writes: int


class BurstWatch(Watch):
    """Waits for an exit of every coin.

    Where answers are late, orders on the socket are stamped and kept until the last one has arrived, and only then
    executed: what the exchange does with the first one would else be counted as the way of the others.
    """

    def __init__(self) -> None:
        super().__init__()
        self._prints: list[bytes] = []
        self._heard: list[tuple[int, bytes]] = []
        self._orders_wanted = self._orders = 0
        self._kept: list[Callable[[], None]] = []
        self.writes_ns: list[int] = []

    def arm_all(self, coins: list[str]) -> None:
        """Note from now on when prints of these coins are written and which exits arrive."""
        self.arrived.clear()
        self.request_times_ns.clear()
        self._heard.clear()
        self.writes_ns.clear()
        self._prints = [f'{{"channel":"trades","data":[{{"coin":"{coin}"'.encode() for coin in coins]
        self._orders_wanted, self._orders = len(coins), 0

    def disarm(self) -> None:
        """The burst is over."""
        self._prints, self._orders_wanted = [], 0
        self._release()

    def writing(self, data: bytes) -> None:
        """These bytes go to the socket next."""
        if self._prints:
            now_ns, awaited = time.monotonic_ns(), len(self._prints)
            self._prints = [each for each in self._prints if each not in data]
            if len(self._prints) < awaited:
                self.writes_ns.append(now_ns)

    def order(self, data: bytes, at_ns: int) -> None:
        """These bytes, an action, had arrived at that moment; which exits are in them is looked at afterwards."""
        if self._orders_wanted and self.writes_ns and (found := len(ORDER.findall(data))):
            self._heard.append((at_ns, data))
            self._orders += found
            if self._orders >= self._orders_wanted:
                self.arrived.set()

    def pass_on(self, message: Callable[[], None]) -> None:
        """Keep what arrives during a burst, until it is complete."""
        self._kept.append(message)
        if not (self.answer_delay_s and self._orders_wanted) or self.arrived.is_set():
            self._release()

    def _release(self) -> None:
        kept, self._kept = self._kept, []
        for message in kept:
            message()

    def exits_ns(self) -> list[tuple[int, bytes]]:
        """When each exit arrived and of which asset, in order of arrival; more than one of an asset if more came."""
        return [(at_ns, asset) for at_ns, data in self._heard for asset in ORDER.findall(data)]

    def requests_until(self, last_ns: int) -> int:
        """REST requests between the first print and then."""
        return sum(self.writes_ns[0] <= at_ns < last_ns for at_ns in self.request_times_ns)


class BurstExchange(Counterparty):
    """The counterparty of ten coins a contestant."""

    watch: BurstWatch

    def __init__(self, conn: Connection) -> None:
        self._of_kind = COINS
        every = {name: coin for coins in COINS.values() for name, coin in coins.items()}
        perps = tuple(PerpRule(name, 2, 20, flat_table(20), coin.mid) for name, coin in every.items())
        super().__init__(conn, BurstWatch(), every, Universe(perps=perps))

    async def on_all_entered(self, kind: str) -> bool:
        """Whether a contestant holds all its coins, or will within a moment."""
        return await self._all(kind, holds=True, timeout_s=ENTRY_TIMEOUT_S)

    async def on_burst(self, argument: tuple[str, bool]) -> Burst | None:
        """Let all stops of a contestant be crossed, in one write or in one for each coin; None when an exit is missing.

        The floor holds nothing and is not waited for.
        """
        kind, one_block = argument
        coins, watch, localnet = list(self._of_kind[kind].values()), self.watch, self.localnet
        await self._quiet(CALM_S + watch.answer_delay_s, hanging=False)
        localnet.driver.catch_up()
        bid = on_grid(coins[0], coins[0].mid * TRIGGER)
        for coin in coins:
            show(localnet.exchange, coin, bid)
        self.holdings.last_ns = time.monotonic_ns()
        await self._quiet(FALLEN_S, hanging=False)
        localnet.driver.catch_up()
        watch.arm_all([coin.name for coin in coins])
        for coin in coins:
            localnet.exchange.trade(coin.name, "A", bid, size_of(coin, PRINT_USD))
            if not one_block:
                await asyncio.sleep(0)
        burst = await self._heard(kind)
        watch.disarm()
        for coin in coins:
            localnet.driver.catch_up()
            show(localnet.exchange, coin, coin.mid - coin.tick)
        # The answers to the last exits are still on their way, and behind them prints at the old price.
        await self._quiet(CALM_S + watch.answer_delay_s, hanging=False)
        return burst

    async def _heard(self, kind: str) -> Burst | None:
        """What came of the prints."""
        watch = self.watch
        try:
            await asyncio.wait_for(watch.arrived.wait(), EXIT_TIMEOUT_S)
        except TimeoutError:
            return None
        if kind != "floor" and not await self._all(kind, holds=False, timeout_s=EXIT_TIMEOUT_S):
            return None
        return burst_of(watch.writes_ns, watch.exits_ns(), watch, floor=kind == "floor")

    async def _all(self, kind: str, *, holds: bool, timeout_s: float) -> bool:
        deadline_s = time.monotonic() + timeout_s
        for coin in self._of_kind[kind].values():
            if not await self._until(coin, holds=holds, timeout_s=max(0.0, deadline_s - time.monotonic())):
                return False
        return True


def burst_of(writes_ns: list[int], exits: list[tuple[int, bytes]], watch: BurstWatch, *, floor: bool) -> Burst | None:
    """The figure of one burst; None when a coin's exit is not among `exits`. All orders of the floor are alike."""
    first_ns = writes_ns[0]
    if floor:
        took = [at_ns - first_ns for at_ns, _asset in exits[:COINS_EACH]]
    else:
        seen: dict[bytes, int] = {}
        for at_ns, asset in exits:
            seen.setdefault(asset, at_ns)
        took = [at_ns - first_ns for at_ns in seen.values()]
    if len(took) < COINS_EACH:
        return None
    return Burst(tuple(took), len(exits), watch.requests_until(first_ns + took[-1]), len(writes_ns))


def run(conn: Connection) -> None:
    """The process."""
    run_in_short_slices()
    BurstExchange(conn).serve()
