"""What an account owns: cash, positions with their exact cost, leverage settings, orders and fills.

Owns the arithmetic of a trade (sections 2.10, 2.13 and 8.5): cash, cost and realised profit always add up to
the last digit, because the cost taken out by a partial close is cut to a millionth of a dollar and the rest
stays. It knows no prices of the market and never refuses anything.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple

from tidegate.localnet.kernel.numbers import ZERO, micro, wire
from tidegate.localnet.kernel.orders import Order

Row = dict[str, Any]

FILLS_KEPT = 10_000
ORDERS_KEPT = 2_000
DAY_MS = 86_400_000
VOLUME_DAYS_KEPT = 15
USDC_INDEX = 0
STANDARD, UNIFIED, PORTFOLIO_MARGIN = "disabled", "unifiedAccount", "portfolioMargin"


@dataclass(frozen=True, slots=True)
class Leverage:
    """What an account set for a coin."""

    value: int
    is_cross: bool = True


@dataclass(slots=True)
class Position:
    """A position; `szi` and `cost` are signed (+ long), `isolated_usd` is its own cash when not cross."""

    leverage: Leverage
    szi: Decimal = ZERO
    cost: Decimal = ZERO  # sum of signed size * price of what is open
    isolated_usd: Decimal = ZERO
    funding_since_open: Decimal = ZERO  # paid by the account; negative is received
    funding_since_change: Decimal = ZERO

    def unrealized(self, mark: Decimal) -> Decimal:
        """Profit of the open size at a mark price."""
        return self.szi * mark - self.cost


class Traded(NamedTuple):
    """What one trade did to a position."""

    start_position: Decimal
    closed_pnl: Decimal  # without the fee
    direction: str


@dataclass(slots=True)
class DayVolume:
    """USD an account traded in one UTC day."""

    taker: Decimal = ZERO
    maker: Decimal = ZERO
    spot_taker: Decimal = ZERO
    spot_maker: Decimal = ZERO


@dataclass(slots=True)
class Balance:
    """What an account has of a spot token; `entry_ntl` is what the trades that brought it cost."""

    total: Decimal = ZERO
    entry_ntl: Decimal = ZERO


@dataclass(slots=True, eq=False)
class Account:
    """One account; `raw_usd` is its cross cash on the first dex, which buying lowers by the full notional.

    Cash on a builder's dex is kept by an account of its own, see `on`. In a unified account `raw_usd` is all its
    USDC: perps of every dex and spot draw on it (section 8.7).
    """

    user: str
    raw_usd: Decimal = ZERO
    deposits: Decimal = ZERO
    first_ms: int = 0
    is_house: bool = False
    positions: dict[str, Position] = field(default_factory=dict)
    leverages: dict[str, Leverage] = field(default_factory=dict)
    live: dict[int, Order] = field(default_factory=dict)
    history: dict[int, Order] = field(default_factory=dict)  # by oid, latest change last
    by_cloid: dict[str, Order] = field(default_factory=dict)
    fills: list[Row] = field(default_factory=list)  # oldest first
    volume: Decimal = ZERO
    days: dict[int, DayVolume] = field(default_factory=dict)
    rates_of_day: tuple[int, tuple[Decimal, ...]] | None = None  # the fee rates of a UTC day, see `fees`
    requests: int = 0
    dex: str = ""  # whose cash this is
    dexs: dict[str, "Account"] = field(default_factory=dict)  # by builder dex
    spot: dict[int, Balance] = field(default_factory=dict)  # by token index
    mode: str = STANDARD
    reserved_requests: int = 0
    paused_until_ms: int = 0  # with a used up budget the next action is heard then
    ledger: list[Row] = field(default_factory=list)  # deposits, oldest first
    funding_paid: dict[str, Decimal] = field(default_factory=dict)  # by coin, of all positions it ever had
    fundings: list[Row] = field(default_factory=list)  # rows of userFunding, oldest first

    def deposit(self, usdc: Decimal, time_ms: int, tx: str) -> None:
        """Put cash in."""
        self.raw_usd += usdc
        self.deposits += usdc
        self.ledger.append({"time": time_ms, "hash": tx, "delta": {"type": "deposit", "usdc": wire(usdc)}})

    @property
    def is_unified(self) -> bool:
        """One USDC for everything; portfolio margin is taken as this, without its borrowing."""
        return self.mode != STANDARD

    def on(self, dex: str) -> "Account":
        """This account's cash on a dex: itself for the first dex, and for all when it is unified.

        A builder's dex has its own `raw_usd`; positions, orders, fills and everything else are the same objects.
        """
        if dex == self.dex or self.is_unified:
            return self
        part = self.dexs.get(dex)
        if part is None:
            part = self.dexs[dex] = replace(self, raw_usd=ZERO, deposits=ZERO, dex=dex, dexs={})
        return part

    def seen_on(self, dex: str) -> "Account":
        """This account's cash on a dex, to look at: a dex that was never used gives an account that is not kept."""
        if dex == self.dex or self.is_unified:
            return self
        return self.dexs.get(dex) or replace(self, raw_usd=ZERO, deposits=ZERO, dex=dex, dexs={})

    def balance_of(self, token: int) -> Decimal:
        """What it has of a spot token, reserved parts included."""
        if token == USDC_INDEX and self.is_unified:
            return self.raw_usd
        balance = self.spot.get(token)
        return ZERO if balance is None else balance.total

    def add(self, token: int, amount: Decimal) -> None:
        """Give it (or with a negative amount take) spot tokens; a unified account's USDC is its cash."""
        if token == USDC_INDEX and self.is_unified:
            self.raw_usd += amount
            return
        self.spot.setdefault(token, Balance()).total += amount

    def position_size(self, coin: str) -> Decimal:
        """Signed size of the position; zero without one."""
        position = self.positions.get(coin)
        return ZERO if position is None else position.szi

    def trade(self, coin: str, leverage: Leverage, signed_sz: Decimal, px: Decimal, fee: Decimal) -> Traded:
        """Apply one trade: size, cost, cash, isolated margin; a position that ends at zero is forgotten."""
        position = self.positions.get(coin)
        if position is None:
            position = self.positions[coin] = Position(leverage)
        start, new = position.szi, position.szi + signed_sz
        closed_pnl = _change_cost(position, signed_sz, px)
        position.szi = new
        position.funding_since_change = ZERO
        if start * new < 0:
            position.funding_since_open = ZERO
        if position.leverage.is_cross:
            self.raw_usd -= signed_sz * px + fee
        else:
            self._move_isolated(position, start, signed_sz, px, fee)
        if not new:
            self.raw_usd += position.isolated_usd
            del self.positions[coin]
        return Traded(start, closed_pnl, _direction(start, new, is_buy=signed_sz > 0))

    def note_volume(self, time_ms: int, notional: Decimal, *, is_taker: bool, is_spot: bool = False) -> None:
        """Count traded notional for fees, limits and `userFees`."""
        self.volume += notional
        number = time_ms // DAY_MS
        day = self.days.get(number)
        if day is None:
            day = self.days[number] = DayVolume()
            for old in [each for each in self.days if each <= number - VOLUME_DAYS_KEPT]:
                del self.days[old]
        if is_spot and is_taker:
            day.spot_taker += notional
        elif is_spot:
            day.spot_maker += notional
        elif is_taker:
            day.taker += notional
        else:
            day.maker += notional

    def note_fill(self, row: Row) -> None:
        """Keep a fill; the oldest fall out beyond `FILLS_KEPT`."""
        self.fills.append(row)
        if len(self.fills) > FILLS_KEPT:
            del self.fills[0]

    def note_order(self, order: Order) -> None:
        """Keep an order under its latest status; the oldest finished fall out beyond `ORDERS_KEPT`."""
        self.history.pop(order.oid, None)
        self.history[order.oid] = order
        if order.is_live:
            self.live[order.oid] = order
        else:
            self.live.pop(order.oid, None)
        if order.cloid is not None and not self._names_a_live_one(order):
            self.by_cloid[order.cloid] = order
        if len(self.history) > ORDERS_KEPT + len(self.live):
            oldest = next(oid for oid in self.history if oid not in self.live)
            dropped = self.history.pop(oldest)
            if dropped.cloid is not None and self.by_cloid.get(dropped.cloid) is dropped:
                del self.by_cloid[dropped.cloid]

    def _names_a_live_one(self, order: Order) -> bool:
        """Whether the cloid of an order that is over belongs to another one, which is not."""
        named = None if order.cloid is None or order.is_live else self.by_cloid.get(order.cloid)
        return named is not None and named is not order and named.is_live

    def _move_isolated(self, position: Position, start: Decimal, signed_sz: Decimal, px: Decimal, fee: Decimal) -> None:
        """Isolated cash pays for the trade and its fee; margin comes from, and goes back to, the cross cash.

        Recorded: 2 HYPE bought at 37.829 with 10x leave rawUsd -68.126246 = margin - notional - fee.
        """
        opened = _opened_size(start, signed_sz)
        closed = abs(signed_sz) - opened
        equity = position.isolated_usd + start * px
        released = micro(equity * closed / abs(start)) if closed and equity > 0 else ZERO
        margin = micro(opened * px / position.leverage.value)
        position.isolated_usd += margin - released - signed_sz * px - fee
        self.raw_usd += released - margin


def _opened_size(start: Decimal, signed_sz: Decimal) -> Decimal:
    """How much of a trade adds to the position (the rest closes it)."""
    if not start or (start > 0) == (signed_sz > 0):
        return abs(signed_sz)
    return max(abs(signed_sz) - abs(start), ZERO)


def _change_cost(position: Position, signed_sz: Decimal, px: Decimal) -> Decimal:
    """Change the cost by a trade; returns the profit it realises."""
    start = position.szi
    opened = _opened_size(start, signed_sz)
    closed = abs(signed_sz) - opened
    if not closed:
        position.cost += signed_sz * px
        return ZERO
    removed = position.cost if closed == abs(start) else micro(position.cost * closed / abs(start))
    signed_closed = closed if signed_sz > 0 else -closed
    position.cost += (signed_sz - signed_closed) * px - removed
    return -signed_closed * px - removed


def _direction(start: Decimal, new: Decimal, *, is_buy: bool) -> str:
    if start > 0 > new:
        return "Long > Short"
    if start < 0 < new:
        return "Short > Long"
    if is_buy:
        return "Close Short" if start < 0 else "Open Long"
    return "Close Long" if start > 0 else "Open Short"
