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
_PASSWORD = re.compile(r"(?P<start>[a-z0-9+]+://[^:/@\s]*:)[^/\s]*@", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a1-\u2000\u2010-\u2027\u2030-\u205e\u2070-\ud7ff\uf900-\ufdff]")


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
    line = f"{name}={shown(name, text.value)} ({text.place}): {problem}; allowed: {allowed}"
    return f"{line}; for example {name}={example}" if example else line


def shown(name: str, value: str) -> str:
    """A value as it may be shown in a problem or a listing."""
    if not value:
        return ""
    if name in SECRET_VARIABLES or _LIKE_A_KEY.search(value) or _LIKE_A_PHRASE.search(value):
        return f"(hidden, {len(value)} characters)"
    plain = escaped(without_password(value))
    return plain if len(plain) <= SHOWN_MAX else plain[: SHOWN_MAX - 1] + "…"


def without_password(url: str) -> str:
    """A URL whose password, if any, is replaced by three stars."""
    return _PASSWORD.sub(r"\g<start>***@", url)


def escaped(text: str) -> str:
    """Text in which everything that does not print visibly is written out as an escape."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)


def nearest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """The word of `words` closest to `word`, cases ignored, or None when none is close."""
    by_folded = {each.casefold(): each for each in words}
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=likeness)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`, did you mean X?`, or nothing."""
    guess = nearest(word, words)
    return f", did you mean {guess}?" if guess else ""
