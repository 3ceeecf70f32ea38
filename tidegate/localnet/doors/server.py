"""The network door: localnet on a loopback port, one process, one thread, one event loop.

Owns the life of the server: ready, running, stopped by a signal, by `POST /localnet/stop`, or because the parent
has gone. It prints nothing and decides nothing about trading.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from ipaddress import ip_address
from types import FrameType
from typing import Any, cast

import uvicorn

from tidegate.localnet.doors.app import Front, control_app
from tidegate.localnet.doors.faulty_http import TellingHttpDoor, WatchedFront
from tidegate.localnet.doors.faulty_sockets import WatchedWebSocketDoor
from tidegate.localnet.doors.localnet import Localnet, LocalnetError, LocalnetOptions
from tidegate.localnet.markets.market import LiveMarket
from tidegate.localnet.ready import Ready
from tidegate.localnet.record import recording, replayable

# The exchange closes HTTP connections that were idle for about three minutes.
KEEP_ALIVE_S = 180
SHUTDOWN_S = 1
ORPHAN_CHECK_S = 0.25
BACKLOG = 128

Beside = Callable[[Localnet], Coroutine[Any, Any, None]]


class Server(uvicorn.Server):
    """uvicorn around one `Localnet`; `loop` is its event loop while it runs."""

    def __init__(
        self,
        localnet: Localnet,
        options: LocalnetOptions,
        on_ready: Callable[[Ready], None],
        beside: Beside | None = None,
    ) -> None:
        self.localnet = localnet
        self._beside = beside
        self._attending: asyncio.Task[None] | None = None
        self._options = options
        self._on_ready = on_ready
        self._front = Front(localnet, control_app(localnet, self.stop))
        self.loop: asyncio.AbstractEventLoop | None = None
        self._driving: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._socket = _listen(options)
        super().__init__(
            uvicorn.Config(
                WatchedFront(self._front, localnet.gate, localnet.watch),
                http=TellingHttpDoor,
                ws=cast(type[asyncio.Protocol], partial(WatchedWebSocketDoor, localnet.watch, localnet.streams)),
                loop="asyncio",  # the same loop wherever localnet is installed; uvloop is not faster here
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=SHUTDOWN_S,
            )
        )

    def stop(self) -> None:
        """End `serve` within a fraction of a second; callable from any thread."""
        self.should_exit = True

    def serve_until_stopped(self) -> None:
        """Answer until stopped; blocks. What made the market fail is raised when all connections are closed."""
        self.run(sockets=[self._socket])
        for task in (self._driving, self._following, self._attending):
            if task is not None and not task.cancelled():
                task.result()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, start the market's driver, and say that we are ready."""
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self._driving = asyncio.create_task(self.localnet.driver.run())
        self._driving.add_done_callback(lambda _: self.stop())
        if isinstance(self.localnet.market, LiveMarket):
            self._following = asyncio.create_task(self.localnet.market.follow(self.localnet.driver.play_now))
            self._following.add_done_callback(lambda _: self.stop())
        if self._options.linger_s is not None:
            self._watching = asyncio.create_task(self._end_as_orphan(self._options.linger_s))
        host, port = self._socket.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._on_ready(Ready(url=url, **self.localnet.clock_page()))
        if self._beside is not None:
            self._attending = asyncio.create_task(self._beside(self.localnet))
            self._attending.add_done_callback(lambda _: self.stop())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the market, then close every connection."""
        for task in (self._driving, self._following, self._watching):
            if task is not None:
                task.cancel()
        if self._attending is not None:
            self._attending.cancel()
            await asyncio.wait([self._attending])
        self.localnet.watch.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT and end normally: a localnet that was told to stop has not failed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_signal: int, _frame: FrameType | None) -> None:
            self.stop()

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def _end_as_orphan(self, linger_s: float) -> None:
        """Wait until the parent has closed our standard input, then for `linger_s` without any client."""
        loop = asyncio.get_running_loop()
        orphaned = asyncio.Event()
        threading.Thread(
            target=_read_to_end, args=(partial(loop.call_soon_threadsafe, orphaned.set),), daemon=True
        ).start()
        await orphaned.wait()
        alone_since_s = loop.time()
        requests_seen = self._front.requests
        while loop.time() - alone_since_s < linger_s:
            await asyncio.sleep(min(ORPHAN_CHECK_S, linger_s))
            if self.localnet.streams.sessions or self._front.requests != requests_seen:
                alone_since_s, requests_seen = loop.time(), self._front.requests
        self.stop()


def serve(options: LocalnetOptions, on_ready: Callable[[Ready], None], beside: Beside | None = None) -> None:
    """Run a localnet in this process until it is told to stop; `beside` runs with it, from ready to stop.

    Raises `LocalnetError` when it cannot start, and ConfigError when it cannot record.
    """
    localnet = Localnet.open(options)
    with contextlib.ExitStack() as open_files:
        if options.record is not None:
            taking = recording(localnet.exchange, replayable(localnet.exchange, localnet.market.coins), options.record)
            localnet.watch.recorder = open_files.enter_context(taking)
        server = Server(localnet, options, on_ready, beside)
        gc.collect()
        gc.freeze()
        server.serve_until_stopped()


def _listen(options: LocalnetOptions) -> socket.socket:
    host = "127.0.0.1" if options.host == "localhost" else options.host
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise LocalnetError(f"localnet serves this host only: expected 127.0.0.1 or ::1, found {options.host!r}")
    try:
        return socket.create_server(
            (host, options.port),
            family=socket.AF_INET6 if address.version == 6 else socket.AF_INET,
            backlog=BACKLOG,
        )
    except OSError as error:
        raise LocalnetError(f"cannot listen on {host}:{options.port}: {error.strerror or error}") from error


def _read_to_end(tell: Callable[[], object]) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):
        tell()
