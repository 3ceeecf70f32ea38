"""One bot per wallet: the other holder is a process of its own, as it would be."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidegate.errors import OtherBotRunning, StorageError
from tidegate.lock import one_bot_per_wallet

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 30
WALLET = "0x" + "Ab" * 20

# Holds the wallet until its standard input is closed; says on standard output that it has it, or that it was refused.
HOLDER = """
import sys
from tidegate.errors import OtherBotRunning
from tidegate.lock import one_bot_per_wallet
try:
    with one_bot_per_wallet(sys.argv[1], sys.argv[2]):
        print("held", flush=True)
        sys.stdin.read()
except OtherBotRunning:
    print("refused", flush=True)
"""

Hold = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where locks lie: a folder of the test's own, for other processes too."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Starts processes that try to hold a wallet; all are ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(venue: str = "testnet", account: str = WALLET) -> "subprocess.Popen[str]":
        words = [sys.executable, "-c", HOLDER, venue, account]
        process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=PATIENCE_S)


def says(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_holder_in_another_process_is_refused_in_words(hold: Hold) -> None:
    assert says(hold()) == "held"
    with pytest.raises(OtherBotRunning, match=f"already trades {WALLET} on testnet: stop it first"):
        one_bot_per_wallet("testnet", WALLET).__enter__()
    assert says(hold()) == "refused"


def test_a_killed_holder_frees_it(hold: Hold) -> None:
    holder = hold()
    assert says(holder) == "held"
    holder.kill()
    holder.wait(PATIENCE_S)
    with one_bot_per_wallet("testnet", WALLET):
        pass


def test_one_that_leaves_frees_it(hold: Hold) -> None:
    with one_bot_per_wallet("testnet", WALLET):
        assert says(hold()) == "refused"
    assert says(hold()) == "held"


def test_one_that_fails_inside_frees_it(hold: Hold) -> None:
    def fail() -> None:
        with one_bot_per_wallet("testnet", WALLET):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert says(hold()) == "held"


def test_the_same_wallet_is_the_same_however_it_is_written(hold: Hold) -> None:
    with one_bot_per_wallet("testnet", WALLET):
        assert says(hold(account=WALLET.upper().replace("0X", "0x"))) == "refused"


@pytest.mark.parametrize(("venue", "account"), [("mainnet", WALLET), ("testnet", "0x" + "12" * 20)])
def test_another_wallet_or_another_exchange_is_no_concern(hold: Hold, venue: str, account: str) -> None:
    with one_bot_per_wallet("testnet", WALLET):
        assert says(hold(venue, account)) == "held"


def test_the_name_of_the_lock_does_not_tell_whose_it_is(folder: Path) -> None:
    with one_bot_per_wallet("testnet", WALLET):
        (path,) = folder.glob("tidegate-*.lock")
        assert WALLET.lower()[2:] not in path.name.lower()


def test_a_lock_that_cannot_be_taken_is_told_in_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "file"))
    with pytest.raises(StorageError, match="the lock of the wallet cannot be taken: "):
        one_bot_per_wallet("testnet", WALLET).__enter__()
