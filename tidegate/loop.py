"""The loop: wait, decide, act, until told to stop.

The only caller of `step`, the only place where time passes. All waiting facts are taken in first, then one act is
performed, then the facts again: so between two acts the bot knows all there is to know, an exit waits for no more
than the act in progress, and a busy stream cannot starve the acts. Only an exit does not wait for the facts behind it.
"""

from collections import deque
from collections.abc import Callable

from tidegate.core.metadata import renewed
from tidegate.core.schedule import next_due_ms
from tidegate.core.state import Phase, State
from tidegate.core.step import step, still_wanted
from tidegate.model.events import BookChanged, Event, Marked, Mid, Tick, Trade
from tidegate.model.intents import Answer, Intent, Note, Remember, RememberBrakes, Urgency
from tidegate.ports import Inbox, Journal, World

SETTLE_EVERY_MS = 1_000
MORE_EXITS_MS = 20
"""After an exit, while other positions are guarded: so long only exits are minded, for what crossed one stop often
crosses the next ones in the frames right behind it, and writing down takes longer than all of them."""


class Todo:
    """Wishes that wait: the most urgent first, first come first served within an urgency."""

    def __init__(self) -> None:
        self._lanes: tuple[deque[Intent], ...] = tuple(deque() for _ in Urgency)

    def add(self, intents: tuple[Intent, ...]) -> None:
        """Queue wishes."""
        for intent in intents:
            self._lanes[intent.urgency].append(intent)

    def pop(self) -> Intent:
        """The next wish to carry out."""
        for lane in self._lanes:
            if lane:
                return lane.popleft()
        raise IndexError("nothing to do")

    def __bool__(self) -> bool:
        return any(self._lanes)

    @property
    def exits_wait(self) -> bool:
        """Whether an exit is among them."""
        return bool(self._lanes[Urgency.EXIT])


class Loop:
    """One session of the bot: `run` returns when the state says so. With `ticks` every price is said, at DEBUG."""

    def __init__(
        self,
        state: State,
        inbox: Inbox,
        world: World,
        journal: Journal,
        say: Callable[[Note], None],
        settled: Callable[[State], None] = lambda _state: None,
        *,
        ticks: bool = False,
    ) -> None:
        self.state = state
        self._inbox, self._world, self._journal = inbox, world, journal
        self._say, self._settled, self._ticks = say, settled, ticks
        self._todo = Todo()
        self._unsaid: deque[Note] = deque()
        self._settle_due_ms: int | None = None
        self._exits_until_ms = 0

    def run(self) -> None:
        """Wait, decide, act, until told to stop."""
        state, todo = self.state, self._todo
        while not (state.stopped and not todo):
            for event in self._inbox.take(self._wake_ms()):
                self._handle(event)  # all waiting facts first …
                if todo.exits_wait:
                    self._act()  # (an exit at once: no fact behind it could unmake it)
            if todo:
                self._act()  # … then one act, whose outcome is a fact
            if not todo.exits_wait and state.now_ms >= self._exits_until_ms:
                self._speak()
            if not todo and self._settle_due_ms is not None and state.now_ms >= self._settle_due_ms:
                self._settle()
        self._settle()

    def _act(self) -> None:
        """Carry out the most urgent wish."""
        intent = self._todo.pop()
        if not still_wanted(self.state, intent):
            return
        for outcome in self._world.perform(renewed(self.state, intent)):
            self._handle(outcome)

    def _wake_ms(self) -> int:
        if self._todo or self.state.stopped:
            return 0
        due_ms = next_due_ms(self.state)
        return due_ms if self._settle_due_ms is None else min(due_ms, self._settle_due_ms)

    def _handle(self, event: Event) -> None:
        decision = step(self.state, event)
        self._journal.record(event, decision)
        self._todo.add(decision.intents)
        self._unsaid.extend(decision.notes)
        if self._ticks and isinstance(event, (Trade, BookChanged, Marked, Mid)):
            self._unsaid.append(Note(topic="stream", level="DEBUG", text=tick_text(event)))
        if any(isinstance(intent, (Remember, RememberBrakes, Answer)) for intent in decision.intents):
            # A position or its exit has changed: as soon as nothing presses.
            if self._todo.exits_wait and guards_others(self.state):
                self._exits_until_ms = self.state.now_ms + self.state.wait_ms(MORE_EXITS_MS)
            self._settle_due_ms = max(self.state.now_ms, self._exits_until_ms)
        elif self._settle_due_ms is None and (decision or not isinstance(event, Tick)):
            self._settle_due_ms = self.state.now_ms + self.state.wait_ms(SETTLE_EVERY_MS)

    def _speak(self) -> None:
        while self._unsaid:
            self._say(self._unsaid.popleft())

    def _settle(self) -> None:
        """Nothing presses: write down what is buffered, show where we stand."""
        self._speak()
        self._settle_due_ms = None
        self._settled(self.state)


def guards_others(state: State) -> bool:
    """Whether a stop is left that may be touched next."""
    return any(coin.phase is Phase.HOLDING and coin.bracket is not None for coin in state.coins.values())


def tick_text(event: Trade | BookChanged | Marked | Mid) -> str:
    """A price as a person reads it in the DEBUG log."""
    match event:
        case Trade():
            return f"{event.coin} traded {event.price} ({event.count} prints from {event.low} to {event.high})"
        case BookChanged():
            return f"{event.coin} book {event.bid or 'nobody'} / {event.ask or 'nobody'}"
        case Marked():
            return f"{event.coin} mark {event.mark}"
        case Mid():
            return f"{event.coin} mid {event.price} by REST"
