"""What holds for every test."""

import decimal
import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from tests import postgresql


def pytest_configure(config: pytest.Config) -> None:
    """Each worker has a temporary folder of its own: there lie the locks of wallets, which tests of several share."""
    if hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="tidegate-tests-")
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.fixture(autouse=True)
def _decimals_of_ones_own() -> Iterator[None]:
    """A client that we did not write sets rounding and precision of its thread for good: not for the next test."""
    with decimal.localcontext(decimal.DefaultContext):
        yield


@pytest.fixture(scope="session")
def _postgresql_server() -> Iterator[str]:
    with postgresql.server() as address:
        yield address


@pytest.fixture
def postgres(_postgresql_server: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database, its password in it; skips where PostgreSQL is not installed."""
    with postgresql.database(_postgresql_server) as address:
        yield address
