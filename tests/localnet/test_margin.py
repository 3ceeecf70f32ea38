"""margin.py: the identities of an account, liquidation prices."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.localnet.floor import ALO, IOC, Trader, move_to, order, quiet_floor
from tidegate.localnet.kernel import margin
from tidegate.localnet.kernel.accounts import Account, Leverage, Position
from tidegate.localnet.kernel.universe import TABLE_52, TABLE_56, PerpRule, Universe
from tidegate.localnet.kernel.venue import Venue

D = Decimal


def test_the_documented_isolated_liquidation_price():
    """Section 8.2: 2 HYPE, mark 37.826, margin 7.525754, ten-times table."""
    market = Venue(Universe((PerpRule("HYPE", 2, 10, TABLE_52, D("37.826")),)), 0).market
    isolated = Leverage(10, is_cross=False)
    account = Account("0x0", raw_usd=D("75.781884"))
    account.positions["HYPE"] = Position(isolated, D(2), D("75.658"), D("-68.126246"))
    state = margin.clearinghouse_state(account, market, 1754467216357)
    assert state == {
        "marginSummary": {
            "accountValue": "83.307638",
            "totalNtlPos": "75.652",
            "totalRawUsd": "7.655638",
            "totalMarginUsed": "7.525754",
        },
        "crossMarginSummary": {
            "accountValue": "75.781884",
            "totalNtlPos": "0.0",
            "totalRawUsd": "75.781884",
            "totalMarginUsed": "0.0",
        },
        "crossMaintenanceMarginUsed": "0.0",
        "withdrawable": "75.781884",
        "assetPositions": [
            {
                "type": "oneWay",
                "position": {
                    "coin": "HYPE",
                    "szi": "2.0",
                    "leverage": {"type": "isolated", "value": 10, "rawUsd": "-68.126246"},
                    "entryPx": "37.829",
                    "positionValue": "75.652",
                    "unrealizedPnl": "-0.006",
                    "returnOnEquity": "-0.0007930424",
                    "liquidationPx": "35.8559189474",
                    "marginUsed": "7.525754",
                    "maxLeverage": 10,
                    "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
                },
            }
        ],
        "time": 1754467216357,
    }


def btc_market(mark):
    venue = Venue(Universe((PerpRule("BTC", 5, 40, TABLE_56, D(80_000)),)), 0)
    venue.prices["BTC"].mark = D(mark)
    return venue.market


sizes = st.decimals("-3000", "3000", places=3).filter(bool)


@given(sizes, st.integers(60_000, 100_000), st.integers(1_000_000, 400_000_000))
def test_at_its_liquidation_price_an_account_is_worth_its_maintenance_margin(szi, mark, cash):
    account = Account("0x0", raw_usd=D(cash) - szi * mark)
    account.positions["BTC"] = Position(Leverage(20), szi, szi * mark)
    px = margin.liquidation_px(account, "BTC", btc_market(mark))
    assume(px is not None)
    at = margin.cross(account, btc_market(px))
    assert abs(at.value - at.maintenance) < D("0.001") * max(1, abs(szi))


def test_withdrawable_keeps_initial_margin_a_tenth_of_the_notional_and_what_orders_hold():
    """The recorded form of section 2.10, on our own numbers."""
    exchange = quiet_floor()
    trader = Trader(exchange, 1, usdc="1000")
    trader.order("B", "80001", "0.03", IOC)
    trader.order("B", "79000", "0.01", ALO)
    trader.order("A", "81000", "0.01", ALO, reduce_only=True)
    state = trader.ask("clearinghouseState")
    value = D(state["crossMarginSummary"]["accountValue"])
    assert D(state["withdrawable"]) == value - D("0.1") * 2400 - D("39.5")


@pytest.mark.parametrize(("mid", "pnl"), [(80_000, "-0.01"), (81_000, "9.99"), (79_000, "-10.01")])
def test_unrealized_profit_follows_the_mark(mid, pnl):
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    trader.order("B", "80001", "0.01", IOC)
    move_to(exchange, mid)
    position = trader.ask("clearinghouseState")["assetPositions"][0]["position"]
    mark = D(exchange.asset_ctx("BTC")["markPx"])
    assert D(position["unrealizedPnl"]) == (mark - 80_001) * D("0.01")
    assert abs(D(position["unrealizedPnl"]) - D(pnl)) < D("0.02")


def test_positions_are_listed_in_asset_order():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    exchange.quote("ETH", [(D(2741), D(10), 1)], [(D(2742), D(10), 1)])
    trader.orders([order("B", "2742", "1", IOC, asset=1), order("B", "80001", "0.01", IOC)])
    coins = [row["position"]["coin"] for row in trader.ask("clearinghouseState")["assetPositions"]]
    assert coins == ["BTC", "ETH"]
