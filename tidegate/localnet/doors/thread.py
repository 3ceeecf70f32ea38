"""A localnet in a background thread of this process: for tests, notebooks and benchmarks.

Owns the thread and ends it. The kernel belongs to that thread while it runs: `Running.call` is the only safe
way to touch it from outside.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from tidegate.localnet.doors.localnet import Localnet, LocalnetError, LocalnetOptions
from tidegate.localnet.doors.server import Server
from tidegate.localnet.ready import Ready

START_TIMEOUT_S = 30.0
CALL_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0

T = TypeVar("T")


@dataclass(frozen=True)
class Running(Ready):
    """A `Ready` with a way into the server's thread."""

    server: Server

    def call(self, do: Callable[[Localnet], T]) -> T:
        """Run `do(localnet)` in the server's thread, between two requests, and return what it returns."""

        async def perform() -> T:
            return do(self.server.localnet)

        assert self.server.loop is not None, "a running server has a loop"
        return asyncio.run_coroutine_threadsafe(perform(), self.server.loop).result(CALL_TIMEOUT_S)


@contextlib.contextmanager
def running(options: LocalnetOptions | None = None, localnet: Localnet | None = None) -> Iterator[Running]:
    """Run a server on a free loopback port for the length of a `with` block.

    `localnet` is one that was put together by hand; without it `options` are built. Raises `LocalnetError`
    when it cannot start or does not stop.
    """
    chosen = options or LocalnetOptions()
    ready: Future[Ready] = Future()
    server = Server(localnet or Localnet.open(chosen), chosen, ready.set_result)

    def serve() -> None:
        try:
            server.serve_until_stopped()
        finally:
            ready.cancel()

    thread = threading.Thread(target=serve, name="localnet", daemon=True)
    thread.start()
    try:
        is_up = ready.result(START_TIMEOUT_S)
        yield Running(**vars(is_up), server=server)
    finally:
        server.stop()
        thread.join(STOP_TIMEOUT_S)
    if thread.is_alive():
        raise LocalnetError(f"localnet did not stop within {STOP_TIMEOUT_S:.0f} s")
