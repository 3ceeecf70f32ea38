"""The inbox: other threads put facts, the main thread takes them. The only blocking call of the program.

When the main thread falls behind, prices are conflated per coin instead of queueing or being dropped: of what was
heard since the last hand-over the lowest, the highest and the last are kept, in the order in which they came; of a
candle its newest view. So memory stays flat and no price that touched a stop is lost. Facts about orders and the
account are never conflated, and prices are never conflated across them; there are as many of them as the exchange lets
an account cause, and should that ever be more than FACTS_MAX at once, the account is read by REST instead.

What has piled up is handed over by rank: facts before prices, prices of coins with a position before those of others.
"""

import queue
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from tidegate.model.events import (
    AccountMissed,
    BookChanged,
    CandleChanged,
    Command,
    Event,
    Faulted,
    FundingPaid,
    Marked,
    Mid,
    OrderCanceled,
    OrderFilled,
    OrderOpened,
    Tick,
    Trade,
)
from tidegate.ports import Clock

CONFLATE_ABOVE = 256
"""With more facts than this waiting, prices are conflated."""
TOGETHER_BELOW = 4
"""With as many bundles of facts waiting, further ones are put fact by fact, so that they are counted, and conflated."""
BATCH_MAX = 512
"""At most so many facts are handed over at once."""
WAIT_MAX_S = 60.0

CALM_MAX = 32
"""So few facts are handed over as they came: ranking them would take longer than it could save."""
REST_MAX = 4_096
"""With more prices than this sorted out for later, nothing new is taken out of the queue."""
FACTS_MAX = 10_000
"""More facts of the account than this cannot wait: they are left out, and the account is read by REST."""

Price = Trade | BookChanged | Marked | Mid
Market = Price | CandleChanged
MARKET = (Trade, BookChanged, Marked, Mid, CandleChanged)
MISSABLE = (OrderFilled, OrderOpened, OrderCanceled, FundingPaid)
"""What a look at the account brings as well."""


