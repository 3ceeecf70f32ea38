"""operators.py: bands, halts, upgrades and delistings as clients suffer them."""

from decimal import Decimal

import pytest

from tests.localnet.floor import ALO, IOC, START_MS, Tape, Trader, move_to, order, quiet_floor, quotes, trigger

D = Decimal
POST_ONLY = {"error": "Only post-only orders allowed immediately after a network upgrade"}


@pytest.fixture
def floor():
    exchange = quiet_floor()
    tape = Tape()
    exchange.feed.append(tape)
    return exchange, Trader(exchange, 1), tape


def test_after_an_upgrade_only_post_only_orders_are_taken_for_a_while(floor):
    exchange, trader, tape = floor
    exchange.operators.upgrade(10_000)
    assert trader.order("B", "79000", "0.01") == POST_ONLY
    assert trader.order("B", "80001", "0.01", IOC) == POST_ONLY
    assert [status for _, status in tape.statuses(trader.user)] == ["rejected", "rejected"]
    assert "resting" in trader.order("B", "79000", "0.01", ALO)
    exchange.advance(START_MS + 10_000)
    assert "filled" in trader.order("B", "80001", "0.01", IOC)


def test_trigger_orders_wait_until_the_post_only_period_is_over(floor):
    exchange, trader, _ = floor
    trader.order("B", "80001", "0.01", IOC)
    trader.order("A", "70000", "0.01", trigger("sl", "79500"), reduce_only=True)
    exchange.operators.upgrade(10_000)
    move_to(exchange, 79_000)
    assert trader.position() == D("0.01")
    exchange.advance(START_MS + 10_000)
    assert trader.position() == 0


def test_an_order_beyond_the_band_around_the_oracle_is_refused(floor):
    exchange, trader, _ = floor
    exchange.operators.band_around_oracle("BTC", D("0.05"))
    assert trader.order("B", "75999", "0.01") == {"error": "Price too far from oracle asset=0"}
    assert trader.ask("historicalOrders")[0]["status"] == "oracleRejected"
    assert "resting" in trader.order("B", "76000", "0.01")
    exchange.operators.band_around_oracle("BTC", None)
    assert "resting" in trader.order("B", "75999", "0.01")


def test_a_halted_coin_takes_no_orders_until_it_is_resumed(floor):
    exchange, trader, _ = floor
    oid = trader.order("B", "79000", "0.01")["resting"]["oid"]
    exchange.operators.halt("BTC")
    assert trader.order("B", "79000", "0.01") == {"error": "Trading is halted"}
    assert trader.cancel(oid) == "success"
    exchange.operators.resume("BTC")
    assert "resting" in trader.order("B", "79000", "0.01")


def test_the_operators_cancel_all_of_an_accounts_orders(floor):
    exchange, trader, tape = floor
    parent = order("B", "79000", "0.01")
    stop = order("A", "70000", "0.01", trigger("sl", "78000"), reduce_only=True)
    trader.orders([parent, stop], "normalTpsl")
    tape.updates.clear()
    exchange.operators.cancel_orders(trader.user)
    exchange.operators.cancel_orders("0x" + "9" * 40)
    assert [status for _, status in tape.statuses(trader.user)] == ["internalCancel", "internalCancel"]
    assert trader.ask("openOrders") == []


def test_a_delisting_cancels_orders_settles_positions_and_ends_trading(floor):
    exchange, trader, tape = floor
    other = Trader(exchange, 2)
    trader.order("B", "80001", "0.02", IOC)
    other.order("A", "79999", "0.01", IOC)
    resting = trader.order("B", "79000", "0.01")["resting"]["oid"]
    stop = trader.order("A", "70000", "0.02", trigger("sl", "78000"), reduce_only=True)["resting"]["oid"]
    tape.updates.clear()
    assert exchange.operators.delist("BTC") == D(80_000)
    assert set(tape.statuses(trader.user)) == {(resting, "delistedCanceled"), (stop, "delistedCanceled")}
    fill = trader.ask("userFills")[0]
    assert (fill["dir"], fill["px"], fill["sz"], fill["fee"], fill["tid"]) == (
        "Settlement",
        "80000.0",
        "0.02",
        "0.0",
        0,
    )
    assert fill["closedPnl"] == "-0.02"
    assert trader.position() == other.position() == 0
    assert exchange._venue.house.position_size("BTC") == 0
    assert trader.order("B", "79000", "0.01") == {"error": "Trading is halted"}
    assert exchange.info({"type": "meta"}).body["universe"][0]["isDelisted"] is True
    assert exchange.l2("BTC")["levels"] == [[], []]


def test_a_delisted_market_stays_as_it_was_settled(floor):
    exchange, _, _ = floor
    exchange.operators.delist("BTC")
    exchange.quote("BTC", quotes(("70000", "1")), quotes(("70001", "1")))
    exchange.trade("BTC", "B", D(70_001), D(1))
    exchange.set_oracle("BTC", D(70_000))
    assert exchange.l2("BTC")["levels"] == [[], []]
    assert exchange.asset_ctx("BTC")["oraclePx"] == "80000.0"


def test_positions_settle_at_the_oracles_average_of_the_last_hour(floor):
    exchange, _, _ = floor
    exchange.advance(START_MS + 1_800_000)
    exchange.set_oracle("BTC", D(82_000))
    exchange.advance(START_MS + 3_600_000)
    assert exchange.operators.delist("BTC") == D(81_000)


def test_a_delisting_on_a_builders_dex_settles_in_that_dexs_cash(floor):
    exchange, trader, _ = floor
    coin = next(name for name in exchange.universe.by_name if ":" in name)
    account = exchange._venue.accounts[trader.user]
    account.on(coin.partition(":")[0]).raw_usd += 100_000
    asset = exchange.universe.asset_ids[coin]
    px = exchange.universe.by_name[coin].reference_px
    exchange.set_oracle(coin, px)
    exchange.quote(coin, [], [(px, D(10), 1)])
    status = trader.order("B", f"{px.normalize():f}", "1", IOC, asset=asset)
    assert "filled" in status, status
    before = account.raw_usd
    assert exchange.operators.delist(coin) == px
    assert (account.position_size(coin), account.raw_usd) == (0, before)


def test_a_twap_does_not_trade_while_only_post_only_orders_are_taken(floor):
    exchange, trader, _ = floor
    twap = {"a": 0, "b": True, "s": "0.05", "r": False, "m": 5, "t": False}
    assert trader.post({"type": "twapOrder", "twap": twap})["status"] == "ok"
    exchange.operators.upgrade(40_000)
    for second in range(1, 40):
        exchange.advance(START_MS + second * 1_000)
    assert trader.position() == 0
    for second in range(40, 400):
        exchange.advance(START_MS + second * 1_000)
    assert trader.position() == D("0.05")
