"""Cases: agents, transfers, sub-accounts and vaults, builder fees (protocol sections 3.7, 2.14)."""

from eth_account import Account

from tests.conformance.cases import subject
from tests.conformance.desk import D, Desk
from tests.conformance.sdk import DEFAULT, Trader, next_millisecond

agents = subject("agents")
transfers = subject("transfers")
families = subject("sub-accounts and vaults")

DAY_MS = 86_400_000
UNIFIED = "Action disabled when unified account is active"


def approved_agent(master: Trader, name: str | None = None) -> Trader:
    """The master's new agent, trading for it."""
    answer, key = master.do("approve_agent", name)
    assert answer == DEFAULT, answer
    return Trader(master.desk, None, wallet=Account.from_key(key), account=master.address)


@agents("approveAgent without a name: the agent trades the master's account")
def unnamed_agent(desk: Desk) -> None:
    master = Trader(desk)
    agent = approved_agent(master)
    oid = agent.rest("BTC", "B", 79000, 0.01)
    assert [row["oid"] for row in desk.info.open_orders(master.address)] == [oid]


@agents("approveAgent with a name: it is listed in extraAgents")
def named_agent(desk: Desk) -> None:
    master = Trader(desk)
    agent = approved_agent(master, "robot")
    agent.rest("BTC", "B", 79000, 0.01)
    (row,) = desk.info.extra_agents(master.address)
    assert (row["name"], row["address"]) == ("robot", agent.wallet.address.lower())
    assert list(row) == ["name", "address", "validUntil"]


@agents("userRole of an agent names its master")
def agent_role(desk: Desk) -> None:
    master = Trader(desk)
    agent = approved_agent(master)
    assert desk.info.user_role(agent.wallet.address) == {"role": "agent", "data": {"user": master.address}}


@agents("an account query by the agent's own address is empty")
def agent_has_no_account(desk: Desk) -> None:
    master = Trader(desk)
    agent = approved_agent(master)
    agent.rest("BTC", "B", 79000, 0.01)
    assert desk.info.open_orders(agent.wallet.address) == []
    assert desk.info.user_state(agent.wallet.address)["marginSummary"]["accountValue"] == "0.0"


@agents("a new unnamed agent replaces the old one", fund_on_first_action=False)
def agent_replaced(desk: Desk) -> None:
    master = Trader(desk)
    old = approved_agent(master)
    new = approved_agent(master)
    new.rest("BTC", "B", 79000, 0.01)
    answer = old.do("order", "BTC", True, 0.01, 79000, {"limit": {"tif": "Gtc"}})
    address = old.wallet.address.lower()
    assert answer == {"status": "err", "response": f"User or API Wallet {address} does not exist."}


@agents("the same name replaces its agent, three names may be in use")
def agent_names(desk: Desk) -> None:
    master = Trader(desk)
    for name in ("one", "two", "three", "two"):
        approved_agent(master, name)
    assert sorted(row["name"] for row in desk.info.extra_agents(master.address)) == ["one", "three", "two"]
    answer, _ = master.do("approve_agent", "four")
    assert answer["status"] == "err"
    assert answer["response"].startswith("Too many extra agents")


@agents("a name with valid_until expires", fund_on_first_action=False)
def agent_expires(desk: Desk) -> None:
    master = Trader(desk)
    until_ms = desk.now_ms + 60_000
    agent = approved_agent(master, f"robot valid_until {until_ms}")
    agent.rest("BTC", "B", 79000, 0.01)
    assert desk.info.extra_agents(master.address)[0]["validUntil"] == until_ms
    desk.wait(61)
    answer = agent.do("order", "BTC", True, 0.01, 79000, {"limit": {"tif": "Gtc"}})
    assert answer["status"] == "err"


@agents("an agent may not sign what the master must sign")
def agent_may_not_pay(desk: Desk) -> None:
    master = Trader(desk)
    agent = approved_agent(master)
    answer = agent.do("usd_transfer", 5, Account.create().address)
    address = agent.wallet.address.lower()
    assert answer == {"status": "err", "response": f"Must deposit before performing actions. User: {address}"}
    assert desk.info.user_state(master.address)["withdrawable"] == "100000.0"


@agents("approveBuilderFee: the fee is capped by it and asked with maxBuilderFee")
def builder_fee(desk: Desk) -> None:
    trader, builder = Trader(desk), Trader(desk)
    assert trader.do("approve_builder_fee", builder.address, "0.05%") == DEFAULT
    assert trader.ask("maxBuilderFee", builder=builder.address) == 50
    assert trader.ask("approvedBuilders") == [builder.address]


@agents("an order without the builder's approval is refused")
def builder_not_approved(desk: Desk) -> None:
    trader, builder = Trader(desk), Trader(desk)
    terms = {"b": builder.address, "f": 10}
    statuses = trader.statuses("order", "BTC", True, 0.01, 80500, {"limit": {"tif": "Ioc"}}, builder=terms)
    assert statuses == [{"error": "Builder fee has not been approved"}]


@agents("a builder's fee is in the fill, inside the fee")
def builder_paid(desk: Desk) -> None:
    trader, builder = Trader(desk), Trader(desk)
    trader.do("approve_builder_fee", builder.address, "0.1%")
    terms = {"b": builder.address, "f": 10}
    trader.statuses("order", "BTC", True, 0.1, 80500, {"limit": {"tif": "Ioc"}}, builder=terms)
    (fill,) = desk.info.user_fills(trader.address)
    assert D(fill["builderFee"]) == D("0.80001")
    assert D(fill["fee"]) == D("3.600045") + D("0.80001")


