"""The benchmark of exits measures what it says; no time is judged here, for a time belongs to a machine."""

import pytest

from benchmarks import figures, tick_to_order
from benchmarks.figures import BOTH, DELAYED, HANGING, IDLE, Results, Round, Times, verdicts
from benchmarks.tick_to_order import Plan

FEW = Plan(
    repetitions=1,
    exits=2,
    exits_delayed=1,
    exits_sdk=1,
    exits_sdk_slow=1,
    fresh_sessions=1,
    cases=(IDLE, DELAYED),
)


def test_bot_sdk_and_floor_are_measured_on_one_exchange():
    results = tick_to_order.measure(FEW, lambda _: None)

    assert len(results.first) == 1
    assert [each.case for each in results.rounds] == [IDLE, DELAYED]
    for each in results.rounds:
        assert each.sdk is not None
        assert all(ms > 0 for times in (each.floor, each.bot, each.sdk) for ms in times.ms)
    assert sum(each.bot_rest_calls for each in results.rounds) == 0
    delayed = results.of(DELAYED)[0]
    # The SDK asks for the position and for a price before it sends, so that two answers lie in its way.
    assert delayed.sdk is not None
    assert delayed.sdk.p50 > 2 * 1000 * DELAYED.answer_delay_s
    assert "SDK/bot" in figures.table(results)


def one(case, *, floor=0.1, bot=0.4, sdk=4.0, calls=0):
    """A round of single samples."""
    return Round(case, Times((floor,)), Times((bot,)), Times((sdk,)) if sdk else None, calls)


def words(*rounds):
    """The verdicts by goal."""
    return {each.goal: each.word for each in verdicts(Results(rounds=list(rounds)))}


def test_a_goal_is_judged_by_quiet_rounds_only():
    noisy, quiet = one(IDLE, floor=0.6, bot=9.0), one(IDLE, bot=0.4)

    assert words(noisy)["idle: p50 ≤ 0.6 ms"] == "not judged"
    assert words(noisy, quiet)["idle: p50 ≤ 0.6 ms"] == "met"
    assert words(noisy, one(IDLE, bot=0.7))["idle: p50 ≤ 0.6 ms"] == "MISSED"


@pytest.mark.parametrize(("case", "sdk", "word"), [(IDLE, 2.1, "met"), (IDLE, 1.9, "MISSED"), (BOTH, 79.0, "MISSED")])
def test_the_sdk_must_be_beaten_by_more_when_answers_are_late(case, sdk, word):
    times = 200 if case.answer_delay_s else 5

    assert words(one(case, sdk=sdk))[f"{case.name}: ≥ {times} times faster than the SDK"] == word


def test_one_rest_call_between_trigger_and_order_is_too_many():
    assert words(one(IDLE))["no REST call between trigger and order"] == "met"
    assert words(one(IDLE), one(IDLE, calls=1))["no REST call between trigger and order"] == "MISSED"


def test_a_hanging_read_is_held_against_the_idle_case():
    goal = "a hanging read changes p99 by < 0.5 ms"

    assert words(one(IDLE), one(HANGING, bot=0.8, sdk=None))[goal] == "met"
    assert words(one(IDLE), one(HANGING, bot=1.0, sdk=None))[goal] == "MISSED"


def test_of_a_hundred_samples_the_99th_percentile_is_the_second_worst():
    assert Times(tuple(float(ms) for ms in range(1, 101))).p99 == 99.0
    assert Times((1.0, 3.0)).p99 == 3.0
