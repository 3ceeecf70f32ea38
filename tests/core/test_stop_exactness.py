"""Stop exactness: whatever the order of prices, answers, fills, faults and deaths, one crossing is one close.

EXACTNESS is how many random schedules are played (`make exactness`: 10 000). What they found stays here as examples.
"""

import os
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.crossings import Run
from tests.core.schedules import WITH_ADDS, Step, play, schedules
from tests.core.worlds import D
from tidegate.model.settings import StopPriceSource

EXAMPLES = int(os.environ.get("EXACTNESS", "250"))
RANDOM = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
TRADE, MARK = StopPriceSource.TRADE, StopPriceSource.MARK
trails = st.sampled_from([None, D(2)])
FOUND: dict[str, tuple[list[Step], StopPriceSource, Decimal | None]] = {
    "a stop that is still on its way when its position closes and its cancel finds nothing": (
        [("signal", 0, 0, 8), ("signal", 0, 0, 6), ("fate", 1, 1, 0), ("both", 0, 5, 0), ("signal", 1, 0, 0)],
        TRADE,
        D(2),
    ),
    "a crossing that is heard before the fill": (
        [("thin", 0, 7, 2), ("lag", 2, 4, 8), ("thin", 0, 2, 0), ("signal", 1, 0, 6), ("print", 0, 8, 4)],
        TRADE,
        None,
    ),
    "an entry that fills after its bot has died, with the levels of its signal": (
        [("print", 0, 0, 0), ("die", 0, 0, 0), ("deadly", 0, 0, 2)],
        TRADE,
        None,
    ),
    "an entry of another bar while the last one of a dead bot is late": (
        [("fate", 1, 6, 0), ("deadly", 0, 0, 0), ("book", 0, 0, 6), ("mark", 0, 0, 8), ("signal", 0, 0, 0)],
        TRADE,
        None,
    ),
    "an exit that has filled a quarter when its bot dies, and the price comes back": (
        [("thin", 0, 2, 6), ("print", 0, 1, 0), ("calm", 0, 0, 4), ("die", 0, 0, 0)],
        TRADE,
        None,
    ),
    "a mid that stands in for a mark which was not heard yet": (
        [("deadly", 0, 0, 0), ("mark", 0, 7, 4), ("sweep", 0, 0, 2), ("deadly", 0, 0, 2)],
        MARK,
        D(2),
    ),
}


@RANDOM
@given(schedules(), st.sampled_from(StopPriceSource), trails)
def test_a_crossed_position_is_closed_exactly_once_and_an_uncrossed_one_never(
    schedule: list[Step], source: StopPriceSource, trail_by: Decimal | None
) -> None:
    play(schedule, source, trail_by)


@RANDOM
@given(schedules(words=WITH_ADDS), st.sampled_from(StopPriceSource), trails)
def test_a_position_that_is_added_to_is_closed_exactly_once_all_of_it(
    schedule: list[Step], source: StopPriceSource, trail_by: Decimal | None
) -> None:
    play(schedule, source, trail_by, adds_max=2)


@pytest.mark.parametrize("what", FOUND)
def test_what_random_schedules_have_found_stays_exact(what: str) -> None:
    play(*FOUND[what])


def test_an_add_that_fills_after_its_positions_end_is_closed_by_the_next_life_too() -> None:
    schedule = [("print", 0, 0, 2), ("add", 0, 0, 0), ("mark", 0, 0, 0), ("deadly", 0, 0, 0), ("print", 0, 0, 2)]
    play(schedule, TRADE, None, adds_max=2)


def test_an_add_that_fills_in_pieces_after_its_positions_end_is_closed_as_a_whole() -> None:
    play([("lag", 7, 3, 0), ("add", 0, 0, 2), ("mark", 0, 0, 0), ("print", 0, 0, 2)], TRADE, None, adds_max=2)


def closes(run: Run) -> list[tuple[int, Decimal, Decimal]]:
    return [(held.direction, held.opened, held.closed) for held in run.judge.history]


def test_the_schedules_reach_what_they_are_about() -> None:
    """A stop fired by our exit, one by the exchange, a partial close, a second position, a death with a position."""
    ours = play([("print", 0, 1, 6)], TRADE, None)
    theirs = play([("print", 0, 5, 6), ("mark", 0, 1, 6)], TRADE, None)
    both = play([("lag", 3, 6, 6), ("both", 1, 1, 0)], TRADE, None)
    pieces = play([("thin", 0, 2, 6), ("thin", 0, 3, 0), ("print", 0, 1, 0)], TRADE, None)
    size = D("33.333")
    for run in (ours, theirs, both, pieces):
        assert closes(run) == [(1, size, size)]
        assert run.judge.history[0].may
    reversed_ = play([("signal", 1, 0, 9)], TRADE, None)
    assert [direction for direction, _, _ in closes(reversed_)] == [1]
    assert reversed_.judge.held is not None
    assert reversed_.judge.held.direction == -1
    died = play([("die", 0, 0, 6), ("print", 0, 1, 6)], TRADE, None)
    assert died.deaths == 1
    assert closes(died) == [(1, size, size)]
    added = play([("add", 0, 0, 8), ("print", 0, 5, 8), ("both", 0, 1, 0)], TRADE, None, adds_max=2)
    assert len(added.judge.adds) == 1
    assert [closed > D(8) + 5 for _, _, closed in closes(added)] == [True]
    quiet = play([("print", 0, 6, 6), ("mark", 0, 4, 6)], TRADE, None)
    assert closes(quiet) == []
