"""What the soak says: growth, latency, load, and a verdict for each goal.

Growth is the median of the last tenth of all looks less that of the first. A goal about time counts as missed only
where the machine was quiet: where the exchange's own clock, which only has to wake every 10 ms, was not late by more
than `QUIET_LATE_MS` at the 99th percentile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from benchmarks.figures import Verdict, aligned
from benchmarks.processes import Look
from benchmarks.soak_bot import Vitals
from benchmarks.soak_exchange import Pumped

GROWTH_MAX_MB = 5.0
P50_MAX_MS, P99_MAX_MS = 0.6, 1.5
CPU_MAX = 0.25
PAUSE_MAX_MS = 2.0
LAG_GROWTH_MAX_MS = 5.0
BURST_MAX_MB = 20.0
ACTED_MAX_MS = 50.0
CALM_MAX_S = 2.0
USUAL_TIMES = 3.0
QUIET_LATE_MS = 1.0


@dataclass(frozen=True)
class Fast:
    """A stretch with many more frames: how many a second, the lag as it went, bytes that waited to be sent."""

    per_s: float
    lags_ms: tuple[int, ...]
    unsent_max: int
    seen: list[Look]
    vitals: Vitals


@dataclass(frozen=True)
class Burst:
    """A burst while the main thread slept: facts that waited when it woke, how long after waking the crossing's exit
    arrived, until nothing waited any more, and how long an exit took two seconds after waking."""

    written: int
    waiting: int
    conflated: int
    seen: list[Look]
    acted_ms: float
    calm_s: float
    after_ms: float
    usual_ms: float


@dataclass(frozen=True)
class Soaked:
    """Everything that was measured."""

    minutes: float
    seen: list[Look]
    exits_ms: tuple[float, ...]
    back_s: tuple[float, ...]
    pumped: Pumped
    vitals: Vitals
    fast: Fast
    burst: Burst

    @property
    def is_quiet(self) -> bool:
        """Whether the machine had time for what was measured."""
        return percentile(self.pumped.late_ms, 0.99) <= QUIET_LATE_MS

    @property
    def pauses_ms(self) -> list[float]:
        """Every pause of the collector, of the fast stretch too."""
        both = (self.vitals.pauses_ms, self.fast.vitals.pauses_ms)
        return [each for pauses in both for some in pauses.values() for each in some]


def percentile(values: Sequence[float], share: float) -> float:
    """By nearest rank; 0 of none."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)] if values else 0.0


