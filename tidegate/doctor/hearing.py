"""Opens the stream as the bot does, and waits until a price is heard on it."""

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, Protocol

from tidegate.doctor.findings import Finding, fail, ok
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.model.events import BookChanged, CandleChanged, Event, Faulted, Marked, StreamDown, StreamUp, Trade
from tidegate.ports import Clock

SUBJECT = "websocket"
OPEN_PATIENCE_S, HEAR_PATIENCE_S = 10.0, 10.0
HEARD = (Trade, BookChanged, Marked, CandleChanged)
FIX = "check firewall and proxy: the bot can poll without it, and protects better with it"


class StreamClient(Protocol):
    """The stream client, as far as the doctor needs it."""

    def start(self) -> None:
        """Open the stream."""

    def stop(self, timeout_s: float = ...) -> None:
        """Close it."""


NewStream = Callable[[str, Any, Any, StreamProtocol], StreamClient]


class Ears:
    """Takes facts from the stream's thread."""

    def __init__(self) -> None:
        self._heard: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def put(self, event: Event) -> None:
        """Take a fact."""
        self._heard.put(event)

    def put_all(self, events: Sequence[Event]) -> None:
        """Take several."""
        for event in events:
            self._heard.put(event)

    def until(self, deadline_s: float) -> Iterator[Event]:
        """The facts as they come, until that monotonic moment."""
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                yield self._heard.get(timeout=left_s)
            except queue.Empty:
                return


class Listening:
    """One stream, from its opening to the first price."""

    def __init__(self, url: str, protocol: StreamProtocol, clock: Clock, new_stream: NewStream) -> None:
        self._url, self._ears = url, Ears()
        self._stream = new_stream(url, self._ears, clock, protocol)

    def finding(self) -> Finding:
        """Open, listen, close."""
        with closing(self):
            began_s = time.monotonic()
            self._stream.start()
            why = self._wait_for((StreamUp,), OPEN_PATIENCE_S)
            if why is not None:
                return fail(SUBJECT, f"{self._url} does not open: {why}", FIX)
            open_s = time.monotonic()
            why = self._wait_for(HEARD, HEAR_PATIENCE_S)
            if why is not None:
                return fail(SUBJECT, f"{self._url} is open and no price was heard: {why}", FIX)
            heard_ms = (time.monotonic() - began_s) * 1000
            return ok(
                SUBJECT, f"open and subscribed after {(open_s - began_s) * 1000:.0f} ms, heard at {heard_ms:.0f} ms"
            )

    def close(self) -> None:
        """Close the stream."""
        self._stream.stop()

    def _wait_for(self, kinds: tuple[type[Event], ...], patience_s: float) -> str | None:
        """None when such a fact came; else the last trouble, or that nothing came."""
        why = f"nothing for {patience_s:g} s"
        for event in self._ears.until(time.monotonic() + patience_s):
            if isinstance(event, kinds):
                return None
            if isinstance(event, StreamDown | Faulted):
                why = event.reason
        return why
