"""A localnet without its sockets: kernel, market, clock, gate and streams, put together.

Owns the options of a localnet, how its parts are made from them, and what its own pages show. It opens no socket,
prints nothing and decides nothing about trading.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate.errors import TidegateError
from tidegate.localnet.clock import ExchangeClock
from tidegate.localnet.doors.account_frames import read
from tidegate.localnet.doors.driver import Driver
from tidegate.localnet.doors.gate import Gate
from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.doors.streams import Streams
from tidegate.localnet.doors.watch import Watch
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.faults.desk import Faults
from tidegate.localnet.faults.rules import Rule
from tidegate.localnet.faults.stage import Stage
from tidegate.localnet.kernel.universe import Universe, default_universe
from tidegate.localnet.markets.made_up import made_up
from tidegate.localnet.markets.market import Market
from tidegate.localnet.markets.names import MarketName


class LocalnetError(TidegateError):
    """A localnet that cannot be started as asked."""


@dataclass(frozen=True)
class LocalnetOptions:
    """What kind of localnet to run.

    `port` 0 takes a free one. `mirror` (a venue's name or URL) beats `replay` files, and they beat `scenario`;
    `from_ms` (recorded time) is where they start.
    `coins` are the coins to trade, or in the order of the files the coins of a replay. With `linger_s` the
    server ends that many seconds after its standard input has closed and the last client has gone. `faults` are
    rules that stand from the start; into the file `record` everything is written down. `universe` is listed instead
    of our own; without `volume_gates` nobody is asked for a traded volume first.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    scenario: MarketName = "first-run"
    replay: tuple[Path, ...] = ()
    mirror: str = ""
    from_ms: int | None = None
    speed: float = 1.0
    align_ms: int | None = None
    coins: tuple[str, ...] | None = None
    linger_s: float | None = None
    limits: Limits = field(default_factory=Limits)
    faults: tuple[Rule, ...] = ()
    record: Path | None = None
    universe: Universe | None = None
    volume_gates: bool = True


def build(
    options: LocalnetOptions,
    *,
    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[Exchange, Market, ExchangeClock]:
    """Make the kernel, the market that is already prepared in it, and the clock, which starts to run at once.

    Raises `LocalnetError` for options that cannot be met and `BadRecording` for a file that cannot be played.
    """
    if not options.speed > 0:
        raise LocalnetError(f"speed must be above 0, found {options.speed}")
    universe = options.universe or default_universe()
    start_ms = wall_ms()
    clock = ExchangeClock(
        start_ms, options.speed, monotonic
    )  # it runs while the market is made: no lag behind the wall
    market: Market
    if options.mirror:
        from tidegate.localnet.mirror.opening import open_mirror  # the clients of another venue: only mirrors need them

        if options.speed != 1:
            raise LocalnetError(f"a mirrored venue runs at speed 1, found {options.speed}")
        universe, market = open_mirror(options.mirror, options.coins, clock.now_ms)
    elif options.replay:
        # Reading recordings needs pyarrow, which a first run should not wait for.
        from tidegate.localnet.markets.replay import open_replay

        market = open_replay(
            options.replay,
            universe,
            wall_ms=start_ms,
            from_ms=options.from_ms,
            align_ms=options.align_ms,
            coins=options.coins,
        )
        start_ms = market.start_ms
        clock = ExchangeClock(start_ms, options.speed, monotonic)
    else:
        market = made_up(options.scenario, universe, options.seed, start_ms)
    instance = f"{start_ms:x}-{os.getpid():x}"
    exchange = Exchange(universe, start_ms=start_ms, instance=instance, wall_ms=wall_ms)
    exchange.volume_gates = options.volume_gates
    market.prepare(exchange)
    return exchange, market, clock


class Localnet:
    """A kernel with everything around it but the sockets. `monotonic` is seconds of wall time."""

    def __init__(
        self,
        exchange: Exchange,
        market: Market,
        clock: ExchangeClock,
        limits: Limits,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.exchange = exchange
        self.market = market
        self.clock = clock
        exchange.free_requests = limits.free_requests
        self.gate = Gate(exchange, limits)
        self.streams = Streams(exchange, self.gate, limits, monotonic)
        self.faults = Faults(exchange)
        self.watch = Watch(self.faults)
        stage = Stage(market, exchange, self.faults)
        self.driver = Driver(exchange, stage, clock, self.streams, monotonic)
        self.gate.catch_up = self.driver.catch_up

    @classmethod
    def open(cls, options: LocalnetOptions) -> "Localnet":
        """Build what `options` ask for."""
        localnet = cls(*build(options), options.limits)
        for rule in options.faults:
            localnet.faults.add(rule)
        return localnet

    def clock_page(self) -> dict[str, Any]:
        """Body of `GET /localnet/clock`."""
        self.driver.catch_up()
        return {
            "time_ms": self.exchange.now_ms,
            "speed": self.clock.speed,
            "instance": self.exchange.instance,
            "says": self.market.says,
            "pid": os.getpid(),
        }

    def counters_page(self) -> dict[str, Any]:
        """Body of `GET /localnet/counters`: what all clients used of the limits that they share, and what each address
        used of its own.
        """
        counters = self.gate.counters
        return {
            **self.streams.counts(),
            "requests": dict(counters.requests),
            "actions": dict(counters.actions),
            "refused_by_limit": counters.refused_by_limit,
            "rest_weight_this_minute": self.gate.budget.used(self.exchange.now_ms),
            "addresses": {user: read(self.exchange, "userRateLimit", user=user) for user in self.exchange.users},
            "limits": self.streams.limits.shown(),
        }
