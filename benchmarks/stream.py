"""The stream client beside the SDK's and ccxt's on the same frames: messages a second, CPU a message, hand-over.

    python benchmarks/stream.py [--quick]

Each listens in a process of its own to the same server, one after the other, round after round: once to frames that
come at a steady pace, once to frames that come as fast as they are taken. Prints a table with a verdict per goal; exits
0 unless a measurement itself failed. See benchmarks/README.md for what is measured and what is not.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import frame_server, listeners, tapes  # noqa: E402
from benchmarks.figures import Verdict, aligned  # noqa: E402
from benchmarks.frame_server import FLOOD, Pace  # noqa: E402
from benchmarks.listeners import LISTENERS, Heard  # noqa: E402
from benchmarks.partner import MeasurementFailed, Partner  # noqa: E402
from benchmarks.tapes import Tape  # noqa: E402
from benchmarks.telling import is_quick, told  # noqa: E402

STEADY = Pace(burst=50, every_s=0.01)
"""5 000 messages a second, which all three can follow."""
STEADILY, IN_THE_FLOOD = "steady", "flood"
TIMES_SDK, TIMES_CCXT = 8.0, 10.0


@dataclass(frozen=True)
class StreamPlan:
    """How much is measured: frames of each tape, and how often."""

    repetitions: int = 3
    frames: int = 8_000


QUICK = StreamPlan(repetitions=1, frames=2_000)


@dataclass(frozen=True)
class Listening:
    """One listener on one tape: what its CPU took a message, how many a second it took at most, when it heard."""

    tape: str
    listener: str
    cpu_us: float
    flood_cpu_us: float
    flood_per_s: float
    handed_ms: tuple[float, ...]
    share: float
    flood_share: float = 1.0

    def per_cpu_s(self, pace: str, *, handed: bool = False) -> float:
        """Messages a second of CPU, by those that were sent or only by those that were `handed` over one by one."""
        share, cpu_us = (self.share, self.cpu_us) if pace == STEADILY else (self.flood_share, self.flood_cpu_us)
        return (share if handed else 1.0) * 1e6 / cpu_us

    def percentile(self, share: float) -> float:
        """Of the hand-over, by nearest rank."""
        return sorted(self.handed_ms)[ceil(share * len(self.handed_ms)) - 1]


@dataclass(frozen=True)
class StreamResults:
    """Everything that was measured, and the tapes that were not there."""

    rounds: list[dict[str, Listening]] = field(default_factory=list)
    lacking: list[Tape] = field(default_factory=list)

    def of(self, tape: str) -> list[dict[str, Listening]]:
        """The rounds of a tape, by listener."""
        return [each for each in self.rounds if each["ours"].tape == tape]

    @property
    def tapes(self) -> tuple[str, ...]:
        """Those that were played."""
        return tuple(dict.fromkeys(each["ours"].tape for each in self.rounds))


def measure(plan: StreamPlan, say: Callable[[str], None]) -> StreamResults:
    """Everything the plan asks for. Raises MeasurementFailed."""
    results = StreamResults()
    with ExitStack() as stack:
        server = Partner("the server", frame_server.run)
        stack.callback(server.close)
        url = server.hear()
        every = (tapes.recorded(plan.frames), tapes.synthetic(plan.frames))
        results.lacking.extend(tape for tape in every if tape.lacking)
        for number in range(plan.repetitions):
            for tape in every:
                if not tape.lacking:
                    say(f"round {number + 1} of {plan.repetitions}: {tape.name}")
                    results.rounds.append({name: _listening(server, url, name, tape) for name in LISTENERS})
    return results


def _listening(server: Partner, url: str, name: str, tape: Tape) -> Listening:
    server.ask("expect")
    listener = Partner(name, listeners.run, name, url, tape.coins)
    try:
        if listener.hear() != "ready" or not server.ask("subscribed", len(tapes.CHANNELS) * len(tape.coins)):
            raise MeasurementFailed(f"{name} did not subscribe to everything")
        _played(server, listener, tape, STEADY)  # the first time everything is loaded
        steady, written_ns, first_ms = _played(server, listener, tape, STEADY)
        flood, flood_ns, _ = _played(server, listener, tape, FLOOD)
    finally:
        listener.close()
    took_s = (max(flood.at_ns.values()) - flood_ns[0]) / 1e9
    flood_share = len(flood.at_ns) / len(flood_ns)
    return listening_of(tape, name, steady, written_ns, first_ms, flood.cpu_ns, took_s, flood_share)


def _played(server: Partner, listener: Partner, tape: Tape, pace: Pace) -> tuple[Heard, list[int], int]:
    """Play a tape: what was heard, when each frame was written, the first frame's time."""
    first_ms, last_ms = server.ask("prepare", tape)
    listener.ask("begin", last_ms)
    written_ns = server.ask("play", pace)
    heard: Heard = listener.ask("end")
    if not heard.done:
        raise MeasurementFailed(f"{listener.name} did not hear the end of {tape.name}")
    return heard, written_ns, first_ms


