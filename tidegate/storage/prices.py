"""Stored candles, for whoever wants history without asking the exchange.

Owns the questions that can be asked about candles; nobody else names their table. Never writes.
"""

from types import TracebackType
from typing import Self

from msgspec import Struct

from tidegate.errors import StorageError
from tidegate.model.market import Candle, Timeframe
from tidegate.storage.database import open_for_reading
from tidegate.storage.rows import INT64_MAX, candle_of
from tidegate.storage.statements import candle_reads


class Holding(Struct, frozen=True, kw_only=True):
    """What is stored of one coin and time frame: the first and last open time in milliseconds UTC, and how many."""

    coin: str
    timeframe: Timeframe
    first_open_ms: int
    last_open_ms: int
    count: int


def stored_candles(url: str, venue: str, coin: str, timeframe: Timeframe, since_ms: int) -> tuple[Candle, ...]:
    """What bots stored of a coin from an open time on, ascending; nothing where there is no database to read."""
    try:
        with PriceDataReader(url, venue=venue) as reader:
            return reader.candles(coin, timeframe, since_ms)
    except StorageError:
        return ()


class PriceDataReader:
    """Reads the closed candles that bots stored for one venue, also while a bot writes.

    Raises StorageError when there is no database or it cannot be read.
    """

    def __init__(self, url: str, *, venue: str) -> None:
        self._venue = venue
        self._database = open_for_reading(url)
        self._span, self._holdings = candle_reads(self._database)

    def candles(
        self, coin: str, timeframe: Timeframe, since_ms: int = 0, until_ms: int = INT64_MAX
    ) -> tuple[Candle, ...]:
        """The candles that opened at `since_ms` or later and before `until_ms`, ascending."""
        wanted = {
            "venue": self._venue,
            "coin": coin,
            "timeframe": timeframe.value,
            "since_ms": since_ms,
            "until_ms": until_ms,
        }
        return tuple(candle_of(row) for row in self._database.rows(self._span, wanted))

    def holdings(self) -> tuple[Holding, ...]:
        """What is stored at all, by coin and time frame."""
        rows = self._database.rows(self._holdings, {"venue": self._venue})
        return tuple(
            Holding(coin=coin, timeframe=Timeframe(timeframe), first_open_ms=first, last_open_ms=last, count=count)
            for coin, timeframe, first, last, count in rows
        )

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
