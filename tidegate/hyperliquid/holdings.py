"""A second witness of positions: what the account's own listing says beside what its fills come to.

Owns the size of each perpetual position as the stream has told it. A listing and a fill that crosses it may differ for
a moment, so that only a difference that the next listing repeats is told, once: the account is then read by REST.

Source: Hyperliquid docs, "Subscriptions", `clearinghouseState`: everything, about every five seconds.
"""

from collections.abc import Mapping
from decimal import Decimal

from tidegate.model.events import AccountMissed, Event, OrderFilled

ZERO = Decimal(0)


class Holdings:
    """The sizes of one account's positions on one connection; nothing is expected before the first listing."""

    def __init__(self) -> None:
        self._sizes: dict[str, Decimal] | None = None
        self._doubted: dict[str, Decimal] = {}
        self._listed_ms = 0

    def opened(self) -> None:
        """A new connection: the account is read anyway, and the next listing is where it begins."""
        self._sizes, self._doubted, self._listed_ms = None, {}, 0

    def filled(self, told: list[Event]) -> None:
        """These fills were told; oldest first."""
        if self._sizes is None:
            return
        for event in told:
            if isinstance(event, OrderFilled) and is_perpetual(event.fill.coin):
                fill = event.fill
                self._sizes[fill.coin] = fill.start_position + fill.side.sign * fill.size
                self._doubted.pop(fill.coin, None)

    def listed(self, sizes: Mapping[str, Decimal], time_ms: int, at_ms: int) -> list[Event]:
        """The account's listing of that time; what it and the fills do not agree on twice is told."""
        if time_ms < self._listed_ms:
            return []
        self._listed_ms = time_ms
        known = self._sizes
        if known is None:
            self._sizes = dict(sizes)
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
        if not certain:
            return []
        which = ", ".join(certain)
        return [AccountMissed(at_ms=at_ms, reason=f"the account's listing and its fills differ in {which}")]


def is_perpetual(coin: str) -> bool:
    """Whether a fill of this name makes a position of the exchange's own perpetuals."""
    return not coin.startswith("@") and "/" not in coin and ":" not in coin
