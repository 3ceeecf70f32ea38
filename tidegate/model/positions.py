"""Fills and positions: what we hold and how it came about."""

from decimal import Decimal
from enum import Enum
from typing import Self

from msgspec import Struct
from msgspec.structs import replace


class Side(str, Enum):
    """Buy or sell."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @staticmethod
    def opening(direction: int) -> "Side":
        """The side that opens a position in `direction` (+1 long, -1 short)."""
        return Side.BUY if direction > 0 else Side.SELL


class Fill(Struct, frozen=True, kw_only=True):
    """One execution. `size` unsigned in base units; `fee` in `fee_coin`, negative for a rebate.

    `twap_id`: the TWAP order of which it is a slice, if it is one.
    """

    coin: str
    side: Side
    price: Decimal
    size: Decimal
    time_ms: int
    tid: int
    oid: int
    cloid: str | None = None
    fee: Decimal = Decimal(0)
    fee_coin: str = "USDC"
    closed_pnl: Decimal = Decimal(0)
    start_position: Decimal = Decimal(0)
    taker: bool = True
    direction_text: str = ""
    liquidation: bool = False
    twap_id: int | None = None

    @property
    def key(self) -> tuple[int, str, int]:
        """What makes a fill the same fill: (time, coin, tid)."""
        return (self.time_ms, self.coin, self.tid)


class Position(Struct, frozen=True, kw_only=True):
    """What we hold of one coin. `size` is signed (+ long, - short); `entry_price` is the average entry."""

    coin: str
    size: Decimal = Decimal(0)
    entry_price: Decimal = Decimal(0)
    opened_ms: int = 0
    fees: Decimal = Decimal(0)
    realised_pnl: Decimal = Decimal(0)

    @property
    def direction(self) -> int:
        """+1 long, -1 short, 0 flat."""
        return (self.size > 0) - (self.size < 0)

    def apply(self, fill: Fill) -> Self:
        """The position after `fill`; opening from flat starts a new one. `realised_pnl` excludes fees."""
        signed = fill.size * fill.side.sign
        before, after = self.size, self.size + signed
        if before == 0:
            return replace(
                self, size=after, entry_price=fill.price, opened_ms=fill.time_ms, fees=fill.fee, realised_pnl=Decimal(0)
            )
        fees = self.fees + fill.fee
        if (before > 0) == (signed > 0):
            entry = (self.entry_price * abs(before) + fill.price * fill.size) / abs(after)
            return replace(self, size=after, entry_price=entry, fees=fees)
        closed = min(abs(before), fill.size)
        pnl = self.realised_pnl + (fill.price - self.entry_price) * closed * self.direction
        if after != 0 and (after > 0) != (before > 0):
            return replace(
                self, size=after, entry_price=fill.price, opened_ms=fill.time_ms, fees=fees, realised_pnl=pnl
            )
        return replace(self, size=after, fees=fees, realised_pnl=pnl)

    def unrealised_pnl(self, price: Decimal) -> Decimal:
        """Profit or loss if the position were closed at `price`, before fees."""
        return (price - self.entry_price) * self.size
