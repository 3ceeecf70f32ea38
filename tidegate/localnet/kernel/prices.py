"""One coin's prices beside its book: oracle, mark, last trade, day figures and recent prints.

Owns the mark price (section 8.3) and what a context row shows (section 2.2). It never moves by itself: the
kernel says when time has passed and what was traded.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from tidegate.localnet.kernel.book import Book
from tidegate.localnet.kernel.numbers import (
    MICRO,
    ONE,
    price_decimals,
    round_price,
    wire,
    wire_ratio,
)
from tidegate.localnet.kernel.premiums import FundingHour, builder_premium_of, premium_of
from tidegate.localnet.kernel.traded import Traded
from tidegate.localnet.kernel.universe import PerpRule

MARK_INTERVAL_MS = 3_000
ORACLE_GAP_WINDOW_S = 150.0
FAIR_WINDOW_S = 30.0
FIRST_SAMPLE_S = 0.001  # an average starts at its first sample, and the second nearly replaces it
IMPACT_NOTIONAL = Decimal(6_000)
IMPACT_NOTIONAL_MAJORS = Decimal(20_000)
MAJORS = ("BTC", "ETH")
PERP_WEIGHTS = {"binance": 3, "okx": 2, "bybit": 2, "gate": 1, "mexc": 1}
SPOT_WEIGHTS = {"binance": 3, "okx": 2, "bybit": 2, "kraken": 1, "kucoin": 1, "gate": 1, "mexc": 1, "hyperliquid": 1}


class Average:
    """The exchange's exponential average: old weight fades with time, a sample weighs the time it stood."""

    __slots__ = ("_total", "_weight", "window_s")

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self._total = 0.0
        self._weight = 0.0

    def add(self, sample: float, elapsed_s: float) -> float:
        """Take in a sample that stood for `elapsed_s`; returns the average."""
        stood_s = elapsed_s if self._weight else max(elapsed_s, FIRST_SAMPLE_S)
        fade = math.exp(-elapsed_s / self.window_s)
        self._total = self._total * fade + sample * stood_s
        self._weight = self._weight * fade + stood_s
        return self._total / self._weight

    @property
    def parts(self) -> tuple[float, float]:
        """Weighted total and weight."""
        return self._total, self._weight

    @parts.setter
    def parts(self, parts: tuple[float, float]) -> None:
        self._total, self._weight = parts

    @property
    def value(self) -> float | None:
        """The average as it stands, None before the first sample."""
        return self._total / self._weight if self._weight else None


class Impacts(NamedTuple):
    """The average prices of selling and of buying the impact notional."""

    bid: Decimal
    ask: Decimal


