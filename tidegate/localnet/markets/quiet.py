"""A stretch of a candle replay in which nobody takes part, walked in one go: the same prices, prints, marks and premium
samples as if each had been played, to the last digit, without telling anybody.

Compiled twin of `path` (which prints, which book), `prices` (marks, averages) and `funding` (samples), on whole
numbers: prices in units of the finest decimal of a tape. Owns the walk of one coin; who may take it, and how the
exchange is put where it ends, is `leaping`.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from tidegate.localnet.kernel.funding import SAMPLE_MS
from tidegate.localnet.kernel.prices import FAIR_WINDOW_S, FIRST_SAMPLE_S, MARK_INTERVAL_MS, ORACLE_GAP_WINDOW_S
from tidegate.localnet.markets.path import PRINTS_MAX, SHELF_MAX

NOBODY = -1
NEVER_MS = 2**62
ORACLE, BID, ASK, LAST, SEEN, MARKED_MS, SAMPLED, SAMPLES, PRINTS = range(9)
GAP, GAP_WEIGHT, FAIR, FAIR_WEIGHT, PREMIUM, MARK = range(6)
GAP_FADE = np.array([math.exp(-ms / 1000 / ORACLE_GAP_WINDOW_S) for ms in range(MARK_INTERVAL_MS + 1)])
FAIR_FADE = np.array([math.exp(-ms / 1000 / FAIR_WINDOW_S) for ms in range(MARK_INTERVAL_MS + 1)])


class Course(NamedTuple):
    """One coin's candles as the walk reads them: prices in units, `unit` how many make a tick of the house's grid,
    `scale` ticks a price of 1, `count` prints; `shown` how many units the finest displayed price has.
    """

    time_ms: Any
    open: Any
    high: Any
    low: Any
    close: Any
    count: Any
    unit: Any
    scale: Any
    interval_ms: int
    whole: float
    shown: int


class Band(NamedTuple):
    """Between these prices, both excluded, nobody reacts to a print; between these marks nobody to a mark."""

    low: int
    high: int
    mark_low: float
    mark_high: float


@njit(cache=True)
def _prints(course: Course, row: int, prices: Any, buys: Any) -> int:
    """The prints of one candle: prices and whether the taker bought; `path.strokes`."""
    opened, high, low, close = course.open[row], course.high[row], course.low[row], course.close[row]
    up, down = high - opened, opened - low
    high_first = up < down or (up == down and close < opened)
    turns = np.empty(4, np.int64)
    turns[0] = opened
    made = 1
    before = opened
    for px in ((high if high_first else low), (low if high_first else high), close):
        if px != before:
            turns[made] = px
            made += 1
        before = px
    count, unit, scale, whole = course.count[row], course.unit[row], course.scale[row], course.whole
    if made == 1:
        prices[:count] = opened
    else:
        total = 0
        for each in range(1, made):
            total += abs(turns[each] - turns[each - 1])
        spare, walked, placed, at = count - made, 0, 0, 1
        prices[0] = opened
        for each in range(1, made):
            start_units, to = turns[each - 1], turns[each]
            walked += abs(to - start_units)
            between = spare * walked // total - placed
            placed += between
            start = start_units / whole
            step = (to / whole - start) / (between + 1)
            lowest, highest = min(start_units, to), max(start_units, to)
            for index in range(1, between + 1):
                px = np.int64(np.rint((start + step * index) * scale)) * unit
                prices[at] = min(max(px, lowest), highest)
                at += 1
            prices[at] = to
            at += 1
    if high == low:
        for index in range(count):
            buys[index] = index % 2 == 0
        return int(count)
    buy, before = close >= opened, prices[0]
    for index in range(count):
        px = prices[index]
        if px != before:
            buy = px > before
        buys[index] = True if px == high else False if px == low else buy
        before = px
    return int(count)


@njit(cache=True)
def _next_above(px: int, low: int, high: int, unit: int) -> int:
    """The nearest level of the shelf above a price, NOBODY when there is none; `path.Shelf`."""
    first, last = -(-low // unit), high // unit
    found = NOBODY
    if first <= last:
        stride = max(1, -(-(last - first) // SHELF_MAX))
        behind = px // unit + 1 - first
        tick = first + (-(-behind // stride) * stride if behind > 0 else 0)
        if tick <= last:
            found = tick * unit
    if high > px and (found == NOBODY or high < found):
        found = high
    if low > px and (found == NOBODY or low < found):
        found = low
    return found


@njit(cache=True)
def _next_below(px: int, low: int, high: int, unit: int) -> int:
    """The nearest level of the shelf below a price, NOBODY when there is none."""
    first, last = -(-low // unit), high // unit
    found = NOBODY
    if first <= last:
        stride = max(1, -(-(last - first) // SHELF_MAX))
        ahead = min((px - 1) // unit, last) - first
        if ahead >= 0:
            found = (first + ahead // stride * stride) * unit
    if low < px and (found == NOBODY or low > found):
        found = low
    if high < px and (found == NOBODY or high > found):
        found = high
    return found


@njit(cache=True)
def _refresh(ints: Any, floats: Any, now_ms: int, whole: float) -> None:
    """`Prices.refresh_mark`, without the last rounding."""
    elapsed_ms = now_ms - ints[MARKED_MS]
    ints[MARKED_MS] = now_ms
    bid, ask, oracle = ints[BID], ints[ASK], ints[ORACLE]
    if bid == NOBODY or ask == NOBODY:
        gap = floats[GAP] / floats[GAP_WEIGHT] if floats[GAP_WEIGHT] != 0.0 else 0.0
        floats[MARK] = oracle / whole + gap
        return
    elapsed_s = elapsed_ms / 1000
    stood_s = elapsed_s if floats[GAP_WEIGHT] != 0.0 else max(elapsed_s, FIRST_SAMPLE_S)
    floats[GAP] = floats[GAP] * GAP_FADE[elapsed_ms] + (bid + ask - 2 * oracle) / (2 * whole) * stood_s
    floats[GAP_WEIGHT] = floats[GAP_WEIGHT] * GAP_FADE[elapsed_ms] + stood_s
    one, two, three = bid / whole, ask / whole, ints[LAST] / whole
    fair = max(min(one, two), min(max(one, two), three))
    stood_s = elapsed_s if floats[FAIR_WEIGHT] != 0.0 else max(elapsed_s, FIRST_SAMPLE_S)
    floats[FAIR] = floats[FAIR] * FAIR_FADE[elapsed_ms] + fair * stood_s
    floats[FAIR_WEIGHT] = floats[FAIR_WEIGHT] * FAIR_FADE[elapsed_ms] + stood_s
    one, two = oracle / whole + floats[GAP] / floats[GAP_WEIGHT], floats[FAIR] / floats[FAIR_WEIGHT]
    floats[MARK] = max(min(one, two), min(max(one, two), fair))


@njit(cache=True)
def _displayed(px: int, unit: int) -> int:
    """A price on the grid of displayed prices, half to even."""
    if unit <= 1:
        return px
    down = px // unit
    over = 2 * (px - down * unit)
    return int((down + (over > unit or (over == unit and down % 2 == 1))) * unit)


@njit(cache=True)
def _sample(ints: Any, floats: Any, shown: int) -> None:
    """`Sampler`: the premium of the moment, `premiums.premium_of`."""
    ints[SAMPLED] += 1
    if ints[BID] == NOBODY or ints[ASK] == NOBODY:
        return
    bid, ask, oracle = _displayed(ints[BID], shown), _displayed(ints[ASK], shown), ints[ORACLE]
    floats[PREMIUM] += (max(bid - oracle, 0) - max(oracle - ask, 0)) / oracle
    ints[SAMPLES] += 1


@njit(cache=True)
def walk(
    course: Course, ints: Any, floats: Any, band: Band, from_ms: int, until_ms: int, asked_ms: Any, told: Any
) -> int:
    """Walk from after `from_ms` up to and with `until_ms`, in place. Gives `until_ms`, or the earlier moment at which a
    print or a mark leaves the band; where it left, the state is of no use.

    `told` gets the marks as they stand behind each of the moments `asked_ms`, as far as it goes.
    """
    asked, answered = len(asked_ms), 0
    prices, buys = np.empty(PRINTS_MAX + 4, np.int64), np.empty(PRINTS_MAX + 4, np.bool_)
    rows = len(course.time_ms)
    row = max(int(np.searchsorted(course.time_ms, from_ms, side="right")) - 1, 0)
    while True:
        count, open_ms, high, low, unit = 0, np.int64(NEVER_MS), 0, 0, 1
        if row < rows:
            open_ms, high, low, unit = course.time_ms[row], course.high[row], course.low[row], course.unit[row]
            if open_ms <= until_ms:
                count = _prints(course, row, prices, buys)
        for act in range(-1, max(count, 0)):
            at_ms = open_ms + course.interval_ms * (act + 1) // (count + 1) if act >= 0 else open_ms
            if at_ms <= from_ms:
                continue
            stop_ms = min(at_ms, until_ms)
            while True:
                mark_ms, sample_ms = ints[MARKED_MS] + MARK_INTERVAL_MS, (ints[SAMPLED] + 1) * SAMPLE_MS
                next_ms = min(mark_ms, sample_ms, at_ms)
                while answered < asked and asked_ms[answered] < min(next_ms, until_ms + 1):
                    told[answered] = floats[MARK]
                    answered += 1
                if min(mark_ms, sample_ms) > stop_ms:
                    break
                if sample_ms <= mark_ms:
                    _sample(ints, floats, course.shown)
                    continue
                _refresh(ints, floats, int(mark_ms), course.whole)
                if not band.mark_low < floats[MARK] < band.mark_high:
                    return int(mark_ms)
            if at_ms > until_ms:
                return until_ms
            px = prices[max(act, 0)]
            if not band.low < px < band.high:
                return int(at_ms)
            if ints[SEEN] != NOBODY:
                ints[ORACLE] = ints[SEEN]
                _refresh(ints, floats, int(at_ms), course.whole)
                if not band.mark_low < floats[MARK] < band.mark_high:
                    return int(at_ms)
            if buys[max(act, 0)]:
                ints[ASK], ints[BID] = px, _next_below(px, low, high, unit)
            else:
                ints[BID], ints[ASK] = px, _next_above(px, low, high, unit)
            ints[SEEN] = px
            if act >= 0:
                ints[LAST] = px
                ints[PRINTS] += 1
        row += 1


@njit(cache=True)
def next_act_ms(course: Course, after_ms: int) -> int:
    """When the house acts next."""
    row = max(int(np.searchsorted(course.time_ms, after_ms, side="right")) - 1, 0)
    while row < len(course.time_ms):
        open_ms, count = course.time_ms[row], course.count[row]
        for act in range(-1, count):
            at_ms = open_ms + course.interval_ms * (act + 1) // (count + 1)
            if at_ms > after_ms:
                return int(at_ms)
        row += 1
    return NEVER_MS
