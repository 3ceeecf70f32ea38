"""Makes text fit to be logged: secrets hidden, control characters written out, length bounded. Pure.

Hides by pattern, not by knowing the secrets: keys and signatures, tokens, webhook addresses, passwords in
URLs, seed phrases.
"""

import math
import re
from decimal import Decimal
from enum import Enum

HIDDEN = "(hidden)"
TEXT_MAX = 4_000
# Read more than is kept, so that a secret which straddles the end is still seen whole.
_READ_MAX = 2 * TEXT_MAX

# Every repetition that may fail late is bounded: an expression holds the interpreter while it searches, and a
# hostile text must not delay an exit.
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Keys, signatures and hashes: 64 or more hex digits. A checksum that is named as one may be shown.
    (re.compile(r"(?<!sha256:)(?<!sha256=)(?<!sha256 )(?:0[xX])?[0-9a-fA-F]{64,}"), HIDDEN),
    # The halves of a signature, whose leading zeros may be missing.
    (
        re.compile(r"""(["'][rs]\\{0,8}["']\s{0,8}:\s{0,8}\\{0,8}["']?)(?:0x)?[0-9a-fA-F]{16,}"""),
        rf"\g<1>{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=:-]{8,}"), rf"\g<1> {HIDDEN}"),
    (
        re.compile(
            r"""(?ix)\b(https?://(?:hooks\.slack\.com|(?:\w+\.)?discord(?:app)?\.com/api/webhooks|api\.telegram\.org"""
            r"""|[^\s/"']{0,100}/[^\s"']{0,100}webhook)|(?:tgram|discord|slack|msteams|pover|ntfys?|mailtos?)://)[^\s"'<>]*"""
        ),
        rf"\g<1>/{HIDDEN}",
    ),
    (re.compile(r"(://[^\s:/@]{0,100}:)[^\s/@]{1,200}@"), rf"\g<1>{HIDDEN}@"),
    (
        re.compile(
            r"""(?i)((?:api[_-]?key|token|secret|password|private[_-]?key)\\{0,8}["']?\s{0,8}[=:]\s{0,8}\\{0,8}["']?)[^\s"'&,;)\\]+"""
        ),
        rf"\g<1>{HIDDEN}",
    ),
    (re.compile(r"(?<![a-z])(?:[a-z]{3,8}\s+){11,}[a-z]{3,8}(?![a-z])"), HIDDEN),
)
_SECRET_FIELDS = frozenset({"r", "s", "key", "private_key", "signature", "token", "password", "secret", "mnemonic"})


def clean(text: str) -> str:
    """Text without secrets and without characters that act instead of showing."""
    return escape(hide_secrets(text[:_READ_MAX]))[:TEXT_MAX]


def hide_secrets(text: str) -> str:
    """Text with everything that looks like a secret replaced."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def escape(text: str) -> str:
    """Text with control, direction and invisible characters written out, such as \\x1b or \\u202e."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode() for each in text
    )


def clean_field(name: str, value: object) -> object:
    """A field's value as JSON can hold it: numbers and true, false, null stay, the rest is clean text."""
    if name.lower() in _SECRET_FIELDS:
        return HIDDEN
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool) or (isinstance(value, float) and math.isfinite(value)):
        return value
    # Beyond 53 bits other readers of JSON round; and an int of 64 hex digits may be a key.
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    if isinstance(value, int):
        return clean(f"{value:#x}")
    return clean(f"{value:f}" if isinstance(value, Decimal) else str(value))
