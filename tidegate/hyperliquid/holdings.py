"""A second witness of positions: what the account's own listing says beside what its fills come to.

Owns the size of each perpetual position as the stream has told it. A listing and a fill that crosses it may differ for
a moment, so that only a difference that the next listing repeats is told, once: the account is then read by REST. Cash
that changes while no fill and no funding was heard and the positions agree is a transfer: told at once, once a minute.

Source: Hyperliquid docs, "Subscriptions", `clearinghouseState`: everything, about every five seconds.
"""

from collections.abc import Mapping
from decimal import Decimal

from tidegate.model.events import AccountMissed, Event, OrderFilled

ZERO = Decimal(0)
TRANSFER_EVERY_MS = 60_000
"""So seldom is cash a reason to read the account: what it is that moves it may be more than we know of."""


class Holdings:
    """The sizes of one account's positions on one connection; nothing is expected before the first listing."""

    def __init__(self) -> None:
        self._sizes: dict[str, Decimal] | None = None
        self._doubted: dict[str, Decimal] = {}
        self._listed_ms = 0
        self._cash: Decimal | None = None
        self._moved = False
        self._transfer_ms = -TRANSFER_EVERY_MS

    def opened(self) -> None:
        """A new connection: the account is read anyway, and the next listing is where it begins."""
        self._sizes, self._doubted, self._listed_ms = None, {}, 0
        self._cash, self._moved = None, False

    def filled(self, told: list[Event]) -> None:
        """These fills were told; oldest first."""
        self._moved = self._moved or bool(told)
        if self._sizes is None:
            return
        for event in told:
            if isinstance(event, OrderFilled) and is_perpetual(event.fill.coin):
                fill = event.fill
                self._sizes[fill.coin] = fill.start_position + fill.side.sign * fill.size
                self._doubted.pop(fill.coin, None)

    def paid(self, told: list[Event]) -> None:
        """These payments were told: they move cash as well."""
        self._moved = self._moved or bool(told)

    def listed(
        self, sizes: Mapping[str, Decimal], time_ms: int, at_ms: int, cash: Decimal | None = None
    ) -> list[Event]:
        """The account's listing of that time; what it and the fills do not agree on twice is told."""
        if time_ms < self._listed_ms:
            return []
        self._listed_ms = time_ms
        known = self._sizes
        if known is None:
            self._sizes, self._cash, self._moved = dict(sizes), cash, False
            return []
        differing = {
            coin: sizes.get(coin, ZERO)
            for coin in known.keys() | sizes.keys()
            if known.get(coin, ZERO) != sizes.get(coin, ZERO)
        }
        certain = sorted(coin for coin, size in differing.items() if self._doubted.get(coin) == size)
        self._doubted = {coin: size for coin, size in differing.items() if coin not in certain}
        for coin in certain:
            known[coin] = differing[coin]
        if not differing:
            return self._transferred(cash, at_ms)
        self._cash = cash
        if not certain:
            return []
        which = ", ".join(certain)
        return [AccountMissed(at_ms=at_ms, reason=f"the account's listing and its fills differ in {which}")]

    def _transferred(self, cash: Decimal | None, at_ms: int) -> list[Event]:
        """Whether cash has come or gone of which neither a fill nor a payment told."""
        before, self._cash = self._cash, cash
        moved, self._moved = self._moved, False
        if cash is None or before is None or cash == before or moved:
            return []
        if at_ms - self._transfer_ms < TRANSFER_EVERY_MS:
            return []
        self._transfer_ms = at_ms
        return [
            AccountMissed(at_ms=at_ms, reason=f"the account's cash changed by {cash - before:f} USD without a fill")
        ]


def is_perpetual(coin: str) -> bool:
    """Whether a fill of this name makes a position of the exchange's own perpetuals."""
    return not coin.startswith("@") and "/" not in coin and ":" not in coin
