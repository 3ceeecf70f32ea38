"""What the doctor found: one line each, and the exit code of all together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

SOMETHING_FAILS, CONFIGURATION, EXCHANGE = 1, 2, 3
"""Exit codes, the worst wins: something fails, settings or key are wrong, the exchange cannot be reached."""


class Grade(str, Enum):
    """How a finding is."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it is, and what to do. `code` is the exit code of a failure."""

    subject: str
    grade: Grade
    text: str
    fix: str = ""
    code: int = SOMETHING_FAILS


def line_of(finding: Finding) -> str:
    """A finding as it is shown."""
    fix = f"; {finding.fix}" if finding.fix else ""
    return f"{finding.grade.value:<8} {finding.subject:<14} {finding.text}{fix}"


def exit_code(findings: Iterable[Finding]) -> int:
    """0 when nothing failed (warnings may be)."""
    return max((each.code for each in findings if each.grade is Grade.FAIL), default=0)


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(subject, Grade.OK, text)


def skipped(subject: str, why: str) -> Finding:
    """Not looked at, for a reason of the user's."""
    return Finding(subject, Grade.SKIPPED, why)


def warning(subject: str, text: str, fix: str = "") -> Finding:
    """Something to mend that stops nothing."""
    return Finding(subject, Grade.WARNING, text, fix)


def fail(subject: str, text: str, fix: str = "", code: int = SOMETHING_FAILS) -> Finding:
    """Something that keeps the bot from trading, or should."""
    return Finding(subject, Grade.FAIL, text, fix, code)


def of_configuration(problems: Sequence[str]) -> list[Finding]:
    """The findings of settings that cannot be used."""
    return [fail("configuration", problem, code=CONFIGURATION) for problem in problems]
