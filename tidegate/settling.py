"""What a session does whenever nothing presses: make ready, write down, show.

Owns the order of it. Decides nothing about trading.
"""

import os
import time
from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from tidegate import logs
from tidegate.core.exits import foreseen
from tidegate.core.state import State
from tidegate.core.status import snapshot
from tidegate.daily import Daily
from tidegate.errors import StorageError
from tidegate.hyperliquid.limits import Budget
from tidegate.latencies import Latencies
from tidegate.listening import Listening
from tidegate.majors import Majors
from tidegate.model.gauges import StreamGauges
from tidegate.model.intents import PlaceOrders
from tidegate.storage.ledger import Ledger
from tidegate.tidying import Tidying

DAY_MS = 86_400_000


class Settling:
    """What is done when nothing presses: foreseen exits are made ready (`prepare`), the journal is written down, the
    status is left for other terminals."""

    def __init__(
        self,
        ledger: Ledger,
        budget: Budget,
        prepare: Callable[[Iterable[PlaceOrders]], None] | None,
        listening: Listening,
        majors: Majors | None = None,
        tidying: Tidying | None = None,
        latencies: Latencies | None = None,
    ) -> None:
        self._ledger, self._budget, self._prepare, self._listening = ledger, budget, prepare, listening
        self._majors, self._tidying, self._latencies = majors, tidying, latencies
        self._daily = Daily(ledger.closed_since, lambda note: logs.log(note.topic, note.text, note.level))
        self._failing = False
        self._lost = 0
        self._chapter: object = None
        self._realised = self._fees = Decimal(0)
        self._closed = 0

    def __call__(self, state: State) -> None:
        """Make ready, write down what is buffered, then clear away."""
        exits = foreseen(state)
        if self._prepare is not None:
            self._prepare(exits)
        self._write_down(state, calm=not exits)
        if self._tidying is not None:
            self._tidying.quiet(state)

    def _write_down(self, state: State, *, calm: bool) -> None:
        gauges = self._listening(state)
        try:
            self._daily(state, gauges)
            self._ledger.put_status(msgspec.json.encode(self._status(state, gauges)))
            self._ledger.flush(at_once=True, calm=calm)
        except StorageError as error:
            if not self._failing:
                logs.log("bot", f"the journal cannot be written: {error}", "ERROR")
            self._failing = True
            return
        self._failing = False
        if self._ledger.lost != self._lost:
            self._lost = self._ledger.lost
            logs.log("bot", f"{self._lost} lines of the journal were lost while it could not be written", "ERROR")

    def _status(self, state: State, gauges: StreamGauges) -> object:
        day_ms = state.now_ms // DAY_MS * DAY_MS
        chapter = (day_ms, tuple((coin.generation, coin.position.size) for coin in state.coins.values()))
        if chapter != self._chapter:  # reading stores what waits, so only when a position may have closed
            closed = self._ledger.closed_since(day_ms)
            self._chapter, self._closed = chapter, len(closed)
            self._realised = sum((each.pnl - each.fees for each in closed), Decimal(0))
            self._fees = sum((each.fees for each in closed), Decimal(0))
        return replace(
            snapshot(state),
            pid=os.getpid(),
            wall_ms=time.time_ns() // 1_000_000,
            realised_today=self._realised,
            fees_today=self._fees,
            closed_today=self._closed,
            weight_used=self._budget.used(),
            rest=self._budget.gauges(),
            stream=gauges,
            majors=self._majors.shown() if self._majors is not None else (),
            majors_stream=self._majors.gauges() if self._majors is not None else None,
            collector=self._tidying.gauges() if self._tidying is not None else None,
            latencies=self._latencies.gauges() if self._latencies is not None else (),
        )
