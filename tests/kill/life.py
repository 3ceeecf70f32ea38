"""A bot that is killed again and again on one exchange, and what the exchange saw of it.

The market runs fast and the levels are narrow, so that a life is short and full: entries, stops that move, exits. The
witness on the exchange's side holds the laws; after each death the next life must find everything as it was.
"""

import json
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from subprocess import TimeoutExpired

from tests.e2e.running import Running as Bot
from tests.faults.scene import ACCOUNT
from tests.faults.witness import WAIT_S, Witness
from tidegate.localnet.doors.localnet import Localnet, LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.storage.status import read_status

VICTIM = Path(__file__).with_name("victim.py")
COIN = "BTC"
SPEED = 20.0
COVERED_WITHIN_S = 5.0
LIFE_S = 120.0
SETTLED_WITHIN_S = 30.0
RANDOM_LIFE_S = (0.1, 3.0)
SETTINGS = {
    "COINS": COIN,
    "STRATEGY": "buy_and_hold",
    "TIMEFRAME": "1m",
    "CHECK_INTERVAL": "60",
    "STOP_LOSS_PCT": "0.2",
    "TAKE_PROFIT_PCT": "0.2",
    "TRAILING_STOP_PCT": "0.1",
    "MAX_DAILY_LOSS_PCT": "0",
    "MAX_DRAWDOWN_PCT": "0",
    "MAX_ORDERS_PER_MINUTE": "600",
}


WIDE = {"STOP_LOSS_PCT": "0.5", "TAKE_PROFIT_PCT": "5", "TRAILING_STOP_PCT": "0.2"}
"""Levels under which a stop lives long enough to be moved."""


class Lives:
    """One folder, one exchange, one bot after the other. `uncovered_s` is the longest wait for cover after a start."""

    def __init__(self, net: Running, folder: Path, witness: Witness) -> None:
        self._net, self._folder, self._sees = net, folder, witness
        self.kills = 0
        self.uncovered_s = 0.0

    def until_point(self, point: str, passes: int, settings: Mapping[str, str]) -> None:
        """A life that ends by itself at the named point; it has to come there."""
        bot = self._born({**settings, "CRASH_AT": f"{point}:{passes}"})
        try:
            bot.process.wait(LIFE_S)
        except TimeoutExpired:
            bot.stop()
            raise AssertionError(f"not {point} within {LIFE_S:g} s:\n{bot.screen}") from None
        self._buried(bot)

    def for_a_while(self, rng: random.Random) -> None:
        """A life that ends at any moment, the start included."""
        bot = self._born({})
        with self._sees.changed:
            self._sees.changed.wait_for(lambda: False, rng.uniform(*RANDOM_LIFE_S))
        bot.send(signal.SIGKILL)
        self._buried(bot)

    def _born(self, environ: Mapping[str, str]) -> Bot:
        command = [sys.executable, str(VICTIM), "run"]
        return Bot(self._folder, environ={**SETTINGS, **environ, "LOCALNET_URL": self._net.url}, command=command)

    def _buried(self, bot: Bot) -> None:
        code = bot.ends()
        assert code == -signal.SIGKILL, f"it was to be killed, exit code {code}:\n{bot.screen}"
        self.kills += 1

    def settle(self) -> None:
        """A last, undisturbed life: everything covered in time, what the bot knows is what the exchange has."""
        bot = self._born({})
        try:
            bot.wait_for(r"\[stream\] listening")
            began_s = time.monotonic()
            self._until(bot, lambda: not self._sees.sizes.get(COIN) or self._sees.is_covered(COIN), COVERED_WITHIN_S)
            self.uncovered_s = max(self.uncovered_s, time.monotonic() - began_s)
            self._until(bot, lambda: self._known() == self._sees.sizes.get(COIN, Decimal(0)), SETTLED_WITHIN_S)
            bot.send(signal.SIGTERM)
            assert bot.ends() == 0, bot.screen
            assert "Traceback" not in bot.screen, bot.screen
        finally:
            bot.stop()

    def _known(self) -> Decimal:
        raw = read_status(f"sqlite:///{self._folder}/data/tidegate.db")
        positions = json.loads(raw)["positions"] if raw else []
        return sum((Decimal(each["size"]) for each in positions if each["coin"] == COIN), Decimal(0))

    def _until(self, bot: Bot, holds: Callable[[], bool], patience_s: float) -> None:
        deadline_s = time.monotonic() + patience_s
        while not holds():
            assert bot.process.poll() is None, bot.screen
            assert time.monotonic() < deadline_s, f"not within {patience_s:g} s: {self._sees.sizes}\n{bot.screen}"
            with self._sees.changed:
                self._sees.changed.wait(WAIT_S)

    def judge(self) -> None:
        """No law was broken in any life."""
        assert not self._sees.broken, self._sees.broken


@contextmanager
def lives_in(folder: Path, seed: int) -> Iterator[Lives]:
    """Lives on a fresh exchange."""
    with running(LocalnetOptions(scenario="random", speed=SPEED, seed=seed)) as net:

        def watched(localnet: Localnet) -> Witness:
            witness = Witness(localnet.exchange, ACCOUNT)
            localnet.exchange.feed.append(witness)
            return witness

        yield Lives(net, folder, net.call(watched))
