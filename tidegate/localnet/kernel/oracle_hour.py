"""A coin's oracle price over the last hour, for what is settled at its average (section 8.6).

Owns the published prices it needs for that and forgets the others. It decides nothing.
"""

from collections import deque
from decimal import Decimal

from tidegate.localnet.kernel.numbers import ZERO

HOUR_MS = 3_600_000


class OracleHour:
    """A coin's oracle prices of the last hour."""

    def __init__(self) -> None:
        self._published: deque[tuple[int, Decimal]] = deque()

    def note(self, now_ms: int, px: Decimal) -> None:
        """Take in a published price; one published before the hour stays as long as it stood into it."""
        published = self._published
        published.append((now_ms, px))
        while len(published) > 1 and published[1][0] <= now_ms - HOUR_MS:
            published.popleft()

    def average(self, now_ms: int) -> Decimal | None:
        """The time-weighted average up to `now_ms`; None without a price, the last one when no time has passed."""
        if not self._published:
            return None
        total, weight_ms, until_ms = ZERO, 0, now_ms
        for time_ms, px in reversed(self._published):
            stood_ms = until_ms - max(time_ms, now_ms - HOUR_MS)
            if stood_ms > 0:
                total += px * stood_ms
                weight_ms += stood_ms
                until_ms -= stood_ms
        return total / weight_ms if weight_ms else self._published[-1][1]
