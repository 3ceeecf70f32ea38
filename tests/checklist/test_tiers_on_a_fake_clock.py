"""Row 001-10: coins that are polled are so in tiers: the first each minute, the next every second one, and so on.

The row's tiers of 250 coins: 250 candle reads a minute would weigh 250 x 20 = 5,000, and the exchange grants an address
1,200 a minute, of which candles may have 400 beside prices, the account and the exits. So the tier follows from the
coins and from CHECK_INTERVAL: of 500 coins each minute it is three (3 + 3/2 + 3/3 + … of 167 tiers, some 20 a minute),
and 250 where the interval admits it, from twenty minutes on. Prices are another matter: one request of weight 2
brings those of all coins, so that the exits of every coin are evaluated each time, whatever its tier.
"""

from collections import defaultdict
from itertools import pairwise

import pytest

from tests.core.worlds import T0, TAG, D, candles, instrument
from tidegate.core import schedule, upkeep
from tidegate.core.state import State
from tidegate.core.step import step
from tidegate.hyperliquid.limits import WEIGHT_PER_MINUTE, weight_of
from tidegate.model.events import Account, CandlesFetched, CoinsUnheard, Event, Started, StreamUp, Tick
from tidegate.model.intents import FetchCandles, FetchPrices
from tidegate.model.market import MINUTE_MS, Timeframe
from tidegate.model.settings import Settings

MINUTES = 40
COUNT = 500


class Polled:
    """A core whose stream has room for none of its coins, and in which cycles it asked for each one's candles."""

    def __init__(self, count: int, interval_s: int, cycles: int) -> None:
        self.names = tuple(f"C{number:03}" for number in range(count))
        self.state, self.now_ms = State(), T0
        self.cycle = 0
        self.cycles: defaultdict[str, list[int]] = defaultdict(list)
        self.prices: list[FetchPrices] = []
        settings = Settings(coins=self.names, timeframe=Timeframe.M15, check_interval_s=D(interval_s))
        listed = tuple(instrument(name, asset=number) for number, name in enumerate(self.names))
        account = Account(equity=D(10_000), free=D(10_000), time_ms=T0)
        self._hear(Started(at_ms=T0, settings=settings, instruments=listed, account=account, instance_tag=TAG))
        self._hear(StreamUp(at_ms=T0))
        self._hear(CoinsUnheard(at_ms=T0, coins=self.names, reason="no room"))
        for cycle in range(cycles):
            self.cycle = cycle
            while (due_ms := schedule.next_due_ms(self.state)) < T0 + (cycle + 1) * interval_s * 1_000:
                self.now_ms = max(due_ms, self.now_ms)
                self._hear(Tick(at_ms=self.now_ms))

    def _hear(self, event: Event) -> None:
        for intent in step(self.state, event).intents:
            if isinstance(intent, FetchPrices):
                self.prices.append(intent)
            elif isinstance(intent, FetchCandles):
                self.cycles[intent.coin].append(self.cycle)
                rows = candles(self.now_ms, 3, interval_ms=Timeframe.M15.ms)
                self._hear(CandlesFetched(at_ms=self.now_ms, coin=intent.coin, candles=rows, exchange_ms=self.now_ms))

    def tiers(self) -> dict[int, list[str]]:
        """Who is read every how many cycles, once under way."""
        found: defaultdict[int, list[str]] = defaultdict(list)
        for name in self.names:
            later = [cycle for cycle in self.cycles[name] if cycle > 1]
            if len(later) > 1:
                distances = {after - before for before, after in pairwise(later)}
                assert len(distances) == 1, f"{name}: {later}"
                found[distances.pop()].append(name)
        return dict(found)


def test_a_tier_of_250_coins_each_minute_would_weigh_5000_of_the_1200_that_the_exchange_grants() -> None:
    assert 250 * weight_of("candleSnapshot") == 5_000
    assert WEIGHT_PER_MINUTE == 1_200
    assert schedule.POLLED_PER_MINUTE * upkeep.HEAVY == 400
    assert schedule.tier_size(COUNT, MINUTE_MS) == 3
    assert schedule.tier_size(COUNT, 15 * MINUTE_MS) < 250 <= schedule.tier_size(COUNT, 20 * MINUTE_MS)


@pytest.mark.parametrize(
    ("rank", "every"), [(0, 1), (249, 1), (250, 2), (499, 2), (500, 3), (749, 3), (750, 4), (999, 4), (1_000, 5)]
)
def test_with_a_tier_of_250_they_are_the_rows_table(rank: int, every: int) -> None:
    minutes = [minute for minute in range(1, 61) if schedule.is_polled(rank, minute, 250)]
    assert minutes == list(range(minutes[0], 61, every))
    assert minutes[0] <= every


def test_200_coins_each_minute_are_read_in_tiers_of_four_and_no_minute_weighs_much_more_than_another() -> None:
    polled = Polled(200, 60, MINUTES)
    tier = schedule.tier_size(200, MINUTE_MS)
    assert tier == 4
    tiers = polled.tiers()
    assert tiers[1] == list(polled.names[:tier])
    for every in range(2, 15):
        assert tiers[every] == list(polled.names[(every - 1) * tier : every * tier]), f"every {every} minutes"
    reads = [sum(cycles.count(minute) for cycles in polled.cycles.values()) for minute in range(2, MINUTES)]
    mean, share = sum(reads) / len(reads), schedule.POLLED_PER_MINUTE
    assert share * 0.8 < mean <= share * 1.1
    assert max(reads) < 1.5 * share, "each has a turn of its own"


def test_500_coins_each_twenty_minutes_are_read_in_the_rows_two_tiers() -> None:
    polled = Polled(COUNT, 20 * 60, 7)
    tiers = polled.tiers()
    assert set(tiers) == {1, 2}
    assert len(tiers[1]) >= 250
    assert tiers[1] + tiers[2] == list(polled.names)


def test_the_prices_of_all_coins_come_with_one_request_whatever_their_tier() -> None:
    polled = Polled(200, 60, 3)
    assert weight_of("allMids") == upkeep.LIGHT
    assert polled.prices
    assert all(set(wish.coins) == set(polled.names) for wish in polled.prices)
