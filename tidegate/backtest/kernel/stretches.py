"""Stretches in which nothing happens, passed bar by bar with as little as can be done."""

from math import isnan
from typing import Any

from tidegate.backtest.kernel.compiling import compiled
from tidegate.backtest.kernel.shapes import (
    BALANCE,
    DAY_EQUITY,
    DIRECTION,
    ENTRY,
    EQUITY,
    FLAT,
    GAINED,
    LIQUIDATED,
    MAE,
    MFE,
    NEAREST,
    PEAK,
    PRICE_MAX,
    SIZE,
    STOP_NOW,
)


@compiled
def idle(wants: Any, bar: int, equity: Any, balance: Any, worth: float) -> int:
    """With nothing held: the first bar from `bar` on that a wish to enter may act on."""
    count, bars = wants.shape
    at = bar
    while at < bars:
        wished = False
        for coin in range(count):
            # A coin without a bar acts on its wish one bar later.
            last, before = wants[coin, at - 1], wants[coin, at - 2]
            wished |= (last == 1) | (last == -1) | (before == 1) | (before == -1)
        if wished:
            break
        equity[at] = balance[at] = worth
        at += 1
    return at


@compiled
def last_bar(closes: Any, coin: int, bar: int, known: int) -> int:
    """The last bar of a coin up to `bar`; `known` where there is none after that."""
    while bar > known and isnan(closes[coin, bar]):
        bar -= 1
    return bar


@compiled
def coast(
    bar: int, highs: Any, lows: Any, closes: Any, wants: Any, funding: Any, equity: Any, balance: Any, held: Any,
    account: Any, notional: Any, taker: float, drawdown: float, daily_loss: float,
) -> int:  # fmt: skip
    """With one coin and its position held: the first bar from `bar` on at which anything happens to it."""
    direction, size, entry, stop = held[DIRECTION], held[SIZE], held[ENTRY], held[STOP_NOW]
    profit, gained = held[NEAREST], held[GAINED]
    liquidated = held[LIQUIDATED] if held[LIQUIDATED] > 0 else -direction * PRICE_MAX
    nearest = max(stop, liquidated) if direction > 0 else min(stop, liquidated)
    cash, peak, day_equity = account[BALANCE], account[PEAK], account[DAY_EQUITY]
    day_least = day_equity * (1 - daily_loss) if daily_loss > 0 else -PRICE_MAX
    least = max(peak * (1 - drawdown), day_least) if drawdown > 0 else day_least
    mae, mfe, at, worth = held[MAE], held[MFE], bar, account[EQUITY]
    for at in range(bar, len(highs) + 1):
        if at == len(highs):
            break
        want = wants[at - 1]
        high, low = highs[at], lows[at]
        worst, best = (low, high) if direction > 0 else (high, low)
        quiet = (worst - nearest) * direction > 0 and (profit - best) * direction > 0
        if not quiet or want == FLAT or want == -direction or funding[at] != 0:
            break
        now = cash + direction * size * (closes[at] - entry)
        if now > peak:
            peak = now
            least = max(peak * (1 - drawdown), day_least) if drawdown > 0 else day_least
        if now - size * closes[at] * taker <= least:
            break
        mae = min(mae, gained + (worst - entry) * direction * size)
        mfe = max(mfe, gained + (best - entry) * direction * size)
        worth = now
        equity[at], balance[at], notional[at] = now, cash, size * closes[at]
    held[MAE], held[MFE], account[EQUITY], account[PEAK] = mae, mfe, worth, peak
    return at
