"""Which coins' prices do not come by stream, why, and what of it the bot has been told.

Owns the reasons of all sockets together: a coin counts as heard again when none is left. Told are changes only, and
only while the account's own socket is up: without it nothing counts as streamed anyway.
"""

from collections import defaultdict

from tidegate.model.events import CoinsHeard, CoinsUnheard, Event, StreamFrozen


class Roster:
    """Reasons by coin and by who has them (`by`); a reason that is `final` is worth an alert."""

    def __init__(self) -> None:
        self.changed = False
        self._is_up = False
        self._why: dict[str, dict[str, tuple[str, bool]]] = {}
        self._told: dict[str, tuple[str, bool]] = {}

    def __contains__(self, coin: object) -> bool:
        return coin in self._why

    def __len__(self) -> int:
        return len(self._why)

    def by(self, who: str) -> list[str]:
        """The coins that `who` has muted."""
        return [coin for coin, whys in self._why.items() if who in whys]

    def mute(self, coin: str, by: str, why: str, *, final: bool = False) -> None:
        """This coin's prices do not come, says `by`."""
        self._why.setdefault(coin, {})[by] = (why, final)
        self.changed = True

    def unmute(self, coin: str, by: str) -> None:
        """What `by` said is over."""
        whys = self._why.get(coin)
        if whys is not None and whys.pop(by, None) is not None:
            self.changed = True
            if not whys:
                del self._why[coin]

    def forget(self, coin: str) -> None:
        """Nobody wants this coin any more."""
        self._why.pop(coin, None)
        self._told.pop(coin, None)

    def up(self, at_ms: int) -> list[Event]:
        """The stream is up, and the bot takes every coin for streamed: tell it of those that are not."""
        self._is_up = True
        self._told.clear()
        self.changed = True
        return self.news(at_ms)

    def down(self) -> None:
        """The stream is down: there is nothing to tell until it is up."""
        self._is_up = False

    def news(self, at_ms: int) -> list[Event]:
        """What has changed since it was told last."""
        if not self.changed or not self._is_up:
            return []
        self.changed = False
        frozen: list[Event] = []
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for coin, whys in self._why.items():
            gravest = max(whys.values(), key=lambda each: each[1])
            told = self._told.get(coin)
            if told is not None and (told[1] or not gravest[1]):
                continue
            self._told[coin] = gravest
            if gravest[1]:
                frozen.append(StreamFrozen(at_ms=at_ms, coin=coin, reason=gravest[0]))
            else:
                groups[gravest[0]].append(coin)
        back = tuple(coin for coin in self._told if coin not in self._why)
        for coin in back:
            del self._told[coin]
        unheard: list[Event] = [
            CoinsUnheard(at_ms=at_ms, coins=tuple(coins), reason=why) for why, coins in groups.items()
        ]
        heard: list[Event] = [CoinsHeard(at_ms=at_ms, coins=back)] if back else []
        return unheard + frozen + heard
