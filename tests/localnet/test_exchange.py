"""exchange.py: the kernel as the market and the doors use it."""

import time
from decimal import Decimal

import pytest

from tests.localnet.floor import IOC, START_MS, Tape, Trader, order, quiet_floor, quote_around, quotes
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe

D = Decimal


def test_time_never_runs_backwards():
    exchange = quiet_floor()
    exchange.advance(START_MS + 10)
    exchange.advance(START_MS + 5)
    assert exchange.now_ms == START_MS + 10


def test_marks_are_refreshed_when_three_seconds_have_passed():
    exchange = quiet_floor()
    quote_around(exchange, 80_100)
    exchange.trade("BTC", "B", D(80_101), D("0.1"))
    tape = Tape()
    exchange.feed.append(tape)
    exchange.advance(START_MS + 2_999)
    assert tape.contexts == []
    exchange.advance(START_MS + 3_000)
    assert tape.contexts == ["BTC"]


def test_every_oracle_price_is_told():
    exchange = quiet_floor()
    tape = Tape()
    exchange.feed.append(tape)
    exchange.set_oracle("BTC", D(80_000))
    assert tape.contexts == ["BTC"]
    assert exchange.asset_ctx("BTC")["oraclePx"] == "80000.0"


def test_a_house_trade_stops_at_its_limit_and_at_its_size():
    exchange = quiet_floor(sz="1")
    exchange.trade("BTC", "B", D(80_002), D(5))
    assert [row["px"] for row in exchange.recent_trades("BTC")] == ["80002.0", "80001.0"]
    exchange.trade("BTC", "A", D(79_999), D("0.25"))
    assert exchange.recent_trades("BTC")[0]["sz"] == "0.25"


def test_an_unchanged_quote_tells_nobody():
    exchange = quiet_floor()
    tape = Tape()
    exchange.feed.append(tape)
    quote_around(exchange, 80_000)
    assert tape.books == []
    quote_around(exchange, 80_001)
    assert tape.books == ["BTC"]


def test_a_quote_replaces_the_last_one():
    exchange = quiet_floor()
    exchange.quote("BTC", quotes(("79000", "1")), [])
    assert exchange.l2("BTC")["levels"] == [[{"px": "79000.0", "sz": "1.0", "n": 1}], []]
    assert exchange.bbo("BTC")["bbo"][1] is None


def test_a_snapshot_has_at_most_the_asked_depth():
    exchange = quiet_floor()
    assert [len(side) for side in exchange.l2("BTC", 5)["levels"]] == [5, 5]
    assert [len(side) for side in exchange.l2("BTC")["levels"]] == [10, 10]


def test_a_snapshot_is_new_when_the_book_or_the_time_is():
    exchange = quiet_floor()
    first = exchange.l2("BTC")
    exchange.advance(START_MS + 1)
    second = exchange.l2("BTC")
    assert (first["time"], second["time"]) == (START_MS, START_MS + 1)
    assert first["levels"] == second["levels"]
    exchange.trade("BTC", "B", D(80_001), D(1))
    assert exchange.l2("BTC")["levels"] != first["levels"]


def test_mids_cover_perps_and_spot_pairs():
    mids = quiet_floor().mids()
    assert mids["BTC"] == "80000.0"
    assert mids["@107"] == "37.827"
    assert len(mids) == len(default_universe().perps) + len(default_universe().spots)


def test_a_mid_between_two_ticks_has_a_digit_more():
    exchange = quiet_floor()
    exchange.quote("BTC", quotes(("79999", "1")), quotes(("80000", "1")))
    assert exchange.mids()["BTC"] == "79999.5"


def test_fills_of_a_stranger_are_empty():
    assert quiet_floor().fills("0x" + "0" * 40) == []


def conversation():
    exchange = quiet_floor()
    told = []

    class Scribe(Tape):
        def on_order_update(self, user, updates):
            told.append((user, updates))

        def on_trades(self, coin, trades):
            told.append((coin, trades))

    exchange.feed.append(Scribe())
    trader = Trader(exchange, 1)
    told.append(trader.orders([order("B", "80003", "0.5", IOC), order("B", "79990", "0.1")]))
    exchange.advance(START_MS + 4_000)
    quote_around(exchange, 79_950)
    exchange.trade("BTC", "A", D(79_940), D(3))
    told.append(trader.ask("clearinghouseState"))
    told.append(exchange.asset_ctx("BTC"))
    return told


def test_the_same_calls_give_the_same_bytes():
    assert conversation() == conversation()


def test_a_signed_order_costs_well_under_a_millisecond():
    """Compared with the SDK's check of the signature alone, so that a slow machine does not fail it."""
    from hyperliquid.utils.signing import recover_agent_or_user_from_l1_action, sign_l1_action

    exchange = quiet_floor(sz="1000")
    trader = Trader(exchange, 1)
    action = {"type": "order", "orders": [order("B", "80001", "0.001", IOC)], "grouping": "na"}
    bodies = []
    for nonce in range(START_MS + 1, START_MS + 101):
        signature = sign_l1_action(trader.wallet, action, None, nonce, None, False)
        bodies.append({"action": action, "nonce": nonce, "signature": signature})
    started = time.perf_counter()
    for body in bodies:
        exchange.act(body)
    ours_s = time.perf_counter() - started
    started = time.perf_counter()
    for body in bodies:
        recover_agent_or_user_from_l1_action(action, body["signature"], None, body["nonce"], None, False)
    assert ours_s < time.perf_counter() - started


@pytest.mark.parametrize("coin", ["MATIC", "UNIBOT"])
def test_a_delisted_coin_keeps_its_price(coin):
    exchange = Exchange(default_universe(), start_ms=START_MS)
    exchange.advance(START_MS + 10_000)
    assert exchange.asset_ctx(coin)["midPx"] is None
    assert exchange.knows_coin(coin)
