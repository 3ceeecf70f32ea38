"""How long Python's garbage collector stops a loaded bot: left to itself, frozen before the load, and at quiet moments.

    python benchmarks/pauses.py [--quick]

Each way runs in a process of its own: two hundred coins with five hundred candles each, then frames as fast as they are
taken, through the stream's protocol, the core and the ledger. Prints the longest and the summed pauses; exits 0 unless
a measurement itself failed.
"""

import argparse
import gc
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figures import aligned  # noqa: E402
from benchmarks.tapes import numbered, synthetic  # noqa: E402
from tidegate.core.state import State  # noqa: E402
from tidegate.core.step import step  # noqa: E402
from tidegate.hyperliquid.protocol import StreamProtocol  # noqa: E402
from tidegate.model.events import Account, CandlesFetched, Event, Started  # noqa: E402
from tidegate.model.instruments import Instrument  # noqa: E402
from tidegate.model.market import Candle, Timeframe  # noqa: E402
from tidegate.model.settings import Settings  # noqa: E402
from tidegate.storage.ledger import Ledger  # noqa: E402
from tidegate.tidying import LOOK_EVERY_S, Tidying  # noqa: E402

COINS, CANDLES = 200, 500
FRAMES, FRAMES_QUICK = 100_000, 10_000
SETTLE_EVERY = 5_000
T0 = 1_767_225_600_000
GOAL_MS = 2.0
WAYS = ("left to Python", "frozen before the load", "at quiet moments")


class Pauses:
    """Every pause of the collector, in milliseconds of the processor: what else the machine does is not its fault."""

    def __init__(self) -> None:
        self.ms: list[float] = []
        self._begun_ns = 0
        gc.callbacks.append(self._measure)

    def _measure(self, phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            self._begun_ns = time.thread_time_ns()
        else:
            self.ms.append((time.thread_time_ns() - self._begun_ns) / 1e6)


class Bot:
    """What of a bot holds memory: the state with its candles, the stream's protocol, the ledger."""

    def __init__(self, frames: int) -> None:
        tape = synthetic(4_000)
        rounds = range(0, frames, len(tape.frames))
        self._frames = [frame for number in rounds for frame in numbered(tape, T0 + number)[:-1]][:frames]
        names = tape.coins + tuple(f"D{number:03}" for number in range(COINS - len(tape.coins)))
        self.state = State()
        self._ledger = Ledger("sqlite://", venue="a benchmark", account="0x0")
        self._ledger.open()
        self._protocol = StreamProtocol(names, "0x0", Timeframe.M1)
        self._protocol.opened(T0, 1)
        listed = tuple(
            Instrument(coin=name, asset=number, size_decimals=3, leverage_max=5) for number, name in enumerate(names)
        )
        account = Account(equity=Decimal(1_000), free=Decimal(1_000), time_ms=T0)
        settings = Settings(coins=names, timeframe=Timeframe.M1)
        self._take(Started(at_ms=T0, settings=settings, instruments=listed, account=account, instance_tag="0" * 8))

    def load(self) -> None:
        """The candles of every coin."""
        for name in tuple(self.state.coins):
            rows = tuple(_candle(T0 - number * Timeframe.M1.ms) for number in range(CANDLES, 0, -1))
            self._take(CandlesFetched(at_ms=T0, coin=name, candles=rows, exchange_ms=T0))
        self._ledger.flush()
        self.state.is_warm = True

    def play(self, settled: Callable[[State], None]) -> None:
        """All frames; now and then nothing presses."""
        receive = self._protocol.receive
        for number, frame in enumerate(self._frames):
            for event in receive(frame, T0 + number, number + 1):
                self._take(event)
            if number % SETTLE_EVERY == SETTLE_EVERY - 1:
                self._ledger.flush(at_once=True)
                settled(self.state)

    def _take(self, event: Event) -> None:
        self._ledger.record(event, step(self.state, event))


def _candle(open_ms: int) -> Candle:
    price = Decimal(100 + open_ms % 97)
    return Candle(open_ms, open_ms + Timeframe.M1.ms - 1, price, price, price, price, Decimal(7), 3)


def measured(way: str, frames: int) -> list[float]:
    """The pauses under this way; what quiet moments cost is among them."""
    bot, passed = Bot(frames), [0.0]

    def monotonic() -> float:
        passed[0] += LOOK_EVERY_S / 2
        return passed[0]

    tidying = Tidying(monotonic)
    if way == WAYS[1]:
        gc.collect()
        gc.freeze()
    elif way == WAYS[2]:
        tidying.begin()
    settled = tidying.quiet if way == WAYS[2] else _nothing
    pauses = Pauses()
    bot.load()
    settled(bot.state)
    bot.play(settled)
    return pauses.ms


def _nothing(_state: State) -> None:
    """Nothing is done when nothing presses."""


def main() -> int:
    """Measure each way in a process of its own, and show them side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the frames")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    frames = FRAMES_QUICK if chosen.quick else FRAMES
    if chosen.way:
        sys.stdout.buffer.write(msgspec.json.encode(measured(chosen.way, frames)))
        return 0
    rows = [("the collector is", "pauses", "longest ms", "sum ms", f"over {GOAL_MS:g} ms")]
    for way in WAYS:
        words = [sys.executable, __file__, "--way", way, *(["--quick"] if chosen.quick else [])]
        ended = subprocess.run(words, capture_output=True, check=True)
        ms: list[float] = msgspec.json.decode(ended.stdout, type=list[float])
        over = sum(each > GOAL_MS for each in ms)
        rows.append((way, str(len(ms)), f"{max(ms, default=0):.2f}", f"{sum(ms):.0f}", str(over)))
    print(f"{COINS} coins of {CANDLES} candles, {frames:,} frames as fast as they are taken")
    print("\n".join(aligned(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
