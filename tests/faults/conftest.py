"""Collects what the cases measured, and writes docs/reliability.md at the end of a run with FAULTS=all."""

import os
from pathlib import Path

import pytest

from tests.faults.table import Measured, write

pytest.register_assert_rewrite(*(f"tests.faults.{path.stem}" for path in Path(__file__).parent.glob("case_*.py")))

ALL = os.environ.get("FAULTS") == "all"
measured = Measured()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without FAULTS=all only the short run is played; with it the longest tests go first, and not the page's."""
    if ALL:
        items.sort(key=lambda item: "unknown_outcomes" not in item.nodeid)
    left_out = ("test_fault_table.py", "test_protection.py") if ALL else ("long_fault",)
    long = [item for item in items if any(each in item.nodeid or item.get_closest_marker(each) for each in left_out)]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One test has ended: keep what it measured, whichever worker played it."""
    if report.when != "call":
        return
    if "test_faults.py" in report.nodeid:
        measured.played.add(report.nodeid.partition("[")[2].rstrip("]"))
    for name, found in report.user_properties if report.passed else ():
        if name == "outcomes_ms":
            measured.outcomes_ms += found
        elif name == "deaths":
            measured.deaths += found
        elif name.startswith("fault "):
            measured.took_ms[name.removeprefix("fault ")] = found


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The page is written anew, by the process that heard of every case that was played."""
    if ALL and not hasattr(session.config, "workerinput") and measured.played:
        write(measured)
