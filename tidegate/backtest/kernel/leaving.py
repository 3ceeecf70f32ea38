"""From a position to a trade: sold at a level, with what it cost written down."""

from typing import Any

import numpy as np

from tidegate.backtest.kernel.compiling import compiled
from tidegate.backtest.kernel.shapes import (
    AMBIGUOUS,
    BALANCE,
    BAR,
    CLOSED_MS,
    DIRECTION,
    ENTRY,
    FEES,
    FUNDING,
    HELD,
    LEVEL,
    LEVEL_STOP,
    LIQUIDATION,
    MADE,
    MAE,
    MFE,
    OPENED,
    SIZE,
    SLIPPAGE,
    STOP,
    TRAIL,
    Account,
    Book,
)
from tidegate.backtest.kernel.sizing import on_grid


@compiled
def close_position(
    book: Book, trades: Any, coin: int, level: float, reason: int, time_ms: int, bar: int, end_ms: int, rules: Account
) -> None:  # fmt: skip
    """Sell what is held at `level` and write the trade into the next row of the table."""
    held = book.positions[coin]
    size, direction = held[SIZE], held[DIRECTION]
    fill = on_grid(level * (1 - direction * rules.slippage), rules.price_decimals[coin], direction < 0)
    fee = size * fill * rules.taker
    held[FEES] += fee
    held[SLIPPAGE] += direction * (level - fill) * size
    book.account[BALANCE] += direction * (fill - held[ENTRY]) * size - fee
    gained = direction * (level - held[ENTRY]) * size
    row = trades[book.counts[MADE]]
    row[0], row[1], row[2], row[3], row[4] = coin, direction, size, held[OPENED], time_ms
    row[5], row[6], row[7], row[8] = held[ENTRY], fill, held[LEVEL_STOP], reason
    row[9] = direction * (level - held[LEVEL]) * size
    row[10], row[11], row[12] = held[FEES], held[FUNDING], held[SLIPPAGE]
    row[13], row[14], row[15] = bar - held[BAR], min(held[MAE], gained), max(held[MFE], gained)
    row[16] = held[AMBIGUOUS]
    for column in range(CLOSED_MS):
        held[column] = 0.0
    held[CLOSED_MS] = end_ms
    book.counts[HELD] -= 1
    book.counts[MADE] += 1
    if reason in (STOP, TRAIL, LIQUIDATION):
        for at in range(len(book.stops) - 1, 0, -1):
            book.stops[at] = book.stops[at - 1]
        book.stops[0] = end_ms


@compiled
def longer(trades: Any, made: int) -> Any:
    """A table of trades with more than twice the room, and the first `made` rows of this one."""
    table = np.empty((2 * len(trades) + 2, trades.shape[1]))
    for row in range(made):
        for column in range(trades.shape[1]):
            table[row, column] = trades[row, column]
    return table
