"""Parameters: what is read from text, what is refused, in which words."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.parameters import Parameter, param, parameters_of, values_from_text


@dataclass(frozen=True)
class Sample:
    bars: int = param(12, low=2, high=200, meaning="bars to look back")
    factor: float = param(2.0, low=0.5)
    shorts: bool = False
    side: str = param("long", choices=("long", "short"))


def problem_of(name: str, text: str) -> str:
    values, problems = values_from_text(parameters_of(Sample), {name: text})
    assert values == {}
    assert len(problems) == 1
    return problems[0]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("bars", "2", 2),
        ("bars", " 200 ", 200),
        ("bars", "+7", 7),
        ("factor", "0.5", 0.5),
        ("factor", "3", 3.0),
        ("factor", "1e2", 100.0),
        ("shorts", "true", True),
        ("shorts", "OFF", False),
        ("shorts", "1", True),
        ("side", "short", "short"),
    ],
)
def test_a_value_in_range_is_read_as_its_type(name, text, value):
    values, problems = values_from_text(parameters_of(Sample), {name: text})
    assert problems == []
    assert values == {name: value}
    assert type(values[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("bars", "1", "a whole number from 2 to 200"),
        ("bars", "201", "a whole number from 2 to 200"),
        ("bars", "12.5", "a whole number from 2 to 200"),
        ("bars", "", "a whole number from 2 to 200"),
        ("bars", "1_2", "a whole number from 2 to 200"),
        ("factor", "0.4", "a number of at least 0.5"),
        ("factor", "nan", "a number of at least 0.5"),
        ("factor", "inf", "a number of at least 0.5"),
        ("factor", "1e999", "a number of at least 0.5"),
        ("shorts", "maybe", "true or false"),
        ("side", "up", "long or short"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_is_allowed(name, text, allowed):
    problem = problem_of(name, text)
    assert f"{name}={text!r} must be {allowed}" in problem
    assert "default" in problem


def test_an_unknown_parameter_is_told_with_the_nearest_name():
    assert "did you mean 'bars'?" in problem_of("bar", "3")
    assert "it has bars, factor, shorts, side" in problem_of("wavelength", "3")


def test_every_problem_is_told_at_once():
    _, problems = values_from_text(parameters_of(Sample), {"bars": "0", "factor": "x", "nope": "1"})
    assert len(problems) == 3


def test_a_parameter_knows_its_default_range_and_meaning():
    first = parameters_of(Sample)[0]
    assert first == Parameter("bars", int, 12, low=2, high=200, meaning="bars to look back")


def test_a_field_that_text_cannot_give_is_refused():
    @dataclass(frozen=True)
    class Odd:
        table: dict = None  # type: ignore[assignment]

    with pytest.raises(TypeError, match="table must be annotated int, float, bool or str"):
        parameters_of(Odd)


def test_a_parameter_without_a_default_is_refused():
    @dataclass(frozen=True)
    class Bare:
        bars: int

    with pytest.raises(TypeError, match="bars needs a default"):
        parameters_of(Bare)


@given(st.dictionaries(st.sampled_from(["bars", "factor", "shorts", "side", "x"]), st.text(max_size=8)))
def test_any_text_gives_a_value_in_range_or_a_problem_and_never_raises(given_texts):
    values, problems = values_from_text(parameters_of(Sample), given_texts)
    assert len(values) + len(problems) == len(given_texts)
    assert 2 <= values.get("bars", 2) <= 200
    assert values.get("factor", 1.0) >= 0.5
