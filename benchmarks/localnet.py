"""What localnet carries: messages to a client, subscriptions on a socket, signed orders, a virtual day.

    python benchmarks/localnet.py [--minutes 10]

The exchange runs in a process of its own on one core, its client on another. Prints each figure beside its goal; exits
0 unless a measurement itself failed. Absolute figures belong to a machine, so no test asserts them. `--minutes` is how
long messages are streamed (10 s without it): long enough to see whether memory stays flat.
"""

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import sys
import time
from array import array
from contextlib import suppress
from decimal import Decimal
from math import ceil
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import requests  # noqa: E402
from eth_account import Account  # noqa: E402
from hyperliquid.utils.signing import sign_l1_action  # noqa: E402
from websockets.sync.client import ClientConnection, connect  # noqa: E402

from benchmarks.counterparty import COINS, Quiet  # noqa: E402
from tidegate.localnet.clock import ExchangeClock  # noqa: E402
from tidegate.localnet.doors.limits import UNLIMITED  # noqa: E402
from tidegate.localnet.doors.localnet import Localnet, LocalnetOptions  # noqa: E402
from tidegate.localnet.doors.server import Server  # noqa: E402
from tidegate.localnet.exchange import Exchange  # noqa: E402
from tidegate.localnet.kernel.universe import default_universe  # noqa: E402
from tidegate.localnet.markets.house import grids  # noqa: E402
from tidegate.localnet.markets.market import RandomMarket, play  # noqa: E402
from tidegate.localnet.ready import Ready  # noqa: E402

D = Decimal
PROCESSES = multiprocessing.get_context("spawn")
RATE = 5_000
BURST = 5
WINDOW_S = 1.0
STREAM_S = 10.0
DEEP = D(1_000_000_000)
SUBSCRIPTIONS = 1_000
INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "3d", "1w")
ORDERS_HTTP, ORDERS_IN_PROCESS = 1_000, 5_000
ROUNDS = 3
DAY_MS = 86_400_000
QUIET_COINS = ("LINK", "SUI", "XRP")
"""Coins of the seeded market that print once a second; its busiest print three times."""
TIMEOUT_S = 30.0
PAGE = os.sysconf("SC_PAGE_SIZE")


class Pump:
    """An exchange with a deep book, whose house trades so often a second; one core."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        start_ms = time.time_ns() // 1_000_000
        self.exchange = Exchange(default_universe(), start_ms=start_ms, instance=f"{start_ms:x}")
        market = Quiet(start_ms)
        market.prepare(self.exchange)
        for coin in COINS.values():
            self.exchange.quote(coin.name, [(coin.mid - coin.tick, DEEP, 1)], [(coin.mid + coin.tick, DEEP, 1)])
        self.localnet = Localnet(self.exchange, market, ExchangeClock(start_ms, 1.0, time.monotonic), UNLIMITED)
        self.server = Server(self.localnet, LocalnetOptions(limits=UNLIMITED), self._on_ready)

    def serve(self) -> None:
        """Answer until told to stop."""
        gc.collect()
        gc.freeze()
        self.server.serve_until_stopped()

    def _on_ready(self, ready: Ready) -> None:
        self._conn.send(ready.url)
        Thread(target=self._obey, name="orders", daemon=True).start()

    def _obey(self) -> None:
        loop = self.server.loop
        assert loop is not None, "a server that is ready has a loop"
        with suppress(EOFError):
            while True:
                seconds = self._conn.recv()
                self._conn.send(asyncio.run_coroutine_threadsafe(self._stream(seconds), loop).result())
        self.server.stop()

    async def _stream(self, seconds: float) -> tuple[bytes, list[int]]:
        """Print at RATE for so long; when each print was made (monotonic ns), and the memory used second by second."""
        # Made whole before the first second, so that the memory which grows is the exchange's.
        stamps, memory = array("q", [1]) * (int(seconds * RATE / BURST) * BURST), []
        coins = list(COINS.values())
        began_s = time.monotonic()
        next_memory_s = began_s
        for number in range(int(seconds * RATE / BURST)):
            due_s = began_s + number * BURST / RATE
            if (wait_s := due_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            else:
                await asyncio.sleep(0)
            self.localnet.driver.catch_up()
            for each in range(BURST):
                coin = coins[(number * BURST + each) % len(coins)]
                stamps[number * BURST + each] = time.monotonic_ns()
                self.exchange.trade(coin.name, "B", coin.mid + coin.tick, D("0.01"))
            if time.monotonic() >= next_memory_s:
                memory.append(resident_bytes())
                next_memory_s += WINDOW_S
        return stamps.tobytes(), memory


def resident_bytes() -> int:
    """Memory of this process."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * PAGE


