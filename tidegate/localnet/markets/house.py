"""The house, maker and taker of every made-up market: a coin's grid, its ladder of levels, its quotes and prints.

Owns the sizes the house shows and trades. Prices are counted in ticks here (an int and a decimal exponent), so that a
level is on the grid by construction. It decides no price: a market tells it where the middle is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import exp, floor, log10
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

from tidegate.localnet.kernel.numbers import MAX_SIGNIFICANT_FIGURES, price_decimals
from tidegate.localnet.kernel.universe import PerpRule, Universe

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

Side = Literal["B", "A"]  # of the taker: bought or sold
Level = tuple[Decimal, Decimal, int]  # price, size, number of orders

DEPTH = 20  # levels a side that the exchange shows
LAID_OUT_AROUND = 200  # levels beyond those in view, ready for when the price moves
LADDER_REACH = 1.001  # a ladder's highest price against its middle, generously
EDGE = 1e-9  # so near to a power of ten the exponent is computed anew
SIZES = 211  # distinct level sizes; a prime, so that neighbours differ
MAJORS = ("BTC", "ETH", "SOL")
BRIDGED = "U"  # tokens of other chains carry this letter before their name: UBTC
SPREAD_OF_PRICE = 0.00008  # a small coin's spread; the majors' is one tick
MAJOR_TRADE_USD, SMALL_TRADE_USD = 1200.0, 250.0  # medians
TRADE_SPREAD = 1.3  # of the logarithm of a trade's size


@dataclass(frozen=True)
class Grid:
    """The ticks and lots of one coin and the figures from which its market starts."""

    coin: str
    sz_decimals: int
    px_decimals: int
    reference_px: float
    day_volume: float  # base units a day
    follows: str = ""  # the coin whose price it has, give or take a little: a spot pair its perp
    is_stable: bool = False  # both sides are dollars

    def exponent(self, px: float) -> int:
        """The tick at price `px` is 10 to this power: five significant figures, integers always (section 5.1)."""
        return max(min(floor(log10(px)) - MAX_SIGNIFICANT_FIGURES + 1, 0), -self.px_decimals)

    def ticks(self, px: float) -> tuple[int, int]:
        """`px` rounded down to whole ticks, and their exponent: one that is legal for the levels above `px` too."""
        exponent = self.exponent(px * LADDER_REACH)
        return floor(round(px * 10.0**-exponent, 6)), exponent

    def size(self, base: float) -> Decimal:
        """A size of about `base` units: whole lots, at least one."""
        return Decimal(max(1, round(base * 10**self.sz_decimals))).scaleb(-self.sz_decimals)


def grids(universe: Universe) -> dict[str, Grid]:
    """The grids of the first dex's perps that trade; delisted coins have no market."""
    return {rule.name: _perp_grid(rule) for rule in universe.perps if not rule.is_delisted}


def all_grids(universe: Universe) -> dict[str, Grid]:
    """The grids of everything that trades: the first dex's perps, then the builder dexs', then spot pairs."""
    found = {name: _perp_grid(rule) for name, rule in universe.by_name.items() if not rule.is_delisted}
    for pair in universe.spots:
        perps = (pair.base.name, pair.base.name.removeprefix(BRIDGED))
        follows = next((name for name in perps if name in found), "")
        decimals, px, volume = pair.sz_decimals, float(pair.reference_px), float(pair.day_volume)
        px_decimals = price_decimals(decimals, spot=True)
        found[pair.name] = Grid(pair.name, decimals, px_decimals, px, volume, follows, pair.is_stable)
    return found


def _perp_grid(rule: PerpRule) -> Grid:
    decimals = rule.sz_decimals
    return Grid(rule.name, decimals, price_decimals(decimals), float(rule.reference_px), float(rule.day_volume))


