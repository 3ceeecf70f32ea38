"""The bot's rules over candles in one compiled pass: entries, brackets, sizing, limits, costs, liquidation.

What `core` decides on Decimals is decided here on floats, for years of minutes at once; tests hold the two equal
(`sizing.by_risk`, `risk.liquidation_price`, `Instrument.price`, `Bracket`). Within a bar the worst comes first: a bar
that touches stop and take-profit is stopped, unless finer candles tell what came first. Knows no frames, no files.

All of it stands in this file because numba's cache looks at no other when it asks whether it is still true.
"""

from collections.abc import Callable
from math import floor, isnan, log10
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

# fmt: off
from tidegate.backtest.shapes import (
    ACCOUNT_FIELDS,
    AMBIGUOUS,
    BALANCE,
    BAR,
    BEYOND_LIQUIDATION,
    BRAKED,
    CLOSED_MS,
    COOLING,
    DAY_EQUITY,
    DAY_MS,
    DIRECTION,
    END,
    ENTRY,
    EQUITY,
    FEES,
    FLAT,
    FULL,
    FUNDING,
    GUARDED,
    LEVEL,
    LEVEL_STOP,
    LIQUIDATED,
    LIQUIDATION,
    MAE,
    MARGIN_USED_MAX,
    MFE,
    NEXT_DAY_MS,
    NOISE,
    NOT_REACHED,
    NOTHING_LEFT,
    NOTIONAL_MARGIN_MIN,
    OPENED,
    PEAK,
    POSITION_FIELDS,
    PRICE_MAX,
    PROFIT,
    REFUSALS,
    SIGNAL,
    SIZE,
    SLIPPAGE,
    STOP,
    STOP_NOW,
    STOPS_REMEMBERED,
    TAKE_PROFIT,
    TIME,
    TOO_OLD,
    TOO_SMALL,
    TRADE_FIELDS,
    TRAIL,
    TRAIL_BY,
    TRAILED,
    TRIPPED_DAY,
    TRIPPED_FOR_GOOD,
    TRIPS,
    UNSOUND,
    Account,
    Book,
    Candles,
    Finer,
    Wishes,
)

# fmt: on

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile on the first call, once a machine."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))


