"""A database of its own for every test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidegate.storage.ledger import Ledger

Opener = Callable[..., Ledger]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "tidegate.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def open_ledger(url: str) -> Iterator[Opener]:
    """Opens a ledger on the test's database; all of them are closed when the test ends."""
    opened: list[Ledger] = []

    def open_one(**scope: str) -> Ledger:
        ledger = Ledger(url, **{"venue": "testnet", "account": "0xabc"} | scope)
        ledger.open()
        opened.append(ledger)
        return ledger

    yield open_one
    for ledger in opened:
        ledger.close()
