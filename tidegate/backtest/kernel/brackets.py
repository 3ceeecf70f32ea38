"""A candle against a bracket: stop, take-profit and trailing stop in an honest order, worst first."""

from typing import Any

from tidegate.backtest.kernel.compiling import compiled, inlined
from tidegate.backtest.kernel.shapes import (
    AMBIGUOUS,
    DIRECTION,
    ENTRY,
    GAINED,
    LIQUIDATED,
    LIQUIDATION,
    MAE,
    MFE,
    NEAREST,
    PRICE_MAX,
    PROFIT,
    SIGNAL,
    SIZE,
    STOP,
    STOP_NOW,
    TAKE_PROFIT,
    TIME,
    TRAIL,
    TRAIL_BY,
    TRAILED,
    TRIM_AT,
    TRIM_NOW,
    Book,
    Candles,
    Finer,
)


@compiled
def step(
    opened: float, high: float, low: float, close: float, direction: float, stop: float, profit: float, trail_by: float,
    trailed: float, liquidated: float, after_entry: bool,
) -> tuple[int, float, float, float, bool]:  # fmt: skip
    """One candle against a bracket: (reason or 0, level, stop and trailed as they are after it, ambiguous).

    The open is first, then the worst price, then the best, then the close. `after_entry`: a limit filled on the way
    down, so of the open and the best nothing is known to have come after it, and the close stands for them.
    """
    worst, best = (low, high) if direction > 0 else (high, low)
    if after_entry:
        best, opened = close, worst + direction * PRICE_MAX
    elif trail_by > 0:
        candidate = opened - direction * trail_by
        if candidate > 0 and (candidate - stop) * direction > 0:
            stop, trailed = candidate, 1.0
    follows = trail_by > 0 and (best - direction * trail_by - stop) * direction > 0
    by_liquidation = liquidated > 0 and (liquidated - worst) * direction >= 0
    if by_liquidation and ((liquidated - stop) * direction >= 0 or (liquidated - opened) * direction >= 0):
        level = opened if (liquidated - opened) * direction >= 0 else liquidated
        return LIQUIDATION, level, stop, trailed, False
    profits = profit > 0 and (best - profit) * direction >= 0
    if (stop - worst) * direction >= 0:
        gap = (stop - opened) * direction >= 0
        level = opened if gap else stop
        return (TRAIL if trailed > 0 else STOP), level, stop, trailed, (profits or follows) and not gap
    if profits:
        gap = (opened - profit) * direction >= 0 and not after_entry
        behind = profit - direction * trail_by
        unclear = trail_by > 0 and not gap and (behind - worst) * direction >= 0
        return TAKE_PROFIT, (opened if gap else profit), stop, trailed, unclear
    if follows:
        stop, trailed = best - direction * trail_by, 1.0
        if (stop - close) * direction >= 0:
            return TRAIL, stop, stop, trailed, (stop - worst) * direction >= 0 and close != worst
        return 0, 0.0, stop, trailed, (stop - worst) * direction >= 0
    return 0, 0.0, stop, trailed, False


@compiled
def watch(
    held: Any, opened: float, high: float, low: float, close: float, liquidated: float, after_entry: bool
) -> tuple[int, float]:
    """Take one candle through the bracket of a position; the reason (0: it stays) and the level of its end.

    A candle that reaches the level of a trim after its worst price notes it in TRIM_NOW.
    """
    direction, size, entry = held[DIRECTION], held[SIZE], held[ENTRY]
    reason, level, stop, trailed, unclear = step(
        opened, high, low, close, direction, held[STOP_NOW], held[PROFIT], held[TRAIL_BY], held[TRAILED], liquidated,
        after_entry,
    )  # fmt: skip
    held[STOP_NOW], held[TRAILED] = stop, trailed
    if unclear:
        held[AMBIGUOUS] = 1.0
    worst, best = (low, high) if direction > 0 else (high, low)
    if after_entry:
        best = close
    if reason in (0, TAKE_PROFIT):
        held[MAE] = min(held[MAE], held[GAINED] + direction * (worst - entry) * size)
    if reason == 0:
        held[MFE] = max(held[MFE], held[GAINED] + direction * (best - entry) * size)
    if held[TRIM_AT] > 0 and (best - held[TRIM_AT]) * direction >= 0:
        # A trailing stop that the best price has pulled up was behind it.
        if reason in (0, TAKE_PROFIT) or (reason == TRAIL and level == best - direction * held[TRAIL_BY]):
            gap = (opened - held[TRIM_AT]) * direction >= 0 and not after_entry
            held[TRIM_NOW] = opened if gap else held[TRIM_AT]
        else:
            held[AMBIGUOUS] = 1.0
    return reason, level


@compiled
def through(
    book: Book, candles: Candles, finer: Finer, coin: int, bar: int, after_entry: bool
) -> tuple[int, float, int]:
    """Take a bar, or the finer candles in it, through a bracket: reason, level and the time of the end."""
    held = book.positions[coin]
    opened, high, low = candles.open[coin, bar], candles.high[coin, bar], candles.low[coin, bar]
    close, time_ms, liquidated = candles.close[coin, bar], candles.time_ms[bar], held[LIQUIDATED]
    if finer.first.shape[1] == 0:
        reason, level = watch(held, opened, high, low, close, liquidated, after_entry)
        return reason, level, time_ms
    first, end = finer.first[coin, bar], finer.first[coin, bar + 1]
    if first == end or after_entry:
        reason, level = watch(held, opened, high, low, close, liquidated, after_entry)
        return reason, level, time_ms
    for at in range(first, end):
        reason, level = watch(held, finer.open[at], finer.high[at], finer.low[at], finer.close[at], liquidated, False)
        if reason > 0:
            return reason, level, finer.time_ms[at]
        if held[TRIM_NOW] > 0:
            held[TRIM_AT] = 0.0  # once: later candles of the bar find it done
    return 0, 0.0, time_ms


@compiled
def leave(book: Book, coin: int, price: float, late: bool) -> tuple[int, float]:
    """Why a position is left at the open, at which level; one that the open has jumped over comes first."""
    held = book.positions[coin]
    reason, level = watch(held, price, price, price, price, held[LIQUIDATED], False)
    if reason > 0:
        return reason, level
    return (TIME if late else SIGNAL), price


@inlined
def is_quiet(positions: Any, coin: int, high: float, low: float) -> bool:
    """Whether a bar touches nothing of a position: then only its worst and best are noted."""
    if positions[coin, TRAIL_BY] > 0:
        return False
    stop, nearest, liquidated = positions[coin, STOP_NOW], positions[coin, NEAREST], positions[coin, LIQUIDATED]
    size, entry, gained = positions[coin, SIZE], positions[coin, ENTRY], positions[coin, GAINED]
    if positions[coin, DIRECTION] > 0:
        if low <= stop or low <= liquidated or high >= nearest:
            return False
        worst, best = gained + (low - entry) * size, gained + (high - entry) * size
    else:
        if high >= stop or (liquidated > 0 and high >= liquidated) or low <= nearest:
            return False
        worst, best = gained + (entry - high) * size, gained + (entry - low) * size
    if worst < positions[coin, MAE]:
        positions[coin, MAE] = worst
    if best > positions[coin, MFE]:
        positions[coin, MFE] = best
    return True
