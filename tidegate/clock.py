"""Exchange time here: a monotonic clock with an offset (and, on a sped-up localnet, a rate).

Owns the only reading of the machine's clocks outside adapters; decides nothing.
"""

import time
from collections.abc import Callable

DRIFT_MAX_MS = 1_000
"""An observation this far from our idea corrects it; less is the way that the answer took."""


def seconds_up() -> float:
    """Seconds that never run backwards and go on while the machine sleeps, where the system can tell."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class ExchangeClock:
    """Follows the exchange's time from one observation on, corrected by later ones.

    `exchange_ms` is the exchange's time at the moment of construction, `speed` how many of its seconds pass in
    one of ours (1 everywhere but on a sped-up localnet).
    """

    def __init__(self, exchange_ms: int, speed: float = 1.0, monotonic: Callable[[], float] = seconds_up) -> None:
        self._monotonic = monotonic
        self._from_ms = exchange_ms
        self._from_s = monotonic()
        self.speed = speed

    def follow(self, exchange_ms: int, speed: float) -> None:
        """The exchange's time is this now: go on from there."""
        self._from_ms, self._from_s, self.speed = exchange_ms, self._monotonic(), speed

    def observe(self, exchange_ms: int) -> int:
        """The exchange said that it was this time, just now: correct a drift; say by how many ms (0 for none)."""
        drift_ms = exchange_ms - self.now_ms()
        if abs(drift_ms) <= DRIFT_MAX_MS * max(1.0, self.speed):
            return 0
        self.follow(exchange_ms, self.speed)
        return drift_ms

    def now_ms(self) -> int:
        """The exchange's time now, in milliseconds UTC."""
        return self._from_ms + int((self._monotonic() - self._from_s) * 1000 * self.speed)

    def seconds_until(self, at_ms: int) -> float:
        """Seconds of our time until that moment of the exchange's; negative when it has passed."""
        return (at_ms - self.now_ms()) / 1000 / self.speed


class Standstill:
    """Notices that nothing of this process ran for a while: the machine slept, or the process was suspended.

    `steady` and `calendar` are clocks in seconds: a virtual machine may sleep without the first one going on.
    """

    def __init__(
        self, steady: Callable[[], float] = seconds_up, calendar: Callable[[], float] = lambda: time.time()
    ) -> None:
        self._clocks = (steady, calendar)
        self._from_s = [clock() for clock in self._clocks]

    def begin(self) -> None:
        """Count from here on."""
        self._from_s = [clock() for clock in self._clocks]

    def seconds(self) -> float:
        """How long ago that was, by the clock that thinks that it was the longest."""
        return max(clock() - from_s for clock, from_s in zip(self._clocks, self._from_s, strict=True))


class SettableClock:
    """A clock that moves only when told to: for simulations and tests."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self.speed = 1.0

    def now_ms(self) -> int:
        """The time that was set last."""
        return self._now_ms

    def seconds_until(self, at_ms: int) -> float:
        """How far away that moment is, in seconds."""
        return (at_ms - self._now_ms) / 1000

    def advance_to(self, now_ms: int) -> None:
        """Move forward; moving backwards is ignored."""
        self._now_ms = max(self._now_ms, now_ms)
