"""What one coin traded in the last day: volumes by hour and the price a day ago.

Owns the day figures of a context row (sections 2.2, 2.3). A fresh exchange has a past, too: the day before its start
is assumed to have traded the volume that the instrument's rule names, at its reference price.
"""

from collections import deque
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from tidegate.localnet.kernel.numbers import ZERO, round_size

HOUR_MS = 3_600_000
DAY_HOURS = 24


class Candles(Protocol):
    """What the kernel needs of a coin's candles; rows are wire-shaped."""

    def add(self, time_ms: int, px: Decimal, sz: Decimal) -> None:
        """Take in one print."""

    def snapshot(self, interval: str, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
        """The candles that overlap a range, ascending."""

    def current(self, interval: str) -> dict[str, Any] | None:
        """The newest candle."""


class Listed(Protocol):
    """What a trading day needs of an instrument: its size step, and where it comes from."""

    @property
    def sz_decimals(self) -> int:
        """Decimals of a size."""

    @property
    def reference_px(self) -> Decimal:
        """The price before the exchange started."""

    @property
    def day_volume(self) -> Decimal:
        """Base units traded in the day before the exchange started."""


class Volume(NamedTuple):
    """What was traded, in base units and in quote units."""

    base: Decimal
    quote: Decimal


class TradingDay:
    """The prints of one coin, hour by hour; a window of 24 hours that ends now."""

    def __init__(self, listed: Listed, start_ms: int) -> None:
        self._listed = listed
        self._start_ms = start_ms
        self._hours: deque[tuple[int, Decimal, Decimal]] = deque()  # hour, base, quote
        self._previous: tuple[int, Decimal] | None = None  # hour it was read in, price

    def add(self, now_ms: int, px: Decimal, sz: Decimal) -> None:
        """Take in one print."""
        hour = now_ms // HOUR_MS
        base, quote = ZERO, ZERO
        if self._hours and self._hours[-1][0] == hour:
            _, base, quote = self._hours.pop()
        self._hours.append((hour, base + sz, quote + px * sz))

    def volume(self, now_ms: int) -> Volume:
        """What the last 24 hours traded."""
        hour = now_ms // HOUR_MS
        while self._hours and self._hours[0][0] <= hour - DAY_HOURS:
            self._hours.popleft()
        quiet_hours = max(DAY_HOURS - (now_ms - self._start_ms) // HOUR_MS, 0)
        listed = self._listed
        before_start = round_size(listed.day_volume * quiet_hours / DAY_HOURS, listed.sz_decimals)
        base = sum((each[1] for each in self._hours), before_start)
        quote = sum((each[2] for each in self._hours), before_start * listed.reference_px)
        return Volume(base, quote)

    def previous_px(self, now_ms: int, candles: Candles | None) -> Decimal:
        """The price 24 hours ago, read from the candles once an hour."""
        if candles is None:
            return self._listed.reference_px
        hour = now_ms // HOUR_MS
        if self._previous is None or self._previous[0] != hour:
            day_ago_ms = now_ms - DAY_HOURS * HOUR_MS
            rows = candles.snapshot("1h", day_ago_ms, day_ago_ms)
            self._previous = (hour, Decimal(rows[0]["o"]) if rows else self._listed.reference_px)
        return self._previous[1]
