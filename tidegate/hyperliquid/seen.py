"""A bounded memory of what was seen, for telling a repetition from news."""

from collections.abc import Hashable

SEEN_MAX = 8_192


class Seen:
    """Remembers at least the newest `size` keys and at most twice as many, in two generations."""

    def __init__(self, size: int = SEEN_MAX) -> None:
        self._size = size
        self._young: set[Hashable] = set()
        self._old: set[Hashable] = set()

    def is_new(self, key: Hashable) -> bool:
        """Whether this key has not been seen; from now on it has been."""
        if key in self._young or key in self._old:
            return False
        if len(self._young) >= self._size:
            self._old, self._young = self._young, set()
        self._young.add(key)
        return True

    def __len__(self) -> int:
        return len(self._young) + len(self._old)
