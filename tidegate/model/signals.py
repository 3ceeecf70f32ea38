"""What a strategy wishes for. Never a size: sizing is the bot's."""

from decimal import Decimal
from enum import Enum

from msgspec import Struct


class Want(str, Enum):
    """A strategy's wish for one coin after a closed bar; HOLD changes nothing, ADD buys more of what is held."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"
    HOLD = "hold"
    ADD = "add"

    @property
    def direction(self) -> int:
        """+1 for LONG, -1 for SHORT, 0 otherwise."""
        return {"long": 1, "short": -1}.get(self.value, 0)


class Signal(Struct, frozen=True, kw_only=True):
    """A wish with its reason. Prices are absolute; `size_fraction` (0..1] scales the risk of the trade; an ADD is worth
    that part of the allocation."""

    want: Want
    reason: str = ""
    close: Decimal | None = None
    stop: Decimal | None = None
    take_profit: Decimal | None = None
    trail_by: Decimal | None = None
    size_fraction: Decimal = Decimal(1)
