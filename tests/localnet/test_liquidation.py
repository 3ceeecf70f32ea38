"""liquidation.py: who is liquidated, how, and what is told of it."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.localnet.floor import IOC, START_MS, Tape, Trader, order, quiet_floor, quote_around, quotes, trigger
from tidegate.localnet.kernel import margin
from tidegate.localnet.kernel.liquidation import BACKSTOP_SHARE, COOLDOWN_MS, LIQUIDATOR

D = Decimal


def crash_to(exchange, mark, *, liquid=True):
    """Set the BTC mark to a price at once: book and oracle there; without liquidity only the oracle."""
    if liquid:
        quote_around(exchange, mark)
    else:
        exchange.quote("BTC", [], [])
    prices = exchange._venue.prices["BTC"]
    prices.last = D(mark)
    prices._oracle_gap = type(prices._oracle_gap)(150)
    prices._fair = type(prices._fair)(30)
    exchange.set_oracle("BTC", D(mark))
    assert prices.mark == mark


def lever(trader, leverage, *, is_cross=True):
    action = {"type": "updateLeverage", "asset": 0, "isCross": is_cross, "leverage": leverage}
    assert trader.post(action)["status"] == "ok"


@pytest.fixture
def exchange():
    return quiet_floor()


def test_an_account_above_its_maintenance_margin_is_left_alone(exchange):
    trader = Trader(exchange, 1, usdc="500")
    lever(trader, 40)
    trader.order("B", "80001", "0.1", IOC)
    crash_to(exchange, 76_500)  # worth 149.5 less the fee, needs 95.6
    assert trader.position() == D("0.1")


def test_below_maintenance_margin_the_position_is_sold_on_the_book(exchange):
    trader, tape = Trader(exchange, 1, usdc="500"), Tape()
    lever(trader, 40)
    trader.order("B", "80001", "0.1", IOC)
    exchange.feed.append(tape)
    crash_to(exchange, 75_900)  # worth 89.5, needs 94.9
    assert trader.position() == 0
    (row,) = [row for user, row in tape.fills if user == trader.user]
    assert (row["dir"], row["px"], row["sz"], row["crossed"]) == ("Close Long", "75899.0", "0.1", True)
    assert row["liquidation"] == {"liquidatedUser": trader.user, "markPx": "75900.0", "method": "market"}
    assert list(row)[-4:] == ["tid", "liquidation", "feeToken", "twapId"]
    left = D(trader.ask("clearinghouseState")["withdrawable"])
    assert left == 500 - D("0.1") * (80_001 - 75_899) - D("3.600045") - D("3.415455")


def test_a_liquidation_is_told_as_event_order_and_ledger_entry(exchange):
    trader, tape = Trader(exchange, 1, usdc="500"), Tape()
    lever(trader, 40)
    trader.order("B", "80001", "0.1", IOC)
    resting = trader.order("B", "70000", "0.001")["resting"]["oid"]
    exchange.feed.append(tape)
    crash_to(exchange, 75_900)
    events = [event for user, event in tape.events if user == trader.user]
    assert events[0] == {"nonUserCancel": [{"coin": "BTC", "oid": resting}]}
    told = events[1]["liquidation"]
    assert list(told) == [
        "lid",
        "liquidator",
        "liquidated_user",
        "liquidated_ntl_pos",
        "liquidated_account_value",
    ]
    assert told["liquidated_ntl_pos"] == "7590.0"
    assert told["liquidated_account_value"] == "86.299955"
    (sold, canceled) = (trader.ask("historicalOrders")[place] for place in (0, 1))
    assert (canceled["order"]["oid"], canceled["status"]) == (resting, "liquidatedCanceled")
    assert sold["status"] == "filled"
    assert [sold["order"][key] for key in ("orderType", "tif", "reduceOnly")] == ["Market", "LiquidationMarket", True]
    entry = trader.ask("userNonFundingLedgerUpdates", startTime=START_MS)[-1]
    assert entry["delta"] == {
        "type": "liquidation",
        "liquidatedNtlPos": "7590.0",
        "accountValue": "86.299955",
        "leverageType": "Cross",
        "liquidatedPositions": [{"coin": "BTC", "szi": "0.1"}],
    }


def test_the_other_side_of_a_liquidation_is_told_whom_it_met(exchange):
    trader, maker = Trader(exchange, 1, usdc="500"), Trader(exchange, 2)
    lever(trader, 40)
    trader.order("B", "80001", "0.1", IOC)
    maker.order("B", "76000", "0.1")
    crash_to(exchange, 75_900)  # the house takes the maker's bid first
    maker.order("B", "75950", "0.1")
    row = maker.ask("userFills")[0]
    assert "liquidation" not in row
    other = Trader(exchange, 3, usdc="500")
    lever(other, 40)
    other.order("A", "75899", "0.1", IOC)
    exchange.quote("BTC", [], [])
    maker.order("A", "79950", "0.1")
    crash_to(exchange, 79_940, liquid=False)
    row = maker.ask("userFills")[0]
    assert row["liquidation"] == {"liquidatedUser": other.user, "markPx": "79940.0", "method": "market"}
    assert not row["crossed"]


def test_a_large_position_goes_a_fifth_first_and_the_rest_within_the_cooldown(exchange):
    trader = Trader(exchange, 1, usdc="10000")
    lever(trader, 40)
    trader.order("B", "80001", "4", IOC)
    needed = D(4) / 80
    crash_to(exchange, 78_480)  # worth about 3771, needs 3924: enough once a fifth is gone
    assert trader.position() == D("3.2")
    state = trader.ask("clearinghouseState")
    assert D(state["crossMarginSummary"]["accountValue"]) > D(state["crossMaintenanceMarginUsed"])
    assert D(state["crossMaintenanceMarginUsed"]) < needed * 78_480
    exchange.advance(exchange.now_ms + COOLDOWN_MS - 1)
    crash_to(exchange, 78_000)
    assert trader.position() == 0, "within the cooldown everything is sold"


def test_after_the_cooldown_it_is_a_fifth_again(exchange):
    trader = Trader(exchange, 1, usdc="10000")
    lever(trader, 40)
    trader.order("B", "80001", "4", IOC)
    crash_to(exchange, 78_480)
    exchange.advance(exchange.now_ms + COOLDOWN_MS)
    crash_to(exchange, 78_270)
    assert trader.position() == D("2.56")


def test_the_cooldown_begins_after_the_block_that_sold_a_fifth(exchange):
    """Two large positions fall at once: a fifth of each, not a fifth of one and all of the other."""
    trader = Trader(exchange, 1, usdc="20000")
    lever(trader, 40)
    trader.post({"type": "updateLeverage", "asset": 1, "isCross": True, "leverage": 25})
    exchange.quote("ETH", quotes(("2741", "500")), quotes(("2742", "500")))
    exchange.set_oracle("ETH", D("2741.5"))
    trader.order("B", "80001", "4", IOC)
    trader.order("B", "2742", "100", IOC, asset=1)
    crash_to(exchange, 77_150)
    assert (trader.position(), trader.position("ETH")) == (D("3.2"), D(80))


def test_without_a_book_the_liquidation_waits_for_one(exchange):
    trader = Trader(exchange, 1, usdc="500")
    lever(trader, 40)
    trader.order("B", "80001", "0.1", IOC)
    crash_to(exchange, 75_900, liquid=False)
    assert trader.position() == D("0.1")
    exchange.quote("BTC", quotes(("75890", "0.002")), [])
    assert trader.position() == D("0.098"), "as much as there is"
    exchange.quote("BTC", quotes(("75880", "1")), [])
    assert trader.position() == 0


def test_the_sale_never_costs_more_than_the_account_has(exchange):
    trader = Trader(exchange, 1, usdc="500")
    lever(trader, 40)
    trader.order("B", "80001", "0.1", IOC)
    crash_to(exchange, 75_900, liquid=False)
    exchange.quote("BTC", quotes(("74000", "1")), [])
    assert trader.position() == D("0.1")


def test_below_two_thirds_the_liquidator_takes_position_and_margin(exchange):
    trader, tape = Trader(exchange, 1, usdc="500"), Tape()
    lever(trader, 40)
    trader.order("B", "80001", "0.1", IOC)
    exchange.feed.append(tape)
    crash_to(exchange, 75_500, liquid=False)  # worth 46.3, two thirds of 94.4 are 62.9
    state = trader.ask("clearinghouseState")
    assert state["assetPositions"] == []
    assert state["marginSummary"]["accountValue"] == "0.0"
    rows = dict(tape.fills)
    mine, theirs = rows[trader.user], rows[LIQUIDATOR]
    assert mine["dir"] == theirs["dir"] == "Liquidated Cross Long"
    assert (mine["side"], theirs["side"], mine["fee"], theirs["fee"]) == ("A", "B", "0.0", "0.0")
    assert (mine["crossed"], theirs["crossed"]) == (False, True)
    assert mine["liquidation"] == {"liquidatedUser": trader.user, "markPx": "75500.0", "method": "backstop"}
    assert mine["tid"] == theirs["tid"]
    assert D(mine["px"]) == (75_500 - D("46.299955") / D("0.1")).quantize(D("0.1"))
    taken = exchange.info({"type": "clearinghouseState", "user": LIQUIDATOR}).body
    assert taken["assetPositions"][0]["position"]["szi"] == "0.1"
    assert taken["marginSummary"]["accountValue"] == "46.299955"


def test_beyond_bankruptcy_the_liquidator_pays(exchange):
    trader = Trader(exchange, 1, usdc="500")
    lever(trader, 40)
    trader.order("A", "79999", "0.1", IOC)
    crash_to(exchange, 90_000)
    assert trader.position() == 0
    assert trader.ask("clearinghouseState")["marginSummary"]["accountValue"] == "0.0"
    taken = exchange.info({"type": "clearinghouseState", "user": LIQUIDATOR}).body
    assert D(taken["marginSummary"]["accountValue"]) < 0
    assert trader.ask("userFills")[0]["dir"] == "Liquidated Cross Short"


def test_an_isolated_position_takes_nothing_else_along(exchange):
    trader = Trader(exchange, 1, usdc="5000")
    lever(trader, 40, is_cross=False)
    trader.order("B", "80001", "0.1", IOC)
    exchange.quote("ETH", quotes(("2741", "10")), quotes(("2742", "10")))
    trader.orders([order("B", "2742", "1", IOC, asset=1), order("B", "2000", "1", asset=1)])
    cash = D(trader.ask("clearinghouseState")["crossMarginSummary"]["totalRawUsd"])
    crash_to(exchange, 78_950)
    state = trader.ask("clearinghouseState")
    assert [row["position"]["coin"] for row in state["assetPositions"]] == ["ETH"]
    assert len(trader.ask("openOrders")) == 1, "orders of other coins stay"
    left = D(state["crossMarginSummary"]["totalRawUsd"]) - cash
    assert 0 < left < D("94.9")
    delta = trader.ask("userNonFundingLedgerUpdates", startTime=START_MS)[-1]["delta"]
    assert delta["leverageType"] == "Isolated"


def test_an_isolated_position_loses_no_more_than_its_margin(exchange):
    trader = Trader(exchange, 1, usdc="5000")
    lever(trader, 40, is_cross=False)
    trader.order("B", "80001", "0.1", IOC)
    cash = trader.ask("clearinghouseState")["crossMarginSummary"]
    crash_to(exchange, 60_000)
    state = trader.ask("clearinghouseState")
    assert state["assetPositions"] == []
    assert state["crossMarginSummary"] == cash
    assert trader.ask("userFills")[0]["dir"] == "Liquidated Isolated Long"


def test_a_stop_that_the_same_mark_reaches_goes_first(exchange):
    trader = Trader(exchange, 1, usdc="500")
    lever(trader, 40)
    trader.order("B", "80001", "0.1", IOC)
    trader.order("A", "70000", "0.1", trigger("sl", "79000"), reduce_only=True)
    crash_to(exchange, 75_900)
    row = trader.ask("userFills")[0]
    assert row["dir"] == "Close Long"
    assert "liquidation" not in row


def test_a_liquidation_that_ruins_its_counterparty_liquidates_it_in_the_same_block(exchange):
    """The maker's bid fills far above the mark, which brings it below its own margin."""
    trader, maker = Trader(exchange, 1, usdc="3000"), Trader(exchange, 2, usdc="2000")
    lever(trader, 40)
    lever(maker, 40)
    trader.order("B", "80001", "1", IOC)
    exchange.quote("BTC", [], [])
    maker.order("B", "78500", "0.9")
    crash_to(exchange, 76_900, liquid=False)
    assert trader.ask("userFills")[0]["liquidation"]["liquidatedUser"] == trader.user
    assert maker.ask("userNonFundingLedgerUpdates", startTime=START_MS)[-1]["delta"]["type"] == "liquidation"


