"""The connection to the mirrored venue's public stream: connect, subscribe, hand over, connect again.

Owns the socket, the keep-alive and the retries (exponential, bounded). It understands no frame and holds no state of
the market; what was lost while it was away is for others to find out.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

OPEN_TIMEOUT_S = 10
CLOSE_TIMEOUT_S = 1
QUIET_S = 15  # this long without a frame: ask; and once more without an answer: the connection is dead
FIRST_RETRY_S = 0.25
RETRY_MAX_S = 30.0
FRAME_BYTES_MAX = 16 * 2**20
PING = '{"method":"ping"}'


def is_loopback(url: str) -> bool:
    """Say whether a URL points to this host, where no proxy is in between."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Stream:
    """One connection, kept up for ever."""

    def __init__(self, url: str, subscriptions: Sequence[dict[str, Any]]) -> None:
        self._url = url
        self._proxy: Literal[True] | None = None if is_loopback(url) else True
        self._subscribe = [json.dumps({"method": "subscribe", "subscription": each}) for each in subscriptions]

    async def follow(self, hear: Callable[[bytes | None], Awaitable[None]]) -> None:
        """Listen until cancelled. `hear` gets each message, None when the connection was lost or not to be had."""
        retry_s = FIRST_RETRY_S
        while True:
            try:
                async with connect(
                    self._url,
                    compression=None,  # the venue offers none
                    ping_interval=None,  # its keep-alive is a message of its own
                    open_timeout=OPEN_TIMEOUT_S,
                    close_timeout=CLOSE_TIMEOUT_S,
                    max_size=FRAME_BYTES_MAX,
                    proxy=self._proxy,
                ) as socket:
                    for each in self._subscribe:
                        await socket.send(each)
                    async for message in _messages(socket):
                        retry_s = FIRST_RETRY_S
                        await hear(message)
            except (OSError, WebSocketException):
                pass  # not there, or gone: both are told below
            await hear(None)
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, RETRY_MAX_S)


async def _messages(socket: ClientConnection) -> AsyncIterator[bytes]:
    """The messages one by one; ends when the venue has fallen silent."""
    asked = False
    while True:
        try:
            async with asyncio.timeout(QUIET_S):
                message = await socket.recv(decode=False)
        except TimeoutError:
            if asked:
                return
            asked = True
            await socket.send(PING)
            continue
        asked = False
        yield message
