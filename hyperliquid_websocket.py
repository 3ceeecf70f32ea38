"""The stream from Hyperliquid: one thread, one asyncio loop, as many sockets as the coins need; facts go to the inbox.

Owns the thread, and that it lives: a thread that died or stands still is noticed within two seconds, and said. Never
sees the bot's state, never signs, never decides: frames are read by `tidegate.hyperliquid.protocol`, and an order that
leaves through here was signed by the main thread.

    client = HyperliquidWebSocketClient(url, inbox, clock, StreamProtocol(coins, user, timeframe))
    client.start()
    client.subscribe_trades("SOL")
    client.stop()

A frame is decoded and put where the socket is read, without another turn of the event loop; and a whole message, also
one that the network cut, without the library's parser, the longest part of the way from price to order. An order is
written by the main thread itself where the socket allows it; over TLS, whose session belongs to one thread, it is
handed over and written on the loop's next turn.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tidegate.hyperliquid.connection import Connection
from tidegate.hyperliquid.fleet import LINE_SUBSCRIPTIONS, Fleet, Frames
from tidegate.hyperliquid.line import Line
from tidegate.hyperliquid.order_books import OrderBook
from tidegate.hyperliquid.pace import Pace
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.hyperliquid.replies import Sent
from tidegate.hyperliquid.subscriptions import Subscription
from tidegate.model.events import Faulted, StreamDown
from tidegate.model.gauges import SocketGauges, StreamGauges
from tidegate.ports import Clock, Feed
from tidegate.priority import run_in_short_slices

TICK_S = 0.5
STOP_TIMEOUT_S = 3.0
GUARD_EVERY_S = 0.5
"""How often is looked whether the thread lives; one that died is replaced at once."""
STANDSTILL_S = 5.0
"""A thread that has not turned for so long is told as down; once it turns again its sockets are opened anew."""


class HyperliquidWebSocketClient:
    """Streams market and account into `inbox` and carries signed orders out, from a daemon thread of its own.

    `url` is the socket's (wss://…/ws), `clock` the exchange's time; `proxy` is the only proxy that is ever used, not
    one that the environment names. A socket takes `line_subscriptions` before there is another. Everything public may
    be called from any thread. Reconnects for ever; nothing that happens on the network is raised.
    """

    def __init__(
        self,
        url: str,
        inbox: Feed,
        clock: Clock,
        protocol: StreamProtocol,
        *,
        rng: random.Random | None = None,
        proxy: str | None = None,
        line_subscriptions: int = LINE_SUBSCRIPTIONS,
        name: str = "hyperliquid-ws",
    ) -> None:
        self.url, self.proxy, self.name = url, proxy, name
        self.restarts = 0
        self.put = inbox.put_all
        self.stopping = asyncio.Event()
        self._inbox, self._clock, self._protocol = inbox, clock, protocol
        self._fleet = Fleet(protocol, line_subscriptions=line_subscriptions)
        self._pace = Pace(rng or random.Random())
        self._home = Line(protocol, self._pace, clock, self)
        self._lines = {protocol: self._home}
        self._tasks: dict[Line, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turned_s = 0.0
        self._stood_still = False
        self._ended = threading.Event()
        self._thread = self._new_thread()
        self._guard = threading.Thread(target=self._watch_over, name=f"{name}-guard", daemon=True)

    # for every thread

    def start(self) -> None:
        """Start the thread; facts come from now on."""
        self._begin()
        self._guard.start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Close the sockets and end the thread; waits at most that long."""
        self._ended.set()
        if self._on_loop(lambda: self.stopping.set()) and self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._guard.is_alive() and threading.current_thread() is not self._guard:
            self._guard.join(timeout_s)

    @property
    def is_up(self) -> bool:
        """Whether the first socket is open and everything asked for on it was granted."""
        return self._protocol.is_up

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def connects(self) -> int:
        """How many connections there were, on all sockets together."""
        return sum(line.connects for line in tuple(self._lines.values()))

    @property
    def silent_s(self) -> float | None:
        """Seconds since the last frame on the first socket, None while it is not open."""
        return self._protocol.silent_s(time.monotonic_ns()) if self._home.connection is not None else None

    def post(self, wish: Sent, body: bytes) -> bool:
        """Send a signed envelope; its answer arrives as facts. False: the socket is down, nothing was sent."""
        connection = self._home.connection
        if connection is None or not self._protocol.can_post:
            return False
        frame = self._protocol.post(wish, body, time.monotonic_ns())
        return connection.write_at_once(frame) or self._on_loop(self._home.write_post, frame.decode())

    def subscribe_trades(self, coin: str) -> None:
        """Stream the prints of a coin."""
        self._subscribe(Subscription("trades", coin))

    def subscribe_orderbook(self, coin: str) -> None:
        """Stream the touch of a coin's order book, at every block in which it changes."""
        self._subscribe(Subscription("bbo", coin))

    def subscribe_l2_book(self, coin: str, *, fast: bool = False) -> None:
        """Stream the levels of a coin's order book: twenty every five seconds, or five twice a second."""
        self._subscribe(Subscription("l2Book", coin, fast=fast))

    def order_book(self, coin: str) -> OrderBook | None:
        """The levels of a coin's order book as they came last; None where they have not, or nobody asked for them."""
        found = (line.order_book(coin) for line in tuple(self._lines))
        return next((book for book in found if book is not None), None)

    def subscribe_all_mids(self) -> None:
        """Stream the mid prices of all coins every five seconds: they reach the bot for coins without a stream."""
        self._subscribe(Subscription("allMids"))

    def add_coins(self, coins: Iterable[str]) -> None:
        """Stream everything of these coins too, as far as the exchange's limits leave room."""
        wanted = tuple(coins)
        self._on_loop(lambda: self._say(self._fleet.add(wanted, time.monotonic_ns())))

    def remove_coins(self, coins: Iterable[str]) -> None:
        """Stream nothing of these coins any more."""
        gone = tuple(coins)
        self._on_loop(lambda: self._say(self._fleet.remove(gone, time.monotonic_ns())))

    def hold(self, coins: Iterable[str]) -> None:
        """These coins, and no others, have a position: they come first."""
        held = tuple(coins)
        self._on_loop(lambda: self._say(self._fleet.hold(held, time.monotonic_ns())))

    def gauges(self) -> StreamGauges:
        """How the stream does."""
        now_s, now_ns = time.monotonic(), time.monotonic_ns()
        lines, shared = tuple(self._lines.values()), self._protocol.shared
        lags = sorted(shared.lags_ms.copy())
        return StreamGauges(
            sockets=tuple(
                SocketGauges(
                    coins=len(line.protocol.coins),
                    subscriptions=line.protocol.subscription_count,
                    connects=line.connects,
                    up_s=now_s - line.opened_s if line.connection is not None else None,
                )
                for line in lines
            ),
            subscriptions=sum(line.protocol.subscription_count for line in lines),
            messages_per_minute=shared.allowance.sent(now_ns),
            reconnects=sum(max(0, line.connects - 1) for line in lines),
            restarts=self.restarts,
            unheard=len(shared.roster),
            conflated=getattr(self._inbox, "conflated", 0),
            lag_p50_ms=lags[len(lags) // 2] if lags else None,
            lag_p99_ms=lags[len(lags) * 99 // 100] if lags else None,
            dropped=dict(shared.dropped),
            ages_s={coin: age_s for line in lines for coin, age_s in line.protocol.ages_s(now_ns).items()},
        )

    # the guard's thread

    def _watch_over(self) -> None:
        """Look after the stream's thread: replace it when it died, say when it stands still."""
        while not self._ended.wait(GUARD_EVERY_S):
            if not self._thread.is_alive():
                self._replace()
            elif not self._stood_still and time.monotonic() - self._turned_s > STANDSTILL_S:
                self._stood_still = True
                reason = f"the stream's thread has stood still for {STANDSTILL_S:g} s"
                self.put((StreamDown(at_ms=self._clock.now_ms(), reason=reason),))

    def _replace(self) -> None:
        self.restarts += 1
        reason = "the stream's thread has died and is replaced"
        self.put((Faulted(at_ms=self._clock.now_ms(), where="stream", reason=reason),))
        for line in tuple(self._lines.values()):
            line.abandon()
            line.failed(reason)
        self._tasks.clear()
        self.stopping = asyncio.Event()
        self._thread = self._new_thread()
        self._begin()

    # on the stream's thread

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name=self.name, daemon=True)

    def _begin(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._on_loop_error)
        self._turned_s = time.monotonic()
        self._thread.start()

    def _run(self) -> None:
        loop = self._loop
        assert loop is not None, "the thread is started with a loop"
        asyncio.set_event_loop(loop)
        run_in_short_slices()
        try:
            while not self.stopping.is_set():
                try:
                    loop.run_until_complete(self._stream())
                except Exception as error:  # noqa: BLE001 (the top of the thread: whatever it was, it becomes a fact)
                    for line in tuple(self._lines.values()):
                        self._broke(line, error)
        finally:
            loop.run_until_complete(_cancel_all(asyncio.all_tasks(loop)))
            loop.close()

    async def _stream(self) -> None:
        """Keep a task for each socket; until told to stop."""
        told = asyncio.ensure_future(self.stopping.wait())
        try:
            while not self.stopping.is_set():
                self._turn()
                await asyncio.wait((told, *self._tasks.values()), timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
            if self._tasks:
                await asyncio.wait(self._tasks.values(), timeout=STOP_TIMEOUT_S)
        finally:
            told.cancel()

    def _turn(self) -> None:
        """Twice a second: the thread is alive, and so is what it carries."""
        self._turned_s = time.monotonic()
        if self._stood_still:
            self._stood_still = False
            for line in self._lines.values():
                line.drop("the stream's thread stood still")
        self._say(self._fleet.settle(time.monotonic_ns()))
        for protocol in self._fleet.lines:
            if protocol not in self._lines:
                self._lines[protocol] = Line(protocol, self._pace.sibling(), self._clock, self)
        for line in self._lines.values():
            task = self._tasks.get(line)
            if task is not None and task.done():
                error = None if task.cancelled() else task.exception()
                if error is not None:
                    self._broke(line, error)
                task = None
            if task is None and not self.stopping.is_set():
                self._tasks[line] = asyncio.ensure_future(line.run())

    def _broke(self, line: Line, error: BaseException) -> None:
        self.put((Faulted(at_ms=self._clock.now_ms(), where="stream", reason=repr(error)),))
        line.failed(f"the stream failed: {error!r}")

    def move(self, coins: Sequence[str], away_from: StreamProtocol) -> None:
        """A socket's coins stay silent on it: others try."""
        for coin in coins:
            self._say(self._fleet.move(coin, away_from, time.monotonic_ns()))

    def _subscribe(self, wanted: Subscription) -> None:
        self._on_loop(lambda: self._say(self._fleet.add_single(wanted, time.monotonic_ns())))

    def _say(self, frames: Frames) -> None:
        for protocol, out in frames.items():
            line = self._lines.get(protocol)
            if line is not None:
                line.write_all(out)

    def _on_loop(self, do: Callable[..., None], *args: object) -> bool:
        """Have the stream's thread do this (at once while there is none); False when it has ended."""
        if self._loop is None:
            do(*args)
            return True
        try:
            self._loop.call_soon_threadsafe(do, *args)
        except RuntimeError:
            return False
        return True

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What failed inside a callback of the loop; asyncio drops the connection if it was the socket's."""
        reason = repr(context.get("exception") or context.get("message"))
        self.put((Faulted(at_ms=self._clock.now_ms(), where="stream", reason=reason),))


async def _cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    waiting = tuple(tasks)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


__all__ = ["Connection", "HyperliquidWebSocketClient"]
