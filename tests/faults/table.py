"""The page docs/reliability.md: what was done to the bot, what was expected, how long it took to recover.

`make faults` writes it from what it measured; a test holds all but the times against the list of cases.
"""

from collections.abc import Mapping
from pathlib import Path

from tests.faults.cases import Case
from tests.faults.catalogue import catalogue

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
NOT_MEASURED = "not recovered"
OUTCOMES = "unknown outcomes"

HEAD = """\
# Faults survived

Written by `make faults`, which plays every row: the bot as a process of its own, the built-in exchange on real \
sockets, one fault set by name (`POST /localnet/fault`, see docs/localnet.md), and a witness on the exchange's side \
who notes orders, fills, positions and cover. `make test` plays the short run, marked with a star.

A row passes when what was expected has happened, no entry was doubled, no position was flipped, and the bot is alive \
without a crash. **Recovered** is wall time from the moment of the fault until the last of it was seen, pauses and \
patience of the bot included. Orders that nobody answers are waited for 10 s before they are in doubt (8 s by REST).

| # | fault | what was done | what is expected | recovered |
|---|---|---|---|---|
"""


def page(measured: Mapping[str, int]) -> str:
    """The whole page, with the times to recover (ms) by case."""
    rows = "".join(_row(case, measured.get(case.name)) for case in catalogue())
    return HEAD + rows + _summary(measured) + _outcomes(measured)


def _row(case: Case, took_ms: int | None) -> str:
    took = NOT_MEASURED if took_ms is None else f"{took_ms / 1000:.1f} s"
    star = " *" if case.short else ""
    return f"| {case.number}{star} | {case.fault} | {case.done} | {case.expected} | {took} |\n"


def _summary(measured: Mapping[str, int]) -> str:
    cases = catalogue()
    faults = {case.number for case in cases}
    failed = {case.number for case in cases if case.name not in measured}
    return f"\n{len(cases)} cases of {len(faults)} faults; {len(faults - failed)} of {len(faults)} survived.\n"


def _outcomes(measured: Mapping[str, int]) -> str:
    """The section on unknown outcomes in virtual time."""
    count, deaths = measured.get(OUTCOMES, 0), measured.get(f"{OUTCOMES}: deaths", 0)
    p50_s, p99_s = (measured.get(f"{OUTCOMES}: {name}_ms", 0) / 1000 for name in ("p50", "p99"))
    return (
        f"\n## Unknown outcomes in virtual time\n\n{count} actions in seeded random markets were dropped, came up to "
        f"14 s late, or were carried out and never answered; in {deaths} of these doubts the bot was killed and started "
        f"again. None was doubled, none stayed unresolved; from the doubt to a definite state: p50 {p50_s:.1f} s, "
        f"p99 {p99_s:.1f} s. Those that a death cut short count as definite when the next bot has read the account.\n"
    )


def rows_without_times(text: str) -> list[str]:
    """The rows of a page, without their last column."""
    return [line.rsplit("|", 2)[0] for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]


def write(measured: Mapping[str, int]) -> None:
    """Write the page."""
    PAGE.write_text(page(measured), encoding="utf-8")
