"""Cases: sub-accounts and vaults, which others' keys trade (protocol sections 3.7, 2.14)."""

from eth_account import Account

from tests.conformance.case_agents import approved_agent, usdc
from tests.conformance.cases import subject
from tests.conformance.desk import Desk
from tests.conformance.sdk import DEFAULT, Trader, next_millisecond

families = subject("sub-accounts and vaults")


def rich(desk: Desk) -> Trader:
    """An account that has traded more than 100 000."""
    trader = Trader(desk, "1000000")
    for side in "BA":
        trader.take("BTC", side, 1)
    return trader


def with_sub_account(desk: Desk) -> tuple[Trader, Trader]:
    """A master and its sub-account, the latter with 5000 USDC."""
    master = rich(desk)
    answer = master.do("create_sub_account", "second")
    assert answer["status"] == "ok", answer
    address = answer["response"]["data"]
    assert master.do("sub_account_transfer", address, True, 5_000_000_000) == DEFAULT
    return master, Trader(desk, None, wallet=master.wallet, vault=address)


@families("createSubAccount: needs 100 000 of volume")
def sub_account_gate(desk: Desk) -> None:
    text = "Cannot create sub-accounts until enough volume traded. Required: $100000. Traded: $0.0."
    assert Trader(desk).do("create_sub_account", "second") == {"status": "err", "response": text}


@families("createSubAccount: answers with the address, listed by subAccounts and userRole")
def sub_account_created(desk: Desk) -> None:
    master = rich(desk)
    answer = master.do("create_sub_account", "second")
    assert answer["response"]["type"] == "createSubAccount"
    address = answer["response"]["data"]
    (row,) = desk.info.query_sub_accounts(master.address)
    assert (row["name"], row["subAccountUser"], row["master"]) == ("second", address, master.address)
    assert list(row) == ["name", "subAccountUser", "master", "clearinghouseState", "spotState"]
    assert desk.info.user_role(address) == {"role": "subAccount", "data": {"master": master.address}}


@families("subAccountTransfer: to the sub-account and back")
def sub_account_transfer(desk: Desk) -> None:
    master, sub = with_sub_account(desk)
    assert sub.state()["withdrawable"] == "5000.0"
    assert master.do("sub_account_transfer", sub.address, False, 1_000_000_000) == DEFAULT
    assert sub.state()["withdrawable"] == "4000.0"


@families("vaultAddress: the master trades its sub-account")
def sub_account_trades(desk: Desk) -> None:
    master, sub = with_sub_account(desk)
    sub.rest("BTC", "B", 79000, 0.01)
    assert len(desk.info.open_orders(sub.address)) == 1
    assert desk.info.open_orders(master.address) == []


@families("vaultAddress: the master's agent trades the sub-account, too")
def sub_account_agent(desk: Desk) -> None:
    master, sub = with_sub_account(desk)
    agent = approved_agent(master)
    trader = Trader(desk, None, wallet=agent.wallet, vault=sub.address)
    trader.rest("BTC", "B", 79000, 0.01)
    assert len(desk.info.open_orders(sub.address)) == 1


@families("vaultAddress: a stranger's sub-account or vault is not registered to the signer")
def sub_account_foreign(desk: Desk) -> None:
    _, sub = with_sub_account(desk)
    thief = Trader(desk, None, wallet=Account.create(), vault=sub.address)
    answer = thief.do("order", "BTC", True, 0.01, 79000, {"limit": {"tif": "Gtc"}})
    assert answer == {"status": "err", "response": f"Vault not registered: {sub.address}"}
    assert desk.info.open_orders(sub.address) == []


@families("vaultAddress: one that is none")
def unknown_vault(desk: Desk) -> None:
    address = "0x" + "1" * 40
    trader = Trader(desk, None, vault=address)
    answer = trader.do("order", "BTC", True, 0.01, 79000, {"limit": {"tif": "Gtc"}})
    assert answer == {"status": "err", "response": f"Vault not registered: {address}"}


@families("vaultTransfer to what is no vault")
def no_vault(desk: Desk) -> None:
    address = "0x" + "1" * 40
    answer = Trader(desk).do("vault_usd_transfer", address, True, 5_000_000)
    assert answer == {"status": "err", "response": f"Vault not registered: {address}"}


