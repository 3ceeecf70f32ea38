"""What keeps the bot from entering, and must go on doing so after a restart: trips, and the figures they are set by."""

from decimal import Decimal
from enum import Enum

from msgspec import Struct


class Brake(str, Enum):
    """What blocks entries in every coin; exits are never blocked."""

    PAUSED = "paused"
    HALT_FILE = "HALT file"
    DAILY_LOSS = "daily loss"
    DRAWDOWN = "drawdown"
    SECOND_BOT = "second bot"
    KEY_REFUSED = "key refused"


class Trip(Struct, frozen=True, kw_only=True):
    """A brake that is on. Times are ms of the exchange; `until_ms` None: until `resume`, or until the file is gone."""

    brake: Brake
    reason: str
    since_ms: int
    until_ms: int | None = None


class Flow(Struct, frozen=True, kw_only=True):
    """Money that came in (positive) or went out, in USD: no profit and no loss."""

    time_ms: int
    usd: Decimal


class Brakes(Struct, frozen=True, kw_only=True):
    """The brakes of an account. Equities are in USD, net of deposits since; None until the account was seen.

    `day_ms` is the start of the exchange's day that `day_equity` belongs to, `flows_ms` until when flows are counted,
    `stops` the times of the last closes by a stop, `closes` the last close of each coin.
    """

    trips: tuple[Trip, ...] = ()
    day_ms: int = 0
    day_equity: Decimal | None = None
    peak_equity: Decimal | None = None
    flows_ms: int = 0
    stops: tuple[int, ...] = ()
    closes: dict[str, int] = {}
    flatten: bool = False

    def on(self, brake: Brake) -> Trip | None:
        """This brake's trip, None while it is off."""
        return next((trip for trip in self.trips if trip.brake is brake), None)
