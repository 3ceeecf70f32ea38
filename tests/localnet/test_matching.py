"""matching.py: who trades with whom, what is printed, what each side's fill says."""

from decimal import Decimal

from tests.localnet.floor import ALO, IOC, START_MS, Tape, Trader, order, quiet_floor, quotes
from tidegate.localnet.kernel.venue import HOUSE_MAKER, HOUSE_TAKER

D = Decimal


def test_a_taker_gets_the_resting_price_level_by_level():
    exchange = quiet_floor(sz="0.01")
    trader = Trader(exchange, 1)
    assert trader.order("B", "80010", "0.015", IOC)["filled"] == {
        "totalSz": "0.015",
        "avgPx": "80001.3",
        "oid": 100000000001,
    }
    assert [(fill["px"], fill["sz"]) for fill in trader.ask("userFills")] == [
        ("80002.0", "0.005"),
        ("80001.0", "0.01"),
    ]


def test_a_print_names_buyer_then_seller_and_the_aggressors_side():
    exchange = quiet_floor()
    tape = Tape()
    exchange.feed.append(tape)
    trader = Trader(exchange, 1)
    trader.order("A", "79999", "0.01", IOC)
    (row,) = tape.trades
    assert (row["side"], row["users"]) == ("A", [HOUSE_MAKER, trader.user])
    assert list(row) == ["coin", "side", "px", "sz", "time", "hash", "tid", "users"]
    exchange.trade("BTC", "B", D(80001), D("0.5"))
    assert tape.trades[-1]["users"] == [HOUSE_TAKER, HOUSE_MAKER]


def test_both_sides_of_a_trade_share_hash_tid_and_time():
    exchange = quiet_floor()
    maker, taker = Trader(exchange, 1), Trader(exchange, 2)
    maker.order("B", "80000", "0.02", ALO)
    taker.order("A", "80000", "0.01", IOC)
    made, took = maker.ask("userFills")[0], taker.ask("userFills")[0]
    assert [made[key] == took[key] for key in ("hash", "tid", "time", "px", "sz")] == [True] * 5
    assert (made["crossed"], took["crossed"]) == (False, True)
    assert (made["fee"], took["fee"]) == ("0.12", "0.36")


def test_house_size_that_stood_first_fills_before_a_later_client():
    exchange = quiet_floor(sz="0.01")
    trader = Trader(exchange, 1)
    trader.order("B", "79999", "0.01", ALO)
    exchange.trade("BTC", "A", D(79999), D("0.01"))
    assert trader.position() == 0
    exchange.trade("BTC", "A", D(79999), D("0.004"))
    assert trader.position() == D("0.004")


def test_a_house_quote_through_a_client_trades_at_the_clients_price():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    trader.order("B", "80000", "0.01", ALO)
    exchange.quote("BTC", quotes(("79900", "1")), quotes(("79990", "1")))
    assert trader.ask("userFills")[0]["px"] == "80000.0"
    assert exchange.l2("BTC")["levels"][1][0] == {"px": "79990.0", "sz": "0.99", "n": 1}


def test_of_several_crossing_house_quotes_the_best_takes_first():
    exchange = quiet_floor()
    exchange.quote("BTC", [], [])
    trader = Trader(exchange, 1)
    trader.orders([order("A", "80003", "0.01", ALO), order("A", "80004", "0.01", ALO)])
    exchange.quote("BTC", quotes(("80003", "0.01"), ("80005", "0.01")), [])
    assert [fill["px"] for fill in trader.ask("userFills")] == ["80003.0"]
    assert exchange.bbo("BTC")["bbo"][0]["px"] == "80003.0"


def test_an_account_never_trades_with_itself():
    """Section 3.9: the resting order is canceled, the taker goes on; no fee, no print."""
    exchange = quiet_floor()
    tape = Tape()
    exchange.feed.append(tape)
    trader = Trader(exchange, 1)
    oid = trader.order("A", "80000", "0.01", ALO)["resting"]["oid"]
    answer = trader.order("B", "80001", "0.01", IOC)
    assert answer["filled"]["avgPx"] == "80001.0"
    assert (oid, "selfTradeCanceled") in tape.statuses(trader.user)
    assert tape.events == [(trader.user, {"nonUserCancel": [{"coin": "BTC", "oid": oid}]})]
    assert len(tape.trades) == 1


def test_a_resting_order_that_its_account_cannot_pay_for_any_more_is_canceled():
    exchange = quiet_floor()
    poor, other = Trader(exchange, 1, usdc="1000"), Trader(exchange, 2)
    oid = poor.order("B", "79990", "0.2", ALO)["resting"]["oid"]
    poor.exchange.fund(poor.user, D(-900))
    exchange.quote("BTC", [], [])
    tape = Tape()
    exchange.feed.append(tape)
    other.order("A", "79990", "0.2", IOC)
    assert tape.statuses(poor.user) == [(oid, "marginCanceled")]
    assert poor.position() == 0


def test_partial_fills_of_a_resting_order_are_told_by_fills_only():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    oid = trader.order("B", "80000", "0.02", ALO)["resting"]["oid"]
    tape = Tape()
    exchange.feed.append(tape)
    exchange.trade("BTC", "A", D(80000), D("0.005"))
    assert tape.statuses(trader.user) == []
    assert trader.ask("openOrders")[0]["sz"] == "0.015"
    exchange.trade("BTC", "A", D(80000), D("0.015"))
    assert tape.statuses(trader.user) == [(oid, "filled")]


def test_a_fill_carries_its_cloid_only_when_there_is_one():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    trader.order("B", "80001", "0.01", IOC)
    trader.order("B", "80001", "0.01", IOC, cloid=f"0x{5:032x}")
    newest, oldest = trader.ask("userFills")
    assert newest["cloid"] == f"0x{5:032x}"
    assert "cloid" not in oldest


def test_every_event_of_one_call_has_the_exchanges_time():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    exchange.advance(START_MS + 77)
    trader.order("B", "80001", "0.01", IOC)
    assert trader.ask("userFills")[0]["time"] == START_MS + 77
    assert exchange.recent_trades("BTC")[0]["time"] == START_MS + 77
