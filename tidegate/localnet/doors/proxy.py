"""A TCP proxy in front of a localnet, for what goes wrong with bytes: garbage, cuts, resets, delays, black holes.

Runs in the event loop of the server, on a loopback port of its own; clients that shall suffer connect to it instead.
Forwards chunks as they come while no fault stands. Knows of HTTP only how a WebSocket begins.
"""

import asyncio
from contextlib import suppress

from tidegate.localnet.doors.watch import reset_on_close
from tidegate.localnet.faults.desk import Faults
from tidegate.localnet.faults.wire import Way

CHUNK_BYTES = 65_536
WEBSOCKET_BEGINS = b"GET /ws"


class TcpProxy:
    """Forwards connections to `target` (host, port); `url` once `open` has returned."""

    def __init__(self, target: tuple[str, int], faults: Faults) -> None:
        self._target = target
        self._faults = faults
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where clients connect."""
        assert self._server is not None, "the proxy is open"
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def open(self) -> None:
        """Listen on a free port of the target's host."""
        self._server = await asyncio.start_server(self._serve, self._target[0], 0)

    def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self._faults.refuses_call():
            _reset(client)
            return
        self._writers.add(client)
        try:
            answers, server = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(client)
            return
        self._writers.add(server)
        wire = _Wire(self._faults, client, server)
        try:
            await asyncio.gather(wire.pump(reader, server, Way.UP), wire.pump(answers, client, Way.DOWN))
        finally:
            for writer in (client, server):
                writer.close()
                self._writers.discard(writer)


class _Wire:
    """One connection through the proxy."""

    def __init__(self, faults: Faults, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._faults = faults
        self._ends = (client, server)
        self._door = ""
        self._is_deaf = False

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: Way) -> None:
        """Pass on what comes, until one end has gone."""
        with suppress(OSError):
            while chunk := await source.read(CHUNK_BYTES):
                if not self._door:
                    self._door = "ws" if chunk.startswith(WEBSOCKET_BEGINS) else "http"
                if not self._faults.idle and not self._is_deaf:
                    await self._tampered(chunk, sink, way)
                elif not self._is_deaf:
                    sink.write(chunk)
                    await sink.drain()
        if sink.can_write_eof():
            with suppress(OSError):
                sink.write_eof()

    async def _tampered(self, chunk: bytes, sink: asyncio.StreamWriter, way: Way) -> None:
        tampered = self._faults.tampered(chunk, self._door, way)
        await asyncio.sleep(tampered.after_s)
        for piece in tampered.chunks:
            sink.write(piece)
            await sink.drain()
            await asyncio.sleep(0)  # pieces are to leave one by one
        self._is_deaf = self._is_deaf or tampered.goes_deaf
        if tampered.resets:
            for writer in self._ends:
                _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Cut a connection with a reset, behind what is already written."""
    reset_on_close(writer.get_extra_info("socket"))
    writer.close()
