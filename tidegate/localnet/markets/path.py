"""The honest path inside a recorded candle: which prices were printed, in which order, with what book around them.

Assumes as little as a candle says: the open comes first, the close last, the extreme nearer to the open before the
other one, and straight lines between. Prints touch open, high, low and close exactly, lie strictly inside the
candle's time and add up to its volume; the book never shows a price outside [low, high], on either side. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise
from typing import NamedTuple

from tidegate.localnet.markets.candles import MINUTE_MS
from tidegate.localnet.markets.house import DEPTH, Grid, Level, Side

PRINTS_A_MINUTE = 12
PRINTS_MAX = 240  # of one candle, however long
SHELF_MAX = 60  # levels laid out inside one candle's range; few, so that most stay from print to print
TOUCH_USD = Decimal(1_000_000)
SHELF_SIZES = tuple(Decimal(tenths) / 10 for tenths in (10, 14, 11, 19, 13, 25, 16))  # of the touch's
SHELF_ORDERS = (3, 9, 5, 14, 2, 21, 7)
TOUCH_ORDERS = 12
FRACTION_DIGITS = 12  # of a print smaller than a lot, in candles with next to no volume


class Bar(NamedTuple):
    """One recorded candle, exact; `time_ms` is its open time."""

    time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Stroke(NamedTuple):
    """One print of the path; `side` is the taker's."""

    time_ms: int
    px: Decimal
    side: Side
    sz: Decimal


def strokes(bar: Bar, interval_ms: int, grid: Grid) -> list[Stroke]:
    """The prints of a candle with volume, in time order."""
    assert bar.volume > 0, f"a candle without volume has no prints: {bar}"
    count = min(PRINTS_MAX, max(PRINTS_A_MINUTE, PRINTS_A_MINUTE * interval_ms // MINUTE_MS))
    turns = _turns(bar)
    lots = int(bar.volume.scaleb(grid.sz_decimals))
    count = max(len(turns), min(count, lots))
    prices = _walk(turns, count, grid.exponent(float(bar.high)))
    sizes = _split(bar.volume, count, lots, grid.sz_decimals)
    return [
        Stroke(bar.time_ms + interval_ms * (index + 1) // (count + 1), px, side, sz)
        for index, ((px, side), sz) in enumerate(zip(_sides(prices, bar), sizes, strict=True))
    ]


class Shelf:
    """The levels that may be shown while a candle is played: the coin's ticks (or a stride of them) in [low, high]."""

    def __init__(self, bar: Bar, grid: Grid) -> None:
        self._touch = _whole_lots(TOUCH_USD / bar.low, grid)
        exponent = grid.exponent(float(bar.high))
        tick = Decimal(1).scaleb(exponent)
        first = int((bar.low / tick).to_integral_value(ROUND_CEILING))
        last = int((bar.high / tick).to_integral_value(ROUND_FLOOR))
        stride = max(1, -(-(last - first) // SHELF_MAX))
        sizes = [_whole_lots(self._touch * share, grid) for share in SHELF_SIZES]
        levels = {
            Decimal(ticks).scaleb(exponent): (sizes[ticks % len(sizes)], SHELF_ORDERS[ticks % len(SHELF_ORDERS)])
            for ticks in range(first, last + 1, stride)
        }
        # Recorded extremes need not lie on a tick of ours; without them nobody would stand beyond the outermost tick.
        for extreme in (bar.low, bar.high):
            levels.setdefault(extreme, (sizes[0], SHELF_ORDERS[0]))
        self._levels: list[Level] = [(px, *levels[px]) for px in sorted(levels)]
        self._prices = [level[0] for level in self._levels]

    def around(self, px: Decimal, side: Side, sz: Decimal) -> tuple[Sequence[Level], Sequence[Level]]:
        """The book in which a taker on `side` prints `sz` at `px` and leaves the touch with its full size."""
        below, above = bisect_left(self._prices, px), bisect_right(self._prices, px)
        touch: Level = (px, self._touch + sz, TOUCH_ORDERS)
        if side == "A":
            return [touch, *self._levels[max(0, below - DEPTH + 1) : below][::-1]], self._levels[above : above + DEPTH]
        return self._levels[max(0, below - DEPTH) : below][::-1], [touch, *self._levels[above : above + DEPTH - 1]]


def _turns(bar: Bar) -> list[Decimal]:
    """Open, first extreme, second extreme, close, without repetitions."""
    up, down = bar.high - bar.open, bar.open - bar.low
    high_first = up < down or (up == down and bar.close < bar.open)
    extremes = (bar.high, bar.low) if high_first else (bar.low, bar.high)
    turns = [bar.open]
    turns += [px for before, px in zip((bar.open, *extremes), (*extremes, bar.close), strict=False) if px != before]
    return turns


def _walk(turns: list[Decimal], count: int, exponent: int) -> list[Decimal]:
    """`count` prices along the turns, every turn among them, the others on ticks and in proportion to the way."""
    if len(turns) == 1:
        return turns * count
    way = [abs(to - from_) for from_, to in pairwise(turns)]
    spare, whole, walked, placed = count - len(turns), sum(way), Decimal(0), 0
    prices = [turns[0]]
    scale = 10.0**-exponent
    for (from_, to), length in zip(pairwise(turns), way, strict=True):
        walked += length
        between = int(spare * walked / whole) - placed
        placed += between
        start, step = float(from_), (float(to) - float(from_)) / (between + 1)
        low, high = min(from_, to), max(from_, to)
        for index in range(1, between + 1):
            px = Decimal(round((start + step * index) * scale)).scaleb(exponent)
            prices.append(min(max(px, low), high))
        prices.append(to)
    return prices


def _sides(prices: list[Decimal], bar: Bar) -> list[tuple[Decimal, Side]]:
    """Who pushed: buyers on the way up and at the high, sellers on the way down and at the low.

    In a candle with a single price buyers and sellers take turns, because its book can show one side only.
    """
    if bar.high == bar.low:
        return [(px, "A" if index % 2 else "B") for index, px in enumerate(prices)]
    sided: list[tuple[Decimal, Side]] = []
    side: Side = "B" if bar.close >= bar.open else "A"
    for before, px in zip((prices[0], *prices), prices, strict=False):
        if px != before:
            side = "B" if px > before else "A"
        sided.append((px, "B" if px == bar.high else "A" if px == bar.low else side))
    return sided


def _split(volume: Decimal, count: int, lots: int, sz_decimals: int) -> list[Decimal]:
    """`count` sizes that add up to `volume`: whole lots but for the last, which takes what is no whole lot."""
    if lots < count:
        part = (volume / count).quantize(Decimal(1).scaleb(-FRACTION_DIGITS), rounding=ROUND_FLOOR) or volume / count
        return [part] * (count - 1) + [volume - part * (count - 1)]
    each, more = divmod(lots, count)
    sizes = [Decimal(each + (index < more)).scaleb(-sz_decimals) for index in range(count)]
    sizes[-1] += volume - Decimal(lots).scaleb(-sz_decimals)
    return sizes


def _whole_lots(size: Decimal, grid: Grid) -> Decimal:
    return size.quantize(Decimal(1).scaleb(-grid.sz_decimals), rounding=ROUND_CEILING)
