"""Transfers: between places, to others, out; their refusals and their ledger rows."""

from decimal import Decimal
from typing import Any

import pytest
from hyperliquid.utils.signing import (
    sign_l1_action,
    sign_send_asset_action,
    sign_spot_transfer_action,
    sign_usd_class_transfer_action,
    sign_usd_transfer_action,
    sign_withdraw_from_bridge_action,
)

from tests.localnet.floor import IOC, START_MS, Trader, quiet_floor
from tidegate.localnet.exchange import Exchange

D = Decimal
OK = {"status": "ok", "response": {"type": "default"}}
OTHER = "0x00000000000000000000000000000000000000aa"
PURR = "PURR:0xc1fb593aeffbeb02f85e0308e9956a90"
USDC = "USDC:0x6d1e7cde53ba9467b783cb7c530ce054"
SIGN = {
    "usdClassTransfer": (sign_usd_class_transfer_action, "nonce"),
    "usdSend": (sign_usd_transfer_action, "time"),
    "spotSend": (sign_spot_transfer_action, "time"),
    "withdraw3": (sign_withdraw_from_bridge_action, "time"),
    "sendAsset": (sign_send_asset_action, "nonce"),
}


def send(trader: Trader, kind: str, **fields: Any) -> Any:
    """Sign and carry out a user-signed action."""
    sign, time_key = SIGN[kind]
    trader.nonce += 1
    action = {"type": kind, **fields, time_key: trader.nonce}
    signature = sign(trader.wallet, action, False)
    return trader.exchange.act({"action": action, "nonce": trader.nonce, "signature": signature}).body


def refused(text: str) -> dict[str, str]:
    return {"status": "err", "response": text}


def spot_of(trader: Trader, token: str = "USDC") -> str:
    rows = trader.ask("spotClearinghouseState")["balances"]
    return next((row["total"] for row in rows if row["coin"] == token), "0.0")


def perp_of(trader: Trader, dex: str = "") -> str:
    return str(trader.ask("clearinghouseState", dex=dex)["marginSummary"]["accountValue"])


def ledger(trader: Trader) -> list[dict[str, Any]]:
    return [row["delta"] for row in trader.ask("userNonFundingLedgerUpdates", startTime=0)]


@pytest.fixture
def exchange() -> Exchange:
    return quiet_floor()


def test_usdc_moves_between_spot_and_perps_and_back(exchange):
    trader = Trader(exchange, 1, usdc="100")
    assert send(trader, "usdClassTransfer", amount="30.5", toPerp=False) == OK
    assert (perp_of(trader), spot_of(trader)) == ("69.5", "30.5")
    assert send(trader, "usdClassTransfer", amount="10", toPerp=True) == OK
    assert (perp_of(trader), spot_of(trader)) == ("79.5", "20.5")
    assert ledger(trader)[1:] == [
        {"type": "accountClassTransfer", "usdc": "30.5", "toPerp": False},
        {"type": "accountClassTransfer", "usdc": "10.0", "toPerp": True},
    ]


def test_more_than_is_there_does_not_move(exchange):
    trader = Trader(exchange, 1, usdc="100")
    no_withdrawal, no_transfer = "Insufficient balance for withdrawal", "Insufficient balance for token transfer"
    assert send(trader, "usdClassTransfer", amount="100.000001", toPerp=False) == refused(no_withdrawal)
    assert send(trader, "usdClassTransfer", amount="1", toPerp=True) == refused(no_transfer)
    assert send(trader, "usdSend", destination=OTHER, amount="101") == refused(no_withdrawal)
    assert send(trader, "withdraw3", destination=OTHER, amount="101") == refused(no_withdrawal)
    assert send(trader, "spotSend", destination=OTHER, token=PURR, amount="1") == refused(no_transfer)
    assert (perp_of(trader), spot_of(trader)) == ("100.0", "0.0")


