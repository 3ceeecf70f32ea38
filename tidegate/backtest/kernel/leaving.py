"""From a position to a trade: sold at a level, with what it cost written down."""

from math import floor
from typing import Any

import numpy as np

from tidegate.backtest.kernel.compiling import compiled
from tidegate.backtest.kernel.margin import liquidation, nearest
from tidegate.backtest.kernel.shapes import (
    AMBIGUOUS,
    BALANCE,
    BAR,
    CLOSED_MS,
    DIRECTION,
    ENTRY,
    FEES,
    FUNDING,
    GAINED,
    HELD,
    LEVEL,
    LEVEL_STOP,
    LIQUIDATED,
    LIQUIDATION,
    MADE,
    MAE,
    MFE,
    NEAREST,
    NOISE,
    OPENED,
    SIZE,
    SLIPPAGE,
    STOP,
    TRAIL,
    TRIM_AT,
    TRIM_GROSS,
    TRIM_NOW,
    TRIM_WORTH,
    TRIMMED,
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
    gained = held[GAINED] + direction * (level - held[ENTRY]) * size
    entered = size + held[TRIMMED]
    row = trades[book.counts[MADE]]
    row[0], row[1], row[2], row[3], row[4] = coin, direction, entered, held[OPENED], time_ms
    row[5], row[6], row[7], row[8] = held[ENTRY], fill, held[LEVEL_STOP], reason
    if held[TRIMMED] > 0:
        row[6] = (held[TRIM_WORTH] + size * fill) / entered
    row[9] = held[TRIM_GROSS] + direction * (level - held[LEVEL]) * size
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
def trim(book: Book, prices: Any, coin: int, rules: Account) -> None:
    """Sell a part of what is held at the level that was reached (`core.trims`), once a position."""
    held = book.positions[coin]
    size, direction, level, lots = held[SIZE], held[DIRECTION], held[TRIM_NOW], 10.0 ** rules.decimals[coin]
    held[TRIM_AT] = held[TRIM_NOW] = 0.0
    held[NEAREST] = nearest(held)
    part = floor(size * rules.trim_share * lots + NOISE) / lots
    if part * level < rules.notional_min:
        return
    fill = on_grid(level * (1 - direction * rules.slippage), rules.price_decimals[coin], direction < 0)
    fee = part * fill * rules.taker
    held[SIZE] = floor((size - part) * lots + 0.5) / lots
    held[TRIMMED], held[TRIM_WORTH] = part, part * fill
    held[TRIM_GROSS], held[GAINED] = direction * (level - held[LEVEL]) * part, direction * (level - held[ENTRY]) * part
    held[FEES] += fee
    held[SLIPPAGE] += direction * (level - fill) * part
    book.account[BALANCE] += direction * (fill - held[ENTRY]) * part - fee
    held[LIQUIDATED] = liquidation(book.positions, prices, book.account[BALANCE], coin, rules)


@compiled
def longer(trades: Any, made: int) -> Any:
    """A table of trades with more than twice the room, and the first `made` rows of this one."""
    table = np.empty((2 * len(trades) + 2, trades.shape[1]))
    for row in range(made):
        for column in range(trades.shape[1]):
            table[row, column] = trades[row, column]
    return table
