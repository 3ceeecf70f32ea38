"""Opens an encrypted key file (keystore v3, as geth, eth_account and most wallets write it).

Source: Ethereum's "Web3 Secret Storage Definition", version 3. Raises ValueError, whose words never quote the file.
"""

import json
from typing import Any

VERSION = 3


class WrongPassword(ValueError):
    """The file is sound and the password is another one."""


def read_keystore(text: str) -> dict[str, Any]:
    """The file as JSON; ValueError when it is no keystore v3."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not a keystore: it is no JSON") from None
    if not isinstance(body, dict):
        raise ValueError("not a keystore: it is no JSON object")
    lowered: dict[str, Any] = {str(name).lower(): value for name, value in body.items()}
    if lowered.get("version") != VERSION or not isinstance(lowered.get("crypto"), dict):
        raise ValueError(f"not a keystore of version {VERSION}")
    return lowered


def open_keystore(body: dict[str, Any], password: str) -> str:
    """The key in hex. Takes as long as its author wanted it to take, usually about a second."""
    from eth_keyfile.keyfile import decode_keyfile_json  # heavy, and most starts need none

    secret: Any = password.encode()  # its annotation says str, one of its two derivations takes bytes only

    try:
        key: bytes = decode_keyfile_json(body, secret)
    except ValueError as error:
        if "MAC" in str(error):
            raise WrongPassword("the password does not open it") from None
        raise ValueError("it cannot be read: damaged, or of a kind unknown here") from None
    except (KeyError, TypeError, AttributeError, NotImplementedError, ArithmeticError):
        raise ValueError("it cannot be read: damaged, or of a kind unknown here") from None
    return key.hex()
