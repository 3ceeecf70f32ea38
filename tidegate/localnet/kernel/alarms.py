"""What is to happen at a time of the exchange: slices of a TWAP, a scheduled cancel.

Owns the order: by time, and those of one time in the order in which they were set. It knows no venue and rings nothing
by itself; `Exchange.advance` takes what is due, one by one. An alarm cannot be taken back: what it calls looks whether
it is still wanted.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import NamedTuple

Ring = Callable[[], None]


class Alarm(NamedTuple):
    """A call and its time; `number` keeps the order of those of one time."""

    at_ms: int
    number: int
    ring: Ring


class Alarms:
    """Alarms that have not rung."""

    def __init__(self) -> None:
        self._waiting: list[Alarm] = []
        self._number = 0

    def at(self, time_ms: int, ring: Ring) -> None:
        """Set an alarm."""
        heappush(self._waiting, Alarm(time_ms, self._number, ring))
        self._number += 1

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def next_ms(self) -> int | None:
        """When the earliest rings."""
        return self._waiting[0].at_ms if self._waiting else None

    def pop(self, now_ms: int) -> Alarm | None:
        """Take the earliest alarm that is due, or None."""
        if self._waiting and self._waiting[0].at_ms <= now_ms:
            return heappop(self._waiting)
        return None
