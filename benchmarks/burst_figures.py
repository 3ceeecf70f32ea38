"""What bursts say: when the last of ten exits arrived, against the floor and the SDK, and a verdict for each goal.

Owns the goals. Every figure is computed within a round (floor, bot and SDK right after each other) and its median over
the rounds is shown.
"""

from dataclasses import dataclass, field
from statistics import median

from benchmarks.burst_exchange import COINS_EACH, Burst
from benchmarks.figures import Times, Verdict, aligned

LAST_P50_MAX_MS = 5.0
TIMES_SDK_DELAYED = 200.0


@dataclass(frozen=True)
class BurstCase:
    """How the prints come (all in one write, as one block of the exchange, or one after the other), how late answers.

    Where answers are not late the exchange executes each order as soon as it has arrived, so that its own work for the
    first exits is part of the figure of the last one.
    """

    name: str
    one_block: bool
    answer_delay_s: float


BLOCK = BurstCase("one block, answers 100 ms late", one_block=True, answer_delay_s=0.1)
APART = BurstCase("frame by frame, answers 100 ms late", one_block=False, answer_delay_s=0.1)
AT_ONCE = BurstCase("one block, answers at once", one_block=True, answer_delay_s=0.0)
CASES = (BLOCK, APART, AT_ONCE)


@dataclass(frozen=True)
class Contestant:
    """The bursts of one contestant in one round."""

    bursts: tuple[Burst, ...]

    @property
    def first(self) -> Times:
        """When the first exit of each burst had arrived."""
        return Times(tuple(each.took_ns[0] / 1e6 for each in self.bursts))

    @property
    def last(self) -> Times:
        """When the last one had."""
        return Times(tuple(each.took_ns[-1] / 1e6 for each in self.bursts))

    @property
    def rest_calls(self) -> int:
        """REST requests inside the bursts."""
        return sum(each.rest_calls for each in self.bursts)

    @property
    def orders(self) -> int:
        """Reduce-only orders that arrived."""
        return sum(each.orders for each in self.bursts)

    @property
    def positions(self) -> int:
        """Positions that were open."""
        return COINS_EACH * len(self.bursts)


@dataclass(frozen=True)
class BurstRound:
    """One repetition of one case."""

    case: BurstCase
    floor: Contestant
    bot: Contestant
    sdk: Contestant

    @property
    def floors(self) -> float:
        """How many floors the bot needs."""
        return self.bot.last.p50 / self.floor.last.p50

    @property
    def times_sdk(self) -> float:
        """How many times faster than the SDK it is."""
        return self.sdk.last.p50 / self.bot.last.p50


@dataclass(frozen=True)
class BurstResults:
    """Everything that was measured."""

    rounds: list[BurstRound] = field(default_factory=list)

    def of(self, case: BurstCase) -> list[BurstRound]:
        """The rounds of a case."""
        return [each for each in self.rounds if each.case is case]


def verdicts(results: BurstResults) -> list[Verdict]:
    """Every goal, case by case."""
    found: list[Verdict] = []
    for case in CASES:
        rounds = results.of(case)
        if not rounds or not case.answer_delay_s:
            continue
        last_ms, times = median(each.bot.last.p50 for each in rounds), median(each.times_sdk for each in rounds)
        goal = f"{case.name}: the last of {COINS_EACH} exits within {LAST_P50_MAX_MS:g} ms at the median"
        found.append(Verdict(goal, f"{last_ms:.2f} ms", last_ms <= LAST_P50_MAX_MS))
        goal = f"{case.name}: ≥ {TIMES_SDK_DELAYED:g} times faster than the SDK"
        found.append(Verdict(goal, f"{times:.0f} times", times >= TIMES_SDK_DELAYED))
    orders = sum(each.bot.orders for each in results.rounds)
    positions = sum(each.bot.positions for each in results.rounds)
    found.append(Verdict("one order per position", f"{orders} for {positions}", orders == positions))
    calls = sum(each.bot.rest_calls for each in results.rounds)
    found.append(Verdict("no REST call between the first frame and the last exit", f"{calls}", calls == 0))
    return found


def table(results: BurstResults) -> str:
    """All cases and all goals, to be printed."""
    columns = ("floor first", "last", "bot first", "last", "worst", "SDK first", "last", "bot/floor", "SDK/bot")
    rows = [("case", *columns)]
    rows += [_row(case, results.of(case)) for case in CASES if results.of(case)]
    goals = [("goal", "found", "verdict")]
    goals += [(each.goal, each.found, each.word) for each in verdicts(results)]
    head = f"{COINS_EACH} positions; medians in ms, from the first frame's bytes on the wire to the exit's"
    return "\n".join([head, "", *aligned(rows), "", *aligned(goals)])


def _row(case: BurstCase, rounds: list[BurstRound]) -> tuple[str, ...]:
    figures = (
        median(each.floor.first.p50 for each in rounds),
        median(each.floor.last.p50 for each in rounds),
        median(each.bot.first.p50 for each in rounds),
        median(each.bot.last.p50 for each in rounds),
        max(max(each.bot.last.ms) for each in rounds),
    )
    sdk = (median(each.sdk.first.p50 for each in rounds), median(each.sdk.last.p50 for each in rounds))
    return (
        case.name,
        *(f"{each:.2f}" for each in figures),
        *(f"{each:.0f}" for each in sdk),
        f"{median(each.floors for each in rounds):.1f}",
        f"{median(each.times_sdk for each in rounds):.0f}",
    )
