"""The dry run: orders are built, held against the venue's rules and the last gate, shown, never signed, never sent."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from tidegate.model.events import Event, LeverageSet, OrderCanceled, OrderRejected
from tidegate.model.instruments import NOTIONAL_MIN_USD, Instrument
from tidegate.model.intents import (
    CancelOrders,
    CancelTwap,
    PlaceOrders,
    ResendOrders,
    SetLeverage,
    SkipNonces,
    SpendNonce,
)
from tidegate.model.orders import DRY_RUN, OrderRequest, Trigger
from tidegate.ports import Clock

NOTIONAL_MAX_USD = Decimal(30_000_000)
"""No limit order may be worth more, on the coins of the highest leverage; elsewhere the exchange takes less."""


class DryRunGateway:
    """Takes the gateway's place when DRY_RUN is set. `objection`: what the last gate would say, None to let it pass."""

    def __init__(
        self,
        clock: Clock,
        instruments: Mapping[str, Instrument],
        objection: Callable[[PlaceOrders, int], str | None] = lambda _wish, _now_ms: None,
    ) -> None:
        self._clock, self._instruments, self._objection = clock, instruments, objection

    def perform(
        self, wish: PlaceOrders | CancelOrders | CancelTwap | SetLeverage | ResendOrders | SpendNonce | SkipNonces
    ) -> list[Event]:
        """Answer a write wish without touching the exchange."""
        at_ms = self._clock.now_ms()
        match wish:
            case PlaceOrders():
                refused = self._objection(wish, at_ms)
                unsent = f"it would not leave this bot: {refused}" if refused else "legal, not sent"
                return [
                    OrderRejected(at_ms=at_ms, cloid=order.cloid, reason=f"{DRY_RUN}: {self._verdict(order) or unsent}")
                    for order in reversed(wish.orders)  # the entry last: with it its exits are given up
                ]
            case CancelOrders():
                return [
                    OrderCanceled(at_ms=at_ms, coin=wish.coin, oid=0, cloid=cloid, status="dry run")
                    for cloid in wish.cloids
                ]
            case SetLeverage():
                return [LeverageSet(at_ms=at_ms, coin=wish.coin, leverage=wish.leverage, cross=wish.cross)]
            case CancelTwap() | ResendOrders() | SpendNonce() | SkipNonces():
                return []

    def _verdict(self, order: OrderRequest) -> str | None:
        """Why the exchange would reject this order by its rules of ticks, lots and values, or None."""
        instrument = self._instruments[order.coin]
        if instrument.delisted:
            return f"it would be rejected: {order.coin} is delisted"
        prices = [order.price]
        if isinstance(order.kind, Trigger):
            prices.append(order.kind.trigger_price)
        for price in prices:
            if not instrument.is_legal_price(price):
                return f"it would be rejected: price {price} is not on the grid"
        if not instrument.is_legal_size(order.size):
            return f"it would be rejected: size {order.size} is not a positive multiple of the lot"
        notional = order.size * order.price
        if not order.reduce_only and notional < NOTIONAL_MIN_USD:
            return f"it would be rejected: worth {notional:.2f} USD, less than {NOTIONAL_MIN_USD}"
        if notional > NOTIONAL_MAX_USD:
            return f"it would be rejected: worth {notional:.0f} USD, more than {NOTIONAL_MAX_USD}"
        return None
