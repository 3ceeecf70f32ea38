"""alarms.py: what happens at which time."""

from hypothesis import given
from hypothesis import strategies as st

from tests.localnet.floor import START_MS, quiet_floor
from tidegate.localnet.kernel.alarms import Alarms


@given(st.lists(st.integers(0, 20)))
def test_alarms_ring_by_time_and_then_in_the_order_in_which_they_were_set(times):
    alarms, rung = Alarms(), []
    for number, time_ms in enumerate(times):
        alarms.at(time_ms, lambda heard=(time_ms, number): rung.append(heard))
    while (alarm := alarms.pop(20)) is not None:
        alarm.ring()
    assert rung == sorted(rung)
    assert len(rung) == len(times)


def test_nothing_rings_before_its_time():
    alarms = Alarms()
    alarms.at(10, lambda: None)
    assert alarms.pop(9) is None
    assert alarms.pop(10) is not None
    assert alarms.pop(10) is None


def test_an_alarm_rings_at_its_own_time_however_far_the_clock_jumps():
    exchange, rung = quiet_floor(), []
    for delay_ms in (5_000, 1_000):
        exchange._venue.alarms.at(START_MS + delay_ms, lambda: rung.append(exchange.now_ms - START_MS))
    exchange.advance(START_MS + 60_000)
    assert rung == [1_000, 5_000]
    assert exchange.now_ms == START_MS + 60_000
