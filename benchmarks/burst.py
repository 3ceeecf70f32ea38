"""Ten positions whose stops are crossed at once: how long until the last exit is on the wire.

    python benchmarks/burst.py [--quick]

The bot, the SDK as it is used and the floor under both trade on the same localnet in the same run, in turn, round after
round. Prints a table with a verdict per goal; exits 0 unless a measurement itself failed. See benchmarks/README.md for
what is measured and what is not.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import burst_exchange, contestants  # noqa: E402
from benchmarks.burst_exchange import COINS, Burst  # noqa: E402
from benchmarks.burst_figures import CASES, BurstCase, BurstResults, BurstRound, Contestant, table  # noqa: E402
from benchmarks.counterparty import Conditions  # noqa: E402
from benchmarks.partner import MeasurementFailed, Partner  # noqa: E402
from benchmarks.telling import is_quick, told  # noqa: E402

ENTRIES_MAX = 10
LAST_LINES = 20
WARM_UP = 1
"""Bursts before each round that are not counted."""


@dataclass(frozen=True)
class BurstPlan:
    """How much is measured; a burst of the SDK takes three seconds."""

    repetitions: int = 3
    bursts: int = 12
    bursts_sdk: int = 1
    cases: tuple[BurstCase, ...] = CASES


QUICK = BurstPlan(repetitions=1, bursts=7, bursts_sdk=1)


class BurstField:
    """The exchange and who trades on it."""

    def __init__(self, exchange: Partner, url: str, home: Path) -> None:
        self._exchange, self._url, self._home = exchange, url, home

    @contextmanager
    def contestant(self, kind: str) -> Iterator[Partner]:
        """Start one; it is ready when this gives it."""
        partner = Partner(kind, _contestant, kind, self._url, str(self._home / kind))
        try:
            assert partner.hear() == "ready"
            yield partner
        finally:
            partner.close()

    def measure(self, kind: str, partner: Partner, case: BurstCase, count: int) -> Contestant:
        """So many bursts of a contestant."""
        bursts = [self.burst(kind, partner, case) for _ in range(count + WARM_UP)][WARM_UP:]
        return Contestant(tuple(bursts))

    def burst(self, kind: str, partner: Partner, case: BurstCase) -> Burst:
        """Enter all coins with answers at once, then be thrown out of all of them under the case's conditions."""
        self._exchange.ask("conditions", Conditions())
        if kind != "floor":
            self.enter(kind, partner)
        self._exchange.ask("conditions", Conditions(case.answer_delay_s))
        found: Burst | None = self._exchange.ask("burst", (kind, case.one_block))
        if found is None:
            raise MeasurementFailed(f"{kind} did not leave all its positions{self._last_words()}")
        return found

    def enter(self, kind: str, partner: Partner) -> None:
        """Have a position in every coin. A bot that books its exits still refuses the next entry for that long."""
        for _ in range(ENTRIES_MAX):
            partner.ask("enter")
            if self._exchange.ask("all_entered", kind):
                return
        raise MeasurementFailed(f"{kind} did not enter all its coins{self._last_words()}")

    def tidy(self) -> None:
        """Between two rounds."""
        self._exchange.ask("idle")

    def _last_words(self) -> str:
        """What the bot showed last, to be printed with a failure."""
        screen = self._home / "bot" / "screen.log"
        lines = screen.read_text().splitlines()[-LAST_LINES:] if screen.exists() else []
        return "".join(f"\n  {line}" for line in lines)


def measure(plan: BurstPlan, say: Callable[[str], None]) -> BurstResults:
    """Everything the plan asks for. Raises MeasurementFailed."""
    results = BurstResults()
    with ExitStack() as stack:
        data = ROOT / "data"
        data.mkdir(exist_ok=True)
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-", dir=data)))
        exchange = Partner("the exchange", burst_exchange.run)
        stack.callback(exchange.close)
        field = BurstField(exchange, exchange.hear(), home)
        partners = {kind: stack.enter_context(field.contestant(kind)) for kind in ("floor", "bot", "sdk")}
        field.burst("bot", partners["bot"], plan.cases[0])
        partners["bot"].ask("many")
        counts = {"floor": plan.bursts, "bot": plan.bursts, "sdk": plan.bursts_sdk}
        for number in range(plan.repetitions):
            for case in plan.cases:
                say(f"round {number + 1} of {plan.repetitions}: {case.name}")
                field.tidy()
                found = {kind: field.measure(kind, each, case, counts[kind]) for kind, each in partners.items()}
                results.rounds.append(BurstRound(case, **found))
    return results


def _contestant(conn: Connection, kind: str, url: str, folder: str) -> None:
    contestants.run(kind, conn, url, folder, 1, COINS[kind])


def main() -> int:
    """The command."""
    return told(measure, QUICK if is_quick(__doc__, "few bursts, in half a minute") else BurstPlan(), table)


if __name__ == "__main__":
    sys.exit(main())
