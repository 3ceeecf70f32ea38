"""What the reader needs of whoever asks the exchange: one question a method. Owns no questions and no answers."""

from collections.abc import Collection
from decimal import Decimal
from typing import Protocol

from tidegate.model.events import Account, OrderSeen
from tidegate.model.fees import Fees
from tidegate.model.instruments import Instrument
from tidegate.model.market import Candle, Timeframe


class Fate(Protocol):
    """What became of an order, as the client reads it."""

    def seen(self, cloid: str, at_ms: int) -> OrderSeen:
        """The same as a fact."""


class Meter(Protocol):
    """The REST budget, as far as it is shown."""

    def used(self) -> int:
        """The weight spent in the last minute."""


class Requests(Protocol):
    """An account's actions, as the client reads them."""

    @property
    def n_requests_used(self) -> int:
        """How many were used."""

    @property
    def n_requests_cap(self) -> int:
        """How many may be."""


class Client(Protocol):
    """What the reader asks of an exchange client. Failures are `ExchangeError`."""

    @property
    def budget(self) -> Meter:
        """The budget that the client spends."""

    def exchange_ms(self) -> int:
        """The exchange's time."""

    def candles(self, coin: str, timeframe: Timeframe, since_ms: int, until_ms: int) -> tuple[Candle, ...]:
        """Candles that overlap the range."""

    def mids(self, coins: Collection[str]) -> dict[str, Decimal]:
        """Mid prices."""

    def marks(self, coins: Collection[str]) -> dict[str, Decimal]:
        """Mark prices."""

    def account(self, user: str, fills_since_ms: int | None, flows_since_ms: int | None = None) -> Account:
        """Balances, positions, open orders, fills and deposits."""

    def positions(self, user: str, flows_since_ms: int | None = None) -> Account:
        """Balances and positions alone, and deposits."""

    def requests(self, user: str) -> Requests:
        """How many actions the account has used, and may use."""

    def with_twaps(self, user: str, account: Account, fills_since_ms: int) -> Account:
        """The same with TWAP orders and the fills of their slices."""

    def order_status(self, user: str, cloid: str) -> Fate:
        """What became of an order."""

    def block_ms(self, coin: str) -> int:
        """The time of the newest block."""

    def instruments(self) -> tuple[dict[str, Instrument], list[str]]:
        """What is listed, with its rules, and what of it could not be read."""

    def fees(self, user: str) -> Fees:
        """The account's fee rates."""

    def close(self) -> None:
        """Close the connections."""
