"""From a price frame to the signed exit on the wire: the bot, the SDK as it is used, and the floor under both.

    python benchmarks/tick_to_order.py [--quick]

All three trade on the same localnet in the same run, in turn, several times over. Prints a table with a verdict per
goal; exits 0 unless a measurement itself failed. See benchmarks/README.md for what is measured and what is not.
"""

import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import contestants, counterparty  # noqa: E402
from benchmarks.counterparty import Conditions, Sample  # noqa: E402
from benchmarks.figures import CASES, HANGING, Case, Results, Round, Times, table  # noqa: E402
from benchmarks.partner import MeasurementFailed, Partner  # noqa: E402
from benchmarks.telling import is_quick, told  # noqa: E402

SETTLE_S = 2.0
ENTRIES_MAX = 5
LAST_LINES = 20
WARM_UP = 2
"""Exits before each round that are not counted: the conditions have just changed."""


@dataclass(frozen=True)
class Plan:
    """How much is measured. `exits_sdk` and `exits_sdk_slow` (with delays, or beside strategies) of the SDK."""

    repetitions: int = 3
    exits: int = 100
    exits_delayed: int = 25
    exits_sdk: int = 30
    exits_sdk_slow: int = 5
    fresh_sessions: int = 3
    cases: tuple[Case, ...] = (*CASES, HANGING)


QUICK = Plan(repetitions=1, exits=40, exits_delayed=8, exits_sdk=10, exits_sdk_slow=2, fresh_sessions=1)


class Field:
    """The exchange and who trades on it."""

    def __init__(self, exchange: Partner, url: str, home: Path) -> None:
        self._exchange, self._url, self._home = exchange, url, home
        self._seed = 0

    @contextmanager
    def contestant(self, kind: str) -> Iterator[Partner]:
        """Start one; it is ready when this gives it."""
        self._seed += 1
        partner = Partner(kind, _contestant, kind, self._url, str(self._home / f"{kind}-{self._seed}"), self._seed)
        try:
            assert partner.hear() == "ready"
            yield partner
        finally:
            partner.close()

    def conditions(self, case: Case | None) -> None:
        """Answer as this case asks; None for at once."""
        wanted = Conditions(case.answer_delay_s, case.read_hang_s) if case is not None else Conditions()
        self._exchange.ask("conditions", wanted)
        self._exchange.ask("idle")

    def exits(self, partner: Partner, coin: str, count: int) -> tuple[Times, int]:
        """So many exits of the bot or of the SDK, and how many REST calls lay inside them."""
        samples = [self.exit(partner, coin) for _ in range(count + WARM_UP)][WARM_UP:]
        return _times(samples), sum(each.rest_calls for each in samples)

    def exit(self, partner: Partner, coin: str, settle_s: float = 0.0) -> Sample:
        """Enter, and be thrown out (after so long in peace).

        A bot that has just been thrown out refuses the next entry for as long as it is busy booking the exit.
        """
        for _ in range(ENTRIES_MAX):
            partner.ask("enter")
            if self._exchange.ask("entered", coin):
                break
        else:
            raise MeasurementFailed(f"{partner.name} did not enter {coin}{self._last_words()}")
        if settle_s:
            threading.Event().wait(settle_s)
        sample: Sample | None = self._exchange.ask("exit", coin)
        if sample is None:
            raise MeasurementFailed(f"{partner.name} did not leave {coin}{self._last_words()}")
        return sample

    def _last_words(self) -> str:
        """What the bots showed last, to be printed with a failure."""
        lines = [line for log in sorted(self._home.glob("bot-*/screen.log")) for line in log.read_text().splitlines()]
        return "".join(f"\n  {line}" for line in lines[-LAST_LINES:])

    def echoes(self, count: int) -> Times:
        """So many echoes of the floor."""
        samples = [self._exchange.ask("echo", contestants.FLOOR) for _ in range(count + WARM_UP)][WARM_UP:]
        if not all(samples):
            raise MeasurementFailed("an echo never came back")
        return _times(samples)


def measure(plan: Plan, say: Callable[[str], None]) -> Results:
    """Everything the plan asks for. Raises MeasurementFailed."""
    results = Results()
    with ExitStack() as stack:
        data = ROOT / "data"
        data.mkdir(exist_ok=True)
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-", dir=data)))
        exchange = Partner("the exchange", counterparty.run)
        stack.callback(exchange.close)
        field = Field(exchange, exchange.hear(), home)
        field.conditions(None)
        for number in range(plan.fresh_sessions):
            say(f"first exit of fresh session {number + 1} of {plan.fresh_sessions}")
            with field.contestant("bot") as fresh:
                results.first.append(field.exit(fresh, contestants.OURS, SETTLE_S).took_ns / 1e6)
        floor, bot, sdk = (stack.enter_context(field.contestant(kind)) for kind in ("floor", "bot", "sdk"))
        del floor
        bot.ask("many")
        for number in range(plan.repetitions):
            for case in plan.cases:
                say(f"round {number + 1} of {plan.repetitions}: {case.name}")
                results.rounds.append(_round(field, plan, case, bot, sdk))
    return results


def _round(field: Field, plan: Plan, case: Case, bot: Partner, sdk: Partner) -> Round:
    """Floor and bot beside the same strategies, then the SDK beside its own."""
    bot.ask("think", case.thinks)
    field.conditions(case)
    count = plan.exits_delayed if case.answer_delay_s else plan.exits
    floor = field.echoes(count)
    bot.ask("read", bool(case.read_hang_s))
    ours, rest_calls = field.exits(bot, contestants.OURS, count)
    bot.ask("think", False)
    bot.ask("read", False)
    if case is HANGING:
        field.conditions(None)
        return Round(case, floor, ours, None, rest_calls)
    sdk.ask("think", case.thinks)
    slow = case.thinks or case.answer_delay_s
    theirs, _ = field.exits(sdk, contestants.SDK, plan.exits_sdk_slow if slow else plan.exits_sdk)
    sdk.ask("think", False)
    field.conditions(None)
    return Round(case, floor, ours, theirs, rest_calls)


def _contestant(conn: Connection, kind: str, url: str, folder: str, seed: int) -> None:
    name = {"bot": contestants.OURS, "sdk": contestants.SDK, "floor": contestants.FLOOR}[kind]
    contestants.run(kind, conn, url, folder, seed, {name: counterparty.COINS[name]})


def _times(samples: list[Sample]) -> Times:
    return Times(tuple(each.took_ns / 1e6 for each in samples))


def main() -> int:
    """The command."""
    return told(
        measure, QUICK if is_quick(__doc__, "a tenth of the samples, in less than half a minute") else Plan(), table
    )


if __name__ == "__main__":
    sys.exit(main())
