"""signatures.py: who signed, by the published vectors and by the official SDK."""

import pytest
from eth_account import Account as Wallet
from hyperliquid.utils import signing as sdk
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.localnet.kernel.signatures import Signature, Unrecoverable, l1_signer, user_signer

ORDER = {
    "type": "order",
    "orders": [{"a": 1, "b": True, "p": "100", "s": "100", "r": False, "t": {"limit": {"tif": "Gtc"}}}],
    "grouping": "na",
}
OFFICIAL = "0x14791697260e4c9a71f18484c9f997b308e59325"
# Official vectors for nonce 0 on the test network (the SDK's tests/signing_test.py).
VECTORS = [
    (
        ORDER,
        None,
        "0x82b2ba28e76b3d761093aaded1b1cdad4960b3af30212b343fb2e6cdfa4e3d54",
        "0x6b53878fc99d26047f4d7e8c90eb98955a109f44209163f52d8dc4278cbbd9f5",
        27,
    ),
    (
        {**ORDER, "orders": [{**ORDER["orders"][0], "c": "0x00000000000000000000000000000001"}]},
        None,
        "0xeba0664bed2676fc4e5a743bf89e5c7501aa6d870bdb9446e122c9466c5cd16d",
        "0x7f3e74825c9114bc59086f1eebea2928c190fdfbfde144827cb02b85bbe90988",
        28,
    ),
    (
        {"type": "dummy", "num": 100000000000},
        "0x1719884eb866cb12b2287399b15f7db5e7d775ea",
        "0xe281d2fb5c6e25ca01601f878e4d69c965bb598b88fac58e475dd1f5e56c362b",
        "0x7ddad27e9a238d045c035bc606349d075d5c5cd00a6cd1da23ab5c39d4ef0f60",
        27,
    ),
    (
        {"type": "scheduleCancel", "time": 123456789},
        None,
        "0x4e4f2dbd4107c69783e251b7e1057d9f2b9d11cee213441ccfa2be63516dc5bc",
        "0x706c656b23428c8ba356d68db207e11139ede1670481a9e01ae2dfcdb0e1a678",
        27,
    ),
]


def wire(signed):
    return Signature(int(signed["r"], 16), int(signed["s"], 16), signed["v"])


@pytest.mark.parametrize(("action", "vault", "r", "s", "v"), VECTORS)
def test_the_official_vectors_recover_their_signer(action, vault, r, s, v):
    assert l1_signer(action, Signature(int(r, 16), int(s, 16), v), 0, vault) == OFFICIAL


def test_a_mainnet_signature_recovers_to_somebody_else():
    r = 0xD65369825A9DF5D80099E513CCE430311D7D26DDF477F5B3A33D2806B100D78E
    s = 0x2B54116FF64054968AA237C20CA9FF68000F977C93289157748A3162B6EA940E
    assert l1_signer(ORDER, Signature(r, s, 28), 0) != OFFICIAL


texts = st.text(st.characters(codec="utf-8"), max_size=40)
values = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**63), 2**64 - 1), texts, st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=20), st.dictionaries(texts, inner, max_size=20)),
    max_leaves=20,
)


@settings(max_examples=60)
@given(
    st.dictionaries(texts, values, max_size=8),
    st.integers(0, 2**63),
    st.one_of(st.none(), st.binary(min_size=20, max_size=20)),
    st.one_of(st.none(), st.integers(0, 2**63)),
    st.integers(1, 2**200),
)
def test_any_action_that_the_sdk_signs_recovers_its_signer(action, nonce, vault, expires, secret):
    wallet = Wallet.from_key(secret.to_bytes(32, "big"))
    vault_address = None if vault is None else "0x" + vault.hex()
    signed = sdk.sign_l1_action(wallet, action, vault_address, nonce, expires, False)
    assert l1_signer(action, wire(signed), nonce, vault_address, expires) == wallet.address.lower()


USER_ACTIONS = [
    (sdk.sign_usd_transfer_action, {"type": "usdSend", "destination": "0xabc", "amount": "1", "time": 5}),
    (
        sdk.sign_spot_transfer_action,
        {"type": "spotSend", "destination": "0xabc", "token": "PURR:0x1", "amount": "1", "time": 5},
    ),
    (
        sdk.sign_withdraw_from_bridge_action,
        {"type": "withdraw3", "destination": "0xa", "amount": "1", "time": 5},
    ),
    (
        sdk.sign_usd_class_transfer_action,
        {"type": "usdClassTransfer", "amount": "1", "toPerp": True, "nonce": 5},
    ),
    (
        sdk.sign_approve_builder_fee,
        {"type": "approveBuilderFee", "maxFeeRate": "0.001%", "builder": "0x" + "1" * 40, "nonce": 5},
    ),
    (
        sdk.sign_agent,
        {"type": "approveAgent", "agentAddress": "0x" + "2" * 40, "agentName": "bot", "nonce": 5},
    ),
]


@pytest.mark.parametrize(("sign", "action"), USER_ACTIONS, ids=[action["type"] for _, action in USER_ACTIONS])
def test_user_signed_actions_recover_their_signer(sign, action):
    wallet = Wallet.from_key(f"0x{7:064x}")
    signed = sign(wallet, action, False)
    assert user_signer(action, wire(signed)) == wallet.address.lower()


def test_an_unnamed_agent_is_signed_with_an_empty_name_and_sent_without():
    wallet = Wallet.from_key(f"0x{7:064x}")
    action = {"type": "approveAgent", "agentAddress": "0x" + "2" * 40, "agentName": "", "nonce": 5}
    signed = sdk.sign_agent(wallet, action, False)
    del action["agentName"]
    assert user_signer(action, wire(signed)) == wallet.address.lower()


@pytest.mark.parametrize("signature", [Signature(0, 0, 27), Signature(1, 2**256, 27), Signature(5, 5, 99)])
def test_what_is_no_signature_recovers_nobody(signature):
    with pytest.raises(Unrecoverable):
        l1_signer(ORDER, signature, 0)


@pytest.mark.parametrize("missing", ["signatureChainId", "amount"])
def test_a_user_signed_action_without_its_fields_recovers_nobody(missing):
    action = {
        "type": "usdSend",
        "destination": "0xa",
        "amount": "1",
        "time": 5,
        "hyperliquidChain": "Testnet",
    }
    action["signatureChainId"] = "0x66eee"
    del action[missing]
    with pytest.raises(Unrecoverable):
        user_signer(action, Signature(1, 1, 27))
