"""Exchange time: monotonic, scaled, and recordings moved by whole candles."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.localnet.clock import ExchangeClock, tape_shift_ms


class Seconds:
    def __init__(self) -> None:
        self.now_s = 12_345.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize("speed", [0.5, 1.0, 60.0, 300.0])
def test_exchange_time_runs_at_its_speed(speed):
    wall = Seconds()
    clock = ExchangeClock(1_000_000, speed, wall)
    assert clock.now_ms() == 1_000_000
    wall.now_s += 2
    assert clock.now_ms() == 1_000_000 + 2000 * speed


def test_a_wait_is_in_wall_seconds_and_never_negative():
    wall = Seconds()
    clock = ExchangeClock(0, 60.0, wall)
    assert clock.wall_s_until(60_000) == pytest.approx(1.0)
    wall.now_s += 5
    assert clock.wall_s_until(60_000) == 0.0


def test_a_clock_that_stands_or_runs_backwards_is_impossible():
    with pytest.raises(AssertionError):
        ExchangeClock(0, 0.0, Seconds())


@given(st.integers(1, 2**42), st.integers(1, 2**42), st.sampled_from([60_000, 3_600_000, 86_400_000]))
@settings(deadline=None)
def test_a_recording_moves_by_whole_alignments_to_the_nearest_place(recorded_ms, wall_ms, align_ms):
    shift_ms = tape_shift_ms(recorded_ms, wall_ms, align_ms)
    assert shift_ms % align_ms == 0
    assert abs(recorded_ms + shift_ms - wall_ms) <= align_ms / 2
