"""Canary secrets go through every command and a trading run with faults at DEBUG, and turn up nowhere.

The short version is one of the tests; `make leakcheck` (LEAKCHECK=1) keeps the key in each of the four places in turn,
trades longer and meets more faults.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from as_testnet import command_line
from canaries import (
    DATABASE_PASSWORD,
    KEY,
    OTHER_KEY,
    PASSWORD,
    TOKEN,
    WEBHOOK,
    found_in,
    found_in_files,
    watching,
)
from eth_account import Account
from running import Running

from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running as localnet
from tidegate.localnet.ready import Ready

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="the watch reads /proc"),
]

LONG = os.environ.get("LEAKCHECK") == "1"
PLACES = ("environment", ".env", "key file", "keystore") if LONG else (".env", "keystore")
SECRET_FILES = (".env", "agent.key", "keystore.json", "password", "canary.py")
ACCOUNT = Account.from_key(KEY).address.lower()
RUN_S = 25 if LONG else 8
FEW_ROUNDS = 2
FAULTS = [
    {"do": "status 502", "match": {"action": "order"}, "times": 1},
    {"do": "auth_lost", "match": {"action": "order"}, "times": 1, "after": 1},
    {"do": "body.html", "match": {"request": "clearinghouseState"}, "times": 1, "after": 2},
]
MORE_FAULTS = [
    {"do": "ws.rst", "at_s": 4},
    {"do": "accept_then_timeout", "match": {"action": "order"}, "times": 1, "after": 2},
    {"do": "nonce.dup", "match": {"action": "order"}, "times": 1, "after": 3},
    {"do": "refuse.margin", "match": {"action": "order"}, "times": 1, "after": 4},
    {"do": "ws.garbage", "at_s": 10},
    {"do": "body.cut", "match": {"request": "frontendOpenOrders"}, "times": 2, "after": 2},
]
# A strategy is no friend: it shows what it knows and what it finds.
STRATEGY = f'''
import os
import sys

from tidegate.strategy import Strategy


class Canary(Strategy):
    """Hold one side, and tell everybody what it sees."""

    def signals(self, bars):
        print("posting to {WEBHOOK}", *sys.argv)
        for name, value in os.environ.items():
            print(name, value)
        return self.wishes(bars, long=True, short=False, reason="always long")
'''


@pytest.fixture
def net() -> Iterator[Ready]:
    """An exchange on which the canary's account has money."""
    with localnet(LocalnetOptions(scenario="first-run", limits=UNLIMITED)) as net:
        body = {"user": ACCOUNT, "usdc": 10_000}
        requests.post(f"{net.url}/localnet/fund", json=body, timeout=5).raise_for_status()
        yield net


class Bird:
    """A folder with the canary key in one place, and the bot in it. `told` is everything that it printed."""

    def __init__(self, folder: Path, url: str, place: str) -> None:
        self._folder, self._url = folder, url
        self.told: dict[str, str] = {}
        self.hits: list[str] = []
        strategies = folder / "strategies"
        strategies.mkdir()
        (strategies / "canary.py").write_text(STRATEGY)
        settings = {
            "NETWORK": "testnet",
            "HYPERLIQUID_ACCOUNT_ADDRESS": ACCOUNT,
            "STRATEGY": "canary",
            "LOG_LEVEL": "DEBUG",
            "CHECK_INTERVAL": "10",
            "COINS": "BTC",
            "TIMEFRAME": "1m",
            "ALERT_WEBHOOK_URL": f"http://127.0.0.1:9/services/{TOKEN}",
        }
        self._environ = {"TMPDIR": str(folder)}  # the lock of the wallet, which all tests share
        match place:
            case "environment":
                self._environ["HYPERLIQUID_PRIVATE_KEY"] = KEY
                self._environ["HYPERLIQUID_MAINNET_PRIVATE_KEY"] = OTHER_KEY
            case ".env":
                settings["HYPERLIQUID_TESTNET_PRIVATE_KEY"] = KEY
                settings["HYPERLIQUID_MAINNET_PRIVATE_KEY"] = OTHER_KEY
            case "key file":
                settings["HYPERLIQUID_KEY_FILE"] = self._secret("agent.key", KEY)
            case "keystore":
                body = Account.encrypt(KEY, PASSWORD, iterations=FEW_ROUNDS)
                settings["HYPERLIQUID_KEYSTORE"] = self._secret("keystore.json", json.dumps(body))
                settings["HYPERLIQUID_KEYSTORE_PASSWORD_FILE"] = self._secret("password", PASSWORD)
        self._secret(".env", "".join(f"{name}={value}\n" for name, value in settings.items()))

    def _secret(self, name: str, content: str) -> str:
        path = self._folder / name
        path.write_text(content)
        path.chmod(0o600)
        return name

    def start(self, *words: str, environ: dict[str, str] | None = None) -> Running:
        """One command, on its way."""
        command = command_line(self._url, *words)
        return Running(self._folder, environ={**self._environ, **(environ or {})}, command=command)

    def command(self, *words: str, code: int = 0, environ: dict[str, str] | None = None) -> str:
        """One command to its end, watched; what it printed."""
        process = self.start(*words, environ=environ)
        with watching(process.process.pid) as watch:
            ended = process.ends()
        self.told[" ".join(words)] = process.screen
        self.hits += sorted(watch.hits)
        assert ended == code, process.screen
        return process.screen

    def leaks(self) -> list[str]:
        """Every place in which a canary was found."""
        told = [line for words, screen in self.told.items() for line in found_in(screen.encode(), f"`{words}`")]
        return self.hits + told + found_in_files(self._folder, SECRET_FILES)


