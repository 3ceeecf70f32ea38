"""The last gate: limits that hold for every order that leaves, whoever asked for it and whatever the reason.

Everything here was checked before, where entries are decided; this is the second pair of eyes, which knows neither
strategies nor plans. What it refuses is a mistake in the bot, so it says so loudly. It never stands in the way of an
order that only reduces, except when that is not an order at all (no size, no such coin).
"""

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal

from tidegate.core import brakes
from tidegate.core.state import State
from tidegate.model.instruments import NOTIONAL_MIN_USD, Instrument
from tidegate.model.intents import PlaceOrders, SetLeverage
from tidegate.model.orders import OrderRequest, Trigger
from tidegate.model.settings import HUNDRED, Settings

MINUTE_MS = 60_000
COLLAR_PCT = Decimal(5)
"""An entry may not be priced further than this and MAX_SLIPPAGE_PCT beyond the mark price."""
POSITION_SLACK = Decimal("1.1")
"""A position may be worth so many times MAX_POSITION_USD before another order of its direction is refused: prices
move between two looks at them."""


def limits_of(settings: Settings, instruments: Mapping[str, Instrument], state: State) -> "HardLimits":
    """The limits of a session; marks and positions are looked up in its state, as last seen."""

    def mark_of(coin: str) -> Decimal | None:
        return state.coins[coin].mark if coin in state.coins else None

    def position_of(coin: str) -> Decimal:
        return state.coins[coin].position.size if coin in state.coins else Decimal(0)

    def in_market_of(without: frozenset[str]) -> Decimal:
        return brakes.allocated(state, without)

    return HardLimits(settings, instruments, mark_of, position_of, in_market_of)


class HardLimits:
    """`mark_of` and `position_of` give a coin's mark price (None: not known) and signed position as last seen.

    `in_market_of` gives what all of this bot has in the market, in USD, but for the orders with these cloids.
    """

    def __init__(
        self,
        settings: Settings,
        instruments: Mapping[str, Instrument],
        mark_of: Callable[[str], Decimal | None],
        position_of: Callable[[str], Decimal],
        in_market_of: Callable[[frozenset[str]], Decimal] = lambda _without: Decimal(0),
    ) -> None:
        self._settings, self._instruments = settings, instruments
        self._mark_of, self._position_of = mark_of, position_of
        self._in_market_of = in_market_of
        self._opened_ms: deque[int] = deque()

    def objection(self, wish: PlaceOrders | SetLeverage, now_ms: int) -> str | None:
        """Why this may not leave, or None; what may leave is counted."""
        if wish.coin not in self._instruments:
            return f"{wish.coin} is none of the bot's coins"
        instrument = self._instruments[wish.coin]
        if isinstance(wish, SetLeverage):
            if not 1 <= wish.leverage <= max(self._settings.leverage, 1):
                return f"leverage {wish.leverage} is not between 1 and LEVERAGE={self._settings.leverage}"
            return None
        found = [each for order in wish.orders if (each := self._of_order(order, wish.coin, instrument))]
        if found:
            return "; ".join(found)
        if all(order.reduce_only for order in wish.orders):
            return None
        return self._beyond_allocation(wish) or self._too_many(now_ms)

    def _beyond_allocation(self, wish: PlaceOrders) -> str | None:
        """MAX_ALLOCATION_USD holds for everything that this bot has in the market together."""
        limit_usd = self._settings.max_allocation_usd
        if not limit_usd:
            return None
        opening = [order for order in wish.orders if not order.reduce_only]
        there = self._in_market_of(frozenset(order.cloid for order in opening))
        whole = there + sum((order.size * order.price for order in opening), Decimal(0))
        if whole <= limit_usd:
            return None
        return (
            f"with the {there:.2f} USD that are in the market it would be {whole:.2f}, MAX_ALLOCATION_USD={limit_usd:f}"
        )

    def _of_order(self, order: OrderRequest, coin: str, instrument: Instrument) -> str | None:
        if order.coin != coin or order.asset != instrument.asset:
            return f"the order names {order.coin} (asset {order.asset}), {coin} is asset {instrument.asset}"
        prices = [order.price, order.kind.trigger_price] if isinstance(order.kind, Trigger) else [order.price]
        for price in prices:
            if not instrument.is_legal_price(price):
                return f"the price {price} is not on the exchange's grid"
        if not instrument.is_legal_size(order.size):
            return f"the size {order.size} is not a positive multiple of the lot"
        return None if order.reduce_only else self._of_opening(order)

    def _of_opening(self, order: OrderRequest) -> str | None:
        """What may lose money is bounded: notional, position, distance from the mark."""
        limit_usd, mark = self._settings.max_position_usd, self._mark_of(order.coin)
        notional = order.size * order.price
        if notional > limit_usd * POSITION_SLACK:
            return f"an order of {notional:.2f} USD is above MAX_POSITION_USD={limit_usd:f}"
        if notional < NOTIONAL_MIN_USD:
            return f"an order of {notional:.2f} USD is below the exchange's least, {NOTIONAL_MIN_USD}"
        if mark is None:
            return "no mark price is known to hold its price against"
        held = self._position_of(order.coin)
        after = abs(held + order.size * order.side.sign) * mark
        if after > limit_usd * POSITION_SLACK:
            return f"with the {held} held it would make a position of {after:.2f} USD, MAX_POSITION_USD={limit_usd:f}"
        beyond_pct = (order.price - mark) * order.side.sign / mark * HUNDRED
        allowed_pct = self._settings.max_slippage_pct + COLLAR_PCT
        if beyond_pct > allowed_pct:
            return f"its price {order.price} is {beyond_pct:.2f} % beyond the mark {mark}, {allowed_pct:f} % may be"
        return None

    def _too_many(self, now_ms: int) -> str | None:
        while self._opened_ms and now_ms - self._opened_ms[0] >= MINUTE_MS:
            self._opened_ms.popleft()
        if len(self._opened_ms) >= self._settings.max_orders_per_minute:
            return f"MAX_ORDERS_PER_MINUTE={self._settings.max_orders_per_minute} entries were sent in the last minute"
        self._opened_ms.append(now_ms)
        return None
