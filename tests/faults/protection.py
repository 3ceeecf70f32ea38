"""Time to protection: many entries in many coins at once, a part of them with faults mixed by chance.

Measured on the exchange's side, in wall time: from the first fill of an entry to the moment at which live reduce-only
stops cover the whole position. A stop that vanishes later counts too: what is kept of an entry is its longest time
without full cover. The owner closes each position by hand once it is covered, so that the next bar enters again.
"""

import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from tests.e2e.running import Running as Bot
from tests.faults.scene import ACCOUNT
from tests.faults.witness import WAIT_S, Witness
from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import Localnet, LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.localnet.faults.rules import read_rule

SPOILED = [sys.executable, str(Path(__file__).with_name("spoiled.py")), "run"]
COINS = tuple(
    "BTC ETH ATOM DYDX SOL AVAX BNB DOGE kPEPE XRP LINK SUI HYPE FARTCOIN ADA LTC kBONK ARB TRUMP".split()  # noqa: SIM905
)
SPEED = 8.0
MONEY_USD = Decimal(1_000_000)
FAULTY = 0.1
HELD_S = (0.5, 2.5)
"""How long a covered position is watched before its owner closes it."""
VANISHES_AFTER_S = 0.5
GIVEN_UP_AFTER_S = 60.0
NO_ENTRY_S = 60.0
"""When nothing is entered for so long, something is wrong with the run itself."""
SETTINGS = {
    "STRATEGY": "buy_and_hold",
    "TIMEFRAME": "1m",
    "CHECK_INTERVAL": "60",
    "STOP_LOSS_PCT": "5",
    "TAKE_PROFIT_PCT": "10",
    "MAX_POSITION_USD": "500",
    "MAX_OPEN_POSITIONS": "50",
    "MAX_DAILY_LOSS_PCT": "0",
    "MAX_DRAWDOWN_PCT": "0",
    "MAX_ORDERS_PER_MINUTE": "600",
    "SPOILT": "candles=free",
}
ORDER = {"action": "order"}


@dataclass(frozen=True)
class Trouble:
    """One fault: rules for the coin's next orders, or what happens once its position is covered."""

    name: str
    rules: tuple[dict[str, object], ...] = ()
    afterwards: str = ""


def _order(do: str) -> dict[str, object]:
    """A rule for one request: of several that match, each hits the first one that those before it have left."""
    return {"do": do, "match": ORDER, "times": 1}


PART = "fill.partial 0.37"
TROUBLES = (
    Trouble("the entry fills in part, its children are canceled", (_order(PART),)),
    Trouble(
        "it fills in part, and the stop for that is refused",
        (_order(PART), _order("refuse.oi_cap")),
    ),
    Trouble("it fills in part, and the stop for that is lost on its way", (_order(PART), _order("drop_request"))),
    Trouble("the answer is lost", (_order("accept_then_timeout"),)),
    Trouble("502, carried out", (_order("status 502 accepted=true"),)),
    Trouble("502, not carried out", (_order("status 502"),)),
    Trouble("the request is lost", (_order("drop_request"),)),
    Trouble("the socket is cut at the entry", (_order("reset accepted=true"),)),
    Trouble(
        "it fills in part, and the next reads take 3 s",
        (_order(PART), {"do": "info.slow 3", "match": {"request": "frontendOpenOrders"}, "times": 1}),
    ),
    Trouble("the exchange cancels the stop", afterwards="kill_stop"),
)


@dataclass
class Entry:
    """One position from its first fill on; seconds are those of the machine."""

    coin: str
    trouble: Trouble | None
    began_s: float
    covered_s: float | None = None
    naked_s: float = 0.0
    naked_since_s: float | None = None
    vanished: bool = False
    asked_to_close: bool = False
    patience_s: float = 0.0


@dataclass
class Protected:
    """What a run found: how long each entry was without full cover, in ms, by fault ("" for none)."""

    seed: int = 0
    coins: int = 0
    took_ms: dict[str, list[int]] = field(default_factory=dict)
    never: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def all_ms(self) -> list[int]:
        """Every entry's time, the shortest first."""
        return sorted(ms for each in self.took_ms.values() for ms in each)


