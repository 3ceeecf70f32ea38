"""One point judged."""

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ConfigError
from tidegate.optimise.choosing import best_of, front_of, table_of
from tidegate.optimise.judging import GOALS, goals_of, judged, played
from tidegate.optimise.points import Point, Row

GOOD = {"fast": 5, "slow": 20, "stop_pct": 2.0}


def test_a_row_carries_what_repeats_it(task, histories):
    row = judged(task, histories, Point(3, GOOD))
    assert (row.index, row.parameters, row.seed, row.code_version) == (3, GOOD, task.seed, task.code_version)
    assert row.data_sha256 == histories[0].sha256
    assert row.values == (row.metrics["sharpe"],)
    assert row.metrics["trades"] > 5
    assert not row.problem


def test_the_same_point_makes_the_same_row(task, histories):
    assert judged(task, histories, Point(0, GOOD)).text() == judged(task, histories, Point(0, GOOD)).text()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("raise ZeroDivisionError('oops')", "line 23: ZeroDivisionError: oops"),
        ("import sys; sys.exit(1)", "SystemExit: 1"),
        ("return None", "signals\\(\\) must return"),
        ("return self.wishes(bars)", "sharpe: not defined for this run of 0 trades"),
    ],
)
def test_what_an_authors_strategy_does_is_the_rows_problem(with_source, histories, more, words):
    row = judged(with_source(more), histories, Point(0, GOOD))
    assert row.values == ()
    assert re.search(words, row.problem)
    assert Row.of_text(row.text()) == row


def test_parameters_that_the_strategy_refuses_are_the_rows_problem(task, histories):
    assert judged(task, histories, Point(0, GOOD | {"fast": 30})).problem == "fast must be less than slow"


def test_the_bars_before_the_begin_warm_up_and_are_not_traded(task, histories):
    middle = task.begin_ms + 700 * 3_600_000
    result = played(replace(task, begin_ms=middle, end_ms=middle + 300 * 3_600_000), histories, GOOD)
    assert result.equity.index[0].timestamp() * 1000 == middle
    assert len(result.equity) == 300
    assert (result.trades["opened"] >= result.equity.index[0]).all()


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.dictionaries(st.text(max_size=8), st.one_of(st.integers(), finite, st.booleans(), st.text(max_size=8))),
    st.lists(finite, max_size=3),
    st.dictionaries(st.text(max_size=8), st.one_of(st.none(), finite)),
    st.text(max_size=20),
)
def test_a_row_survives_being_written_down_to_the_last_digit(parameters, values, metrics, problem):
    row = Row(1, parameters, tuple(values), metrics, "data", "code", 1, problem)
    assert Row.of_text(row.text()) == row
    assert "\n" not in row.text()


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"index": 1}'])
def test_what_is_no_row_is_refused(text):
    with pytest.raises(ValueError):
        Row.of_text(text)


def test_goals_are_known_by_name():
    assert goals_of("sharpe, drawdown") == ("sharpe", "drawdown")
    for text in ("", "sharp", "sharpe,luck"):
        with pytest.raises(ConfigError, match="there are sharpe"):
            goals_of(text)


def test_every_goal_is_a_figure_of_the_reports():
    from tidegate.reports.meanings import MEANINGS

    assert {goal.metric for goal in GOALS.values()} <= set(MEANINGS)


def row(index, *values):
    return Row(index, {"fast": index, "sharpe": 2.0}, values, {"sharpe": 1.0, "calmar": None}, "d", "c", 1)


def test_the_best_is_best_in_the_first_goal_and_the_earliest_among_equals():
    rows = [row(0), row(1, 1.0, 5.0), row(2, 2.0, 9.0), row(3, 2.0, 3.0), row(4, 2.0, 3.0)]
    assert best_of(rows, (True, False)).index == 3
    assert best_of(rows, (False, True)).index == 1
    assert best_of([row(0)], (True,)) is None


def test_the_front_has_every_row_that_no_other_beats():
    rows = [row(0, 1.0, 1.0), row(1, 2.0, 0.5), row(2, 0.5, 0.5), row(3, 1.0, 2.0), row(4)]
    assert [each.index for each in front_of(rows, (True, True))] == [1, 3]


def test_the_table_has_parameters_goals_figures_and_where_they_come_from():
    table = table_of([row(0, 1.5), row(1)], ("sharpe",))
    assert table["value"].iloc[0] == 1.5
    assert math.isnan(table["value"].iloc[1])
    assert list(table["sharpe"]) == [2.0, 2.0], "a parameter goes before a figure of the same name"
    assert {"trial", "fast", "calmar", "problem", "data_sha256", "code_version", "seed"} <= set(table.columns)
