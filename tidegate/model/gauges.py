"""How the stream does, as numbers to look at."""

from msgspec import Struct


class SocketGauges(Struct, frozen=True, kw_only=True):
    """One socket. `up_s` is how long it has been open, None while it is not."""

    coins: int
    subscriptions: int
    connects: int
    up_s: float | None


class StreamGauges(Struct, frozen=True, kw_only=True):
    """The whole stream; the first socket carries the account and the orders.

    `lag_*_ms` is from the exchange's time of a frame to its arrival (over the last thousand), None before the first.
    `ages_s` is how long ago each coin was heard, `unheard` how many coins do not come by stream, `restarts` how often
    the stream's thread had to be replaced.
    """

    sockets: tuple[SocketGauges, ...]
    subscriptions: int
    messages_per_minute: int
    reconnects: int
    restarts: int
    unheard: int
    conflated: int
    lag_p50_ms: int | None
    lag_p99_ms: int | None
    dropped: dict[str, int]
    ages_s: dict[str, float]

    @property
    def words(self) -> str:
        """All of it in one line."""
        up = sum(socket.up_s is not None for socket in self.sockets)
        lag = "no price yet" if self.lag_p50_ms is None else f"lag {self.lag_p50_ms} ms, p99 {self.lag_p99_ms} ms"
        oldest = max(self.ages_s.items(), key=lambda each: each[1], default=None)
        silent = f"; longest silent {oldest[0]}, {oldest[1]:.0f} s" if oldest else ""
        dropped = f"; left out {sum(self.dropped.values())}" if self.dropped else ""
        return (
            f"{up} of {len(self.sockets)} sockets open, {self.subscriptions} subscriptions, "
            f"{self.messages_per_minute} messages sent a minute, {self.reconnects} reconnects; {lag}; "
            f"{self.unheard} coins without a stream{silent}; {self.conflated} prices conflated{dropped}"
        )


class RestGauges(Struct, frozen=True, kw_only=True):
    """The REST budget: weight of the last minute, also by lane, how often the exchange said 429, and for how long data
    reads still wait because of it."""

    used: int
    most: int
    by_lane: dict[str, int]
    refused: int = 0
    backing_off_s: float = 0.0

    @property
    def words(self) -> str:
        """All of it in one line."""
        lanes = ", ".join(f"{name} {weight}" for name, weight in self.by_lane.items() if weight)
        said = f"; 429 said {self.refused} times" if self.refused else ""
        waits = f", data waits {self.backing_off_s:.0f} s" if self.backing_off_s else ""
        return f"REST weight {self.used} of {self.most} in the last minute{f' ({lanes})' if lanes else ''}{said}{waits}"


class CollectorGauges(Struct, frozen=True, kw_only=True):
    """Python's garbage collector: its collections, `full` ones among them, the longest pause since the bot was warm,
    and how many objects it need not look at."""

    collections: int
    full: int
    longest_ms: float
    put_aside: int

    @property
    def words(self) -> str:
        """All of it in one line."""
        return f"garbage collected {self.collections} times, the longest pause {self.longest_ms:.1f} ms"


LATENCY_BOUNDS_MS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Upper bounds of the classes that durations are counted in; what took longer is in one more."""


class LatencyGauges(Struct, frozen=True, kw_only=True):
    """A histogram of durations: `counts` by the classes of `LATENCY_BOUNDS_MS`, the longest of them, and their sum."""

    name: str
    counts: tuple[int, ...]
    longest_ms: float
    total_ms: float = 0.0

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def bound_ms(self, percent: float) -> float:
        """So many per cent took no longer than this."""
        wanted, seen = self.count * percent / 100, 0
        for bound_ms, count in zip(LATENCY_BOUNDS_MS, self.counts, strict=False):
            seen += count
            if seen >= wanted:
                return min(bound_ms, self.longest_ms)
        return self.longest_ms

    @property
    def words(self) -> str:
        """All of it in a few words."""
        half, most = self.bound_ms(50), self.bound_ms(99)
        return f"{half:.3g} ms, p99 {most:.3g} ms, longest {self.longest_ms:.3g} ms, of {self.count}"
