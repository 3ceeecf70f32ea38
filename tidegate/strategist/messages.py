"""What the bot and its strategist say to each other: messages of msgpack, each after its length in four bytes.

Knows no pipe and no process; bytes that make no message raise Unintelligible.
"""

import struct
from collections.abc import Iterator
from decimal import Decimal

import msgspec
from msgspec import Struct

from tidegate.errors import Unintelligible
from tidegate.model.market import Candle
from tidegate.model.signals import Signal

MESSAGE_BYTES_MAX = 4_000_000
LENGTH = struct.Struct(">I")


class Setup(Struct, frozen=True, kw_only=True, tag=True):
    """To the child, once: the strategy's very bytes, its parameters, how many bars to keep, how long it may think."""

    name: str
    path: str
    source: bytes
    sha256: str
    parameters: dict[str, str]
    candle_history: int
    load_limit_s: float
    evaluation_limit_s: float
    timeframe_ms: int = 0
    regime: tuple[str, ...] = ()
    regime_bars: int = 50
    regime_buckets: tuple[tuple[str, ...], ...] = ()


class Bars(Struct, frozen=True, kw_only=True, tag=True):
    """To the child: newly closed candles. `reset`: forget what there was; `last`: evaluate after these.

    `funding`: the rate of an hour that was known when the last of them had closed; `imbalance`: the order book's.
    """

    coin: str
    candles: tuple[Candle, ...]
    reset: bool
    last: bool = True
    funding: Decimal | None = None
    imbalance: Decimal | None = None


class Forget(Struct, frozen=True, kw_only=True, tag=True):
    """To the child: nothing is asked about this coin any more."""

    coin: str


class Ready(Struct, frozen=True, kw_only=True, tag=True):
    """From the child: the strategy is loaded. `values` are all its parameters as text."""

    name: str
    summary: str
    sha256: str
    values: dict[str, str]
    warm_up_bars: int


class Broken(Struct, frozen=True, kw_only=True, tag=True):
    """From the child: the strategy or its parameters cannot be used; one line for each problem."""

    problems: tuple[str, ...]


class Answered(Struct, frozen=True, kw_only=True, tag=True):
    """From the child: what the strategy wishes after a bar (None while it warms up), and what was odd about it."""

    coin: str
    candle_open_ms: int
    bars: int
    signal: Signal | None
    complaints: tuple[str, ...] = ()
    took_ms: float = 0.0


class Failed(Struct, frozen=True, kw_only=True, tag=True):
    """From the child: the strategy raised, or gave what is no answer."""

    coin: str
    reason: str


class Unread:
    """Bytes that arrived and are not a whole message yet."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take a chunk; give the bodies of the messages that it completes."""
        self._bytes += chunk
        while len(self._bytes) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._bytes)
            if length > MESSAGE_BYTES_MAX:
                raise Unintelligible(f"a message of {length:,} bytes, {MESSAGE_BYTES_MAX:,} are allowed")
            end = LENGTH.size + length
            if len(self._bytes) < end:
                return
            body = bytes(self._bytes[LENGTH.size : end])
            del self._bytes[:end]
            yield body


ToChild = Setup | Bars | Forget
FromChild = Ready | Broken | Answered | Failed

_encoder = msgspec.msgpack.Encoder()
_to_child: msgspec.msgpack.Decoder[ToChild] = msgspec.msgpack.Decoder(ToChild)
_from_child: msgspec.msgpack.Decoder[FromChild] = msgspec.msgpack.Decoder(FromChild)


def encode(message: ToChild | FromChild) -> bytes:
    """A message as it goes into the pipe."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def decode_to_child(body: bytes) -> ToChild:
    """What the bot said; raise Unintelligible for anything else."""
    try:
        return _to_child.decode(body)
    except msgspec.MsgspecError as error:
        raise Unintelligible(f"not a message to the strategist: {error}") from error


def decode_from_child(body: bytes) -> FromChild:
    """What the child said; raise Unintelligible for anything else."""
    try:
        return _from_child.decode(body)
    except msgspec.MsgspecError as error:
        raise Unintelligible(f"not a message of the strategist: {error}") from error
