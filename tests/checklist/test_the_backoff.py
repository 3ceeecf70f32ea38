"""Row 004-25: pauses between connections double from half a second to thirty, with full jitter, and begin anew."""

import random

from tidegate.hyperliquid.pace import BACKOFF_MAX_S, CONNECTS_PER_MINUTE_MAX, STABLE_AFTER_S, Pace


class Longest(random.Random):
    """Chance that always takes the most."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Shortest(random.Random):
    """Chance that always takes the least."""

    def uniform(self, a: float, b: float) -> float:
        return a


def longest_after(pace: Pace, failures: int) -> list[float]:
    found = []
    for number in range(failures):
        pace.failed()
        found.append(pace.delay_s(1_000.0 * number))
    return found


def test_the_longest_pause_doubles_with_each_failure_up_to_half_a_minute() -> None:
    assert longest_after(Pace(Longest()), 9) == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert BACKOFF_MAX_S == 30


def test_jitter_is_full_so_that_many_bots_do_not_come_at_once() -> None:
    assert longest_after(Pace(Shortest()), 9) == [0] * 9


def test_a_connection_that_lasted_a_minute_begins_the_pauses_anew_and_a_shorter_one_does_not() -> None:
    pace = Pace(Longest())
    longest_after(pace, 6)
    pace.lived(STABLE_AFTER_S - 1)
    assert pace.delay_s(10_000) == 30
    pace.lived(STABLE_AFTER_S)
    assert pace.delay_s(10_000) == 0.5


def test_no_more_connections_a_minute_than_two_thirds_of_what_the_exchange_allows() -> None:
    pace, now_s = Pace(Shortest()), 0.0
    times = []
    for _connection in range(100):
        now_s += pace.delay_s(now_s)
        pace.connecting(now_s)
        times.append(now_s)
        pace.failed()
    assert max(sum(at - 60 < each <= at for each in times) for at in times) == CONNECTS_PER_MINUTE_MAX == 20 <= 30
