"""A second process sees what the running bot says about itself."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tidegate.storage.ledger import Ledger
from tidegate.storage.status import read_status

ROOT = Path(__file__).resolve().parents[2]

Opener = Callable[..., Ledger]


def read_elsewhere(url: str) -> bytes:
    program = f"import sys; from tidegate.storage.status import read_status as r; sys.stdout.buffer.write(r({url!r}))"
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=True, capture_output=True).stdout


def test_a_second_process_reads_the_newest_status_while_the_bot_writes(open_ledger: Opener, url: str) -> None:
    ledger = open_ledger()
    ledger.put_status(b'{"positions": 1}')
    ledger.put_status(b'{"positions": 2}')
    ledger.flush()
    assert read_elsewhere(url) == b'{"positions": 2}'

    with ledger._opened.transaction():
        assert read_elsewhere(url) == b'{"positions": 2}'

    ledger.put_status(b'{"positions": 3}')
    ledger.flush()
    assert read_elsewhere(url) == b'{"positions": 3}'


def test_the_last_status_stays_readable_when_the_bot_has_ended(open_ledger: Opener, url: str) -> None:
    ledger = open_ledger()
    ledger.put_status(b"last words")
    ledger.close()

    assert read_status(url) == b"last words"


def test_the_status_of_the_bot_that_spoke_last_is_shown(open_ledger: Opener, url: str) -> None:
    for venue, words in (("testnet", b"one"), ("mainnet", b"two")):
        ledger = open_ledger(venue=venue)
        ledger.put_status(words)
        ledger.flush()

    assert read_status(url) == b"two"


def test_a_bot_that_has_not_spoken_yet_has_no_status(open_ledger: Opener, url: str) -> None:
    open_ledger()

    assert read_status(url) is None
