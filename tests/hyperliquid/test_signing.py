"""Signatures: the SDK is the judge, the protocol's test vectors the witnesses."""

import copy
import pickle
import time
from typing import Any

import pytest
from eth_account import Account
from hyperliquid.utils.signing import sign_l1_action
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.hyperliquid.signing import Signer, action_hash, address_bytes

KEY = "0xe908f86dbb4d55ac876378565aafeabc187f6690f046459397b17d9b9a19688e"
OFFICIAL_KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"
ORDER = {
    "type": "order",
    "orders": [{"a": 1, "b": True, "p": "1800", "s": "0.02", "r": False, "t": {"limit": {"tif": "Gtc"}}}],
    "grouping": "na",
}


def official_order(kind: dict[str, Any], **more: str) -> dict[str, Any]:
    wire = {"a": 1, "b": True, "p": "100", "s": "100", "r": False, "t": kind, **more}
    return {"type": "order", "orders": [wire], "grouping": "na"}


GTC = {"limit": {"tif": "Gtc"}}
STOP = {"trigger": {"isMarket": True, "triggerPx": "103", "tpsl": "sl"}}
VECTORS = [
    (
        "order",
        official_order(GTC),
        True,
        None,
        ("0xd65369825a9df5d80099e513cce430311d7d26ddf477f5b3a33d2806b100d78e", 28),
        "0x2b54116ff64054968aa237c20ca9ff68000f977c93289157748a3162b6ea940e",
    ),
    (
        "order on testnet",
        official_order(GTC),
        False,
        None,
        ("0x82b2ba28e76b3d761093aaded1b1cdad4960b3af30212b343fb2e6cdfa4e3d54", 27),
        "0x6b53878fc99d26047f4d7e8c90eb98955a109f44209163f52d8dc4278cbbd9f5",
    ),
    (
        "order with cloid",
        official_order(GTC, c="0x00000000000000000000000000000001"),
        False,
        None,
        ("0xeba0664bed2676fc4e5a743bf89e5c7501aa6d870bdb9446e122c9466c5cd16d", 28),
        "0x7f3e74825c9114bc59086f1eebea2928c190fdfbfde144827cb02b85bbe90988",
    ),
    (
        "trigger order",
        official_order(STOP),
        False,
        None,
        ("0x971c554d917c44e0e1b6cc45d8f9404f32172a9d3b3566262347d0302896a2e4", 28),
        "0x206257b104788f80450f8e786c329daa589aa0b32ba96948201ae556d5637eac",
    ),
    (
        "with a vault",
        {"type": "dummy", "num": 100000000000},
        False,
        "0x1719884eb866cb12b2287399b15f7db5e7d775ea",
        ("0xe281d2fb5c6e25ca01601f878e4d69c965bb598b88fac58e475dd1f5e56c362b", 27),
        "0x7ddad27e9a238d045c035bc606349d075d5c5cd00a6cd1da23ab5c39d4ef0f60",
    ),
    (
        "schedule cancel",
        {"type": "scheduleCancel", "time": 123456789},
        False,
        None,
        ("0x4e4f2dbd4107c69783e251b7e1057d9f2b9d11cee213441ccfa2be63516dc5bc", 27),
        "0x706c656b23428c8ba356d68db207e11139ede1670481a9e01ae2dfcdb0e1a678",
    ),
]


@pytest.mark.parametrize(
    ("action", "mainnet", "vault", "r_and_v", "s"),
    [vector[1:] for vector in VECTORS],
    ids=[v[0] for v in VECTORS],
)
def test_official_vectors_are_reproduced(action, mainnet, vault, r_and_v, s):
    signature = Signer(OFFICIAL_KEY, mainnet=mainnet).sign_l1(action, 0, vault, None)
    assert signature == {"r": r_and_v[0], "s": s, "v": r_and_v[1]}


def test_the_networks_letter_changes_the_signature_and_the_hash_is_the_documented_one():
    nonce = 1690393044548
    assert action_hash(ORDER, nonce, None, None).hex() == (
        "b8ed9e5a4ea7b2aebdb09fd794221c2599487f6dc8d3bf8f38656ab295f36120"
    )
    assert Signer(KEY, mainnet=True).sign_l1(ORDER, nonce, None, None) == {
        "r": "0x380b70e9e76181609c7d9f2ece74cf7717a0254f9d751137ffaedff685e81cc7",
        "s": "0x27c1e43069db58d728e996b91112aff57a24f3d9221635adc053f20aa4283ad8",
        "v": 27,
    }
    assert Signer(KEY, mainnet=False).sign_l1(ORDER, nonce, None, None) == {
        "r": "0xaf8ad82df72e75b2796098f8a7a14b132f325d3e47382efb61354af1cfba12ac",
        "s": "0x35331e2cbf487309c221b72b44b88ef8a3febee9b87cf70d692fc8c8b20c2065",
        "v": 27,
    }