def growth(seen: Sequence[Look], of: Callable[[Look], float]) -> float:
    """The median of the last tenth less that of the first."""
    tenth = max(1, len(seen) // 10)
    return median(map(of, seen[-tenth:])) - median(map(of, seen[:tenth]))


def load(seen: Sequence[Look]) -> float:
    """The share of one core."""
    passed_s = seen[-1].at_s - seen[0].at_s
    return (seen[-1].cpu_s - seen[0].cpu_s) / passed_s if passed_s else 0.0


def lag_growth(lags_ms: Sequence[int]) -> float:
    """The median of the last quarter less that of the first."""
    quarter = max(1, len(lags_ms) // 4)
    return median(lags_ms[-quarter:]) - median(lags_ms[:quarter])


def verdicts(soaked: Soaked) -> list[Verdict]:
    """Every goal."""
    seen, fast, burst = soaked.seen, soaked.fast, soaked.burst
    p50, p99 = percentile(soaked.exits_ms, 0.5), percentile(soaked.exits_ms, 0.99)
    grown = growth(seen, lambda each: each.rss_mb)
    threads = growth(seen, lambda each: each.threads)
    descriptors = growth(seen, lambda each: each.descriptors)
    busy = load(seen)
    longest = max(soaked.pauses_ms, default=0.0)
    lag = lag_growth(fast.lags_ms)
    swollen = max(each.rss_mb for each in burst.seen) - burst.seen[0].rss_mb
    usual = burst.after_ms / burst.usual_ms

    def timed(goal: str, found: str, met: bool) -> Verdict:
        """What a busy machine can only make worse counts where it is met, and as missed on a quiet machine only."""
        return Verdict(goal, found, True if met else False if soaked.is_quiet else None)

    return [
        Verdict(f"resident memory grows by < {GROWTH_MAX_MB:g} MB", f"{grown:+.1f} MB", grown < GROWTH_MAX_MB),
        Verdict("threads constant", f"{threads:+.0f}, from {_span(seen, lambda each: each.threads)}", threads == 0),
        Verdict(
            "descriptors constant",
            f"{descriptors:+.0f}, from {_span(seen, lambda each: each.descriptors)}",
            descriptors <= 0,
        ),
        timed(f"frame to signed exit: p50 < {P50_MAX_MS:g} ms", f"{p50:.2f} ms", p50 < P50_MAX_MS),
        timed(f"frame to signed exit: p99 < {P99_MAX_MS:g} ms", f"{p99:.2f} ms", p99 < P99_MAX_MS),
        timed(f"the bot's process takes < {CPU_MAX:.0%} of a core", f"{busy:.0%}", busy < CPU_MAX),
        timed(f"no pause of the collector over {PAUSE_MAX_MS:g} ms", f"{longest:.2f} ms", longest <= PAUSE_MAX_MS),
        timed(f"{fast.per_s:.0f} frames a second without growing lag", f"{lag:+.0f} ms", lag <= LAG_GROWTH_MAX_MS),
        Verdict(
            f"{burst.written} frames in a second, nobody takes them: memory < +{BURST_MAX_MB:g} MB",
            f"{swollen:+.1f} MB, {burst.waiting} facts wait",
            swollen < BURST_MAX_MB,
        ),
        timed(
            f"the crossing is acted on within {ACTED_MAX_MS:g} ms of waking",
            f"{burst.acted_ms:.1f} ms",
            burst.acted_ms < ACTED_MAX_MS,
        ),
        timed(
            f"back to normal within {CALM_MAX_S:g} s of waking",
            f"nothing waits after {burst.calm_s:.2f} s, an exit takes {usual:.1f} times the usual",
            burst.calm_s < CALM_MAX_S and usual < USUAL_TIMES,
        ),
    ]


def table(soaked: Soaked) -> str:
    """All figures and all goals, to be printed."""
    fast = soaked.fast
    both = (soaked.vitals.pauses_ms, fast.vitals.pauses_ms)
    kinds = [[each for pauses in both for each in pauses[generation]] for generation in range(3)]
    longest = ", ".join(
        f"{len(some)} of {percentile(some, 0.5):.2f} to {max(some, default=0.0):.2f} ms" for some in kinds
    )
    late = percentile(soaked.pumped.late_ms, 0.99)
    passed_s = soaked.seen[-1].at_s - soaked.seen[0].at_s
    rows = [
        ("minutes", f"{soaked.minutes:g}"),
        ("frames a second", f"{soaked.pumped.written / passed_s:.0f}"),
        ("exits", f"{len(soaked.exits_ms)}, worst {max(soaked.exits_ms):.2f} ms"),
        ("cuts", f"{len(soaked.back_s)}, everything streamed again after {_longest(soaked.back_s)}"),
        ("resident memory", f"{soaked.seen[0].rss_mb:.1f} MB, {soaked.seen[-1].rss_mb:.1f} MB at the end"),
        ("collections", f"of the youngest, the middle, all: {longest}"),
        ("load at the fast pace", f"{load(fast.seen):.0%} of a core, p50 lag {median(fast.lags_ms):.0f} ms"),
        ("the machine", f"a clock of 10 ms was late by {late:.2f} ms (p99){'' if soaked.is_quiet else ': not quiet'}"),
    ]
    goals = [("goal", "found", "verdict")]
    goals += [(each.goal, each.found, each.word) for each in verdicts(soaked)]
    return "\n".join([*aligned(rows), "", *aligned(goals)])


def _span(seen: Sequence[Look], of: Callable[[Look], int]) -> str:
    values = [of(each) for each in seen]
    return f"{min(values)} to {max(values)}"


def _longest(back_s: Sequence[float]) -> str:
    return f"{median(back_s):.1f} s, at most {max(back_s):.1f} s" if back_s else "none"
