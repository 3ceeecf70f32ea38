"""From a wish to a position: what `core.entries` plans, sized and held against every limit."""

from typing import Any

from tidegate.backtest.kernel.compiling import compiled
from tidegate.backtest.kernel.margin import liquidation, nearest, objection, standing
from tidegate.backtest.kernel.shapes import (
    BALANCE,
    BAR,
    BEYOND_LIQUIDATION,
    CLOSED_MS,
    DIRECTION,
    ENTRY,
    FEES,
    HELD,
    LEVEL,
    LEVEL_STOP,
    LIQUIDATED,
    NEAREST,
    NOT_REACHED,
    NOTHING_LEFT,
    OPENED,
    PRICE_MAX,
    PROFIT,
    SIZE,
    SLIPPAGE,
    STOP_NOW,
    TOO_OLD,
    TOO_SMALL,
    TRAIL_BY,
    TRIM_AT,
    UNSOUND,
    Account,
    Book,
    Candles,
    Wishes,
)
from tidegate.backtest.kernel.sizing import on_grid, sized


@compiled
def enter(
    book: Book, candles: Candles, wishes: Wishes, prices: Any, coin: int, row: int, bar: int, rules: Account
) -> None:
    """Act at the open of `bar` on the wish of `row`; which rule forbade it is counted."""
    refused = planned(book, candles, wishes, prices, coin, row, bar, rules)
    if refused < 0:
        book.counts[HELD] += 1
    else:
        book.refusals[refused] += 1


@compiled
def planned(
    book: Book, candles: Candles, wishes: Wishes, prices: Any, coin: int, row: int, bar: int, rules: Account
) -> int:
    """`entries._plan`: -1 when entered, else which rule forbade it."""
    now_ms = candles.time_ms[bar]
    if now_ms - candles.time_ms[row] > 2 * rules.bar_ms:
        return TOO_OLD
    forbidden = objection(book, coin, now_ms, rules)
    if forbidden >= 0:
        return forbidden
    direction, price = float(wishes.want[coin, row]), candles.open[coin, bar]
    long, figures = direction > 0, rules.price_decimals[coin]
    stop, profit = bracket(direction, price, wishes.stop[coin, row], wishes.take_profit[coin, row], figures, rules)
    if stop == 0:
        return UNSOUND
    equity, free, notional = standing(book, prices, rules)
    if not equity > 0:
        return NOTHING_LEFT
    limit = on_grid(price * (1 + direction * rules.slippage_max), figures, not long)
    left, allocation = max(rules.exposure_max - notional, 0.0), max(rules.allocation_max - notional, 0.0)
    size = sized(price, limit, stop, wishes.fraction[coin, row], equity, free, left, allocation, coin, rules)
    if size <= 0:
        return NOTHING_LEFT if size == 0 else TOO_SMALL
    level = fill = price
    if rules.limit_entry:
        level = fill = on_grid(price, figures, not long)
        worst = candles.low[coin, bar] if long else candles.high[coin, bar]
        if (fill - worst) * direction <= 0:
            return NOT_REACHED
    else:
        fill = on_grid(price * (1 + direction * rules.slippage), figures, long)
    held = book.positions[coin]
    for column in range(CLOSED_MS):
        held[column] = 0.0
    held[SIZE], held[DIRECTION], held[ENTRY] = size, direction, price
    beyond = liquidation(book.positions, prices, book.account[BALANCE], coin, rules)
    if beyond > 0 and (stop - beyond) * direction <= 0:
        held[SIZE] = 0.0
        return BEYOND_LIQUIDATION
    held[LEVEL], held[ENTRY], held[LEVEL_STOP], held[STOP_NOW], held[PROFIT] = level, fill, stop, stop, profit
    trail_by = price * rules.trailing_stop if rules.trailing_stop > 0 else wishes.trail_by[coin, row]
    held[TRAIL_BY] = trail_by if 0 < trail_by < PRICE_MAX else 0.0
    held[BAR], held[OPENED] = bar, now_ms
    far = price + direction * rules.trim_at * abs(price - stop) if rules.trim_at > 0 else 0.0
    held[TRIM_AT] = max(far, 0.0)
    held[NEAREST] = nearest(held)
    held[FEES] = size * fill * (rules.maker if rules.limit_entry else rules.taker)
    held[SLIPPAGE] = direction * (fill - level) * size
    book.account[BALANCE] -= held[FEES]
    held[LIQUIDATED] = liquidation(book.positions, prices, book.account[BALANCE], coin, rules)
    return -1


@compiled
def bracket(
    direction: float, price: float, stop_wished: float, profit_wished: float, figures: int, rules: Account
) -> tuple[float, float]:
    """Stop and take-profit on the grid, the nearer of the rules' and the wished; (0, 0) where they make no sense."""
    long, profit = direction > 0, 0.0
    stop = price * (1 - direction * rules.stop_loss)
    if 0 < stop_wished < PRICE_MAX:
        stop = max(stop, stop_wished) if long else min(stop, stop_wished)
    if rules.take_profit > 0 and price * (1 + direction * rules.take_profit) > 0:
        profit = price * (1 + direction * rules.take_profit)
    if 0 < profit_wished < PRICE_MAX:
        profit = profit_wished if profit == 0 else (min(profit, profit_wished) if long else max(profit, profit_wished))
    if not stop > 0:
        return 0.0, 0.0
    stop = on_grid(stop, figures, long)
    profit = on_grid(profit, figures, long) if profit > 0 else 0.0
    if (price - stop) * direction <= 0 or (profit > 0 and (profit - price) * direction <= 0):
        return 0.0, 0.0
    return stop, profit
