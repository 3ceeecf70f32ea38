"""admission.py: from a signature to the account that acts."""

from decimal import Decimal

import pytest
from eth_account import Account as Wallet
from hyperliquid.utils import signing as sdk

from tests.localnet.floor import IOC, START_MS, Trader, order, quiet_floor
from tests.localnet.masters import approve_agent
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe

D = Decimal
NOOP = {"type": "noop"}
DEFAULT = {"status": "ok", "response": {"type": "default"}}


def err(text):
    return {"status": "err", "response": text}


@pytest.fixture
def master():
    trader = Trader(quiet_floor(), 1)
    trader.exchange.volume_gates = False
    return trader


@pytest.fixture
def sub_account(master):
    address = master.post({"type": "createSubAccount", "name": "second"})["response"]["data"]
    move = {"type": "subAccountTransfer", "subAccountUser": address, "isDeposit": True, "usd": 1_000_000_000}
    assert master.post(move) == DEFAULT
    return address


def state_of(trader, user):
    return trader.exchange.info({"type": "clearinghouseState", "user": user}).body


def test_a_master_trades_its_sub_account_by_its_address(master, sub_account):
    action = {"type": "order", "orders": [order("B", "80001", "0.01", IOC)], "grouping": "na"}
    assert "filled" in master.post(action, vaultAddress=sub_account)["response"]["data"]["statuses"][0]
    assert state_of(master, sub_account)["assetPositions"][0]["position"]["szi"] == "0.01"
    assert state_of(master, master.user)["assetPositions"] == []


def test_an_agent_of_the_master_trades_the_sub_account_too(master, sub_account):
    agent = Trader(quiet_floor(), 9)
    agent.exchange = master.exchange
    approve_agent(master, agent.wallet.address, "bot")
    action = {"type": "order", "orders": [order("B", "79000", "0.01")], "grouping": "na"}
    answer = agent.post(action, vaultAddress=sub_account)
    oid = answer["response"]["data"]["statuses"][0]["resting"]["oid"]
    orders = master.exchange.info({"type": "openOrders", "user": sub_account}).body
    assert [row["oid"] for row in orders] == [oid]


def test_a_sub_account_has_a_budget_of_requests_of_its_own(master, sub_account):
    before = master.ask("userRateLimit")["nRequestsUsed"]
    master.post(NOOP, vaultAddress=sub_account)
    assert master.ask("userRateLimit")["nRequestsUsed"] == before
    assert master.exchange.info({"type": "userRateLimit", "user": sub_account}).body["nRequestsUsed"] == 1


def test_nobody_acts_for_an_account_that_is_not_theirs(master, sub_account):
    other = Trader(master.exchange, 2)
    for named in (sub_account, master.user, other.user, "0x" + "ab" * 20):
        assert other.post(NOOP, vaultAddress=named) == err(f"Vault not registered: {named}")


def test_an_agent_signs_for_its_master_although_its_key_has_money_of_its_own(master):
    agent = Trader(quiet_floor(), 9)
    approve_agent(master, agent.wallet.address, "bot")
    agent.exchange = master.exchange
    master.exchange.fund(agent.user, D(100))
    agent.post(NOOP)
    assert master.ask("userRateLimit")["nRequestsUsed"] == 2
    assert agent.ask("userRateLimit")["nRequestsUsed"] == 0


def test_a_user_signed_action_carries_the_nonce_of_its_envelope(master):
    action = {"type": "approveAgent", "agentAddress": "0x" + "12" * 20, "agentName": "bot", "nonce": START_MS + 1}
    signature = sdk.sign_agent(master.wallet, action, False)
    body = {"action": action, "nonce": START_MS + 2, "signature": signature}
    assert master.exchange.act(body).body["response"].startswith("Invalid nonce")
    assert master.exchange.act({**body, "nonce": START_MS + 1}).body == DEFAULT


def test_vault_and_expiry_of_a_user_signed_action_mean_nothing(master, sub_account):
    action = {"type": "approveAgent", "agentAddress": "0x" + "12" * 20, "agentName": "bot", "nonce": START_MS + 50}
    signature = sdk.sign_agent(master.wallet, action, False)
    body = {"action": action, "nonce": START_MS + 50, "signature": signature}
    assert master.exchange.act({**body, "vaultAddress": sub_account, "expiresAfter": 1}).body == DEFAULT
    assert [row["name"] for row in master.ask("extraAgents")] == ["bot"]


def test_an_action_signed_for_mainnet_is_somebody_elses(master):
    signature = sdk.sign_l1_action(master.wallet, NOOP, None, START_MS + 70, None, True)
    exchange = Exchange(default_universe(), start_ms=START_MS, fund_on_first_action=False)
    exchange.fund(master.user, D(1))
    answer = exchange.act({"action": NOOP, "nonce": START_MS + 70, "signature": signature}).body
    assert answer["response"].startswith("User or API Wallet 0x")
    assert master.user not in answer["response"]


def test_without_a_welcome_a_new_master_must_deposit_first():
    exchange = Exchange(default_universe(), start_ms=START_MS, fund_on_first_action=False)
    wallet = Wallet.from_key(f"0x{5:064x}")
    action = {"type": "approveAgent", "agentAddress": "0x" + "12" * 20, "agentName": "bot", "nonce": START_MS}
    body = {"action": action, "nonce": START_MS, "signature": sdk.sign_agent(wallet, action, False)}
    text = f"Must deposit before performing actions. User: {wallet.address.lower()}"
    assert exchange.act(body).body == err(text)


def test_a_noop_with_the_nonce_of_an_order_on_its_way_kills_the_order(master):
    nonce = START_MS + 99
    assert master.post(NOOP, nonce=nonce) == DEFAULT
    action = {"type": "order", "orders": [order("B", "79000", "0.01")], "grouping": "na"}
    assert master.post(action, nonce=nonce) == err(f"Invalid nonce: duplicate nonce {nonce}")
    assert master.ask("openOrders") == []
