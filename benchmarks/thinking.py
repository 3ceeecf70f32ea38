"""Strategies that compute beside an exit: 20 coins of 5 000 bars, without a pause.

For the bot they compute where its strategies always do, in the real strategist's child, fed through the real pipe.
For the SDK they compute in a thread of the same process, for that is where its users' strategies are.
"""

import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import count, cycle
from random import Random
from typing import TYPE_CHECKING

from tidegate.clock import ExchangeClock
from tidegate.model.events import Event, Signalled
from tidegate.model.intents import Evaluate, Note
from tidegate.model.market import Candle, Timeframe
from tidegate.model.settings import Settings
from tidegate.strategist import Strategist

if TYPE_CHECKING:
    from tidegate.strategist.inline import InlineStrategist

COINS = tuple(f"C{number:02}" for number in range(20))
BARS = 5_000
STRATEGY = "donchian_breakout"
BUSY_TIMEOUT_S = 60.0
FLIGHTS = 2
"""So many evaluations are on their way at a time: the child never waits for the next one."""


def settings(strategy_dir: str) -> Settings:
    """What the strategies are run with."""
    return Settings(strategy=STRATEGY, strategy_dir=strategy_dir, coins=COINS, candle_history=BARS)


def tape(seed: int) -> Iterator[Candle]:
    """An endless random walk in candles of a minute."""
    rng, price = Random(seed), Decimal(1000)
    for number in count():
        before, price = price, max(price + Decimal(rng.randint(-200, 200)) / 100, Decimal(1))
        high, low = max(before, price) + Decimal("0.3"), min(before, price) - Decimal("0.3")
        open_ms = number * Timeframe.M1.ms
        yield Candle(open_ms, open_ms + Timeframe.M1.ms - 1, before, high, low, price, Decimal(7), 3)


class Wishes:
    """Evaluations to ask for: first every coin with all its bars, then one new bar at a time."""

    def __init__(self) -> None:
        self._tapes = {coin: tape(number) for number, coin in enumerate(COINS)}
        self._turn = cycle(COINS)

    def first(self) -> Iterator[Evaluate]:
        """All bars of each coin."""
        for coin, candles in self._tapes.items():
            yield Evaluate(coin=coin, candles=tuple(next(candles) for _ in range(BARS)), reset=True)

    def next(self) -> Evaluate:
        """One more bar of the coin whose turn it is."""
        coin = next(self._turn)
        return Evaluate(coin=coin, candles=(next(self._tapes[coin]),), reset=False)


class ThinkingChild:
    """A second strategist of the bot's process, whose child is never idle. It is also the inbox of its answers."""

    def __init__(self, strategy_dir: str) -> None:
        self._settings = settings(strategy_dir)
        self._strategist: Strategist | None = None
        self._wishes = Wishes()
        self._thinks = False
        self._answers = 0
        self._loaded = threading.Event()

    def set(self, thinks: bool) -> None:
        """Think, or stop thinking; returns when it is so."""
        self._thinks = thinks
        if not thinks:
            return
        if self._strategist is None:
            clock = ExchangeClock(time.time_ns() // 1_000_000)
            self._strategist = Strategist(self._settings, self, clock, _ignore)
            self._strategist.start()
            self._strategist.ready()
            for wish in self._wishes.first():
                self._strategist.submit(wish)
            if not self._loaded.wait(BUSY_TIMEOUT_S):
                raise TimeoutError("the strategies did not take their bars")
        for _ in range(FLIGHTS):
            self._strategist.submit(self._wishes.next())

    def put(self, event: Event) -> None:
        """An answer: ask for the next one."""
        assert isinstance(event, Signalled), event
        self._answers += 1
        if self._answers == len(COINS):
            self._loaded.set()
        elif self._answers > len(COINS) and self._thinks and self._strategist is not None:
            self._strategist.submit(self._wishes.next())

    def stop(self) -> None:
        """End the child."""
        if self._strategist is not None:
            self._strategist.stop()


class ThinkingThread:
    """The same strategies over the same bars in a thread."""

    def __init__(self, strategy_dir: str) -> None:
        self._settings = settings(strategy_dir)
        self._inline: InlineStrategist | None = None
        self._wishes = Wishes()
        self._pauses = threading.Event()
        self._thread: threading.Thread | None = None

    def set(self, thinks: bool) -> None:
        """Think, or stop thinking; returns when it is so."""
        if thinks and self._thread is None:
            if self._inline is None:
                from tidegate.strategist.inline import InlineStrategist

                clock = ExchangeClock(time.time_ns() // 1_000_000)
                self._inline = InlineStrategist(self._settings, self, clock, _ignore)
                for wish in self._wishes.first():
                    self._inline.submit(wish)
            self._pauses.clear()
            self._thread = threading.Thread(target=self._think, name="strategies", daemon=True)
            self._thread.start()
        elif not thinks and self._thread is not None:
            self._pauses.set()
            self._thread.join()
            self._thread = None

    def put(self, event: Event) -> None:
        """An answer, of no interest."""
        assert isinstance(event, Signalled), event

    def _think(self) -> None:
        assert self._inline is not None
        while not self._pauses.is_set():
            self._inline.submit(self._wishes.next())


def _ignore(_note: Note) -> None:
    """What the strategist has to say is not shown."""
