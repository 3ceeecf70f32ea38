"""What the core's shell needs from the outside, as narrow protocols. Adapters satisfy them without inheriting."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from tidegate.model.events import Event
from tidegate.model.intents import Decision, Intent


class Clock(Protocol):
    """Time as the exchange counts it."""

    def now_ms(self) -> int:
        """The exchange's time now, in milliseconds UTC, as well as we know it."""

    def seconds_until(self, at_ms: int) -> float:
        """How long to wait here for that moment; negative when it has passed."""


class Facts(Protocol):
    """Where other threads put what happened."""

    def put(self, event: Event) -> None:
        """Hand a fact to the main thread; never blocks, never loses an extreme."""


class Feed(Facts, Protocol):
    """Where the stream puts what it heard."""

    def put_all(self, events: Sequence[Event]) -> None:
        """Hand over several at once; the main thread is woken once for them all."""


class Inbox(Feed, Protocol):
    """Where the main thread waits: the only blocking call of the loop."""

    def take(self, until_ms: int) -> Sequence[Event]:
        """Everything that waits (bounded), or one Tick when `until_ms` comes first; with 0 it does not wait."""


class World(Protocol):
    """Everything that can be asked of the outside."""

    def perform(self, intent: Intent) -> Iterable[Event]:
        """Carry out one wish; what is known at once is returned as facts, the rest arrives in the inbox."""


class Journal(Protocol):
    """The record of facts and wishes."""

    def record(self, event: Event, decision: Decision) -> None:
        """Remember what happened and what was decided; durable at the latest with the next order."""
