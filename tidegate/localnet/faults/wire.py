"""What becomes of bytes on their way through the proxy."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple


class Way(StrEnum):
    """Which way bytes go."""

    UP = "up"  # to the exchange
    DOWN = "down"  # to the client


class Tampered(NamedTuple):
    """What is passed on instead of a chunk, after a wait of wall time, and how the connection goes on."""

    chunks: tuple[bytes, ...] = ()
    after_s: float = 0.0
    resets: bool = False
    goes_deaf: bool = False


class Tamper(NamedTuple):
    """A change of chunks that go one way."""

    way: Way
    do: Callable[[bytes], Tampered]
