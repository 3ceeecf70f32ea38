"""Every row of the fault table can be brought about, or says why it is none of the exchange's."""

import re
from pathlib import Path

import pytest

from tidegate.localnet.faults.catalogue import FAULTS
from tidegate.localnet.faults.rows import BY_THEMSELVES, NOT_OURS, causes

ROWS = range(1, 71)
TABLE = Path(__file__).resolve().parents[2].parent / "shared" / "RELIABILITY.md"


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_fault_or_a_reason(row: int) -> None:
    assert bool(causes(row)) != (row in NOT_OURS)


def test_reasons_are_given_to_rows_that_exist() -> None:
    assert set(NOT_OURS) | set(BY_THEMSELVES) <= set(ROWS)
    assert not set(NOT_OURS) & set(BY_THEMSELVES)


def test_the_names_of_the_table_are_names_here() -> None:
    if not TABLE.is_file():
        pytest.skip("the table of faults is not on this machine")
    rows = re.findall(r"^\| (\d+) \|.*\| X `([a-z_.]+)[^`]*`[^|]*\|$", TABLE.read_text(), flags=re.MULTILINE)
    assert len(rows) > 35
    for row, name in rows:
        if int(row) in ROWS and name not in ("body.cut", "status", "delay"):
            assert int(row) in FAULTS[name].rows, (row, name)