def test_margin_in_use_stays(exchange):
    trader = Trader(exchange, 1, usdc="1000")
    trader.order("B", "80001", "0.1", IOC)
    free = trader.ask("clearinghouseState")["withdrawable"]
    assert D(free) < 400
    over = str(D(free) + D("0.000001"))
    assert send(trader, "usdClassTransfer", amount=over, toPerp=False)["status"] == "err"
    assert send(trader, "usdClassTransfer", amount=free, toPerp=False) == OK


@pytest.mark.parametrize("amount", ["0", "-1", "abc", "1e3000", "0.0000001", "NaN"])
def test_what_is_no_amount_is_an_invalid_send(exchange, amount):
    trader = Trader(exchange, 1)
    assert send(trader, "usdSend", destination=OTHER, amount=amount) == refused("Invalid send")
    assert send(trader, "usdClassTransfer", amount=amount, toPerp=False) == refused("Invalid send")


def test_a_sent_dollar_arrives_and_both_ledgers_tell_it(exchange):
    giver, taker = Trader(exchange, 1, usdc="100"), Trader(exchange, 2, usdc="5")
    assert send(giver, "usdSend", destination=taker.wallet.address, amount="12.25") == OK
    assert (perp_of(giver), perp_of(taker)) == ("87.75", "17.25")
    row = {"type": "internalTransfer", "usdc": "12.25", "user": giver.user, "destination": taker.user, "fee": "0.0"}
    assert ledger(giver)[-1] == ledger(taker)[-1] == row


def test_a_transfer_opens_the_account_of_its_destination(exchange):
    giver = Trader(exchange, 1, usdc="100")
    send(giver, "usdSend", destination=OTHER, amount="12")
    state = exchange.info({"type": "clearinghouseState", "user": OTHER}).body
    assert state["withdrawable"] == "12.0"


def test_a_spot_transfer_tells_its_worth_in_the_exchange_s_key_order(exchange):
    giver = Trader(exchange, 1)
    exchange.fund_spot(giver.user, "PURR", D(1000))
    assert send(giver, "spotSend", destination=OTHER, token=PURR, amount="100.5") == OK
    assert spot_of(giver, "PURR") == "899.5"
    row = ledger(giver)[-1]
    assert list(row) == [
        "type", "token", "amount", "usdcValue", "user", "destination", "fee", "nativeTokenFee", "nonce", "feeToken",
    ]  # fmt: skip
    assert (row["type"], row["token"], row["amount"], row["usdcValue"]) == ("spotTransfer", "PURR", "100.5", "6.746665")


def test_an_unknown_token_is_an_invalid_send(exchange):
    giver = Trader(exchange, 1)
    assert send(giver, "spotSend", destination=OTHER, token="PURR:0x00", amount="1") == refused("Invalid send")


def test_a_withdrawal_costs_a_dollar(exchange):
    trader = Trader(exchange, 1, usdc="100")
    assert send(trader, "withdraw3", destination=trader.user, amount="10") == OK
    assert perp_of(trader) == "90.0"
    row = ledger(trader)[-1]
    assert row == {"type": "withdraw", "usdc": "9.0", "nonce": trader.nonce * 1000, "fee": "1.0"}
    assert send(trader, "withdraw3", destination=trader.user, amount="1")["status"] == "err"


def test_send_asset_reaches_a_builder_s_dex_and_spot(exchange):
    trader = Trader(exchange, 1, usdc="100")
    me = {"destination": trader.user, "token": USDC, "fromSubAccount": ""}
    assert send(trader, "sendAsset", **me, sourceDex="", destinationDex="xyz", amount="40") == OK
    assert send(trader, "sendAsset", **me, sourceDex="xyz", destinationDex="spot", amount="15") == OK
    assert (perp_of(trader), perp_of(trader, "xyz"), spot_of(trader)) == ("60.0", "25.0", "15.0")
    row = ledger(trader)[-1]
    assert list(row) == [
        "type", "user", "destination", "sourceDex", "destinationDex", "token", "amount", "usdcValue", "fee",
        "nativeTokenFee", "nonce", "feeToken",
    ]  # fmt: skip
    assert (row["type"], row["sourceDex"], row["destinationDex"]) == ("send", "xyz", "spot")