def run_pump(conn: Connection) -> None:
    """The exchange's process, on the last core that it may use."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    Pump(conn).serve()


def subscribe(socket: ClientConnection, subscriptions: list[dict[str, Any]]) -> int:
    """Subscribe and wait for each acknowledgement; how many came."""
    for each in subscriptions:
        socket.send(json.dumps({"method": "subscribe", "subscription": each}))
    acks = 0
    while acks < len(subscriptions):
        acks += '"channel":"subscriptionResponse"' in str(socket.recv(TIMEOUT_S))
    return acks


def measure_stream(url: str, conn: Connection, seconds: float) -> None:
    """Every print as a frame to one client: the delay of each, and the server's memory."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
    with connect("ws" + url[4:] + "/ws", compression=None, max_queue=None, ping_interval=None) as socket:
        subscribe(socket, [{"type": "trades", "coin": coin} for coin in COINS])
        with suppress(TimeoutError):
            while True:
                socket.recv(0.5)
        conn.send(seconds)
        arrived = array("q")
        wanted = int(seconds * RATE / BURST) * BURST
        while len(arrived) < wanted:
            frame = socket.recv(TIMEOUT_S, decode=False)
            now_ns = time.monotonic_ns()
            assert isinstance(frame, bytes)
            arrived.extend([now_ns] * frame.count(b'"tid":'))
        made, memory = conn.recv()
    stamps = array("q")
    stamps.frombytes(made)
    late_ms = sorted((there - here) / 1e6 for here, there in zip(stamps, arrived, strict=True))
    took_s = (stamps[-1] - stamps[0]) / 1e9
    say("messages a second to one client", f"{len(stamps) / took_s:,.0f}", "5,000")
    say("  from print to client, p50", f"{median(late_ms):.2f} ms", "")
    say("  p99", f"{late_ms[ceil(0.99 * len(late_ms)) - 1]:.2f} ms", "under 2 ms")
    settled = memory[len(memory) // 4 :]
    grown = (settled[-1] - settled[0]) / 2**20
    say(f"  memory after {took_s:,.0f} s", f"{memory[-1] / 2**20:.0f} MB, {grown:+.1f} MB since a quarter", "flat")


def measure_subscriptions(url: str) -> None:
    """As many subscriptions as one socket may have."""
    meta = requests.post(url + "/info", json={"type": "meta"}, timeout=TIMEOUT_S).json()
    coins = [each["name"] for each in meta["universe"]]
    books = [{"nSigFigs": figures} for figures in (2, 3, 4, 5)] + [{"nSigFigs": 5, "mantissa": each} for each in (2, 5)]
    wanted: list[dict[str, Any]] = []
    for coin in coins:
        wanted += [{"type": kind, "coin": coin} for kind in ("trades", "bbo", "l2Book", "activeAssetCtx")]
        wanted += [{"type": "candle", "coin": coin, "interval": each} for each in INTERVALS]
        wanted += [{"type": "l2Book", "coin": coin, **each} for each in ({"fast": True}, *books)]
        wanted += [{"type": "l2Book", "coin": coin, "fast": True, **each} for each in books]
    for number in range(SUBSCRIPTIONS):
        kind = ("orderUpdates", "userFills", "userFundings", "userEvents")[number % 4]
        wanted.append({"type": kind, "user": f"0x{number // 4:040x}"})
    with connect("ws" + url[4:] + "/ws", compression=None, max_queue=None, ping_interval=None) as socket:
        began_s = time.monotonic()
        acks = subscribe(socket, wanted[:SUBSCRIPTIONS])
        took_s = time.monotonic() - began_s
    say("subscriptions on one socket", f"{acks:,} in {took_s:.2f} s", "1,000")


def signed_orders(count: int) -> list[bytes]:
    """Different orders of one account, each signed: IOC buys of the smallest size."""
    wallet = Account.create()
    nonce = time.time_ns() // 1_000_000
    bodies = []
    for number in range(count):
        order = {"a": 0, "b": number % 2 == 0, "p": "84000" if number % 2 == 0 else "76000", "s": "0.001", "r": False}
        kind = {"t": {"limit": {"tif": "Ioc"}}}
        action = {"type": "order", "orders": [{**order, **kind}], "grouping": "na"}
        signature = sign_l1_action(wallet, action, None, nonce + number, None, False)
        bodies.append(json.dumps({"action": action, "nonce": nonce + number, "signature": signature}).encode())
    return bodies


def measure_orders_over_http(url: str) -> None:
    """One client, one order a request, one after the other."""
    asset = requests.post(url + "/info", json={"type": "meta"}, timeout=TIMEOUT_S).json()["universe"][0]["name"]
    rates = []
    with requests.Session() as session:
        for _ in range(ROUNDS):
            bodies = signed_orders(ORDERS_HTTP)
            filled, began_s = 0, time.monotonic()
            for body in bodies:
                answer = session.post(
                    url + "/exchange", data=body, headers={"Content-Type": "application/json"}, timeout=10
                )
                filled += b'"filled"' in answer.content
            rates.append(len(bodies) / (time.monotonic() - began_s))
            assert filled == len(bodies), f"{filled} of {len(bodies)} {asset} orders were filled"
    say("signed orders a second over HTTP", f"{median(rates):,.0f}", "300")


def measure_orders_in_process() -> None:
    """The same through the in-process door: bytes in, bytes out."""
    start_ms = time.time_ns() // 1_000_000
    rates = []
    for _ in range(ROUNDS):
        exchange = Exchange(default_universe(), start_ms=start_ms, instance="benchmark")
        market = Quiet(start_ms)
        market.prepare(exchange)
        gate = Localnet(exchange, market, ExchangeClock(start_ms, 1.0, time.monotonic), UNLIMITED).gate
        bodies = signed_orders(ORDERS_IN_PROCESS)
        gc.collect()
        filled, began_s = 0, time.monotonic()
        for body in bodies:
            filled += b'"filled"' in gate.http("POST", "/exchange", "application/json", body).body
        rates.append(len(bodies) / (time.monotonic() - began_s))
        assert filled == len(bodies), f"{filled} of {len(bodies)} orders were filled"
    say("signed orders a second in process", f"{median(rates):,.0f}", "3,000")


def measure_virtual_day() -> None:
    """A day of the seeded market in virtual time, candles and marks included: three coins that print once a second."""
    universe, start_ms = default_universe(), 1_790_000_000_000
    some = {coin: grid for coin, grid in grids(universe).items() if coin in QUIET_COINS}
    market = RandomMarket(universe, 1, start_ms, grid_of=some)
    exchange = Exchange(universe, start_ms=start_ms, instance="benchmark")
    market.prepare(exchange)
    heard = Prints()
    exchange.feed.append(heard)
    gc.collect()
    began_s = time.monotonic()
    play(exchange, market, start_ms + DAY_MS)
    took_s = time.monotonic() - began_s
    rate = heard.count / len(QUIET_COINS) / (DAY_MS / 1000)
    say("a virtual day of 3 coins", f"{took_s:.1f} s, {heard.count:,} prints ({rate:.2f}/s a coin)", "under 10 s")


class Prints:
    """A feed that counts prints."""

    def __init__(self) -> None:
        self.count = 0

    def on_trades(self, _coin: str, trades: list[Any]) -> None:
        self.count += len(trades)

    def on_book(self, _coin: str) -> None: ...

    def on_order_update(self, _user: str, _updates: list[Any]) -> None: ...

    def on_fills(self, _user: str, _fills: list[Any]) -> None: ...

    def on_user_event(self, _user: str, _event: Any) -> None: ...

    def on_asset_ctx(self, _coin: str) -> None: ...


def say(what: str, found: str, goal: str) -> None:
    """One line of the table."""
    print(f"{what:44}{found:>36}  {'goal ' + goal if goal else ''}".rstrip(), flush=True)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="how long to stream messages")
    minutes = parser.parse_args().minutes
    measure_virtual_day()
    measure_orders_in_process()
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=run_pump, args=(theirs,), name="exchange")
    process.start()
    theirs.close()
    try:
        url = ours.recv()
        measure_orders_over_http(url)
        measure_subscriptions(url)
        measure_stream(url, ours, STREAM_S if minutes is None else minutes * 60)
    finally:
        ours.close()
        process.join(10)
        if process.is_alive():
            process.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