def listening_of(
    tape: Tape,
    name: str,
    steady: Heard,
    written_ns: list[int],
    first_ms: int,
    flood_cpu_ns: int,
    flood_s: float,
    flood_share: float = 1.0,
) -> Listening:
    """The figures of one listener. CPU is counted by frame that was sent, heard one by one or not."""
    count = len(written_ns)
    handed = tuple((at_ns - written_ns[time_ms - first_ms]) / 1e6 for time_ms, at_ns in steady.at_ns.items())
    return Listening(
        tape=tape.name,
        listener=name,
        cpu_us=steady.cpu_ns / 1e3 / count,
        flood_cpu_us=flood_cpu_ns / 1e3 / count,
        flood_per_s=count / flood_s,
        handed_ms=handed,
        share=len(handed) / count,
        flood_share=flood_share,
    )


def verdicts(results: StreamResults) -> list[Verdict]:
    """Every goal, tape by tape, at each pace: messages a CPU second, all that were sent counted for everybody. What it
    comes to when those that somebody left out do not count for him stands beside it."""
    found: list[Verdict] = []
    for tape in results.tapes:
        for other, least in (("SDK", TIMES_SDK), ("ccxt", TIMES_CCXT)):
            for pace in (STEADILY, IN_THE_FLOOD):
                sent, handed = (_times(results.of(tape), other, pace, handed=each) for each in (False, True))
                goal = f"{tape}, {pace}: ≥ {least:g} times the messages of {other} a CPU second"
                found.append(Verdict(goal, f"{sent:.1f} times ({handed:.1f} by those handed over)", sent >= least))
    found += [Verdict(f"{tape.name}: nothing measured", tape.lacking, None) for tape in results.lacking]
    return found


def _times(rounds: list[dict[str, Listening]], other: str, pace: str, *, handed: bool) -> float:
    """How many times the messages of another listener."""
    return median(
        each["ours"].per_cpu_s(pace, handed=handed) / each[other].per_cpu_s(pace, handed=handed) for each in rounds
    )


def table(results: StreamResults) -> str:
    """All tapes and all goals, to be printed."""
    columns = (
        "CPU µs a message",
        "hand-over p50 ms",
        "p99 ms",
        "heard",
        "flood: messages/s",
        "CPU µs a message",
        "heard",
    )
    rows = [("tape", "listener", *columns)]
    rows += [_row(tape, name, results) for tape in results.tapes for name in LISTENERS]
    goals = [("goal", "found", "verdict")]
    goals += [(each.goal, each.found, each.word) for each in verdicts(results)]
    pace = f"{STEADY.burst} frames every {STEADY.every_s * 1000:g} ms; then a flood"
    return "\n".join([pace, "", *aligned(rows), "", *aligned(goals)])


def _row(tape: str, name: str, results: StreamResults) -> tuple[str, ...]:
    rounds = [each[name] for each in results.of(tape)]
    return (
        tape,
        name,
        f"{median(each.cpu_us for each in rounds):.1f}",
        f"{median(each.percentile(0.5) for each in rounds):.2f}",
        f"{median(each.percentile(0.99) for each in rounds):.2f}",
        f"{median(each.share for each in rounds):.1%}",
        f"{median(each.flood_per_s for each in rounds):.0f}",
        f"{median(each.flood_cpu_us for each in rounds):.1f}",
        f"{median(each.flood_share for each in rounds):.1%}",
    )


def main() -> int:
    """The command."""
    return told(measure, QUICK if is_quick(__doc__, "few frames, in half a minute") else StreamPlan(), table)


if __name__ == "__main__":
    sys.exit(main())