class Prices(Traded):
    """Oracle, mark, last price and the trading day of one coin."""

    def __init__(self, rule: PerpRule, book: Book, start_ms: int) -> None:
        self.rule = rule
        super().__init__(rule, book, start_ms)
        self.oracle = rule.reference_px
        self.marked_ms = start_ms
        self.funding = FundingHour(rule.funding, start_ms)
        self.external: Decimal | None = None  # the median of other exchanges' perp mids, see `weighted_median`
        self._marked_by: tuple[Decimal, Decimal | None] | None = None  # what made a mark without a book
        self._impacts: tuple[int, Impacts | None] = (-1, None)  # as of a version of the book
        self._oracle_gap = Average(ORACLE_GAP_WINDOW_S)
        self._fair = Average(FAIR_WINDOW_S)

    def refresh_mark(self, now_ms: int) -> bool:
        """Compute the mark anew; True when it moved.

        Median (section 8.3) of (1) oracle plus the 150 s average of (mid - oracle), (2) the median of best bid, best
        ask and last trade, (3) other exchanges' perp mids; where exactly two of them exist, of these and the 30 s
        average of (2). A book with an empty side gives no (2) and lets the averages stand.
        """
        elapsed_s = (now_ms - self.marked_ms) / 1000
        self.marked_ms = now_ms
        bid, ask = self.book.touch()
        outside = None if bid is not None and ask is not None else (self.oracle, self.external)
        if outside is not None and outside == self._marked_by:
            return False  # most coins most of the time: nobody quotes them, and nothing else has changed
        self._marked_by = outside
        fair = None
        if bid is not None and ask is not None:
            self._oracle_gap.add(float((bid + ask) / 2 - self.oracle), elapsed_s)
            fair = _median([float(px) for px in (bid, ask, self.last) if px is not None])
            self._fair.add(fair, elapsed_s)
        inputs = [float(self.oracle) + (self._oracle_gap.value or 0.0)]
        inputs += [float(px) for px in (fair, self.external) if px is not None]
        if len(inputs) == 2 and self._fair.value is not None:
            inputs.append(self._fair.value)
        before = self.mark
        self.mark = round_price(Decimal(repr(_median(inputs))), self.rule.sz_decimals)
        return self.mark != before

    @property
    def averages(self) -> tuple[Average, Average]:
        """The averages behind the mark: of (mid - oracle), and of the book's own price."""
        return self._oracle_gap, self._fair

    def take_mark(self, mark: float, marked_ms: int) -> None:
        """The mark as it was computed elsewhere, to be rounded."""
        self.marked_ms, self._marked_by = marked_ms, None
        self.mark = round_price(Decimal(repr(mark)), self.rule.sz_decimals)

    def impacts(self) -> Impacts | None:
        """The impact prices, on the grid of displayed prices; None when a side is too thin."""
        if self._impacts[0] != self.book.version:
            notional = IMPACT_NOTIONAL_MAJORS if self.rule.name in MAJORS else IMPACT_NOTIONAL
            bid = self.book.impact_px(notional, is_bid=True)
            ask = self.book.impact_px(notional, is_bid=False) if bid is not None else None
            seen = None
            if bid is not None and ask is not None:
                step = ONE.scaleb(-price_decimals(self.rule.sz_decimals))
                seen = Impacts(bid.quantize(step), ask.quantize(step))
            self._impacts = (self.book.version, seen)
        return self._impacts[1]

    def premium(self) -> Decimal | None:
        """The premium of the moment (section 8.4); None for a delisted coin and without impact prices."""
        impacts = None if self.rule.is_delisted else self.impacts()
        if impacts is None:
            return None
        formula = builder_premium_of if ":" in self.rule.name else premium_of
        return formula(impacts.bid, impacts.ask, self.oracle)

    def context(self, now_ms: int, open_interest: Decimal) -> dict[str, Any]:
        """The context row (section 2.2), in the exchange's key order."""
        mid = self.book.mid()
        base, quote = self._day.volume(now_ms)
        impacts, premium = self.impacts(), self.premium()
        return {
            "funding": wire(self.funding.current_rate()),
            "openInterest": wire(open_interest),
            "prevDayPx": wire(self._day.previous_px(now_ms, self.candles)),
            "dayNtlVlm": wire(quote.quantize(MICRO)),
            "premium": None if premium is None else wire_ratio(premium),
            "oraclePx": wire(self.oracle),
            "markPx": wire(self.mark),
            "midPx": None if mid is None else wire(mid),
            "impactPxs": None if impacts is None else [wire(px) for px in impacts],
            "dayBaseVlm": wire(base),
        }


def weighted_median(prices: Mapping[str, Decimal], weights: Mapping[str, int]) -> Decimal:
    """The price at which half of the weight is reached, by exchange; an exchange without a weight does not count."""
    ranked = sorted((px, weights[name]) for name, px in prices.items() if name in weights)
    assert ranked, "a median of nothing"
    half = sum(weight for _, weight in ranked) / 2
    reached = 0
    for place, (px, weight) in enumerate(ranked):
        reached += weight
        if reached > half:
            return px
        if reached == half:
            return (px + ranked[place + 1][0]) / 2
    raise AssertionError("half of the weight is always reached")


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
