"""The inbox: other threads put facts, the main thread takes them. The only blocking call of the program.

When the main thread falls behind, prices are conflated per coin instead of queueing or being dropped: the last price
with the lowest and highest since the last hand-over. So memory stays flat and no price that touched a stop is lost.
Facts about orders and the account are never conflated.
"""

import queue
import threading

from tidegate.model.events import BookChanged, Event, Marked, Tick, Trade
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
        self._overflow: dict[tuple[type, str], Price] = {}
        self._lock = threading.Lock()
        self.conflated = 0

    def put(self, event: Event) -> None:
        """Hand over a fact from any thread (also from a signal handler, which only ever puts commands)."""
        if isinstance(event, (Trade, BookChanged, Marked)) and (
            self._overflow or self._queue.qsize() >= CONFLATE_ABOVE
        ):
            self._conflate(event)
        else:
            self._queue.put(event)

    def _conflate(self, event: Price) -> None:
        """Merge into the overflow. While any overflow waits all prices go there, so that their order is kept."""
        key = (type(event), event.coin)
        with self._lock:
            waiting = self._overflow.get(key)
            if not self._overflow:
                self._queue.put(None)
            if waiting is not None:
                self.conflated += 1
            self._overflow[key] = conflate(waiting, event)

    def take(self, until_ms: int) -> list[Event]:
        """Everything that waits (at most BATCH_MAX, conflated prices together), or one Tick at `until_ms`.

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
            waiting, self._overflow = self._overflow, {}
        into.extend(waiting.values())


def conflate(waiting: Price | None, event: Price) -> Price:
    """One price that stands for both: the newer one, with the extremes of all prints."""
    if not isinstance(event, Trade) or not isinstance(waiting, Trade):
        return event if waiting is None or event.time_ms >= waiting.time_ms else waiting
    newer = event if event.time_ms >= waiting.time_ms else waiting
    return Trade(
        at_ms=max(event.at_ms, waiting.at_ms),
        coin=event.coin,
        price=newer.price,
        low=min(event.low, waiting.low),
        high=max(event.high, waiting.high),
        time_ms=newer.time_ms,
        count=event.count + waiting.count,
        received_ns=event.received_ns or waiting.received_ns,
    )