class Ladder:
    """The levels the house shows around a touch; a price keeps its size while it is in view, as on a real book."""

    def __init__(self, grid: Grid, rng: Random, *, touch_usd: float, level_usd: float) -> None:
        px = grid.reference_px
        self._sizes = [(grid.size(level_usd / px * rng.uniform(0.2, 1.8)), rng.randint(1, 20)) for _ in range(SIZES)]
        self._touches = [(grid.size(touch_usd / px * rng.uniform(1.0, 2.0)), rng.randint(3, 40)) for _ in range(SIZES)]
        self._turn = 0
        self._exponent = 0
        self._first = 0  # ticks of the lowest of `_levels`, which lie one tick apart
        self._levels: list[Level] = []

    def around(self, bid: int, ask: int, exponent: int) -> tuple[Sequence[Level], Sequence[Level]]:
        """Bids from `bid` ticks down and asks from `ask` ticks up, `DEPTH` levels a side."""
        lowest, highest = bid - DEPTH + 1, ask + DEPTH - 1
        if exponent != self._exponent or not self._first <= lowest <= highest < self._first + len(self._levels):
            self._lay_out(lowest, highest, exponent)
        self._turn += 1
        below, above = bid - self._first, ask - self._first
        bids = self._levels[below - DEPTH + 1 : below + 1][::-1]
        asks = self._levels[above : above + DEPTH]
        bids[0] = (bids[0][0], *self._touches[self._turn % SIZES])
        asks[0] = (asks[0][0], *self._touches[(2 * self._turn + 1) % SIZES])
        return bids, asks

    def _lay_out(self, lowest: int, highest: int, exponent: int) -> None:
        self._exponent = exponent
        self._first = lowest - LAID_OUT_AROUND
        self._levels = [
            (Decimal(ticks).scaleb(exponent), *self._sizes[ticks % SIZES])
            for ticks in range(self._first, highest + LAID_OUT_AROUND + 1)
        ]


class Shape(NamedTuple):
    """What is left of a house's usual book: `depth` levels a side, of which every `step`-th tick has one."""

    depth: int = DEPTH
    size_share: float = 1.0
    spread: int = 1  # times the usual one
    step: int = 1
    bids: bool = True
    asks: bool = True


FULL = Shape()


class House:
    """Maker and taker of one coin, seeded: `make` puts up a book, `take` trades at its touch."""

    def __init__(self, grid: Grid, seed: int) -> None:
        major = grid.coin in MAJORS
        self.grid = grid
        self._ladder = Ladder(
            grid,
            Random(f"{seed}/ladder/{grid.coin}"),
            touch_usd=600_000 if major else 80_000,
            level_usd=250_000 if major else 40_000,
        )
        self._sizes = Random(f"{seed}/sizes/{grid.coin}")
        self._spread_of_price = 0.0 if major else SPREAD_OF_PRICE
        self._trade_usd = MAJOR_TRADE_USD if major else SMALL_TRADE_USD
        self._touch: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))
        self._exponent, self._exponent_holds = 0, (0.0, 0.0)  # from above the one price to below the other

    def make(self, exchange: "Exchange", px: float, shape: Shape = FULL) -> None:
        """Show a book around the middle `px`: for a spread of one tick the best bid is `px` rounded down."""
        ticks, exponent = self._ticks(px)
        spread = shape.spread * max(1, round(px * self._spread_of_price * 10.0**-exponent))
        bid = max(ticks - (spread - 1) // 2, DEPTH)
        bids, asks = self._ladder.around(bid, bid + spread, exponent)
        self._touch = bids[0][0], asks[0][0]
        if shape is not FULL:
            bids = self._shaped(bids, shape) if shape.bids else ()
            asks = self._shaped(asks, shape) if shape.asks else ()
        exchange.quote(self.grid.coin, bids, asks)

    def _ticks(self, px: float) -> tuple[int, int]:
        """As the grid's, with the exponent of the last price for as long as it holds."""
        above, below = self._exponent_holds
        if not above < px < below:
            self._exponent = self.grid.ticks(px)[1]
            decade = 10.0 ** floor(log10(px * LADDER_REACH)) / LADDER_REACH
            self._exponent_holds = decade * (1 + EDGE), 10 * decade * (1 - EDGE)
            return self.grid.ticks(px)
        return floor(round(px * 10.0**-self._exponent, 6)), self._exponent

    def _shaped(self, levels: Sequence[Level], shape: Shape) -> list[Level]:
        kept = levels[:: shape.step][: shape.depth]
        return [(px, self.grid.size(float(sz) * shape.size_share), n) for px, sz, n in kept]

    def take(self, exchange: "Exchange", side: Side, scale: float = 1.0) -> None:
        """Trade at the touch last shown: a size of the coin's usual spread, times `scale`."""
        bid, ask = self._touch
        px = ask if side == "B" else bid
        usd = scale * self._trade_usd * exp(self._sizes.normalvariate(0.0, TRADE_SPREAD))
        exchange.trade(self.grid.coin, side, px, self.grid.size(usd / float(px)))
