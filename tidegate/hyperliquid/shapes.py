"""The rows that REST answers and stream frames share, typed, and their way into the model.

Numbers arrive as strings and become Decimals at once; what is not a positive finite price never gets further.
Unknown keys are ignored, optional ones have defaults: the exchange adds keys without notice.

Source: Hyperliquid docs, "Info endpoint", "Subscriptions"; recorded payloads.
"""

from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from tidegate.errors import Unintelligible
from tidegate.model.market import Candle
from tidegate.model.orders import OpenOrder
from tidegate.model.positions import Fill, Side

# Whole numbers outside these ranges are garbage, and would not fit into the journal.
Millis = Annotated[int, Meta(ge=0, le=2**53)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
ZERO = Decimal(0)
# No price or size comes near it; what lies beyond is garbage ("1e999") that would only slow the arithmetic down.
NUMBER_MAX = Decimal(10) ** 15


def is_price(value: Decimal) -> bool:
    """Whether this can be a price: finite, positive, of a believable magnitude."""
    return value.is_finite() and ZERO < value < NUMBER_MAX


def is_number(value: Decimal) -> bool:
    """Whether this can be an amount of either sign: finite and of a believable magnitude."""
    return value.is_finite() and -NUMBER_MAX < value < NUMBER_MAX


def side_of(letter: str) -> Side:
    """`B` is a buy, `A` a sell; anything else raises ValueError."""
    if letter == "B":
        return Side.BUY
    if letter == "A":
        return Side.SELL
    raise ValueError(f"a side is A or B, not {letter!r}")


class CandleRow(Struct, gc=False):
    """One candle; `t` and `T` are its first and last millisecond."""

    t: Millis
    T: Millis
    s: str
    i: str
    o: Decimal
    c: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 (the exchange's word)
    v: Decimal
    n: Number = 0

    def candle(self) -> Candle:
        """The candle as a value; ValueError when it cannot be one."""
        candle = Candle(
            open_ms=self.t,
            close_ms=self.T,
            open=self.o,
            high=self.h,
            low=self.l,
            close=self.c,
            volume=self.v,
            trades=self.n,
        )
        problem = candle.problem()
        if problem or not self.h < NUMBER_MAX:
            raise ValueError(f"candle {self.s} {self.i} {self.t}: {problem or 'its prices are absurd'}")
        return candle


class Liquidation(Struct):
    """Whose liquidation a fill belongs to; both sides of the trade carry it."""

    liquidatedUser: str  # noqa: N815


class FillRow(Struct, rename="camel"):
    """One execution."""

    coin: str
    px: Decimal
    sz: Decimal
    side: str
    time: Millis
    oid: Number
    tid: Number
    start_position: Decimal = ZERO
    dir: str = ""
    closed_pnl: Decimal = ZERO
    crossed: bool = True
    fee: Decimal = ZERO
    fee_token: str = "USDC"
    cloid: str | None = None
    liquidation: Liquidation | None = None

    def fill(self, user: str) -> Fill:
        """The fill as a value, of this lower-case address; ValueError when it cannot be one."""
        if not is_price(self.px) or not is_price(self.sz):
            raise ValueError(f"fill {self.coin} {self.tid}: price {self.px}, size {self.sz}")
        if not (is_number(self.fee) and is_number(self.closed_pnl) and is_number(self.start_position)):
            raise ValueError(f"fill {self.coin} {self.tid}: an amount is not a finite number")
        hit = self.liquidation
        return Fill(
            coin=self.coin,
            side=side_of(self.side),
            price=self.px,
            size=self.sz,
            time_ms=self.time,
            tid=self.tid,
            oid=self.oid,
            cloid=self.cloid,
            fee=self.fee,
            fee_coin=self.fee_token,
            closed_pnl=self.closed_pnl,
            start_position=self.start_position,
            taker=self.crossed,
            direction_text=self.dir,
            liquidation=hit is not None and hit.liquidatedUser.lower() == user,
        )


class ChildRow(Struct):
    """An exit that waits for its parent's fill, as the parent's row shows it."""

    oid: Number


class OrderRow(Struct, rename="camel"):
    """An order as openOrders, frontendOpenOrders, orderStatus and orderUpdates show it. `sz` is what remains."""

    coin: str
    side: str
    limit_px: Decimal
    sz: Decimal
    oid: Number
    timestamp: Millis = 0
    orig_sz: Decimal | None = None
    cloid: str | None = None
    reduce_only: bool = False
    is_trigger: bool = False
    trigger_px: Decimal = ZERO
    is_position_tpsl: bool = False
    order_type: str = ""
    children: list[ChildRow] | None = None

    def open_order(self) -> OpenOrder:
        """The order as a value; ValueError when it cannot be one (a size of zero means the whole position)."""
        if not is_price(self.limit_px) or not is_number(self.sz) or self.sz < 0:
            raise ValueError(f"order {self.oid}: price {self.limit_px}, size {self.sz}")
        if self.is_trigger and not is_price(self.trigger_px):
            raise ValueError(f"order {self.oid}: trigger price {self.trigger_px}")
        return OpenOrder(
            coin=self.coin,
            oid=self.oid,
            side=side_of(self.side),
            size=self.sz,
            limit_price=self.limit_px,
            time_ms=self.timestamp,
            cloid=self.cloid,
            reduce_only=self.reduce_only,
            is_trigger=self.is_trigger,
            trigger_price=self.trigger_px if self.is_trigger else None,
            is_stop=self.order_type.startswith("Stop"),
            is_position_tpsl=self.is_position_tpsl,
            children=tuple(child.oid for child in self.children or ()),
        )

    @property
    def filled(self) -> Decimal:
        """What has traded, as far as the row tells (a reduce-only order that was shrunk counts as traded)."""
        if self.orig_sz is None or not is_number(self.orig_sz) or not is_number(self.sz):
            return ZERO
        return max(ZERO, self.orig_sz - self.sz)


def typed(body: object, shape: Any, what: str) -> Any:
    """Check an answer against its shape; Unintelligible says where it does not fit."""
    try:
        return msgspec.convert(body, shape)
    except (msgspec.ValidationError, ArithmeticError, RecursionError) as error:
        raise Unintelligible(f"{what}: {error}") from None
