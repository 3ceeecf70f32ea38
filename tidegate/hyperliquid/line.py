"""One socket of the stream: connects, listens, is lost, connects again, until told to stop.

Owns the socket. What is said over it is its protocol's; what is heard goes to `put` where the socket is read.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import broadcast
from websockets.exceptions import WebSocketException

from tidegate.hyperliquid.connection import Connection
from tidegate.hyperliquid.pace import Pace
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.model.events import Event
from tidegate.ports import Clock

OPEN_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 1.0
TICK_S = 0.5
FRAME_BYTES_MAX = 4 * 2**20
# So much is read at a time; an order to be written waits for no more than that.
READ_BYTES_MAX = 64 * 2**10
# So many messages are handed over at a time: a price waits for no more than these.
TOGETHER_MAX = 64
NO_GOODBYE = 1006


class Shell(Protocol):
    """What the line reports to."""

    url: str
    proxy: str | None
    stopping: asyncio.Event

    def put(self, events: Sequence[Event]) -> None:
        """Facts that were heard."""

    def move(self, coins: Sequence[str], away_from: StreamProtocol) -> None:
        """These coins stay silent here."""


class Line:
    """One socket, on the loop's thread; `connection` is None while there is none."""

    def __init__(self, protocol: StreamProtocol, pace: Pace, clock: Clock, shell: Shell) -> None:
        self.protocol = protocol
        self.connection: Connection | None = None
        self.connects = 0
        self.opened_s = 0.0
        self.last_loss = ""
        self._pace, self._clock, self._shell = pace, clock, shell
        self._new_connection: Callable[..., Connection] = lambda *args, **kwargs: Connection(
            self._on_frames, *args, **kwargs
        )

    async def run(self) -> None:
        """Connect, listen, lose, again; until told to stop."""
        stopping = self._shell.stopping
        while not stopping.is_set():
            await _wait(stopping, self._pace.delay_s(time.monotonic()))
            if stopping.is_set():
                return
            if self.protocol.is_idle:
                await _wait(stopping, TICK_S)
                continue
            self._pace.connecting(time.monotonic())
            try:
                connection = await self._connect()
            except (OSError, EOFError, WebSocketException, ValueError) as error:
                # Every handshake error is worth another try: 429, 502 and the like pass.
                self._pace.failed()
                self.lost(f"cannot connect: {_words(error)}")
                continue
            if connection is not None:
                await self._listen(connection)

    def failed(self, reason: str) -> None:
        """Something broke in the middle of it: the socket counts as lost, and is, so that another one is opened."""
        self._pace.failed()
        self.lost(reason)
        self.drop(reason)

    def write_all(self, out: Iterable[bytes]) -> None:
        """Send these frames, if there is a socket."""
        if self.connection is not None:
            for frame in out:
                broadcast((self.connection,), frame.decode())

    def write_post(self, frame: str) -> None:
        """Send an order that the main thread has signed."""
        if self.connection is None:
            # Lost between the hand-over and now: no answer can come, so what became of it is said at once.
            self.lost("it was lost before the post was written")
        else:
            broadcast((self.connection,), frame)

    def drop(self, reason: str) -> None:
        """Give the present connection up."""
        self.last_loss = reason
        if self.connection is not None:
            self.connection.transport.abort()

    def abandon(self) -> None:
        """The thread that had the connection is gone: close what it left behind."""
        connection, self.connection = self.connection, None
        raw = connection.transport.get_extra_info("socket") if connection is not None else None
        if raw is not None:
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)

    def lost(self, reason: str) -> None:
        """Tell that the socket is gone."""
        self._shell.put(self.protocol.lost(reason, self._clock.now_ms()))

    async def _connect(self) -> Connection | None:
        """Open a connection; None when told to stop meanwhile."""
        handshake = connect(
            self._shell.url,
            create_connection=cast("type[ClientConnection]", self._new_connection),
            compression=None,
            ping_interval=None,
            proxy=self._shell.proxy,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=FRAME_BYTES_MAX,
        )
        connecting = asyncio.ensure_future(_awaited(handshake))
        stopping = asyncio.ensure_future(self._shell.stopping.wait())
        await asyncio.wait((connecting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if connecting.done():
            return cast("Connection", connecting.result())
        connecting.cancel()
        return None

    async def _listen(self, connection: Connection) -> None:
        """Live through one connection."""
        self.connects += 1
        self.opened_s = time.monotonic()
        if hasattr(connection.transport, "max_size"):
            connection.transport.max_size = READ_BYTES_MAX
        closed = asyncio.ensure_future(connection.wait_closed())
        stopping = asyncio.ensure_future(self._shell.stopping.wait())
        reason = "stopped"
        try:
            self.connection = connection
            self.last_loss = ""
            self.write_all(self.protocol.opened(self._clock.now_ms(), time.monotonic_ns()))
            while not closed.done() and not stopping.done():
                await asyncio.wait((closed, stopping), timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
                give_up = self._look()
                if give_up is not None:
                    reason = give_up
                    break
            if closed.done():
                reason = self.last_loss or _closed_words(connection)
            elif stopping.done():
                await connection.close()
        finally:
            self.connection = None
            connection.transport.abort()
            closed.cancel()
            stopping.cancel()
            now_s = time.monotonic()
            self._pace.lived(now_s - self.opened_s, now_s)
            self.lost(reason)

    def _look(self) -> str | None:
        """What time brings; why the connection must be given up, if it must."""
        due = self.protocol.due(self._clock.now_ms(), time.monotonic_ns())
        self._shell.put(due.events)
        if due.give_up is None:
            self.write_all(due.frames)
            if due.moves:
                self._shell.move(due.moves, self.protocol)
        return due.give_up

    def _on_frames(self, frames: Sequence[bytes], received_ns: int) -> None:
        protocol, at_ms = self.protocol, self._clock.now_ms()
        for at in range(0, len(frames), TOGETHER_MAX):
            self._shell.put(protocol.receive_all(frames[at : at + TOGETHER_MAX], at_ms, received_ns))
        if protocol.wants_to_send:
            self.write_all(protocol.outbox(received_ns))


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    """Wait that long, or until told to stop."""
    if seconds > 0:
        told = asyncio.ensure_future(stopping.wait())
        await asyncio.wait((told,), timeout=seconds)
        told.cancel()


async def _awaited(handshake: Any) -> ClientConnection:
    return cast("ClientConnection", await handshake)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _closed_words(connection: ClientConnection) -> str:
    if connection.close_code == NO_GOODBYE:
        return f"lost without a goodbye (code {NO_GOODBYE})"
    return f"closed by the other side, code {connection.close_code} {connection.close_reason or ''}".strip()
