"""What stands between the doors and their clients when somebody asked for it: faults, and a recorder.

Owns nothing but the question whether anybody stands there. Doors ask `idle` first, and when it is true there is
nothing else to do.
"""

import asyncio
import socket
import struct
from typing import Any, Protocol

from tidegate.localnet.faults.desk import Faults

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for 0 s


class Recorder(Protocol):
    """Who writes down what passes."""

    def asked(self, path: str, request: Any, status: int, response: Any) -> None:
        """A request and its answer, decoded where they are JSON."""

    def said(self, client: int, message: bytes) -> None:
        """A client's message over its socket."""

    def heard(self, client: int, frame: bytes) -> None:
        """A frame that was sent to a client."""


class Closable(Protocol):
    """The proxy, once somebody has opened it."""

    @property
    def url(self) -> str:
        """Where clients connect."""

    def close(self) -> None:
        """Stop listening."""


class Watch:
    """The faults, the recorder and the proxy of one localnet; `stopping` is set when the server ends."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.recorder: Recorder | None = None
        self.proxy: Closable | None = None
        self.stopping = asyncio.Event()

    def close(self) -> None:
        """The server stops: let go of the requests that faults hold, and close the proxy."""
        self.stopping.set()
        if self.proxy is not None:
            self.proxy.close()

    @property
    def idle(self) -> bool:
        """Whether requests and frames pass unseen."""
        return self.faults.idle and self.recorder is None


def reset_on_close(connection: Any) -> None:
    """Let the end of a connection be a TCP reset; `connection` is a socket or what a transport gives for one."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
