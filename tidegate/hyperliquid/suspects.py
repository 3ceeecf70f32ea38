"""Which coin makes the exchange drop the connection: it does so without a word when it is asked for one unknown to it.

Owns the search. Coins that were granted or heard once are beyond doubt. When a connection is lost right after others
were asked for, the next one asks for half of them; what survives is proven, what is left alone too often is condemned.
"""

from collections import Counter
from collections.abc import Sequence

STRIKES_MAX = 3


class Suspects:
    """What is known about the coins of one socket."""

    def __init__(self) -> None:
        self._proven: set[str] = set()
        self._strikes: Counter[str] = Counter()
        self._waiting: list[tuple[str, ...]] = []

    def prove(self, coin: str) -> None:
        """The exchange knows this coin."""
        if coin not in self._proven:
            self._proven.add(coin)
            self._strikes.pop(coin, None)

    def doubtful(self, coins: Sequence[str]) -> list[str]:
        """Those of which it is not known."""
        return [coin for coin in coins if coin not in self._proven]

    def dropped(self, coins: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
        """The connection was dropped after these doubtful coins were asked for: who waits now, and who is guilty."""
        if not coins:
            return (), None
        if len(coins) == 1:
            [coin] = coins
            self._strikes[coin] += 1
            if self._strikes[coin] < STRIKES_MAX:
                return (), None
            self._strikes[coin] = STRIKES_MAX - 1
            return (), coin
        half = (len(coins) + 1) // 2
        later = tuple(coins[half:])
        self._waiting.append(later)
        return later, None

    @property
    def is_waiting(self) -> bool:
        """Whether coins wait for those asked for now to survive."""
        return bool(self._waiting)

    def next_group(self) -> tuple[str, ...]:
        """Those asked for have survived: the next ones."""
        return self._waiting.pop() if self._waiting else ()

    def forget(self, coin: str) -> None:
        """Nobody wants this coin any more."""
        self._proven.discard(coin)
        self._strikes.pop(coin, None)
        self._waiting = [tuple(each for each in group if each != coin) for group in self._waiting]