class Stopwatch(Witness):
    """A witness that keeps time: one `Entry` for each position, from the exchange's thread."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.open: dict[str, Entry] = {}
        self.over: list[Entry] = []
        self.armed: dict[str, Trouble] = {}

    def _look(self, user: str) -> None:
        super()._look(user)
        now_s = time.monotonic()
        for coin, size in self.sizes.items():
            if size:
                entry = self.open.get(coin) or self._new(coin, now_s)
                self._keep_time(entry, self.covers.get(coin, Decimal(0)) >= abs(size), now_s)
        for coin in [coin for coin in self.open if not self.sizes.get(coin)]:
            entry = self.open.pop(coin)
            self._keep_time(entry, entry.covered_s is not None and entry.naked_since_s is None, now_s)
            self.over.append(entry)

    def _new(self, coin: str, now_s: float) -> Entry:
        self.open[coin] = Entry(coin, self.armed.pop(coin, None), now_s, naked_since_s=now_s)
        return self.open[coin]

    def _keep_time(self, entry: Entry, is_covered: bool, now_s: float) -> None:
        if entry.naked_since_s is not None:
            entry.naked_s = max(entry.naked_s, now_s - entry.naked_since_s)
        if not is_covered:
            entry.naked_since_s = now_s if entry.naked_since_s is None else entry.naked_since_s
            return
        entry.naked_since_s = None
        if entry.covered_s is None:
            entry.covered_s = now_s


class Owner:
    """Arms faults for the coins that are flat and closes positions that are covered, by chance and by a seed."""

    def __init__(self, net: Running, sees: Stopwatch, rng: random.Random, faulty: float) -> None:
        self._net, self._sees, self._rng, self._faulty = net, sees, rng, faulty
        self._drawn: set[str] = set()
        self._troubles: list[Trouble] = []

    def act(self) -> None:
        """Do what is due."""
        now_s = time.monotonic()
        for coin in COINS:
            entry = self._sees.open.get(coin)
            if entry is None and coin not in self._drawn:
                self._drawn.add(coin)
                self._draw(coin)
            elif entry is not None:
                self._drawn.discard(coin)
                self._attend(entry, now_s)

    def _draw(self, coin: str) -> None:
        if self._rng.random() >= self._faulty:
            return
        if not self._troubles:  # each of them as often as the others
            self._troubles = self._rng.sample(TROUBLES, len(TROUBLES))
        trouble = self._troubles.pop()
        self._sees.armed[coin] = trouble
        for rule in trouble.rules:
            match = dict(rule["match"])  # type: ignore[call-overload]
            self._fault({**rule, "match": {**match, "coin": coin} if "action" in match else match})

    def _attend(self, entry: Entry, now_s: float) -> None:
        if entry.asked_to_close or entry.covered_s is None or entry.naked_since_s is not None:
            return
        vanishes = entry.trouble is not None and entry.trouble.afterwards
        if vanishes and not entry.vanished:
            if now_s - entry.covered_s > VANISHES_AFTER_S:
                entry.vanished = True
                self._fault({"do": f"{vanishes} coin={entry.coin}"})
            return
        entry.patience_s = entry.patience_s or self._rng.uniform(*HELD_S)
        if now_s - entry.covered_s > entry.patience_s:
            entry.asked_to_close = True
            self._fault({"do": f"user.trade close coin={entry.coin}"})

    def _fault(self, raw: dict[str, object]) -> None:
        self._net.call(lambda localnet: localnet.faults.add(read_rule(raw, COINS)))


@contextmanager
def trading(folder: Path, seed: int) -> Iterator[tuple[Running, Stopwatch, Bot]]:
    """An exchange with all the coins, a stopwatch on its side and the bot in a process of its own."""
    with running(LocalnetOptions(scenario="random", speed=SPEED, seed=seed, limits=UNLIMITED)) as net:

        def watched(localnet: Localnet) -> Stopwatch:
            localnet.exchange.fund(ACCOUNT, MONEY_USD)
            sees = Stopwatch(localnet.exchange, ACCOUNT)
            localnet.exchange.feed.append(sees)
            return sees

        sees = net.call(watched)
        environ = {**SETTINGS, "COINS": ",".join(COINS), "LOCALNET_URL": net.url}
        bot = Bot(folder, environ=environ, command=SPOILED)
        try:
            yield net, sees, bot
        finally:
            bot.stop()


def protect(folder: Path, *, entries: int, seed: int, faulty: float = FAULTY) -> Protected:
    """Let the bot make so many entries; give how long each of them was without full cover."""
    rng = random.Random(seed)
    with trading(folder, seed) as (net, sees, bot):
        owner = Owner(net, sees, rng, faulty)
        last, last_s = 0, time.monotonic()
        while len(sees.over) < entries or any(entry.naked_since_s is not None for entry in sees.open.values()):
            owner.act()
            with sees.changed:
                sees.changed.wait(WAIT_S)
            if len(sees.over) > last:
                last, last_s = len(sees.over), time.monotonic()
            stuck = [entry.coin for entry in sees.open.values() if _is_given_up(entry)]
            assert not stuck, f"not covered within {GIVEN_UP_AFTER_S:g} s: {stuck}\n{bot.screen}"
            assert bot.process.poll() is None, bot.screen
            assert time.monotonic() - last_s < NO_ENTRY_S, bot.screen
        bot.send(signal.SIGTERM)
        assert bot.ends() == 0, bot.screen
        assert "Traceback" not in bot.screen, bot.screen
    took_ms: defaultdict[str, list[int]] = defaultdict(list)
    for entry in sees.over:
        took_ms[entry.trouble.name if entry.trouble else ""].append(round(entry.naked_s * 1000))
    never = [f"{entry.coin}: {entry.trouble}" for entry in sees.over if entry.covered_s is None]
    return Protected(seed, len(COINS), dict(took_ms), never, list(sees.broken))


def _is_given_up(entry: Entry) -> bool:
    return entry.naked_since_s is not None and time.monotonic() - entry.naked_since_s > GIVEN_UP_AFTER_S
