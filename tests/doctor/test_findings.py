"""One line a finding, and one exit code for all."""

import pytest

from tidegate.doctor.findings import (
    CONFIGURATION,
    EXCHANGE,
    Finding,
    exit_code,
    fail,
    line_of,
    of_configuration,
    ok,
    skipped,
    warning,
)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([], 0),
        ([ok("a", "b"), warning("a", "b"), skipped("a", "b")], 0),
        ([ok("a", "b"), fail("a", "b")], 1),
        ([fail("a", "b"), fail("a", "b", code=CONFIGURATION)], 2),
        ([fail("a", "b", code=EXCHANGE), fail("a", "b", code=CONFIGURATION), fail("a", "b")], 3),
    ],
)
def test_the_worst_failure_gives_the_exit_code_and_warnings_give_none(found: list[Finding], code: int) -> None:
    assert exit_code(found) == code


def test_a_line_has_grade_subject_words_and_what_to_do() -> None:
    assert line_of(fail("clock", "2 s behind", "set it")) == "FAIL     clock          2 s behind; set it"
    assert line_of(ok("key", "good")) == "ok       key            good"


def test_every_problem_of_the_settings_is_a_finding_of_its_own() -> None:
    found = of_configuration(["first", "second"])
    assert [line_of(each) for each in found] == ["FAIL     configuration  first", "FAIL     configuration  second"]
    assert exit_code(found) == 2
