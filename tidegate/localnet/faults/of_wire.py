"""Faults of the bytes between client and exchange, for connections through the proxy (rows 2, 3, 7, 18, 25, 30).

The proxy is opened by `POST /localnet/proxy`. A chunk is what one read of a socket gives; rules count chunks that go
their way, and match by `door` (http or ws) only.
"""

from collections.abc import Callable

from tidegate.localnet.faults.fault import Args, Fault, Kind, Parameter, Place, Table
from tidegate.localnet.faults.wire import Tamper, Tampered, Way

NOISE = bytes((37 * n + 11) % 256 for n in range(256))
CHUNK_MAX = 1 << 20


def _tamper(do: Callable[[bytes, Args], Tampered]) -> Callable[[Args], Tamper]:
    return lambda args: Tamper(Way(args["way"]), lambda chunk: do(chunk, args))


def _split(chunk: bytes, args: Args) -> Tampered:
    size = args["size"]
    return Tampered(tuple(chunk[start : start + size] for start in range(0, len(chunk), size)))


def _garbage(chunk: bytes, args: Args) -> Tampered:
    """Noise in the middle of a chunk; its length is what it was."""
    middle, count = len(chunk) // 2, args["count"]
    noise = (NOISE * (1 + count // len(NOISE)))[:count]
    return Tampered(((chunk[:middle] + noise + chunk[middle + count :])[: max(len(chunk), count)],))


def _fault(
    says: str, do: Callable[[bytes, Args], Tampered], *rows: int, parameters: tuple[Parameter, ...] = ()
) -> Fault:
    return Fault(Place.WIRE, says, rows, _tamper(do), (*parameters, WAY))


WAY = Parameter("way", Kind.TEXT, default="down", allowed=("down", "up"))
BYTES = Parameter("size", Kind.WHOLE, default=1, least=1, most=CHUNK_MAX)

FAULTS: Table = {
    "proxy.delay": _fault(
        "chunks wait; what follows waits behind them",
        lambda chunk, args: Tampered((chunk,), after_s=args["seconds"]),
        34,
        62,
        parameters=(Parameter("seconds", Kind.SECONDS, default=1.0, least=0, most=3_600),),
    ),
    "proxy.split": _fault("chunks come in pieces of so many bytes", _split, 25, parameters=(BYTES,)),
    "proxy.truncate": _fault(
        "a chunk's first bytes, then a reset",
        lambda chunk, args: Tampered((chunk[: args["size"]],), resets=True),
        2,
        25,
        parameters=(BYTES._replace(default=20),),
    ),
    "proxy.garbage": _fault(
        "noise in the middle of a chunk",
        _garbage,
        7,
        25,
        parameters=(Parameter("count", Kind.WHOLE, default=16, least=1, most=CHUNK_MAX),),
    ),
    "proxy.rst": _fault("a reset instead of a chunk", lambda _chunk, _args: Tampered(resets=True), 2, 23, 30),
    "proxy.blackhole": _fault(
        "from this chunk on nothing goes either way, the connection stays",
        lambda _chunk, _args: Tampered(goes_deaf=True),
        3,
        23,
        24,
    ),
    "proxy.refuse": Fault(Place.CALL, "connections are reset as soon as they are made", (6, 30), lambda _args: None),
}
