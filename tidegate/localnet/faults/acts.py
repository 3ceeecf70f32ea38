"""The effect of faults that change the exchange itself: once, for a while, or step by step."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tidegate.localnet.kernel.book import Quote

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

Do = Callable[["Exchange"], Any]


class Act(NamedTuple):
    """`do` happens when its time has come and again every `every_ms` of exchange time, `repeats` times in all.

    `undo` is called when the rule's `for_s` are over, or the rule is removed.
    """

    do: Do
    undo: Do | None = None
    repeats: int = 1
    every_ms: int = 0


class Bias(NamedTuple):
    """What a market fault does to the house: each function gets what the market wanted and gives what it does.

    `coin` "" is every coin. A trade that becomes None does not happen.
    """

    coin: str = ""
    quotes: Callable[[Sequence[Quote], bool], Sequence[Quote]] | None = None
    oracle: Callable[[Decimal], Decimal] | None = None
    trades: bool = True


Side = Literal["B", "A"]
