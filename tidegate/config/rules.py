"""How the text of a setting becomes a value, and in words what is allowed.

A rule reads text and raises ValueError saying what is wrong; it never looks at other settings or at files.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from tidegate.config.wording import did_you_mean, fragment

COINS_MAX = 1_500
MAJORS_MAX = 10
TEXT_MAX = 2000
# The order of the curve secp256k1: a private key is a number from 1 to one less.
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_COIN = re.compile(r"[A-Za-z0-9@][A-Za-z0-9@:/_.*?-]{0,39}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_KEY = re.compile(r"(0x)?(?P<digits>[0-9a-fA-F]{64})")

_TRUTH = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}

E_ = TypeVar("E_", bound=Enum)


@dataclass(frozen=True)
class Rule:
    """How one variable is read; `allowed` and `example` are for the user's eyes; `empty`: '' is a value."""

    read: Callable[[str], Any]
    allowed: str
    example: str
    empty: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._checked)

    def _checked(self, text: str) -> Any:
        if len(text) > TEXT_MAX:
            raise ValueError(f"longer than {TEXT_MAX} characters")
        if not text and not self.empty:
            raise ValueError("empty; leave the line out for the default")
        if text != text.strip():
            raise ValueError("has spaces around it")
        if re.search(r"\s#", text):
            raise ValueError("has a comment in it; put the comment on a line of its own")
        if text[:1] in "\"'“”‘’«" and text[:1]:
            raise ValueError("has quotes in it; leave them out")
        return self.read(text)


def one_of(choices: type[E_], *, example: str, any_case: bool = True) -> Rule:
    """One word out of an enumeration."""
    return _word({each.value: each for each in choices}, example, any_case)


def level(example: str) -> Rule:
    """One of the log levels."""
    return _word({each: each for each in ("DEBUG", "INFO", "WARNING", "ERROR")}, example, any_case=True)


def truth(example: str) -> Rule:
    """A yes or no."""

    def read(text: str) -> bool:
        if text.lower() not in _TRUTH:
            raise ValueError("neither true nor false" + did_you_mean(text, ("true", "false")))
        return _TRUTH[text.lower()]

    return Rule(read, "true or false", example)


def number(low: str, high: str, *, example: str, unit: str = "", zero: str = "") -> Rule:
    """A decimal from `low` to `high`; `zero` says what 0 means where it is allowed beside that range."""
    lowest, highest = Decimal(low), Decimal(high)

    def read(text: str) -> Decimal:
        value = _decimal(text)
        if zero and value == 0:
            return Decimal(0)
        return _within(value, lowest, highest)

    words = f"{low} to {high}" + (f" {unit}" if unit else "")
    return Rule(read, f"{words}, or 0 for {zero}" if zero else words, example)


def whole(low: int, high: int, *, example: str) -> Rule:
    """A whole number from `low` to `high`."""

    def read(text: str) -> int:
        value = _decimal(text)
        if value != value.to_integral_value():
            raise ValueError("not a whole number")
        return int(_within(value, Decimal(low), Decimal(high)))

    return Rule(read, f"a whole number from {low} to {high}", example)


def coins(example: str) -> Rule:
    """Coin names, separated by commas, each once."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(part.strip() for part in text.split(","))
        if not all(names):
            raise ValueError("an empty name between commas")
        wrong = [name for name in names if not _COIN.fullmatch(name)]
        if wrong:
            raise ValueError(f"{fragment(wrong[0])} is not a coin's name")
        twice = _repeated(name.casefold() for name in names)
        if twice:
            raise ValueError(f"{fragment(twice.upper())} stands twice")
        if len(names) > COINS_MAX:
            raise ValueError(f"{len(names)} coins")
        return names

    return Rule(read, f"1 to {COINS_MAX} coin names separated by commas, each once", example)


def majors(example: str) -> Rule:
    """A few coin names, or none."""
    some = coins(example)

    def read(text: str) -> tuple[str, ...]:
        names: tuple[str, ...] = some.read(text) if text else ()
        if len(names) > MAJORS_MAX:
            raise ValueError(f"{len(names)} coins")
        return names

    return Rule(read, f"up to {MAJORS_MAX} coin names separated by commas, each once, or nothing", example, True)


def name(example: str) -> Rule:
    """A word that can be the name of a Python file."""

    def read(text: str) -> str:
        if not _NAME.fullmatch(text):
            raise ValueError("not a name (letters, digits and _ only; the file name without .py)")
        return text

    return Rule(read, "the name of a file in the strategy folder, without .py", example)


def parameters(example: str) -> Rule:
    """`name=value` pairs separated by commas."""

    def read(text: str) -> dict[str, str]:
        pairs = [part.strip() for part in text.split(",")] if text else []
        found: dict[str, str] = {}
        for pair in pairs:
            key, equals, value = (part.strip() for part in pair.partition("="))
            if not equals or not value or not _NAME.fullmatch(key):
                raise ValueError(f"{fragment(pair)} is not name=value")
            if key in found:
                raise ValueError(f"{fragment(key)} stands twice")
            found[key] = value
        return found

    return Rule(read, "name=value pairs separated by commas, or nothing", example, empty=True)


def address() -> Rule:
    """An account's address, in small letters."""

    def read(text: str) -> str:
        if not text:
            return ""
        if not _ADDRESS.fullmatch(text):
            raise ValueError("not an address" + _digits(text, 40))
        if int(text, 16) == 0:
            raise ValueError("the zero address belongs to nobody")
        return text.lower()

    return Rule(read, "0x and 40 hex digits", "", empty=True)


