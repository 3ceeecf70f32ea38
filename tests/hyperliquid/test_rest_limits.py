"""The REST budget: the documented weights, the reserve, the minute that passes."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.hyperliquid.limits import (
    RESERVED_WEIGHT,
    WEIGHT_PER_MINUTE,
    Budget,
    action_weight,
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


def test_a_configuration_needs_what_its_arithmetic_says():
    assert weight_per_minute(3, 300, 2) == pytest.approx(3 * 20 / 5 + 30 * 22 + 2 * 62)
    assert weight_per_minute(20, 10, 2) > WEIGHT_PER_MINUTE


def test_the_reserve_is_for_protective_reads_only():
    budget = Budget(monotonic=Watch())
    while budget.take(20):
        pass
    assert budget.used() == WEIGHT_PER_MINUTE - RESERVED_WEIGHT
    assert not budget.take(20)
    assert budget.take(RESERVED_WEIGHT, protective=True)
    assert not budget.take(1, protective=True)


def test_weight_comes_back_after_a_minute():
    watch = Watch()
    budget = Budget(monotonic=watch)
    assert budget.take(900)
    watch.now_s += 59
    assert not budget.take(100)
    watch.now_s += 2
    assert budget.take(100)
    assert budget.used() == 100


def test_what_was_spent_anyway_is_noted_up_to_the_limit():
    budget = Budget(monotonic=Watch())
    budget.spend(1)
    assert budget.used() == 1
    budget.spend(10_000)
    assert budget.used() == WEIGHT_PER_MINUTE
    budget.spend(5)
    assert not budget.take(1, protective=True)


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 200), st.booleans()), max_size=60))
def test_no_minute_ever_holds_more_than_the_limit(steps):
    watch = Watch()
    budget = Budget(monotonic=watch)
    spent: list[tuple[float, int]] = []
    for pause_s, weight, protective in steps:
        watch.now_s += pause_s
        if budget.take(weight, protective=protective):
            spent.append((watch.now_s, weight))
        assert sum(w for at, w in spent if at > watch.now_s - 60) <= WEIGHT_PER_MINUTE


def test_threads_share_one_budget():
    budget = Budget(monotonic=Watch())
    taken: list[bool] = []

    def spend() -> None:
        taken.extend(budget.take(1, protective=True) for _ in range(300))

    threads = [threading.Thread(target=spend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == WEIGHT_PER_MINUTE
