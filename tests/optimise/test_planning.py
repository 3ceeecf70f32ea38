"""What to try next: the same from the same rows, whoever judged them."""

import itertools

import pytest

from tidegate.errors import ConfigError
from tidegate.optimise.points import Row

SAMPLERS = ("tpe", "nsga2", "cmaes")


@pytest.fixture
def judge():
    """A row for a point, without a backtest: the nearer to a corner, the better."""

    def make(point, goals=1):
        distance = abs(point.parameters["fast"] - 7) + abs(point.parameters["stop_pct"] - 3.1)
        values = (-float(distance), float(point.parameters["slow"]))[:goals]
        return Row(point.index, dict(point.parameters), values, {}, "data", "code", 1, attrs=point.attrs)

    return make


def searched(plan, judge, rows=None, goals=1):
    rows = dict(rows or {})
    while batch := plan.batch_of(rows):
        # The last one first: the order in which rows come back must not matter.
        for point in reversed(batch):
            if point.index not in rows:
                row = judge(point, goals)
                rows[row.index] = Row.of_text(row.text())
    return [rows[index] for index in sorted(rows)]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_gives_the_same_trials_and_another_seed_others(plan, judge, sampler):
    first = searched(plan(sampler), judge)
    assert [row.index for row in first] == list(range(30))
    assert searched(plan(sampler), judge) == first
    assert searched(plan(sampler, seed=2), judge) != first


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("cut", [0, 1, 9, 10, 17])
def test_an_interrupted_search_goes_on_to_the_same_trials(plan, judge, sampler, cut):
    whole = searched(plan(sampler), judge)
    kept = {row.index: row for row in itertools.chain(whole[:cut], whole[cut + 2 : cut + 3] if cut % 10 else ())}
    assert searched(plan(sampler), judge, kept) == whole


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_longer_search_begins_with_the_trials_of_a_shorter_one(plan, judge, sampler):
    longer, shorter = (searched(plan(sampler, trials=trials), judge) for trials in (37, 25))
    for one, other in zip(longer, shorter, strict=False):
        assert (one.index, one.parameters, one.values) == (other.index, other.parameters, other.values)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_nothing_is_tried_that_the_strategy_refuses(plan, judge, sampler):
    rows = searched(plan(sampler, fast="2:20", slow="5:21"), judge)
    assert all(row.parameters["fast"] < row.parameters["slow"] for row in rows)


def test_a_search_learns(plan, judge):
    rows = searched(plan("tpe", trials=80), judge)
    assert max(row.values for row in rows[60:]) > max(row.values for row in rows[:20])


def test_several_goals_are_searched_together(plan, judge):
    rows = searched(plan("nsga2", goals=("sharpe", "net")), judge, goals=2)
    assert all(len(row.values) == 2 for row in rows)


def test_a_trial_without_a_value_does_not_end_a_search(plan, judge):
    def lame(point, goals):
        row = judge(point, goals)
        return row if point.index % 3 else Row(row.index, row.parameters, (), {}, "data", "code", 1, "no trades")

    assert len(searched(plan("tpe"), lame)) == 30


def test_a_strategy_that_refuses_everything_is_told(plan):
    with pytest.raises(ConfigError, match="refuses nearly every point"):
        plan("tpe", fast="20:20", slow="5:19").batch_of({})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sampler": "annealing"}, "one of tpe, grid"),
        ({"sampler": "tpe", "trials": None}, "how many"),
        ({"sampler": "cmaes", "goals": ("sharpe", "net")}, "one goal only"),
        ({"batch": 1}, "at least 2"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan, given, words):
    with pytest.raises(ConfigError, match=words):
        plan(**given)
