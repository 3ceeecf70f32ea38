"""What a fact or a wish means for the tables: pure translations, rows out and values back.

Owns the columns' contents and the words for an order's status. Never touches the database.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from tidegate.errors import StorageError
from tidegate.model.brackets import ExitReason
from tidegate.model.brakes import Brakes
from tidegate.model.market import Candle, Timeframe
from tidegate.model.orders import OpenOrder, OrderRequest, Role, Trigger
from tidegate.model.positions import Fill, Side
from tidegate.model.records import ClosedPosition, Remembered
from tidegate.model.watchlist import Choice
from tidegate.storage.journal import Batch

INT64_MAX = 2**63 - 1
REASON_LENGTH_MAX = 500

# The ledger's own words for an order's status; what ended an order otherwise stands in the exchange's words.
PLANNED = "planned"
SIGNED = "signed"
SENT = "sent"
RESTING = "resting"
TRIGGERED = "triggered"
FILLED = "filled"
ENDED = "ended"
REJECTED = "rejected"
NEVER = "never placed"
IN_DOUBT = "in doubt"
UNKNOWN = "unknown"

OPEN_WORDS = frozenset({"open", "triggered"})
"""The exchange's words for an order that is not over."""

TIMEFRAME_OF_MS = {timeframe.ms: timeframe.value for timeframe in Timeframe}

_ENCODE = msgspec.json.Encoder().encode
_FILL = msgspec.json.Decoder(Fill)
_REMEMBERED = msgspec.json.Decoder(Remembered)
_BRAKES = msgspec.json.Decoder(Brakes)

Values = dict[str, object]
Kept = TypeVar("Kept")


class OrderRecord(Struct, frozen=True, kw_only=True):
    """One order as the ledger knows it. `filled` and `average_price` come from the fills; sizes are unsigned.

    `role` is None for an order that somebody else placed. `over`: nothing more can happen to it.
    """

    cloid: str
    coin: str
    role: Role | None
    side: Side
    size: Decimal
    price: Decimal
    trigger_price: Decimal | None
    reduce_only: bool
    signal_id: str
    reason: str
    status: str
    status_text: str
    over: bool
    oid: int | None
    nonce: int | None
    transport: str | None
    expires_ms: int
    created_ms: int
    updated_ms: int
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None


def planned_order(order: OrderRequest, *, signal_id: str, reason: str, expires_ms: int, at_ms: int) -> Values:
    """The row of an order that we want."""
    return {
        "cloid": order.cloid,
        "coin": order.coin,
        "role": order.role.value,
        "side": order.side.value,
        "size": str(order.size),
        "price": str(order.price),
        "trigger_price": str(order.kind.trigger_price) if isinstance(order.kind, Trigger) else None,
        "reduce_only": order.reduce_only,
        "signal_id": signal_id,
        "reason": short(reason),
        "status": PLANNED,
        "status_text": "",
        "over": False,
        "oid": None,
        "nonce": None,
        "transport": None,
        "expires_ms": stored_ms(expires_ms),
        "created_ms": stored_ms(at_ms),
        "updated_ms": stored_ms(at_ms),
    }


def opened_order(order: OpenOrder, *, at_ms: int) -> Values:
    """The row of an order that the exchange shows and that we may never have heard of."""
    return {
        "cloid": order.cloid,
        "coin": order.coin,
        "role": "",
        "side": order.side.value,
        "size": str(order.size),
        "price": str(order.limit_price),
        "trigger_price": None if order.trigger_price is None else str(order.trigger_price),
        "reduce_only": order.reduce_only,
        "signal_id": "",
        "reason": "",
        "status": RESTING,
        "status_text": "",
        "over": False,
        "oid": str(order.oid),
        "nonce": None,
        "transport": None,
        "expires_ms": 0,
        "created_ms": stored_ms(order.time_ms or at_ms),
        "updated_ms": stored_ms(at_ms),
    }


def order_record(row: Sequence[Any], fills: Sequence[Fill]) -> OrderRecord:
    """The record of a row of `orders` (in the order of `OrderRecord`'s fields) and the fills that belong to it."""
    values = dict(zip(OrderRecord.__struct_fields__, row, strict=False))
    filled = sum((fill.size for fill in fills), Decimal(0))
    paid = sum((fill.size * fill.price for fill in fills), Decimal(0))
    size = Decimal(values["size"])
    done = 0 < size <= filled
    return OrderRecord(
        **{
            **values,
            "role": Role(values["role"]) if values["role"] else None,
            "side": Side(values["side"]),
            "size": size,
            "price": Decimal(values["price"]),
            "trigger_price": None if values["trigger_price"] is None else Decimal(values["trigger_price"]),
            "reduce_only": bool(values["reduce_only"]),
            "status": FILLED if done else values["status"],
            "over": done or bool(values["over"]),
            "oid": None if values["oid"] is None else int(values["oid"]),
        },
        filled=filled,
        average_price=paid / filled if filled else None,
    )


def fill_row(fill: Fill) -> Values:
    """The row of one execution."""
    return {
        "time_ms": stored_ms(fill.time_ms),
        "coin": fill.coin,
        "tid": str(fill.tid),
        "oid": str(fill.oid),
        "cloid": fill.cloid,
        "side": fill.side.value,
        "price": str(fill.price),
        "size": str(fill.size),
        "fee": str(fill.fee),
        "closed_pnl": str(fill.closed_pnl),
        "record": _ENCODE(fill),
    }


