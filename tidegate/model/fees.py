"""What trading costs this account: the exchange's own rates, read and never assumed."""

from decimal import Decimal

from msgspec import Struct


class Fees(Struct, frozen=True, kw_only=True):
    """Rates of perps as fractions of the notional; `maker` is negative where the exchange pays a rebate.

    Source: Hyperliquid docs, "Fees"; the answer to `userFees`.
    """

    taker: Decimal
    maker: Decimal


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