def test_send_asset_to_the_same_place_of_the_same_account_is_invalid(exchange):
    trader = Trader(exchange, 1)
    exchange.fund_spot(trader.user, "USDC", D(5))
    places = {"sourceDex": "spot", "destinationDex": "spot", "fromSubAccount": ""}
    assert send(trader, "sendAsset", destination=trader.user, token=USDC, amount="0.1", **places) == refused(
        "Invalid send"
    )


@pytest.mark.parametrize(("dex", "token"), [("abc", USDC), ("xyz", PURR), ("", PURR)])
def test_a_perp_dex_takes_its_collateral_only(exchange, dex, token):
    trader = Trader(exchange, 1)
    exchange.fund_spot(trader.user, "USDC", D(5))
    exchange.fund_spot(trader.user, "PURR", D(5))
    places = {"sourceDex": "spot", "destinationDex": dex, "fromSubAccount": ""}
    assert send(trader, "sendAsset", destination=trader.user, token=token, amount="1", **places) == refused(
        "Invalid send"
    )


def test_an_agent_may_send_only_to_its_own_account(exchange):
    trader = Trader(exchange, 1, usdc="100")
    fields = {"sourceDex": "", "destinationDex": "spot", "token": USDC, "amount": "1", "fromSubAccount": ""}
    action = {"type": "agentSendAsset", "destination": OTHER, **fields, "nonce": START_MS}
    text = "Agent can only send asset to same user or their sub-accounts."
    assert trader.post(action) == refused(text)
    assert trader.post({**action, "destination": trader.user}) == OK
    assert spot_of(trader) == "1.0"


def test_a_transfer_signed_with_a_foreign_key_moves_nothing(exchange):
    trader, thief = Trader(exchange, 1, usdc="100"), Trader(exchange, 2, usdc="0")
    action = {"type": "usdSend", "destination": thief.user, "amount": "50", "time": START_MS + 1}
    signature = sign_l1_action(thief.wallet, action, None, START_MS + 1, None, False)
    exchange.act({"action": action, "nonce": START_MS + 1, "signature": signature})
    assert perp_of(trader) == "100.0"


@pytest.mark.parametrize("size", ["1e3000", "9e999999", "1e-999999", "0e99999"])
def test_a_size_beyond_all_reason_is_an_invalid_size(exchange, size):
    trader = Trader(exchange, 1)
    assert trader.order("B", "80001", size, IOC) == {"error": "Order has invalid size."}
    assert trader.order("B", "37", size, IOC, asset=10_107) == {"error": "Order has invalid size."}


@pytest.mark.parametrize(
    "amount", ["1e30", "9" * 40, "1e-7", "1_0", "\uff11\uff12", "NaN", "", "100000000000000000000000"]
)
def test_an_amount_that_no_balance_can_have_is_refused_and_not_choked_on(exchange, amount):
    trader = Trader(exchange, 1, usdc="100")
    assert send(trader, "usdSend", destination=OTHER, amount=amount) == refused("Invalid send")
    assert send(trader, "withdraw3", destination=OTHER, amount=amount) == refused("Invalid send")
    assert send(trader, "usdClassTransfer", amount=amount, toPerp=False) == refused("Invalid send")
    assert send(trader, "spotSend", destination=OTHER, token=USDC, amount=amount) == refused("Invalid send")
    assert perp_of(trader) == "100.0"


def test_the_ledger_is_read_five_hundred_rows_at_a_time(exchange):
    trader = Trader(exchange, 1, usdc="1")
    for _ in range(600):
        exchange.advance(exchange.now_ms + 1)
        exchange.fund(trader.user, D(1))
    first = trader.ask("userNonFundingLedgerUpdates", startTime=0)
    second = trader.ask("userNonFundingLedgerUpdates", startTime=first[-1]["time"] + 1)
    assert (len(first), len(second)) == (500, 101)
    assert exchange.info({"type": "userNonFundingLedgerUpdates", "startTime": 0}).status == 422
