"""A made-up market played once for all tests that look at it."""

from pathlib import Path

import pytest
from pairs import LIVELY, made, played

from tidegate.parity.playing import Report


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of one-minute candles."""
    return made(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="session")
def lively(market: Path) -> Report:
    """Backtest and simulation of a lively stretch."""
    return played(LIVELY, {"BTC": market})
