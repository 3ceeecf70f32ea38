"""What the measuring commands have in common: progress on the error stream, the table at the end, exit code 1 for a
measurement that failed."""

import argparse
import sys
from collections.abc import Callable
from typing import TypeVar

from benchmarks.partner import MeasurementFailed

Plan = TypeVar("Plan")
Results = TypeVar("Results")
Say = Callable[[str], None]


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """A command line whose help is the module's own words."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def is_quick(doc: str | None, what: str) -> bool:
    """Whether the short measurement is asked for; `what` says how short it is."""
    parser = parser_of(doc)
    parser.add_argument("--quick", action="store_true", help=what)
    return bool(parser.parse_args().quick)


def told(measure: Callable[[Plan, Say], Results], plan: Plan, table: Callable[[Results], str]) -> int:
    """Measure and show; the exit code."""
    try:
        results = measure(plan, lambda line: print(line, file=sys.stderr, flush=True))
    except MeasurementFailed as error:
        print(f"the measurement failed: {error}", file=sys.stderr)
        return 1
    print(table(results))
    return 0
