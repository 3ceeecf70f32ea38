"""More coins than the exchange streams: a thousand come over real sockets, the rest by REST, and all are fresh."""

import random
import time
from collections.abc import Callable

from benchmarks.counterparty import Coin, Quiet
from hyperliquid_websocket import HyperliquidWebSocketClient
from tests.core.worlds import TAG, D
from tidegate.clock import ExchangeClock
from tidegate.core.state import State
from tidegate.core.step import step
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.limits import Budget
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.hyperliquid.subscriptions import SUBSCRIPTIONS_MAX
from tidegate.inbox import ConflatingInbox
from tidegate.localnet.clock import ExchangeClock as NetClock
from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.doors.localnet import Localnet
from tidegate.localnet.doors.thread import running
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.instruments import PerpRule
from tidegate.localnet.kernel.universe import Universe, flat_table
from tidegate.model.events import Account, Mid, Started
from tidegate.model.instruments import Instrument
from tidegate.model.intents import FetchPrices
from tidegate.model.market import Timeframe
from tidegate.model.settings import Settings, Stream
from tidegate.reader import Reader

COINS = {name: Coin(name, D(200), D("0.01")) for name in (f"C{number:04}" for number in range(1_001))}
USER = "0x" + "ab" * 20
PATIENCE_S = 90.0
STOP_S = 3.0


class Listener:
    """A core with a real stream, a real reader and nothing else: it only listens."""

    def __init__(self, url: str) -> None:
        asked = HyperliquidClient(url, budget=Budget())
        self.clock = ExchangeClock(asked.exchange_ms())
        listed = asked.instruments()[0]
        asked.close()
        self.inbox = ConflatingInbox(self.clock)
        self.protocol = StreamProtocol(COINS, USER, Timeframe.M1, candles=False, account=False)
        self.stream = HyperliquidWebSocketClient(
            f"ws{url.removeprefix('http')}/ws", self.inbox, self.clock, self.protocol, rng=random.Random(1)
        )
        budget = Budget()
        self.reader = Reader(lambda: HyperliquidClient(url, budget=budget), USER, self.inbox, self.clock)
        self.state = State()
        self.polled: set[str] = set()
        self._begin(tuple(listed[coin] for coin in COINS))

    def _begin(self, instruments: tuple[Instrument, ...]) -> None:
        now_ms = self.clock.now_ms()
        settings = Settings(coins=tuple(COINS), stream=Stream.PRICES)
        account = Account(equity=D(10_000), free=D(10_000), time_ms=now_ms)
        step(
            self.state,
            Started(at_ms=now_ms, settings=settings, instruments=instruments, account=account, instance_tag=TAG),
        )

    def until(self, so: Callable[[], bool]) -> None:
        """Listen until it is so."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not so():
            assert time.monotonic() < deadline_s, "it did not become so"
            for event in self.inbox.take(self.clock.now_ms() + 200):
                if isinstance(event, Mid):
                    self.polled.add(event.coin)
                for intent in step(self.state, event).intents:
                    if isinstance(intent, FetchPrices):
                        self.reader.submit(intent)


def many_coins() -> Localnet:
    """An exchange with all these coins, in which nothing happens by itself, and the real one's limits."""
    start_ms = time.time_ns() // 1_000_000
    perps = tuple(PerpRule(name, 2, 20, flat_table(20), coin.mid) for name, coin in COINS.items())
    exchange = Exchange(Universe(perps=perps), start_ms=start_ms, instance="many")
    market = Quiet(start_ms, COINS)
    market.prepare(exchange)
    return Localnet(exchange, market, NetClock(start_ms, 1.0, time.monotonic), Limits())


def print_all(localnet: Localnet) -> None:
    """One print of every coin."""
    localnet.driver.catch_up()
    for coin in COINS.values():
        localnet.exchange.trade(coin.name, "B", coin.mid + coin.tick, D(1))


def test_of_1001_coins_a_thousand_are_streamed_and_one_is_polled_and_all_are_fresh() -> None:
    with running(localnet=many_coins()) as net:
        bot = Listener(net.url)
        bot.reader.start()
        bot.stream.start()
        try:
            bot.until(lambda: bot.state.stream_up and len(bot.state.frozen) == 1)
            granted = net.call(lambda localnet: sum(len(each.subscriptions) for each in localnet.streams.sessions))
            assert granted == SUBSCRIPTIONS_MAX
            printed_ms = bot.clock.now_ms()
            net.call(print_all)
            coins = bot.state.coins.values()
            bot.until(lambda: all(coin.last_ms >= printed_ms - 1_000 for coin in coins))
            assert all(coin.last for coin in coins)
            assert bot.polled == set(bot.state.frozen), "REST asks for no other"
            assert bot.stream.gauges().unheard == 1
        finally:
            bot.stream.stop()
            bot.reader.stop(STOP_S)
