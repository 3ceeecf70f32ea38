"""The pass over all bars: at each open exits, then entries; then what happens within the bar."""

from math import isnan
from typing import Any

import numpy as np

from tidegate.backtest.kernel.brackets import is_quiet, leave, through
from tidegate.backtest.kernel.compiling import compiled
from tidegate.backtest.kernel.entering import enter
from tidegate.backtest.kernel.leaving import close_position, longer, trim
from tidegate.backtest.kernel.margin import liquidation, mark, pay_funding
from tidegate.backtest.kernel.shapes import (
    ACCOUNT_FIELDS,
    BALANCE,
    BAR,
    DAY_EQUITY,
    DAY_MS,
    DIRECTION,
    END,
    EQUITY,
    FLAT,
    HELD,
    LIQUIDATED,
    MADE,
    NEXT_DAY_MS,
    PEAK,
    POSITION_FIELDS,
    REFUSALS,
    SIZE,
    STOPS_REMEMBERED,
    TRADE_FIELDS,
    TRAIL_BY,
    TRIM_NOW,
    TRIPPED_DAY,
    Account,
    Book,
    Candles,
    Finer,
    Wishes,
)
from tidegate.backtest.kernel.stretches import coast, idle, last_bar


@compiled
def new_book(count: int, equity: float) -> Book:
    """An account that has done nothing yet."""
    account = np.zeros(ACCOUNT_FIELDS)
    account[BALANCE] = account[PEAK] = account[DAY_EQUITY] = account[EQUITY] = equity
    account[TRIPPED_DAY] = -1.0
    stops = np.empty(STOPS_REMEMBERED)
    for at in range(STOPS_REMEMBERED):
        stops[at] = -1e18
    counts = np.zeros(2, np.int64)
    return Book(np.zeros((count, POSITION_FIELDS)), account, stops, np.zeros(len(REFUSALS), np.int64), counts)


@compiled
def at_the_end(book: Book, trades: Any, time_ms: Any, prices: Any, rows: Any, rules: Account) -> Any:
    """What is still held is sold at its last close; gives the table of trades."""
    count = len(book.positions)
    if book.counts[MADE] + count > len(trades):
        trades = longer(trades, book.counts[MADE])
    for coin in range(count):
        if book.positions[coin, SIZE] > 0:
            last = rows[coin]
            close_position(book, trades, coin, prices[coin], END, time_ms[last], last, time_ms[last], rules)
    return trades


@compiled
def run(candles: Candles, wishes: Wishes, finer: Finer, rules: Account) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Play all bars: trades (rows of TRADE_FIELDS), then equity, balance, notional a bar, refusals, the account.

    Longer than a screen, and everything that a bar needs stands in names of its own: a function that takes tuples of
    arrays counts their references, which costs more than the bar; they are handed on only where something happens.
    """
    time_ms, opens, highs, lows, closes = candles.time_ms, candles.open, candles.high, candles.low, candles.close
    funding, inside, wants = candles.funding, candles.funding_inside, wishes.want
    count, bars = opens.shape
    time_limit, limit_entry, begin = rules.time_limit, rules.limit_entry, rules.begin
    taker, drawdown, daily_loss = rules.taker, rules.drawdown, rules.daily_loss
    book = new_book(count, rules.equity)
    positions, account, counts = book.positions, book.account, book.counts
    trades = np.empty((64, len(TRADE_FIELDS)))
    equity, balance, notional = np.empty(bars), np.empty(bars), np.zeros(bars)
    prices, rows, next_day_ms, until = np.zeros(count), np.full(count, -1), 0, 0
    alone, hours_inside = count == 1 and inside.shape[1] == 0 and time_limit == 0, inside.shape[1] > 0
    bar = -1
    while bar < bars - 1:
        bar += 1
        if bar > 1:
            ahead = bar
            if counts[HELD] == 0:
                ahead = idle(wants, bar, equity, balance, account[EQUITY])
            elif alone and positions[0, TRAIL_BY] == 0:
                ahead = coast(
                    bar, highs[0, :until], lows[0, :until], closes[0], wants[0], funding[0], equity, balance,
                    positions[0], account, notional, taker, drawdown, daily_loss,
                )  # fmt: skip
            if ahead > bar:
                for coin in range(count):
                    rows[coin] = last_bar(closes, coin, ahead - 1, rows[coin])
                    prices[coin] = closes[coin, rows[coin]] if rows[coin] >= 0 else 0.0
                bar = ahead
                if bar == bars:
                    break
        now_ms, before = time_ms[bar], counts[MADE]
        if now_ms >= next_day_ms:
            next_day_ms = (now_ms // DAY_MS + 1) * DAY_MS
            account[NEXT_DAY_MS], account[DAY_EQUITY] = next_day_ms, account[EQUITY]
            until = np.searchsorted(time_ms, next_day_ms)
        if before + 2 * count > len(trades):  # a coin may leave at the open, and again after it has entered
            trades = longer(trades, before)
        for coin in range(count):
            price = opens[coin, bar]
            if isnan(price):
                continue
            prices[coin] = price
            if positions[coin, SIZE] > 0:
                if funding[coin, bar] != 0:
                    pay_funding(positions, account, coin, funding[coin, bar], price)
                    positions[coin, LIQUIDATED] = liquidation(positions, prices, account[BALANCE], coin, rules)
                want, late = wants[coin, rows[coin]], 0 < time_limit <= bar - positions[coin, BAR]
                if late or want == FLAT or want == -positions[coin, DIRECTION]:
                    reason, level = leave(book, coin, price, late)
                    close_position(book, trades, coin, level, reason, now_ms, bar, now_ms, rules)
        for coin in range(count):
            row = rows[coin]
            if bar < begin or row < 0 or positions[coin, SIZE] > 0 or isnan(opens[coin, bar]):
                continue
            if wants[coin, row] == 1 or wants[coin, row] == -1:
                enter(book, candles, wishes, prices, coin, row, bar, rules)
        for coin in range(count):
            if isnan(opens[coin, bar]):
                continue
            if positions[coin, SIZE] > 0:
                fresh = limit_entry and positions[coin, BAR] == bar
                if hours_inside:
                    pay_funding(positions, account, coin, inside[coin, bar], prices[coin])
                if hours_inside or count > 1:
                    positions[coin, LIQUIDATED] = liquidation(positions, prices, account[BALANCE], coin, rules)
                if fresh or not is_quiet(positions, coin, highs[coin, bar], lows[coin, bar]):
                    reason, level, at_ms = through(book, candles, finer, coin, bar, fresh)
                    if positions[coin, TRIM_NOW] > 0:
                        trim(book, prices, coin, rules)
                    if reason > 0:
                        close_position(book, trades, coin, level, reason, at_ms, bar, now_ms + rules.bar_ms, rules)
            prices[coin], rows[coin] = closes[coin, bar], bar
        if counts[HELD] > 0 or counts[MADE] > before:
            notional[bar] = mark(positions, account, prices, taker, drawdown, daily_loss)
        equity[bar], balance[bar] = account[EQUITY], account[BALANCE]
    trades = at_the_end(book, trades, time_ms, prices, rows, rules)
    equity[bars - 1] = balance[bars - 1] = account[BALANCE]
    return trades[: counts[MADE]], equity, balance, notional, book.refusals, account
