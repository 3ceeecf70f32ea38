"""The wire's words: number format, key order, the bytes of a request."""

import json
from decimal import Decimal

import pytest
from hyperliquid.utils.signing import float_to_wire, order_wires_to_order_action
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidegate.hyperliquid.signing import Signer
from tidegate.hyperliquid.wire import action_of, envelope, wire_number
from tidegate.model.intents import Grouping, PlaceOrders

KEY = "0x" + "11" * 32


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("80000", "80000"),
        ("80000.0", "80000"),
        ("1E+4", "10000"),
        ("0.0010", "0.001"),
        ("1E-8", "0.00000001"),
        ("0.100000000000", "0.1"),
        ("0", "0"),
        ("-0.0", "0"),
        ("0E+3", "0"),
        ("-1.50", "-1.5"),
        ("123456789012345678901234567890.5", "123456789012345678901234567890.5"),
    ],
)
def test_numbers_are_plain_and_carry_no_trailing_zeros(value, text):
    assert wire_number(Decimal(value)) == text


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity", "1E-9", "0.123456789"])
def test_what_would_have_to_be_rounded_is_refused(value):
    with pytest.raises(ValueError, match=r"finite|decimals"):
        wire_number(Decimal(value))


@given(st.decimals("0", "9999999", places=8))
def test_the_sdk_writes_the_same_number(value):
    assert wire_number(value) == float_to_wire(float(value))


def test_an_order_has_the_exchanges_key_order(make, instruments):
    action = action_of(make.place(make.order(1), make.stop(2)), instruments)
    assert json.dumps(action) == json.dumps(
        order_wires_to_order_action(
            [
                {
                    "a": 3,
                    "b": True,
                    "p": "70415",
                    "s": "0.01",
                    "r": False,
                    "t": {"limit": {"tif": "Ioc"}},
                    "c": make.cloid(1),
                },
                {
                    "a": 3,
                    "b": False,
                    "p": "61200",
                    "s": "0.01",
                    "r": True,
                    "t": {"trigger": {"isMarket": True, "triggerPx": "68000", "tpsl": "sl"}},
                    "c": make.cloid(2),
                },
            ]
        )
    )


def test_the_grouping_of_an_entry_with_its_exits_is_kept(make, instruments):
    orders = (make.order(1), make.stop(2))
    wish = PlaceOrders(
        coin="BTC",
        orders=orders,
        expires_ms=1,
        signal_id="",
        reason="",
        grouping=Grouping.ENTRY_WITH_EXITS,
    )
    assert action_of(wish, instruments)["grouping"] == "normalTpsl"


def test_a_cancel_names_its_orders_by_cloid(make, instruments):
    assert action_of(make.cancel(7, 8), instruments) == {
        "type": "cancelByCloid",
        "cancels": [{"asset": 3, "cloid": make.cloid(7)}, {"asset": 3, "cloid": make.cloid(8)}],
    }


def test_leverage_is_set_on_cross_margin(make, instruments):
    action = action_of(make.leverage, instruments)
    assert json.dumps(action) == '{"type": "updateLeverage", "asset": 3, "isCross": true, "leverage": 5}'


def test_the_asset_number_comes_from_the_newest_metadata(make, instruments):
    moved = {"BTC": type(instruments["BTC"])(coin="BTC", asset=9, size_decimals=5, leverage_max=40)}
    assert action_of(make.place(make.order()), moved)["orders"][0]["a"] == 9


def test_a_coin_without_metadata_has_no_action(make):
    with pytest.raises(KeyError):
        action_of(make.place(make.order()), {})


def test_the_body_is_the_signed_action_and_nothing_else(make, instruments):
    signer = Signer(KEY, mainnet=False)
    action = action_of(make.place(make.order()), instruments)
    made = envelope(signer, action, 1700000000000, "0x" + "AB" * 20, 1700000015000)
    body = json.loads(made.body)
    assert list(body) == ["action", "nonce", "signature", "vaultAddress", "expiresAfter"]
    assert body["action"] == action
    assert list(body["action"]) == list(action)
    assert body["vaultAddress"] == "0x" + "ab" * 20
    assert body["expiresAfter"] == made.expires_ms == 1700000015000
    assert body["nonce"] == made.nonce == 1700000000000
    assert body["signature"] == signer.sign_l1(action, 1700000000000, "0x" + "ab" * 20, 1700000015000)


def test_an_envelope_never_prints_its_signature(make, instruments):
    signer = Signer(KEY, mainnet=False)
    made = envelope(signer, action_of(make.leverage, instruments), 5, None, None)
    signature = json.loads(made.body)["signature"]
    assert signature["r"] not in repr(made)
    assert signature["s"] not in f"{made}"


def test_recorded_requests_recover_to_the_wallet_that_signed_them(sample):
    from eth_account import Account
    from eth_account.messages import encode_typed_data
    from hyperliquid.utils.signing import construct_phantom_agent, l1_payload

    from tidegate.hyperliquid.signing import action_hash

    for name in ("order", "modify", "batchModify", "cancel.error", "twapOrder", "scheduleCancel.error"):
        body = sample(f"rest/exchange.{name}.json")["request"]
        digest = action_hash(body["action"], body["nonce"], body.get("vaultAddress"), body.get("expiresAfter"))
        typed = encode_typed_data(full_message=l1_payload(construct_phantom_agent(digest, False)))
        signature = body["signature"]
        signer = Account.recover_message(typed, vrs=(signature["v"], int(signature["r"], 16), int(signature["s"], 16)))
        assert signer == "0x4A1AE5A6cFB24390a704b1cc1aB88d0F89eF596B"


def test_isolated_margin_is_asked_for_in_the_same_action(instruments, make):
    assert action_of(replace(make.leverage, cross=False), instruments)["isCross"] is False
