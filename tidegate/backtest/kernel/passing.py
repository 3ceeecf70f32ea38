"""The pass over all bars: at each open exits, then entries; then what happens within the bar."""

from math import isnan
from typing import Any

import numpy as np

from tidegate.backtest.kernel.brackets import is_quiet, leave, through
from tidegate.backtest.kernel.compiling import compiled
from tidegate.backtest.kernel.entering import enter
from tidegate.backtest.kernel.leaving import close_position
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
    LIQUIDATED,
    NEXT_DAY_MS,
    PEAK,
    POSITION_FIELDS,
    REFUSALS,
    SIZE,
    STOPS_REMEMBERED,
    TRADE_FIELDS,
    TRAIL_BY,
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
    return Book(
        np.zeros((count, POSITION_FIELDS)),
        account,
        np.full(STOPS_REMEMBERED, -1e18),
        np.zeros(len(REFUSALS), np.int64),
    )


@compiled
def run(candles: Candles, wishes: Wishes, finer: Finer, rules: Account) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Play all bars: trades (rows of TRADE_FIELDS), then equity, balance, notional a bar, refusals, the account.

    Everything that a quiet bar needs stands in names of its own: tuples of arrays are handed on only where something
    happens, because counting their references costs more than the bar.
    """
    time_ms, opens, highs, lows, closes = candles.time_ms, candles.open, candles.high, candles.low, candles.close
    funding, inside, wants = candles.funding, candles.funding_inside, wishes.want
    count, bars = opens.shape
    bar_ms, time_limit, limit_entry, begin = rules.bar_ms, rules.time_limit, rules.limit_entry, rules.begin
    taker, drawdown, daily_loss = rules.taker, rules.drawdown, rules.daily_loss
    book = new_book(count, rules.equity)
    positions, account = book.positions, book.account
    trades, made = np.empty((64, len(TRADE_FIELDS))), 0
    equity, balance, notional_held = np.empty(bars), np.empty(bars), np.zeros(bars)
    prices, rows, held, next_day_ms, until = np.zeros(count), np.full(count, -1), 0, 0, 0
    alone = count == 1 and inside.shape[1] == 0 and time_limit == 0
    bar = -1
    while bar < bars - 1:
        bar += 1
        if bar > 1:
            ahead = bar
            if held == 0:
                ahead = idle(wants, bar, equity, balance, account[EQUITY])
            elif alone and positions[0, TRAIL_BY] == 0:
                ahead = coast(
                    bar, highs[0, :until], lows[0, :until], closes[0], wants[0], funding[0], equity, balance,
                    positions[0], account, notional_held, taker, drawdown, daily_loss,
                )  # fmt: skip
            if ahead > bar:
                for coin in range(count):
                    rows[coin] = last_bar(closes, coin, ahead - 1, rows[coin])
                    prices[coin] = closes[coin, rows[coin]] if rows[coin] >= 0 else 0.0
                bar = ahead
                if bar == bars:
                    break
        now_ms, before = time_ms[bar], made
        if now_ms >= next_day_ms:
            next_day_ms = (now_ms // DAY_MS + 1) * DAY_MS
            account[NEXT_DAY_MS], account[DAY_EQUITY] = next_day_ms, account[EQUITY]
            until = np.searchsorted(time_ms, next_day_ms)
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
                    trades = close_position(book, trades, made, coin, level, reason, now_ms, bar, now_ms, rules)
                    made, held = made + 1, held - 1
        for coin in range(count):
            row = rows[coin]
            if bar < begin or row < 0 or positions[coin, SIZE] > 0 or isnan(opens[coin, bar]):
                continue
            if wants[coin, row] == 1 or wants[coin, row] == -1:
                refused = enter(book, candles, wishes, prices, coin, row, bar, rules)
                if refused < 0:
                    held += 1
                else:
                    book.refusals[refused] += 1
        for coin in range(count):
            if isnan(opens[coin, bar]):
                continue
            if positions[coin, SIZE] > 0:
                fresh = limit_entry and positions[coin, BAR] == bar
                if inside.shape[1] > 0:
                    pay_funding(positions, account, coin, inside[coin, bar], prices[coin])
                if inside.shape[1] > 0 or count > 1:
                    positions[coin, LIQUIDATED] = liquidation(positions, prices, account[BALANCE], coin, rules)
                if fresh or not is_quiet(positions, coin, highs[coin, bar], lows[coin, bar]):
                    reason, level, at_ms = through(book, candles, finer, coin, bar, fresh)
                    if reason > 0:
                        end_ms = now_ms + bar_ms
                        trades = close_position(book, trades, made, coin, level, reason, at_ms, bar, end_ms, rules)
                        made, held = made + 1, held - 1
            prices[coin], rows[coin] = closes[coin, bar], bar
        if held > 0 or made > before:
            notional = mark(positions, account, prices, taker, drawdown, daily_loss)
            notional_held[bar] = notional
        equity[bar], balance[bar] = account[EQUITY], account[BALANCE]
    for coin in range(count):
        if positions[coin, SIZE] > 0:
            last = rows[coin]
            trades = close_position(
                book, trades, made, coin, prices[coin], END, time_ms[last], last, time_ms[last], rules
            )
            made += 1
    equity[bars - 1] = balance[bars - 1] = account[BALANCE]
    return trades[:made], equity, balance, notional_held, book.refusals, account
