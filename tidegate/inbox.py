"""The inbox: other threads put facts, the main thread takes them. The only blocking call of the program.

When the main thread falls behind, prices are conflated per coin instead of queueing or being dropped: of what was
heard since the last hand-over the lowest, the highest and the last are kept, in the order in which they came. So
memory stays flat and no price that touched a stop is lost. Facts about orders and the account are never conflated,
and prices are never conflated across them.
"""

import queue
import threading

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
    """A queue for facts with a conflating overflow for prices."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._overflow: dict[tuple[type, str], Extremes] = {}
        self._lock = threading.Lock()
        self.conflated = 0

    def put(self, event: Event) -> None:
        """Hand over a fact from any thread. A signal handler may put a Command: that takes no lock."""
        if isinstance(event, (Trade, BookChanged, Marked)):
            if self._overflow or self._queue.qsize() >= CONFLATE_ABOVE:
                self._conflate(event)
                return
        elif self._overflow and not isinstance(event, Command):
            with self._lock:
                for price in self._drained():
                    self._queue.put(price)
        self._queue.put(event)

    def _conflate(self, event: Price) -> None:
        """Into the overflow: while any of it waits all prices go there, so that their order is kept."""
        key = (type(event), event.coin)
        with self._lock:
            if not self._overflow:
                self._queue.put(None)
            extremes = self._overflow.get(key)
            if extremes is None:
                self._overflow[key] = Extremes(event)
            else:
                extremes.add(event)
                self.conflated += 1

    def take(self, until_ms: int) -> list[Event]:
        """Everything that waits (at most BATCH_MAX, conflated prices on top), or one Tick at `until_ms`.

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

    def _unpack(self, item: Event | None, into: list[Event]) -> None:
        if item is not None:
            into.append(item)
            return
        with self._lock:
            into.extend(self._drained())

    def _drained(self) -> list[Price]:
        waiting, self._overflow = self._overflow, {}
        return [price for extremes in waiting.values() for price in extremes.prices()]


class Extremes:
    """The lowest, the highest and the last of several prices of one kind and coin, in the order of their arrival."""

    def __init__(self, first: Price) -> None:
        self._lowest = self._highest = self._last = (0, first)
        self._heard = 1
        self._prints = first.count if isinstance(first, Trade) else 0

    def add(self, price: Price) -> None:
        """One more."""
        self._last = (self._heard, price)
        if isinstance(price, Trade):
            self._prints += price.count
        if low_of(price) < low_of(self._lowest[1]):
            self._lowest = self._last
        if high_of(price) > high_of(self._highest[1]):
            self._highest = self._last
        self._heard += 1

    def prices(self) -> list[Price]:
        """What stands for all: at most three. The last of several prints carries the count of them all."""
        kept = dict(sorted({self._lowest[0]: self._lowest[1], self._highest[0]: self._highest[1]}.items()))
        kept.pop(self._last[0], None)
        last = self._last[1]
        if isinstance(last, Trade):
            last = replace(
                last, count=self._prints - sum(each.count for each in kept.values() if isinstance(each, Trade))
            )
        return [*kept.values(), last]


def low_of(price: Price) -> float:
    """How low a price reached, for comparing: of a book its ask (all of it is below that), nothing if it has none."""
    if isinstance(price, Trade):
        return float(price.low)
    if isinstance(price, Marked):
        return float(price.mark)
    return float(price.ask) if price.ask is not None else float("inf")


def high_of(price: Price) -> float:
    """How high a price reached, for comparing: of a book its bid (all of it is above that), nothing if it has none."""
    if isinstance(price, Trade):
        return float(price.high)
    if isinstance(price, Marked):
        return float(price.mark)
    return float(price.bid) if price.bid is not None else float("-inf")
