"""The page docs/reliability.md: what was done to the bot, what was expected, how long it took to recover.

`make faults` writes it from what it measured; a test holds all but the times against the list of cases.
"""

from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.cases import Case
from tests.faults.catalogue import catalogue

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
NOT_MEASURED = "not recovered"
SEEN_WITHIN_MS = 50
"""The harness looks so often; shorter times it cannot tell apart."""

HEAD = """\
# Faults survived

Written by `make faults`, which plays every row: the bot as a process of its own, the built-in exchange on real \
sockets, one fault set by name (`POST /localnet/fault`, see docs/localnet.md), and a witness on the exchange's side \
who notes orders, fills, positions and cover. `make test` plays the short run, marked with a star.

A row passes when what was expected has happened, no entry was doubled, no position was flipped, and the bot is alive \
without a crash. **Recovered** is wall time from the moment of the fault until the last of it was seen, pauses and \
patience of the bot included, and where the fault is there from the beginning, the start of the bot too. Times below \
50 ms are not told apart. Orders that nobody answers are waited for 10 s before they are in doubt (8 s by REST).

| # | fault | what was done | what is expected | recovered |
|---|---|---|---|---|
"""


@dataclass
class Measured:
    """What a run measured: how long each case took to recover, and each unknown outcome to be known, in ms."""

    played: int = 0
    took_ms: dict[str, int] = field(default_factory=dict)
    outcomes_ms: list[int] = field(default_factory=list)
    deaths: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every case was played, and not only some that were asked for."""
        return self.played >= len(catalogue()) and bool(self.outcomes_ms)


def page(measured: Measured) -> str:
    """The whole page."""
    rows = "".join(_row(case, measured.took_ms.get(case.name)) for case in catalogue())
    return HEAD + rows + _summary(measured) + (_outcomes(measured) if measured.outcomes_ms else "")


def _row(case: Case, took_ms: int | None) -> str:
    star = " *" if case.short else ""
    return f"| {case.number}{star} | {case.fault} | {case.done} | {case.expected} | {_shown(took_ms)} |\n"


def _shown(took_ms: int | None) -> str:
    if took_ms is None:
        return NOT_MEASURED
    if took_ms < SEEN_WITHIN_MS:
        return f"< {SEEN_WITHIN_MS} ms"
    return f"{took_ms} ms" if took_ms < 1_000 else f"{took_ms / 1000:.1f} s"


def _summary(measured: Measured) -> str:
    cases = catalogue()
    faults = {case.number for case in cases}
    failed = {case.number for case in cases if case.name not in measured.took_ms}
    return f"\n{len(cases)} cases of {len(faults)} faults; {len(faults - failed)} of {len(faults)} survived.\n"


def _outcomes(measured: Measured) -> str:
    """The section on unknown outcomes in virtual time."""
    took_ms = sorted(measured.outcomes_ms)
    p50_ms, p99_ms = took_ms[len(took_ms) // 2], took_ms[len(took_ms) * 99 // 100]
    return (
        f"\n## Unknown outcomes in virtual time\n\n"
        f"{len(took_ms)} actions in seeded random markets were dropped, came up to 14 s late, or were carried out and "
        f"never answered; in {measured.deaths} of these doubts the bot was killed and started again. None was doubled, "
        f"none stayed unresolved. From the doubt to a definite state: p50 {_shown(p50_ms)}, p99 {_shown(p99_ms)}, at "
        f"most {_shown(took_ms[-1])}. Those that a death cut short count as definite when the next bot has read the "
        f"account.\n"
    )


def rows_without_times(text: str) -> list[str]:
    """The rows of a page, without their last column."""
    return [line.rsplit("|", 2)[0] for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]


def write(measured: Measured) -> None:
    """Write the page."""
    PAGE.write_text(page(measured), encoding="utf-8")
