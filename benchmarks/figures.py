"""What the samples say: medians, 99th percentiles, ratios, and a verdict for each goal.

Owns the goals. Every figure is computed within a round (floor, bot and SDK right after each other) and its median over
the rounds is shown, so that a busy minute of the machine spoils one round and not the comparison. Latency is judged in
quiet rounds only: those whose floor stays under `QUIET_FLOOR_MS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import median

P50_MAX_MS, P99_MAX_MS = 0.6, 1.5
FLOORS_MAX = 4.5
TIMES_SDK, TIMES_SDK_DELAYED = 5.0, 200.0
HANG_COSTS_MAX_MS = 0.5
QUIET_FLOOR_MS = 0.5


@dataclass(frozen=True)
class Case:
    """Under what conditions: do strategies compute, how late is every answer, how long does every read hang."""

    name: str
    thinks: bool = False
    answer_delay_s: float = 0.0
    read_hang_s: float = 0.0


IDLE = Case("idle")
THINKING = Case("strategies compute", thinks=True)
DELAYED = Case("idle, answers 100 ms late", answer_delay_s=0.1)
BOTH = Case("strategies compute, answers 100 ms late", thinks=True, answer_delay_s=0.1)
HANGING = Case("a read hangs for 2 s", read_hang_s=2.0)
CASES = (IDLE, THINKING, DELAYED, BOTH)


@dataclass(frozen=True)
class Times:
    """The samples of one contestant in one round, in milliseconds."""

    ms: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median."""
        return median(self.ms)

    @property
    def p99(self) -> float:
        """The 99th percentile by nearest rank; of fewer than 100 samples it is the worst."""
        return sorted(self.ms)[ceil(0.99 * len(self.ms)) - 1]


@dataclass(frozen=True)
class Round:
    """One repetition of one case; `sdk` is None where the SDK is not measured."""

    case: Case
    floor: Times
    bot: Times
    sdk: Times | None = None
    bot_rest_calls: int = 0

    @property
    def is_quiet(self) -> bool:
        """Whether the machine was idle enough to judge by."""
        return self.floor.p99 < QUIET_FLOOR_MS


@dataclass(frozen=True)
class Results:
    """Everything that was measured; `first` are the first exits of fresh sessions."""

    rounds: list[Round] = field(default_factory=list)
    first: list[float] = field(default_factory=list)

    def of(self, case: Case) -> list[Round]:
        """The rounds of a case."""
        return [each for each in self.rounds if each.case is case]

    def quiet(self, case: Case) -> list[Round]:
        """Those by which latency may be judged."""
        return [each for each in self.of(case) if each.is_quiet]


@dataclass(frozen=True)
class Verdict:
    """A goal and how it went; `met` is None when nothing could be judged."""

    goal: str
    found: str
    met: bool | None

    @property
    def word(self) -> str:
        """One word for the table."""
        return {True: "met", False: "MISSED", None: "not judged"}[self.met]


def verdicts(results: Results) -> list[Verdict]:
    """Every goal, case by case."""
    found: list[Verdict] = []
    for case in CASES:
        if not results.of(case):
            continue
        times = TIMES_SDK_DELAYED if case.answer_delay_s else TIMES_SDK
        quiet, everyone = results.quiet(case), results.of(case)
        found += [
            _at_most(f"{case.name}: p50 ≤ {P50_MAX_MS} ms", quiet, lambda r: r.bot.p50, P50_MAX_MS, " ms"),
            _at_most(f"{case.name}: p99 ≤ {P99_MAX_MS} ms", quiet, lambda r: r.bot.p99, P99_MAX_MS, " ms"),
            _at_most(f"{case.name}: p50 within {FLOORS_MAX} floors", quiet, _floors, FLOORS_MAX, " floors"),
            _at_least(f"{case.name}: ≥ {times:g} times faster than the SDK", everyone, _times_sdk, times),
        ]
    calls = sum(each.bot_rest_calls for each in results.rounds)
    exits = sum(len(each.bot.ms) for each in results.rounds)
    found.append(Verdict("no REST call between trigger and order", f"{calls} in {exits} exits", calls == 0))
    found += _hanging(results)
    return found


def _hanging(results: Results) -> list[Verdict]:
    goal = f"a hanging read changes p99 by < {HANG_COSTS_MAX_MS} ms"
    if not results.of(HANGING):
        return []
    before, hanging = results.quiet(IDLE), results.quiet(HANGING)
    if not before or not hanging:
        return [Verdict(goal, "no quiet round", None)]
    cost = median(each.bot.p99 for each in hanging) - median(each.bot.p99 for each in before)
    return [Verdict(goal, f"{cost:+.2f} ms", cost < HANG_COSTS_MAX_MS)]


def _floors(each: Round) -> float:
    return each.bot.p50 / each.floor.p50


def _times_sdk(each: Round) -> float:
    return each.sdk.p50 / each.bot.p50 if each.sdk is not None else 0.0


def _at_most(goal: str, rounds: Sequence[Round], of: Callable[[Round], float], limit: float, unit: str) -> Verdict:
    if not rounds:
        return Verdict(goal, "no quiet round", None)
    value = median(of(each) for each in rounds)
    return Verdict(goal, f"{value:.2f}{unit}", value <= limit)


def _at_least(goal: str, rounds: Sequence[Round], of: Callable[[Round], float], limit: float) -> Verdict:
    value = median(of(each) for each in rounds)
    return Verdict(goal, f"{value:.1f} times", value >= limit)


def table(results: Results) -> str:
    """All cases and all goals, to be printed."""
    head = ("case", "floor p50", "p99", "bot p50", "p99", "SDK p50", "p99", "bot/floor", "SDK/bot", "quiet rounds")
    rows = [head]
    for case in (*CASES, HANGING):
        rounds = results.of(case)
        if rounds:
            rows.append(_row(case, rounds))
    lines = ["all times in ms, from the frame's bytes on the wire to the signed exit's", "", *aligned(rows), ""]
    if results.first:
        shown = ", ".join(f"{each:.2f}" for each in results.first)
        lines += [f"first exit of a fresh session, 2 s after it entered: {shown}", ""]
    goals = [("goal", "found", "verdict")]
    goals += [(each.goal, each.found, each.word) for each in verdicts(results)]
    return "\n".join([*lines, *aligned(goals)])


def _row(case: Case, rounds: list[Round]) -> tuple[str, ...]:
    sdk = [each.sdk for each in rounds if each.sdk is not None]
    quiet = sum(each.is_quiet for each in rounds)
    return (
        case.name,
        *_two([each.floor for each in rounds]),
        *_two([each.bot for each in rounds]),
        *(_two(sdk) if sdk else ("", "")),
        f"{median(_floors(each) for each in rounds):.1f}",
        f"{median(_times_sdk(each) for each in rounds):.1f}" if sdk else "",
        f"{quiet} of {len(rounds)}",
    )


def _two(times: list[Times]) -> tuple[str, str]:
    return f"{median(each.p50 for each in times):.2f}", f"{median(each.p99 for each in times):.2f}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, column under column."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