def test_what_a_settlement_leaves_owing_the_liquidator_pays(exchange):
    """The coin is delisted at the average oracle of an hour, far below the mark at which the position was fine."""
    trader = Trader(exchange, 1, usdc="500")
    lever(trader, 40)
    trader.order("B", "80001", "0.1", IOC)
    exchange._venue.prices["BTC"].oracle = D(70_000)
    exchange._venue.oracle_hours.clear()
    assert exchange.operators.delist("BTC") == 70_000
    assert trader.ask("clearinghouseState")["marginSummary"]["accountValue"] == "0.0"
    assert money(exchange) == 0


def test_a_halted_coin_is_not_sold_but_the_backstop_still_works(exchange):
    trader = Trader(exchange, 1, usdc="500")
    lever(trader, 40)
    trader.order("B", "80001", "0.1", IOC)
    exchange.operators.halt("BTC")
    crash_to(exchange, 75_900)
    assert trader.position() == D("0.1")
    crash_to(exchange, 75_500)
    assert trader.position() == 0
    assert trader.ask("userFills")[0]["liquidation"]["method"] == "backstop"


def accounts_of(exchange):
    venue = exchange._venue
    return venue, [*venue.accounts.values(), venue.house]


def money(exchange):
    venue, accounts = accounts_of(exchange)
    cash = sum(each.raw_usd + sum(own.isolated_usd for own in each.positions.values()) for each in accounts)
    return cash + venue.fees - sum(each.deposits for each in accounts)