@agents("setReferrer with a code that nobody has is refused")
def referrer(desk: Desk) -> None:
    trader = Trader(desk)
    assert trader.do("set_referrer", "ASDFASDF")["status"] == "err"
    assert desk.info.query_referral_state(trader.address)["referredBy"] is None


@transfers("usdClassTransfer: perp to spot and back, with ledger rows")
def class_transfer(desk: Desk) -> None:
    trader = Trader(desk, "1000")
    assert trader.do("usd_class_transfer", 400, False) == DEFAULT
    assert trader.state()["withdrawable"] == "600.0"
    assert usdc(desk, trader) == 400
    assert trader.do("usd_class_transfer", 150, True) == DEFAULT
    assert usdc(desk, trader) == 250
    deltas = [row["delta"] for row in desk.info.user_non_funding_ledger_updates(trader.address, 0)]
    assert deltas[-1] == {"type": "accountClassTransfer", "usdc": "150.0", "toPerp": True}


@transfers("usdClassTransfer: more than there is is refused")
def class_transfer_too_much(desk: Desk) -> None:
    trader = Trader(desk, "1000")
    assert trader.do("usd_class_transfer", 4000, False)["status"] == "err"
    assert trader.state()["withdrawable"] == "1000.0"


@transfers("usdSend: the receiver has it, both have a row")
def usd_send(desk: Desk) -> None:
    sender, receiver = Trader(desk, "1000"), Trader(desk, "10")
    assert sender.do("usd_transfer", 100, receiver.address) == DEFAULT
    assert receiver.state()["withdrawable"] == "110.0"
    for trader in (sender, receiver):
        delta = desk.info.user_non_funding_ledger_updates(trader.address, 0)[-1]["delta"]
        assert (delta["type"], delta["usdc"]) == ("internalTransfer", "100.0")


@transfers("usdSend: more than is withdrawable is refused")
def usd_send_too_much(desk: Desk) -> None:
    sender, receiver = Trader(desk, "1000"), Trader(desk, "10")
    answer = sender.do("usd_transfer", 1_000_000, receiver.address)
    assert answer["status"] == "err"
    assert receiver.state()["withdrawable"] == "10.0"


@transfers("withdraw3: the amount and a dollar are gone, a row says so")
def withdraw(desk: Desk) -> None:
    trader = Trader(desk, "1000")
    assert trader.do("withdraw_from_bridge", 100, trader.address) == DEFAULT
    delta = desk.info.user_non_funding_ledger_updates(trader.address, 0)[-1]["delta"]
    assert delta["type"] == "withdraw"
    assert list(delta) == ["type", "usdc", "nonce", "fee"]
    assert trader.state()["withdrawable"] == "900.0"
    assert D(delta["usdc"]) + D(delta["fee"]) == 100


@transfers("withdraw3: insufficient balance")
def withdraw_too_much(desk: Desk) -> None:
    answer = Trader(desk, "1000").do("withdraw_from_bridge", 100_000, "0x" + "1" * 40)
    assert answer == {"status": "err", "response": "Insufficient balance for withdrawal"}


@transfers("spotSend: a token moves")
def spot_send(desk: Desk) -> None:
    sender, receiver = Trader(desk, "1000"), Trader(desk, "10")
    sender.do("usd_class_transfer", 400, False)
    token = f"USDC:{desk.spot_meta['tokens'][0]['tokenId']}"
    assert sender.do("spot_transfer", 100, receiver.address, token) == DEFAULT
    assert usdc(desk, receiver) == 100


@transfers("spotSend: insufficient balance")
def spot_send_too_much(desk: Desk) -> None:
    sender, receiver = Trader(desk, "1000"), Trader(desk, "10")
    token = f"USDC:{desk.spot_meta['tokens'][0]['tokenId']}"
    answer = sender.do("spot_transfer", 100, receiver.address, token)
    assert answer == {"status": "err", "response": "Insufficient balance for token transfer"}


@transfers("sendAsset: from perps to spot of another account")
def send_asset(desk: Desk) -> None:
    sender, receiver = Trader(desk, "1000"), Trader(desk, "10")
    token = f"USDC:{desk.spot_meta['tokens'][0]['tokenId']}"
    assert sender.do("send_asset", receiver.address, "", "spot", token, 100) == DEFAULT
    assert usdc(desk, receiver) == 100
    assert sender.state()["withdrawable"] == "900.0"


@transfers("a unified account refuses class transfers")
def unified_class_transfer(desk: Desk) -> None:
    trader = Trader(desk, "1000")
    assert trader.do("user_set_abstraction", trader.address, "unifiedAccount") == DEFAULT
    assert desk.info.query_user_abstraction_state(trader.address) == "unifiedAccount"
    answer = trader.do("usd_class_transfer", 100, False)
    assert answer == {"status": "err", "response": UNIFIED}


@transfers("agentSetAbstraction changes the master's mode")
def agent_abstraction(desk: Desk) -> None:
    master = Trader(desk)
    agent = approved_agent(master)
    assert agent.do("agent_set_abstraction", "u") == DEFAULT
    assert desk.info.query_user_abstraction_state(master.address) == "unifiedAccount"


def usdc(desk: Desk, trader: Trader) -> D:
    """The account's spot USDC."""
    rows = desk.info.spot_user_state(trader.address)["balances"]
    return next((D(row["total"]) for row in rows if row["coin"] == "USDC"), D(0))


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
