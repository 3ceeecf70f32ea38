"""The two kinds of TCP connections under uvicorn: HTTP whose answers leave in one send, and WebSocket.

`WebSocketDoor` speaks the wire protocol with the sans-I/O half of `websockets` and hands whole messages to a
`Session`. It is no ASGI application because ASGI cannot cut a connection without a close frame, which the
exchange does, and because a message is so answered in the callback that received it, without a task switch.
No permessage-deflate, no protocol pings of our own. Decides nothing about what is said.
"""

import asyncio
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tidegate.localnet.doors.session import Session

WEBSOCKET_PATH = "/ws"
MESSAGE_BYTES_MAX = 1 << 20
UNSENT_BYTES_MAX = 16 << 20
GOODBYE_S = 0.05


class Hall(Protocol):
    """Who receives connections: `Streams` in the server."""

    def may_connect(self) -> bool:
        """Whether one more connection is within the limits."""

    def connect(self, send: Callable[[bytes], None], drop: Callable[[float], None]) -> Session:
        """Open a session that sends by `send` and is cut by `drop`."""


class Gathered:
    """A transport that gathers what one turn of the event loop writes and sends it at once.

    uvicorn writes the head and the body of an answer one after the other; as two segments they cost the
    client a second wake-up. Everything else is passed to the transport itself.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._unsent: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep `data` until the turn ends."""
        if not self._unsent:
            self._loop.call_soon(self.flush)
        self._unsent.append(data)

    def flush(self) -> None:
        """Send what was gathered, unless the connection has meanwhile been cut."""
        gathered, self._unsent = self._unsent, []
        if gathered and not self._transport.is_closing():
            self._transport.write(b"".join(gathered))

    def close(self) -> None:
        """Send what was gathered, then close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class HttpDoor(HttpToolsProtocol):
    """uvicorn's HTTP protocol with answers in one send; an upgraded connection keeps the gathering."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the gathering between uvicorn and the socket, which must not wait for acknowledgements either.

        asyncio sets TCP_NODELAY only where it made the socket: without it a frame that follows another one waits
        for the client's delayed acknowledgement, 40 ms on this kind of host.
        """
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(cast(asyncio.Transport, Gathered(transport, self.loop)))


class WebSocketDoor(asyncio.Protocol):
    """One upgraded connection; uvicorn makes it after reading the request's head.

    The head is fed to it by `data_received` again, as uvicorn does for every WebSocket protocol.
    """

    def __init__(
        self,
        hall: Hall,
        *,
        server_state: ServerState,
        _loop: asyncio.AbstractEventLoop | None = None,
        **_settings: Any,
    ) -> None:
        self._hall = hall
        self._loop = _loop or asyncio.get_running_loop()
        self._connections = cast(set[object], server_state.connections)
        self._wire = ServerProtocol(max_size=MESSAGE_BYTES_MAX)
        self._session: Session | None = None
        self._parts: list[bytes] = []
        self._transport: asyncio.Transport = None  # type: ignore[assignment]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the connection from the HTTP protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """The client has gone, or we hung up."""
        self._connections.discard(self)
        if self._session is not None:
            self._session.close()
            self._session = None

    def shutdown(self) -> None:
        """The server stops: say so and close, and do not wait for a client that no longer reads."""
        if self._session is not None:
            self._wire.send_close(CloseCode.SERVICE_RESTART)
            self._write_wire()
        self._transport.close()
        self._loop.call_later(GOODBYE_S, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """Feed the wire protocol; answer what it makes of it."""
        self._wire.receive_data(data)
        for event in self._wire.events_received():
            if isinstance(event, Request):
                self._greet(event)
            elif isinstance(event, Frame):
                self._take(event)
        self._write_wire()
        if self._wire.close_expected():
            self._transport.close()

    def eof_received(self) -> None:
        """Half-open connections are not kept."""

    def _greet(self, request: Request) -> None:
        if request.path.partition("?")[0] != WEBSOCKET_PATH:
            response = self._wire.reject(HTTPStatus.NOT_FOUND, "")
        elif not self._hall.may_connect():
            response = self._wire.reject(HTTPStatus.TOO_MANY_REQUESTS, "null")
        else:
            response = self._wire.accept(request)
        self._wire.send_response(response)
        self._write_wire()
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self._session = self._hall.connect(self._send, self._drop)

    def _take(self, event: Frame) -> None:
        if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._parts.append(bytes(event.data))
            if event.fin and self._session is not None:
                message = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
                self._parts.clear()
                self._session.receive(message)

    def _send(self, text: bytes) -> None:
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            self._transport.abort()
            return
        try:
            self._wire.send_text(text)
        except InvalidState:
            return
        self._write_wire()

    def _write_wire(self) -> None:
        for data in self._wire.data_to_send():
            if data:
                self._transport.write(data)

    def _drop(self, after_s: float) -> None:
        self._loop.call_later(after_s, self._transport.abort)