class ConflatingInbox:
    """A queue for facts; while it is long, prices go into a heap that has one place in it.

    A heap is closed by the next fact that is no price, and by being taken: what is heard later lies behind it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: queue.SimpleQueue[Event | list[Event] | Heap] = queue.SimpleQueue()
        self._open: Heap | None = None
        self._lock = threading.Lock()
        self._held: frozenset[str] = frozenset()
        self._ahead: list[Event] = []
        self._rest: deque[Event] = deque()
        self._missed = False
        self.conflated = 0

    def put(self, event: Event) -> None:
        """Hand over a fact from any thread. A signal handler may put a Command: that takes no lock."""
        if isinstance(event, MARKET):
            if self._open is not None or self._queue.qsize() >= CONFLATE_ABOVE:
                self._conflate(event)
            else:
                self._queue.put(event)
        elif isinstance(event, Command):
            self._open = None
            self._queue.put(event)
        else:
            with self._lock:
                self._open = None
                if self._queue.qsize() < FACTS_MAX or not self._leave_out(event):
                    self._queue.put(event)

    def hold(self, coins: Iterable[str]) -> None:
        """These coins have a position: their prices come first. For the thread that takes."""
        held = frozenset(coins)
        if held == self._held:
            return
        self._held = held
        self._ahead += [event for event in self._rest if _coin_of(event) in held]
        self._rest = deque(event for event in self._rest if _coin_of(event) not in held)

    @property
    def waiting(self) -> int:
        """About how many facts wait."""
        return self._queue.qsize() + len(self._ahead) + len(self._rest)

    def _leave_out(self, event: Event) -> bool:
        """Whether there are too many facts for this one; for those of the account REST is asked, once."""
        if isinstance(event, MISSABLE):
            if not self._missed:
                self._missed = True
                self._queue.put(AccountMissed(at_ms=self._clock.now_ms(), reason=f"more than {FACTS_MAX} facts wait"))
            return True
        return isinstance(event, Faulted)

    def put_all(self, events: Sequence[Event]) -> None:
        """Hand over what was heard at once.

        As one thing: the main thread wakes while the last of several would still be put, and waits for that. Not when
        it is behind: what came with one read of the socket may be a hundred facts.
        """
        if len(events) < 2 or self._open is not None or self._queue.qsize() >= TOGETHER_BELOW:
            for event in events:
                self.put(event)
        else:
            with self._lock:
                self._open = None
                self._queue.put(list(events))

    def _conflate(self, event: Market) -> None:
        """Onto the open heap: while there is one all prices go there, so that their order is kept."""
        with self._lock:
            heap = self._open
            if heap is None:
                heap = self._open = Heap()
                self._queue.put(heap)
            self.conflated += heap.add(event)

    def take(self, until_ms: int) -> list[Event]:
        """Everything that waits (up to BATCH_MAX and what came with the last of them), or one Tick at `until_ms`.

        `until_ms` 0 asks not to wait: nothing waiting is then an empty answer.
        """
        events: list[Event] = []
        if self._ahead or self._rest:
            until_ms = 0
        wait_s = min(max(self._clock.seconds_until(until_ms), 0.0), WAIT_MAX_S) if until_ms else 0.0
        try:
            if len(self._rest) < REST_MAX:
                self._unpack(self._queue.get(timeout=wait_s) if wait_s else self._queue.get_nowait(), events)
                while len(events) < BATCH_MAX:
                    self._unpack(self._queue.get_nowait(), events)
        except queue.Empty:
            if not events and until_ms:
                return [Tick(at_ms=self._clock.now_ms())]
        if not self._queue.qsize():
            self._missed = False
        if len(events) <= CALM_MAX and not (self._ahead or self._rest):
            return events
        return self._by_rank(events)

    def _by_rank(self, events: Sequence[Event]) -> list[Event]:
        """What has piled up: the most urgent first, within a coin in the order of arrival."""
        first: list[Event] = []
        held, self._ahead = self._ahead, []
        for event in events:
            if not isinstance(event, MARKET):
                first.append(event)
            elif event.coin in self._held:
                held.append(event)
            else:
                self._rest.append(event)
        first += held
        for _place in range(min(BATCH_MAX - len(first), len(self._rest))):
            first.append(self._rest.popleft())
        return first

    def _unpack(self, item: "Event | list[Event] | Heap", into: list[Event]) -> None:
        if isinstance(item, list):
            into.extend(item)
            return
        if not isinstance(item, Heap):
            into.append(item)
            return
        with self._lock:
            if self._open is item:
                self._open = None
            into.extend(item.prices())


class Heap:
    """Prices heard one after the other, of which the extremes and the last of each kind and coin are kept."""

    def __init__(self) -> None:
        self._kept: dict[tuple[type, str], Extremes] = {}
        self._candles: dict[tuple[str, int], tuple[int, CandleChanged]] = {}
        self._heard = 0

    def add(self, event: Market) -> bool:
        """One more; whether there was one of its kind and coin before."""
        self._heard += 1
        if isinstance(event, CandleChanged):
            return self._add_candle(event)
        key = (type(event), event.coin)
        extremes = self._kept.get(key)
        if extremes is None:
            self._kept[key] = Extremes(self._heard, event)
            return False
        extremes.add(self._heard, event)
        return True

    def prices(self) -> list[Market]:
        """What is kept, in the order of arrival."""
        kept: list[tuple[int, Market]] = list(self._candles.values())
        for extremes in self._kept.values():
            kept += extremes.prices()
        return [price for _number, price in sorted(kept, key=lambda each: each[0])]

    def _add_candle(self, event: CandleChanged) -> bool:
        """Of the views of one candle the newest is kept: the one that knows of more trades."""
        key = (event.coin, event.candle.open_ms)
        before = self._candles.get(key)
        if before is None or event.candle.trades >= before[1].candle.trades:
            self._candles[key] = (self._heard, event)
        return before is not None


class Extremes:
    """The lowest, the highest and the last of several prices of one kind and coin, each with its number of arrival."""

    def __init__(self, number: int, first: Price) -> None:
        self._lowest = self._highest = self._last = (number, first)
        self._low, self._high = low_of(first), high_of(first)
        self._prints = first.count if isinstance(first, Trade) else 0

    def add(self, number: int, price: Price) -> None:
        """One more."""
        self._last = (number, price)
        if isinstance(price, Trade):
            self._prints += price.count
        low, high = low_of(price), high_of(price)
        if low < self._low:
            self._lowest, self._low = self._last, low
        if high > self._high:
            self._highest, self._high = self._last, high

    def prices(self) -> list[tuple[int, Price]]:
        """What stands for all: at most three. The last of several prints carries the count of them all."""
        kept = dict((self._lowest, self._highest))
        number, last = self._last
        kept.pop(number, None)
        if isinstance(last, Trade):
            others = sum(each.count for each in kept.values() if isinstance(each, Trade))
            last = replace(last, count=self._prints - others)
        return [*kept.items(), (number, last)]


def low_of(price: Price) -> Decimal:
    """How low a price reached, for comparing: of a book its ask (all of it is below that), nothing if it has none."""
    if isinstance(price, Trade):
        return price.low
    if isinstance(price, Marked):
        return price.mark
    if isinstance(price, Mid):
        return price.price
    ceiling = price.ceiling
    return ceiling if ceiling is not None else Decimal("Infinity")


def high_of(price: Price) -> Decimal:
    """How high a price reached, for comparing: of a book its bid (all of it is above that), nothing if it has none."""
    if isinstance(price, Trade):
        return price.high
    if isinstance(price, Marked):
        return price.mark
    if isinstance(price, Mid):
        return price.price
    floor = price.floor
    return floor if floor is not None else Decimal("-Infinity")


def _coin_of(event: Event) -> str | None:
    return getattr(event, "coin", None)
