"""venue.py: numbering, open interest."""

from decimal import Decimal

from tests.localnet.floor import IOC, Trader, quiet_floor
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.kernel.venue import TID_BITS, Venue

D = Decimal


def test_names_follow_from_counters():
    first, second = Venue(default_universe(), 1_000), Venue(default_universe(), 2_000)
    names = [(each.next_oid(), each.next_hash(), each.next_tid()) for each in (first, second)]
    assert names[0] == names[1]
    assert len(names[0][1]) == 66
    assert 0 <= names[0][2] < 2**TID_BITS
    assert first.next_hash() != names[0][1]


def test_open_interest_counts_every_long_once():
    exchange = quiet_floor()
    before = D(exchange.asset_ctx("BTC")["openInterest"])
    Trader(exchange, 1).order("B", "80001", "0.5", IOC)
    Trader(exchange, 2).order("A", "79999", "0.2", IOC)
    assert D(exchange.asset_ctx("BTC")["openInterest"]) - before == D("0.5")
