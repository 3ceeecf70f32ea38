"""Row 000-33: under overload the coins with a position keep their latency while those of others are conflated.

Time is counted in prices handled, so that no machine matters: handling one takes one unit, in which more than one price
arrives. Both figures are of one run, and held against each other.
"""

import random
import sys
from collections import defaultdict

from tests.core.worlds import D
from tidegate.inbox import REST_MAX, ConflatingInbox
from tidegate.model.events import Trade

COINS = tuple(f"C{number:03}" for number in range(500))
HELD = frozenset(COINS[::100])
UNITS = 40_000


class Units:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0

    def now_ms(self) -> int:
        return self.now

    def seconds_until(self, _at_ms: int) -> float:
        return 0.0


class Overload:
    """Prices that arrive `per_unit` as fast as they are handled; the ages of those handled, in units, by coin."""

    def __init__(self, per_unit: int, held: frozenset[str]) -> None:
        self.clock, self.chance = Units(), random.Random(8)
        self.inbox = ConflatingInbox(self.clock)
        self.inbox.hold(held)
        self.ages: defaultdict[str, list[int]] = defaultdict(list)
        self.sent: defaultdict[str, list[int]] = defaultdict(list)
        self.heard: defaultdict[str, list[Trade]] = defaultdict(list)
        self.waiting_max = 0
        while self.clock.now < UNITS:
            self._arrive(per_unit)
            for event in self.inbox.take(0):
                self._handle(event)
                self.clock.now += 1
                self._arrive(per_unit)
        while left := self.inbox.take(0):
            for event in left:
                self._handle(event)

    def _arrive(self, count: int) -> None:
        now = self.clock.now
        for _print in range(count):
            coin, price = self.chance.choice(COINS), self.chance.randint(1, 1_000_000)
            self.sent[coin].append(price)
            self.inbox.put(Trade(at_ms=now, coin=coin, price=D(price), low=D(price), high=D(price), time_ms=now))
        self.waiting_max = max(self.waiting_max, self.inbox.waiting)

    def _handle(self, event: object) -> None:
        assert isinstance(event, Trade)
        self.heard[event.coin].append(event)
        if self.clock.now < UNITS:
            self.ages[event.coin].append(self.clock.now - event.at_ms)

    def p99(self, *, held: bool) -> int:
        """The age at handling that one in a hundred exceeds."""
        ages = sorted(age for coin, some in self.ages.items() if (coin in HELD) is held for age in some)
        return ages[len(ages) * 99 // 100]


def test_held_coins_wait_less_than_half_as_long_as_others_which_are_conflated() -> None:
    over = Overload(4, HELD)
    held, others = over.p99(held=True), over.p99(held=False)
    conflated = sum(map(len, over.sent.values())) / sum(map(len, over.heard.values()))
    sys.stdout.write(f"p99 of coins with a position {held} units, of others {others}; {conflated:.1f} prices in one\n")
    assert over.inbox.conflated > 0
    assert held * 2 < others
    assert over.waiting_max < REST_MAX + 4 * len(COINS), "memory is bounded"


def test_without_a_position_these_coins_wait_as_long_as_all_others() -> None:
    none = Overload(4, frozenset())
    assert 0.7 < none.p99(held=True) / none.p99(held=False) < 1.4


def test_of_coins_with_a_position_and_of_others_no_extreme_and_no_print_is_lost() -> None:
    over = Overload(4, HELD)
    for coin in COINS:
        assert min(event.low for event in over.heard[coin]) == min(over.sent[coin])
        assert max(event.high for event in over.heard[coin]) == max(over.sent[coin])
        assert over.heard[coin][-1].price == over.sent[coin][-1]
        assert sum(event.count for event in over.heard[coin]) == len(over.sent[coin])