def fill_of(record: bytes) -> Fill:
    """The execution of a row's `record`."""
    return _decoded(_FILL, record)


def position_row(record: Remembered) -> Values:
    """The row of what is remembered of one coin; `record` is the truth, the other columns are for people."""
    position, bracket = record.position, record.bracket
    return {
        "coin": record.coin,
        "size": str(position.size) if position else "0",
        "entry_price": str(position.entry_price) if position else "0",
        "stop": str(bracket.stop) if bracket and bracket.stop is not None else None,
        "take_profit": str(bracket.take_profit) if bracket and bracket.take_profit is not None else None,
        "record": _ENCODE(record),
    }


def remembered_of(record: bytes) -> Remembered:
    """What is remembered of a coin, from a row's `record`."""
    return _decoded(_REMEMBERED, record)


def brakes_row(brakes: Brakes) -> Values:
    """The row of an account's brakes."""
    return {"record": _ENCODE(brakes)}


def brakes_of(record: bytes) -> Brakes:
    """An account's brakes, from a row's `record`."""
    return _decoded(_BRAKES, record)


def choice_row(choice: Choice) -> Values:
    """The row of what an operator decided about a coin."""
    return {
        "coin": choice.coin,
        "wanted": choice.wanted,
        "chosen_ms": stored_ms(choice.chosen_ms),
        "who": short(choice.who),
        "why": short(choice.why),
    }


def choice_of(row: Sequence[Any]) -> Choice:
    """The same back: coin, wanted, when, who, why."""
    coin, wanted, chosen_ms, who, why = row
    return Choice(coin=coin, wanted=bool(wanted), chosen_ms=chosen_ms, who=who, why=why)


def closed_row(closed: ClosedPosition) -> Values:
    """The row of one finished position."""
    return {
        "coin": closed.coin,
        "opened_ms": stored_ms(closed.opened_ms),
        "closed_ms": stored_ms(closed.closed_ms),
        "size": str(closed.size),
        "entry_price": str(closed.entry_price),
        "exit_price": str(closed.exit_price),
        "reason": closed.reason.value,
        "signal_id": closed.signal_id,
        "pnl": str(closed.pnl),
        "fees": str(closed.fees),
        "slippage": None if closed.slippage is None else str(closed.slippage),
    }


def closed_of(row: Sequence[Any]) -> ClosedPosition:
    """The finished position of a row (in the order of `ClosedPosition`'s fields)."""
    values: Mapping[str, Any] = dict(zip(ClosedPosition.__struct_fields__, row, strict=True))
    numbers = ("size", "entry_price", "exit_price", "pnl", "fees", "slippage")
    decimals = {name: Decimal(values[name]) for name in numbers if values[name] is not None}
    return ClosedPosition(**{**values, **decimals, "reason": ExitReason(values["reason"])})


def candle_row(coin: str, candle: Candle) -> Values | None:
    """The row of one closed candle, or None when its length is not that of any time frame."""
    timeframe = TIMEFRAME_OF_MS.get(candle.close_ms - candle.open_ms + 1)
    if timeframe is None:
        return None
    return {
        "coin": coin,
        "timeframe": timeframe,
        "open_ms": stored_ms(candle.open_ms),
        "close_ms": stored_ms(candle.close_ms),
        "open": str(candle.open),
        "high": str(candle.high),
        "low": str(candle.low),
        "close": str(candle.close),
        "volume": str(candle.volume),
        "trades": stored_ms(candle.trades),
    }


def candle_of(row: Sequence[Any]) -> Candle:
    """The candle of a row (in the order of `Candle`'s fields)."""
    open_ms, close_ms, *prices, trades = row
    first, high, low, last, volume = (Decimal(price) for price in prices)
    return Candle(open_ms, close_ms, first, high, low, last, volume, trades)


def batch_row(batch: Batch, bytes_before: int) -> Values:
    """The row of a part of the journal. `bytes_before`: what all earlier batches cost, those long dropped too."""
    return {
        "first_seq": batch.first_seq,
        "last_seq": batch.last_seq,
        "session": batch.session,
        "first_ms": stored_ms(batch.first_ms),
        "last_ms": stored_ms(batch.last_ms),
        "bytes_before": bytes_before,
        "bytes": batch.cost_bytes,
        "lines": batch.lines,
    }


def stored_ms(value: int) -> int:
    """A whole number that a database's integer can hold: nonsense from the wire must not stop the ledger."""
    return max(0, min(value, INT64_MAX))


def short(text: str) -> str:
    """Text that fits a row; a NUL, which PostgreSQL refuses, becomes a space."""
    return text[:REASON_LENGTH_MAX].replace("\0", " ")


def _decoded(decoder: msgspec.json.Decoder[Kept], record: bytes) -> Kept:
    try:
        return decoder.decode(record)
    except msgspec.DecodeError as error:
        raise StorageError(
            f"ledger: a row cannot be read ({error}). It is damaged or of another version: run `python bot.py repair`"
        ) from error
