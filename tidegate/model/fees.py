"""What trading costs this account: the exchange's own rates, read and never assumed."""

from decimal import Decimal

from msgspec import Struct

TENTH_BP = Decimal("0.00001")


class Fees(Struct, frozen=True, kw_only=True):
    """Rates of perps as fractions of the notional; `maker` is negative where the exchange pays a rebate.

    Source: Hyperliquid docs, "Fees"; the answer to `userFees`.
    """

    taker: Decimal
    maker: Decimal


class BuilderFee(Struct, frozen=True, kw_only=True):
    """What a builder takes of a fill besides the exchange's fee, in tenths of a basis point (10 = 0.01 %).

    Source: Hyperliquid docs, "Builder codes".
    """

    address: str
    tenths_bp: int

    @property
    def rate(self) -> Decimal:
        """The fee as a fraction of the notional."""
        return self.tenths_bp * TENTH_BP


class RoundTrip(Struct, frozen=True, kw_only=True):
    """What getting in and out again is expected to cost: fees by rate, and the half spread where a side takes.

    `entry`, `exit` and `spread` are fractions of the notional; the exit is counted as taking, since a stop does.
    """

    entry: Decimal
    exit: Decimal
    spread: Decimal

    @property
    def whole(self) -> Decimal:
        """All of it, as a fraction of the notional."""
        return self.entry + self.exit + self.spread
