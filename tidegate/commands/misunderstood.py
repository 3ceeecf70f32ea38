"""What is said when the command line cannot be understood or is interrupted: one line, with what was expected.

Owns those words and that an interruption is not swallowed. Imports nothing heavy.
"""

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

Misuse: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")
"""Any misuse of the command line. Typer names only some of its kinds in public."""


class Interrupted(Exception):
    """Ctrl-C, or a signal that asks for the same, before a command had made provision for it."""


class Commands(TyperGroup):
    """The commands of the front door; an interruption is told to whoever called, Typer would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for. Raises Interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None


def interrupted(words: Sequence[str]) -> str:
    """The line after an interruption."""
    return "interrupted before the bot had started" if words[0] == "run" else f"{words[0]}: interrupted"


def repeatable(text: str) -> str:
    """What was given may be shown again, line by line: a key may have been pasted anywhere."""
    from tidegate.logs.cleaning import hide_secrets

    return "\n".join(map(hide_secrets, text.split("\n")))


def misuse(error: Any, words: Sequence[str]) -> str:
    """The line about a command line that cannot be understood: what was given, what was expected, where more stands."""
    from tidegate.logs.cleaning import clean  # a key may have been pasted anywhere

    name = words[0]
    if error.ctx is not None:
        name = error.ctx.info_name if error.ctx.parent is not None else ""
    given = _given(error, words)
    if given:
        said = str(error.message).split(",")[0].rstrip(".")
        what = f"{name} {given}: {said[:1].lower()}{said[1:]}"
    else:
        said = str(error.format_message()).rstrip(".")
        what = f"{name or 'bot.py'}: {said[:1].lower()}{said[1:]}"
    where = f"python bot.py {name} --help" if name else "python bot.py --help"
    return clean(f"{what}{'' if what.endswith('?') else ';'} {where} shows what can be given")


def _given(error: Any, words: Sequence[str]) -> str:
    """An option whose value was refused, with that value as it was given; empty when it is not about one."""
    names = getattr(getattr(error, "param", None), "opts", ())
    for at, word in enumerate(words):
        option, _, value = word.partition("=")
        if option in names and option.startswith("-"):
            return word if value else f"{word} {words[at + 1]}" if at + 1 < len(words) else ""
    return ""
