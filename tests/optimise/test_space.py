"""Where to look."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ConfigError
from tidegate.optimise.space import Axis, space_of
from tidegate.parameters import Parameter

PARAMETERS = (
    Parameter("bars", int, 10, low=2, high=50),
    Parameter("stop", float, 2.0, low=0.5, high=8.0),
    Parameter("open_end", float, 1.0, low=0.0),
    Parameter("shorts", bool, False),
    Parameter("kind", str, "a", choices=("a", "b")),
)


def never(_values):
    return False


def test_what_has_two_ends_or_choices_is_searched_and_the_rest_stays_as_it_is():
    space = space_of(PARAMETERS, {}, {})
    assert [axis.name for axis in space.axes] == ["bars", "stop", "shorts", "kind"]
    assert space.fixed == {"open_end": 1.0}


def test_a_range_and_a_fixed_value_of_the_users_go_first():
    space = space_of(PARAMETERS, {"bars": "5:9:2", "open_end": "1:3", "kind": "b"}, {"stop": "3", "shorts": "yes"})
    assert space.fixed == {"stop": 3.0, "shorts": True}
    assert space.axes[0].values(0) == (5, 7, 9)
    assert space.axes[1] == Axis("open_end", float, 1.0, 3.0)
    assert space.axes[2].choices == ("b",)


@pytest.mark.parametrize("text", ["9:5", "5:9:0", "5:9:-1", "5:9:0.5", "5:9:1:1", "1:9", "five:9", "5:nan", "5,x", ""])
def test_a_range_that_means_nothing_is_refused_with_what_it_may_be(text):
    with pytest.raises(ConfigError, match=r"bars=.*a whole number from 2 to 50"):
        space_of(PARAMETERS, {"bars": text}, {})


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as told:
        space_of(PARAMETERS, {"bars": "9:5", "stop": "1:2", "what": "1"}, {"stop": "1"})
    assert len(told.value.problems) == 3


def test_a_strategy_with_nothing_to_search_is_told_how_to_go_on():
    with pytest.raises(ConfigError, match="--range"):
        space_of(PARAMETERS[2:3], {}, {})


def test_a_grid_with_steps_is_every_combination_in_a_fixed_order():
    points = space_of(PARAMETERS[:2], {"bars": "5:9:2", "stop": "1:1.3:0.1"}, {}).grid(None, never)
    assert len(points) == 12
    assert points[:4] == [{"bars": 5, "stop": stop} for stop in (1.0, 1.1, 1.2, 1.3)]


def test_a_grid_leaves_out_what_the_strategy_refuses():
    points = space_of(PARAMETERS[:1], {"bars": "5:9:1"}, {}).grid(None, lambda values: values["bars"] % 2 == 0)
    assert [point["bars"] for point in points] == [5, 7, 9]
    with pytest.raises(ConfigError, match="refuses every point"):
        space_of(PARAMETERS[:1], {}, {}).grid(10, lambda _values: True)


def test_a_grid_of_more_points_than_trials_is_refused():
    with pytest.raises(ConfigError, match="5 points and --trials is 4"):
        space_of(PARAMETERS[:1], {"bars": "5:9:1"}, {}).grid(4, never)


@given(st.integers(4, 300))
def test_a_grid_without_steps_has_at_most_as_many_points_as_trials_and_both_ends(trials):
    points = space_of(PARAMETERS[:2], {}, {}).grid(trials, never)
    assert 4 <= len(points) <= trials
    assert {point["bars"] for point in points} >= {2, 50}
    assert {point["stop"] for point in points} >= {0.5, 8.0}
