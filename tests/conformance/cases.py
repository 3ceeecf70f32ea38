"""The list of conformance cases: how one is written down, numbered and found.

A case is a function of a `Desk` that fails when localnet is not the exchange; its title says what must hold.
Subjects have a hundred numbers each, given in the order of writing: new cases go to the end of their subject,
so that a number stays with its case. `again` adds the same case as played by ccxt.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tidegate.localnet.doors.limits import Limits

Play = Callable[..., Any]

SUBJECTS = (
    "market data",
    "account reads",
    "orders by tif",
    "triggers and groupings",
    "cancels",
    "modifies",
    "leverage and margin",
    "errors",
    "agents",
    "transfers",
    "sub-accounts and vaults",
    "TWAP",
    "spot",
    "builder dex",
    "streams",
    "limits",
)
NUMBERS_A_SUBJECT = 100
LIMITS = Limits()


@dataclass
class Case:
    """One case. `bare` ones say what the SDK cannot and use requests and websockets themselves."""

    number: int
    subject: str
    title: str
    play: Play
    bare: bool = False
    gap: str = ""
    limits: Limits = LIMITS
    settings: dict[str, Any] = field(default_factory=dict)
    by_ccxt: Play | None = None
    by_ccxt_pro: Play | None = None


CASES: list[Case] = []


def subject(name: str) -> Callable[..., Callable[[Play], Play]]:
    """The decorator for the cases of one subject: `case(title, ...)`.

    `gap` says what localnet does not do yet: the case is expected to fail and the table tells so. `limits` and
    the remaining settings (of the kernel) make the localnet that the case is played on.
    """
    first = (SUBJECTS.index(name) + 1) * NUMBERS_A_SUBJECT + 1

    def case(
        title: str, *, bare: bool = False, gap: str = "", limits: Limits = LIMITS, **settings: Any
    ) -> Callable[[Play], Play]:
        def note(play: Play) -> Play:
            number = first + sum(other.subject == name for other in CASES)
            CASES.append(Case(number, name, title, play, bare, gap, limits, settings))
            return play

        return note

    return case


def again(play: Play, *, pro: bool = False) -> Callable[[Play], Play]:
    """Note the ccxt version of the case that `play` is; `pro` for the one over its WebSocket."""

    def note(by_ccxt: Play) -> Play:
        case = next(case for case in CASES if case.play is play)
        if pro:
            case.by_ccxt_pro = by_ccxt
        else:
            case.by_ccxt = by_ccxt
        return by_ccxt

    return note
