"""What a fault is: a name with a meaning, where it takes hold, what it wants to know, and the effect it makes.

The tables of faults are in the `of_*` modules beside this one, merged in `catalogue`. A fault without a rule that asks
for it does not exist for anybody.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

Args = dict[str, Any]


class Place(StrEnum):
    """Where a fault takes hold, which is also what its rule matches."""

    REQUEST = "request"  # an /info or /exchange request, through whichever door
    FRAME = "frame"  # a frame on its way to a client
    MESSAGE = "message"  # a client's subscribe or unsubscribe
    HANDSHAKE = "handshake"  # a WebSocket that is about to open
    LINE = "line"  # open WebSocket connections
    WIRE = "wire"  # chunks of bytes through the proxy
    CALL = "call"  # a TCP connection that is about to open through the proxy
    ACT = "act"  # the exchange's state, once, at a moment
    MARKET = "market"  # what the house quotes and publishes, for a while


class Kind(StrEnum):
    """What a parameter holds."""

    WHOLE = "a whole number"
    NUMBER = "a number"
    SECONDS = "seconds"
    TEXT = "text"
    FLAG = "true or false"


class Parameter(NamedTuple):
    """One parameter; without a default (None) it must be given, and `least` and `most` bound a number."""

    name: str
    kind: Kind
    default: Any = None
    least: float | None = None
    most: float | None = None
    allowed: tuple[str, ...] = ()


class Fault(NamedTuple):
    """A named fault. `make(args)` gives the effect that the place understands; `rows` are those of the fault table.

    `times` is how often it happens when a rule does not say so, None for always.
    """

    place: Place
    says: str
    rows: tuple[int, ...]
    make: Callable[[Args], Any]
    parameters: tuple[Parameter, ...] = ()
    times: int | None = 1


Table = dict[str, Fault]
