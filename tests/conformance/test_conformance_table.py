"""The list of cases is whole, and docs/conformance.md says what it says."""

from tests.conformance.cases import NUMBERS_A_SUBJECT, SUBJECTS
from tests.conformance.catalogue import catalogue
from tests.conformance.table import PAGE, page

CASES_MIN = 150


def test_the_page_is_the_one_that_the_list_of_cases_gives():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.conformance.table"


def test_there_are_at_least_150_cases_and_every_subject_has_some():
    cases = catalogue()
    assert len(cases) >= CASES_MIN
    assert {case.subject for case in cases} == set(SUBJECTS)


def test_a_number_names_one_case_and_lies_in_its_subjects_hundred():
    cases = catalogue()
    assert len({case.number for case in cases}) == len(cases)
    for case in cases:
        assert case.number // NUMBERS_A_SUBJECT == SUBJECTS.index(case.subject) + 1


def test_titles_are_told_apart():
    titles = [case.title for case in catalogue()]
    assert len(set(titles)) == len(titles)
