"""Exchange time on a monotonic clock, and the clock of simulations. Time is a number that the test moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.clock import ExchangeClock, SettableClock, Standstill

T0 = 1_767_225_600_000


class Seconds:
    """A monotonic clock that stands until it is moved."""

    def __init__(self, now_s: float = 1_000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def test_time_goes_on_from_the_observation() -> None:
    seconds = Seconds()
    clock = ExchangeClock(T0, monotonic=seconds)
    assert clock.now_ms() == T0
    seconds.now_s += 1.5
    assert clock.now_ms() == T0 + 1_500


def test_on_a_fast_exchange_more_time_passes_and_waits_are_shorter() -> None:
    seconds = Seconds()
    clock = ExchangeClock(T0, 60.0, seconds)
    seconds.now_s += 1.0
    assert clock.now_ms() == T0 + 60_000
    assert clock.seconds_until(T0 + 120_000) == pytest.approx(1.0)


def test_a_moment_that_has_passed_is_negative_seconds_away() -> None:
    clock = ExchangeClock(T0, monotonic=Seconds())
    assert clock.seconds_until(T0 - 250) == -0.25


def test_following_sets_time_and_rate_from_now_on() -> None:
    seconds = Seconds()
    clock = ExchangeClock(0, monotonic=seconds)
    seconds.now_s += 100
    clock.follow(T0, 2.0)
    assert (clock.now_ms(), clock.speed) == (T0, 2.0)
    seconds.now_s += 3
    assert clock.now_ms() == T0 + 6_000


@given(st.lists(st.floats(0, 1e5), max_size=20), st.floats(0.01, 10_000))
def test_time_never_goes_back_while_the_exchange_is_followed(steps_s: list[float], speed: float) -> None:
    seconds = Seconds()
    clock = ExchangeClock(T0, speed, seconds)
    last_ms = clock.now_ms()
    for step_s in steps_s:
        seconds.now_s += step_s
        assert clock.now_ms() >= last_ms
        last_ms = clock.now_ms()


def test_by_itself_it_reads_the_machines_monotonic_clock() -> None:
    clock = ExchangeClock(T0)
    first_ms = clock.now_ms()
    assert T0 <= first_ms <= clock.now_ms()


def test_a_settable_clock_moves_only_forward_and_only_when_told() -> None:
    clock = SettableClock(T0)
    assert clock.seconds_until(T0 + 500) == 0.5
    clock.advance_to(T0 + 500)
    clock.advance_to(T0)
    assert (clock.now_ms(), clock.speed) == (T0 + 500, 1.0)


def test_an_observation_corrects_a_drift_and_a_machine_that_slept() -> None:
    clock = ExchangeClock(T0, monotonic=Seconds())
    assert clock.observe(T0 + 900) == 0, "the way of the answer is no drift"
    assert clock.now_ms() == T0
    assert clock.observe(T0 + 600_000) == 600_000
    assert clock.now_ms() == T0 + 600_000
    assert clock.observe(T0 + 590_000) == -10_000
    assert clock.now_ms() == T0 + 590_000


def test_on_a_fast_exchange_the_same_way_of_an_answer_is_more_of_its_time() -> None:
    clock = ExchangeClock(T0, 60.0, Seconds())
    assert clock.observe(T0 + 30_000) == 0
    assert clock.observe(T0 + 61_000) == 61_000


def test_a_standstill_is_as_long_as_the_clock_says_that_went_on_meanwhile() -> None:
    steady, calendar = Seconds(), Seconds()
    standstill = Standstill(steady, calendar)
    steady.now_s += 100
    standstill.begin()
    assert standstill.seconds() == 0
    calendar.now_s += 600
    steady.now_s += 0.5
    assert standstill.seconds() == 600
