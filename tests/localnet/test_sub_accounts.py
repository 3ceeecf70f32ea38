"""sub_accounts.py: accounts without keys and the money between them and their master."""

from decimal import Decimal

import pytest

from tests.localnet.floor import IOC, Trader, quiet_floor
from tidegate.localnet.kernel.sub_accounts import SUB_ACCOUNTS_FIRST

D = Decimal
DEFAULT = {"status": "ok", "response": {"type": "default"}}


def err(text):
    return {"status": "err", "response": text}


@pytest.fixture
def master():
    trader = Trader(quiet_floor(), 1)
    trader.exchange.volume_gates = False
    return trader


def create(trader, name):
    return trader.post({"type": "createSubAccount", "name": name})


def move(trader, user, usd, *, is_deposit=True):
    action = {"type": "subAccountTransfer", "subAccountUser": user, "isDeposit": is_deposit, "usd": usd}
    return trader.post(action)


def withdrawable(trader, user):
    return D(trader.exchange.info({"type": "clearinghouseState", "user": user}).body["withdrawable"])


def test_a_sub_account_asks_for_a_traded_volume(master):
    master.exchange.volume_gates = True
    text = "Cannot create sub-accounts until enough volume traded. Required: $100000. Traded: $0.0."
    assert create(master, "a") == err(text)
    master.order("B", "80001", "2", IOC)
    assert create(master, "a")["status"] == "ok"


def test_a_new_sub_account_is_listed_with_both_sides(master):
    assert master.ask("subAccounts") is None
    answer = create(master, "second")
    user = answer["response"]["data"]
    assert answer["response"]["type"] == "createSubAccount"
    (row,) = master.ask("subAccounts")
    assert list(row) == ["name", "subAccountUser", "master", "clearinghouseState", "spotState"]
    assert (row["name"], row["subAccountUser"], row["master"]) == ("second", user, master.user)
    (row,) = master.ask("subAccounts2")
    assert row["dexToClearinghouseState"][0][0] == ""
    role = master.exchange.info({"type": "userRole", "user": user}).body
    assert role == {"role": "subAccount", "data": {"master": master.user}}


def test_money_goes_there_and_back_and_both_ledgers_tell(master):
    user = create(master, "second")["response"]["data"]
    before = withdrawable(master, master.user)
    assert move(master, user, 250_500_000) == DEFAULT
    assert withdrawable(master, user) == D("250.5")
    assert withdrawable(master, master.user) == before - D("250.5")
    assert move(master, user, 50_000_000, is_deposit=False) == DEFAULT
    assert withdrawable(master, user) == D("200.5")
    for who in (master.user, user):
        body = {"type": "userNonFundingLedgerUpdates", "user": who, "startTime": 0}
        deltas = [row["delta"] for row in master.exchange.info(body).body]
        there = {"type": "subAccountTransfer", "usdc": "250.5", "user": master.user, "destination": user}
        back = {"type": "subAccountTransfer", "usdc": "50.0", "user": user, "destination": master.user}
        assert [delta for delta in deltas if delta["type"] == "subAccountTransfer"] == [there, back]


def test_more_than_there_is_does_not_move(master):
    user = create(master, "second")["response"]["data"]
    for usd in (0, -5, 10**12):
        assert move(master, user, usd) == err("Insufficient balance for withdrawal")
    assert move(master, user, 1, is_deposit=False) == err("Insufficient balance for withdrawal")


def test_somebody_elses_sub_account_cannot_be_reached(master):
    user = create(master, "second")["response"]["data"]
    other = Trader(master.exchange, 2)
    assert move(other, user, 1) == err(f"Invalid sub-account transfer from {other.user} to {user}")
    rename = {"type": "subAccountModify", "subAccountUser": user, "name": "mine"}
    assert other.post(rename)["status"] == "err"
    assert master.post(rename) == DEFAULT
    assert master.ask("subAccounts")[0]["name"] == "mine"


@pytest.mark.parametrize("name", ["", "x" * 17])
def test_a_sub_accounts_name_is_short(master, name):
    assert create(master, name)["status"] == "err"


def test_names_and_numbers_of_sub_accounts_are_limited(master):
    for number in range(SUB_ACCOUNTS_FIRST):
        assert create(master, f"sub {number}")["status"] == "ok"
    assert create(master, "sub 0") == err("Sub-account name already in use.")
    assert create(master, "one more") == err("Too many sub-accounts.")


def test_a_sub_account_has_none_of_its_own(master):
    user = create(master, "second")["response"]["data"]
    answer = master.post({"type": "createSubAccount", "name": "third"}, vaultAddress=user)
    assert answer["status"] == "err"


def test_spot_tokens_move_too(master):
    user = create(master, "second")["response"]["data"]
    venue = master.exchange._venue
    token = venue.universe.spots[0].base
    venue.accounts[master.user].add(token.index, D(5))
    action = {
        "type": "subAccountSpotTransfer",
        "subAccountUser": user,
        "isDeposit": True,
        "token": token.wire_id,
        "amount": "2",
    }
    assert master.post(action) == DEFAULT
    assert venue.accounts[user].balance_of(token.index) == 2
    assert venue.accounts[master.user].balance_of(token.index) == 3
    assert master.post({**action, "amount": "4"}) == err("Insufficient balance for token transfer")
    assert master.post({**action, "token": "NOPE:0x00"}) == err("Invalid send")
