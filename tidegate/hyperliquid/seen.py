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
