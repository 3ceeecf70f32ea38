"""What the account is worth, what it has left, where it ends: margin, liquidation, funding, the brakes."""

from typing import Any

from tidegate.backtest.kernel.compiling import compiled, inlined
from tidegate.backtest.kernel.shapes import (
    BALANCE,
    BRAKED,
    CLOSED_MS,
    COOLING,
    DAY_EQUITY,
    DAY_MS,
    DIRECTION,
    ENTRY,
    EQUITY,
    FULL,
    FUNDING,
    GUARDED,
    NEXT_DAY_MS,
    NOTIONAL_MARGIN_MIN,
    PEAK,
    PRICE_MAX,
    PROFIT,
    SIZE,
    TRIM_AT,
    TRIPPED_DAY,
    TRIPPED_FOR_GOOD,
    TRIPS,
    Account,
    Book,
)


@compiled
def nearest(held: Any) -> float:
    """The nearer of a position's take-profit and the level of its trim; beyond every price where there is neither."""
    direction, level = held[DIRECTION], held[DIRECTION] * PRICE_MAX
    if held[PROFIT] > 0:
        level = held[PROFIT]
    if held[TRIM_AT] > 0 and (level - held[TRIM_AT]) * direction > 0:
        level = held[TRIM_AT]
    return float(level)


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


@inlined
def pay_funding(positions: Any, account: Any, coin: int, rate: float, price: float) -> None:
    """Longs pay a positive rate."""
    paid = positions[coin, DIRECTION] * positions[coin, SIZE] * price * rate
    positions[coin, FUNDING] += paid
    account[BALANCE] -= paid


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
