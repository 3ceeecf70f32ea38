"""All cases, in the order of their numbers."""

from importlib import import_module
from pathlib import Path

from tests.faults.cases import CASES, Case


def catalogue() -> list[Case]:
    """The whole list; the modules of cases fill it on their import."""
    for path in sorted(Path(__file__).parent.glob("case_*.py")):
        import_module(f"tests.faults.{path.stem}")
    return sorted(CASES, key=lambda case: case.number)
