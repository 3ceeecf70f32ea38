"""The page docs/reliability.md: what was done to the bot, what was expected, how long it took to recover.

`make faults` writes it from what it measured, but the section on the time to protection, which `make protection`
writes; a test holds all but the times against the list of cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.cases import Case
from tests.faults.catalogue import catalogue
from tests.faults.protection import Protected

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
NOT_MEASURED = "not recovered"
OUTCOMES = "\n## Unknown outcomes in virtual time\n"
PROTECTION = "\n## Time to protection\n"
SEEN_WITHIN_MS = 50
"""The harness looks so often; shorter times it cannot tell apart."""

HEAD = """\
# Faults survived

Written by `make faults`, which plays every row: the bot as a process of its own, the built-in exchange on real \
sockets, one fault (set by name with `POST /localnet/fault`, see docs/localnet.md; 15, 16, 21, 22 and those from 71 \
on are made on the bot's own machine), and a witness on the exchange's side who notes orders, fills, positions and \
cover. `make test` plays the short run, marked with a star. `make faults ARGS="-k 71-"` plays some rows and leaves \
the others as they were.

A row passes when what was expected has happened, no entry was doubled, no position was flipped, and the bot has not \
crashed and lives, where it is not to end. **Recovered** is wall time from the moment of the fault until the last of \
it was seen, pauses and patience of the bot included, and where the fault is there from the beginning, the start of \
the bot too. Times below 50 ms are not told apart. Orders that nobody answers are waited for 10 s before they are in \
doubt (8 s by REST), exits for 1.2 s.

| # | fault | what was done | what is expected | recovered |
|---|---|---|---|---|
"""


@dataclass
class Measured:
    """What a run measured: how long each case took to recover, and each unknown outcome to be known, in ms."""

    played: set[str] = field(default_factory=set)
    took_ms: dict[str, int] = field(default_factory=dict)
    outcomes_ms: list[int] = field(default_factory=list)
    deaths: int = 0

    def shown(self, case: Case, before: str) -> str:
        """How long a case took; what was shown `before` for one that was not played."""
        return _shown(self.took_ms.get(case.name)) if case.name in self.played else before


def page(measured: Measured, before: str = "") -> str:
    """The page without the time to protection. What was not played is taken from the page as it was `before`."""
    times = times_of(before)
    rows = [(case, measured.shown(case, times.get(_words(case), NOT_MEASURED))) for case in catalogue()]
    outcomes = _outcomes(measured) if measured.outcomes_ms else _section(before, OUTCOMES)
    return HEAD + "".join(f"{_words(case)}| {time} |\n" for case, time in rows) + _summary(rows) + outcomes


def _words(case: Case) -> str:
    star = " *" if case.short else ""
    return f"| {case.number}{star} | {case.fault} | {case.done} | {case.expected} "


def times_of(text: str) -> dict[str, str]:
    """The last column of a page by what stands before it."""
    rows = (line.rsplit("|", 2) for line in _rows(text))
    return {words: time.strip() for words, time, _end in rows}


def _shown(took_ms: int | None) -> str:
    if took_ms is None:
        return NOT_MEASURED
    if took_ms < SEEN_WITHIN_MS:
        return f"< {SEEN_WITHIN_MS} ms"
    return f"{took_ms} ms" if took_ms < 1_000 else f"{took_ms / 1000:.1f} s"


def _summary(rows: Sequence[tuple[Case, str]]) -> str:
    faults = {case.number for case, _time in rows}
    failed = {case.number for case, time in rows if time == NOT_MEASURED}
    return f"\n{len(rows)} cases of {len(faults)} faults; {len(faults - failed)} of {len(faults)} survived.\n"


def _outcomes(measured: Measured) -> str:
    """The section on unknown outcomes in virtual time."""
    took_ms = sorted(measured.outcomes_ms)
    p50_ms, p99_ms = took_ms[len(took_ms) // 2], took_ms[len(took_ms) * 99 // 100]
    return (
        f"{OUTCOMES}\n"
        f"{len(took_ms)} actions in seeded random markets were dropped, came up to 14 s late, or were carried out and "
        f"never answered; in {measured.deaths} of these doubts the bot was killed and started again. None was doubled, "
        f"none stayed unresolved. From the doubt to a definite state: p50 {_shown(p50_ms)}, p99 {_shown(p99_ms)}, at "
        f"most {_shown(took_ms[-1])}. Those that a death cut short count as definite when the next bot has read the "
        f"account.\n"
    )


def _rows(text: str) -> list[str]:
    """The rows of the first table of a page."""
    first, *_others = text.split("\n## ")
    return [line for line in first.splitlines() if line.startswith("| ") and line[2].isdigit()]


def rows_without_times(text: str) -> list[str]:
    """The rows of a page, without their last column."""
    return list(times_of(text))


def _section(text: str, heading: str) -> str:
    """One section as it stands on a page."""
    _before, found, after = text.partition(heading)
    return found + after.split("\n## ")[0] if found else ""


def write(measured: Measured) -> None:
    """Write the page; what was not measured stays as it was."""
    before = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page(measured, before) + _section(before, PROTECTION), encoding="utf-8")


def write_protection(found: Protected) -> None:
    """Write the section on the time to protection, and nothing else; it is the last one."""
    before, _heading, _after = PAGE.read_text(encoding="utf-8").partition(PROTECTION)
    PAGE.write_text(before + protection_section(found), encoding="utf-8")


def protection_section(found: Protected) -> str:
    """The section on the time to protection."""
    took_ms = found.all_ms
    faulty = sum(len(each) for trouble, each in found.took_ms.items() if trouble)
    p50_ms, p99_ms = took_ms[len(took_ms) // 2], took_ms[len(took_ms) * 99 // 100]
    rows = "".join(
        f"| {trouble or 'none'} | {len(each)} | {_shown(sorted(each)[len(each) // 2])} | {_shown(max(each))} |\n"
        for trouble, each in sorted(found.took_ms.items())
    )
    words = (
        f"Written by `make protection`: {len(took_ms)} entries in {found.coins} coins at once, {faulty} of them with "
        f"faults drawn by chance (seed {found.seed}). Measured on the exchange's side in wall time: the longest time "
        f"that a position was without stops for all of it, from its first fill on. The bot is a process of its own "
        f"on real sockets, with the exchange's request budget for everything but candles."
    )
    figures = f"p50 {_shown(p50_ms)}, p99 {_shown(p99_ms)}, at most {_shown(took_ms[-1])}"
    never = f"never covered: {len(found.never)}"
    table = f"| fault | entries | p50 | at most |\n|---|---|---|---|\n{rows}"
    return f"{PROTECTION}\n{words}\n\n{figures}; {never}.\n\n{table}"
