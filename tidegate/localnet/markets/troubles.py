"""What goes wrong in a rough market, and when: a seeded calendar of troubles for each coin.

Owns the kinds, their lengths and sizes. A trouble is a value; what becomes of books and prints is the market's.
"""

from collections.abc import Iterator
from enum import Enum
from random import Random
from typing import NamedTuple

from tidegate.localnet.markets.house import MAJORS

SECOND_MS = 1000
QUIET_MS = 90_000  # mean time between two troubles of a coin
MAJORS_SHARE = 0.3  # of the size of a small coin's wicks and gaps


class Kind(Enum):
    """`WICK`: out and back within seconds. `GAP`: no book and no print, and the price is elsewhere afterwards.

    `THIN`: a wide book of a few small levels with holes. `NO_BIDS`, `NO_ASKS`: one side of the book is empty.
    """

    WICK = "wick"
    GAP = "gap"
    THIN = "thin"
    NO_BIDS = "no bids"
    NO_ASKS = "no asks"


# Weight, shortest and longest in seconds, smallest and largest size as a log return.
FIGURES: dict[Kind, tuple[float, int, int, float, float]] = {
    Kind.WICK: (0.35, 2, 8, 0.01, 0.06),
    Kind.GAP: (0.15, 5, 40, 0.005, 0.03),
    Kind.THIN: (0.25, 20, 90, 0.0, 0.0),
    Kind.NO_BIDS: (0.125, 3, 15, 0.0, 0.0),
    Kind.NO_ASKS: (0.125, 3, 15, 0.0, 0.0),
}


class Trouble(NamedTuple):
    """One trouble of a coin, from `from_ms` up to and without `until_ms`; `size` is a signed log return."""

    kind: Kind
    from_ms: int
    until_ms: int
    size: float

    def stands(self, now_ms: int) -> bool:
        """Say whether it stands."""
        return self.from_ms <= now_ms < self.until_ms

    def displacement(self, now_ms: int) -> float:
        """How far a wick has thrown the price (log return): out to its size at half time, and back."""
        if self.kind is not Kind.WICK or not self.stands(now_ms):
            return 0.0
        way = (now_ms - self.from_ms) / (self.until_ms - self.from_ms)
        return self.size * (1 - abs(2 * way - 1))


def calendar(coin: str, seed: int, start_ms: int) -> Iterator[Trouble]:
    """The troubles of a coin, one after the other, for ever."""
    rng = Random(f"{seed}/troubles/{coin}")
    kinds = list(Kind)
    weights = [FIGURES[kind][0] for kind in kinds]
    scale = MAJORS_SHARE if coin in MAJORS else 1.0
    at_ms = start_ms
    while True:
        at_ms += SECOND_MS + int(rng.expovariate(1 / QUIET_MS))
        kind = rng.choices(kinds, weights)[0]
        _, shortest_s, longest_s, smallest, largest = FIGURES[kind]
        until_ms = at_ms + rng.randint(shortest_s * SECOND_MS, longest_s * SECOND_MS)
        size = scale * rng.uniform(smallest, largest) * rng.choice((-1, 1))
        yield Trouble(kind, at_ms, until_ms, size)
        at_ms = until_ms
