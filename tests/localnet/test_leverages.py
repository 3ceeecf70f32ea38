"""leverages.py: leverage, margin mode, isolated margin."""

from decimal import Decimal

import pytest

from tests.localnet.floor import IOC, Trader, quiet_floor
from tidegate.localnet.kernel import leverages
from tidegate.localnet.kernel.universe import PerpRule, Universe, flat_table
from tidegate.localnet.kernel.venue import Venue

D = Decimal


@pytest.fixture
def trader():
    return Trader(quiet_floor(), 1, usdc="1000")


def set_leverage(trader, value, *, cross=True, asset=0):
    answer = trader.post({"type": "updateLeverage", "asset": asset, "isCross": cross, "leverage": value})
    return None if answer["status"] == "ok" else answer["response"]


def move(trader, ntli):
    answer = trader.post({"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": ntli})
    return None if answer["status"] == "ok" else answer["response"]


def top_up(trader, leverage):
    answer = trader.post({"type": "topUpIsolatedOnlyMargin", "asset": 0, "leverage": leverage})
    return None if answer["status"] == "ok" else answer["response"]


def isolated(trader):
    return trader.ask("clearinghouseState")["assetPositions"][0]["position"]


@pytest.mark.parametrize(("value", "asset"), [(0, 0), (41, 0), (-1, 0), (6, 2), (1, 9999), (2.5, 0)])
def test_leverage_lies_between_one_and_the_coins_maximum(trader, value, asset):
    assert set_leverage(trader, value, asset=asset) == "Invalid leverage value"


def test_leverage_is_set_for_one_coin(trader):
    assert set_leverage(trader, 5) is None
    assert trader.ask("activeAssetData", coin="BTC")["leverage"] == {"type": "cross", "value": 5}
    assert trader.ask("activeAssetData", coin="ETH")["leverage"] == {"type": "cross", "value": 20}
    assert trader.ask("activeAssetData", coin="ATOM")["leverage"] == {"type": "cross", "value": 5}


def test_lowering_leverage_on_a_position_needs_the_margin_at_hand(trader):
    trader.order("B", "80001", "0.05", IOC)
    assert set_leverage(trader, 2).endswith("To decrease leverage, deposit more collateral.")
    assert set_leverage(trader, 10) is None
    assert isolated(trader)["marginUsed"] == "400.0"


def test_the_margin_mode_stays_while_a_position_is_open(trader):
    trader.order("B", "80001", "0.01", IOC)
    assert set_leverage(trader, 10, cross=False) == "Cannot switch leverage type with open position."


def test_an_isolated_position_has_margin_of_its_own(trader):
    set_leverage(trader, 10, cross=False)
    trader.order("B", "80001", "0.01", IOC)
    state = trader.ask("clearinghouseState")
    position = state["assetPositions"][0]["position"]
    assert position["leverage"] == {"type": "isolated", "value": 10, "rawUsd": "-720.369004"}
    assert position["marginUsed"] == "79.630996"
    assert state["crossMarginSummary"]["accountValue"] == "919.999"
    assert state["crossMarginSummary"]["totalNtlPos"] == "0.0"
    assert state["marginSummary"]["accountValue"] == "999.629996"


def test_isolated_margin_can_be_added_and_taken_back(trader):
    set_leverage(trader, 10, cross=False)
    trader.order("B", "80001", "0.01", IOC)
    assert move(trader, 100_000_000) is None
    assert isolated(trader)["marginUsed"] == "179.630996"
    assert move(trader, -50_000_000) is None
    assert isolated(trader)["marginUsed"] == "129.630996"
    assert move(trader, -60_000_000) == "Position does not have sufficient margin for reduction."
    assert move(trader, 2_000_000_000) == "Account does not have sufficient margin available for increase."
    assert move(trader, 0) == "Update to isolated margin cannot be zero."


def test_topping_up_aims_at_a_leverage_and_only_ever_adds(trader):
    assert top_up(trader, "2") == "Position does not use isolated margin."
    set_leverage(trader, 10, cross=False)
    assert top_up(trader, "2") == "Cannot update margin for empty position."
    trader.order("B", "80001", "0.05", IOC)
    assert top_up(trader, "6.25") is None
    assert isolated(trader)["marginUsed"] == "640.0"
    assert top_up(trader, "6.25") == "Update to isolated margin cannot be zero."
    assert top_up(trader, "10") == "Update to isolated margin cannot be zero."
    assert top_up(trader, "1") == "Account does not have sufficient margin available for increase."
    for nonsense in ("0.99", "0", "-1", "two", "1e-40"):
        assert top_up(trader, nonsense) == "Invalid leverage value"


def test_isolated_leverage_falls_only_when_the_margin_is_there(trader):
    set_leverage(trader, 10, cross=False)
    trader.order("B", "80001", "0.01", IOC)
    assert set_leverage(trader, 5, cross=False).startswith("Isolated position does not have sufficient margin")
    assert set_leverage(trader, 20, cross=False) is None


def test_margin_of_a_cross_or_missing_position_cannot_be_moved(trader):
    assert move(trader, 1) == "Position does not use isolated margin."
    trader.order("B", "80001", "0.01", IOC)
    assert move(trader, 1) == "Position does not use isolated margin."
    flat = Trader(trader.exchange, 2)
    set_leverage(flat, 10, cross=False)
    assert move(flat, 1) == "Cannot update margin for empty position."


def test_a_strictly_isolated_coin_is_never_cross_and_keeps_its_margin():
    rule = PerpRule("X", 2, 3, flat_table(3), D(10), margin_mode="strictIsolated")
    venue = Venue(Universe((rule,)), 0)
    account = venue.deposit("0x1", D(1000))
    assert leverages.update(venue, account, 0, 2, is_cross=True) == "Cross margin is not allowed for this asset."
    assert leverages.update(venue, account, 0, 2, is_cross=False) is None
    account.trade("X", account.leverages["X"], D(3), D(10), D(0))
    assert leverages.move_isolated(venue, account, 0, -1).startswith("Cannot remove isolated margin")
