"""One coin's order book: price levels with first-in-first-out queues, house lots and client orders alike.

Owns priority: better price first, at one price whoever stood there first. It knows nothing of money: who
may trade, and what a trade does to an account, is decided by the caller, one queue entry at a time.

A side on which no client rests needs no queues: there the house's quotes wait as they came, and a level is laid
out when somebody trades with it or looks at it. That makes a quote in a simulated year cheap.
"""

from bisect import bisect_left, insort
from collections.abc import Container, Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from operator import itemgetter
from typing import NamedTuple, Protocol

from tidegate.localnet.kernel.numbers import ONE, ZERO

Quote = tuple[Decimal, Decimal, int]  # price, size, number of orders
_px = itemgetter(0)


class RestingOrder(Protocol):
    """What the book needs to know of a client's order; `sz` is what remains of it."""

    is_buy: bool
    limit_px: Decimal
    sz: Decimal


class HouseLot:
    """Liquidity of the house that joined one queue at one time."""

    __slots__ = ("sz",)

    def __init__(self, sz: Decimal) -> None:
        self.sz = sz


class Standing(NamedTuple):
    """A client's resting order as those see it who make the market; `sz` is what remains of it."""

    oid: int
    is_buy: bool
    px: Decimal
    sz: Decimal


class Row(NamedTuple):
    """One displayed level: price, total size, number of orders."""

    px: Decimal
    sz: Decimal
    n: int


class Level:
    """One price: a queue of house lots and client orders, oldest first."""

    __slots__ = ("house_n", "house_sz", "px", "queue")

    def __init__(self, px: Decimal) -> None:
        self.px = px
        self.queue: list[HouseLot | RestingOrder] = []
        self.house_sz = ZERO
        self.house_n = 0

    def row(self) -> Row:
        """What a snapshot shows of this level."""
        queue = self.queue
        if len(queue) == 1 and type(queue[0]) is HouseLot:
            return Row(self.px, self.house_sz, self.house_n)
        clients = [entry.sz for entry in queue if type(entry) is not HouseLot]
        total = sum(clients, self.house_sz)
        return Row(self.px, total, len(clients) + (self.house_n if self.house_sz else 0))

    def set_house(self, sz: Decimal, n: int) -> None:
        """Let the house show `sz` here: more joins the end of the queue, less leaves from its end."""
        change = sz - self.house_sz
        self.house_sz = sz
        self.house_n = max(n, 1) if sz else 0
        if change > 0:
            last = self.queue[-1] if self.queue else None
            if type(last) is HouseLot:
                last.sz += change
            else:
                self.queue.append(HouseLot(change))
            return
        for place in range(len(self.queue) - 1, -1, -1):
            if not change:
                return
            lot = self.queue[place]
            if type(lot) is not HouseLot:
                continue
            cut = min(lot.sz, -change)
            lot.sz -= cut
            change += cut
            if not lot.sz:
                del self.queue[place]


class Side:
    """One side of a book; `prices` is ascending, the best is last for bids and first for asks.

    `waiting` are house quotes that are not laid out yet, worst first; all are worse than every level, and there
    are none while a client rests here.
    """

    __slots__ = ("clients", "is_bid", "levels", "prices", "waiting")

    def __init__(self, *, is_bid: bool) -> None:
        self.is_bid = is_bid
        self.levels: dict[Decimal, Level] = {}
        self.prices: list[Decimal] = []
        self.waiting: list[Quote] = []
        self.clients = 0  # how many client orders rest here

    def best_px(self) -> Decimal | None:
        """The price that trades first."""
        if self.prices:
            return self.prices[-1 if self.is_bid else 0]
        return self.waiting[-1][0] if self.waiting else None

    def best(self) -> Level | None:
        """The level that trades first."""
        if self.prices:
            return self.levels[self.prices[-1 if self.is_bid else 0]]
        return self._lay_out_next() if self.waiting else None

    def best_first(self) -> Iterator[Level]:
        """All levels, best first."""
        levels = self.levels
        for px in self.prices[::-1] if self.is_bid else tuple(self.prices):
            yield levels[px]
        while self.waiting:
            yield self._lay_out_next()

    def lay_out(self) -> None:
        """Give every waiting quote its level."""
        while self.waiting:
            self._lay_out_next()

    def replace(self, waiting: list[Quote]) -> bool:
        """Let the house stand here with these quotes, worst first, and nobody else; False when so it stood."""
        assert not self.clients, "a client's order may not be swept aside"
        if self.levels:
            levels = self.levels
            laid_out = [levels[px].row() for px in (self.prices if self.is_bid else self.prices[::-1])]
            if waiting[-1:] == laid_out[-1:] and waiting == [*self.waiting, *laid_out]:
                return False
            self.levels, self.prices = {}, []
        elif waiting == self.waiting:
            return False
        self.waiting = waiting
        return True

    def _lay_out_next(self) -> Level:
        px, sz, n = self.waiting.pop()
        level = self.levels[px] = Level(px)
        level.queue.append(HouseLot(sz))
        level.house_sz = sz
        level.house_n = n or 1
        self.prices.insert(0 if self.is_bid else len(self.prices), px)
        return level

    def at(self, px: Decimal) -> Level:
        """The level of a price, made when there is none."""
        self.lay_out()
        level = self.levels.get(px)
        if level is None:
            level = self.levels[px] = Level(px)
            insort(self.prices, px)
        return level

    def drop_if_empty(self, level: Level) -> None:
        """Forget a level whose queue has emptied."""
        if not level.queue:
            del self.levels[level.px]
            del self.prices[bisect_left(self.prices, level.px)]

    def reaches(self, px: Decimal) -> bool:
        """Say whether an order on the other side with limit `px` would meet the best price here."""
        best = self.best_px()
        if best is None:
            return False
        return best >= px if self.is_bid else best <= px


