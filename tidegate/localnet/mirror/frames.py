"""The frames of a venue's public stream that a mirror reads, and the subscriptions that bring them (section 6.2).

Owns the shapes. Frames of other channels are ignored; keys that nobody needs are not read.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from tidegate.errors import TidegateError
from tidegate.localnet.markets.house import Level, Side


class CannotMirror(TidegateError):
    """The venue cannot be reached or speaks something else than Hyperliquid's protocol."""


class MirroredLevel(msgspec.Struct):
    """One level of a book."""

    px: Decimal
    sz: Decimal
    n: int

    def level(self) -> Level:
        """As the house quotes it."""
        return self.px, self.sz, max(1, self.n)


class Book(msgspec.Struct):
    """Data of an l2Book frame; the fast ones have five levels a side."""

    coin: str
    time: int
    levels: tuple[list[MirroredLevel], list[MirroredLevel]]
    fast: bool = False


class Touch(msgspec.Struct):
    """Data of a bbo frame."""

    coin: str
    time: int
    bbo: tuple[MirroredLevel | None, MirroredLevel | None]


class Trade(msgspec.Struct):
    """One entry of a trades frame; `side` is the taker's, `users` are buyer and seller."""

    coin: str
    side: Side
    px: Decimal
    sz: Decimal
    time: int
    tid: int
    hash: str = ""
    users: tuple[str, str] = ("", "")


class Context(msgspec.Struct, rename="camel"):
    """What a context tells a mirror; a spot pair's has no oracle."""

    mark_px: Decimal
    oracle_px: Decimal | None = None


class ActiveContext(msgspec.Struct):
    """Data of an activeAssetCtx frame."""

    coin: str
    ctx: Context


class Mids(msgspec.Struct):
    """Data of an allMids frame."""

    mids: dict[str, Decimal]


class _Frame(msgspec.Struct):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


_frame = msgspec.json.Decoder(_Frame).decode
_READERS: dict[str, Any] = {
    "l2Book": msgspec.json.Decoder(Book).decode,
    "bbo": msgspec.json.Decoder(Touch).decode,
    "trades": msgspec.json.Decoder(list[Trade]).decode,
    "activeAssetCtx": msgspec.json.Decoder(ActiveContext).decode,
    "allMids": msgspec.json.Decoder(Mids).decode,
}

News = Book | Touch | list[Trade] | ActiveContext | Mids


def read(message: bytes) -> News | None:
    """What a frame tells; None for channels that a mirror does not follow. Raises msgspec.MsgspecError."""
    frame = _frame(message)
    reader = _READERS.get(frame.channel)
    news: News | None = None if reader is None else reader(frame.data)
    return news


def subscriptions(coins: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What a mirror of these coins subscribes to."""
    for coin in coins:
        yield {"type": "l2Book", "coin": coin}
        yield {"type": "l2Book", "coin": coin, "fast": True}
        yield {"type": "bbo", "coin": coin}
        yield {"type": "trades", "coin": coin}
        yield {"type": "activeAssetCtx", "coin": coin}
    yield {"type": "allMids"}
