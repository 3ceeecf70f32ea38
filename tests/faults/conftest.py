"""Collects what the cases measured, and writes docs/reliability.md at the end of a whole run (FAULTS=all)."""

import os
from pathlib import Path

import pytest

pytest.register_assert_rewrite(*(f"tests.faults.{path.stem}" for path in Path(__file__).parent.glob("case_*.py")))

KINDS = ("fault ", "unknown outcomes")
measured: dict[str, int] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without FAULTS=all only the short run is played."""
    if os.environ.get("FAULTS") == "all":
        return
    long = [item for item in items if item.get_closest_marker("long_fault")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One case has ended: keep its time, whichever worker played it."""
    if report.when == "call" and report.passed:
        measured.update({name: found for name, found in report.user_properties if name.startswith(KINDS)})


def pytest_sessionfinish(session: pytest.Session) -> None:
    """After a whole run the page is written anew, by the process that heard of every case."""
    if os.environ.get("FAULTS") == "all" and measured and not hasattr(session.config, "workerinput"):
        from tests.faults.table import write

        write({name.removeprefix("fault "): found for name, found in measured.items()})
