"""How much more is bid than asked at the touch: (bid - ask) / (bid + ask), from -1 to 1, averaged over some seconds.

Owns a mean for each coin, of a look a second; one look says nothing, for the sizes of the touch change all the time.
"""

from decimal import Decimal

from msgspec import Raw

EVERY_MS = 1_000
LOOKS_MIN = 10
"""So many looks make the first mean; from then on each new one counts one in so many."""
FORGET_AFTER_MS = 60_000


class Imbalances:
    """By coin: when it was looked at last (exchange time), how often, and the mean."""

    def __init__(self) -> None:
        self._looks: dict[str, tuple[int, int, float]] = {}

    def clear(self) -> None:
        """Begin anew."""
        self._looks.clear()

    def forget(self, coin: str) -> None:
        """Nothing of this coin is wanted any more."""
        self._looks.pop(coin, None)

    def wants(self, coin: str, time_ms: int) -> bool:
        """Whether it is time to look at the sizes again."""
        look = self._looks.get(coin)
        return look is None or time_ms - look[0] >= EVERY_MS

    def seen(self, coin: str, time_ms: int, bid_size: Raw, ask_size: Raw) -> Decimal | None:
        """The mean with this look at the touch; None while there are too few, or where the sizes make no sense."""
        try:
            bid, ask = (float(bytes(size).strip(b'"')) for size in (bid_size, ask_size))
        except ValueError:
            return None
        if not (0 <= bid < float("inf") and 0 <= ask < float("inf") and bid + ask > 0):
            return None
        before_ms, looks, mean = self._looks.get(coin, (0, 0, 0.0))
        if time_ms - before_ms > FORGET_AFTER_MS:
            looks, mean = 0, 0.0
        looks = min(looks + 1, LOOKS_MIN)
        mean += ((bid - ask) / (bid + ask) - mean) / looks
        self._looks[coin] = (time_ms, looks, mean)
        return Decimal(f"{mean:.3f}") if looks == LOOKS_MIN else None
