"""Exchange time: what it is, and how it relates to the wall clock and to the times of a recording.

This page is the authority on time under speed and replay.

*Exchange time* T is the only time a client ever sees: candles, books, prints, funding, order times and the `time`
fields of answers and streams are all in it, and the cadences of the streams count in it. It starts at T0 and runs at
`speed` times the wall clock: T = T0 + speed * (monotonic now - monotonic start). It never goes backwards and is not
touched by steps of the wall clock.

*A recording* has its own times. It is played as if it happened now: every recorded time is moved by one constant, the
shift, so that distances stay exact. The shift is a multiple of `align_ms` (by default an hour, or the file's interval
where that is longer), so that candles of every interval that divides it stay on the grid, and it is the multiple that
brings T0 nearest to the wall clock: at most half of `align_ms` away.

*Signed requests* carry wall-clock times. A nonce is accepted when it lies in the window around exchange time **or**
around wall time, so that the SDK, which takes nonces from the wall clock, works at any speed. `expiresAfter` is judged
by exchange time only, because it is a promise about the market and not about the sender.

At speed 1 exchange time and wall time differ by a constant of at most half of `align_ms` in a replay and by nothing
otherwise. At any other speed they drift apart, and a client that wants to know reads the time from the exchange.
"""

from collections.abc import Callable


class ExchangeClock:
    """Exchange time from a monotonic clock: `start_ms` at construction, then `speed` milliseconds per millisecond."""

    def __init__(self, start_ms: int, speed: float, monotonic: Callable[[], float]) -> None:
        assert speed > 0, f"an exchange clock runs forwards, got speed {speed}"
        self.start_ms = start_ms
        self.speed = speed
        self._monotonic = monotonic
        self._started_s = monotonic()

    def now_ms(self) -> int:
        """Exchange time in milliseconds UTC."""
        return self.start_ms + int((self._monotonic() - self._started_s) * 1000 * self.speed)

    def wall_s_until(self, time_ms: int) -> float:
        """Seconds of wall time until exchange time `time_ms`; 0.0 when it has passed."""
        elapsed_s = self._monotonic() - self._started_s
        return max(0.0, (time_ms - self.start_ms) / 1000 / self.speed - elapsed_s)


def tape_shift_ms(recorded_ms: int, wall_ms: int, align_ms: int) -> int:
    """What to add to a recorded time: the multiple of `align_ms` that moves `recorded_ms` nearest to `wall_ms`."""
    return (wall_ms - recorded_ms + align_ms // 2) // align_ms * align_ms
