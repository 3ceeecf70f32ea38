"""The law from the frame to the exit: what was received, fresh, and crossed the level has one exit leave, else none.

Stories of prints, books, marks, bursts, stalls, reorderings, cuts and replays over the protocol, the inbox and the core
(`make stream-law` plays 10 000), and seeds over the real thread and a real socket.
"""

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hyperliquid_websocket import HyperliquidWebSocketClient
from tests.core.worlds import D, World, started, wishes
from tests.hyperliquid.test_stream_law import COINS, LAW, START_MS, deeds, frame, play, wait_until
from tests.hyperliquid.test_stream_law import World as Story
from tests.test_hyperliquid_websocket import NOW_MS, USER, Venue
from tidegate.clock import ExchangeClock
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.inbox import ConflatingInbox
from tidegate.model.events import BookChanged, Event, Marked, Trade
from tidegate.model.intents import PlaceOrders
from tidegate.model.market import Timeframe
from tidegate.model.orders import Role
from tidegate.model.settings import StopPriceSource

ENTRY = 15
"""The story's price at which the positions were opened; it tells prices from 1 to 30."""


def priced(number: Decimal | int) -> Decimal:
    """A story's price as the market's: near 100, so that a stop is neither absurd nor beyond a liquidation."""
    return D(100) + (D(number) - ENTRY) / 10


class Guarded:
    """A core that holds a position with a stop, and answers each of its exits with a fill."""

    def __init__(self, coins: tuple[str, ...], direction: int, level: int, source: StopPriceSource, at_ms: int) -> None:
        self.world: World = started(*coins, now_ms=at_ms, stop_price_source=source)
        far = D(200) if direction > 0 else D(1)
        for coin in coins:
            self.world.hold(direction, coin=coin, stop=priced(level), take_profit=far)
        self.exits = dict.fromkeys(coins, 0)

    def tell(self, event: Event) -> None:
        """One fact from the inbox."""
        match event:
            case Trade():
                event = replace(event, price=priced(event.price), low=priced(event.low), high=priced(event.high))
            case Marked():
                event = replace(event, mark=priced(event.mark))
            case BookChanged():
                bid, ask = (None if each is None else priced(each) for each in (event.bid, event.ask))
                event = replace(event, bid=bid, ask=ask)
        self.world.now_ms = max(self.world.now_ms, event.at_ms)
        for wish in wishes([self.world.tell(event)], PlaceOrders):
            for order in wish.orders:
                if order.role is Role.EXIT:
                    self.exits[order.coin] += 1
                    self.world.sent(wish)
                    self.world.close(order, order.price or D(100))


class Watched(Story):
    """A story that also remembers the books."""

    def __init__(self) -> None:
        self.books: dict[str, list[int]] = {coin: [] for coin in COINS}
        super().__init__()

    def book(self, coin: str, price: int) -> None:
        super().book(coin, price)
        self.books[coin].append(price)

    def crossed(self, coin: str, direction: int, level: int, source: StopPriceSource) -> bool:
        """Whether anything that counts reached the level: a print or a mark, or a book all of which is beyond it."""
        found: list[int] = []
        if source is not StopPriceSource.TRADE:
            found += [int(price) for _at_ms, price in self.received.marks[coin]]
        if source is not StopPriceSource.MARK:
            found += [int(price) for _at_ms, price in self.received.prints[coin]]
            found += [price + 1 if direction > 0 else price for price in self.books[coin]]
        return any((level - price) * direction >= 0 for price in found)


levels = st.sampled_from([(1, 0), (1, 1), (1, 2), (1, 4), (-1, 31), (-1, 30), (-1, 29), (-1, 27)])
stories = st.lists(deeds.filter(lambda deed: deed[0] != "fill"), max_size=25)


@LAW
@given(stories, levels, st.sampled_from(StopPriceSource))
def test_what_was_received_fresh_and_beyond_the_level_has_exactly_one_exit_leave_and_nothing_else_has(
    story: list[tuple[Any, ...]], guard: tuple[int, int], source: StopPriceSource
) -> None:
    direction, level = guard
    told, bot = Watched(), Guarded(COINS, direction, level, source, START_MS - 60_000)
    told.inbox.hold({COINS[0]})

    def hand_over() -> None:
        events, told.taken = told.taken, []
        for event in events:
            bot.tell(event)

    for deed in story:
        play(told, deed)
        hand_over()
    told.finish()
    hand_over()
    for coin in COINS:
        assert bot.exits[coin] == told.crossed(coin, direction, level, source), coin


@pytest.mark.parametrize("seed", range(4))
def test_over_a_real_thread_and_socket_with_bursts_stalls_cuts_and_replays_one_exit_leaves_if_it_was_crossed(
    seed: int,
) -> None:
    rng = random.Random(seed)
    crosses, direction = seed % 2 == 0, rng.choice((1, -1))
    level = 1 if direction > 0 else 30
    venue, clock = Venue(), ExchangeClock(NOW_MS)
    inbox = ConflatingInbox(clock)
    protocol = StreamProtocol(("BTC",), USER, Timeframe.M1)
    client = HyperliquidWebSocketClient(venue.start(), inbox, clock, protocol, rng=random.Random(seed))
    bot = Guarded(("BTC",), direction, level, StopPriceSource.TRADE, NOW_MS - 60_000)
    inbox.hold({"BTC"})
    lives, sent = 3, 0
    crossing_life = rng.randrange(lives) if crosses else lives
    client.start()
    try:
        for life in range(lives):
            wait_until(lambda life=life: client.is_up and client.connects == life + 1)
            rows = [frame(sent + number, rng.randint(3, 28)) for number in range(1, rng.randint(500, 3_000))]
            if life == crossing_life:
                rows[rng.randrange(len(rows))]["data"][0]["px"] = str(level)
            sent += len(rows)
            again = rng.sample(rows, 50)
            rng.shuffle(rows)
            venue.send(*rows, *again)
            if rng.random() < 0.5:  # else the consumer sleeps through this life and the next connection
                for event in inbox.take(0):
                    bot.tell(event)
            wait_until(lambda sent=sent: len(protocol.shared.prints_seen) >= sent)
            venue.drop()
    finally:
        client.stop()
        venue.stop()
    while batch := inbox.take(0):
        for event in batch:
            bot.tell(event)
    assert bot.exits["BTC"] == crosses


def test_the_stories_reach_what_they_are_about() -> None:
    """A crossing in a burst that nobody took, one that was replayed and so counts once, one before the connection."""
    for story, exits in (
        ([("burst", "BTC", 7, 900)], 1),
        ([("trade", "BTC", [1], [0]), ("take",), ("again", 5), ("cut", 0), ("again", 5)], 1),
        ([("cut", 40), ("trade", "BTC", [1], [60])], 0),
        ([("swap", "BTC", 1, 20)], 1),
        ([("trade", "BTC", [2, 3], [0, 0])], 0),
    ):
        told, bot = Watched(), Guarded(COINS, 1, 1, StopPriceSource.TRADE, START_MS - 60_000)
        for deed in story:
            play(told, deed)
        told.finish()
        for event in told.taken:
            bot.tell(event)
        assert bot.exits["BTC"] == exits, story
