"""The feed for understanding the market: prices of coins that are looked at and not traded, on a socket of its own.

It shares nothing with the stream that guards positions, neither thread nor socket nor inbox, so that neither notices
when the other fails. What it hears is kept here, the newest of each coin, for whoever asks; no order ever comes of it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from tidegate.config import check_against_market
from tidegate.hyperliquid.instruments import resolve
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.model.events import (
    BookChanged,
    CoinsUnheard,
    Event,
    Faulted,
    Marked,
    StreamDown,
    StreamFrozen,
    StreamUp,
    Trade,
)
from tidegate.model.gauges import StreamGauges
from tidegate.model.instruments import Instrument
from tidegate.model.intents import Level, Note
from tidegate.model.settings import Settings
from tidegate.model.status import MajorStatus
from tidegate.ports import Clock

THREAD = "hyperliquid-majors"
NEWS_MAX = 100


class Client(Protocol):
    """A stream client, as far as this needs it."""

    def start(self) -> None:
        """Open the stream."""

    def stop(self, timeout_s: float = ...) -> None:
        """Close it."""

    def gauges(self) -> StreamGauges:
        """How it does."""


NewClient = Callable[..., Client]


class Heard:
    """Where the stream's thread puts what it heard; the newest of each coin, readable from any thread."""

    conflated = 0

    def __init__(self, coins: Iterable[str]) -> None:
        self._newest = {coin: MajorStatus(coin=coin) for coin in coins}
        self._news: deque[Note] = deque(maxlen=NEWS_MAX)

    def put_all(self, events: Sequence[Event]) -> None:
        """Several at once."""
        for event in events:
            self.put(event)

    def put(self, event: Event) -> None:
        """Keep a price, or note what became of the stream."""
        match event:
            case Trade():
                self._keep(event.coin, event.time_ms, price=event.price)
            case Marked():
                self._keep(event.coin, event.time_ms, mark=event.mark, funding=event.funding)
            case BookChanged():
                self._keep(event.coin, event.time_ms, bid=event.bid, ask=event.ask)
            case StreamUp():
                self._note(f"listening: {', '.join(self._newest)}")
            case StreamDown():
                self._note(f"down: {event.reason}; trading does not depend on it", "WARNING")
            case StreamFrozen():
                self._note(f"{event.coin} cannot be streamed: {event.reason}", "WARNING")
            case CoinsUnheard():
                self._note(f"{', '.join(event.coins)} not heard: {event.reason}", "WARNING")
            case Faulted():
                self._note(event.reason, "WARNING")

    def shown(self) -> tuple[MajorStatus, ...]:
        """The newest of each coin."""
        return tuple(self._newest.values())

    def news(self) -> Iterable[Note]:
        """What became of the stream since this was asked last."""
        while self._news:
            yield self._news.popleft()

    def _keep(self, coin: str, heard_ms: int, **changes: Any) -> None:
        if coin in self._newest:  # its keys never change, so that others may read it meanwhile
            self._newest[coin] = replace(self._newest[coin], heard_ms=heard_ms, **changes)

    def _note(self, text: str, level: Level = "INFO") -> None:
        self._news.append(Note(topic="stream", text=f"majors {text}", level=level))


class Majors:
    """The feed: a stream client of its own, and what it has heard."""

    def __init__(self, client: Client, heard: Heard) -> None:
        self._client, self._heard = client, heard
        self.start, self.stop = client.start, client.stop
        self.gauges, self.shown, self.news = client.gauges, heard.shown, heard.news


def subscriptions_of(coins: Sequence[str], protocol_types: int = 3) -> int:
    """How many of the address's subscriptions they take: prints, the touch and the mark of each."""
    return len(coins) * protocol_types


def majors_of(
    new_client: NewClient, url: str, clock: Clock, settings: Settings, way: Mapping[str, str]
) -> Majors | None:
    """A feed of MAJORS (under the exchange's names), or None where there are none or nothing is streamed.

    `way` is how the exchange is reached.
    """
    if not settings.majors or not settings.streams_prices:
        return None
    heard = Heard(settings.majors)
    protocol = StreamProtocol(settings.majors, "", settings.timeframe, candles=False, account=False)
    return Majors(new_client(url, heard, clock, protocol, name=THREAD, **way), heard)


def check_majors(settings: Settings, listed: Mapping[str, Instrument]) -> tuple[tuple[str, ...], list[str]]:
    """MAJORS under the exchange's names, and one line for each that cannot be streamed."""
    looked_at = replace(settings, coins=settings.majors, leverage=0)
    problems = [f"MAJORS{each.removeprefix('COINS')}" for each in check_against_market(looked_at, listed, resolve)]
    return tuple(name for name in (resolve(each, listed) for each in settings.majors) if name), problems
