"""Which coins the bot has, and why: those of COINS, those that an operator added, those with a position left over."""

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct


class Origin(str, Enum):
    """Why the bot has a coin. One that it has for its POSITION alone gets no entries, and leaves when it is flat."""

    COINS = "COINS"
    ADDED = "added"
    POSITION = "position"


class Choice(Struct, frozen=True, kw_only=True):
    """What an operator has decided about a coin: whether it is wanted, when (exchange time), who, and why.

    It goes before COINS, and stays until the next such decision about the coin.
    """

    coin: str
    wanted: bool
    chosen_ms: int
    who: str = ""
    why: str = ""


def origins(coins: Iterable[str], choices: Iterable[Choice]) -> dict[str, Origin]:
    """The coins to trade, by what was set and what was chosen since: those of COINS first, then in order of choice."""
    found = dict.fromkeys(coins, Origin.COINS)
    for choice in sorted(choices, key=lambda each: each.chosen_ms):
        if not choice.wanted:
            found.pop(choice.coin, None)
        else:
            found.setdefault(choice.coin, Origin.ADDED)
    return found
