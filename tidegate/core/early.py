"""Prices that come before the news of the fill: an entry may be filled, and its stop crossed, before we hear of either.

While an entry is under way the newest price beyond one of its levels is kept. Once the fill is told, a crossing that is
younger than it counts like one that was heard later. Owns that one touch; it sends nothing.
"""

from decimal import Decimal

from tidegate.core.state import CoinState, Exit, State
from tidegate.model.events import Trade


def trade(state: State, coin: CoinState, event: Trade) -> None:
    """A print, or several, without a position: the last counts from its own time, its extremes from the oldest."""
    if coin.bracket is None or coin.position.size:
        return
    low, high = (event.low, event.high) if coin.bracket.direction > 0 else (event.high, event.low)
    price(state, coin, low, high, event.since_ms or event.time_ms)
    price(state, state.coins[coin.coin], event.price, event.price, event.time_ms)


def price(state: State, coin: CoinState, for_stop: Decimal | None, for_profit: Decimal | None, time_ms: int) -> None:
    """A price without a position: keep it if it is beyond a level of the entry that is under way."""
    bracket = coin.bracket
    if bracket is None or coin.position.size or (coin.early is not None and time_ms < coin.early.touched_ms):
        return
    reason = level = touch = None
    if for_stop is not None:
        reason, level, touch = bracket.hit_by_stop(for_stop), bracket.stop, for_stop
    if reason is None and for_profit is not None:
        reason, level, touch = bracket.hit_by_take_profit(for_profit), bracket.take_profit, for_profit
    if reason is None or level is None or touch is None:
        return
    early = Exit(reason=reason, level=level, touch_price=touch, touched_ms=time_ms, decided_ms=state.now_ms)
    state.change(coin.coin, early=early)


def crossed(coin: CoinState) -> Exit | None:
    """The crossing that the present position had behind it when its fill was told, if there was one."""
    early = coin.early
    return early if early is not None and early.touched_ms > coin.position.opened_ms else None
