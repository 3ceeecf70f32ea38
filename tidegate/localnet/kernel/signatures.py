"""Who signed a request: recovery of the signer from an /exchange body (section 4).

Owns both schemes: L1 actions (msgpack of the action in the order received, phantom agent, source "b") and
user-signed actions (EIP-712 over the action's own fields). Wrong signatures cannot be told from right ones:
they recover to some other address. It knows no accounts.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from coincurve import PublicKey
from eth_hash.auto import keccak

SOURCE = "b"  # everything that is not mainnet's own URL signs as testnet (section 9.2)
CHAIN = "Testnet"
ZERO_WORD = bytes(32)
TYPE_PREFIX = "HyperliquidTransaction:"


class Signature(NamedTuple):
    """r, s and v as numbers: leading zeros of the hex form may be missing."""

    r: int
    s: int
    v: int


class Unrecoverable(ValueError):
    """The signature belongs to no key at all, or the signed content cannot be encoded."""


# Fields of each user-signed action, in hash order; the primary type is TYPE_PREFIX plus the name.
USER_SIGNED: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "usdSend": ("UsdSend", (("string", "destination"), ("string", "amount"), ("uint64", "time"))),
    "spotSend": (
        "SpotSend",
        (("string", "destination"), ("string", "token"), ("string", "amount"), ("uint64", "time")),
    ),
    "withdraw3": ("Withdraw", (("string", "destination"), ("string", "amount"), ("uint64", "time"))),
    "usdClassTransfer": ("UsdClassTransfer", (("string", "amount"), ("bool", "toPerp"), ("uint64", "nonce"))),
    "sendAsset": (
        "SendAsset",
        (
            ("string", "destination"),
            ("string", "sourceDex"),
            ("string", "destinationDex"),
            ("string", "token"),
            ("string", "amount"),
            ("string", "fromSubAccount"),
            ("uint64", "nonce"),
        ),
    ),
    "approveAgent": (
        "ApproveAgent",
        (("address", "agentAddress"), ("string", "agentName"), ("uint64", "nonce")),
    ),
    "approveBuilderFee": (
        "ApproveBuilderFee",
        (("string", "maxFeeRate"), ("address", "builder"), ("uint64", "nonce")),
    ),
    "tokenDelegate": (
        "TokenDelegate",
        (("address", "validator"), ("uint64", "wei"), ("bool", "isUndelegate"), ("uint64", "nonce")),
    ),
    "userDexAbstraction": (
        "UserDexAbstraction",
        (("address", "user"), ("bool", "enabled"), ("uint64", "nonce")),
    ),
    "userSetAbstraction": (
        "UserSetAbstraction",
        (("address", "user"), ("string", "abstraction"), ("uint64", "nonce")),
    ),
}


def l1_signer(
    action: Mapping[str, Any],
    signature: Signature,
    nonce: int,
    vault_address: str | None = None,
    expires_after: int | None = None,
) -> str:
    """The lowercase address that signed an L1 action; raises Unrecoverable."""
    try:
        packed: bytes = msgspec.msgpack.encode(action) + nonce.to_bytes(8, "big")
        if vault_address is None:
            packed += b"\x00"
        else:
            packed += b"\x01" + bytes.fromhex(vault_address.removeprefix("0x"))
        if expires_after is not None:
            packed += b"\x00" + expires_after.to_bytes(8, "big")
    except (OverflowError, ValueError, TypeError) as unpackable:
        raise Unrecoverable("the action has no canonical bytes") from unpackable
    agent = keccak(AGENT_TYPE_HASH + SOURCE_HASH + keccak(packed))
    return _recover(keccak(b"\x19\x01" + AGENT_DOMAIN + agent), signature)


def user_signer(action: Mapping[str, Any], signature: Signature) -> str:
    """The lowercase address that signed a user-signed action of USER_SIGNED; raises Unrecoverable."""
    name, fields = USER_SIGNED[action["type"]]
    fields = (("string", "hyperliquidChain"), *fields)
    declared = ",".join(f"{kind} {field}" for kind, field in fields)
    words = [keccak(f"{TYPE_PREFIX}{name}({declared})".encode())]
    try:
        for kind, field in fields:
            # The SDK signs an unnamed agent as "" and then drops the key.
            words.append(_word(kind, action.get(field) or "" if field == "agentName" else action[field]))
        domain = _domain_hash("HyperliquidSignTransaction", int(action["signatureChainId"], 16))
    except (KeyError, OverflowError, ValueError, TypeError, AttributeError) as unencodable:
        raise Unrecoverable("the action lacks a field that is signed") from unencodable
    return _recover(keccak(b"\x19\x01" + domain + keccak(b"".join(words))), signature)


def _recover(digest: bytes, signature: Signature) -> str:
    recovery_id = signature.v - 27 if signature.v >= 27 else signature.v
    try:
        raw = signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big") + bytes((recovery_id,))
        key = PublicKey.from_signature_and_message(raw, digest, hasher=None)
    except (OverflowError, ValueError) as malformed:
        raise Unrecoverable("the signature is not one") from malformed
    return "0x" + keccak(key.format(compressed=False)[1:])[-20:].hex()


def _word(kind: str, value: Any) -> bytes:
    if kind == "string":
        return keccak(value.encode())
    if kind == "address":
        return bytes.fromhex(value.removeprefix("0x")).rjust(32, b"\x00")
    return int(value).to_bytes(32, "big")


def _domain_hash(name: str, chain_id: int) -> bytes:
    kinds = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    parts = (keccak(kinds), keccak(name.encode()), keccak(b"1"), chain_id.to_bytes(32, "big"), ZERO_WORD)
    return keccak(b"".join(parts))


AGENT_TYPE_HASH = keccak(b"Agent(string source,bytes32 connectionId)")
SOURCE_HASH = keccak(SOURCE.encode())
AGENT_DOMAIN = _domain_hash("Exchange", 1337)
