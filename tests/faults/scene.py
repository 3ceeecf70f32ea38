"""One fault on one stage: a localnet on real sockets, a witness on its side, the bot in a process of its own.

A scene sets faults by name, waits for conditions and stops the time from the moment of the fault until all is well.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import requests

from tests.e2e.running import Running as Bot
from tests.faults.witness import WAIT_S, Witness
from tidegate.hyperliquid.signing import Signer
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.storage.status import read_status

COIN = "BTC"
PATIENCE_S = 60.0
ASK_TIMEOUT_S = 10
PLAY_MONEY_USD = Decimal(10_000)
ACCOUNT = Signer("0x" + sha256(b"tidegate localnet 1").hexdigest(), mainnet=False).address
SETTINGS = {
    "COINS": COIN,
    "STRATEGY": "buy_and_hold",
    "TIMEFRAME": "1m",
    "CHECK_INTERVAL": "60",
    "STOP_LOSS_PCT": "3",
    "TAKE_PROFIT_PCT": "6",
    "COOLDOWN_MINUTES": "60",
}
"""In the market from the first candle on, and once a position is over, out of it for the rest of the scene."""
BEYOND_THE_STOP = "trade.outlier coin=BTC by=-0.05 sz=0.001"
"""One print far below the stop: it fires the bot's own exit and not the resting stop, which looks at the mark."""