@families("vaultDetails of what is no vault is null")
def no_vault_details(desk: Desk) -> None:
    assert desk.info.post("/info", {"type": "vaultDetails", "vaultAddress": "0x" + "1" * 40}) is None


@families("subAccountSpotTransfer: spot USDC to the sub-account")
def sub_account_spot(desk: Desk) -> None:
    master, sub = with_sub_account(desk)
    master.do("usd_class_transfer", 500, False)
    token = f"USDC:{desk.spot_meta['tokens'][0]['tokenId']}"
    assert master.do("sub_account_spot_transfer", sub.address, True, token, 100) == DEFAULT
    assert usdc(desk, sub) == 100


@families("two sub-accounts of one master have budgets and nonces of one signer")
def one_signer(desk: Desk) -> None:
    master, sub = with_sub_account(desk)
    next_millisecond()
    sub.rest("BTC", "B", 79000, 0.01)
    master.rest("BTC", "B", 79000, 0.01)
    assert desk.info.user_rate_limit(sub.address)["nRequestsUsed"] == 1


def with_vault(desk: Desk) -> tuple[Trader, Trader]:
    """A leader and its vault with 1000 USDC."""
    leader = Trader(desk)
    answer = leader.act(
        {"type": "createVault", "name": "Tidal", "description": "in and out", "initialUsd": 1_000_000_000}
    )
    assert answer["status"] == "ok", answer
    return leader, Trader(desk, None, wallet=leader.wallet, vault=answer["response"]["data"])


@families("createVault: an account of the role vault with the leader's deposit")
def vault_created(desk: Desk) -> None:
    leader, vault = with_vault(desk)
    assert desk.info.user_role(vault.address) == {"role": "vault"}
    assert vault.state()["marginSummary"]["accountValue"] == "1000.0"
    (row,) = desk.info.user_vault_equities(leader.address)
    assert (row["vaultAddress"], row["equity"]) == (vault.address, "1000.0")


@families("vaultAddress: the leader trades the vault")
def vault_trades(desk: Desk) -> None:
    leader, vault = with_vault(desk)
    vault.rest("BTC", "B", 79000, 0.01)
    assert len(desk.info.open_orders(vault.address)) == 1
    assert desk.info.open_orders(leader.address) == []


@families("vaultTransfer: a follower's deposit is his equity, in the vault's books and in his ledger")
def vault_followed(desk: Desk) -> None:
    _, vault = with_vault(desk)
    follower = Trader(desk, "1000")
    assert follower.do("vault_usd_transfer", vault.address, True, 500_000_000) == DEFAULT
    assert desk.info.user_vault_equities(follower.address)[0]["equity"] == "500.0"
    assert vault.state()["marginSummary"]["accountValue"] == "1500.0"
    delta = desk.info.user_non_funding_ledger_updates(follower.address, 0)[-1]["delta"]
    assert (delta["type"], delta["vault"], delta["usdc"]) == ("vaultDeposit", vault.address, "500.0")


@families("vaultDetails: rates and shares are numbers, followers' money strings")
def vault_details(desk: Desk) -> None:
    leader, vault = with_vault(desk)
    details = desk.info.post("/info", {"type": "vaultDetails", "vaultAddress": vault.address})
    assert (details["name"], details["vaultAddress"], details["leader"]) == ("Tidal", vault.address, leader.address)
    for key in ("apr", "leaderFraction", "leaderCommission", "maxDistributable", "maxWithdrawable"):
        assert isinstance(details[key], int | float), key
    assert all(isinstance(row["vaultEquity"], str) for row in details["followers"])
    assert details["relationship"]["type"] == "normal"


@families("vaultTransfer: within the lockup a follower gets nothing back")
def vault_locked(desk: Desk) -> None:
    _, vault = with_vault(desk)
    follower = Trader(desk, "1000")
    follower.do("vault_usd_transfer", vault.address, True, 500_000_000)
    assert follower.do("vault_usd_transfer", vault.address, False, 100_000_000)["status"] == "err"
    desk.wait(86_401)
    assert follower.do("vault_usd_transfer", vault.address, False, 100_000_000) == DEFAULT
    assert follower.state()["withdrawable"] == "600.0"
