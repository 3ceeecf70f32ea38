"""The bot as a user runs it, on a machine that goes wrong: its clocks and its disk, from outside.

`SPOILT="wall=7200"` is there from the start; `wall`, `clock` and `disk` with an `@` begin when the process gets SIGUSR1
and end with SIGUSR2: `wall@-7200` the machine's calendar clock steps, `clock@5` the machine's steady clock does,
`disk@full`, `disk@readonly` and `disk@broken` cannot be written to; `main@10` keeps the main thread busy for so many
seconds; `stream@raises`, `stream@ends`, `stream@hangs` happen to the stream's thread, once. `candles=free` is nothing
bad: reading candles costs nothing of the request budget, so that a market may run fast; all else stays as scarce as it
is.
"""

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

SECOND_NS = 1_000_000_000
STREAM_HANGS_S = 8.0
FILE_BYTES_MAX = 4_096
"""What is longer cannot grow any more: the disk answers every write behind it with an error."""
UNTIL_FULL, AGAIN_ENDLESS = "PRAGMA max_page_count=1", "PRAGMA max_page_count=4294967294"
NOT_WRITABLE, WRITABLE = "PRAGMA query_only=ON", "PRAGMA query_only=OFF"


class Spoil:
    """One thing that goes wrong between two signals; without `begins_later` it is wrong from the start."""

    def __init__(self, value: str, *, begins_later: bool) -> None:
        self.value = value
        self.is_on = not begins_later

    @property
    def seconds(self) -> float:
        """By how much a clock is off at the moment."""
        return float(self.value) if self.is_on else 0.0


def wall(spoil: Spoil) -> Callable[[], None]:
    """The calendar clock of this process."""
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + spoil.seconds
    time.time_ns = lambda: nanoseconds() + int(spoil.seconds * SECOND_NS)
    return lambda: None


def clock(spoil: Spoil) -> Callable[[], None]:
    """The steady clock from which the bot knows how much time has passed since the exchange told the time."""
    from tidegate import clock as clocks

    original = clocks.ExchangeClock.__init__

    def patched(self: Any, exchange_ms: int, speed: float = 1.0) -> None:
        original(self, exchange_ms, speed, lambda: clocks.seconds_up() + spoil.seconds)

    clocks.ExchangeClock.__init__ = patched  # type: ignore[method-assign, assignment]
    return lambda: None


def disk(spoil: Spoil) -> Callable[[], None]:
    """What the database and the logs are written to."""
    from tidegate.storage import database as databases

    opened: list[databases.Database] = []
    original = databases.open_for_writing

    def patched(url: str) -> databases.Database:
        database = original(url)
        opened.append(database)
        return database

    databases.open_for_writing = patched

    def turned() -> None:
        if spoil.value == "broken":
            _most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX if spoil.is_on else hard, hard))
            return
        full = spoil.value == "full"
        on, off = (UNTIL_FULL, AGAIN_ENDLESS) if full else (NOT_WRITABLE, WRITABLE)
        for database in opened[:1]:  # the ledger's; the operator's box belongs to another thread
            database.rows(on if spoil.is_on else off, {})

    return turned


def main_thread(spoil: Spoil) -> Callable[[], None]:
    """The main thread, which also runs the handlers of signals: it is busy with something else."""

    def turned() -> None:
        if spoil.is_on:
            threading.Event().wait(float(spoil.value))

    return turned


def stream(spoil: Spoil) -> Callable[[], None]:
    """The stream's thread, at its next turn: an error in it, its end without a word, or 8 seconds of nothing."""
    from hyperliquid_websocket import HyperliquidWebSocketClient as Client

    original = Client._turn

    def patched(self: Any) -> None:
        if spoil.is_on:
            spoil.is_on = False
            if spoil.value == "raises":
                raise MemoryError
            if spoil.value == "ends":
                raise SystemExit
            threading.Event().wait(STREAM_HANGS_S)
        original(self)

    Client._turn = patched  # type: ignore[method-assign]
    return lambda: None


class Endless:
    """A budget of requests that nobody counts."""

    def take(self, *_args: Any, **_kwargs: Any) -> bool:
        """There is always enough."""
        return True

    def spend(self, *_args: Any, **_kwargs: Any) -> None:
        """Nothing is written down."""

    def refused(self, *_args: Any, **_kwargs: Any) -> None:
        """A 429 would change nothing."""

    def used(self) -> int:
        """Nothing."""
        return 0


def candles(_spoil: Spoil) -> Callable[[], None]:
    """Candles are read outside the budget; each client belongs to one thread, so nobody else's reading is meant."""
    from tidegate.hyperliquid.client import HyperliquidClient

    original = HyperliquidClient.candles

    def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
        counted, self.budget = self.budget, Endless()
        try:
            return original(self, *args, **kwargs)
        finally:
            self.budget = counted

    HyperliquidClient.candles = patched  # type: ignore[method-assign]
    return lambda: None


SPOILS = {"wall": wall, "clock": clock, "disk": disk, "candles": candles, "main": main_thread, "stream": stream}


def spoil(what: str) -> None:
    """Put one patch in place, and have the signals begin and end it."""
    later = "@" in what
    name, _, value = what.partition("@" if later else "=")
    one = Spoil(value, begins_later=later)
    turned = SPOILS[name](one)

    def on_signal(number: int, _frame: object) -> None:
        one.is_on = number == signal.SIGUSR1
        turned()

    signal.signal(signal.SIGUSR1, on_signal)
    signal.signal(signal.SIGUSR2, on_signal)


def main() -> None:
    """The front door of a machine that goes wrong."""
    what = os.environ.pop("SPOILT", "")
    if what:
        spoil(what)
    import bot

    bot.main()


if __name__ == "__main__":
    main()
