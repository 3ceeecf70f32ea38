"""The stream from Hyperliquid: one thread, one asyncio loop, one socket; facts go to the inbox.

Owns the socket and its reconnects. Never sees the bot's state, never signs, never decides: frames are read by
`tidegate.hyperliquid.protocol`, and an order that leaves through here was signed by the main thread.

A frame is decoded and put where the socket is read, without another turn of the event loop; and where nothing else has
arrived with it, without the library's parser, which is the longest part of the way from price to order. An order is
written by the main thread itself where the socket allows it; over TLS, whose session belongs to one thread, it is
handed over and written on the loop's next turn.
"""

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import broadcast
from websockets.exceptions import WebSocketException
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import State

from tidegate.hyperliquid.framing import Boundaries
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.hyperliquid.subscriptions import Subscription
from tidegate.hyperliquid.wire import Write
from tidegate.model.events import Event, Faulted
from tidegate.model.intents import ResendOrders
from tidegate.ports import Clock, Feed
from tidegate.priority import run_in_short_slices

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 30.0
# A connection that lasted so long was a good one: the next failure starts with a short pause again.
STABLE_AFTER_S = 60.0
# The exchange allows 30 new connections a minute from one address; others may live there too.
CONNECTS_PER_MINUTE_MAX = 20
OPEN_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 1.0
TICK_S = 0.5
FRAME_BYTES_MAX = 4 * 2**20
# So much is parsed at a time; an order to be written waits for no more than that.
READ_BYTES_MAX = 16 * 2**10
STOP_TIMEOUT_S = 3.0
NO_GOODBYE = 1006
HANDSHAKE_END = b"\r\n\r\n"


