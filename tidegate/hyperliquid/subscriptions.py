"""What one socket of the stream is asked for, and whether it was granted.

Owns the list of wanted subscriptions, the state of each on the present connection, and the pace of asking: only so
many requests are unanswered at a time, so a long list is asked for as fast as the exchange grants it. Sans-I/O: gives
frames, is told of acknowledgements, is asked what is overdue.

Source: Hyperliquid docs, "Subscriptions". Acknowledgements echo the request with defaults filled in, so they are
recognised by what tells one subscription from another.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

ACK_TIMEOUT_NS = 5_000_000_000
TRIES_MAX = 3
SUBSCRIPTIONS_MAX = 1_000
"""What the exchange grants one address, over all sockets."""
UNANSWERED_MAX = 50

_json = msgspec.json.Encoder().encode

SUBSCRIBE, UNSUBSCRIBE = "subscribe", "unsubscribe"


class Subscription(Struct, frozen=True):
    """One subscription: `target` is a coin, the account's lower-case address when `personal`, "" for all coins."""

    type: str
    target: str = ""
    personal: bool = False
    interval: str | None = None
    fast: bool = False

    def frame(self, method: str = SUBSCRIBE) -> bytes:
        """The request for it (or to end it)."""
        wanted: dict[str, Any] = {"type": self.type}
        if self.target:
            wanted["user" if self.personal else "coin"] = self.target
        if self.interval is not None:
            wanted["interval"] = self.interval
        if self.fast:
            wanted["fast"] = True
        return _json({"method": method, "subscription": wanted})

    @property
    def coin(self) -> str | None:
        """The coin it is about, if it is about one."""
        return None if self.personal or not self.target else self.target

    @property
    def echo(self) -> tuple[str, str, str, bool]:
        """What its acknowledgement says of it."""
        return (self.type, self.target, self.interval or "", self.fast)


class Asked(Struct):
    """How far one subscription has come on this connection."""

    asked_ns: int = 0
    tries: int = 0
    settled: bool = False


