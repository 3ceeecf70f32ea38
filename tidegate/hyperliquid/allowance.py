"""How many messages may still be sent: the exchange counts them by address and minute, over all sockets together.

Owns the count of what was sent within the last minute. Subscribing leaves room for orders, which never wait for it.

Source: Hyperliquid docs, "Rate limits and user limits": 2 000 messages a minute.
"""

import threading
from collections import deque

MESSAGES_PER_MINUTE_MAX = 2_000
SUBSCRIBING_PER_MINUTE_MAX = 1_500
"""What subscribing may use of them; the rest is for orders, pings and another program on the same address."""
MINUTE_NS = 60_000_000_000
SECOND_NS = 1_000_000_000


class Allowance:
    """Counts messages by second; may be asked and told by any thread (frames come from one, orders from another)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: deque[list[int]] = deque()
        self._sum = 0

    def count(self, messages: int, now_ns: int) -> None:
        """So many were sent just now."""
        second = now_ns // SECOND_NS
        with self._lock:
            self._sum += messages
            if self._seconds and self._seconds[-1][0] == second:
                self._seconds[-1][1] += messages
            else:
                self._seconds.append([second, messages])

    def sent(self, now_ns: int) -> int:
        """Messages sent within the last minute."""
        long_ago = (now_ns - MINUTE_NS) // SECOND_NS
        with self._lock:
            while self._seconds and self._seconds[0][0] < long_ago:
                self._sum -= self._seconds.popleft()[1]
            return self._sum

    def room(self, now_ns: int) -> int:
        """How many subscriptions may be asked for now."""
        return max(0, SUBSCRIBING_PER_MINUTE_MAX - self.sent(now_ns))

    def full(self, now_ns: int) -> bool:
        """Whether the exchange would refuse one more message."""
        return self.sent(now_ns) >= MESSAGES_PER_MINUTE_MAX - 1
