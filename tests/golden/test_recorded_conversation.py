"""Signed requests that were sent to the testnet in May 2026, sent again as they were: same signer, same answers.

The exchange is built from the recorded testnet universe and numbers orders as the recording does, so that answers
are equal to the byte where nothing else depends on the moment.
"""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from eth_account import Account as Wallet

from tests.golden.recordings import needs_samples, recorded, same_shape
from tests.localnet.floor import START_MS, Trader, quiet_floor
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel import modes
from tidegate.localnet.kernel.instruments import MarginTable, MarginTier, PerpRule, flat_table
from tidegate.localnet.kernel.universe import Universe, default_universe

pytestmark = needs_samples

D = Decimal
SIGNER = "0x4a1ae5a6cfb24390a704b1cc1ab88d0f89ef596b"
PURR_ON_TESTNET = "0xc4bf3f870c0e9465323c0b6ed28096c2"
FIRST_OID = 53244215259
BTC_PX = D(78_230)  # the recorded bids lie 10 and 11 percent below it


def recorded_universe() -> Universe:
    """The recorded universe of the testnet, in which BTC is asset 3."""
    meta = recorded("meta.testnet_full")["response"]
    tables = {
        table_id: MarginTable(
            table_id,
            table["description"],
            tuple(MarginTier(D(tier["lowerBound"]), tier["maxLeverage"]) for tier in table["marginTiers"]),
        )
        for table_id, table in meta["marginTables"]
    }
    spots = default_universe()
    return Universe(
        perps=tuple(
            PerpRule(
                row["name"],
                row["szDecimals"],
                row["maxLeverage"],
                tables.get(row["marginTableId"]) or flat_table(row["maxLeverage"]),
                BTC_PX if row["name"] == "BTC" else D(1),
                is_delisted=row.get("isDelisted", False),
                margin_mode=row.get("marginMode"),
            )
            for row in meta["universe"]
        ),
        spots=spots.spots,
        tokens=tuple(
            replace(token, token_id=PURR_ON_TESTNET) if token.name == "PURR" else token for token in spots.tokens
        ),
    )


def recorded_testnet(name: str, **settings: bool) -> Exchange:
    """The testnet at the moment of a recorded request, its sender with money and a quoted BTC book."""
    exchange = Exchange(recorded_universe(), start_ms=recorded(name)["request"]["nonce"], **settings)
    exchange._venue._next_oid = FIRST_OID
    exchange.quote("BTC", [(BTC_PX - 1, D(5), 1)], [(BTC_PX + 1, D(5), 1)])
    exchange.set_oracle("BTC", BTC_PX)
    exchange.fund(SIGNER, D(1000))
    return exchange


def send(exchange: Exchange, name: str):
    """Send one recorded request as it was."""
    request = recorded(name)["request"]
    exchange.advance(request["nonce"])
    return exchange.act(request).body


def test_the_recorded_universe_is_described_as_it_was():
    theirs = recorded("meta.testnet_full")["response"]
    ours = recorded_universe().meta()
    names = [name for name, row in zip(theirs["universe"], ours["universe"], strict=True) if name != row]
    assert names == []
    listed = dict(theirs["marginTables"])
    assert all(listed[table_id] == table for table_id, table in ours["marginTables"])


def test_place_modify_modify_a_batch_and_cancel():
    exchange = recorded_testnet("exchange.order")
    assert send(exchange, "exchange.order") == recorded("exchange.order")["response"]
    assert send(exchange, "exchange.modify") == recorded("exchange.modify")["response"]
    theirs = recorded("exchange.batchModify")["response"]
    ours = send(exchange, "exchange.batchModify")
    same_shape(ours, theirs)
    gone, changed = ours["response"]["data"]["statuses"]
    assert gone == theirs["response"]["data"]["statuses"][0]
    assert changed["resting"]["oid"] > FIRST_OID + 1
    assert send(exchange, "exchange.cancel.error") == recorded("exchange.cancel.error")["response"]


def test_a_twap_runs():
    exchange = recorded_testnet("exchange.twapOrder")
    same_shape(send(exchange, "exchange.twapOrder"), recorded("exchange.twapOrder")["response"])


STANDARD_MODE = [
    "exchange.modify.error",
    "exchange.updateIsolatedMargin.error",
    "exchange.vaultTransfer.error",
    "exchange.usdClassTransfer.wrong_signer",
]
UNIFIED_MODE = [
    "exchange.usdClassTransfer.error",
    "exchange.spotSend.error",
    "exchange.sendAsset.error",
    "exchange.subAccountTransfer.error",
]
GATES = ["exchange.scheduleCancel.error", "exchange.createSubAccount.error"]


@pytest.mark.parametrize("name", STANDARD_MODE)
def test_what_was_refused_is_refused_in_the_same_words(name):
    exchange = recorded_testnet(name, fund_on_first_action=False)
    assert send(exchange, name) == recorded(name)["response"]


@pytest.mark.parametrize("name", UNIFIED_MODE)
def test_what_a_unified_account_was_refused_is_refused_in_the_same_words(name):
    exchange = recorded_testnet(name)
    modes.switch(exchange._venue.accounts[SIGNER], "unifiedAccount")
    assert send(exchange, name) == recorded(name)["response"]


@pytest.mark.parametrize("name", GATES)
def test_gates_by_volume_name_what_was_traded(name):
    exchange = recorded_testnet(name)
    exchange._venue.accounts[SIGNER].volume = D("250.35")
    assert send(exchange, name) == recorded(name)["response"]


def test_a_cancel_succeeds_as_recorded():
    trader = Trader(quiet_floor(), 1)
    oid = trader.order("B", "79000", "0.01")["resting"]["oid"]
    answer = trader.post({"type": "cancel", "cancels": [{"a": 0, "o": oid}]})
    assert answer == recorded("exchange.cancel.success.response")["response"]


def test_a_stranger_is_told_the_recorded_words():
    exchange = Exchange(default_universe(), start_ms=START_MS, fund_on_first_action=False)
    trader = Trader(exchange, 1)
    stranger = Wallet.from_key(f"0x{99:064x}")
    trader.wallet = stranger
    theirs = recorded("exchange.unknown_wallet.response")["response"]
    named = re.sub(r"0x[0-9a-f]{40}", stranger.address.lower(), theirs["response"])
    assert trader.post({"type": "noop"}) == {**theirs, "response": named}


def test_a_signature_that_is_none_is_told_the_recorded_words():
    signature = {"r": "0x0", "s": "0x0", "v": 27}
    body = {"action": {"type": "noop"}, "nonce": START_MS, "signature": signature}
    assert quiet_floor().act(body).body == recorded("exchange.bad_signature.response")["response"]
