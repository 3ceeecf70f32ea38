"""The list of fault cases: how one is written down. Numbers are those of the fault table of the reliability promises.

A case is a function of a `Scene` that sets its fault, waits until all is well and fails when it never is. Cases of the
short run are marked: `make test` plays them, `make faults` plays all.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.scene import Scene

Play = Callable[[Scene], None]


@dataclass(frozen=True)
class Case:
    """One case: what goes wrong, what was done to make it so, what is expected of the bot."""

    number: int
    fault: str
    done: str
    expected: str
    play: Play
    settings: dict[str, str]
    short: bool
    speed: float = 1.0

    @property
    def name(self) -> str:
        """Number and function name: what a test is called by."""
        return f"{self.number}-{self.play.__name__}"


CASES: list[Case] = []


def case(
    number: int, fault: str, *, done: str, expected: str, short: bool = False, speed: float = 1.0, **settings: str
) -> Callable[..., Play]:
    """Put the decorated function on the list; `settings` are the bot's, `speed` is that of the exchange's time."""

    def add(play: Play) -> Play:
        CASES.append(Case(number, fault, done, expected, play, settings, short, speed))
        return play

    return add
