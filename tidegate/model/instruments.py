"""What can be traded, with its rules: the only rounding in the program.

Source: Hyperliquid docs, "Tick and lot size": a price has at most five significant figures and at most
`6 - size_decimals` decimals on perps (8 on spot); whole prices are always allowed.
"""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_UP, Decimal
from enum import Enum

from msgspec import Struct

SIGNIFICANT_FIGURES = 5
DECIMALS_MAX = {"perps": 6, "spot": 8}
NOTIONAL_MIN_USD = Decimal(10)


class Book(str, Enum):
    """The portfolio book an instrument belongs to."""

    PERPS = "perps"
    SPOT = "spot"


class Rounding(Enum):
    """Which way a price that is not on the grid goes."""

    DOWN = ROUND_FLOOR
    UP = ROUND_CEILING


class Instrument(Struct, frozen=True, kw_only=True):
    """A tradable and its rules. `size_decimals`: decimals of a size; `leverage_max`: whole number.

    `isolated_only`: the exchange takes no cross margin here.
    """

    coin: str
    asset: int
    size_decimals: int
    leverage_max: int
    book: Book = Book.PERPS
    chain: str = "hyperliquid"
    delisted: bool = False
    isolated_only: bool = False

    def price(self, raw: Decimal | float | str, rounding: Rounding) -> Decimal:
        """Put `raw` on the price grid; raise ValueError when it is not a positive finite number.

        Below the first tick DOWN gives the first tick, too: no order may have a price of zero.
        """
        value = _finite(raw)
        if value <= 0:
            raise ValueError(f"{self.coin}: a price must be positive, got {raw}")
        finest = -(DECIMALS_MAX[self.book.value] - self.size_decimals)
        exponent = max(value.adjusted() - SIGNIFICANT_FIGURES + 1, finest)
        tick = Decimal(1).scaleb(min(exponent, 0))
        return max(value.quantize(tick, rounding=rounding.value), tick)

    def size(self, raw: Decimal | float | str) -> Decimal:
        """Round a size down to the lot; the answer may be zero, which no order may have."""
        return _finite(raw).quantize(Decimal(1).scaleb(-self.size_decimals), rounding=ROUND_DOWN)

    def closing_size(self, raw: Decimal) -> Decimal:
        """The size of a reduce-only order that closes `raw`: rounded up, should the lot have become coarser since.

        The exchange fills no more of such an order than there is to close.
        """
        return raw.quantize(Decimal(1).scaleb(-self.size_decimals), rounding=ROUND_UP)

    def is_legal_price(self, price: Decimal) -> bool:
        """Whether the exchange accepts `price` as it stands."""
        return price.is_finite() and price > 0 and self.price(price, Rounding.DOWN) == price

    def is_legal_size(self, size: Decimal) -> bool:
        """Whether the exchange accepts `size` as it stands."""
        return size.is_finite() and size > 0 and self.size(size) == size


def _finite(raw: Decimal | float | str) -> Decimal:
    value = Decimal(repr(raw)) if isinstance(raw, float) else Decimal(raw)
    if not value.is_finite():
        raise ValueError(f"not a finite number: {raw}")
    return value
