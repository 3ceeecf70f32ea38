"""The world: carries each wish to the part that does it. It knows who does what and nothing else."""

from collections.abc import Iterable
from typing import Protocol

from tidegate.model.events import Event
from tidegate.model.intents import (
    Alert,
    BookClosed,
    CancelOrders,
    CancelTwap,
    CheckPrices,
    Evaluate,
    FetchAccount,
    FetchBlock,
    FetchCandles,
    FetchFees,
    FetchMetadata,
    FetchOrder,
    FetchPositions,
    FetchPrices,
    FetchRequests,
    Intent,
    PlaceOrders,
    Quit,
    Recap,
    Remember,
    RememberBrakes,
    ResendOrders,
    SetLeverage,
    SkipNonces,
    SpendNonce,
    Subscribe,
)

Read = (
    FetchCandles
    | FetchPrices
    | CheckPrices
    | FetchAccount
    | FetchPositions
    | FetchOrder
    | FetchMetadata
    | FetchBlock
    | FetchFees
    | FetchRequests
)


class Writes(Protocol):
    """Who writes to the exchange."""

    def perform(
        self, wish: PlaceOrders | CancelOrders | CancelTwap | SetLeverage | ResendOrders | SpendNonce | SkipNonces
    ) -> list[Event]:
        """Send a write wish."""


class Reads(Protocol):
    """Who reads from the exchange."""

    def submit(self, wish: Read) -> list[Event]:
        """Queue a read wish."""


class Thinks(Protocol):
    """Who evaluates the strategy."""

    def submit(self, wish: Evaluate) -> None:
        """Queue an evaluation."""


class Streams(Protocol):
    """Who streams prices."""

    def start(self) -> None:
        """Open the stream."""


class Tells(Protocol):
    """Who tells the operator."""

    def alert(self, wish: Alert) -> None:
        """Tell at once."""

    def recap(self, wish: Recap) -> None:
        """Show a protective exit from touch to fill."""


class RoutedWorld:
    """The outside, part by part."""

    def __init__(self, *, writes: Writes, reads: Reads, thinks: Thinks, streams: Streams, tells: Tells) -> None:
        self._writes, self._reads, self._thinks = writes, reads, thinks
        self._streams, self._tells = streams, tells

    def perform(self, intent: Intent) -> Iterable[Event]:
        """Carry out one wish; what is known at once is returned as facts, the rest arrives in the inbox."""
        match intent:
            case PlaceOrders() | CancelOrders() | CancelTwap() | SetLeverage():
                return self._writes.perform(intent)
            case ResendOrders() | SpendNonce() | SkipNonces():
                return self._writes.perform(intent)
            case FetchCandles() | FetchPrices() | FetchAccount() | FetchOrder() | FetchMetadata() | FetchFees():
                return self._reads.submit(intent)
            case CheckPrices() | FetchPositions() | FetchRequests() | FetchBlock():
                return self._reads.submit(intent)
            case Evaluate():
                self._thinks.submit(intent)
            case Subscribe():
                self._streams.start()
            case Alert():
                self._tells.alert(intent)
            case Recap():
                self._tells.recap(intent)
            case Remember() | RememberBrakes() | BookClosed() | Quit():
                pass  # the journal has recorded them with the decision; leaving is the loop's
        return ()
