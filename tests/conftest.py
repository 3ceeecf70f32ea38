"""What holds for every test."""

import decimal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _decimals_of_ones_own() -> Iterator[None]:
    """A client that we did not write sets rounding and precision of its thread for good: not for the next test."""
    with decimal.localcontext(decimal.DefaultContext):
        yield
