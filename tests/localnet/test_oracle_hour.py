"""oracle_hour.py: the time-weighted average of the last hour."""

from decimal import Decimal

from tidegate.localnet.kernel.oracle_hour import HOUR_MS, OracleHour

D = Decimal


def noted(*published):
    hour = OracleHour()
    for time_ms, px in published:
        hour.note(time_ms, D(px))
    return hour


def test_prices_weigh_the_time_they_stood():
    assert noted((0, 10), (1_000, 20)).average(4_000) == D("17.5")


def test_what_stood_before_the_hour_counts_only_from_its_beginning():
    hour = noted((0, 10), (HOUR_MS, 20))
    assert hour.average(HOUR_MS + HOUR_MS // 2) == 15
    assert hour.average(3 * HOUR_MS) == 20


def test_old_prices_are_forgotten():
    hour = noted(*((time_ms, 10) for time_ms in range(0, 3 * HOUR_MS, 60_000)))
    assert len(hour._published) <= 62


def test_without_time_or_price_there_is_the_last_one_or_none():
    assert OracleHour().average(5) is None
    assert noted((5, 10), (5, 20)).average(5) == 20
