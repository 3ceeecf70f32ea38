"""What a day came to: one line after midnight (UTC) with what was traded, what it cost, how long the stream was up.

Owns the counting of a day. Decides nothing.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal

from tidegate.core.state import State
from tidegate.model.gauges import StreamGauges
from tidegate.model.intents import Note
from tidegate.model.records import ClosedPosition

DAY_MS = 86_400_000


class Daily:
    """Called whenever nothing presses; `closed_since` gives the positions that were closed from a moment on."""

    def __init__(self, closed_since: Callable[[int], Iterable[ClosedPosition]], say: Callable[[Note], None]) -> None:
        self._closed_since, self._say = closed_since, say
        self._day = self._begun_ms = self._seen_ms = self._up_ms = self._reconnects = 0

    def __call__(self, state: State, gauges: StreamGauges) -> None:
        """Count on; once a day is over, tell of it."""
        now_ms = state.now_ms
        if not self._seen_ms:
            self._begin(now_ms, gauges)
        if state.stream_up:
            self._up_ms += max(0, now_ms - self._seen_ms)
        self._seen_ms = now_ms
        if now_ms // DAY_MS == self._day:
            return
        self._say(Note(topic="bot", text=self._words(state, gauges)))
        self._begin(now_ms, gauges)

    def _begin(self, now_ms: int, gauges: StreamGauges) -> None:
        self._day, self._begun_ms, self._seen_ms = now_ms // DAY_MS, now_ms, now_ms
        self._up_ms, self._reconnects = 0, gauges.reconnects

    def _words(self, state: State, gauges: StreamGauges) -> str:
        from_ms, until_ms = self._day * DAY_MS, (self._day + 1) * DAY_MS
        closed = [each for each in self._closed_since(from_ms) if each.closed_ms < until_ms]
        realised = sum((each.pnl - each.fees for each in closed), Decimal(0))
        fees = sum((each.fees for each in closed), Decimal(0))
        slipped = sum((each.slippage or Decimal(0) for each in closed), Decimal(0))
        day = datetime.fromtimestamp(from_ms / 1000, UTC)
        watched_ms = max(1, state.now_ms - self._begun_ms)
        return (
            f"day {day:%Y-%m-%d}: {len(closed)} positions closed, realised {realised:+,.2f} USD after {fees:,.2f} of "
            f"fees and {slipped:,.2f} of slippage, equity {state.equity:,.2f} USD; up {watched_ms / 3_600_000:.1f} h, "
            f"stream {self._up_ms / watched_ms * 100:.2f} % of it, {gauges.reconnects - self._reconnects} reconnects"
        )
