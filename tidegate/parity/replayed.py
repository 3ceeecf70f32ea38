"""The bot itself: a process as a user starts it, on a localnet that replays the recording, over real sockets.

Owns that it has a folder and a database of its own, and that it is gone afterwards. Its journal is what counts.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tidegate.config.loading import text_of
from tidegate.config.variables import NAMES
from tidegate.errors import ConfigError
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.settings import Settings
from tidegate.parity.following import followed
from tidegate.parity.trades import Way
from tidegate.storage.database import open_for_reading
from tidegate.storage.ledger import Ledger

HOUR_MS = 3_600_000
MARGIN_S = 3.0
PATIENCE_S = 120.0
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")
OWN = ("NETWORK", "DATABASE_URL", "LOG_DIR", "STRATEGY_DIR", "COINS", "TIMEFRAME", "STRATEGY")
"""Settings that the process is given in another way, or must have of its own."""


class Bot:
    """Starts `program` (the front door) in `folder`, which must be empty, with these settings."""

    def __init__(self, program: Path, folder: Path, settings: Settings) -> None:
        self._program, self._folder, self._settings = program, folder, settings

    def play(self, choice: MarketChoice, speed: float, begin_ms: int, end_ms: int) -> Way:
        """Run until the recorded moment `end_ms` and read what it did. Raises ConfigError when it ended otherwise."""
        seconds = (end_ms - begin_ms) / 1000 / speed + MARGIN_S
        said = self._folder / "said.txt"
        with said.open("w") as screen:
            process = subprocess.Popen(
                [sys.executable, str(self._program), *self._words(choice, speed, seconds)],
                cwd=self._folder,
                env={name: value for name, value in os.environ.items() if name in KEPT},
                stdout=screen,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            try:
                code = process.wait(seconds + PATIENCE_S)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                _end(process)
        if code != 0:
            last = said.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
            raise ConfigError([f"the bot ended with {code} instead of 0: {' | '.join(last)}"])
        return self._journal(begin_ms, end_ms)

    def _words(self, choice: MarketChoice, speed: float, seconds: float) -> list[str]:
        settings = self._settings
        words = ["--coins", ",".join(settings.coins), "--timeframe", settings.timeframe.value]
        words += ["--strategy", settings.strategy, "--seconds", f"{seconds:.1f}", "--speed", repr(speed)]
        for path in choice.replay:
            words += ["--replay", str(path.resolve())]
        words += ["--from", choice.start]
        for each in words_of(settings):
            words += ["--set", each]
        return words

    def _journal(self, begin_ms: int, end_ms: int) -> Way:
        url = f"sqlite:///{self._folder / 'data' / 'tidegate.db'}"
        database = open_for_reading(url)
        try:
            ((venue, account),) = database.rows("SELECT venue, account FROM ledgers", {})
        finally:
            database.close()
        ledger = Ledger(url, venue=venue, account=account)
        ledger.open()
        try:
            (session,) = ledger.sessions()
            step_ms = max(HOUR_MS, self._settings.timeframe.ms)
            shift_ms = round((session.first_ms - begin_ms) / step_ms) * step_ms
            return followed("bot", ledger.journal(), shift_ms=shift_ms, until_ms=end_ms)
        finally:
            ledger.close()


def words_of(settings: Settings) -> list[str]:
    """The settings that are not the defaults, as `--set` takes them."""
    plain = Settings()
    found = []
    for field in settings.__struct_fields__:
        name = next((each for each in (field.upper(), field.removesuffix("_s").upper()) if each in NAMES), None)
        value = getattr(settings, field)
        if name is not None and name not in OWN and value != getattr(plain, field):
            found.append(f"{name}={text_of(value)}")
    return found


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Politely, then not: nobody is left behind."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
    if process.poll() is None:
        process.kill()
        process.wait()
