"""The REST budget: the documented weights, the reserve, the minute that passes."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.hyperliquid.limits import (
    BACK_OFF_FIRST_S,
    BACK_OFF_MAX_S,
    BURST_WEIGHT,
    DATA_WEIGHT,
    RESERVED_WEIGHT,
    SEED_ROOM,
    WEIGHT_PER_MINUTE,
    Budget,
    Lane,
    action_weight,
    lane_of,
    weight_of,
    weight_per_minute,
)


class Watch:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    ("request_type", "rows", "weight"),
    [
        ("allMids", 0, 2),
        ("clearinghouseState", 0, 2),
        ("orderStatus", 0, 2),
        ("exchangeStatus", 0, 2),
        ("userRole", 0, 60),
        ("meta", 0, 20),
        ("frontendOpenOrders", 500, 20),
        ("userFillsByTime", 0, 20),
        ("userFillsByTime", 2000, 120),
        ("candleSnapshot", 59, 20),
        ("candleSnapshot", 5000, 103),
    ],
)
def test_weights_are_the_documented_ones(request_type, rows, weight):
    assert weight_of(request_type, rows) == weight


@pytest.mark.parametrize(("batch", "weight"), [(1, 1), (39, 1), (40, 2), (79, 2), (80, 3)])
def test_an_action_weighs_one_and_one_more_for_each_forty(batch, weight):
    assert action_weight(batch) == weight


@pytest.mark.parametrize(
    ("request_type", "lane"),
    [
        ("clearinghouseState", Lane.PROTECTION),
        ("frontendOpenOrders", Lane.PROTECTION),
        ("orderStatus", Lane.PROTECTION),
        ("allMids", Lane.PRICES),
        ("metaAndAssetCtxs", Lane.PRICES),
        ("candleSnapshot", Lane.CANDLES),
        ("meta", Lane.REST),
        ("userFees", Lane.REST),
    ],
)
def test_what_protects_goes_first_then_prices_then_candles_then_the_rest(request_type, lane):
    assert lane_of(request_type) is lane


def test_each_lane_leaves_alone_what_is_kept_for_those_before_it():
    watch, candles = Watch(), DATA_WEIGHT - 480
    budget = after_the_seeds(watch)
    for lane, most in ((Lane.REST, DATA_WEIGHT - 60), (Lane.CANDLES, DATA_WEIGHT), (Lane.PRICES, 960)):
        while budget.take(20, lane) or spread(watch, budget, lane):
            pass
        assert budget.used() == most
    assert budget.take(RESERVED_WEIGHT, Lane.PROTECTION)
    assert not budget.take(1, Lane.PROTECTION)
    by_lane = {"protection": RESERVED_WEIGHT, "prices": 960 - 480 - candles, "candles": candles, "rest": 480}
    assert budget.gauges().by_lane == by_lane


def spread(watch: Watch, budget: Budget, lane: Lane) -> bool:
    """Candles are spread: a moment later there may be room again."""
    watch.now_s += 2.5
    return lane is Lane.CANDLES and budget.take(20, lane)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([Lane.CANDLES, Lane.REST]), st.integers(1, 103))))
def test_no_hunger_for_data_ever_delays_protection(asked):
    """Whatever candles and the rest ask for, a whole reconciliation and a minute of prices are there at once."""
    watch = Watch()
    budget = Budget(monotonic=watch)
    for pause_s, lane, weight in asked:
        watch.now_s += pause_s
        budget.take(weight, lane)
        budget.refused(lane) if weight % 7 == 0 else None
    assert all(budget.take(2, Lane.PRICES) for _ in range(30))
    assert all(budget.take(weight, Lane.PROTECTION) for weight in (2, 2, 20, 120, 20, 2))


def after_the_seeds(watch: Watch) -> Budget:
    """A budget whose session has its first candles, and has been quiet since."""
    budget = Budget(monotonic=watch)
    while budget.take(20, Lane.CANDLES):
        pass
    watch.now_s += 120
    return budget


def test_the_first_candles_of_a_dozen_coins_come_at_once_also_when_the_start_has_asked_for_much_else():
    budget = Budget(monotonic=Watch())
    for _coin in range(10):  # what a start with ten coins asks for besides candles: their leverages, the account
        assert budget.take(20, Lane.REST)
    budget.spend(300)
    assert all(budget.take(weight_of("candleSnapshot", 500), Lane.CANDLES) for _coin in range(12))
    assert not budget.take(28, Lane.CANDLES)
    assert all(budget.take(2, Lane.PRICES) for _look in range(SEED_ROOM // 2))
    assert budget.take(RESERVED_WEIGHT, Lane.PROTECTION)


def test_candles_are_spread_over_the_minute():
    watch = Watch()
    budget = after_the_seeds(watch)
    seconds = [0] * 60
    for second in range(60):
        while budget.take(20, Lane.CANDLES):
            seconds[second] += 20
        watch.now_s += 1
    assert seconds[0] == BURST_WEIGHT
    assert max(seconds[1:]) <= 20
    assert sum(seconds) <= DATA_WEIGHT


def test_a_429_makes_data_wait_longer_each_time_and_protection_never():
    watch = Watch()
    budget = Budget(monotonic=watch)
    pauses_s = []
    for _ in range(5):
        budget.refused(Lane.CANDLES)
        budget.refused(Lane.CANDLES)
        began_s = watch.now_s
        assert budget.take(2, Lane.PROTECTION)
        assert budget.take(2, Lane.PRICES)
        while not budget.take(1, Lane.CANDLES):
            assert not budget.take(1, Lane.REST)
            watch.now_s += 1
        pauses_s.append(watch.now_s - began_s)
    assert pauses_s == [BACK_OFF_FIRST_S, 20, 40, BACK_OFF_MAX_S, BACK_OFF_MAX_S]
    assert budget.gauges().refused == 10
    watch.now_s += 300
    budget.refused(Lane.REST)
    assert budget.gauges().backing_off_s == BACK_OFF_FIRST_S


def test_a_configuration_needs_what_its_arithmetic_says():
    steady = 30 * 2 + 2 * 46 + 20 / 15
    assert weight_per_minute(3, 300, 2) == pytest.approx(3 * 20 / 5 + steady)
    assert weight_per_minute(200, 60, 2, "prices") == pytest.approx(200 * 20 + steady)
    assert weight_per_minute(20, 10, 2, "off") > WEIGHT_PER_MINUTE


@pytest.mark.parametrize("coins", [1, 20, 200, 1001])
def test_with_streamed_candles_no_number_of_coins_needs_half_of_the_budget(coins):
    assert weight_per_minute(coins, 60, 2, "all") <= WEIGHT_PER_MINUTE / 2
    assert weight_per_minute(coins, 1, 2, "prices+candles") <= WEIGHT_PER_MINUTE / 2


def test_weight_comes_back_after_a_minute():
    watch = Watch()
    budget = Budget(monotonic=watch)
    assert budget.take(900, Lane.PRICES)
    watch.now_s += 59
    assert not budget.take(100, Lane.PRICES)
    watch.now_s += 2
    assert budget.take(100, Lane.PRICES)
    assert budget.used() == 100


def test_what_was_spent_anyway_is_noted_up_to_the_limit():
    budget = Budget(monotonic=Watch())
    budget.spend(1)
    assert budget.used() == 1
    budget.spend(10_000)
    assert budget.used() == WEIGHT_PER_MINUTE
    budget.spend(5)
    assert not budget.take(1, Lane.PROTECTION)


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 200), st.sampled_from(Lane)), max_size=60))
def test_no_minute_ever_holds_more_than_the_limit(steps):
    watch = Watch()
    budget = Budget(monotonic=watch)
    spent: list[tuple[float, int]] = []
    for pause_s, weight, lane in steps:
        watch.now_s += pause_s
        if budget.take(weight, lane):
            spent.append((watch.now_s, weight))
        assert sum(w for at, w in spent if at > watch.now_s - 60) <= WEIGHT_PER_MINUTE


def test_threads_share_one_budget():
    budget = Budget(monotonic=Watch())
    taken: list[bool] = []

    def spend() -> None:
        taken.extend(budget.take(1, Lane.PROTECTION) for _ in range(300))

    threads = [threading.Thread(target=spend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == WEIGHT_PER_MINUTE
