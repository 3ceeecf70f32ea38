"""A WebSocket connection that hands over each message while it is parsed, and takes messages from another thread.

Owns the shortest way from bytes to messages and from a signed order to bytes. Knows nothing of what messages say.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from websockets.asyncio.client import ClientConnection
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import State

from tidegate.hyperliquid.framing import Boundaries

HANDSHAKE_END = b"\r\n\r\n"


class Connection(ClientConnection):
    """A connection that hands over each message while it is parsed, and takes messages from another thread."""

    def __init__(self, on_frames: Callable[[Sequence[bytes], int], None], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._on_frames = on_frames
        self._received_ns = 0
        self._parts: list[bytes] = []
        self._boundaries: Boundaries | None = None
        self._writing = threading.Lock()
        self._by_selector = isinstance(self.loop, asyncio.SelectorEventLoop)

    def write_at_once(self, message: bytes) -> bool:
        """Write a text message from another thread, in one system call; False: it has to be handed over.

        Saves the stream's thread from being woken for it, which on a busy machine is the longest part of the way.
        Only for a plain socket with nothing waiting to be written, which takes so few bytes whole: then the
        transport's write touches nothing that belongs to the loop. The lock keeps the two threads' messages apart.
        """
        if not self._writing.acquire(blocking=False):
            return False
        try:
            transport = self.transport
            if self.state is not State.OPEN or transport.is_closing() or transport.get_write_buffer_size():
                return False
            if transport.get_extra_info("sslcontext") is not None or not self._by_selector:
                return False
            transport.write(Frame(Opcode.TEXT, message).serialize(mask=True))
            return True
        finally:
            self._writing.release()

    def send_data(self) -> None:
        """Write what the library has to write."""
        with self._writing:
            super().send_data()

    def data_received(self, data: bytes) -> None:
        """Note when the bytes arrived, and hand over whole messages as they lie there; the rest is the library's."""
        self._received_ns = time.monotonic_ns()
        if not self._is_open():
            super().data_received(self._boundaries.give_up() + data if self._boundaries is not None else data)
            if self._is_open() and data.endswith(HANDSHAKE_END):
                self._boundaries = Boundaries()
            return
        messages: list[bytes] = []
        if self._boundaries is not None:
            messages, data = self._boundaries.split(data)
        if messages:
            self._on_frames(messages, self._received_ns)
        if data:
            super().data_received(data)

    def _is_open(self) -> bool:
        return self.state is State.OPEN

    def process_event(self, event: Any) -> None:
        """Hand over messages; all else is the library's."""
        if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
        elif event.fin and event.opcode is not Opcode.CONT:
            self._on_frames((cast("bytes", event.data),), self._received_ns)
        else:
            self._parts.append(bytes(event.data))
            if event.fin:
                message, self._parts = b"".join(self._parts), []
                self._on_frames((message,), self._received_ns)
