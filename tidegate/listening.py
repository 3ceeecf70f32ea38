"""What the bot tells its stream, and what it shows of it.

Owns that coins with a position come first everywhere, and the line in the log every five minutes. Decides nothing.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from tidegate.core.state import Phase, State
from tidegate.model.gauges import StreamGauges
from tidegate.model.intents import Note

REPORT_EVERY_MS = 5 * 60_000
AT_STAKE = frozenset({Phase.ENTERING, Phase.IN_DOUBT, Phase.HOLDING, Phase.EXITING})


class Holds(Protocol):
    """Who serves coins with a position first."""

    def hold(self, coins: Iterable[str]) -> None:
        """These coins, and no others, have a position."""


class Stream(Holds, Protocol):
    """The stream client, as far as it is shown."""

    def gauges(self) -> StreamGauges:
        """How it does."""


class Aside(Protocol):
    """A feed beside the one that trades."""

    def gauges(self) -> StreamGauges:
        """How it does."""

    def news(self) -> Iterable[Note]:
        """What became of it since this was asked last."""


class Listening:
    """Called whenever nothing presses; `also` has more words for the line every five minutes."""

    def __init__(
        self,
        inbox: Holds,
        stream: Stream,
        say: Callable[[Note], None],
        majors: Aside | None = None,
        also: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._inbox, self._stream, self._say, self._majors, self._also = inbox, stream, say, majors, also
        self._held: frozenset[str] = frozenset()
        self._reported_ms = self._bars_told = 0

    def __call__(self, state: State) -> StreamGauges:
        """Tell which coins matter, and see how the stream does."""
        held = frozenset(name for name, coin in state.coins.items() if coin.position.size or coin.phase in AT_STAKE)
        if held != self._held:
            self._held = held
            self._inbox.hold(held)
            self._stream.hold(held)
        for note in self._majors.news() if self._majors is not None else ():
            self._say(note)
        gauges = self._stream.gauges()
        self._reported_ms = self._reported_ms or state.now_ms
        if state.now_ms - self._reported_ms >= state.wait_ms(REPORT_EVERY_MS):
            self._reported_ms = state.now_ms
            decided = f"{state.bars_told - self._bars_told} bars decided on"
            self._bars_told = state.bars_told
            self._say(Note(topic="stream", text="; ".join((gauges.words, *self._also(), decided))))
            if self._majors is not None:
                self._say(Note(topic="stream", text=f"majors: {self._majors.gauges().words}"))
        return gauges
