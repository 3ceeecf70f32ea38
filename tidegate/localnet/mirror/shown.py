"""The venue's book of one coin as it last showed it, and what our clients have taken out of it.

Size that a client took stays gone until the venue shows another size at that price: an order that is sent again and
again does not meet the same offer again and again. Owns the merging of whole books (20 levels), fast books (5) and
touches. It knows no kernel and no network.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from tidegate.localnet.markets.house import Level

ZERO = Decimal(0)
WHOLE_DEPTH = 20  # a whole book with fewer levels than this ends where it ends


class ShownSide:
    """One side of the venue's book."""

    def __init__(self, *, is_bid: bool) -> None:
        self.is_bid = is_bid
        self._levels: dict[Decimal, Level] = {}
        self._taken: dict[Decimal, Decimal] = {}
        self._ends = False  # whether nothing lies beyond the deepest level

    def show(self, levels: Sequence[Level], *, is_whole: bool) -> None:
        """Take in the venue's levels, best first; without `is_whole` what is deeper than they reach still stands."""
        kept = self._levels
        self._levels = {level[0]: level for level in levels}
        if is_whole:
            self._ends = len(levels) < WHOLE_DEPTH
        elif levels:
            deepest = levels[-1][0]
            beyond = [px for px in kept if (px < deepest if self.is_bid else px > deepest)]
            self._levels.update((px, kept[px]) for px in sorted(beyond, reverse=self.is_bid))
        for px in [px for px in self._taken if self._levels.get(px, (px, ZERO))[1] != kept[px][1]]:
            del self._taken[px]

    def offered(self) -> list[Level]:
        """What is there for our clients, best first."""
        if not self._taken:
            return list(self._levels.values())
        left = [(px, sz - self._taken.get(px, ZERO), n) for px, sz, n in self._levels.values()]
        return [level for level in left if level[1] > 0]

    def note_taken(self, left: Mapping[Decimal, Decimal]) -> None:
        """Compare what was offered with what is left of it, by price."""
        for px, sz, _ in self._levels.values():
            taken = sz - left.get(px, ZERO)
            if taken > 0:
                self._taken[px] = taken

    def size_at(self, px: Decimal) -> Decimal | None:
        """The venue's size at a price; None when it is deeper than the venue shows."""
        level = self._levels.get(px)
        if level is not None:
            return level[1]
        if not self._levels:
            return None
        deepest = next(reversed(self._levels))
        is_deeper = px < deepest if self.is_bid else px > deepest
        return None if is_deeper and not self._ends else ZERO


class ShownBook:
    """Both sides of the venue's book; `time_ms` is the venue's time of what was shown last."""

    def __init__(self) -> None:
        self.bids = ShownSide(is_bid=True)
        self.asks = ShownSide(is_bid=False)
        self.time_ms = 0

    def show(self, time_ms: int, bids: Sequence[Level], asks: Sequence[Level], *, is_whole: bool) -> bool:
        """Take in a book, a fast book or a touch; False when it is older than what was shown, or crossed."""
        if time_ms < self.time_ms or (bids and asks and bids[0][0] >= asks[0][0]):
            return False
        self.time_ms = time_ms
        self.bids.show(bids, is_whole=is_whole)
        self.asks.show(asks, is_whole=is_whole)
        return True

    def clear(self) -> None:
        """Nothing is known any more; the time stands, so that what is older stays older."""
        self.bids, self.asks = ShownSide(is_bid=True), ShownSide(is_bid=False)

    def size_at(self, is_bid: bool, px: Decimal) -> Decimal | None:
        """The venue's size at a price of a side; None when it is not in view."""
        return (self.bids if is_bid else self.asks).size_at(px)
