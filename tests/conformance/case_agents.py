"""Cases: agents, builder fees and transfers (protocol sections 3.7, 2.14)."""

from eth_account import Account

from tests.conformance.cases import subject
from tests.conformance.desk import D, Desk
from tests.conformance.sdk import DEFAULT, Trader

agents = subject("agents")
transfers = subject("transfers")

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
