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
    LEVEL,
    LEVEL_STOP,
    LIQUIDATION,
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
    book: Book, trades: Any, made: int, coin: int, level: float, reason: int, time_ms: int, bar: int, end_ms: int,
    rules: Account,
) -> Any:  # fmt: skip
    """Sell what is held at `level`, write the trade down; gives the table, a longer one when it was full."""
    if made == len(trades):
        longer = np.empty((2 * made, trades.shape[1]))
        longer[:made] = trades
        trades = longer
    held = book.positions[coin]
    size, direction = held[SIZE], held[DIRECTION]
    fill = on_grid(level * (1 - direction * rules.slippage), rules.price_decimals[coin], direction < 0)
    fee = size * fill * rules.taker
    held[FEES] += fee
    held[SLIPPAGE] += direction * (level - fill) * size
    book.account[BALANCE] += direction * (fill - held[ENTRY]) * size - fee
    gained = direction * (level - held[ENTRY]) * size
    row = trades[made]
    row[0], row[1], row[2], row[3], row[4] = coin, direction, size, held[OPENED], time_ms
    row[5], row[6], row[7], row[8] = held[ENTRY], fill, held[LEVEL_STOP], reason
    row[9] = direction * (level - held[LEVEL]) * size
    row[10], row[11], row[12] = held[FEES], held[FUNDING], held[SLIPPAGE]
    row[13], row[14], row[15] = bar - held[BAR], min(held[MAE], gained), max(held[MFE], gained)
    row[16] = held[AMBIGUOUS]
    held[:CLOSED_MS] = 0.0
    held[CLOSED_MS] = end_ms
    if reason in (STOP, TRAIL, LIQUIDATION):
        book.stops[1:] = book.stops[:-1].copy()
        book.stops[0] = end_ms
    return trades
