"""How long to wait before the next connection: full jitter, doubling, and limits by the minute.

Owns the failures of one socket, and (shared by all sockets) the connections of the last minute.
"""

import random
from collections import deque

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 30.0
# A connection that lasted so long was a good one: the next failure starts with a short pause again.
STABLE_AFTER_S = 60.0
# The exchange allows 30 new connections a minute from one address; others may live there too.
CONNECTS_PER_MINUTE_MAX = 20
# A server that takes connections and drops them soon is not worth more than so many tries a minute.
FLAP_UNDER_S = 10.0
FLAPS_PER_MINUTE_MAX = 5


class Pace:
    """The tries of one socket; `connects` are the times of all sockets' connections."""

    def __init__(self, rng: random.Random, connects: "deque[float] | None" = None) -> None:
        self._rng = rng
        self._failures = 0
        self._connects: deque[float] = deque() if connects is None else connects
        self._flaps: deque[float] = deque()

    def sibling(self) -> "Pace":
        """The pace of another socket from the same address."""
        return Pace(self._rng, self._connects)

    def delay_s(self, now_s: float) -> float:
        """Seconds from now on; none before the first connection."""
        for times in (self._connects, self._flaps):
            while times and now_s - times[0] >= 60:
                times.popleft()
        delay_s = 0.0
        if self._failures:
            delay_s = self._rng.uniform(0, min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** (self._failures - 1)))
        if len(self._connects) >= CONNECTS_PER_MINUTE_MAX:
            delay_s = max(delay_s, self._connects[0] + 60 - now_s)
        if len(self._flaps) > FLAPS_PER_MINUTE_MAX:
            delay_s = max(delay_s, self._flaps[0] + 60 - now_s)
        return delay_s

    def connecting(self, now_s: float) -> None:
        """A connection is being opened."""
        self._connects.append(now_s)

    def failed(self) -> None:
        """It could not be opened."""
        self._failures = min(self._failures + 1, 16)

    def lived(self, seconds: float, now_s: float | None = None) -> None:
        """It was open for so long and is gone now."""
        self._failures = 1 if seconds >= STABLE_AFTER_S else min(self._failures + 1, 16)
        if now_s is not None and seconds < FLAP_UNDER_S:
            self._flaps.append(now_s)
