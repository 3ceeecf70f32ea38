"""Where our clients' resting orders would stand in the mirrored venue's queues, and when they would be filled.

The model, and its limits: an order that joins a price stands behind all the size the venue shows there. Prints of
the venue at that price, by takers of the other side, eat what stands before it; what they have left over fills it.
A print beyond its price fills it whole. Size that leaves the queue without a print is taken to have stood behind us
for as long as enough remains, so we never advance faster than the venue's own volume shows. The venue does not know
our orders: nobody reacts to them, and they take nothing away from others.

Owns the arithmetic of places. It knows no kernel and no network.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from tidegate.localnet.kernel.book import Standing
from tidegate.localnet.markets.house import Side

ZERO = Decimal(0)


class Printed(NamedTuple):
    """A print of the venue; `side` is the taker's, `time_ms` the venue's time."""

    time_ms: int
    side: Side
    px: Decimal
    sz: Decimal


class Due(NamedTuple):
    """What one order would get."""

    order: Standing
    sz: Decimal


@dataclass(slots=True)
class _Place:
    """`ahead` is the venue's size before the order, None while its price is deeper than the venue shows.

    `ahead_before` is the same before the newest book: a print can arrive after the book that it has changed.
    """

    ahead: Decimal | None
    ahead_before: Decimal | None


SizeAt = Callable[[bool, Decimal], Decimal | None]  # of a side (is it bids?) and a price; None when it is not in view


class Places:
    """The places of one coin's resting orders."""

    def __init__(self) -> None:
        self._places: dict[int, _Place] = {}
        self._book_ms = 0

    def follow(self, standing: Sequence[Standing], size_at: SizeAt) -> None:
        """Give new orders the last place of their price in the book now shown; forget those that have left."""
        if not standing:
            self._places.clear()
            return
        known = self._places
        self._places = {}
        for order in standing:
            place = known.get(order.oid)
            if place is None:
                ahead = size_at(order.is_buy, order.px)
                place = _Place(ahead, ahead)
            self._places[order.oid] = place

    def see_book(self, time_ms: int, standing: Sequence[Standing], size_at: SizeAt) -> None:
        """Take in a newer book of the venue: nobody stands behind more than is there."""
        self._book_ms = time_ms
        for order in standing:
            place = self._places[order.oid]
            there = size_at(order.is_buy, order.px)
            place.ahead_before = place.ahead
            if place.ahead is None:
                place.ahead = place.ahead_before = there
            elif there is not None:
                place.ahead = min(place.ahead, there)

    def see_print(self, printed: Printed, standing: Sequence[Standing]) -> list[Due]:
        """Take in a print; what each order would get, the better price first and the older order before the younger."""
        due: list[Due] = []
        given = ZERO
        for order in standing:
            beyond = printed.px < order.px if order.is_buy else printed.px > order.px
            if beyond:
                due.append(Due(order, order.sz))
            elif printed.px == order.px and (printed.side == "A") == order.is_buy:
                left_over = self._eat(self._places[order.oid], printed) - given
                sz = min(max(left_over, ZERO), order.sz)
                if sz:
                    given += sz
                    due.append(Due(order, sz))
        return due

    def _eat(self, place: _Place, printed: Printed) -> Decimal:
        """Let a print eat what stands before an order; returns what it has left over."""
        if place.ahead is None:
            return ZERO
        if printed.time_ms > self._book_ms or place.ahead_before is None:
            left_over = max(printed.sz - place.ahead, ZERO)
            place.ahead = max(place.ahead - printed.sz, ZERO)
            return left_over
        left_over = max(printed.sz - place.ahead_before, ZERO)
        place.ahead_before = max(place.ahead_before - printed.sz, ZERO)
        place.ahead = min(place.ahead, place.ahead_before)
        return left_over
