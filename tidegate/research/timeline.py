"""Virtual time: what happens next, and when.

Owns the order of things: the market's steps, the marks of the streams and everything that is on its way between bot
and exchange happen one after the other, each at its own millisecond of exchange time. Reads no clock and knows no
chance: the same calls in the same order give the same history.
"""

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush

from tidegate.clock import SettableClock
from tidegate.localnet.doors.streams import Streams
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.markets.market import Market, play

MS_PER_S = 1000
NS_PER_MS = 1_000_000
DAY_MS = 86_400_000

_Due = tuple[int, int, partial[None]]


class Timeline:
    """Exchange time and all that fills it. At one moment the market goes first, then what arrives, as it was sent."""

    def __init__(self, exchange: Exchange, market: Market) -> None:
        self.clock = SettableClock(exchange.now_ms)
        self._exchange, self._market = exchange, market
        self._streams: Streams | None = None
        self._due: list[_Due] = []
        self._count = 0
        self._day = 0
        self.each_day: Callable[[int], None] = lambda _at_ms: None

    def drive(self, streams: Streams) -> None:
        """Keep the clocks of these streams, too."""
        self._streams = streams

    @property
    def now_ms(self) -> int:
        """Exchange time, which is the bot's as well: its clock is taken to be right."""
        return self.clock.now_ms()

    def monotonic_s(self) -> float:
        """The same in seconds, for limits that count in them."""
        return self.now_ms / MS_PER_S

    def monotonic_ns(self) -> int:
        """The same in nanoseconds, for the stamps on frames and orders."""
        return self.now_ms * NS_PER_MS

    @property
    def tape_is_over(self) -> bool:
        """Whether the market has nothing left to play."""
        return self._market.next_ms() is None

    def later(self, after_ms: int, do: Callable[..., None], *arguments: object) -> None:
        """Do this so much later; what is due at the same moment is done in the order in which it was asked for."""
        self._count += 1
        due: _Due = (self.now_ms + after_ms, self._count, partial(do, *arguments))
        heappush(self._due, due)

    def only_waits_for(self, do: Callable[..., None]) -> bool:
        """Whether nothing is on its way, and nothing is to be done but this."""
        return len(self._due) == 1 and self._due[0][2].func == do

    def arrive(self, now_ms: int, do: Callable[..., None], every_ms: int) -> None:
        """Stand at a later moment, the market having been put there; what is done every so often goes on in time."""
        self.clock.advance_to(now_ms)
        due_ms, number, done = self._due[0]
        assert self.only_waits_for(do)
        if due_ms <= now_ms:
            due_ms += ((now_ms - due_ms) // every_ms + 1) * every_ms
        self._due[0] = (due_ms, number, done)

    def settle(self) -> None:
        """Do everything that is due by now."""
        while self._due and self._due[0][0] <= self.now_ms:
            heappop(self._due)[2]()

    def forward(self, until_ms: int) -> None:
        """Go on to the next moment at which something happens, at most to `until_ms`."""
        mark_ms = self._streams.next_due_ms() if self._streams is not None else until_ms
        moments = [until_ms, mark_ms, self._exchange.next_mark_ms]
        step_ms = self._market.next_ms()
        if step_ms is not None:
            moments.append(step_ms)
        if self._due:
            moments.append(self._due[0][0])
        self.clock.advance_to(min(moments))
        play(self._exchange, self._market, self.now_ms)
        if self._streams is not None and self.now_ms >= mark_ms:
            self._streams.advance(self.now_ms)
            if self.now_ms // DAY_MS != self._day:
                self._day = self.now_ms // DAY_MS
                self.each_day(self.now_ms)
        self.settle()
