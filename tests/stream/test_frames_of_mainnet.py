"""Recorded frames of mainnet, played at recorded speed and at fifty times: the candles are those of the recording.

`make stream-law` plays the whole recording; else a quarter of an hour of it at fifty times.
"""

import gzip
import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hyperliquid_websocket import HyperliquidWebSocketClient
from tests.core.worlds import TAG, D
from tidegate.clock import ExchangeClock
from tidegate.core.state import State
from tidegate.core.step import step
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.limits import Budget
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.inbox import ConflatingInbox
from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running
from tidegate.model.events import Account, Started, Trade
from tidegate.model.intents import FetchCandles, FetchPrices
from tidegate.model.market import MINUTE_MS, Candle, Timeframe
from tidegate.model.settings import Settings
from tidegate.reader import Reader

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "ws" / "hyperliquid"
RECORDING = SHARED / "20250904_1946_BTC-ETH-SOL_l2-bbo-trades.jsonl.gz"
COINS = ("BTC", "ETH", "SOL")
USER = "0x" + "ab" * 20
HOUR_MS = 3_600_000
REPLAY_MS = 2_000
"""What a subscription begins with, older prints, is no part of the recording."""
WHOLE = "STREAM_LAW" in os.environ
STOP_S = 3.0
PATIENCE = 3.0

pytestmark = pytest.mark.skipif(not RECORDING.is_file(), reason="the shared recordings are not on this machine")


def recorded() -> Iterator[tuple[int, dict[str, Any]]]:
    """Every print once, with the time at which it was received."""
    seen: set[tuple[str, int]] = set()
    first_ms = 0
    with gzip.open(RECORDING) as lines:
        for line in lines:
            row = msgspec.json.decode(line)
            at_ms = row["recv_ns"] // 1_000_000
            first_ms = first_ms or at_ms
            if row["raw"]["channel"] != "trades":
                continue
            for each in row["raw"]["data"]:
                if (each["coin"], each["tid"]) not in seen and each["time"] >= first_ms - REPLAY_MS:
                    yield at_ms, each
                seen.add((each["coin"], each["tid"]))


def minutes() -> dict[tuple[str, int], list[Decimal]]:
    """The prices of each coin and minute, in order."""
    found: defaultdict[tuple[str, int], list[Decimal]] = defaultdict(list)
    for at_ms, each in recorded():
        found[each["coin"], at_ms // MINUTE_MS * MINUTE_MS].append(Decimal(each["px"]))
    return found


class Listener:
    """A core with the real stream and reader, which counts the prints that it hears."""

    def __init__(self, url: str, speed: float) -> None:
        client = HyperliquidClient(url, budget=Budget())
        self.clock = ExchangeClock(client.exchange_ms(), speed)
        listed = client.instruments()[0]
        client.close()
        self.inbox = ConflatingInbox(self.clock)
        protocol = StreamProtocol(COINS, USER, Timeframe.M1)
        address = f"ws{url.removeprefix('http')}/ws"
        self.stream = HyperliquidWebSocketClient(address, self.inbox, self.clock, protocol, rng=random.Random(1))
        self.reader = Reader(lambda: HyperliquidClient(url, budget=Budget()), USER, self.inbox, self.clock)
        self.state = State()
        self.prints: defaultdict[tuple[str, int], int] = defaultdict(int)
        now_ms = self.clock.now_ms()
        step(
            self.state,
            Started(
                at_ms=now_ms,
                settings=Settings(coins=COINS, timeframe=Timeframe.M1, check_interval_s=D(60)),
                instruments=tuple(listed[coin] for coin in COINS),
                account=Account(equity=D(10_000), free=D(10_000), time_ms=now_ms),
                instance_tag=TAG,
                speed=speed,
            ),
        )

    def listen(self, until_ms: int) -> None:
        """Until that moment of the recording."""
        deadline_s = time.monotonic() + PATIENCE * self.clock.seconds_until(until_ms) + 10
        while self.clock.now_ms() < until_ms:
            assert time.monotonic() < deadline_s
            for event in self.inbox.take(min(until_ms, self.clock.now_ms() + 1_000)):
                if isinstance(event, Trade):
                    self.prints[event.coin, event.time_ms // MINUTE_MS * MINUTE_MS] += event.count
                for intent in step(self.state, event).intents:
                    if isinstance(intent, (FetchCandles, FetchPrices)):
                        self.reader.submit(intent)

    def candles(self, coin: str, from_ms: int) -> tuple[Candle, ...]:
        """The closed candles from there on."""
        return tuple(row for row in self.state.coins[coin].candles.rows if row.open_ms >= from_ms)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("speed", "stretch_min"),
    [
        pytest.param(50.0, 32 if WHOLE else 12, id="fifty times"),
        pytest.param(1.0, 2, id="recorded speed", marks=pytest.mark.skipif(not WHOLE, reason="make stream-law does")),
    ],
)
def test_the_candles_are_those_of_the_recording_without_a_gap_and_no_print_counts_twice(
    speed: float, stretch_min: int
) -> None:
    expected = minutes()
    first_ms = min(open_ms for _coin, open_ms in expected)
    options = LocalnetOptions(replay=(RECORDING,), coins=COINS, speed=speed, limits=UNLIMITED)
    with running(options) as net:
        bot = Listener(net.url, speed)
        shift_ms = round((bot.clock.now_ms() - first_ms) / HOUR_MS) * HOUR_MS
        begun_ms = (bot.clock.now_ms() // MINUTE_MS + (1 if speed == 1 else 2)) * MINUTE_MS
        bot.reader.start()
        bot.stream.start()
        try:
            bot.listen(begun_ms + stretch_min * MINUTE_MS + min(MINUTE_MS, int(5_000 * speed)))
            reconnects = bot.stream.gauges().reconnects
        finally:
            bot.stream.stop()
            bot.reader.stop(STOP_S)
    assert reconnects == 0
    whole = range(begun_ms, begun_ms + stretch_min * MINUTE_MS, MINUTE_MS)
    for coin in COINS:
        candles = {row.open_ms: row for row in bot.candles(coin, begun_ms)}
        assert list(candles)[: len(whole)] == list(whole), "no gap, no double"
        for open_ms in whole:
            prices, row = expected[coin, open_ms - shift_ms], candles[open_ms]
            assert bot.prints[coin, open_ms] == len(prices), "every print once"
            if prices:
                found = (row.open, row.high, row.low, row.close, row.trades)
                assert found == (prices[0], max(prices), min(prices), prices[-1], len(prices))
