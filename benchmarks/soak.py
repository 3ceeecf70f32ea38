"""The bot under thousands of frames a second for an hour: does anything grow, and how long does an exit take?

    python benchmarks/soak.py [--minutes 60]

A whole session hears 5 000 frames a second of fifty coins; five positions come and go, connections are cut, strategies
compute on twenty coins beside it. Then 20 000 frames a second; then a burst of 50 000 while its main thread sleeps.
Prints a table with a verdict per goal; exits 0 unless the measurement itself failed. See benchmarks/README.md.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import soak_bot, soak_exchange  # noqa: E402
from benchmarks.partner import MeasurementFailed, Partner  # noqa: E402
from benchmarks.processes import Watched  # noqa: E402
from benchmarks.soak_bot import Vitals  # noqa: E402
from benchmarks.soak_exchange import HELD, Pumped  # noqa: E402
from benchmarks.soak_figures import Burst, Fast, Soaked, table  # noqa: E402
from benchmarks.telling import parser_of, told  # noqa: E402

ENTRIES_MAX = 40
UP_TIMEOUT_S = 120.0
LOOK_S = 0.1
AFTER_WAKING_S = 2.0
LAST_LINES = 20


@dataclass(frozen=True)
class SoakPlan:
    """How long, how much. The stream waits ever longer between connections that do not last: cuts are a minute apart
    at least."""

    minutes: float = 60.0
    per_s: int = 5_000
    cuts: int = 20
    warm_up_s: float = 60.0
    exit_every_s: float = 0.4
    fast_per_s: int = 20_000
    fast_s: float = 30.0
    sleep_s: float = 10.0

    @classmethod
    def of(cls, minutes: float) -> "SoakPlan":
        """The plan for so many minutes."""
        return cls(
            minutes=minutes,
            cuts=min(20, max(1, int(minutes * 60 / 65))),
            warm_up_s=min(60.0, minutes * 20),
            fast_s=min(30.0, minutes * 15),
        )


class Soak:
    """One bot, one exchange, and what was seen of both."""

    def __init__(self, exchange: Partner, bot: Partner, home: Path, plan: SoakPlan, say: Callable[[str], None]) -> None:
        self._exchange, self._bot, self._home, self._plan, self._say = exchange, bot, home, plan, say
        self.exits_ms: list[float] = []
        self.back_s: list[float] = []

    def run(self) -> Soaked:
        """All of it. Raises MeasurementFailed."""
        plan = self._plan
        self._say(f"warming up for {plan.warm_up_s:.0f} s")
        self._until_up()
        self._exchange.ask("pump", plan.per_s)
        self._bot.ask("think", True)
        self._trade_for(plan.warm_up_s, cuts=0)
        self.exits_ms.clear()
        self.vitals()
        self._exchange.ask("pumped")
        self._say(f"soaking for {plan.minutes:g} minutes, {plan.cuts} cuts")
        with Watched(self._bot.pid) as watched:
            self._trade_for(plan.minutes * 60, plan.cuts)
        pumped: Pumped = self._exchange.ask("pumped")
        vitals = self.vitals()
        exits, back = tuple(self.exits_ms), tuple(self.back_s)
        return Soaked(
            plan.minutes, watched.seen, exits, back, pumped, vitals, fast=self._fast(), burst=self._burst(exits)
        )

    def vitals(self) -> Vitals:
        """How the bot does."""
        vitals: Vitals = self._bot.ask("vitals")
        return vitals

    def _trade_for(self, seconds: float, cuts: int) -> None:
        """Positions come and go; connections are cut at even distances."""
        began_s = time.monotonic()
        cut = 0
        while (passed_s := time.monotonic() - began_s) < seconds or cut < cuts:
            if cut < cuts and passed_s >= (cut + 0.5) * seconds / cuts:
                cut += 1
                self._cut()
            self._enter()
            for coin in HELD:
                _pause(self._plan.exit_every_s)
                self.exits_ms.append(self._exit(coin))

    def _enter(self) -> None:
        """Have a position in every coin that comes and goes."""
        missing = list(HELD)
        for _ in range(ENTRIES_MAX):
            self._bot.ask("enter")
            missing = [coin for coin in missing if not self._exchange.ask("entered", coin)]
            if not missing:
                return
        raise MeasurementFailed(f"the bot did not enter {', '.join(missing)}")

    def _exit(self, coin: str) -> float:
        sample = self._exchange.ask("exit", coin)
        if sample is None:
            raise MeasurementFailed(f"the bot did not leave {coin}")
        took_ns: int = sample.took_ns
        return took_ns / 1e6

    def _cut(self) -> None:
        """Cut a connection and wait until everything is streamed again."""
        reconnects = self.vitals_apart().reconnects
        self._exchange.ask("cut")
        began_s = time.monotonic()
        while self.vitals_apart().reconnects == reconnects:
            if time.monotonic() - began_s > UP_TIMEOUT_S:
                raise MeasurementFailed("the stream did not come back")
            _pause(LOOK_S)
        self._until_up()
        self.back_s.append(time.monotonic() - began_s)

    def vitals_apart(self) -> Vitals:
        """A look between that leaves the collector's pauses for the end."""
        vitals: Vitals = self._bot.ask("look")
        return vitals

    def _until_up(self) -> None:
        deadline_s = time.monotonic() + UP_TIMEOUT_S
        while not self.vitals_apart().is_up:
            if time.monotonic() > deadline_s:
                raise MeasurementFailed("not everything is streamed")
            _pause(LOOK_S)

    def _fast(self) -> Fast:
        """Many more frames: does the lag grow?"""
        plan = self._plan
        self._say(f"{plan.fast_per_s} frames a second for {plan.fast_s:.0f} s")
        self._exchange.ask("pump", plan.fast_per_s)
        self._exchange.ask("pumped")
        lags: list[int] = []
        began_s = time.monotonic()
        with Watched(self._bot.pid) as watched:
            while time.monotonic() - began_s < plan.fast_s:
                lags.append(self.vitals_apart().lag_p50_ms or 0)
                _pause(LOOK_S)
        took_s = time.monotonic() - began_s
        pumped: Pumped = self._exchange.ask("pumped")
        self._exchange.ask("pump", plan.per_s)
        return Fast(pumped.written / took_s, tuple(lags), pumped.unsent_max, watched.seen, self.vitals())

    def _burst(self, exits: tuple[float, ...]) -> Burst:
        """Fifty thousand frames within a second while nobody takes them; one goes through a stop."""
        self._say(f"a burst while the main thread sleeps for {self._plan.sleep_s:g} s")
        _pause(AFTER_WAKING_S)
        self._enter()
        before = self.vitals_apart()
        self._bot.ask("sleep")
        began_s = time.monotonic()
        with Watched(self._bot.pid) as watched:
            written = self._exchange.ask("burst", HELD[0])
            _pause(self._plan.sleep_s - (time.monotonic() - began_s))
            waiting = self.vitals_apart()
            woken_ns: int = self._bot.ask("wake")
            arrived_ns = self._exchange.ask("arrived")
            if arrived_ns is None:
                raise MeasurementFailed("the crossing was slept through")
            while self.vitals_apart().waiting > len(soak_exchange.COINS):
                _pause(LOOK_S)
            calm_s = (time.monotonic_ns() - woken_ns) / 1e9
        _pause(AFTER_WAKING_S - calm_s)
        return Burst(
            written=written,
            waiting=waiting.waiting,
            conflated=waiting.conflated - before.conflated,
            seen=watched.seen,
            acted_ms=(arrived_ns - woken_ns) / 1e6,
            calm_s=calm_s,
            after_ms=self._exit(HELD[1]),
            usual_ms=median(exits),
        )

    def last_words(self) -> str:
        """What the bot showed last, to be printed with a failure."""
        log = self._home / "bot" / "screen.log"
        lines = log.read_text().splitlines()[-LAST_LINES:] if log.exists() else []
        return "".join(f"\n  {line}" for line in lines)


def measure(plan: SoakPlan, say: Callable[[str], None]) -> Soaked:
    """Everything the plan asks for. Raises MeasurementFailed."""
    with ExitStack() as stack:
        data = ROOT / "data"
        data.mkdir(exist_ok=True)
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-", dir=data)))
        exchange = Partner("the exchange", soak_exchange.run)
        stack.callback(exchange.close)
        bot = Partner("the bot", soak_bot.run, exchange.hear(), str(home / "bot"))
        stack.callback(bot.close)
        assert bot.hear() == "ready"
        soak = Soak(exchange, bot, home, plan, say)
        try:
            return soak.run()
        except MeasurementFailed as error:
            raise MeasurementFailed(f"{error}{soak.last_words()}") from None


def _pause(seconds: float) -> None:
    threading.Event().wait(max(0.0, seconds))


def main() -> int:
    """The command."""
    parser = parser_of(__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long it soaks (60)")
    return told(measure, SoakPlan.of(parser.parse_args().minutes), table)


if __name__ == "__main__":
    sys.exit(main())