def private_key() -> Rule:
    """A private key, with 0x."""

    def read(text: str) -> str:
        if not text:
            return ""
        found = _KEY.fullmatch(text)
        if not found:
            raise ValueError("not a private key" + _digits(text, 64))
        if not 0 < int(found["digits"], 16) < CURVE_ORDER:
            raise ValueError("not a private key: outside the curve's range")
        return "0x" + found["digits"].lower()

    return Rule(read, "64 hex digits, with or without 0x", "", empty=True)


def localnet_url() -> Rule:
    """The address of a running localnet."""

    def read(text: str) -> str:
        if not text:
            return ""
        parts, port = _split(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError("not an http address")
        if not port or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("a host and a port, and nothing after them, are needed")
        if parts.hostname.endswith("hyperliquid.xyz"):
            raise ValueError("that is the real exchange, not a localnet; use NETWORK for it")
        return text.rstrip("/")

    return Rule(read, "http://host:port of a running localnet, or nothing to start one", "http://127.0.0.1:3001", True)


def proxy_url() -> Rule:
    """The address of a proxy; one that asks for a password is refused: it would have to be shown."""

    def read(text: str) -> str:
        if not text:
            return ""
        parts, port = _split(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or not port:
            raise ValueError("not the address of an http proxy with its port")
        if parts.username or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("a host and a port, and nothing else, are needed")
        return text.rstrip("/")

    return Rule(read, "http://host:port of a proxy, or nothing", "http://127.0.0.1:8080", True)


def webhook_url() -> Rule:
    """The address of a webhook: it holds a token, so it is never shown."""

    def read(text: str) -> str:
        if not text:
            return ""
        parts, _ = _split(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not a web address")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("over http everybody on the way reads it: use https")
        return text

    return Rule(read, "https://… of a webhook (Slack, Discord, Telegram, ntfy, a relay), or nothing", "", empty=True)


def database_url(example: str) -> Rule:
    """A SQLAlchemy database address: a SQLite file or a PostgreSQL server."""

    def read(text: str) -> str:
        scheme, _, rest = text.partition("://")
        if scheme == "sqlite":
            if not rest.startswith("/") or rest in ("/", "//"):
                raise ValueError("a SQLite address has three slashes and then the path of a file")
            if ":memory:" in rest:
                raise ValueError("a database in memory forgets open positions when the bot restarts")
            return text
        if scheme in ("postgresql", "postgresql+psycopg"):
            parts, _ = _split(text)
            if not parts.hostname or len(parts.path) < 2:
                raise ValueError("a PostgreSQL address has a host and a database name")
            return text
        raise ValueError("unknown kind of database" + did_you_mean(scheme, ("sqlite", "postgresql")))

    return Rule(read, "sqlite:///path/of/file.db or postgresql://user:password@host/name", example)


def folder(example: str) -> Rule:
    """A folder's path."""
    return Rule(_path, "the path of a folder that can be written to", example)


def file(example: str) -> Rule:
    """The path of a file that only its owner may read."""
    return Rule(_path, "the path of a file that only you can read, or nothing", example, empty=True)


def _path(text: str) -> str:
    if "\0" in text:
        raise ValueError("not a path")
    return text


def _word(choices: dict[str, Any], example: str, any_case: bool) -> Rule:
    def read(text: str) -> Any:
        if text in choices:
            return choices[text]
        same = [each for each in choices if each.casefold() == text.casefold()]
        if any_case and same:
            return choices[same[0]]
        raise ValueError("unknown" + did_you_mean(text, choices))

    return Rule(read, ", ".join(choices), example)


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        # The library's words would repeat a part of the address, and that may be a password.
        raise ValueError("the host or the port is malformed") from None


def _decimal(text: str) -> Decimal:
    if text.endswith("%"):
        raise ValueError("leave the per cent sign out")
    if "," in text:
        raise ValueError("not a number; write a point, and nothing between thousands")
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number" if not re.match(r"\d+(\.\d+)?\s?[a-zA-Z$€]", text) else "leave the unit out")
    return Decimal(text)


def _within(value: Decimal, low: Decimal, high: Decimal) -> Decimal:
    if value < 0:
        raise ValueError("negative")
    if value < low:
        raise ValueError("zero" if value == 0 else "too small")
    if value > high:
        raise ValueError("too large")
    return value


def _digits(text: str, wanted: int) -> str:
    digits = text.removeprefix("0x")
    if not text.startswith("0x") and wanted == 40:
        return ": it does not begin with 0x"
    if re.fullmatch(r"[0-9a-fA-F]*", digits):
        return f": {len(digits)} hex digits instead of {wanted}"
    return ": it holds characters that are not hex digits"


def _repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for each in names:
        if each in seen:
            return each
        seen.add(each)
    return None
