"""What the tests of this package share: recorded payloads, and wishes as the core makes them."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tidegate.model.instruments import Instrument
from tidegate.model.intents import CancelOrders, PlaceOrders, SetLeverage
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, Trigger
from tidegate.model.positions import Side

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Any]:
    """Read a recorded payload by its path below the samples' folder."""

    def read(name: str) -> Any:
        path = SHARED / "exchange-samples" / name
        if not path.exists():
            pytest.skip(f"the recorded payloads are not here ({name})")
        return json.loads(path.read_text())

    return read


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded stream frames."""
    folder = SHARED / "data" / "ws" / "hyperliquid"
    if not folder.exists():
        pytest.skip("the recorded frames are not here")
    return folder


@pytest.fixture
def instruments() -> dict[str, Instrument]:
    """Two perps of a market like testnet's, where numbers differ from mainnet's."""
    return {
        "BTC": Instrument(coin="BTC", asset=3, size_decimals=5, leverage_max=40),
        "ETH": Instrument(coin="ETH", asset=4, size_decimals=4, leverage_max=25),
    }


def cloid(number: int) -> str:
    """A client order id."""
    return f"0x{number:032x}"


def order(number: int = 1, *, tif: TimeInForce = TimeInForce.IOC, size: str = "0.01") -> OrderRequest:
    """A limit order to buy BTC."""
    return OrderRequest(
        coin="BTC",
        asset=3,
        cloid=cloid(number),
        side=Side.BUY,
        size=Decimal(size),
        kind=Limit(price=Decimal("70415.0"), time_in_force=tif),
        role=Role.ENTRY,
    )


def stop(number: int = 2) -> OrderRequest:
    """A stop below a long position in BTC."""
    return OrderRequest(
        coin="BTC",
        asset=3,
        cloid=cloid(number),
        side=Side.SELL,
        size=Decimal("0.01"),
        kind=Trigger(trigger_price=Decimal("68000"), worst_price=Decimal("61200"), stop=True),
        role=Role.STOP,
        reduce_only=True,
    )


def place(*orders: OrderRequest) -> PlaceOrders:
    """The wish to place these."""
    return PlaceOrders(coin="BTC", orders=orders, expires_ms=1_000_000, signal_id="s", reason="r")


def cancel(*numbers: int) -> CancelOrders:
    """The wish to cancel these."""
    cloids = tuple(cloid(number) for number in numbers)
    return CancelOrders(coin="BTC", asset=3, cloids=cloids, expires_ms=1_000_000, reason="r")


LEVERAGE = SetLeverage(coin="BTC", asset=3, leverage=5, expires_ms=1_000_000)


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The makers of wishes above."""
    return SimpleNamespace(cloid=cloid, order=order, stop=stop, place=place, cancel=cancel, leverage=LEVERAGE)