WISHES = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from("BA"), st.integers(1, 3_000), st.sampled_from([1, 5, 20, 40]), st.booleans()
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(WISHES, st.lists(st.integers(70_000, 90_000), min_size=1, max_size=5), st.booleans())
def test_who_is_liquidated_follows_from_the_formula_and_money_is_conserved(wishes, marks, liquid):
    exchange = quiet_floor()
    traders = [Trader(exchange, number, usdc=usdc) for number, usdc in ((1, "300"), (2, "5000"), (3, "60000"))]
    for who, side, lots, leverage, is_cross in wishes:
        action = {"type": "updateLeverage", "asset": 0, "isCross": is_cross, "leverage": leverage}
        traders[who].post(action)
        traders[who].order(side, "80010" if side == "B" else "79990", str(D(lots) / 1000), IOC)
    for mark in marks:
        expected = {trader.user: below_at(exchange, trader, D(mark)) for trader in traders}
        held = {trader.user: trader.position() for trader in traders}
        exchange.advance(exchange.now_ms + COOLDOWN_MS)
        crash_to(exchange, mark, liquid=liquid)
        for trader in traders:
            kept = trader.position() == held[trader.user]
            if not expected[trader.user]:
                assert kept, "liquidated above its maintenance margin"
            elif liquid:
                assert not kept, "not liquidated below its maintenance margin"
        for trader in traders:
            account = exchange._venue.accounts[trader.user]
            assert account.raw_usd >= 0 or account.positions, "an account owes money"
        assert money(exchange) == 0
        _, accounts = accounts_of(exchange)
        assert sum(account.position_size("BTC") for account in accounts) == 0


def below_at(exchange, trader, mark):
    """Whether the formula of section 8.2 liquidates the account at a mark."""
    account, prices = exchange._venue.accounts[trader.user], exchange._venue.prices["BTC"]
    position = account.positions.get("BTC")
    if position is None:
        return False
    rate = D(1) / 80
    cash = account.raw_usd if position.leverage.is_cross else position.isolated_usd
    before = prices.mark
    prices.mark = mark
    px = margin.liquidation_px(account, "BTC", exchange._venue.market)
    prices.mark = before
    below = cash + position.szi * mark < abs(position.szi) * mark * rate
    if px is not None and abs(mark - px) > D("0.001"):
        assert below == ((mark < px) if position.szi > 0 else (mark > px)), "liquidationPx says something else"
    return below


def test_two_thirds_are_two_thirds():
    assert abs(BACKSTOP_SHARE * 3 - 2) < D("1e-20")
