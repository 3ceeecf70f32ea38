"""The one hand that moves a localnet through time: market, kernel and the clocks of the streams.

Owns the order of things: market steps and stream marks happen in the order of exchange time, each at its own
moment, however late the host is. Owns no time itself: it follows the `ExchangeClock` it was given. Requests
and the background task call the same `catch_up` in the same thread, so nothing needs a lock.
"""

import asyncio
from collections.abc import Callable

from tidegate.localnet.clock import ExchangeClock
from tidegate.localnet.doors.streams import Streams
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.markets.market import Market, play

# The longest that one call plays before others get their turn: a fast replay may owe more than it can pay.
TURN_S = 0.01
# The shortest pause between two turns: what falls due meanwhile is played together.
PAUSE_MIN_S = 0.001


class Driver:
    """Plays a market on its clock. `monotonic` gives seconds of wall time."""

    def __init__(
        self,
        exchange: Exchange,
        market: Market,
        clock: ExchangeClock,
        streams: Streams,
        monotonic: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._market = market
        self._clock = clock
        self._streams = streams
        self._monotonic = monotonic

    def catch_up(self) -> bool:
        """Bring the exchange to the present; False when a turn's time did not suffice."""
        now_ms = self._clock.now_ms()
        give_up_s = self._monotonic() + TURN_S
        while True:
            mark_ms = self._streams.next_due_ms()
            until_ms = min(now_ms, mark_ms, self._next_step_ms(now_ms))
            play(self._exchange, self._market, until_ms)
            if until_ms >= mark_ms:
                self._streams.advance(until_ms)
            if until_ms >= now_ms:
                return True
            if self._monotonic() >= give_up_s:
                return False

    async def play_now(self) -> None:
        """Bring the exchange to the present, however many turns it takes."""
        while not self.catch_up():  # noqa: ASYNC110 - not a wait: between two turns the others get theirs
            await asyncio.sleep(0)

    async def run(self) -> None:
        """Play for ever: sleep until the next thing is due, then do it."""
        while True:
            caught_up = self.catch_up()
            self._streams.drop_idle()
            await asyncio.sleep(self._pause_s() if caught_up else 0)

    def _next_step_ms(self, otherwise_ms: int) -> int:
        step_ms = self._market.next_ms()
        return otherwise_ms if step_ms is None else max(step_ms, self._exchange.now_ms)

    def _pause_s(self) -> float:
        mark_ms = self._streams.next_due_ms()
        due_s = self._clock.wall_s_until(min(mark_ms, self._next_step_ms(mark_ms)))
        return max(due_s, PAUSE_MIN_S)
