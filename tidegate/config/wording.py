"""How a problem is put to the user: one line with the variable, its value unless secret, and what is allowed.

Never shows what could be a key, whatever variable it was put into.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from tidegate.config.results import SECRET_VARIABLES, Source

SHOWN_MAX = 60
# 20 bytes are an address and may be shown; anything longer in hex may be a key with a digit lost or added.
_LIKE_A_KEY = re.compile(r"[0-9a-fA-F]{41,}")
_LIKE_A_PHRASE = re.compile(r"[a-z]{3,8}(\s+[a-z]{3,8}){8,}")
_PASSWORD = re.compile(r"(?P<start>://[^:/\s]*:)\S*(?P<end>@)|(?P<name>[?&]\w*password=)[^&\s]*")


class Text(NamedTuple):
    """A value as the user wrote it, and where: `line` is 0 outside a file."""

    value: str
    source: Source
    line: int = 0

    @property
    def place(self) -> str:
        """The words for where it stands."""
        return f"{self.source} line {self.line}" if self.line else self.source


def problem_line(name: str, text: Text, problem: str, allowed: str, example: str) -> str:
    """One line about one value."""
    value = shown(name, text.value)
    if name == "DATABASE_URL" and _may_hold_password(text.value):
        value = hidden(text.value)
    line = f"{name}={value} ({text.place}): {problem}; allowed: {allowed}"
    return f"{line}; for example {name}={example}" if example else line


def shown(name: str, value: str, longest: int = SHOWN_MAX) -> str:
    """A value as it may be shown in a problem or a listing, cut at `longest` characters."""
    if not value:
        return ""
    if name in SECRET_VARIABLES or _LIKE_A_KEY.search(value) or _LIKE_A_PHRASE.search(value):
        return hidden(value)
    plain = escaped(without_password(value))
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def hidden(value: str) -> str:
    """What stands for a secret: its length, which is often what is wrong with it."""
    return f"(hidden, {len(value)} characters)"


def _may_hold_password(url: str) -> bool:
    """Whether a password may be in an address that could not be read, and so cannot be cut out of it."""
    scheme, _, rest = url.rpartition("://")
    return scheme != "sqlite" and (":" in rest or "@" in rest or "password" in rest)


def fragment(text: str) -> str:
    """A part of a value, or a name that we do not know, as it may be shown."""
    return shown("", text) or "''"


def without_password(url: str) -> str:
    """A URL whose password, if any, is replaced by three stars."""
    return _PASSWORD.sub(lambda found: f"{found['start'] or found['name']}***{found['end'] or ''}", url)


def escaped(text: str) -> str:
    """Text in which everything that does not print visibly is written out as an escape."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode() for each in text
    )


def nearest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """The word of `words` closest to `word`, cases ignored, or None when none is close."""
    by_folded = {each.casefold(): each for each in words}
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=likeness)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`, did you mean X?`, or nothing."""
    guess = nearest(word, words)
    return f", did you mean {guess}?" if guess else ""
