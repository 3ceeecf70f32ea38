"""What the stream is asked for, and whether it was granted.

Owns the list of wanted subscriptions and the state of each on the present connection. Sans-I/O: gives frames, is
told of acknowledgements, is asked what is overdue.

Source: Hyperliquid docs, "Subscriptions". Acknowledgements echo the request with defaults filled in, so they are
recognised by their type and target.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

ACK_TIMEOUT_NS = 5_000_000_000
TRIES_MAX = 3
SUBSCRIPTIONS_MAX = 1_000

_json = msgspec.json.Encoder().encode


class Subscription(Struct, frozen=True):
    """One subscription: `target` is a coin, or the account's lower-case address when `personal`."""

    type: str
    target: str
    personal: bool = False
    interval: str | None = None
    fast: bool = False

    def frame(self, method: str = "subscribe") -> bytes:
        """The request for it (or to end it)."""
        wanted: dict[str, Any] = {"type": self.type, "user" if self.personal else "coin": self.target}
        if self.interval is not None:
            wanted["interval"] = self.interval
        if self.fast:
            wanted["fast"] = True
        return _json({"method": method, "subscription": wanted})

    @property
    def coin(self) -> str | None:
        """The coin it is about, if it is about one."""
        return None if self.personal else self.target


class Asked(Struct):
    """How far one subscription has come on this connection."""

    asked_ns: int = 0
    tries: int = 0
    settled: bool = False


class Subscriptions:
    """The wanted subscriptions and their state on the present connection."""

    def __init__(self) -> None:
        self._asked: dict[Subscription, Asked] = {}
        self._by_echo: dict[tuple[str, str], Subscription] = {}
        self._unsettled = 0

    def __len__(self) -> int:
        return len(self._asked)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(tuple(self._asked))

    @property
    def complete(self) -> bool:
        """Whether every one was acknowledged or given up."""
        return self._unsettled == 0

    def add(self, wanted: Iterable[Subscription]) -> list[Subscription]:
        """Want these too; returns those that are new. More than the exchange allows raises ValueError."""
        new = [each for each in dict.fromkeys(wanted) if each not in self._asked]
        total = len(self._asked) + len(new)
        if total > SUBSCRIPTIONS_MAX:
            raise ValueError(f"the exchange allows {SUBSCRIPTIONS_MAX} subscriptions, not {total}")
        for each in new:
            self._asked[each] = Asked()
            self._by_echo[each.type, each.target] = each
            self._unsettled += 1
        return new

    def remove(self, coins: Iterable[str]) -> list[Subscription]:
        """Want nothing about these coins any more; returns what was wanted."""
        gone_coins = set(coins)
        gone = [each for each in self._asked if each.coin in gone_coins]
        for each in gone:
            self._unsettled -= not self._asked.pop(each).settled
            self._by_echo.pop((each.type, each.target), None)
        return gone

    def of_coin(self, coin: str) -> list[Subscription]:
        """What is wanted about one coin."""
        return [each for each in self._asked if each.coin == coin]

    def forget_connection(self) -> None:
        """A new connection knows of nothing."""
        for each in self._asked:
            self._asked[each] = Asked()
        self._unsettled = len(self._asked)

    def ask(self, which: Iterable[Subscription], now_ns: int) -> list[bytes]:
        """The frames that ask for these, and a note of when they were asked."""
        frames = []
        for each in which:
            asked = self._asked[each]
            self._unsettled += asked.settled
            self._asked[each] = Asked(asked_ns=now_ns, tries=asked.tries + 1)
            frames.append(each.frame())
        return frames

    def acknowledged(self, echo: Mapping[str, Any]) -> bool:
        """An acknowledgement arrived; False when nothing wanted is meant."""
        target = str(echo["coin"]) if "coin" in echo else str(echo.get("user")).lower()
        subscription = self._by_echo.get((str(echo.get("type")), target))
        if subscription is None:
            return False
        self._settle(subscription)
        return True

    def already(self, words: str) -> bool:
        """`Already subscribed: {...}` is an acknowledgement too."""
        head, _, echo = words.partition(": ")
        if head != "Already subscribed":
            return False
        try:
            wanted = json.loads(echo)
        except ValueError:
            return False
        return isinstance(wanted, dict) and self.acknowledged(wanted)

    def overdue(self, now_ns: int) -> tuple[list[Subscription], list[Subscription]]:
        """Those to ask for again, and those given up after three tries (given up only once)."""
        again: list[Subscription] = []
        lost: list[Subscription] = []
        if self._unsettled:
            for each, asked in self._asked.items():
                if asked.settled or not asked.tries or now_ns - asked.asked_ns < ACK_TIMEOUT_NS:
                    continue
                (again if asked.tries < TRIES_MAX else lost).append(each)
            for each in lost:
                self._settle(each)
        return again, lost

    def _settle(self, subscription: Subscription) -> None:
        asked = self._asked[subscription]
        self._unsettled -= not asked.settled
        asked.settled = True
        asked.tries = 0