class HyperliquidWebSocketClient:
    """Streams market and account into `inbox` and carries signed orders out, from a daemon thread of its own.

    `url` is the socket's (wss://…/ws), `clock` the exchange's time. Everything public may be called from any
    thread. Reconnects for ever; nothing that happens on the network is raised.
    """

    def __init__(
        self,
        url: str,
        inbox: Feed,
        clock: Clock,
        protocol: StreamProtocol,
        *,
        rng: random.Random | None = None,
    ) -> None:
        self.url = url
        self.connects = 0
        self._inbox, self._clock, self._protocol = inbox, clock, protocol
        self._pace = Pace(rng or random.Random())
        self._connection: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="hyperliquid-ws", daemon=True)

    # for every thread

    def start(self) -> None:
        """Start the thread; facts come from now on."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._on_loop_error)
        self._thread.start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Close the socket and end the thread; waits at most that long."""
        if self._on_loop(self._stopping.set) and self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def is_up(self) -> bool:
        """Whether the socket is open and every subscription was acknowledged."""
        return self._protocol.is_up

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def silent_s(self) -> float | None:
        """Seconds since the last frame on an open socket, None without one."""
        return self._protocol.silent_s(time.monotonic_ns()) if self._connection is not None else None

    def post(self, wish: Write | ResendOrders, body: bytes) -> bool:
        """Send a signed envelope; its answer arrives as facts. False: the socket is down, nothing was sent."""
        connection = self._connection
        if connection is None or not self._protocol.can_post:
            return False
        frame = self._protocol.post(wish, body, time.monotonic_ns())
        return connection.write_at_once(frame) or self._on_loop(self._write_post, frame.decode())

    def subscribe_trades(self, coin: str) -> None:
        """Stream the prints of a coin."""
        self._on_loop(self._add, (Subscription("trades", coin),))

    def subscribe_orderbook(self, coin: str) -> None:
        """Stream the touch of a coin's order book, at every block in which it changes."""
        self._on_loop(self._add, (Subscription("bbo", coin),))

    def add_coins(self, coins: Iterable[str]) -> None:
        """Stream everything of these coins too."""
        wanted = tuple(coins)
        self._on_loop(lambda: self._write_all(self._protocol.add_coins(wanted, time.monotonic_ns())))

    def remove_coins(self, coins: Iterable[str]) -> None:
        """Stream nothing of these coins any more."""
        gone = tuple(coins)
        self._on_loop(lambda: self._write_all(self._protocol.remove_coins(gone)))

    # on the stream's thread

    def _run(self) -> None:
        loop = self._loop
        assert loop is not None, "the thread is started with a loop"
        asyncio.set_event_loop(loop)
        run_in_short_slices()
        while not self._stopping.is_set():
            try:
                loop.run_until_complete(self._stream())
            except Exception as error:  # noqa: BLE001 (the top of the thread: whatever it was, it becomes a fact)
                self._pace.failed()
                self._put((Faulted(at_ms=self._clock.now_ms(), where="stream", reason=repr(error)),))
                self._lost(f"the stream failed: {error!r}")
        loop.run_until_complete(_cancel_all(asyncio.all_tasks(loop)))
        loop.close()

    async def _stream(self) -> None:
        """Connect, listen, lose, again; until told to stop."""
        while not self._stopping.is_set():
            await self._wait(self._pace.delay_s(time.monotonic()))
            if self._stopping.is_set():
                return
            self._pace.connecting(time.monotonic())
            try:
                connection = await self._connect()
            except (OSError, EOFError, WebSocketException) as error:
                # Every handshake error is worth another try: 429, 502 and the like pass.
                self._pace.failed()
                self._lost(f"cannot connect: {_words(error)}")
                continue
            if connection is not None:
                await self._listen(connection)

    async def _connect(self) -> "Connection | None":
        """Open a connection; None when told to stop meanwhile."""
        handshake = connect(
            self.url,
            create_connection=cast("type[ClientConnection]", self._new_connection),
            compression=None,
            ping_interval=None,
            proxy=None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=FRAME_BYTES_MAX,
        )
        connecting = asyncio.ensure_future(_awaited(handshake))
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((connecting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if connecting.done():
            return cast("Connection", connecting.result())
        connecting.cancel()
        return None

    async def _listen(self, connection: "Connection") -> None:
        """Live through one connection."""
        self.connects += 1
        began_s = time.monotonic()
        if hasattr(connection.transport, "max_size"):
            connection.transport.max_size = READ_BYTES_MAX
        closed = asyncio.ensure_future(connection.wait_closed())
        stopping = asyncio.ensure_future(self._stopping.wait())
        reason = "stopped"
        try:
            self._connection = connection
            self._write_all(self._protocol.opened(self._clock.now_ms(), time.monotonic_ns()))
            while not closed.done() and not stopping.done():
                await asyncio.wait((closed, stopping), timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
                due = self._protocol.due(self._clock.now_ms(), time.monotonic_ns())
                self._put(due.events)
                if due.give_up is not None:
                    reason = due.give_up
                    break
                self._write_all(due.frames)
            if closed.done():
                reason = _closed_words(connection)
            elif stopping.done():
                await connection.close()
        finally:
            self._connection = None
            connection.transport.abort()
            closed.cancel()
            stopping.cancel()
            self._pace.lived(time.monotonic() - began_s)
            self._lost(reason)

    def _lost(self, reason: str) -> None:
        self._put(self._protocol.lost(reason, self._clock.now_ms()))

    async def _wait(self, seconds: float) -> None:
        """Wait that long, or until told to stop."""
        if seconds > 0:
            stopping = asyncio.ensure_future(self._stopping.wait())
            await asyncio.wait((stopping,), timeout=seconds)
            stopping.cancel()

    def _new_connection(self, *args: Any, **kwargs: Any) -> "Connection":
        return Connection(self._on_frames, *args, **kwargs)

    def _on_frames(self, frames: Iterable[bytes], received_ns: int) -> None:
        receive, now_ms = self._protocol.receive, self._clock.now_ms
        self._put([event for frame in frames for event in receive(frame, now_ms(), received_ns)])

    def _put(self, events: Sequence[Event]) -> None:
        self._inbox.put_all(events)

    def _add(self, wanted: Iterable[Subscription]) -> None:
        self._write_all(self._protocol.add(wanted, time.monotonic_ns()))

    def _write_all(self, out: Iterable[bytes]) -> None:
        connection = self._connection
        if connection is not None:
            for frame in out:
                broadcast((connection,), frame.decode())

    def _write_post(self, frame: str) -> None:
        connection = self._connection
        if connection is None:
            # Lost between the hand-over and now: no answer can come, so what became of it is said at once.
            self._lost("it was lost before the post was written")
        else:
            broadcast((connection,), frame)

    def _on_loop(self, do: Callable[..., None], *args: object) -> bool:
        """Have the stream's thread do this (at once while there is none); False when it has ended."""
        if self._loop is None:
            do(*args)
            return True
        try:
            self._loop.call_soon_threadsafe(do, *args)
        except RuntimeError:
            return False
        return True

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What failed inside a callback of the loop; asyncio drops the connection if it was the socket's."""
        reason = repr(context.get("exception") or context.get("message"))
        self._put((Faulted(at_ms=self._clock.now_ms(), where="stream", reason=reason),))


class Connection(ClientConnection):
    """A connection that hands over each message while it is parsed, and takes messages from another thread."""

    def __init__(self, on_frames: Callable[[Iterable[bytes], int], None], *args: Any, **kwargs: Any) -> None:
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
            super().data_received(data)
            if self._is_open() and data.endswith(HANDSHAKE_END):
                self._boundaries = Boundaries()
            return
        messages = self._boundaries.messages(data) if self._boundaries is not None else None
        if messages is None:
            super().data_received(data)
        else:
            self._on_frames(messages, self._received_ns)

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


class Pace:
    """How long to wait before the next connection: full jitter, doubling, and a limit by the minute."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._failures = 0
        self._connects: deque[float] = deque()

    def delay_s(self, now_s: float) -> float:
        """Seconds from now on; none before the first connection."""
        while self._connects and now_s - self._connects[0] >= 60:
            self._connects.popleft()
        delay_s = 0.0
        if self._failures:
            delay_s = self._rng.uniform(0, min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** (self._failures - 1)))
        if len(self._connects) >= CONNECTS_PER_MINUTE_MAX:
            delay_s = max(delay_s, self._connects[0] + 60 - now_s)
        return delay_s

    def connecting(self, now_s: float) -> None:
        """A connection is being opened."""
        self._connects.append(now_s)

    def failed(self) -> None:
        """It could not be opened."""
        self._failures = min(self._failures + 1, 16)

    def lived(self, seconds: float) -> None:
        """It was open for so long and is gone now."""
        self._failures = 1 if seconds >= STABLE_AFTER_S else min(self._failures + 1, 16)


async def _cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    waiting = tuple(tasks)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def _awaited(handshake: connect) -> ClientConnection:
    return await handshake


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _closed_words(connection: ClientConnection) -> str:
    if connection.close_code == NO_GOODBYE:
        return f"lost without a goodbye (code {NO_GOODBYE})"
    return f"closed by the other side, code {connection.close_code} {connection.close_reason or ''}".strip()
