"""Many coins over real sockets: what the exchange does not stream comes by REST, and all are fresh; of fifty coins one
that says nonsense harms no other."""

import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

import requests

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
from tidegate.model.events import Account, CoinsUnheard, Event, Mid, Started, StreamDown, StreamFrozen, Trade
from tidegate.model.instruments import Instrument
from tidegate.model.intents import FetchPrices
from tidegate.model.market import Timeframe
from tidegate.model.settings import Settings, Stream
from tidegate.reader import Reader

COINS = {name: Coin(name, D(200), D("0.01")) for name in (f"C{number:04}" for number in range(1_001))}
USER = "0x" + "ab" * 20
PATIENCE_S = 90.0
STOP_S = 3.0
ROUNDS = 25
"""More bad frames than a coin may have within a minute."""


class Listener:
    """A core with a real stream, a real reader and nothing else: it only listens."""

    def __init__(self, url: str, coins: Collection[str], stage: Stream = Stream.PRICES) -> None:
        self.coins = tuple(coins)
        asked = HyperliquidClient(url, budget=Budget())
        self.clock = ExchangeClock(asked.exchange_ms())
        listed = asked.instruments()[0]
        asked.close()
        self.inbox = ConflatingInbox(self.clock)
        protocol = StreamProtocol(coins, USER, Timeframe.M1, candles=False, account=stage is Stream.ALL)
        self.stream = HyperliquidWebSocketClient(
            f"ws{url.removeprefix('http')}/ws", self.inbox, self.clock, protocol, rng=random.Random(1)
        )
        budget = Budget()
        self.reader = Reader(lambda: HyperliquidClient(url, budget=budget), USER, self.inbox, self.clock)
        self.state = State()
        self.polled: set[str] = set()
        self.prints: Counter[str] = Counter()
        self.events: list[Event] = []
        self._begin(tuple(listed[coin] for coin in coins), stage)

    def _begin(self, instruments: tuple[Instrument, ...], stage: Stream) -> None:
        now_ms = self.clock.now_ms()
        settings = Settings(coins=self.coins, stream=stage)
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
                elif isinstance(event, Trade):
                    self.prints[event.coin] += event.count
                elif isinstance(event, (StreamFrozen, StreamDown, CoinsUnheard)):
                    self.events.append(event)
                for intent in step(self.state, event).intents:
                    if isinstance(intent, FetchPrices):
                        self.reader.submit(intent)


def many_coins(coins: Mapping[str, Coin]) -> Localnet:
    """An exchange with all these coins, in which nothing happens by itself, and the real one's limits."""
    start_ms = time.time_ns() // 1_000_000
    perps = tuple(PerpRule(name, 2, 20, flat_table(20), coin.mid) for name, coin in coins.items())
    exchange = Exchange(Universe(perps=perps), start_ms=start_ms, instance="many")
    market = Quiet(start_ms, coins)
    market.prepare(exchange)
    return Localnet(exchange, market, NetClock(start_ms, 1.0, time.monotonic), Limits())


def print_all(localnet: Localnet, coins: Iterable[Coin]) -> None:
    """One print of every coin."""
    localnet.driver.catch_up()
    for coin in coins:
        localnet.exchange.trade(coin.name, "B", coin.mid + coin.tick, D(1))


def test_of_1001_coins_a_thousand_are_streamed_and_one_is_polled_and_all_are_fresh() -> None:
    with running(localnet=many_coins(COINS)) as net:
        bot = Listener(net.url, COINS)
        bot.reader.start()
        bot.stream.start()
        try:
            bot.until(lambda: bot.state.stream_up and len(bot.state.frozen) == 1)
            granted = net.call(lambda localnet: sum(len(each.subscriptions) for each in localnet.streams.sessions))
            assert granted == SUBSCRIPTIONS_MAX
            printed_ms = bot.clock.now_ms()
            net.call(lambda localnet: print_all(localnet, COINS.values()))
            coins = bot.state.coins.values()
            bot.until(lambda: all(coin.last_ms >= printed_ms - 1_000 for coin in coins))
            assert all(coin.last for coin in coins)
            assert bot.polled == set(bot.state.frozen), "REST asks for no other"
            assert bot.stream.gauges().unheard == 1
        finally:
            bot.stream.stop()
            bot.reader.stop(STOP_S)


def test_of_fifty_coins_one_says_nonsense_and_of_the_others_every_print_arrives_and_none_is_told_as_unheard() -> None:
    coins = dict(tuple(COINS.items())[:50])
    poisoned, others = "C0007", coins.keys() - {"C0007"}
    with running(localnet=many_coins(coins)) as net:
        for channel in ("trades", "bbo"):
            rule = {"do": "ws.mutate no_px", "match": {"coin": poisoned, "channel": channel}, "times": None}
            requests.post(f"{net.url}/localnet/fault", json=rule, timeout=PATIENCE_S).raise_for_status()
        bot = Listener(net.url, coins, Stream.ALL)
        bot.stream.start()
        try:
            bot.until(lambda: bot.state.stream_up)
            bot.prints.clear()
            for _round in range(ROUNDS):
                net.call(lambda localnet: print_all(localnet, coins.values()))
            bot.until(lambda: all(bot.prints[coin] >= ROUNDS for coin in others) and bool(bot.state.frozen))
            assert {bot.prints[coin] for coin in others} == {ROUNDS}
            assert set(bot.state.frozen) == {poisoned}
            assert [type(event) for event in bot.events] == [StreamFrozen]
            assert bot.stream.gauges().reconnects == 0
        finally:
            bot.stream.stop()
