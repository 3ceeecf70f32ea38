"""agents.py: approving, replacing, removing and pruning keys that sign for an account."""

from decimal import Decimal

import pytest

from tests.localnet.floor import START_MS, Trader, quiet_floor
from tests.localnet.masters import approve_agent, sign_and_act
from tidegate.localnet.kernel import agents, sub_accounts
from tidegate.localnet.kernel.accounts import DAY_MS
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.kernel.venue import Venue

D = Decimal
NOOP = {"type": "noop"}
DEFAULT = {"status": "ok", "response": {"type": "default"}}


def address(number):
    return f"0x{number:040x}"


def missing(trader):
    return {"status": "err", "response": f"User or API Wallet {trader.user} does not exist."}


@pytest.fixture
def venue():
    return Venue(default_universe(), START_MS)


@pytest.fixture
def account(venue):
    return venue.deposit(address(1), D(1))


@pytest.fixture
def master():
    return Trader(quiet_floor(), 1)


@pytest.fixture
def agent(master):
    """A key whose own account is not on this floor."""
    key = Trader(quiet_floor(), 9)
    key.exchange = master.exchange
    return key


def test_an_account_has_one_unnamed_and_three_named_agents(venue, account):
    assert agents.approve(venue, account, address(2), "") is None
    assert agents.approve(venue, account, address(3), "") is None
    assert venue.agents_of(account.user).keys() == {address(3)}, "a new unnamed agent replaces the old one"
    for number in range(agents.NAMED_MAX):
        assert agents.approve(venue, account, address(10 + number), f"bot{number}") is None
    text = agents.approve(venue, account, address(20), "bot9")
    assert text == "Too many extra agents for cumulative volume traded. Current limit is 3"
    assert agents.approve(venue, account, address(20), "bot1") is None
    assert address(11) not in venue.agents


def test_two_more_agents_may_be_named_for_every_sub_account(venue, account):
    sub_accounts.create(venue, account, "a")
    for number in range(agents.NAMED_MAX + agents.NAMED_MORE_A_SUB_ACCOUNT):
        assert agents.approve(venue, account, address(10 + number), f"bot{number}") is None
    assert agents.approve(venue, account, address(20), "one more").endswith("Current limit is 5")


@pytest.mark.parametrize(
    "name", ["x" * 17, "bot valid_until soon", "bot valid_until ²", "bot valid_until " + "9" * 5_000]
)
def test_an_agents_name_is_short_and_its_expiry_a_number(venue, account, name):
    assert agents.approve(venue, account, address(2), name) == "Invalid agent name."


@pytest.mark.parametrize("ahead_ms", [0, -1, agents.VALID_MAX_MS + 1])
def test_an_agent_is_valid_for_180_days_at_most(venue, account, ahead_ms):
    name = f"bot valid_until {venue.now_ms + ahead_ms}"
    assert agents.approve(venue, account, address(2), name) == "Agent valid_until already expired."


def test_an_agent_without_an_expiry_is_valid_for_90_days(venue, account):
    agents.approve(venue, account, address(2), "bot")
    assert venue.agents[address(2)].valid_until_ms == venue.now_ms + 90 * DAY_MS


def test_an_account_or_another_agent_cannot_become_an_agent(venue, account):
    agents.approve(venue, account, address(2), "")
    assert agents.approve(venue, account, address(1), "me") == "Extra agent already used."
    assert agents.approve(venue, account, address(2), "again") == "Extra agent already used."


def test_an_agent_trades_for_its_master_with_nonces_of_its_own(master, agent):
    assert approve_agent(master, agent.wallet.address, "bot") == DEFAULT
    assert master.post(NOOP, nonce=START_MS + 500) == DEFAULT
    assert agent.post(NOOP, nonce=START_MS + 500) == DEFAULT
    assert agent.ask("userRole") == {"role": "agent", "data": {"user": master.user}}
    (row,) = master.ask("extraAgents")
    assert row == {"name": "bot", "address": agent.user, "validUntil": START_MS + 90 * DAY_MS}


def test_the_unnamed_agent_is_not_listed(master, agent):
    assert approve_agent(master, agent.wallet.address) == DEFAULT
    assert agent.post(NOOP) == DEFAULT
    assert master.ask("extraAgents") == []


def test_the_zero_address_removes_the_agent_of_a_name(master, agent):
    approve_agent(master, agent.wallet.address, "bot")
    assert approve_agent(master, agents.NOBODY, "bot") == DEFAULT
    assert agent.post(NOOP) == missing(agent), "not even welcomed as a newcomer"
    assert master.ask("extraAgents") == []


def test_the_nonces_of_an_agent_are_dropped_with_it(master, agent):
    approve_agent(master, agent.wallet.address, "bot")
    assert agent.post(NOOP, nonce=START_MS + 5) == DEFAULT
    assert agent.post(NOOP, nonce=START_MS + 5)["status"] == "err"
    approve_agent(master, agents.NOBODY, "bot")
    approve_agent(master, agent.wallet.address, "bot")
    assert agent.post(NOOP, nonce=START_MS + 5) == DEFAULT, "an old action can be replayed: never reuse an agent"


def test_an_expired_agent_does_not_exist(master, agent):
    approve_agent(master, agent.wallet.address, f"bot valid_until {START_MS + 10}")
    assert agent.post(NOOP) == DEFAULT
    master.exchange.advance(START_MS + 10)
    assert agent.ask("userRole") == {"role": "missing"}
    assert master.ask("extraAgents") == []
    assert agent.post(NOOP) == missing(agent)


def test_the_agents_of_an_empty_account_are_pruned(agent):
    poor = Trader(agent.exchange, 7, usdc="0")
    approve_agent(poor, agent.wallet.address, "bot")
    assert agent.post(NOOP) == missing(agent)


def test_an_agent_cannot_approve_an_agent(master, agent):
    approve_agent(master, agent.wallet.address, "bot")
    refused = {"status": "err", "response": f"Must deposit before performing actions. User: {agent.user}"}
    assert approve_agent(agent, address(77), "mine") == refused
    fee = {"type": "approveBuilderFee", "maxFeeRate": "0.001%", "builder": address(5)}
    assert sign_and_act(agent, fee) == refused
    assert agent.post({"type": "reserveRequestWeight", "weight": 1}) == refused
