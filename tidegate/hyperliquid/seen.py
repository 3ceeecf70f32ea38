"""A bounded memory of what was seen, for telling a repetition from news."""

from collections.abc import Hashable

SEEN_MAX = 8_192
NUMBERED_MAX = 4_096


class Seen:
    """Remembers at least the newest `size` keys and at most twice as many, in two generations."""

    def __init__(self, size: int = SEEN_MAX) -> None:
        self._size = size
        self._young: set[Hashable] = set()
        self._old: set[Hashable] = set()

    def is_new(self, key: Hashable) -> bool:
        """Whether this key has not been seen; from now on it has been."""
        if key in self._old:
            return False
        young, size = self._young, len(self._young)
        young.add(key)
        if len(young) == size:
            return False
        if size + 1 >= self._size:
            self._old, self._young = young, set()
        return True

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


class SeenPrints:
    """The same for prints, of which there may be thousands a second: a key is one whole number, for tuples that live on
    would have Python collect garbage several times a second."""

    def __init__(self, size: int = SEEN_MAX) -> None:
        self._seen = Seen(size)
        self._numbers: dict[str, int] = {}

    def is_new(self, time_ms: int, coin: str, tid: int) -> bool:
        """Whether this print has not been seen. Times are at most 2**53, numbers of prints less than 2**63."""
        number = self._numbers.get(coin)
        if number is None:
            if len(self._numbers) >= NUMBERED_MAX:
                return self._seen.is_new((time_ms, coin, tid))
            number = self._numbers[coin] = len(self._numbers)
        return self._seen.is_new((((number << 54) | time_ms) << 63) | tid)

    def __len__(self) -> int:
        return len(self._seen)
