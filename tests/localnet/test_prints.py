"""Prints in which no account here had a part."""

from decimal import Decimal

from tests.localnet.floor import Tape, quiet_floor
from tidegate.localnet.kernel.prints import Elsewhere

D = Decimal


def test_the_house_with_itself_prints_the_same_whether_it_was_matched_or_not():
    """Somebody who looked at the touch has laid it out: then the book matches level by level."""
    seen = []
    for looks in (False, True):
        exchange, tape = quiet_floor(), Tape()
        exchange.feed.append(tape)
        for side, px, sz in (("B", 80_001, "0.3"), ("A", 79_999, "0.2"), ("B", 80_003, "10")):
            if looks:
                exchange.bbo("BTC")
            exchange.trade("BTC", side, D(px), D(sz))
        seen.append((tape.trades, tape.books, exchange.l2("BTC"), exchange.asset_ctx("BTC")))
    assert seen[0] == seen[1]
    assert [row["sz"] for row in seen[0][0]] == ["0.3", "0.2", "9.7", "0.3"]


def test_a_trade_from_elsewhere_is_printed_and_nothing_is_matched():
    exchange, tape = quiet_floor(), Tape()
    exchange.feed.append(tape)
    before = exchange.l2("BTC")["levels"]
    exchange.report(Elsewhere("BTC", "A", D(79_000), D(3), "0xfe", 77, ("0xaa", "0xbb")))
    (row,) = tape.trades
    assert row == {
        "coin": "BTC",
        "side": "A",
        "px": "79000.0",
        "sz": "3.0",
        "time": exchange.now_ms,
        "hash": "0xfe",
        "tid": 77,
        "users": ["0xaa", "0xbb"],
    }
    assert exchange.recent_trades("BTC")[0] == row
    assert exchange.l2("BTC")["levels"] == before