class Book:
    """Both sides of one coin's book."""

    def __init__(self) -> None:
        self.bids = Side(is_bid=True)
        self.asks = Side(is_bid=False)
        self.version = 0  # grows with every change; lets readers keep what they rendered

    def side(self, *, is_bid: bool) -> Side:
        """Bids or asks."""
        return self.bids if is_bid else self.asks

    def touch(self) -> tuple[Decimal | None, Decimal | None]:
        """Best bid and best ask."""
        return self.bids.best_px(), self.asks.best_px()

    def mid(self) -> Decimal | None:
        """The middle of the touch; None when a side is empty."""
        bid, ask = self.touch()
        return None if bid is None or ask is None else (bid + ask) / 2

    def crosses(self, *, is_buy: bool, px: Decimal) -> bool:
        """Say whether an order at `px` would match at once."""
        return self.side(is_bid=not is_buy).reaches(px)

    def front(self, *, is_bid: bool) -> tuple[Level, HouseLot | RestingOrder] | None:
        """The queue entry of a side that trades next."""
        level = (self.bids if is_bid else self.asks).best()
        return None if level is None else (level, level.queue[0])

    def give(self, limit_px: Decimal, sz: Decimal, *, is_bid: bool) -> Decimal | None:
        """Let a house that stands alone give `sz` out of its best quote; returns the price.

        None, and nothing is done, where there is more to it: somebody else stands here, a level is laid out already,
        the best quote is not larger or beyond the limit.
        """
        side = self.bids if is_bid else self.asks
        if side.clients or side.levels or not side.waiting:
            return None
        px, there, n = side.waiting[-1]
        if sz >= there or (px < limit_px if is_bid else px > limit_px):
            return None
        side.waiting[-1] = (px, there - sz, n)
        self.version += 1
        return px

    def take(self, level: Level, sz: Decimal, *, is_bid: bool) -> None:
        """Trade `sz` with the entry at the front of `level`; it leaves the queue when used up."""
        self.version += 1
        entry = level.queue[0]
        left = entry.sz - sz
        assert sz > ZERO <= left, "more than the front of the queue holds"
        entry.sz = left
        is_house = type(entry) is HouseLot
        if is_house:
            level.house_sz -= sz
        if not left:
            del level.queue[0]
            side = self.side(is_bid=is_bid)
            side.clients -= not is_house
            side.drop_if_empty(level)

    def rest(self, order: RestingOrder) -> None:
        """Queue a client's order behind everything at its price."""
        self.version += 1
        side = self.side(is_bid=order.is_buy)
        side.at(order.limit_px).queue.append(order)
        side.clients += 1

    def remove(self, order: RestingOrder) -> None:
        """Take a client's order out of its queue."""
        self.version += 1
        side = self.side(is_bid=order.is_buy)
        level = side.levels[order.limit_px]
        level.queue = [entry for entry in level.queue if entry is not order]
        side.clients -= 1
        side.drop_if_empty(level)

    def resized(self) -> None:
        """Say that a resting order was shrunk in place."""
        self.version += 1

    def withdraw_house(self, kept: Container[Decimal], *, is_bid: bool) -> None:
        """Remove the house's lots from every price of a side that is not `kept`."""
        side = self.side(is_bid=is_bid)
        side.lay_out()
        for px in [px for px in side.prices if px not in kept]:
            level = side.levels[px]
            if level.house_sz:
                self.version += 1
                level.set_house(ZERO, 0)
                side.drop_if_empty(level)

    def house(self, *, is_bid: bool) -> dict[Decimal, Decimal]:
        """What the house has left on a side, by price."""
        side = self.side(is_bid=is_bid)
        left = {px: sz for px, sz, _ in side.waiting}
        left.update((px, level.house_sz) for px, level in side.levels.items() if level.house_sz)
        return left

    def clients(self, *, is_bid: bool) -> list[RestingOrder]:
        """The clients' orders of a side in the order in which they trade."""
        side = self.side(is_bid=is_bid)
        if not side.clients:
            return []
        return [entry for level in side.best_first() for entry in level.queue if not isinstance(entry, HouseLot)]

    def replace_house(self, bids: list[Quote], asks: list[Quote]) -> None:
        """Let a house that stands alone show these quotes, worst first. The lists are the book's from now on."""
        if self.bids.replace(bids):
            self.version += 1
        if self.asks.replace(asks):
            self.version += 1

    def show_house(self, quotes: list[Quote], *, is_bid: bool) -> None:
        """Let the house show these quotes; sizes that it shows already keep their place in the queue."""
        side = self.side(is_bid=is_bid)
        side.lay_out()
        levels = side.levels
        for quote in quotes:
            level = levels.get(quote[0])
            if level is None or level.house_sz != quote[1] or level.house_n != quote[2]:
                self.set_house(quote, is_bid=is_bid)

    def set_house(self, quote: Quote, *, is_bid: bool) -> None:
        """Let the house show a size at a price; an unchanged size keeps its place in the queue."""
        px, sz, n = quote
        side = self.side(is_bid=is_bid)
        side.lay_out()
        level = side.levels.get(px)
        if level is not None and level.house_sz == sz:
            if sz and level.house_n != max(n, 1):
                level.house_n = max(n, 1)
                self.version += 1
            return
        if level is None:
            if not sz:
                return
            level = side.at(px)
        self.version += 1
        level.set_house(sz, n)
        side.drop_if_empty(level)

    def rows(
        self, depth: int, n_sig_figs: int | None = None, mantissa: int | None = None
    ) -> tuple[list[Row], list[Row]]:
        """Bids and asks as displayed, best first, at most `depth` each.

        With `n_sig_figs` (2 to 5, with 5 also a mantissa of 2 or 5) prices are pooled into steps: bids fall
        to theirs, asks rise to theirs (section 2.6).
        """
        return (
            _pooled(self.bids.best_first(), depth, n_sig_figs, mantissa, ROUND_FLOOR),
            _pooled(self.asks.best_first(), depth, n_sig_figs, mantissa, ROUND_CEILING),
        )

    def impact_px(self, notional: Decimal, *, is_bid: bool) -> Decimal | None:
        """The average price of taking `notional` dollars from this side; None if it is too thin."""
        left, size = notional, ZERO
        for level in self.side(is_bid=is_bid).best_first():
            px, sz, _ = level.row()
            if px * sz >= left:
                if not size:
                    return px  # exactly, not divided twice
                size += left / px
                return notional / size
            left -= px * sz
            size += sz
        return None


