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

    def __contains__(self, key: Hashable) -> bool:
        return key in self._young or key in self._old

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


class SeenPrints:
    """The same for prints, of which there may be thousands a second: the newest `size` of all coins.

    Kept are the number and the time of each, as they were decoded, in a small table a coin: nothing is built that would
    have Python collect garbage, and little memory is touched, which after a pause is what costs most.
    """

    def __init__(self, size: int = SEEN_MAX) -> None:
        self._size = size
        self._count = 0
        self._young: dict[str, dict[int, int]] = {}
        self._old: dict[str, dict[int, int]] = {}
        self._namesakes = Seen(size)
        self._has_namesakes = False

    def is_new(self, time_ms: int, coin: str, tid: int) -> bool:
        """Whether this print has not been seen; from now on it has been."""
        old, young = self._old.get(coin), self._young.get(coin)
        if young is None:
            young = self._young[coin] = {}
        seen_ms = young.get(tid) if old is None else young.get(tid, old.get(tid))
        if seen_ms is None:
            if self._has_namesakes and (time_ms, coin, tid) in self._namesakes:
                return False
            young[tid] = time_ms
            self._count += 1
            if self._count >= self._size:
                self._old, self._young, self._count = self._young, {}, 0
            return True
        return seen_ms != time_ms and self._is_new_namesake(time_ms, coin, tid)

    def _is_new_namesake(self, time_ms: int, coin: str, tid: int) -> bool:
        """Two prints of one coin with one number but not of one time, which should not be, are told apart as well."""
        self._has_namesakes = True
        return self._namesakes.is_new((time_ms, coin, tid))

    def __len__(self) -> int:
        kept = sum(len(each) for each in (*self._young.values(), *self._old.values()))
        return kept + len(self._namesakes)