class Scene:
    """`net` is the exchange, `sees` the witness; `bot` runs from `start` on. `took_ms` is the time to recover."""

    def __init__(self, net: Running, folder: Path, settings: dict[str, str]) -> None:
        self.net, self.folder, self._settings = net, folder, SETTINGS | settings
        self.sees = net.call(lambda localnet: _watching(localnet.exchange))
        self._bot: Bot | None = None
        self._others: list[Bot] = []
        self._is_over = False
        self._struck_s: float | None = None
        self._heard = 0
        self.took_ms: int | None = None
        self.crash_is_expected = False

    @property
    def bot(self) -> Bot:
        """The bot's process."""
        assert self._bot is not None, "the bot is not started yet"
        return self._bot

    def start(self, url: str = "", command: Sequence[str] = (), **environ: str) -> None:
        """Start the bot (again), at another address than the exchange's own if one is given, or by another command."""
        self._bot, self._heard, self._is_over = self.another(self.folder, url, command, **environ), 0, False

    def another(self, folder: Path, url: str = "", command: Sequence[str] = (), **environ: str) -> Bot:
        """Start one more bot of the same account, in a folder of its own choice."""
        settings = {**self._settings, "LOCALNET_URL": url or self.net.url, **environ}
        return self.bare(folder, command, **settings)

    def bare(self, folder: Path, command: Sequence[str] = (), **environ: str) -> Bot:
        """Start a bot that knows none of the settings of this scene."""
        environ = {name: value for name, value in environ.items() if value}
        started = Bot(folder, environ=environ, command=command)
        self._others.append(started)
        return started

    def start_covered(self, url: str = "", command: Sequence[str] = (), **environ: str) -> None:
        """Start the bot and wait until it holds a position with a confirmed stop."""
        self.start(url, command, **environ)
        self.hear(r"\[risk\] BTC: the exchange confirms a resting stop")
        assert self.sees.is_covered(COIN)

    def ends(self, code: int) -> None:
        """Wait for the end of the bot, which is as it should be."""
        found = self.bot.ends()
        assert found == code, f"exit code {found} instead of {code}:\n{self._screen()}"
        self._is_over = True

    def dies(self) -> None:
        """kill -9."""
        self.bot.send(signal.SIGKILL)
        self.ends(-signal.SIGKILL)

    # faults

    def fault(self, do: str, *, at_once: bool = False, **rule: Any) -> int:
        """Ask for a fault; `at_once`: the time to recover runs from now."""
        body = {"do": do, **rule}
        answer = requests.post(f"{self.net.url}/localnet/fault", json=body, timeout=ASK_TIMEOUT_S)
        assert answer.ok, answer.text
        if at_once:
            self.strike()
        return int(answer.json()["ids"][0])

    def no_faults(self) -> None:
        """Take all faults back."""
        requests.delete(f"{self.net.url}/localnet/fault", timeout=ASK_TIMEOUT_S)

    def counters(self) -> dict[str, Any]:
        """What the exchange counts."""
        return dict(requests.get(f"{self.net.url}/localnet/counters", timeout=ASK_TIMEOUT_S).json())

    def struck(self, number: int, times: int = 1) -> None:
        """Wait until a fault has hit so often; the time to recover runs from then."""
        self.until(lambda: self._hits(number) >= times, f"fault {number} has hit {times} times")
        self.strike()

    def strike(self) -> None:
        """The time to recover runs from now; only what the bot says from now on is heard."""
        self._struck_s = time.monotonic()

    def touch_the_stop(self) -> None:
        """A print beyond the stop: the bot is to leave."""
        self.fault(BEYOND_THE_STOP)

    def proxy(self) -> str:
        """The address of the exchange's proxy, opened with this."""
        answer = requests.post(f"{self.net.url}/localnet/proxy", timeout=ASK_TIMEOUT_S)
        assert answer.ok, answer.text
        return str(answer.json()["url"])

    def command(self, *words: str, **environ: str) -> None:
        """Run a command of the bot in a second terminal."""
        second = Bot(self.folder, *words, environ=environ)
        assert second.ends() == 0, second.screen

    def bids(self) -> list[Any]:
        """What is bid for the coin at the moment."""
        book = {"type": "l2Book", "coin": COIN}
        body: Any = self.net.call(lambda localnet: localnet.exchange.info(book).body)
        return list(body["levels"][0])

    def status(self) -> dict[str, Any]:
        """What the bot says of itself, as the status command would show it."""
        raw = read_status(f"sqlite:///{self.folder}/data/tidegate.db")
        return json.loads(raw) if raw else {}

    def faults(self) -> list[dict[str, Any]]:
        """How all faults stand."""
        return self.net.call(lambda localnet: localnet.faults.pages())

    def is_calm(self) -> bool:
        """Whether no fault stands any more."""
        return not any(page["standing"] for page in self.faults())

    def has_hit(self, number: int) -> bool:
        """Whether a fault has happened at least once."""
        return self._hits(number) > 0

    def _hits(self, number: int) -> int:
        return next(int(page["hits"]) for page in self.faults() if page["id"] == number)

    # waiting

    def until(self, holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until something holds on the exchange's side."""
        deadline_s = time.monotonic() + patience_s
        while not holds():
            with self.sees.changed:
                self.sees.changed.wait(WAIT_S)
            is_alive = self._bot is None or self._is_over or self._bot.process.poll() is None
            in_time = time.monotonic() < deadline_s
            assert is_alive, f"the bot has ended before: {what}\n{self._screen()}"
            assert in_time, f"not within {patience_s:.0f} s: {what}\n{self._screen()}"

    def covered(self) -> None:
        """Wait for a position with stops for all of it."""
        self.until(lambda: self.sees.is_covered(COIN), "a covered position")

    def closed_once(self) -> None:
        """One order has closed the position: the bot's exit, or the stop at the exchange that was a moment earlier."""
        closing = {fill["oid"] for fill in self.sees.fills if "Close" in fill["dir"]}
        assert len(closing) == 1, self.bot.screen
        assert len(self.sees.exits) <= 1, self.bot.screen

    def flat(self) -> None:
        """Wait until nothing is open and nothing rests."""
        self.until(lambda: self.sees.is_flat(COIN), "no position and no order")

    def hear(self, pattern: str, patience_s: float = PATIENCE_S) -> str:
        """Wait for a line of the bot, after the last one that was waited for; gives it."""
        found = self.bot.wait_for(pattern, after=self._heard, patience_s=patience_s)
        where = self.bot.lines.index(found.string, self._heard)
        self._heard = where + 1
        return found.string

    def recovered(self) -> None:
        """All is well: stop the time."""
        assert self._struck_s is not None, "no fault has struck"
        self.took_ms = round((time.monotonic() - self._struck_s) * 1000)

    # judging

    def judge(self) -> None:
        """What must hold after every fault: no law broken, the bot alive and without a crash."""
        assert not self.sees.broken, self._screen()
        assert self._bot is None or self._is_over or self._bot.process.poll() is None, self._screen()
        assert self.crash_is_expected or "Traceback" not in self._screen(), self._screen()
        assert self.took_ms is not None, "the case did not say when all was well"

    def _screen(self) -> str:
        return "" if self._bot is None else self._bot.screen

    def stop(self) -> None:
        """End every bot of this scene."""
        for bot in self._others:
            bot.stop()


@contextmanager
def scene_in(folder: Path, settings: dict[str, str], speed: float = 1.0) -> Iterator[Scene]:
    """A scene on a fresh exchange, taken down at the end."""
    with running(LocalnetOptions(scenario="random", speed=speed)) as net:
        scene = Scene(net, folder, settings)
        try:
            yield scene
        finally:
            scene.stop()


def _watching(exchange: Any) -> Witness:
    witness = Witness(exchange, ACCOUNT)
    exchange.feed.append(witness)
    return witness
