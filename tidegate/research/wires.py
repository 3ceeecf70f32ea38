"""The ways between bot and exchange in virtual time: the inbox, REST reads, REST orders.

Each takes the place of a part with threads and does the same work at the right moment: a request reaches the exchange
one latency after it left, and its answer is heard one latency later. Whatever one read wish asks, it is answered at
one moment (a real account read asks four times, so its parts may be some milliseconds apart). Decides nothing.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from tidegate.gateway import Sent, deliver
from tidegate.hyperliquid.client import NOT_ASKED, HyperliquidClient
from tidegate.inbox import ConflatingInbox
from tidegate.model.events import Command, Event, Faulted, Tick
from tidegate.model.intents import FetchCandles, Read
from tidegate.ports import Facts
from tidegate.reader import LANES, Find, Reading
from tidegate.research.calm import without_deposits
from tidegate.research.passing import Passage
from tidegate.research.timeline import Timeline

TAKES_AT_ONE_MOMENT_MAX = 10_000
BUDGET_PAUSE_MS = 1_000


class Killed(Exception):
    """The bot's process is no more, from one moment to the next."""


class SimulatedInbox:
    """The real inbox; waiting at it makes time pass. At `end_ms` (or the tape's end) the bot is told to stop.

    `dies` is asked whenever the bot comes to wait: True ends it there with `Killed`. With a `passage` what is proved
    quiet is passed in one go; `begin` is done whenever the bot comes to wait.
    """

    def __init__(self, time: Timeline, end_ms: int | None, dies: Callable[[], bool] = lambda: False) -> None:
        self._time, self._end_ms, self._dies = time, end_ms, dies
        self._inbox = ConflatingInbox(time.clock)
        self.passage: Passage | None = None
        self.begin: Callable[[], None] = lambda: None
        self._stopping = False
        self._moment_ms, self._takes = 0, 0

    def put(self, event: Event) -> None:
        """Hand over a fact."""
        self._inbox.put(event)

    def put_all(self, events: Sequence[Event]) -> None:
        """Hand over several."""
        self._inbox.put_all(events)

    def take(self, until_ms: int) -> list[Event]:
        """Everything that waits; else time passes until something does, or until `until_ms`."""
        self._refuse_to_spin()
        if self._dies():
            raise Killed
        self.begin()
        self._time.settle()
        while True:
            self._stop_at_the_end()
            events = self._inbox.take(0)
            if events or not until_ms:
                return events
            if self._time.now_ms >= until_ms:
                return [Tick(at_ms=self._time.now_ms)]
            heard = self.passage.takes(self._end_ms) if self.passage is not None else None
            if heard is None:
                self._time.forward(until_ms)
            else:
                self.put_all(heard)

    def pass_time(self, ms: int) -> None:
        """Let so much time pass whatever happens."""
        until_ms = self._time.now_ms + ms
        while self._time.now_ms < until_ms:
            self._time.forward(until_ms)

    def _stop_at_the_end(self) -> None:
        if self._stopping:
            return
        at_ms = self._time.now_ms
        if self._end_ms is not None and at_ms >= self._end_ms:
            reason = "the simulated time is over"
        elif self._time.tape_is_over:
            reason = "the recording is over"
        else:
            return
        self._stopping = True
        self.put(Command(at_ms=at_ms, name="stop", reason=reason))

    def _refuse_to_spin(self) -> None:
        """A loop that never waits would hang the simulation, and eat a processor when it is live."""
        if self._time.now_ms != self._moment_ms:
            self._moment_ms, self._takes = self._time.now_ms, 0
        self._takes += 1
        assert self._takes <= TAKES_AT_ONE_MOMENT_MAX, f"the loop spins at {self._moment_ms} without waiting"


class Wire:
    """One way to the exchange and back by REST. What is heard is stamped with the moment of hearing."""

    def __init__(self, time: Timeline, client: HyperliquidClient, facts: Facts, latency_ms: int) -> None:
        self.time, self.client, self.latency_ms = time, client, latency_ms
        self._facts = facts

    def answer(self, events: Iterable[Event]) -> None:
        """Send the facts of an answer back."""
        self.time.later(self.latency_ms, self._hear, tuple(events))

    def _hear(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self._facts.put(replace(event, at_ms=self.time.now_ms))


class SimulatedReads:
    """Takes the reader's place: its lanes, one read of each on its way at a time. `user` is the account.

    In a calm simulation (see `calm`) no read waits for another, and views of the account tell of deposits.
    """

    def __init__(self, wire: Wire, user: str, find: Find, *, is_calm: bool = False) -> None:
        self._wire, self._is_calm = wire, is_calm
        self._reading = Reading(user, wire.time.clock, find=find)
        self._free_ms = dict.fromkeys(LANES, 0)

    def submit(self, wish: Read) -> list[Event]:
        """Take a read wish; the answer comes later."""
        lane = next(name for name, kinds in LANES.items() if isinstance(wish, kinds))
        now_ms, latency_ms = self._wire.time.now_ms, self._wire.latency_ms
        leaves_ms = now_ms if self._is_calm else max(now_ms, self._free_ms[lane])
        self._free_ms[lane] = leaves_ms + 2 * latency_ms
        self._wire.time.later(leaves_ms + latency_ms - now_ms, self._serve, wish)
        return []

    def forget(self, coins: Iterable[str]) -> None:
        """These coins are gone."""
        self._reading.forget(coins)

    def _serve(self, wish: Read) -> None:
        facts = tuple(self._reading.facts(self._wire.client, wish))
        if isinstance(wish, FetchCandles) and any(_was_not_asked(fact) for fact in facts):
            self._wire.time.later(BUDGET_PAUSE_MS, self._serve, wish)  # its turn in the REST budget has not come yet
        else:
            self._wire.answer(map(without_deposits, facts) if self._is_calm else facts)


def _was_not_asked(fact: Event) -> bool:
    return isinstance(fact, Faulted) and NOT_ASKED in fact.reason


class SimulatedCourier:
    """Takes the courier's place: signed bytes by REST."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def carry(self, wish: Sent, body: bytes) -> None:
        """Take an errand; what comes of it is heard later."""
        self._wire.time.later(self._wire.latency_ms, self._deliver, wish, body)

    def _deliver(self, wish: Sent, body: bytes) -> None:
        self._wire.answer(deliver(self._wire.client, wish, body, self._wire.time.clock))
