"""The page of faults tells of every case, and of no other."""

from tests.faults.catalogue import catalogue
from tests.faults.table import NOT_MEASURED, PAGE, Measured, page, rows_without_times


def test_the_page_has_a_row_for_each_case_as_the_list_has_it():
    written = PAGE.read_text(encoding="utf-8")
    assert rows_without_times(written) == rows_without_times(page(Measured())), "run: make faults"
    assert NOT_MEASURED not in written, "a case has failed in the last `make faults`"


def test_each_case_has_a_name_of_its_own():
    names = [case.name for case in catalogue()]
    assert len(set(names)) == len(names)
