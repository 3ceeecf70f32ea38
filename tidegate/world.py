"""The world: carries each wish to the part that does it. It knows who does what and nothing else."""

from collections.abc import Iterable
from typing import Protocol

from tidegate.model.events import Event
from tidegate.model.intents import (
    Alert,
    Answer,
    BookClosed,
    CancelOrders,
    CancelTwap,
    CheckPrices,
    Choose,
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
    FindCoin,
    Intent,
    PlaceOrders,
    Quit,
    Read,
    Recap,
    Remember,
    RememberBrakes,
    ResendOrders,
    SetLeverage,
    SkipNonces,
    SpendNonce,
    Subscribe,
    Unsubscribe,
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

    def forget(self, coins: Iterable[str]) -> None:
        """These coins are gone."""


class Thinks(Protocol):
    """Who evaluates the strategy."""

    def submit(self, wish: Evaluate) -> None:
        """Queue an evaluation."""

    def forget(self, coins: Iterable[str]) -> None:
        """These coins are gone."""


class Streams(Protocol):
    """Who streams prices."""

    def start(self) -> None:
        """Open the stream."""

    def add_coins(self, coins: Iterable[str]) -> None:
        """Stream these too."""

    def remove_coins(self, coins: Iterable[str]) -> None:
        """Stream these no more."""


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
            case CheckPrices() | FetchPositions() | FetchRequests() | FetchBlock() | FindCoin():
                return self._reads.submit(intent)
            case Evaluate():
                self._thinks.submit(intent)
            case Subscribe(more=False):
                self._streams.start()
            case Subscribe():
                self._streams.add_coins(intent.coins)
            case Unsubscribe():
                for part in (self._streams.remove_coins, self._thinks.forget, self._reads.forget):
                    part(intent.coins)
            case Alert():
                self._tells.alert(intent)
            case Recap():
                self._tells.recap(intent)
            case Remember() | RememberBrakes() | BookClosed() | Choose() | Answer() | Quit():
                pass  # the journal has recorded them with the decision; leaving is the loop's
        return ()
