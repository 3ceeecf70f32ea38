"""Signatures of L1 actions: orders, cancels, leverage.

Owns the private key. Never shows it, never signs anything that moves funds (those are user-signed actions).
Byte-identical to the SDK's `sign_l1_action`, at a fraction of its cost: the EIP-712 domain and the type hashes are
constants, so that one signature is two hashes of a few dozen bytes and one curve operation.

Source: Hyperliquid docs, "Signing"; hyperliquid-python-sdk, `utils/signing.py`.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec
from coincurve import PrivateKey
from Crypto.Hash import keccak

KEY_BYTES = 32
ADDRESS_BYTES = 20
CHAIN_ID = 1337


def keccak_256(data: bytes) -> bytes:
    """The hash that Ethereum uses (not the later SHA-3 standard)."""
    return keccak.new(data=data, digest_bits=256).digest()


def _domain_separator() -> bytes:
    type_hash = keccak_256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    chain_id, contract = CHAIN_ID.to_bytes(32, "big"), bytes(32)
    return keccak_256(type_hash + keccak_256(b"Exchange") + keccak_256(b"1") + chain_id + contract)


_DOMAIN_PREFIX = b"\x19\x01" + _domain_separator()
_AGENT_PREFIX = keccak_256(b"Agent(string source,bytes32 connectionId)")
_pack = msgspec.msgpack.Encoder().encode


class Signer:
    """Signs with one key for one network.

    `private_key` is 32 bytes in hex, with or without 0x; anything else raises ValueError, which never quotes it.
    """

    __slots__ = ("_agent_prefix", "_key", "address", "mainnet")

    def __init__(self, private_key: str, *, mainnet: bool) -> None:
        self._key = _key_of(private_key)
        self.mainnet = mainnet
        self._agent_prefix = _AGENT_PREFIX + keccak_256(b"a" if mainnet else b"b")
        self.address = "0x" + keccak_256(self._key.public_key.format(compressed=False)[1:])[12:].hex()

    def sign_l1(
        self, action: Mapping[str, Any], nonce: int, vault_address: str | None, expires_ms: int | None
    ) -> dict[str, str | int]:
        """Sign `action` as it stands: the order of its keys is part of what is signed."""
        connection_id = action_hash(action, nonce, vault_address, expires_ms)
        digest = keccak_256(_DOMAIN_PREFIX + keccak_256(self._agent_prefix + connection_id))
        signature = self._key.sign_recoverable(digest, hasher=None)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return {"r": hex(r), "s": hex(s), "v": 27 + signature[64]}

    def __repr__(self) -> str:
        return f"Signer({self.address}, {'mainnet' if self.mainnet else 'testnet'})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is never copied or pickled: it holds a key")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a signer has no state to show: it holds a key")


def action_hash(action: Mapping[str, Any], nonce: int, vault_address: str | None, expires_ms: int | None) -> bytes:
    """The connection id of an action: what the phantom agent signs."""
    data = _pack(action) + nonce.to_bytes(8, "big")
    data += b"\x00" if vault_address is None else b"\x01" + address_bytes(vault_address)
    if expires_ms is not None:
        data += b"\x00" + expires_ms.to_bytes(8, "big")
    return keccak_256(data)


def address_bytes(address: str) -> bytes:
    """The 20 bytes of an address in hex, with or without 0x; anything else raises ValueError."""
    raw = bytes.fromhex(address.removeprefix("0x"))
    if len(raw) != ADDRESS_BYTES:
        raise ValueError(f"an address has {ADDRESS_BYTES} bytes, this one {len(raw)}: {address}")
    return raw


def _key_of(private_key: str) -> PrivateKey:
    try:
        raw = bytes.fromhex(private_key.strip().removeprefix("0x"))
    except ValueError:
        raise ValueError("the private key is not hexadecimal") from None
    if len(raw) != KEY_BYTES:
        raise ValueError(f"a private key has {KEY_BYTES} bytes, this one {len(raw)}")
    try:
        return PrivateKey(raw)
    except ValueError:
        raise ValueError("the private key is outside the curve's range") from None
