"""An order: what was asked, what became of it, and how the exchange writes it down.

Owns the order record, the names of its statuses (section 2.12) and the wire shapes of openOrders,
frontendOpenOrders, orderStatus, historicalOrders and orderUpdates. It never changes a book or an account.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from tidegate.localnet.kernel.instruments import SpotPair
from tidegate.localnet.kernel.numbers import ZERO, wire

Row = dict[str, Any]

OPEN = "open"
TRIGGERED = "triggered"
FILLED = "filled"
CANCELED = "canceled"
MARGIN_CANCELED = "marginCanceled"
SELF_TRADE_CANCELED = "selfTradeCanceled"
REDUCE_ONLY_CANCELED = "reduceOnlyCanceled"
SIBLING_FILLED_CANCELED = "siblingFilledCanceled"
OPEN_INTEREST_CAP_CANCELED = "openInterestCapCanceled"
DELISTED_CANCELED = "delistedCanceled"
LIQUIDATED_CANCELED = "liquidatedCanceled"
VAULT_WITHDRAWAL_CANCELED = "vaultWithdrawalCanceled"
SCHEDULED_CANCEL = "scheduledCancel"
INTERNAL_CANCEL = "internalCancel"

GTC, IOC, ALO, FRONTEND_MARKET = "Gtc", "Ioc", "Alo", "FrontendMarket"
LIQUIDATION_MARKET = "LiquidationMarket"  # the exchange's own orders
TIFS_THAT_TAKE_ONLY = (IOC, FRONTEND_MARKET)


class Stage(Enum):
    """Where an order stands; the status says how it got there."""

    NEW = "being placed"
    RESTING = "in the book"
    ARMED = "waits for its trigger price"
    WAITING = "a child that waits for its parent's fill"
    DONE = "over"


@dataclass(frozen=True, slots=True)
class Trigger:
    """When an order fires: at a mark price of `px` or beyond, on the side that `above` says."""

    px: Decimal
    is_market: bool
    is_stop: bool  # a stop-loss; else a take-profit
    above: bool

    def reached(self, mark: Decimal) -> bool:
        """Say whether a mark price fires it."""
        return mark >= self.px if self.above else mark <= self.px

    def condition(self) -> str:
        """The text the frontend shows."""
        return f"Price {'above' if self.above else 'below'} {plain(self.px)}"

    def order_type(self) -> str:
        """ "Stop Market" and its like."""
        return f"{'Stop' if self.is_stop else 'Take Profit'} {'Market' if self.is_market else 'Limit'}"


class BuilderFee(NamedTuple):
    """Who earns on top of the exchange's fee: an address and tenths of a basis point of the notional."""

    builder: str
    tenths_bp: int


@dataclass(slots=True, eq=False)
class Order:
    """One order of one account; `sz` is what remains, prices and sizes in the coin's units."""

    oid: int
    user: str
    coin: str
    asset: int
    is_buy: bool
    limit_px: Decimal
    sz: Decimal
    orig_sz: Decimal
    reduce_only: bool
    timestamp_ms: int
    tif: str | None = None
    trigger: Trigger | None = None
    cloid: str | None = None
    is_position_tpsl: bool = False
    whole_position: bool = False  # its size is the position's at the time it fires
    pair: SpotPair | None = None  # of a spot order
    builder: BuilderFee | None = None
    twap_id: int | None = None  # of the TWAP that it is a slice of
    children: list["Order"] = field(default_factory=list)
    siblings: list["Order"] = field(default_factory=list)
    stage: Stage = Stage.NEW
    status: str = OPEN
    status_ms: int = 0

    @property
    def side(self) -> str:
        """ "B" or "A"."""
        return "B" if self.is_buy else "A"

    @property
    def signed_sz(self) -> Decimal:
        """What remains, positive for a buy."""
        return self.sz if self.is_buy else -self.sz

    @property
    def is_live(self) -> bool:
        """Rests, is armed or waits for its parent."""
        return self.stage in (Stage.RESTING, Stage.ARMED, Stage.WAITING)

    @property
    def limits_its_own_trigger(self) -> bool:
        """Whether the worst price of a market trigger lies on the wrong side of its trigger price (section 3.1)."""
        trigger = self.trigger
        if trigger is None or not trigger.is_market:
            return False
        return self.limit_px < trigger.px if self.is_buy else self.limit_px > trigger.px

    def hold_of(self, token: int) -> Decimal:
        """What a resting spot order reserves of a token: a buy quote for its notional, a sell what it would sell."""
        if self.pair is None or self.stage is not Stage.RESTING:
            return ZERO
        if self.is_buy:
            return self.limit_px * self.sz if token == self.pair.quote.index else ZERO
        return self.sz if token == self.pair.base.index else ZERO

    @property
    def order_type(self) -> str:
        """The frontend's name for this kind of order."""
        if self.trigger is not None:
            return self.trigger.order_type()
        return "Market" if self.tif in (FRONTEND_MARKET, LIQUIDATION_MARKET) else "Limit"


def plain(value: Decimal) -> str:
    """A price as the frontend's texts show it: no exponent, no trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def update_row(order: Order) -> Row:
    """A row of orderUpdates: the order as it is now, with its latest status."""
    body = {
        "coin": order.coin,
        "side": order.side,
        "limitPx": wire(order.limit_px),
        "sz": wire(order.sz),
        "oid": order.oid,
        "timestamp": order.timestamp_ms,
        "origSz": wire(order.orig_sz),
    }
    if order.cloid is not None:
        body["cloid"] = order.cloid
    return {"order": body, "status": order.status, "statusTimestamp": order.status_ms}


def open_row(order: Order) -> Row:
    """A row of openOrders; `cloid` and `reduceOnly` only when set."""
    row: Row = update_row(order)["order"]
    if order.reduce_only:
        row["reduceOnly"] = True
    return row


def frontend_row(order: Order) -> Row:
    """The full shape of frontendOpenOrders, orderStatus and historicalOrders; every key always there."""
    trigger = order.trigger
    waiting = [child for child in order.children if child.stage is Stage.WAITING]
    return {
        "coin": order.coin,
        "side": order.side,
        "limitPx": wire(order.limit_px),
        "sz": wire(order.sz),
        "oid": order.oid,
        "timestamp": order.timestamp_ms,
        "triggerCondition": "N/A" if trigger is None else trigger.condition(),
        "isTrigger": trigger is not None,
        "triggerPx": wire(ZERO if trigger is None else trigger.px),
        "children": [frontend_row(child) for child in waiting],
        "isPositionTpsl": order.is_position_tpsl,
        "reduceOnly": order.reduce_only,
        "orderType": order.order_type,
        "origSz": wire(order.orig_sz),
        "tif": order.tif,
        "cloid": order.cloid,
    }


def history_row(order: Order) -> Row:
    """A row of historicalOrders and the inner part of orderStatus."""
    return {"order": frontend_row(order), "status": order.status, "statusTimestamp": order.status_ms}
