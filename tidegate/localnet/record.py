"""Recording a localnet: what its market streamed, what clients asked and said, and what they were told.

Owns the file: one JSON object a line, `recv_ns` (exchange time) and `raw`, as in recordings of a venue. Frames of the
market stand as they are, whether anybody listened or not, so that `--replay` plays the file; conversations have
channels of their own (`rest`, `said`, `heard`), which a replay passes over.
"""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from tidegate.errors import ConfigError
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.markets.house import all_grids

BOOK_EVERY_MS = 500
NANOSECONDS = 1_000_000

Row = dict[str, Any]
_encode = msgspec.json.Encoder().encode


class Recording:
    """A feed of the kernel and a recorder of the doors that writes down what passes."""

    def __init__(self, exchange: Exchange, coins: tuple[str, ...], lines: IO[bytes]) -> None:
        self._exchange = exchange
        self._coins = frozenset(coins)
        self._lines = lines
        self._touches: dict[str, Any] = {}
        self._shown_ms: dict[str, int] = {}
        for coin in coins:
            self.on_book(coin)

    # The market

    def on_trades(self, coin: str, trades: list[Row]) -> None:
        """Prints, as `trades` streams them."""
        if coin in self._coins:
            self._write("trades", trades)

    def on_book(self, coin: str) -> None:
        """A touch that moved, and every half second the book."""
        if coin not in self._coins:
            return
        now_ms = self._exchange.now_ms
        if now_ms - self._shown_ms.get(coin, -BOOK_EVERY_MS) >= BOOK_EVERY_MS:
            self._shown_ms[coin] = now_ms
            self._write("l2Book", self._exchange.l2(coin))
        touch = self._exchange.bbo(coin)
        if touch["bbo"] != self._touches.get(coin):
            self._touches[coin] = touch["bbo"]
            self._write("bbo", touch)

    def on_order_update(self, user: str, updates: list[Row]) -> None:
        """Who hears of it is recorded where it is heard."""

    def on_fills(self, user: str, fills: list[Row]) -> None:
        """Who hears of it is recorded where it is heard."""

    def on_user_event(self, user: str, event: Row) -> None:
        """Who hears of it is recorded where it is heard."""

    def on_asset_ctx(self, coin: str) -> None:
        """A replay computes contexts anew."""

    # The conversations

    def asked(self, path: str, request: Any, status: int, response: Any) -> None:
        """A request over HTTP and its answer."""
        self._write("rest", {"path": path, "request": request, "status": status, "response": response})

    def said(self, client: int, message: bytes) -> None:
        """A client's message over its socket."""
        self._write("said", {"client": client, "message": message.decode("utf-8", errors="replace")})

    def heard(self, client: int, frame: bytes) -> None:
        """A frame that was sent to a client."""
        self._write("heard", {"client": client, "frame": frame.decode("utf-8", errors="replace")})

    def _write(self, channel: str, data: Any) -> None:
        line = {"recv_ns": self._exchange.now_ms * NANOSECONDS, "raw": {"channel": channel, "data": data}}
        self._lines.write(_encode(line) + b"\n")


def replayable(exchange: Exchange, coins: tuple[str, ...]) -> tuple[str, ...]:
    """The coins whose frames a replay can play: those that trade."""
    played = all_grids(exchange.universe)
    return tuple(coin for coin in coins if coin in played)


@contextmanager
def recording(exchange: Exchange, coins: tuple[str, ...], path: Path) -> Iterator[Recording]:
    """Record into a new file, gzipped if it ends in .gz. Raises ConfigError when it is there or cannot be written."""
    try:
        opened = path.open("xb")
    except FileExistsError:
        raise ConfigError([f"--record {path}: the file is there already; name another or remove it"]) from None
    except OSError as error:
        raise ConfigError([f"--record {path}: {error.strerror or error}"]) from None
    with ExitStack() as files:
        lines: IO[bytes] = files.enter_context(opened)
        if path.suffix == ".gz":
            lines = cast(IO[bytes], files.enter_context(gzip.GzipFile(fileobj=opened, mode="wb")))
        feed = Recording(exchange, coins, lines)
        exchange.feed.append(feed)
        try:
            yield feed
        finally:
            exchange.feed.remove(feed)
