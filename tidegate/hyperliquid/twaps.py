"""TWAP orders on the wire: their actions, what is answered to them, and the rows of their history.

Owns those shapes. An answer that does not say what became of a TWAP order leaves it in doubt, as with any order.

Source: Hyperliquid docs, "Place a TWAP order", "Cancel a TWAP order", "twapHistory"; recorded rows.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidegate.hyperliquid.shapes import ZERO, FillRow, Millis, Number, is_number, side_of
from tidegate.model.events import Event, Faulted, OrderInDoubt, OrderRejected, TwapStarted, TwapStopped
from tidegate.model.intents import CancelTwap, PlaceOrders
from tidegate.model.orders import OrderRequest, Twap
from tidegate.model.positions import Fill, Side
from tidegate.model.twaps import TwapRecord

WORDS_MAX = 200
# The answer to the cancel of a TWAP that is over, whatever ended it: it is as we want it.
_ALREADY_GONE = "never placed, already canceled, or filled"


class _Running(Struct, rename="camel"):
    twap_id: Number


class _Status(Struct):
    running: _Running | None = None
    error: str | None = None


class _State(Struct, rename="camel"):
    coin: str
    side: str
    sz: Decimal
    minutes: int
    timestamp: Millis
    executed_sz: Decimal = ZERO
    reduce_only: bool = False


class _Told(Struct):
    status: str
    description: str = ""


class HistoryRow(Struct, rename="camel"):
    """A change of a TWAP's status. `time` is in seconds, unlike every other time of the exchange."""

    time: int
    state: _State
    status: _Told
    twap_id: Number | None = None

    def record(self) -> TwapRecord:
        """The row as a value; ValueError when it cannot be one."""
        state = self.state
        if self.twap_id is None or not is_number(state.sz) or not is_number(state.executed_sz):
            raise ValueError(f"TWAP {self.twap_id}: size {state.sz}, executed {state.executed_sz}")
        return TwapRecord(
            twap_id=self.twap_id,
            coin=state.coin,
            side=side_of(state.side),
            size=state.sz,
            executed=state.executed_sz,
            minutes=state.minutes,
            reduce_only=state.reduce_only,
            started_ms=state.timestamp,
            status=self.status.status,
            words=self.status.description[:WORDS_MAX],
            told_ms=self.time * 1000,
        )


class SliceRow(Struct, rename="camel"):
    """An execution of a slice."""

    fill: FillRow
    twap_id: Number | None = None

    def value(self, user: str) -> Fill:
        """The execution as a value, of this lower-case address; ValueError when it cannot be one."""
        return replace(self.fill.fill(user), twap_id=self.twap_id)


def order_action(order: OrderRequest, kind: Twap, asset: int, size: str) -> dict[str, Any]:
    """The action that places a TWAP order, in the key order that is signed."""
    wanted = {
        "a": asset,
        "b": order.side is Side.BUY,
        "s": size,
        "r": order.reduce_only,
        "m": kind.minutes,
        "t": kind.randomize,
    }
    return {"type": "twapOrder", "twap": wanted}


def cancel_action(wish: CancelTwap, asset: int) -> dict[str, Any]:
    """The action that ends one."""
    return {"type": "twapCancel", "a": asset, "t": wish.twap_id}


def is_twap(wish: object) -> bool:
    """Whether this wish places a TWAP order."""
    return isinstance(wish, PlaceOrders) and any(isinstance(order.kind, Twap) for order in wish.orders)


def placed(cloid: str, status: object, at_ms: int, *, repeated: bool = False) -> list[Event]:
    """What the status in an answer to a TWAP order says; an error in answer to a repetition says nothing of the first.

    `cloid` is the name that we gave it.
    """
    told = _told(status)
    if told is not None and told.running is not None:
        return [TwapStarted(at_ms=at_ms, cloid=cloid, twap_id=told.running.twap_id)]
    if told is not None and told.error is not None and not repeated:
        return [OrderRejected(at_ms=at_ms, cloid=cloid, reason=told.error[:WORDS_MAX])]
    return [OrderInDoubt(at_ms=at_ms, cloid=cloid, reason=f"its status does not fit: {status!r}"[:WORDS_MAX])]


def cancelled(wish: CancelTwap, status: object, at_ms: int) -> list[Event]:
    """What the status in an answer to the cancel of a TWAP says."""
    told = _told(status)
    words = told.error if told is not None else None
    if status == "success" or (words is not None and _ALREADY_GONE in words):
        return [
            TwapStopped(at_ms=at_ms, coin=wish.coin, twap_id=wish.twap_id, cloid=wish.cloid, words=words or "cancelled")
        ]
    return not_cancelled(wish, words or f"no answer that fits: {status!r}", at_ms)


def not_cancelled(wish: CancelTwap, reason: str, at_ms: int) -> list[Event]:
    """The cancel was refused, or nobody knows: it is asked for again."""
    what = f"TWAP {wish.twap_id} is not known to be cancelled: {reason}"[:WORDS_MAX]
    return [Faulted(at_ms=at_ms, where="order", reason=what, coin=wish.coin)]


def records_of(rows: Iterable[Any]) -> tuple[TwapRecord, ...]:
    """The sound rows of a history, as told."""
    found = []
    for row in rows:
        try:
            found.append(msgspec.convert(row, HistoryRow).record())
        except (msgspec.ValidationError, ValueError, ArithmeticError):
            continue
    return tuple(found)


def slices_of(rows: Iterable[Any], user: str) -> tuple[Fill, ...]:
    """The sound executions among rows of slices."""
    found = []
    for row in rows:
        try:
            found.append(msgspec.convert(row, SliceRow).value(user))
        except (msgspec.ValidationError, ValueError, ArithmeticError):
            continue
    return tuple(found)


def _told(status: object) -> _Status | None:
    if not isinstance(status, dict):
        return None
    try:
        return msgspec.convert(status, _Status)
    except (msgspec.ValidationError, ArithmeticError):
        return None
