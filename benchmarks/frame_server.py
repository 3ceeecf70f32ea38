"""The other side of the stream benchmark: a WebSocket server that grants every subscription and plays a tape.

Owns the moment at which each frame is written. It says the same bytes to every listener.
"""

import asyncio
import time
from collections.abc import Coroutine
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from benchmarks.tapes import CHANNELS, Tape, numbered

SUBSCRIBE_TIMEOUT_S = 20.0
LOOK_EVERY_S = 0.001
DRAIN_LOOKS_MAX = 60_000
UNSENT_BYTES_MAX = 256 * 1024
AT_ONCE = 50
"""So many frames are handed to the socket at a time when they are sent as fast as they are taken."""
PONG = '{"channel":"pong"}'


class Pace(msgspec.Struct, frozen=True):
    """`burst` frames written together every `every_s` seconds; 0 for as fast as the listener takes them."""

    burst: int
    every_s: float


FLOOD = Pace(AT_ONCE, 0.0)


class FrameServer:
    """One listener at a time."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._listener: ServerConnection | None = None
        self._subscribed = 0
        self._asked = asyncio.Event()
        self._frames: list[bytes] = []
        self._next_ms = 0

    async def run(self) -> None:
        """Serve until the benchmark hangs up."""
        over = asyncio.Event()
        async with serve(self._listen, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self._conn.send(f"http://127.0.0.1:{port}")
            Thread(target=self._obey, args=(asyncio.get_running_loop(), over), daemon=True).start()
            await over.wait()

    def _obey(self, loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
        try:
            while True:
                word, argument = self._conn.recv()
                work: Coroutine[Any, Any, Any] = getattr(self, f"on_{word}")(argument)
                self._conn.send(asyncio.run_coroutine_threadsafe(work, loop).result())
        except EOFError:
            loop.call_soon_threadsafe(over.set)

    async def _listen(self, connection: ServerConnection) -> None:
        self._listener, self._subscribed = connection, 0
        try:
            async for message in connection:
                said = msgspec.json.decode(message)
                if said.get("method") == "ping":
                    await connection.send(PONG)
                elif said.get("method") == "subscribe":
                    self._subscribed += said["subscription"]["type"] in CHANNELS
                    self._asked.set()
                    await connection.send(
                        msgspec.json.encode({"channel": "subscriptionResponse", "data": said}).decode()
                    )
        except ConnectionClosed:
            pass

    async def on_expect(self, _argument: None) -> None:
        """The next listener is about to come."""
        self._listener, self._subscribed = None, 0

    async def on_subscribed(self, count: int) -> bool:
        """Whether a listener asks for so many streams, or will within some time."""
        try:
            async with asyncio.timeout(SUBSCRIBE_TIMEOUT_S):
                while self._subscribed < count:
                    self._asked.clear()
                    await self._asked.wait()
        except TimeoutError:
            return False
        return True

    async def on_prepare(self, tape: Tape) -> tuple[int, int]:
        """Number the frames from now on, above all before; the first and the last number."""
        first_ms = max(time.time_ns() // 1_000_000, self._next_ms)
        messages = numbered(tape, first_ms)
        self._frames = [Frame(Opcode.TEXT, message).serialize(mask=False) for message in messages]
        self._next_ms = first_ms + len(messages)
        return first_ms, self._next_ms - 1

    async def on_play(self, pace: Pace) -> list[int]:
        """Write all frames; when each was written (monotonic ns)."""
        assert self._listener is not None, "somebody has subscribed"
        transport, frames, written_ns = self._listener.transport, self._frames, []
        due_s = time.monotonic()
        for at in range(0, len(frames), pace.burst):
            burst = frames[at : at + pace.burst]
            now_ns = time.monotonic_ns()
            transport.write(b"".join(burst))
            written_ns += [now_ns] * len(burst)
            due_s += pace.every_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()) if pace.every_s else 0.0)
            await self._drained(transport)
        return written_ns

    async def _drained(self, transport: asyncio.Transport) -> None:
        """Wait while the listener is far behind."""
        for _ in range(DRAIN_LOOKS_MAX):
            if transport.get_write_buffer_size() <= UNSENT_BYTES_MAX:
                return
            await asyncio.sleep(LOOK_EVERY_S)
        raise TimeoutError("the listener does not read")


def run(conn: Connection) -> None:
    """The process."""
    asyncio.run(FrameServer(conn).run())
