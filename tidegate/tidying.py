"""When Python collects garbage: at quiet moments, and never all of it while something is at stake.

A full collection of a loaded bot takes 18 to 107 ms, in which no stop is watched, and Python starts one whenever it
likes. So it never starts one here. What the start has built is put aside, where no collection looks; what comes of
frames dies by its reference count and costs none; cycles are looked for when nothing waits, among what is new alone.
"""

import gc
import time
from collections.abc import Callable
from typing import Any

from tidegate.core.state import State
from tidegate.model.gauges import CollectorGauges

YOUNG_OBJECTS = 1_000
YOUNG_UNTIL_MIDDLE = 3
NEVER = 1_000_000_000
"""Collections of the young take 0.1 to 1 ms and are left to Python; one of everything is not. With twice as
many objects 3.4 ms were seen once on a busy machine."""
LOOK_EVERY_S = 30.0
LONG_MS = 0.5
"""When looking through what is new takes so long, it is put aside as well."""
THOROUGH_EVERY_S = 3_600.0
"""Without any position everything is looked through once, what was put aside too: so no cycle stays for ever."""
OLDEST = 2


class Tidying:
    """Belongs to the main thread; `gauges` may be asked from anywhere."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._before = gc.get_threshold()
        self._begun_ns = 0
        self._collections = self._full = 0
        self._longest_ns = self._full_ns = 0
        self._frozen = 0
        self._is_warm = False
        self._looked_s = self._thorough_s = monotonic()

    def begin(self) -> None:
        """The start is over: put aside what it has built, and take over from Python."""
        gc.collect()
        gc.freeze()
        self._frozen = gc.get_freeze_count()
        gc.set_threshold(YOUNG_OBJECTS, YOUNG_UNTIL_MIDDLE, NEVER)
        gc.callbacks.append(self._measure)

    def end(self) -> None:
        """Leave it to Python again."""
        if self._measure in gc.callbacks:
            gc.callbacks.remove(self._measure)
        gc.set_threshold(*self._before)
        gc.unfreeze()

    def quiet(self, state: State) -> None:
        """Nothing presses: collect, if it is time."""
        now_s = self._monotonic()
        if state.is_warm and not self._is_warm:  # every coin's candles are there by now
            self._is_warm = True
            self._put_aside(state, now_s)
            self._longest_ns = 0
        elif now_s - self._thorough_s >= THOROUGH_EVERY_S and not is_at_stake(state):
            self._thorough_s = now_s
            gc.unfreeze()
            gc.collect()
            self._put_aside(state, now_s)
        elif now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            gc.collect()
            if self._full_ns > LONG_MS * 1e6:
                gc.freeze()

    def gauges(self) -> CollectorGauges:
        """How long the collector has held everything up, in time of the processor; `put_aside` as counted last."""
        return CollectorGauges(
            collections=self._collections,
            full=self._full,
            longest_ms=self._longest_ns / 1e6,
            put_aside=self._frozen,
        )

    def _put_aside(self, state: State, now_s: float) -> None:
        self._looked_s = now_s
        gc.freeze()
        if not is_at_stake(state):  # counting walks over all of it: 20 ms
            self._frozen = gc.get_freeze_count()

    def _measure(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self._begun_ns = time.thread_time_ns()
            return
        took_ns = time.thread_time_ns() - self._begun_ns
        self._collections += 1
        self._longest_ns = max(self._longest_ns, took_ns)
        if info["generation"] == OLDEST:
            self._full += 1
            self._full_ns = took_ns


def is_at_stake(state: State) -> bool:
    """Whether there is anything that a price could make the bot act on at once."""
    return any(coin.position.size or coin.orders or coin.grows for coin in state.coins.values())
