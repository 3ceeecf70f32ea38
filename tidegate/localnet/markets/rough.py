"""The rough market: the random one with everything that breaks a client's assumptions about a market.

Owns what becomes of books and prints in trouble (see `troubles`), and a coin that is delisted while it is traded.
Between two troubles of a coin it plays exactly what the random market plays.
"""

from collections.abc import Mapping
from math import exp
from typing import TYPE_CHECKING

from tidegate.localnet.kernel.universe import Universe
from tidegate.localnet.markets.house import FULL, MAJORS, Grid, Shape, Side, all_grids
from tidegate.localnet.markets.market import BEAT_MS, Print, RandomMarket
from tidegate.localnet.markets.troubles import Kind, Trouble, calendar

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

WICK_PRINT_MS = 100
DELISTED_AFTER_MS = 900_000
SHAPES: dict[Kind, Shape] = {
    Kind.THIN: Shape(depth=4, size_share=0.02, spread=6, step=3),
    Kind.NO_BIDS: Shape(bids=False),
    Kind.NO_ASKS: Shape(asks=False),
}


class RoughMarket(RandomMarket):
    """Perps, a builder's dex and spot pairs, all of them in trouble now and then."""

    def __init__(
        self, universe: Universe, seed: int, start_ms: int, *, grid_of: Mapping[str, Grid] | None = None
    ) -> None:
        """`grid_of` are the coins to play, everything that trades where nothing is said."""
        super().__init__(universe, seed, start_ms, grid_of=all_grids(universe) if grid_of is None else grid_of)
        self._calendars = {coin: calendar(coin, seed, start_ms) for coin in self.coins}
        self._troubles: dict[str, Trouble] = {coin: next(troubles) for coin, troubles in self._calendars.items()}
        self._gaps: dict[str, Trouble] = {}  # the last gap of each coin: it has moved the price, out of sight
        small = [rule.name for rule in universe.perps if rule.name in self.coins and rule.name not in MAJORS]
        self.delists: str | None = small[-1] if small else None
        self._delisting_ms: int | None = start_ms + DELISTED_AFTER_MS if small else None
        ending = f"; {self.delists} is delisted after {DELISTED_AFTER_MS // 60_000} minutes" if small else ""
        self.says = f"rough seeded market, seed {seed}: wicks, gaps, thin and one-sided books{ending}"

    def trouble(self, coin: str, now_ms: int) -> Trouble | None:
        """The trouble in which a coin is; what is over is forgotten."""
        while now_ms >= self._troubles[coin].until_ms:
            self._troubles[coin] = next(self._calendars[coin])
        trouble = self._troubles[coin]
        return trouble if trouble.stands(now_ms) else None

    def _beat(self, exchange: "Exchange") -> None:
        """As in the random market; wicks print more often, and once a coin's trading ends."""
        from_ms = self.start_ms + self._beats * BEAT_MS
        if self._delisting_ms is not None and from_ms >= self._delisting_ms:
            assert self.delists is not None, "a moment of delisting belongs to a coin"
            exchange.operators.delist(self.delists)
            self.hold(self.delists)
            self._delisting_ms = None
        super()._beat(exchange)
        wicks = [due for coin in self.coins for due in self._wick_prints(coin, from_ms)]
        if wicks:
            self._lay_out([*self._prints, *wicks])

    def _wick_prints(self, coin: str, from_ms: int) -> list[Print]:
        trouble = self._troubles[coin]
        if trouble.kind is not Kind.WICK:
            return []
        px, middle_ms = exp(self._walkers[coin].log_px), (trouble.from_ms + trouble.until_ms) // 2
        outwards: Side = "B" if trouble.size > 0 else "A"
        back: Side = "A" if trouble.size > 0 else "B"
        return [
            Print(time_ms, coin, px, outwards if time_ms < middle_ms else back)
            for time_ms in range(from_ms + WICK_PRINT_MS, from_ms + BEAT_MS, WICK_PRINT_MS)
            if trouble.stands(time_ms)
        ]

    def _play(self, exchange: "Exchange", due: Print) -> None:
        """Print what the trouble of the moment leaves of it."""
        trouble = self.trouble(due.coin, due.time_ms)
        if trouble is None:
            super()._play(exchange, due)
            return
        if trouble.kind is Kind.GAP:
            if self._gaps.get(due.coin) is not trouble:
                self._gaps[due.coin] = trouble
                self._walkers[due.coin].log_px += trouble.size
            exchange.quote(due.coin, (), ())
            return
        house, shape = self.houses[due.coin], SHAPES.get(trouble.kind, FULL)
        house.make(exchange, due.px * exp(trouble.displacement(due.time_ms)), shape)
        if shape.asks if due.side == "B" else shape.bids:
            house.take(exchange, due.side)
