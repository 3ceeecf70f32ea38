"""Row 000-26: ten thousand trades a second of fifty coins: no extreme is lost, and what handling takes is printed.

Two seconds of it; `TORRENT_S=60` for the row's minute (see it with `-s`). A machine that has no time makes it last
longer, and loses nothing.
"""

import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from decimal import Decimal

import pytest

from hyperliquid_websocket import HyperliquidWebSocketClient
from tests.checklist import torrent
from tests.checklist.torrent import COINS, prices
from tests.core.worlds import TAG, D
from tidegate.clock import ExchangeClock
from tidegate.core.state import State
from tidegate.core.step import step
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.inbox import ConflatingInbox
from tidegate.model.events import Account, Started, StreamDown, Trade
from tidegate.model.instruments import Instrument
from tidegate.model.market import Timeframe
from tidegate.model.settings import Settings, Stream

SECONDS = int(os.environ.get("TORRENT_S", "2"))
PER_S = 10_000
PATIENCE_S = 30 + 4 * SECONDS


class Ear:
    """A core behind the real stream, which remembers what it heard of each coin."""

    def __init__(self, port: int) -> None:
        self.clock = ExchangeClock(time.time_ns() // 1_000_000)
        self.inbox = ConflatingInbox(self.clock)
        protocol = StreamProtocol(COINS, "", Timeframe.M1, account=False, candles=False, room=len(COINS))
        url = f"ws://127.0.0.1:{port}/ws"
        self.stream = HyperliquidWebSocketClient(url, self.inbox, self.clock, protocol, rng=random.Random(1))
        self.state = State()
        self.low: dict[str, Decimal] = {}
        self.high: dict[str, Decimal] = {}
        self.last: dict[str, Decimal] = {}
        self.prints: Counter[str] = Counter()
        self.took_ms: list[float] = []
        self.downs = 0
        now_ms = self.clock.now_ms()
        listed = tuple(
            Instrument(coin=coin, asset=number, size_decimals=2, leverage_max=20) for number, coin in enumerate(COINS)
        )
        account = Account(equity=D(10_000), free=D(10_000), time_ms=now_ms)
        settings = Settings(coins=COINS, stream=Stream.PRICES)
        step(
            self.state,
            Started(at_ms=now_ms, settings=settings, instruments=listed, account=account, instance_tag=TAG),
        )

    def listen(self, count: int) -> None:
        """Until so many prints have been heard."""
        deadline_s = time.monotonic() + PATIENCE_S
        while self.prints.total() < count:
            assert time.monotonic() < deadline_s, f"{self.prints.total()} of {count} prints"
            for event in self.inbox.take(self.clock.now_ms() + 200):
                step(self.state, event)
                if isinstance(event, Trade):
                    self._hear(event)
                    self.took_ms.append((time.monotonic_ns() - event.received_ns) / 1e6)
                self.downs += isinstance(event, StreamDown)

    def _hear(self, event: Trade) -> None:
        coin = event.coin
        self.prints[coin] += event.count
        self.low[coin] = min(event.low, self.low.get(coin, event.low))
        self.high[coin] = max(event.high, self.high.get(coin, event.high))
        self.last[coin] = event.price

    def took(self, share: float) -> float:
        """The time from the socket until the core had dealt with it, in ms."""
        return sorted(self.took_ms)[int(len(self.took_ms) * share)]


@pytest.mark.timeout(60 + 8 * SECONDS)
def test_ten_thousand_trades_a_second_of_fifty_coins_lose_no_extreme_and_no_print() -> None:
    count = PER_S * SECONDS
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=torrent.run, args=(theirs, count, PER_S), daemon=True)
    process.start()
    try:
        ear = Ear(ours.recv())
        ear.stream.start()
        try:
            ear.listen(count)
            poured_s = ours.recv()
        finally:
            ear.stream.stop()
    finally:
        process.terminate()
        process.join()
    sent: dict[str, list[Decimal]] = {coin: [] for coin in COINS}
    for coin, price in prices(count):
        sent[coin].append(Decimal(price))
    assert ear.prints == {coin: len(some) for coin, some in sent.items()}
    assert ear.low == {coin: min(some) for coin, some in sent.items()}
    assert ear.high == {coin: max(some) for coin, some in sent.items()}
    assert ear.last == {coin: some[-1] for coin, some in sent.items()}
    assert ear.downs == 0
    sys.stdout.write(
        f"{count / poured_s:,.0f} trades a second for {poured_s:.1f} s: from the socket until handled p50 "
        f"{ear.took(0.5):.2f} ms, p99 {ear.took(0.99):.2f} ms; {ear.inbox.conflated:,} conflated, none lost\n"
    )
