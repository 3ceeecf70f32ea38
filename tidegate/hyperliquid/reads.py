"""REST answers to questions, as model values: candles, prices, the account, one order.

Pure parsing. A position that cannot be read makes the whole answer Unintelligible: a position unseen is one without
protection. Any other unsound row (a candle, a price, a foreign order, a dust conversion) is left out: one row must
not blind the bot to all the others.

Source: Hyperliquid docs, "Info endpoint"; recorded answers.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from tidegate.errors import Unintelligible
from tidegate.hyperliquid.shapes import ZERO, CandleRow, FillRow, Millis, OrderRow, is_number, is_price, typed
from tidegate.model.events import Account, OrderSeen
from tidegate.model.market import Candle
from tidegate.model.positions import Position

# How an account keeps its money: in these modes the spot balance is the equity of perps too.
UNIFIED_MODES = frozenset({"unifiedAccount", "portfolioMargin"})
DOLLAR = "USDC"

Row = TypeVar("Row")
Value = TypeVar("Value")


class Role(Struct, frozen=True):
    """What an address is: user, agent, vault, subAccount or missing; `master` of an agent or sub-account."""

    role: str
    master: str | None = None


class OrderFate(Struct, frozen=True, kw_only=True):
    """What the exchange knows of one order; `status` is None when it does not know it."""

    status: str | None
    oid: int | None = None
    filled: Decimal = ZERO

    def seen(self, cloid: str, at_ms: int) -> OrderSeen:
        """The same as a fact."""
        return OrderSeen(at_ms=at_ms, cloid=cloid, status=self.status, oid=self.oid, filled=self.filled)


class Leverage(NamedTuple):
    """What the exchange has set for a coin."""

    value: int
    is_cross: bool


class _Leverage(Struct):
    type: str
    value: int


class _Active(Struct):
    leverage: _Leverage


class _Summary(Struct, rename="camel"):
    account_value: Decimal


class _PositionRow(Struct, rename="camel"):
    coin: str
    szi: Decimal
    entry_px: Decimal | None = None
    liquidation_px: Decimal | None = None


class _Holding(Struct):
    position: _PositionRow


class _PerpState(Struct, rename="camel"):
    margin_summary: _Summary
    withdrawable: Decimal
    asset_positions: list[_Holding]
    time: Millis = 0


class _Balance(Struct):
    coin: str
    total: Decimal
    hold: Decimal = ZERO


class _SpotState(Struct):
    balances: list[_Balance]


class _StatusBody(Struct):
    order: OrderRow
    status: str


class _StatusAnswer(Struct):
    status: str
    order: _StatusBody | None = None


class _Ctx(Struct, rename="camel"):
    mark_px: Decimal | None = None


class _CoinName(Struct):
    name: str


class _Universe(Struct):
    universe: list[_CoinName]


def candles_of(body: object) -> tuple[Candle, ...]:
    """Candles of one coin, ascending, one per open time; unsound rows are left out."""
    if not isinstance(body, list):
        raise Unintelligible(f"candles: a list was expected, not {type(body).__name__}")
    found: dict[int, Candle] = {}
    for row in body:
        try:
            candle = msgspec.convert(row, CandleRow).candle()
        except (msgspec.ValidationError, ValueError, ArithmeticError):
            continue
        found[candle.open_ms] = candle
    if body and not found:
        raise Unintelligible(f"candles: none of {len(body)} rows is sound")
    return tuple(found[open_ms] for open_ms in sorted(found))


def mids_of(body: object, coins: Collection[str]) -> dict[str, Decimal]:
    """Mid prices of those of `coins` that have one."""
    mids = typed(body, dict[str, Any], "mids")
    return {coin: price for coin in coins if (price := _price(mids.get(coin))) is not None}


def marks_of(body: object, coins: Collection[str]) -> dict[str, Decimal]:
    """Mark prices of those of `coins` that have one, from metadata with asset contexts."""
    universe, contexts = typed(body, tuple[_Universe, list[_Ctx]], "marks")
    marks = {row.name: ctx.mark_px for row, ctx in zip(universe.universe, contexts, strict=False)}
    return {coin: mark for coin in coins if (mark := marks.get(coin)) is not None and is_price(mark)}


def account_of(perps: object, orders: object, fills: object, user: str, spot: object = None) -> Account:
    """The account from its parts; `spot` is given in unified mode only, where the money lies there."""
    state: _PerpState = typed(perps, _PerpState, "account")
    equity, free = state.margin_summary.account_value, state.withdrawable
    if spot is not None:
        equity, free = _spot_dollars(spot)
    if not is_number(equity) or not is_number(free):
        raise Unintelligible(f"account: equity {equity}, withdrawable {free}")
    sound_fills = (row.fill for row in _rows(fills, FillRow, "fills"))
    return Account(
        equity=equity,
        free=free,
        positions=tuple(_position(row.position) for row in state.asset_positions if row.position.szi),
        orders=tuple(_sound(row.open_order for row in _rows(orders, OrderRow, "open orders"))),
        fills=tuple(sorted(_sound(partial(fill, user) for fill in sound_fills), key=lambda fill: fill.time_ms)),
        time_ms=state.time,
        liquidation_prices={
            row.position.coin: row.position.liquidation_px
            for row in state.asset_positions
            if row.position.liquidation_px is not None and is_price(row.position.liquidation_px)
        },
    )


def leverage_of(body: object) -> Leverage:
    """The answer to activeAssetData: the leverage set for a coin, and whether its margin is cross."""
    answer: _Active = typed(body, _Active, "leverage")
    return Leverage(answer.leverage.value, answer.leverage.type == "cross")


def order_fate_of(body: object) -> OrderFate:
    """The answer to orderStatus."""
    answer: _StatusAnswer = typed(body, _StatusAnswer, "order status")
    if answer.status == "unknownOid":
        return OrderFate(status=None)
    if answer.order is None:
        raise Unintelligible(f"order status: {answer.status!r} without an order")
    row = answer.order.order
    return OrderFate(status=answer.order.status, oid=row.oid, filled=row.filled)


def role_of(body: object) -> Role:
    """The answer to userRole."""
    answer = typed(body, dict[str, Any], "role")
    data = answer.get("data") or {}
    master = data.get("user") or data.get("master") if isinstance(data, dict) else None
    role = answer.get("role")
    if not isinstance(role, str):
        raise Unintelligible(f"role: {answer!r}"[:200])
    return Role(role=role, master=master.lower() if isinstance(master, str) else None)


def _rows(body: object, shape: type[Row], what: str) -> Iterator[Row]:
    for raw in typed(body, list[Any], what):
        try:
            yield msgspec.convert(raw, shape)
        except (msgspec.ValidationError, ArithmeticError):
            continue


def _sound(readings: Iterable[Callable[[], Value]]) -> Iterator[Value]:
    for reading in readings:
        try:
            yield reading()
        except ValueError:
            continue


def _position(row: _PositionRow) -> Position:
    if not is_number(row.szi) or row.entry_px is None or not is_price(row.entry_px):
        raise Unintelligible(f"account: position {row.coin} of {row.szi} with entry price {row.entry_px}")
    return Position(coin=row.coin, size=row.szi, entry_price=row.entry_px)


def _spot_dollars(spot: object) -> tuple[Decimal, Decimal]:
    state: _SpotState = typed(spot, _SpotState, "spot balances")
    for balance in state.balances:
        if balance.coin == DOLLAR:
            return balance.total, balance.total - balance.hold
    return ZERO, ZERO


def _price(raw: object) -> Decimal | None:
    try:
        price = msgspec.convert(raw, Decimal)
    except msgspec.ValidationError:
        return None
    return price if is_price(price) else None