def inject(net: Ready, faults: list[dict[str, object]]) -> None:
    for fault in faults:
        answer = requests.post(f"{net.url}/localnet/fault", json=fault, timeout=5)
        assert answer.ok, answer.text


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_turns_up_anywhere(place: str, tmp_path: Path, net: Ready) -> None:
    bird = Bird(tmp_path, net.url, place)
    bird.command("doctor")
    bird.command("show-config")
    bird.command("alert-test", code=3)
    inject(net, FAULTS + (MORE_FAULTS if LONG else []))
    run = bird.start("run", "--seconds", str(RUN_S))
    with watching(run.process.pid) as watch:
        run.wait_for(r"\[order\] BTC .*(entry|stop)")
        for words in ("status", "pause", "resume", "flatten"):
            bird.command(words)
        assert run.ends() == 0, run.screen
    bird.told["run"] = run.screen
    bird.hits += sorted(watch.hits)
    assert len(watch.seen) >= 2, "the strategist was not watched"
    assert "posting to" in run.screen, "the strategy did not try"
    assert bird.leaks() == []
    assert "Traceback" not in run.screen


@pytest.mark.parametrize("wrong", ["COINS", "STRATEGY", "HYPERLIQUID_KEY_FILE", "HYPERLIQUID_KEYSTORE", "DATABASE_URL"])
def test_a_secret_in_the_wrong_place_is_refused_and_not_shown(wrong: str, tmp_path: Path, net: Ready) -> None:
    bird = Bird(tmp_path, net.url, ".env")
    value = f"postgresql://bot:{DATABASE_PASSWORD}@127.0.0.1:9/x" if wrong == "DATABASE_URL" else KEY
    for words in (("doctor",), ("run", "--seconds", "1"), ("show-config",)):
        bird.told[" ".join(words)] = ""
        process = bird.start(*words, environ={wrong: value})
        with watching(process.process.pid) as watch:
            process.ends()
        bird.told[" ".join(words)] = process.screen
        bird.hits += sorted(watch.hits)
        assert "Traceback" not in process.screen
    assert bird.leaks() == []


def test_a_killed_bot_leaves_no_core_file(tmp_path: Path, net: Ready) -> None:
    bird = Bird(tmp_path, net.url, "environment")
    run = bird.start("run")
    run.wait_for(r"signing with the account's own key")
    before = set(tmp_path.iterdir())
    run.send(signal.SIGABRT)
    run.ends()
    bird.told["run"] = run.screen
    assert not [path for path in set(tmp_path.iterdir()) - before if "core" in path.name]
    assert bird.leaks() == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "bot.log").write_text(f"key {KEY} posted to {WEBHOOK}")
    (tmp_path / "bot.db").write_bytes(b"\0" + bytes.fromhex(KEY[2:]))
    (tmp_path / ".env").write_text(KEY)
    found = found_in_files(tmp_path, SECRET_FILES)
    assert {line.rpartition(" in ")[2] for line in found} == {"bot.log", "bot.db"}
    assert {"the key in bot.log", "the webhook's token in bot.log", "the key as bytes in bot.db"} <= set(found)