def test_the_address_is_that_of_the_key_in_lower_case():
    assert Signer(KEY, mainnet=True).address == "0xcd49bbac6e85fdeb167eb7ca41a945d2b8758f6f"
    assert Signer(KEY[2:].upper(), mainnet=True).address == "0xcd49bbac6e85fdeb167eb7ca41a945d2b8758f6f"


words = st.text(max_size=40)
numbers = st.integers(min_value=0, max_value=2**63 - 1)
leaves = st.booleans() | numbers | words | st.none() | st.integers(min_value=-(2**62), max_value=-1)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(words, inner, max_size=20),
    max_leaves=40,
)
hex_words = st.binary(min_size=16, max_size=16).map(lambda raw: "0x" + raw.hex())
prices = st.decimals("0.00001", "99999", places=5).map(lambda value: f"{value.normalize():f}")
wire_orders = st.fixed_dictionaries(
    {
        "a": st.integers(0, 110_100),
        "b": st.booleans(),
        "p": prices,
        "s": prices,
        "r": st.booleans(),
        "t": st.sampled_from([GTC, STOP, {"limit": {"tif": "Ioc"}}, {"limit": {"tif": "Alo"}}]),
        "c": hex_words,
    }
)
orders = st.fixed_dictionaries(
    {
        "type": st.just("order"),
        "orders": st.lists(wire_orders, min_size=1, max_size=20),
        "grouping": st.sampled_from(["na", "normalTpsl", "positionTpsl"]),
    }
)
cancels = st.fixed_dictionaries(
    {
        "type": st.just("cancelByCloid"),
        "cancels": st.lists(st.fixed_dictionaries({"asset": st.integers(0, 70_000), "cloid": hex_words}), max_size=40),
    }
)
actions = orders | cancels | st.dictionaries(words, values, max_size=6)
vaults = st.none() | st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
times = st.integers(0, 2**53)


@settings(max_examples=400, deadline=None)
@given(action=actions, nonce=times, vault=vaults, expires=st.none() | times, mainnet=st.booleans())
def test_every_signature_is_the_sdks_to_the_last_digit(action, nonce, vault, expires, mainnet):
    wallet = Account.from_key(KEY)
    assert Signer(KEY, mainnet=mainnet).sign_l1(action, nonce, vault, expires) == sign_l1_action(
        wallet, action, vault, nonce, expires, mainnet
    )


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=32, max_size=32).filter(lambda raw: any(raw) and raw[0] != 0xFF))
def test_every_key_has_the_address_that_the_wallet_library_gives_it(raw):
    assert Signer(raw.hex(), mainnet=False).address == Account.from_key(raw).address.lower()


def test_thousands_of_plain_orders_are_signed_like_the_sdk_does():
    signer, wallet = Signer(OFFICIAL_KEY, mainnet=False), Account.from_key(OFFICIAL_KEY)
    for number in range(2000):
        action = official_order(GTC, c=f"0x{number:032x}")
        expected = sign_l1_action(wallet, action, None, number, 10**12 + number, False)
        assert signer.sign_l1(action, number, None, 10**12 + number) == expected


@pytest.mark.parametrize("bad", ["", "0x", "zz" * 32, KEY[:-2], KEY + "00", "00" * 32, "ff" * 32, "not a key at all"])
def test_a_bad_key_is_refused_without_being_quoted(bad):
    with pytest.raises(ValueError, match="key") as caught:
        Signer(bad, mainnet=False)
    assert not bad or bad not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_signer_shows_its_key_to_nobody():
    signer = Signer(KEY, mainnet=True)
    digits = KEY[2:]
    assert digits not in repr(signer).lower() + str(signer).lower() + f"{signer}"
    assert not hasattr(signer, "__dict__")
    for attempt in (
        lambda: pickle.dumps(signer),
        lambda: copy.copy(signer),
        lambda: copy.deepcopy(signer),
        signer.__getstate__,
    ):
        with pytest.raises(TypeError):
            attempt()


def test_an_address_of_another_length_is_refused():
    with pytest.raises(ValueError, match="20 bytes"):
        address_bytes("0x1234")


def test_signing_is_at_least_three_times_faster_than_the_sdk():
    signer, wallet = Signer(KEY, mainnet=False), Account.from_key(KEY)

    def best(sign) -> float:
        return min(_timed(sign) for _ in range(3))

    ours = best(lambda nonce: signer.sign_l1(ORDER, nonce, None, 10**12))
    theirs = best(lambda nonce: sign_l1_action(wallet, ORDER, None, nonce, 10**12, False))
    assert theirs / ours > 3


def _timed(sign) -> float:
    began = time.perf_counter()
    for nonce in range(50):
        sign(nonce)
    return time.perf_counter() - began
