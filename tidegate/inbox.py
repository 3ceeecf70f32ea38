"""The inbox: other threads put facts, the main thread takes them. The only blocking call of the program.

When the main thread falls behind, prices are conflated per coin instead of queueing or being dropped: of what was
heard since the last hand-over the lowest, the highest and the last are kept, in the order in which they came. So
memory stays flat and no price that touched a stop is lost. Facts about orders and the account are never conflated,
and prices are never conflated across them.
"""

import queue
import threading
from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from tidegate.model.events import BookChanged, Command, Event, Marked, Tick, Trade
from tidegate.ports import Clock

CONFLATE_ABOVE = 256
"""With more facts than this waiting, prices are conflated."""
BATCH_MAX = 512
"""At most so many facts are handed over at once."""
WAIT_MAX_S = 60.0

Price = Trade | BookChanged | Marked


class ConflatingInbox:
    """A queue for facts; while it is long, prices go into a heap that has one place in it.

    A heap is closed by the next fact that is no price, and by being taken: what is heard later lies behind it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: queue.SimpleQueue[Event | list[Event] | Heap] = queue.SimpleQueue()
        self._open: Heap | None = None
        self._lock = threading.Lock()
        self.conflated = 0

    def put(self, event: Event) -> None:
        """Hand over a fact from any thread. A signal handler may put a Command: that takes no lock."""
        if isinstance(event, (Trade, BookChanged, Marked)):
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
                self._queue.put(event)

    def put_all(self, events: Sequence[Event]) -> None:
        """Hand over what was heard at once.

        As one thing: the main thread wakes while the last of several would still be put, and waits for that.
        """
        if len(events) < 2 or self._open is not None or self._queue.qsize() >= CONFLATE_ABOVE:
            for event in events:
                self.put(event)
        else:
            with self._lock:
                self._open = None
                self._queue.put(list(events))

    def _conflate(self, event: Price) -> None:
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
        wait_s = min(max(self._clock.seconds_until(until_ms), 0.0), WAIT_MAX_S) if until_ms else 0.0
        try:
            first = self._queue.get(timeout=wait_s) if wait_s else self._queue.get_nowait()
        except queue.Empty:
            return [Tick(at_ms=self._clock.now_ms())] if until_ms else []
        events: list[Event] = []
        self._unpack(first, events)
        while len(events) < BATCH_MAX:
            try:
                self._unpack(self._queue.get_nowait(), events)
            except queue.Empty:
                break
        return events

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
        self._heard = 0

    def add(self, price: Price) -> bool:
        """One more; whether there was one of its kind and coin before."""
        self._heard += 1
        key = (type(price), price.coin)
        extremes = self._kept.get(key)
        if extremes is None:
            self._kept[key] = Extremes(self._heard, price)
            return False
        extremes.add(self._heard, price)
        return True

    def prices(self) -> list[Price]:
        """What is kept, in the order of arrival."""
        kept = [numbered for extremes in self._kept.values() for numbered in extremes.prices()]
        return [price for _number, price in sorted(kept, key=lambda each: each[0])]


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
    return price.ask if price.ask is not None else Decimal("Infinity")


def high_of(price: Price) -> Decimal:
    """How high a price reached, for comparing: of a book its bid (all of it is above that), nothing if it has none."""
    if isinstance(price, Trade):
        return price.high
    if isinstance(price, Marked):
        return price.mark
    return price.bid if price.bid is not None else Decimal("-Infinity")
