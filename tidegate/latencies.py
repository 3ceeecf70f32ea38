"""How long it takes from knowing to doing, counted while the bot runs.

Measures on this machine's clock; decides nothing.

It reads over the journal's shoulder: every fact and every decision passes `record`, and so costs a look at its kind.
"""

import time
from bisect import bisect_left
from collections.abc import Callable

from tidegate.model.events import Event, OrderAccepted, OrderInDoubt, OrderRejected, Signalled
from tidegate.model.gauges import LATENCY_BOUNDS_MS, LatencyGauges
from tidegate.model.intents import Decision, Evaluate, PlaceOrders, Recap
from tidegate.ports import Journal

OPEN_MAX = 1_000
"""So many questions without an answer are remembered: what nobody answers is not counted."""


class Histogram:
    """Durations counted by size."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts = [0] * (len(LATENCY_BOUNDS_MS) + 1)
        self._longest_ms = self._total_ms = 0.0

    def add(self, milliseconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(LATENCY_BOUNDS_MS, milliseconds)] += 1
        self._longest_ms = max(self._longest_ms, milliseconds)
        self._total_ms += milliseconds

    def gauges(self) -> LatencyGauges:
        """What was counted so far."""
        return LatencyGauges(
            name=self._name, counts=tuple(self._counts), longest_ms=self._longest_ms, total_ms=self._total_ms
        )


class Latencies:
    """A journal that also takes the time: of the strategy's answer, of an order's, of an exit from touch to wire."""

    def __init__(self, journal: Journal, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._journal, self._now_ns = journal, monotonic_ns
        self._decided, self._answered, self._left = Histogram("decision"), Histogram("order"), Histogram("exit")
        self._evaluating: dict[str, int] = {}
        self._placing: dict[str, int] = {}

    def record(self, event: Event, decision: Decision) -> None:
        """Pass it on to the journal, and take the time of what begins or ends with it."""
        self._journal.record(event, decision)
        if isinstance(event, Signalled):
            self._end(self._evaluating, event.coin, self._decided)
        elif isinstance(event, (OrderAccepted, OrderRejected)):
            self._end(self._placing, event.cloid, self._answered)
        elif isinstance(event, OrderInDoubt):
            self._placing.pop(event.cloid, None)
        for intent in decision.intents:
            if isinstance(intent, Evaluate):
                self._begin(self._evaluating, intent.coin)
            elif isinstance(intent, PlaceOrders):
                self._begin(self._placing, intent.orders[0].cloid)
            elif isinstance(intent, Recap) and intent.touch_to_sent_ms is not None:
                self._left.add(intent.touch_to_sent_ms)

    def gauges(self) -> tuple[LatencyGauges, ...]:
        """What was counted so far, as far as there is any of it."""
        found = (each.gauges() for each in (self._decided, self._answered, self._left))
        return tuple(each for each in found if each.count)

    def _begin(self, begun: dict[str, int], name: str) -> None:
        while len(begun) >= OPEN_MAX:
            del begun[next(iter(begun))]
        begun[name] = self._now_ns()

    def _end(self, begun: dict[str, int], name: str, histogram: Histogram) -> None:
        begun_ns = begun.pop(name, None)
        if begun_ns is not None:
            histogram.add((self._now_ns() - begun_ns) / 1e6)
