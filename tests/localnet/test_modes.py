"""Account modes: one collateral or several."""

from decimal import Decimal

from hyperliquid.utils.signing import sign_user_set_abstraction_action

from tests.localnet.floor import GTC, IOC, Trader, quiet_floor, quotes
from tests.localnet.test_transfers import OK, OTHER, PURR, perp_of, refused, send, spot_of
from tidegate.localnet.exchange import Exchange

D = Decimal


def unified(exchange: Exchange, usdc: str = "1000") -> Trader:
    """A trader whose account is unified: half of the USDC came from spot."""
    trader = Trader(exchange, 1, usdc=str(D(usdc) / 2))
    exchange.fund_spot(trader.user, "USDC", D(usdc) / 2)
    assert trader.post({"type": "agentSetAbstraction", "abstraction": "u"}) == OK
    return trader


def usdc_row(trader: Trader) -> dict[str, str]:
    row: dict[str, str] = trader.ask("spotClearinghouseState")["balances"][0]
    return row


def test_an_account_starts_in_standard_mode():
    trader = Trader(quiet_floor(), 1)
    assert trader.ask("userAbstraction") == "disabled"


def test_the_master_key_sets_the_mode():
    trader = Trader(quiet_floor(), 1)
    trader.nonce += 1
    action = {
        "type": "userSetAbstraction",
        "user": trader.user,
        "abstraction": "unifiedAccount",
        "nonce": trader.nonce,
    }
    signature = sign_user_set_abstraction_action(trader.wallet, action, False)
    assert trader.exchange.act({"action": action, "nonce": trader.nonce, "signature": signature}).body == OK
    assert trader.ask("userAbstraction") == "unifiedAccount"


def test_a_unified_account_has_all_its_usdc_in_the_spot_state():
    trader = unified(quiet_floor())
    state = trader.ask("spotClearinghouseState")
    assert state["balances"] == [{"coin": "USDC", "token": 0, "total": "1000.0", "hold": "0.0", "entryNtl": "0.0"}]
    assert state["tokenToAvailableAfterMaintenance"] == [[0, "1000.0"]]
    assert perp_of(trader) == "0.0"


def test_a_unified_account_trades_perps_with_what_came_from_spot():
    trader = unified(quiet_floor())
    assert "filled" in trader.order("B", "80001", "0.2", IOC)  # 800 of margin
    row = usdc_row(trader)
    position = trader.ask("clearinghouseState")["assetPositions"][0]["position"]
    assert D(row["hold"]) == max(D(position["positionValue"]) / 10, D(position["marginUsed"]))
    assert D(row["total"]) == 1000 + D(position["unrealizedPnl"]) - D(trader.ask("userFills")[0]["fee"])
    assert D(row["total"]) - D(row["hold"]) < 0 or trader.ask("clearinghouseState")["withdrawable"] == "0.0"


def test_the_liquidation_price_counts_all_collateral():
    standard, rich = Trader(quiet_floor(), 1, usdc="500"), unified(quiet_floor())
    prices = []
    for trader in (standard, rich):
        trader.order("B", "80001", "0.1", IOC)
        row = trader.ask("clearinghouseState")["assetPositions"][0]["position"]
        prices.append(D(row["liquidationPx"]))
    assert prices[1] < prices[0]


def test_spot_orders_of_a_unified_account_hold_its_one_usdc():
    exchange = quiet_floor()
    exchange.quote("@107", quotes(("39.99", "100")), quotes(("40.01", "100")))
    trader = unified(exchange)
    assert "resting" in trader.order("B", "39", "20", GTC, asset=10_107)
    assert usdc_row(trader)["hold"] == "780.0"
    assert trader.order("B", "80001", "0.1", IOC)["error"].startswith("Insufficient margin")
    assert trader.order("B", "39", "6", GTC, asset=10_107)["error"].startswith("Insufficient spot balance")
    assert "filled" in trader.order("B", "40.01", "5", IOC, asset=10_107)
    assert usdc_row(trader)["total"] == "799.95"
    assert spot_of(trader, "HYPE") == "4.9965"


def test_class_transfers_are_refused_when_unified():
    trader = unified(quiet_floor())
    text = refused("Action disabled when unified account is active")
    assert send(trader, "usdClassTransfer", amount="1", toPerp=True) == text
    assert send(trader, "usdClassTransfer", amount="1", toPerp=False) == text
    assert send(trader, "spotSend", destination=OTHER, token=PURR, amount="1") == text
    assert send(trader, "usdSend", destination=OTHER, amount="1") == text


def test_leaving_the_unified_mode_needs_a_flat_account_and_leaves_the_usdc_in_spot():
    trader = unified(quiet_floor())
    oid = trader.order("B", "79000", "0.01")["resting"]["oid"]
    leave = {"type": "agentSetAbstraction", "abstraction": "i"}
    assert trader.post(leave) == refused("Cannot disable unified account with open positions or orders.")
    trader.cancel(oid)
    assert trader.post(leave) == OK
    assert (perp_of(trader), spot_of(trader)) == ("0.0", "1000.0")


def test_portfolio_margin_says_so_in_the_spot_state():
    trader = Trader(quiet_floor(), 1)
    trader.post({"type": "agentSetAbstraction", "abstraction": "p"})
    assert trader.ask("userAbstraction") == "portfolioMargin"
    assert trader.ask("spotClearinghouseState")["portfolioMarginEnabled"] is True
