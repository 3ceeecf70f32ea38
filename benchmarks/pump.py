"""Thousands of frames a second beside a real market: prints and touches that move nothing, written as they lie there.

Owns the frames and their pace. Each tick it writes what was encoded long before, with the present time put in, to every
connection for the coins that are subscribed to on it; so the exchange's process has time left for being an exchange.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from websockets.frames import Frame, Opcode

if TYPE_CHECKING:
    from benchmarks.counterparty import Coin

TICK_S = 0.01
VARIANTS = 16
"""So many frames of a coin may be of one millisecond; each has numbers of its own."""
TIME_MS = 1_111_111_111_111
TIME = str(TIME_MS).encode()
PRINTS = 2
BOOK_SHARE = 1 / 3
UNSENT_BYTES_MAX = 4 << 20


class Line(Protocol):
    """A connection to write to."""

    def coins(self) -> frozenset[str]:
        """The coins whose prints are subscribed to on it."""

    def write(self, data: bytes) -> None:
        """Write bytes."""

    def unsent(self) -> int:
        """Bytes that wait."""


class Pump:
    """Writes `per_s` frames a second, 0 for none; `books` are the coins whose touch it may show."""

    def __init__(self, coins: Iterable["Coin"], books: Iterable[str], now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._books = frozenset(books)
        rng = random.Random(1)
        self._frames = {coin.name: [self._frame(coin, each, rng) for each in range(VARIANTS)] for coin in coins}
        self._blobs: dict[frozenset[str], list[bytes]] = {}
        self._next = 0
        self.per_s = 0
        self.written = 0
        self.unsent_max = 0
        self.late_ms: list[float] = []

    async def run(self, lines: Callable[[], Iterable[Line]], each_tick: Callable[[], None]) -> None:
        """Until cancelled. `each_tick` is called between two ticks."""
        due_s = time.monotonic()
        while True:
            each_tick()
            blobs = max(1, round(self.per_s * TICK_S / len(self._frames)))
            if self.per_s:
                self.write(lines(), blobs)
            due_s += blobs * len(self._frames) / self.per_s if self.per_s else TICK_S
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            late_s = time.monotonic() - due_s
            self.late_ms.append(late_s * 1000)
            if late_s > 1:
                due_s += late_s  # the machine stood still: what was not written then is not made up for

    def write(self, lines: Iterable[Line], blobs: int) -> None:
        """A tick: so many frames of each coin."""
        now = str(self._now_ms()).encode()
        for line in lines:
            coins = line.coins()
            unsent = line.unsent()
            self.unsent_max = max(self.unsent_max, unsent)
            if not coins or unsent > UNSENT_BYTES_MAX:
                continue
            variants = self._blobs_of(coins)
            for number in range(blobs):
                line.write(variants[(self._next + number) % VARIANTS].replace(TIME, now))
            self.written += blobs * len(coins)
        self._next += blobs

    def _blobs_of(self, coins: frozenset[str]) -> list[bytes]:
        """All frames of these coins by variant, as they go over the wire."""
        if coins not in self._blobs:
            ours = [frames for coin, frames in self._frames.items() if coin in coins]
            self._blobs[coins] = [b"".join(frames[variant] for frames in ours) for variant in range(VARIANTS)]
        return self._blobs[coins]

    def _frame(self, coin: "Coin", variant: int, rng: random.Random) -> bytes:
        if coin.name in self._books and rng.random() < BOOK_SHARE:
            depth = coin.tick * rng.randint(1, 2)
            touch = [_level(coin.mid - depth, rng), _level(coin.mid + depth, rng)]
            frame: dict[str, Any] = {"channel": "bbo", "data": {"coin": coin.name, "time": TIME_MS, "bbo": touch}}
        else:
            frame = {"channel": "trades", "data": [_print(coin, variant * PRINTS + n, rng) for n in range(PRINTS)]}
        return Frame(Opcode.TEXT, msgspec.json.encode(frame)).serialize(mask=False)


def _print(coin: "Coin", number: int, rng: random.Random) -> dict[str, Any]:
    """A print; its side comes first, by which a tap tells it from the market's own."""
    return {
        "side": rng.choice("AB"),
        "coin": coin.name,
        "px": str(coin.mid + coin.tick * rng.randint(-1, 1)),
        "sz": f"0.{rng.randint(1, 999):03}",
        "hash": "0x" + "ab" * 32,
        "time": TIME_MS,
        "tid": 10**14 + number,
        "users": ["0x" + "76" * 20, "0x" + "bb" * 20],
    }


def _level(px: object, rng: random.Random) -> dict[str, Any]:
    return {"px": str(px), "sz": f"{rng.randint(1, 99)}.5", "n": 1}