def worst_first(bids: Sequence[Quote], asks: Sequence[Quote]) -> tuple[list[Quote], list[Quote]]:
    """The quotes that have a size, in the order in which each side keeps them."""
    return (
        sorted([quote for quote in bids if quote[1]], key=_px),
        sorted([quote for quote in asks if quote[1]], key=_px, reverse=True),
    )


def check_quotes(bids: Sequence[Quote], asks: Sequence[Quote]) -> None:
    """A house that quotes through itself is a mistake of the market's author. Both sides come worst first."""
    if bids and asks:
        best_bid, best_ask = bids[-1][0], asks[-1][0]
        assert best_bid < best_ask, f"the house's bid {best_bid} crosses its ask {best_ask}"


def _pooled(
    levels: Iterator[Level], depth: int, n_sig_figs: int | None, mantissa: int | None, rounding: str
) -> list[Row]:
    rows: list[Row] = []
    for level in levels:
        px, sz, n = level.row()
        if n_sig_figs is not None:
            step = ONE.scaleb(px.adjusted() - n_sig_figs + 1) * (mantissa or 1)
            px = (px / step).to_integral_value(rounding) * step
            if rows and rows[-1].px == px:
                rows[-1] = Row(px, rows[-1].sz + sz, rows[-1].n + n)
                continue
        if len(rows) == depth:
            break
        rows.append(Row(px, sz, n))
    return rows