def inlined(function: F) -> F:
    """The same for what is asked every bar: put into its caller, which then counts no references to arrays."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(function))


@compiled
def on_grid(price: float, price_decimals: int, up: bool) -> float:
    """`Instrument.price`: five significant figures, `price_decimals` at most, whole prices always."""
    exponent = min(max(floor(log10(price) + 1e-13) - 4, -price_decimals), 0)
    scale = 10.0**-exponent
    ticks = price * scale
    noise = NOISE * max(1.0, ticks * 1e-3)
    whole = -floor(-ticks + noise) if up else floor(ticks + noise)
    return float(max(whole, 1.0) / scale)


@compiled
def sized(
    price: float, limit: float, stop: float, fraction: float, equity: float, free: float, exposure_left: float,
    allocation_left: float, coin: int, rules: Account,
) -> float:  # fmt: skip
    """`sizing.by_risk`: the size in base units, 0 when nothing is left, -1 when it is below the least notional."""
    worst = max(price, limit)
    entry_fee = rules.maker if rules.limit_entry else rules.taker
    spread = rules.slippage if rules.limit_entry else 2 * rules.slippage
    distance = abs(price - stop) + max(price * (entry_fee + spread) + stop * rules.taker, 0.0)
    raw = equity * rules.risk * fraction / distance
    raw = min(raw, rules.position_max / worst, free * rules.leverage[coin] * MARGIN_USED_MAX / worst)
    if rules.exposure_max > 0:
        raw = min(raw, exposure_left / worst)
    if rules.allocation_max > 0:
        raw = min(raw, min(allocation_left, rules.allocation_max * fraction) / worst)
    if not raw > 0:
        return 0.0
    lots = 10.0 ** rules.decimals[coin]
    size = floor(raw * lots + NOISE) / lots
    return -1.0 if size * min(price, limit) < rules.notional_min else float(size)


@compiled
def liquidation(positions: Any, prices: Any, balance: float, coin: int, rules: Account) -> float:
    """`risk.liquidation_price` of the position in `coin`, others standing still at `prices`; 0 for nowhere."""
    size, direction = positions[coin, SIZE], positions[coin, DIRECTION]
    share = 0.5 / rules.leverage_max[coin]
    if rules.isolated[coin]:
        entry = positions[coin, ENTRY]
        kept = size * entry * (1.0 / rules.leverage[coin] - share - rules.taker) - positions[coin, FUNDING]
        level = entry - direction * kept / size / (1.0 - share * direction)
    else:
        money = balance
        for other in range(len(positions)):
            if other != coin and positions[other, SIZE] > 0:
                held, price = positions[other, SIZE], prices[other]
                if rules.isolated[other]:
                    money -= held * positions[other, ENTRY] / rules.leverage[other]
                else:
                    money += positions[other, DIRECTION] * held * (price - positions[other, ENTRY])
                    money -= held * price * 0.5 / rules.leverage_max[other]
        level = (direction * size * positions[coin, ENTRY] - money) / (size * (direction - share))
    return float(max(level, 0.0))


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


@compiled
def objection(book: Book, coin: int, now_ms: int, rules: Account) -> int:
    """`risk.objection` and `brakes.objection`: which rule forbids an entry now, -1 for none."""
    account = book.account
    if account[TRIPPED_FOR_GOOD] > 0 or account[TRIPPED_DAY] == now_ms // DAY_MS:
        return BRAKED
    if rules.positions_max > 0:
        taken = 0
        for other in range(len(book.positions)):
            taken += 1 if other != coin and book.positions[other, SIZE] > 0 else 0
        if taken >= rules.positions_max:
            return FULL
    closed_ms = book.positions[coin, CLOSED_MS]
    if closed_ms > 0 and now_ms - closed_ms < rules.cooldown_ms:
        return COOLING
    if rules.guard_stops > 0 and now_ms - book.stops[rules.guard_stops - 1] < rules.guard_ms:
        return GUARDED
    return -1


@compiled
def standing(book: Book, prices: Any, rules: Account) -> tuple[float, float, float]:
    """Equity, what is free for new positions, and the notional held, at `prices`."""
    positions = book.positions
    equity = cross = book.account[BALANCE]
    margin = notional = cross_notional = 0.0
    for coin in range(len(positions)):
        size = positions[coin, SIZE]
        if size > 0:
            worth = size * prices[coin]
            gained = positions[coin, DIRECTION] * size * (prices[coin] - positions[coin, ENTRY])
            equity += gained
            notional += worth
            if rules.isolated[coin]:
                cross -= size * positions[coin, ENTRY] / rules.leverage[coin]
            else:
                cross += gained
                margin += worth / rules.leverage[coin]
                cross_notional += worth
    return equity, max(cross - max(margin, NOTIONAL_MARGIN_MIN * cross_notional), 0.0), notional


@compiled
def enter(
    book: Book, candles: Candles, wishes: Wishes, prices: Any, coin: int, row: int, bar: int, rules: Account
) -> int:
    """`entries._plan` at the open of `bar` for the wish of `row`: -1 when entered, else which rule forbade it."""
    now_ms = candles.time_ms[bar]
    if now_ms - candles.time_ms[row] > 2 * rules.bar_ms:
        return TOO_OLD
    forbidden = objection(book, coin, now_ms, rules)
    if forbidden >= 0:
        return forbidden
    direction, price = float(wishes.want[coin, row]), candles.open[coin, bar]
    long, figures = direction > 0, rules.price_decimals[coin]
    stop, wished = price * (1 - direction * rules.stop_loss), wishes.stop[coin, row]
    if 0 < wished < PRICE_MAX:
        stop = max(stop, wished) if long else min(stop, wished)
    profit, wished = 0.0, wishes.take_profit[coin, row]
    if rules.take_profit > 0 and price * (1 + direction * rules.take_profit) > 0:
        profit = price * (1 + direction * rules.take_profit)
    if 0 < wished < PRICE_MAX:
        profit = wished if profit == 0 else (min(profit, wished) if long else max(profit, wished))
    if not stop > 0:
        return UNSOUND
    stop = on_grid(stop, figures, long)
    profit = on_grid(profit, figures, long) if profit > 0 else 0.0
    if (price - stop) * direction <= 0 or (profit > 0 and (profit - price) * direction <= 0):
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
    held[:CLOSED_MS] = 0.0
    held[SIZE], held[DIRECTION], held[ENTRY] = size, direction, price
    beyond = liquidation(book.positions, prices, book.account[BALANCE], coin, rules)
    if beyond > 0 and (stop - beyond) * direction <= 0:
        held[SIZE] = 0.0
        return BEYOND_LIQUIDATION
    fee = size * fill * (rules.maker if rules.limit_entry else rules.taker)
    trail_by = price * rules.trailing_stop if rules.trailing_stop > 0 else wishes.trail_by[coin, row]
    held[LEVEL], held[ENTRY], held[LEVEL_STOP], held[STOP_NOW], held[PROFIT] = level, fill, stop, stop, profit
    held[TRAIL_BY] = trail_by if 0 < trail_by < PRICE_MAX else 0.0
    held[BAR], held[FEES], held[OPENED] = bar, fee, now_ms
    held[SLIPPAGE] = direction * (fill - level) * size
    book.account[BALANCE] -= fee
    held[LIQUIDATED] = liquidation(book.positions, prices, book.account[BALANCE], coin, rules)
    return -1


@inlined
def pay_funding(positions: Any, account: Any, coin: int, rate: float, price: float) -> None:
    """Longs pay a positive rate."""
    paid = positions[coin, DIRECTION] * positions[coin, SIZE] * price * rate
    positions[coin, FUNDING] += paid
    account[BALANCE] -= paid


@compiled
def watch(
    held: Any, opened: float, high: float, low: float, close: float, liquidated: float, after_entry: bool
) -> tuple[int, float]:
    """Take one candle through the bracket of a position; the reason (0: it stays) and the level of its end."""
    direction, size, entry = held[DIRECTION], held[SIZE], held[ENTRY]
    reason, level, stop, trailed, unclear = step(
        opened, high, low, close, direction, held[STOP_NOW], held[PROFIT], held[TRAIL_BY], held[TRAILED], liquidated,
        after_entry,
    )  # fmt: skip
    held[STOP_NOW], held[TRAILED] = stop, trailed
    if unclear:
        held[AMBIGUOUS] = 1.0
    worst, best = (low, high) if direction > 0 else (high, low)
    if reason in (0, TAKE_PROFIT):
        held[MAE] = min(held[MAE], direction * (worst - entry) * size)
    if reason == 0:
        held[MFE] = max(held[MFE], direction * ((close if after_entry else best) - entry) * size)
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
    stop, profit, liquidated = positions[coin, STOP_NOW], positions[coin, PROFIT], positions[coin, LIQUIDATED]
    size, entry = positions[coin, SIZE], positions[coin, ENTRY]
    if positions[coin, DIRECTION] > 0:
        if low <= stop or low <= liquidated or (profit > 0 and high >= profit):
            return False
        worst, best = (low - entry) * size, (high - entry) * size
    else:
        if high >= stop or (liquidated > 0 and high >= liquidated) or (profit > 0 and low <= profit):
            return False
        worst, best = (entry - high) * size, (entry - low) * size
    if worst < positions[coin, MAE]:
        positions[coin, MAE] = worst
    if best > positions[coin, MFE]:
        positions[coin, MFE] = best
    return True


@inlined
def mark(positions: Any, account: Any, prices: Any, taker: float, drawdown: float, daily_loss: float) -> float:
    """Equity at the close and what it does to the brakes; gives the notional held."""
    equity, notional = account[BALANCE], 0.0
    for coin in range(len(positions)):
        size = positions[coin, SIZE]
        if size > 0:
            notional += size * prices[coin]
            equity += positions[coin, DIRECTION] * size * (prices[coin] - positions[coin, ENTRY])
    account[EQUITY] = equity
    if equity > account[PEAK]:
        account[PEAK] = equity
    left = equity - notional * taker  # fees still to be paid for what is open: as good as lost
    if drawdown > 0 and account[PEAK] - left >= account[PEAK] * drawdown:
        account[TRIPPED_FOR_GOOD] = 1.0
    if daily_loss > 0 and account[DAY_EQUITY] - left >= account[DAY_EQUITY] * daily_loss:
        day = account[NEXT_DAY_MS] // DAY_MS - 1
        if account[TRIPPED_DAY] != day:
            account[TRIPPED_DAY] = day
            account[TRIPS] += 1
    return notional


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
    profit = held[PROFIT] if held[PROFIT] > 0 else direction * PRICE_MAX
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
        mae, mfe = min(mae, (worst - entry) * direction * size), max(mfe, (best - entry) * direction * size)
        worth = now
        equity[at], balance[at], notional[at] = now, cash, size * closes[at]
    held[MAE], held[MFE], account[EQUITY], account[PEAK] = mae, mfe, worth, peak
    return at


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
