"""The backtest's account at the moment of an entry, put together from nothing but its trades."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tidegate.backtest.rules import Rules
from tidegate.core.sizing import leverage_of
from tidegate.model.settings import Settings
from tidegate.parity.trades import Trade, exact

NOTIONAL_MARGIN_MIN = Decimal("0.1")
AT_THE_OPEN = ("signal", "time_limit")


@dataclass(frozen=True)
class Standing:
    """Equity, what is free for new positions and the notional held, in USD."""

    equity: Decimal
    free: Decimal
    notional: Decimal


def standing_at(
    rules: Rules, settings: Settings, trades: Sequence[Trade], entry: Trade, opens: Mapping[str, Decimal]
) -> Standing:
    """Before `entry`: what was closed by then is in the balance, what is open counts at the `opens` of its bar."""
    balance, taker = exact(rules.equity_usd), exact(rules.taker_fee)
    coins = list(opens)
    held = []
    for trade in trades:
        if trade is entry or not _came_before(trade, entry, coins):
            continue
        if trade.exit_price is not None and _is_over(trade, entry):
            gained = (trade.exit_price - trade.entry_price) * trade.direction * trade.size
            balance += gained - (trade.entry_price + trade.exit_price) * trade.size * taker
        else:
            balance -= trade.entry_price * trade.size * taker
            held.append(trade)
    equity, margin, notional = balance, Decimal(0), Decimal(0)
    for trade in held:
        price = opens.get(trade.coin, trade.entry_price)
        equity += (price - trade.entry_price) * trade.direction * trade.size
        notional += price * trade.size
        margin += price * trade.size / leverage_of(settings, rules.instrument(trade.coin))
    return Standing(equity, max(equity - max(margin, NOTIONAL_MARGIN_MIN * notional), Decimal(0)), notional)


def _came_before(trade: Trade, entry: Trade, coins: Sequence[str]) -> bool:
    if trade.opened_ms != entry.opened_ms:
        return trade.opened_ms < entry.opened_ms
    return trade.coin in coins and coins.index(trade.coin) < coins.index(entry.coin)


def _is_over(trade: Trade, entry: Trade) -> bool:
    """Closed in an earlier bar, or at the very open at which the entry is made."""
    if trade.closed_ms is None:
        return False
    return trade.closed_ms < entry.opened_ms or (trade.closed_ms == entry.opened_ms and trade.reason in AT_THE_OPEN)
