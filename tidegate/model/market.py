"""Market data as values: candles and time frames."""

from decimal import Decimal
from enum import Enum

from msgspec import Struct

MINUTE_MS = 60_000


class Timeframe(str, Enum):
    """The candle intervals that the exchange serves (a month has no fixed length and is left out)."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    D3 = "3d"
    W1 = "1w"

    @property
    def ms(self) -> int:
        """The length of one candle in milliseconds."""
        unit = {"m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": 1440 * MINUTE_MS, "w": 7 * 1440 * MINUTE_MS}
        return int(self.value[:-1]) * unit[self.value[-1]]


class Candle(Struct, frozen=True, gc=False):
    """One candle. `open_ms` and `close_ms` (the last millisecond inside) in exchange time; `volume` in base units."""

    open_ms: int
    close_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int = 0

    def problem(self) -> str | None:
        """Say what is wrong with this candle, or None when it is sound."""
        values = (self.open, self.high, self.low, self.close)
        if not all(value.is_finite() and value > 0 for value in values):
            return "a price is not a positive finite number"
        if not self.volume.is_finite() or self.volume < 0:
            return "the volume is negative or not finite"
        if self.high < max(self.open, self.close) or self.low > min(self.open, self.close):
            return "high and low do not contain open and close"
        if self.close_ms <= self.open_ms:
            return "it closes before it opens"
        return None
