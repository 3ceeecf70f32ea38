"""The bot of the soak: a whole session with fifty coins that can be put to sleep, and that watches its collector."""

import gc
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import contestants
from benchmarks.soak_exchange import COINS, HELD
from tidegate.hyperliquid.limits import Lane

STAY_OUT = '''"""Wishes for nothing: the benchmark does."""

from dataclasses import dataclass

import pandas as pd

from tidegate.strategy import Strategy


@dataclass(frozen=True)
class StayOut(Strategy):
    """Never enters, never leaves."""

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """No wish on any bar."""
        return self.wishes(bars, long=False)
'''
SLEEP_MAX_S = 30.0


class Vitals(msgspec.Struct, frozen=True):
    """How the bot does: pauses of the collector in ms by generation since it was asked last; the stream's lag and
    reconnects; what waits in the inbox, and what was conflated in all."""

    pauses_ms: dict[int, list[float]]
    lag_p50_ms: int | None
    reconnects: int
    waiting: int
    conflated: int
    is_up: bool


class Collector:
    """Listens to Python's own collector. A pause is what it took of the processor: what a busy machine takes from this
    process in the midst of one is not its doing."""

    def __init__(self) -> None:
        self.pauses_ms: dict[int, list[float]] = {0: [], 1: [], 2: []}
        self._began_ns = 0
        gc.callbacks.append(self._on)

    def _on(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began_ns = time.thread_time_ns()
        else:
            self.pauses_ms[info["generation"]].append((time.thread_time_ns() - self._began_ns) / 1e6)

    def told(self) -> dict[int, list[float]]:
        """The pauses since it was asked last."""
        told, self.pauses_ms = self.pauses_ms, {0: [], 1: [], 2: []}
        return told


class Purse(contestants.Purse):
    """A budget that refuses nothing: positions come and go far more often here than a minute's weight allows."""

    def take(self, weight: int, lane: Lane = Lane.REST) -> bool:  # noqa: ARG002
        """Whether a read may go out."""
        return True


class SoakBot(contestants.Bot):
    """Trades `HELD` as it is told to, and listens to all coins."""

    def __init__(self, conn: Connection, url: str, folder: str) -> None:
        home = Path(folder)
        strategies = home.parent / "strategies"
        strategies.mkdir()
        (strategies / "stay_out.py").write_text(STAY_OUT)
        more = {"COINS": ",".join(COINS), "STRATEGY": "stay_out", "TIMEFRAME": "1m"}
        super().__init__(conn, url, folder, 1, {name: COINS[name] for name in HELD}, more, strategies)
        self._budget = Purse()
        self._collector = Collector()
        self._awake = threading.Event()
        self._awake.set()

    def answer(self, word: str, argument: Any) -> Any:
        """Do what the benchmark asks."""
        if word == "vitals":
            return self._vitals(self._collector.told())
        if word == "look":
            return self._vitals({})
        if word == "sleep":
            self._sleep()
        elif word == "wake":
            woken_ns = time.monotonic_ns()
            self._awake.set()
            return woken_ns
        else:
            return super().answer(word, argument)
        return word

    def _vitals(self, pauses_ms: dict[int, list[float]]) -> Vitals:
        gauges = self._stream.gauges()
        return Vitals(
            pauses_ms,
            gauges.lag_p50_ms,
            gauges.reconnects,
            self._inbox.waiting,
            self._inbox.conflated,
            self._stream.is_up and not gauges.unheard,
        )

    def _sleep(self) -> None:
        """Have the main thread stand still before it takes anything else, until it is woken."""
        awake, asleep, take = self._awake, threading.Event(), self._inbox.take
        awake.clear()

        def nap(until_ms: int) -> Any:
            if not awake.is_set():
                asleep.set()
                awake.wait(SLEEP_MAX_S)
            return take(until_ms)

        self._inbox.take = nap
        asleep.wait(SLEEP_MAX_S)
        taken: Callable[[int], Any] = take
        self._inbox.take = taken


def run(conn: Connection, url: str, folder: str) -> None:
    """The process."""
    SoakBot(conn, url, folder).run()
