"""The dry run: orders are built, held against the venue's rules and shown, never signed and never sent."""

from collections.abc import Mapping

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


class DryRunGateway:
    """Takes the gateway's place when DRY_RUN is set."""

    def __init__(self, clock: Clock, instruments: Mapping[str, Instrument]) -> None:
        self._clock, self._instruments = clock, instruments

    def perform(
        self, wish: PlaceOrders | CancelOrders | CancelTwap | SetLeverage | ResendOrders | SpendNonce | SkipNonces
    ) -> list[Event]:
        """Answer a write wish without touching the exchange."""
        at_ms = self._clock.now_ms()
        match wish:
            case PlaceOrders():
                return [
                    OrderRejected(at_ms=at_ms, cloid=order.cloid, reason=f"{DRY_RUN}: {self._verdict(order)}")
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

    def _verdict(self, order: OrderRequest) -> str:
        """What the exchange would say to this order by its rules of ticks, lots and least value."""
        instrument = self._instruments[order.coin]
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
        return "legal, not sent"