class Subscriptions:
    """The wanted subscriptions and their state on the present connection.

    `asked_ns` is when the last one was asked for, `granted` how many were granted.
    """

    def __init__(self) -> None:
        self._asked: dict[Subscription, Asked] = {}
        self._by_echo: dict[tuple[str, str, str, bool], Subscription] = {}
        self._by_coin: dict[str, list[Subscription]] = {}
        self._queue: deque[tuple[str, Subscription]] = deque()
        self._unanswered: set[Subscription] = set()
        self._unsettled = 0
        self.asked_ns = 0
        self.granted = 0

    def __len__(self) -> int:
        return len(self._asked)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(tuple(self._asked))

    @property
    def complete(self) -> bool:
        """Whether every one was acknowledged or given up."""
        return self._unsettled == 0

    @property
    def wants_to_ask(self) -> bool:
        """Whether something could be asked for now, as far as unanswered requests allow."""
        return bool(self._queue) and len(self._unanswered) < UNANSWERED_MAX

    def add(self, wanted: Iterable[Subscription]) -> list[Subscription]:
        """Want these too; returns those that are new."""
        new = [each for each in dict.fromkeys(wanted) if each not in self._asked]
        for each in new:
            self._asked[each] = Asked()
            self._by_echo[each.echo] = each
            if each.coin is not None:
                self._by_coin.setdefault(each.coin, []).append(each)
            self._unsettled += 1
        return new

    def remove(self, unwanted: Iterable[Subscription]) -> list[Subscription]:
        """Want these no more; returns what the exchange was asked for and has to be told."""
        gone = [each for each in unwanted if each in self._asked]
        told = []
        for each in gone:
            asked = self._asked.pop(each)
            self._unsettled -= not asked.settled
            self._unanswered.discard(each)
            self._by_echo.pop(each.echo, None)
            if each.coin is not None:
                self._by_coin[each.coin].remove(each)
                if not self._by_coin[each.coin]:
                    del self._by_coin[each.coin]
            if asked.tries or asked.settled:
                told.append(each)
        if gone:
            dropped = set(gone)
            self._queue = deque(each for each in self._queue if each[0] == UNSUBSCRIBE or each[1] not in dropped)
        return told

    def of_coin(self, coin: str) -> list[Subscription]:
        """What is wanted about one coin."""
        return list(self._by_coin.get(coin, ()))

    def coins(self) -> list[str]:
        """The coins about which something is wanted."""
        return list(self._by_coin)

    def is_settled(self, coin: str) -> bool:
        """Whether everything about a coin was acknowledged or given up."""
        return all(self._asked[each].settled for each in self._by_coin.get(coin, ()))

    def forget_connection(self) -> None:
        """A new connection knows of nothing."""
        for each in self._asked:
            self._asked[each] = Asked()
        self._unsettled = len(self._asked)
        self._queue.clear()
        self._unanswered.clear()
        self.granted = 0

    def ask(self, which: Iterable[Subscription]) -> None:
        """Ask for these, again if they were granted before."""
        for each in which:
            asked = self._asked[each]
            self._unsettled += asked.settled
            asked.settled = False
            self._queue.append((SUBSCRIBE, each))

    def end(self, which: Iterable[Subscription]) -> None:
        """Tell the exchange that these are over."""
        self._queue.extend((UNSUBSCRIBE, each) for each in which)

    def next_frames(self, room: int, now_ns: int) -> list[bytes]:
        """What to send now, at most `room` frames."""
        frames: list[bytes] = []
        while self._queue and len(frames) < room and len(self._unanswered) < UNANSWERED_MAX:
            method, each = self._queue.popleft()
            if method == SUBSCRIBE:
                self.asked_ns = now_ns
                asked = self._asked[each]
                asked.asked_ns, asked.tries = now_ns, asked.tries + 1
                self._unanswered.add(each)
            frames.append(each.frame(method))
        return frames

    def acknowledged(self, echo: Mapping[str, Any]) -> Subscription | None:
        """An acknowledgement arrived; None when nothing wanted is meant."""
        target = str(echo["coin"]) if "coin" in echo else str(echo.get("user") or "").lower()
        key = (str(echo.get("type")), target, str(echo.get("interval") or ""), bool(echo.get("fast")))
        subscription = self._by_echo.get(key)
        if subscription is not None:
            self.granted += 1
            self._settle(subscription)
        return subscription

    def already(self, words: str) -> Subscription | None:
        """`Already subscribed: {...}` is an acknowledgement too."""
        head, _, echo = words.partition(": ")
        if head != "Already subscribed":
            return None
        try:
            wanted = json.loads(echo)
        except ValueError:
            return None
        return self.acknowledged(wanted) if isinstance(wanted, dict) else None

    def unanswered_coins(self) -> set[str]:
        """The coins of requests that were neither granted nor refused yet."""
        return {each.coin for each in self._unanswered if each.coin is not None}

    def overdue(self, now_ns: int) -> list[Subscription]:
        """Those given up after three tries (given up only once); what may be tried again is queued."""
        lost: list[Subscription] = []
        if not self._unanswered:
            return lost
        late = [each for each in self._unanswered if now_ns - self._asked[each].asked_ns >= ACK_TIMEOUT_NS]
        for each in sorted(late, key=lambda late: late.echo):
            self._unanswered.discard(each)
            if self._asked[each].tries < TRIES_MAX:
                self._queue.appendleft((SUBSCRIBE, each))
            else:
                lost.append(each)
                self._settle(each)
        return lost

    def _settle(self, subscription: Subscription) -> None:
        asked = self._asked[subscription]
        self._unanswered.discard(subscription)
        self._unsettled -= not asked.settled
        asked.settled = True
        asked.tries = 0
