"""Where a position gets out: stop, take-profit and trailing stop.

A bracket is a value. Trailing it gives a new bracket; asking whether a price hits it changes nothing.
"""

from decimal import Decimal
from enum import Enum
from typing import Self

from msgspec import Struct
from msgspec.structs import replace


class ExitReason(str, Enum):
    """Why a position was closed."""

    STOP = "stop_loss"
    TRAIL = "trailing_stop"
    TAKE_PROFIT = "take_profit"
    TIME_LIMIT = "time_limit"
    SIGNAL = "exit_signal"
    FORCED = "force_exit"
    EMERGENCY = "emergency_exit"
    LIQUIDATION = "liquidation"
    DELEVERAGED = "auto_deleveraging"
    DELISTED = "delisted"
    ELSEWHERE = "closed_elsewhere"

    @property
    def protective(self) -> bool:
        """Whether this exit is one that the stream fires between two polls."""
        return self in (ExitReason.STOP, ExitReason.TRAIL, ExitReason.TAKE_PROFIT)


class Bracket(Struct, frozen=True, kw_only=True):
    """The exits of one position; prices are absolute, `direction` is +1 long, -1 short.

    `trim_at` is where a part of it is closed, None once that has happened.
    """

    direction: int
    stop: Decimal | None = None
    take_profit: Decimal | None = None
    trail_by: Decimal | None = None
    trailed: bool = False
    trim_at: Decimal | None = None

    def hit(self, price: Decimal) -> ExitReason | None:
        """Say which exit `price` reaches. The stop is asked first: when in doubt, lose less."""
        return self.hit_by_stop(price) or self.hit_by_take_profit(price)

    def hit_by_stop(self, price: Decimal) -> ExitReason | None:
        """Say whether `price` reaches the stop, and of which kind the stop is."""
        if self.stop is None or not self._beyond(self.stop, price):
            return None
        return ExitReason.TRAIL if self.trailed else ExitReason.STOP

    def hit_by_take_profit(self, price: Decimal) -> ExitReason | None:
        """Say whether `price` reaches the take-profit."""
        if self.take_profit is None or not self._beyond(price, self.take_profit):
            return None
        return ExitReason.TAKE_PROFIT

    def trail(self, price: Decimal) -> Self:
        """Pull the stop up behind a price that moved our way; never let it back down."""
        if self.trail_by is None:
            return self
        candidate = price - self.direction * self.trail_by
        if candidate <= 0 or (self.stop is not None and not self._beyond(candidate, self.stop, strictly=True)):
            return self
        return replace(self, stop=candidate, trailed=True)

    def _beyond(self, level: Decimal, price: Decimal, *, strictly: bool = False) -> bool:
        gap = (level - price) * self.direction
        return gap > 0 if strictly else gap >= 0
