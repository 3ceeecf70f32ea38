"""What answers /info share: the venue, the kernel that renders books, and the shape of the tables of requests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.reply import Reply, ok
from tidegate.localnet.kernel.venue import Venue

Row = dict[str, Any]
BOOK_DEPTH = 20


class Market(Protocol):
    """What the kernel renders for the streams too."""

    def mids(self, dex: str = "") -> dict[str, str]:
        """The body of allMids for a dex."""

    def l2(self, coin: str, depth: int = BOOK_DEPTH, n_sig_figs: int | None = None, mantissa: int | None = None) -> Row:
        """A book snapshot."""

    def asset_ctx(self, coin: str) -> Row:
        """A context row."""

    def recent_trades(self, coin: str) -> list[Row]:
        """The last prints, newest first."""

    def knows_coin(self, coin: str) -> bool:
        """Whether market data exists."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where answers come from; asking changes nothing."""

    venue: Venue
    market: Market

    def account(self, user: str) -> Account | None:
        """The account of an address in any case."""
        return self.venue.account(user.lower())


Request = tuple[type, Callable[[Desk, Any], Reply]]
"""A shape and its answer."""


def constant(body: Any) -> Callable[[Desk, Any], Reply]:
    """The same answer to everybody."""
    return lambda _desk, _request: ok(body)
