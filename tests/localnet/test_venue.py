"""venue.py: numbering, agents, open interest."""

from decimal import Decimal

import pytest

from tests.localnet.floor import IOC, Trader, quiet_floor
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.kernel.venue import NAMED_AGENTS_MAX, TID_BITS, Venue

D = Decimal


@pytest.fixture
def venue():
    return Venue(default_universe(), 1_000)


def agent(number):
    return f"0x{number:040x}"


def test_names_follow_from_counters():
    first, second = Venue(default_universe(), 1_000), Venue(default_universe(), 2_000)
    names = [(each.next_oid(), each.next_hash(), each.next_tid()) for each in (first, second)]
    assert names[0] == names[1]
    assert len(names[0][1]) == 66
    assert 0 <= names[0][2] < 2**TID_BITS
    assert first.next_hash() != names[0][1]


def test_an_account_has_one_unnamed_and_three_named_agents(venue):
    account = venue.deposit(agent(1), D(1))
    assert venue.approve_agent(account, agent(2), "") is None
    assert venue.approve_agent(account, agent(3), "") is None
    assert venue.agents_of(account.user).keys() == {agent(3)}, "a new unnamed agent replaces the old one"
    for number in range(NAMED_AGENTS_MAX):
        assert venue.approve_agent(account, agent(10 + number), f"bot{number}") is None
    assert venue.approve_agent(account, agent(20), "bot9") is not None
    assert venue.approve_agent(account, agent(20), "bot1") is None
    assert agent(11) not in venue.agents


@pytest.mark.parametrize("name", ["x" * 17, "bot valid_until soon"])
def test_an_agents_name_is_short_and_its_expiry_a_number(venue, name):
    account = venue.deposit(agent(1), D(1))
    assert venue.approve_agent(account, agent(2), name) == "Invalid agent name."


def test_an_account_or_another_agent_cannot_become_an_agent(venue):
    account = venue.deposit(agent(1), D(1))
    venue.approve_agent(account, agent(2), "")
    assert venue.approve_agent(account, agent(1), "me") is not None
    assert venue.approve_agent(account, agent(2), "again") is not None


def test_open_interest_counts_every_long_once():
    exchange = quiet_floor()
    before = D(exchange.asset_ctx("BTC")["openInterest"])
    Trader(exchange, 1).order("B", "80001", "0.5", IOC)
    Trader(exchange, 2).order("A", "79999", "0.2", IOC)
    assert D(exchange.asset_ctx("BTC")["openInterest"]) - before == D("0.5")
