"""A database that breaks under a bot with an open position: repaired by one command, nothing lost, nothing doubled."""

import os
import random
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from running import Running, running

pytestmark = pytest.mark.e2e

ASK_TIMEOUT_S = 10
SETTINGS = {
    "COINS": "BTC",
    "STRATEGY": "buy_and_hold",
    "TIMEFRAME": "1m",
    "CHECK_INTERVAL": "60",
    "STOP_LOSS_PCT": "8",
    "TAKE_PROFIT_PCT": "0",
}


def flipped(content: bytes) -> bytes:
    rng, changed = random.Random(5), bytearray(content)
    for _ in range(4_000):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


class Folder:
    """One folder, one exchange, and whatever runs in it."""

    def __init__(self, path: Path, url: str) -> None:
        self.path, self.url = path, url
        self.environ = SETTINGS | {"LOCALNET_URL": url}
        self.database = path / "data" / "tidegate.db"
        self.account = ""

    def bot(self) -> Running:
        return Running(self.path, environ=self.environ)

    def command(self, *words: str) -> tuple[int, str]:
        with running(self.path, *words, environ=self.environ) as one:
            return one.ends(), one.screen

    def damage(self, how: Callable[[bytes], bytes]) -> bytes:
        """As after a death: what the log holds is in the file, and the file is broken."""
        connection = sqlite3.connect(self.database)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        broken = how(self.database.read_bytes())
        self.database.write_bytes(broken)
        return broken

    def ask(self, kind: str) -> Any:
        body = {"type": kind, "user": self.account}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(f"{self.url}/info", json=body, timeout=ASK_TIMEOUT_S).json()

    def held(self) -> tuple[list[tuple[str, str]], int, int]:
        """Positions, resting stops, entries that were ever filled, as the exchange has them."""
        positions = [each["position"] for each in self.ask("clearinghouseState")["assetPositions"]]
        stops = [each for each in self.ask("frontendOpenOrders") if each["isTrigger"]]
        entries = {fill["oid"] for fill in self.ask("userFills")}
        return [(each["coin"], each["szi"]) for each in positions], len(stops), len(entries)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with running(tmp_path, "localnet", "--port", "0", "--scenario", "random") as exchange:
        yield Folder(tmp_path, exchange.wait_for(r"ready at (http://\S+)").group(1))


def until_held(bot: Running) -> re.Match[str]:
    """Wait for a confirmed stop; gives the line that names the account."""
    bot.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
    return bot.wait_for(r"account (0x[0-9a-f]{40})")


def test_repair_refuses_while_a_bot_runs_and_says_of_a_sound_database_that_it_is(folder: Folder) -> None:
    bot = folder.bot()
    try:
        until_held(bot)
        code, screen = folder.command("repair")
        assert code == 5, screen
        assert "another bot on this machine already trades" in screen
        bot.send(signal.SIGKILL)
        bot.ends()
        before = folder.database.read_bytes()
        code, screen = folder.command("repair")
        assert code == 0, screen
        assert "is sound: nothing to repair" in screen
        assert folder.database.read_bytes() == before
    finally:
        bot.stop()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "bits flipped": flipped,
    "cut off": lambda content: content[: len(content) // 2],
    "noise": lambda content: os.urandom(len(content)),
    "empty": lambda _content: b"",
}


@pytest.mark.parametrize("name", DAMAGES)
def test_after_a_damage_the_position_and_its_stop_are_kept_the_brakes_hold_and_nothing_is_doubled(
    folder: Folder, name: str
) -> None:
    bot = folder.bot()
    try:
        folder.account = until_held(bot).group(1)
        code, screen = folder.command("pause", "before the damage")
        assert code == 0, screen
        before = folder.held()
        assert before[1] >= 1
        bot.send(signal.SIGKILL)
        bot.ends()
        broken = folder.damage(DAMAGES[name])
        if broken:
            bot = folder.bot()
            assert bot.ends() == 3, bot.screen
            assert "python bot.py repair" in bot.screen
        code, screen = folder.command("repair")
        assert code == 0, screen
        asides = {each.read_bytes() for each in folder.database.parent.glob("*.broken-*")}
        assert broken in asides, "the broken file is kept as it was"
        bot = folder.bot()
        bot.wait_for(r"\[account\] BTC: position of .* adopted .* resting stop recognised: \d")
        until_held(bot)
        code, screen = folder.command("status")
        assert "paused" in screen, screen
        assert folder.held() == before
        bot.send(signal.SIGTERM)
        assert bot.ends() == 0, bot.screen
        assert "Traceback" not in bot.screen
    finally:
        bot.stop()


def test_a_database_that_another_program_holds_is_left_to_it(folder: Folder) -> None:
    bot = folder.bot()
    until_held(bot)
    bot.send(signal.SIGKILL)
    bot.ends()
    connection = sqlite3.connect(folder.database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    code, screen = folder.command("repair")
    connection.execute("ROLLBACK")
    connection.close()
    assert code == 3, screen
    assert "another program holds it" in screen


def test_a_newer_programs_database_is_refused(folder: Folder) -> None:
    bot = folder.bot()
    until_held(bot)
    bot.send(signal.SIGKILL)
    bot.ends()
    connection = sqlite3.connect(folder.database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    code, screen = folder.command("repair")
    assert code == 3, screen
    assert "Update Tidegate" in screen


def test_without_a_database_there_is_nothing_to_repair(folder: Folder) -> None:
    code, screen = folder.command("repair")
    assert code == 3
    assert "there is none to repair" in screen


def test_the_built_in_exchange_outlives_a_start_that_fails_on_the_database_so_that_repair_finds_the_position(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "--scenario", "random", environ=SETTINGS) as bot:
        until_held(bot)
        bot.send(signal.SIGKILL)
        bot.ends()
    database = tmp_path / "data" / "tidegate.db"
    Path(f"{database}-wal").unlink()
    database.write_bytes(os.urandom(database.stat().st_size))
    with running(tmp_path, "--scenario", "random", environ=SETTINGS) as bot:
        assert bot.ends() == 3, bot.screen
        assert "python bot.py repair" in bot.screen
    with running(tmp_path, "repair", environ=SETTINGS) as repair:
        assert repair.ends() == 0, repair.screen
        assert re.search(r"BTC position +0\.\d+ from \d+.* this bot's resting orders", repair.screen), repair.screen
        assert re.search(r"brakes +paused: the database was repaired", repair.screen), repair.screen
    with running(tmp_path, "--scenario", "random", environ=SETTINGS) as bot:
        bot.wait_for(r"\[account\] BTC: position of .* adopted .* resting stop recognised: \d")
        until_held(bot)
        bot.send(signal.SIGTERM)
        assert bot.ends() == 0, bot.screen
