"""Who listens: our stream client with the inbox emptied behind it, the SDK's manager, ccxt pro's watch loops.

Each runs in a process of its own and notes when it was handed each frame, known by its time. A listener says "ready",
then takes `begin` (the time of the last frame) and `end`, which is answered when the last frame has been handed over.
"""

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import Any

import msgspec

HEARD_TIMEOUT_S = 60.0
USER = "0x" + "11" * 20


class Heard(msgspec.Struct, frozen=True):
    """What a listener was handed: when (monotonic ns) by the frame's time, and what that cost this process."""

    at_ns: dict[int, int]
    cpu_ns: int
    done: bool


class Tally:
    """Counts for one listener and answers the benchmark on a thread of its own."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._done = threading.Event()
        self._last_ms = self._began_ns = self._ended_ns = 0
        self.at_ns: dict[int, int] = {}

    def heard(self, time_ms: int) -> None:
        """A frame was handed over."""
        self.at_ns[time_ms] = time.monotonic_ns()
        if time_ms == self._last_ms:
            self._ended_ns = time.process_time_ns()
            self._done.set()

    def obey(self) -> None:
        """Answer until the benchmark hangs up."""
        self._conn.send("ready")
        try:
            while True:
                word, argument = self._conn.recv()
                if word == "begin":
                    self._done.clear()
                    self.at_ns.clear()
                    self._last_ms = argument
                    gc.collect()
                    self._began_ns = time.process_time_ns()
                    self._conn.send(word)
                else:
                    done = self._done.wait(HEARD_TIMEOUT_S)
                    self._conn.send(Heard(dict(self.at_ns), self._ended_ns - self._began_ns, done))
        except EOFError:
            pass


def listen_as_ours(tally: Tally, url: str, coins: Iterable[str]) -> None:
    """The stream client of the bot; its facts are taken from the inbox as the bot's loop takes them."""
    from hyperliquid_websocket import HyperliquidWebSocketClient
    from tidegate.clock import ExchangeClock
    from tidegate.hyperliquid.protocol import StreamProtocol
    from tidegate.inbox import ConflatingInbox
    from tidegate.model.events import BookChanged, Command, Trade
    from tidegate.model.market import Timeframe
    from tidegate.session import SWITCH_INTERVAL_S

    clock = ExchangeClock(time.time_ns() // 1_000_000)
    inbox = ConflatingInbox(clock)
    protocol = StreamProtocol((), USER, Timeframe.M1)
    client = HyperliquidWebSocketClient(f"ws{url.removeprefix('http')}/ws", inbox, clock, protocol)
    for coin in coins:
        client.subscribe_trades(coin)
        client.subscribe_l2_book(coin)
    client.start()

    def obey() -> None:
        tally.obey()
        inbox.put(Command(at_ms=clock.now_ms(), name="stop", reason="the benchmark is over"))

    threading.Thread(target=obey, daemon=True).start()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
    listening = True
    while listening:
        for event in inbox.take(clock.now_ms() + 60_000):
            if isinstance(event, (Trade, BookChanged)):
                tally.heard(event.time_ms)
            elif isinstance(event, Command):
                listening = False
    client.stop()


def listen_as_sdk(tally: Tally, url: str, coins: Iterable[str]) -> None:
    """The SDK's manager with one callback for each stream."""
    from hyperliquid.websocket_manager import WebsocketManager

    def on_trades(message: Any) -> None:
        tally.heard(message["data"][-1]["time"])

    def on_book(message: Any) -> None:
        tally.heard(message["data"]["time"])

    manager = WebsocketManager(url)
    manager.daemon = True
    for coin in coins:
        manager.subscribe({"type": "trades", "coin": coin}, on_trades)
        manager.subscribe({"type": "l2Book", "coin": coin}, on_book)
    manager.start()
    tally.obey()
    manager.stop_event.set()  # `stop` waits for a goodbye; the process ends here anyway


def listen_as_ccxt(tally: Tally, url: str, coins: Iterable[str]) -> None:
    """ccxt pro with one watch loop for each stream, as its examples write them."""
    asyncio.run(_watch(tally, url, coins))


async def _watch(tally: Tally, url: str, coins: Iterable[str]) -> None:
    import ccxt.pro

    exchange = ccxt.pro.hyperliquid({"enableRateLimit": False})
    rows = ({"name": coin, "szDecimals": 2, "maxLeverage": 20, "baseId": place} for place, coin in enumerate(coins))
    exchange.set_markets([exchange.parse_market(row) for row in rows])
    exchange.urls["api"]["ws"]["public"] = f"ws{url.removeprefix('http')}/ws"

    async def watch_trades(symbol: str) -> None:
        while True:
            for trade in await exchange.watch_trades(symbol):
                tally.heard(trade["timestamp"])

    async def watch_book(symbol: str) -> None:
        while True:
            tally.heard((await exchange.watch_order_book(symbol))["timestamp"])

    watching = [
        asyncio.create_task(watch(symbol)) for symbol in exchange.symbols for watch in (watch_trades, watch_book)
    ]
    try:
        await asyncio.to_thread(tally.obey)
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await exchange.close()


LISTENERS = {"ours": listen_as_ours, "SDK": listen_as_sdk, "ccxt": listen_as_ccxt}


def run(conn: Connection, name: str, url: str, coins: tuple[str, ...]) -> None:
    """The process of one listener."""
    LISTENERS[name](Tally(conn), url, coins)
