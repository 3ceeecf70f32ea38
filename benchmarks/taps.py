"""Where the counterparty listens in: localnet's own connections, with the moment of each write and each arrival noted.

Owns the stamps (monotonic nanoseconds, comparable between processes of one machine) and the delays that a case asks
for. Changes nothing of what is said.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, cast

from tidegate.localnet.doors.sockets import Hall, HttpDoor, WebSocketDoor

REDUCE_ONLY = (b'"r":true', b'"r": true')
"""Only an exit is reduce-only and no trigger order while a sample is open; the spaces are the SDK's."""

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Watch:
    """What one sample waits for, and what the present case does to answers. All times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self.answer_delay_s = 0.0
        self.read_hang_s = 0.0
        self.reads_hanging = 0
        self.last_request_ns = 0
        self.request_times_ns: list[int] = []
        self.arrived = asyncio.Event()
        self.wrote_ns = 0
        self.order_ns = 0
        self._awaited = b""

    def arm(self, coin: str) -> None:
        """Note from now on when the next print of `coin` is written and when the order it causes arrives."""
        self.arrived.clear()
        self.wrote_ns = self.order_ns = 0
        self.request_times_ns.clear()
        self._awaited = f'{{"channel":"trades","data":[{{"coin":"{coin}"'.encode()

    def writing(self, data: bytes) -> None:
        """These bytes go to the socket next."""
        if self._awaited and self._awaited in data:
            self._awaited = b""
            self.wrote_ns = time.monotonic_ns()

    def request(self, at_ns: int) -> None:
        """A REST request has begun to arrive."""
        self.last_request_ns = at_ns
        self.request_times_ns.append(at_ns)

    def order(self, data: bytes, at_ns: int) -> None:
        """These bytes, an action, had arrived at that moment."""
        if self.wrote_ns and not self.order_ns and any(mark in data for mark in REDUCE_ONLY):
            self.order_ns = at_ns
            self.arrived.set()

    def pass_on(self, message: Callable[[], None]) -> None:
        """Have the exchange take a message that arrived."""
        message()

    def rest_calls(self) -> int:
        """REST requests between the print and the order it caused, the order's own not counted."""
        return sum(self.wrote_ns <= at_ns < self.order_ns for at_ns in self.request_times_ns)


class TappedTransport:
    """A transport that says when it writes."""

    def __init__(self, transport: asyncio.Transport, watch: Watch) -> None:
        self._transport, self._watch = transport, watch

    def write(self, data: bytes) -> None:
        """Note the moment, then write."""
        self._watch.writing(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class TappedHttpDoor(HttpDoor):
    """localnet's HTTP connection; the transport it taps stays in place when it is upgraded."""

    def __init__(self, watch: Watch, **settings: Any) -> None:
        super().__init__(**settings)
        self._watch = watch
        self._carries_action = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Tap the transport."""
        super().connection_made(cast(asyncio.Transport, TappedTransport(transport, self._watch)))

    def data_received(self, data: bytes) -> None:
        """Note when a request began and when the body of an action arrived."""
        at_ns = time.monotonic_ns()
        if data.startswith(b"POST "):
            self._carries_action = data.startswith(b"POST /exchange")
            self._watch.request(at_ns)
        if self._carries_action:
            self._watch.order(data, at_ns)
        super().data_received(data)


class TappedWebSocketDoor(WebSocketDoor):
    """localnet's WebSocket connection; answers to posts wait as long as the case asks."""

    def __init__(self, watch: Watch, hall: Hall, **settings: Any) -> None:
        super().__init__(hall, **settings)
        self._watch = watch
        self._received_ns = 0

    def data_received(self, data: bytes) -> None:
        """Note when bytes arrived, before anything is made of them."""
        self._received_ns = time.monotonic_ns()
        super().data_received(data)

    def _take(self, event: Any) -> None:
        self._watch.order(event.data, self._received_ns)
        self._watch.pass_on(partial(super()._take, event))

    def _send(self, text: bytes) -> None:
        if self._watch.answer_delay_s and text.startswith(b'{"channel":"post"'):
            self._loop.call_later(self._watch.answer_delay_s, super()._send, text)
        else:
            super()._send(text)


class SlowFront:
    """localnet's HTTP application, answering as late as the case asks."""

    def __init__(self, app: App, watch: Watch) -> None:
        self._app, self._watch = app, watch

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; a hanging read hangs before it is looked at."""
        watch = self._watch
        if watch.read_hang_s and scope["path"] == "/info":
            watch.reads_hanging += 1
            try:
                await asyncio.sleep(watch.read_hang_s)
            finally:
                watch.reads_hanging -= 1

        async def send_late(message: Message) -> None:
            if watch.answer_delay_s and message["type"] == "http.response.start":
                await asyncio.sleep(watch.answer_delay_s)
            await send(message)

        await self._app(scope, receive, send_late)
