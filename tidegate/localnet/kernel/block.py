"""What happened during one call of the kernel, handed to its subscribers when the call is over.

A call is the local exchange's block: everything in it has one time, and nobody hears of it before it is
complete. Owns the grouping and the order of what is told; it never decides anything.
"""

from typing import Any, Protocol

Row = dict[str, Any]


class Feed(Protocol):
    """A subscriber. Rows are wire-shaped and shared: read them, never change them."""

    def on_trades(self, coin: str, trades: list[Row]) -> None:
        """Prints of one match event, in the order of matching."""

    def on_book(self, coin: str) -> None:
        """The book of `coin` changed; read it with `l2` or `bbo`."""

    def on_order_update(self, user: str, updates: list[Row]) -> None:
        """Rows {order, status, statusTimestamp} of one account, in order."""

    def on_fills(self, user: str, fills: list[Row]) -> None:
        """Fills of one account, in order."""

    def on_user_event(self, user: str, event: Row) -> None:
        """A nonUserCancel (later also liquidation and funding) of one account."""

    def on_asset_ctx(self, coin: str) -> None:
        """Mark or oracle price moved; read them with `asset_ctx`."""


class Block:
    """Collects while a call runs; `close` tells everybody and starts the next block."""

    def __init__(self) -> None:
        self.feed: list[Feed] = []
        self._trades: list[tuple[str, list[Row]]] = []
        self._books: dict[str, None] = {}
        self._updates: dict[str, list[Row]] = {}
        self._fills: dict[str, list[Row]] = {}
        self._events: list[tuple[str, Row]] = []
        self._contexts: dict[str, None] = {}

    def trades(self, coin: str, rows: list[Row]) -> None:
        """Note the prints of one match event."""
        self._trades.append((coin, rows))

    def book(self, coin: str) -> None:
        """Note that a book changed."""
        self._books[coin] = None

    def order_update(self, user: str, row: Row) -> None:
        """Note a change of an order's status."""
        self._updates.setdefault(user, []).append(row)

    def fill(self, user: str, row: Row) -> None:
        """Note a fill."""
        self._fills.setdefault(user, []).append(row)

    def user_event(self, user: str, event: Row) -> None:
        """Note an event of one account that is neither an order update nor a fill."""
        self._events.append((user, event))

    def asset_ctx(self, coin: str) -> None:
        """Note that mark or oracle moved."""
        self._contexts[coin] = None

    def close(self) -> None:
        """Tell all subscribers, in their order: trades, books, order updates, fills, user events, contexts.

        A subscriber may call the kernel again; what happens then is told in a block of its own.
        """
        trades, self._trades = self._trades, []
        books, self._books = self._books, {}
        contexts, self._contexts = self._contexts, {}
        concerns_users = self._updates or self._fills or self._events
        if concerns_users:
            updates, self._updates = self._updates, {}
            fills, self._fills = self._fills, {}
            events, self._events = self._events, []
        for feed in tuple(self.feed):
            for coin, rows in trades:
                feed.on_trades(coin, rows)
            for coin in books:
                feed.on_book(coin)
            if concerns_users:
                _tell_of_users(feed, updates, fills, events)
            for coin in contexts:
                feed.on_asset_ctx(coin)


def _tell_of_users(
    feed: Feed, updates: dict[str, list[Row]], fills: dict[str, list[Row]], events: list[tuple[str, Row]]
) -> None:
    for user, rows in updates.items():
        feed.on_order_update(user, rows)
    for user, rows in fills.items():
        feed.on_fills(user, rows)
    for user, event in events:
        feed.on_user_event(user, event)
