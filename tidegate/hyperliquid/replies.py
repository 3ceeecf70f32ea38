"""What the exchange answers to a write, as facts about each order.

Owns the reading of /exchange answers, over REST and over the stream alike. When an answer does not say beyond
doubt what became of an order, the fact is `OrderInDoubt`: never "it failed", for that would place it twice.

Source: Hyperliquid docs, "Exchange endpoint", "Error responses"; recorded answers.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from tidegate.hyperliquid import twaps
from tidegate.hyperliquid.shapes import ZERO, Number, is_number, is_price
from tidegate.model.events import (
    Event,
    Faulted,
    LeverageRefused,
    LeverageSet,
    NonceSpent,
    OrderAccepted,
    OrderCanceled,
    OrderInDoubt,
    OrderRejected,
)
from tidegate.model.intents import CancelOrders, CancelTwap, PlaceOrders, ResendOrders, SetLeverage, SpendNonce, Write
from tidegate.model.orders import Limit, OrderRequest, TimeInForce

WORDS_MAX = 200
# An order that is gone when we cancel it: it was filled, cancelled or never placed; the book is as we want it.
GONE = "gone"
_ALREADY_GONE = "never placed, already canceled, or filled"
# The very bytes arrived before, so the order they carried may have been placed.
_SENT_BEFORE = "duplicate nonce"

Sent = Write | ResendOrders | SpendNonce
"""What has an answer."""


class _Placed(Struct, rename="camel"):
    oid: Number
    cloid: str | None = None
    total_sz: Decimal = ZERO
    avg_px: Decimal | None = None


class _OrderStatus(Struct):
    resting: _Placed | None = None
    filled: _Placed | None = None
    error: str | None = None


def facts_of_reply(wish: Sent, reply: object, at_ms: int) -> list[Event]:
    """What an answer to `wish` says about each of its orders (or about the coin's leverage)."""
    match reply:
        case {"status": "err", "response": str(words)}:
            return refused(wish, words, at_ms)
        case {"status": "ok", "response": {"type": "default"}} if isinstance(wish, SetLeverage):
            return [LeverageSet(at_ms=at_ms, coin=wish.coin, leverage=wish.leverage, cross=wish.cross)]
        case {"status": "ok", "response": {"type": "default"}} if isinstance(wish, SpendNonce):
            return [NonceSpent(at_ms=at_ms, cloids=wish.cloids)]
        case {"status": "ok", "response": {"data": {"statuses": list(statuses)}}} if statuses:
            return _of_statuses(wish, statuses, at_ms)
        case {"status": "ok", "response": {"data": {"status": status}}}:
            return _of_twap(wish, status, at_ms)
    return doubted(wish, f"the answer does not fit the protocol: {_quote(reply)}", at_ms)


def refused(wish: Sent, words: str, at_ms: int) -> list[Event]:
    """The whole action was refused in these words. What a refused cancel was to cancel is in doubt, not gone."""
    words = words[:WORDS_MAX]
    if isinstance(wish, SetLeverage):
        return [LeverageRefused(at_ms=at_ms, coin=wish.coin, reason=words)]
    if isinstance(wish, CancelOrders | CancelTwap):
        return doubted(wish, f"the cancel was refused: {words}", at_ms)
    if isinstance(wish, SpendNonce):
        return doubted(wish, f"its nonce could not be used up: {words}", at_ms)
    if _SENT_BEFORE in words:
        return doubted(wish, words, at_ms)
    return [OrderRejected(at_ms=at_ms, cloid=cloid, reason=words) for cloid in _cloids(wish)]


def doubted(wish: Sent, reason: str, at_ms: int) -> list[Event]:
    """Nobody knows what became of it: each order has to be asked for, leverage simply set again."""
    if isinstance(wish, SetLeverage):
        what = f"whether the leverage was set is unknown: {reason}"
        return [Faulted(at_ms=at_ms, where="order", reason=what, coin=wish.coin)]
    if isinstance(wish, CancelTwap):
        return twaps.not_cancelled(wish, reason, at_ms)
    return [OrderInDoubt(at_ms=at_ms, cloid=cloid, reason=reason) for cloid in _cloids(wish)]


def _of_twap(wish: Sent, status: object, at_ms: int) -> list[Event]:
    """TWAP orders have one status, not a list."""
    if isinstance(wish, CancelTwap):
        return twaps.cancelled(wish, status, at_ms)
    if isinstance(wish, ResendOrders):
        return twaps.placed(wish.cloid, status, at_ms, repeated=True)
    if isinstance(wish, PlaceOrders) and twaps.is_twap(wish):
        return twaps.placed(wish.orders[0].cloid, status, at_ms)
    return doubted(wish, f"the answer does not fit: {_quote(status)}", at_ms)


def _of_statuses(wish: Sent, statuses: Sequence[Any], at_ms: int) -> list[Event]:
    cloids = _cloids(wish)
    if isinstance(wish, SetLeverage | SpendNonce | CancelTwap) or twaps.is_twap(wish):
        return doubted(wish, f"the answer does not fit: {_quote(statuses)}", at_ms)
    if isinstance(wish, ResendOrders):
        return _of_resent(wish, statuses, at_ms)
    if len(statuses) == 1 and len(cloids) > 1:
        words = _error_of(statuses[0])
        # Checks that need no state fail with one error for the whole batch: nothing of it was placed.
        if words is not None and isinstance(wish, PlaceOrders):
            return refused(wish, words, at_ms)
    if len(statuses) != len(cloids):
        return doubted(wish, f"{len(statuses)} statuses for {len(cloids)} orders", at_ms)
    if isinstance(wish, CancelOrders):
        return [_of_cancel(wish, cloid, status, at_ms) for cloid, status in zip(cloids, statuses, strict=True)]
    return [_of_order(order, status, at_ms) for order, status in zip(wish.orders, statuses, strict=True)]


def _of_order(order: OrderRequest, status: object, at_ms: int) -> Event:
    cloid = order.cloid
    if status in ("waitingForFill", "waitingForTrigger"):
        return OrderAccepted(at_ms=at_ms, cloid=cloid)
    told = _told(status)
    if told is not None and told.error is not None:
        return _rejected(cloid, told.error, at_ms)
    placed = (told.resting or told.filled) if told is not None else None
    lies = told is not None and told.resting is not None and _is_immediate(order)  # such an order cannot rest
    if told is None or placed is None or placed.cloid not in (None, cloid) or lies:
        return OrderInDoubt(at_ms=at_ms, cloid=cloid, reason=f"its status does not fit: {_quote(status)}")
    if told.resting is not None:
        return OrderAccepted(at_ms=at_ms, cloid=cloid, oid=placed.oid)
    if not is_number(placed.total_sz) or placed.avg_px is None or not is_price(placed.avg_px):
        return OrderInDoubt(at_ms=at_ms, cloid=cloid, reason=f"its fill is no number: {_quote(status)}")
    return OrderAccepted(
        at_ms=at_ms,
        cloid=cloid,
        oid=placed.oid,
        resting=not _is_immediate(order) and placed.total_sz < order.size,
        filled=placed.total_sz,
        average_price=placed.avg_px,
    )


def _of_resent(wish: ResendOrders, statuses: Sequence[Any], at_ms: int) -> list[Event]:
    """Orders of an action whose other orders are unknown here: only a status that names one of them is taken."""
    named = [event for status in statuses if (event := _of_named(wish.cloids or (wish.cloid,), status, at_ms))]
    return named or doubted(wish, "the answer to the resent bytes does not name it", at_ms)


def _of_named(cloids: tuple[str, ...], status: object, at_ms: int) -> Event | None:
    told = _told(status)
    placed = (told.resting or told.filled) if told is not None else None
    if told is None or placed is None or placed.cloid is None or placed.cloid not in cloids:
        return None
    if told.resting is not None:
        return OrderAccepted(at_ms=at_ms, cloid=placed.cloid, oid=placed.oid)
    size, price = placed.total_sz, placed.avg_px
    if not is_number(size) or price is None or not is_price(price):
        return None
    return OrderAccepted(
        at_ms=at_ms, cloid=placed.cloid, oid=placed.oid, resting=False, filled=size, average_price=price
    )


def _of_cancel(wish: CancelOrders, cloid: str, status: object, at_ms: int) -> Event:
    words = _error_of(status)
    if status == "success" or (words is not None and _ALREADY_GONE in words):
        outcome = "canceled" if words is None else GONE
        return OrderCanceled(at_ms=at_ms, coin=wish.coin, oid=0, status=outcome, cloid=cloid, time_ms=at_ms)
    reason = f"the cancel was refused: {words}" if words is not None else f"no answer: {_quote(status)}"
    return OrderInDoubt(at_ms=at_ms, cloid=cloid, reason=reason)


def _rejected(cloid: str, words: str, at_ms: int) -> Event:
    if _SENT_BEFORE in words:
        return OrderInDoubt(at_ms=at_ms, cloid=cloid, reason=words[:WORDS_MAX])
    return OrderRejected(at_ms=at_ms, cloid=cloid, reason=words[:WORDS_MAX])


def _is_immediate(order: OrderRequest) -> bool:
    return isinstance(order.kind, Limit) and order.kind.time_in_force is TimeInForce.IOC


def _told(status: object) -> _OrderStatus | None:
    if not isinstance(status, dict):
        return None
    try:
        return msgspec.convert(status, _OrderStatus)
    except (msgspec.ValidationError, ArithmeticError):
        return None


def _error_of(status: object) -> str | None:
    words = status.get("error") if isinstance(status, dict) else None
    return words if isinstance(words, str) else None


def _cloids(wish: Sent) -> tuple[str, ...]:
    if isinstance(wish, PlaceOrders):
        return tuple(order.cloid for order in wish.orders)
    if isinstance(wish, ResendOrders | SpendNonce):
        return (wish.cloid,)
    return wish.cloids if isinstance(wish, CancelOrders) else ()


def _quote(answer: object) -> str:
    return repr(answer)[:WORDS_MAX]
