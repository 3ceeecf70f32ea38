"""The bot as a user runs it, except that it dies at a named point: `CRASH_AT="after the send:2"` at the second pass.

Every point is a patch from outside: the program itself knows nothing of dying.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

POINTS = (
    "before the journal's commit",
    "after the journal's commit",
    "after the send",
    "before the answer is taken in",
    "between the entry's fill and its stop",
    "after a stop rests, before that is written",
    "while the stop is moved",
    "during a cancel",
    "during an exit",
    "during a reconciliation",
    "during a migration",
    "during a log rotation",
)
RARE = ("while the stop is moved", "during a cancel", "during a migration", "during a log rotation")
"""Those that a life comes past once, or with a stop that lives for long."""
SMALL_LOG_BYTES = 3_000


class Death:
    """Counts passes and ends the process at the one that was asked for, as nothing can be undone."""

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self) -> None:
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def around(owner: Any, name: str, die: Callable[[], None], when: Callable[..., bool], *, after: bool) -> None:
    """Die at a call of `owner.name` for which `when(*arguments)` holds, before it or after it."""
    original = getattr(owner, name)

    def patched(*args: Any, **kwargs: Any) -> Any:
        meant = when(*args, **kwargs)
        if meant and not after:
            die()
        result = original(*args, **kwargs)
        if meant and after:
            die()
        return result

    setattr(owner, name, patched)


def always(*_args: Any, **_kwargs: Any) -> bool:
    """Every call."""
    return True


def arm(point: str, die: Death) -> None:
    """Put the patch of one point in place."""
    from tidegate.gateway import Gateway
    from tidegate.logs import handlers
    from tidegate.loop import Loop
    from tidegate.model import events
    from tidegate.model.intents import CancelOrders, PlaceOrders, Urgency
    from tidegate.model.orders import Role

    def told(*kinds: type) -> Callable[..., bool]:
        return lambda _loop, event: isinstance(event, kinds)

    def stop_rests(loop: Any, event: Any) -> bool:
        return isinstance(event, events.OrderAccepted) and loop.state.roles.get(event.cloid) is Role.STOP

    def moves_a_stop(_gateway: Any, wish: Any) -> bool:
        return isinstance(wish, PlaceOrders) and all(order.role is Role.STOP for order in wish.orders)

    def exits(_gateway: Any, wish: Any) -> bool:
        return isinstance(wish, PlaceOrders) and wish.urgency is Urgency.EXIT

    def cancels(_gateway: Any, wish: Any) -> bool:
        return isinstance(wish, CancelOrders)

    plans: dict[str, tuple[Any, str, Callable[..., bool], bool]] = {
        "before the journal's commit": (Gateway, "_commit", always, False),
        "after the journal's commit": (Gateway, "_commit", always, True),
        "after the send": (Gateway, "_send", always, True),
        "before the answer is taken in": (Loop, "_handle", told(events.OrderAccepted), False),
        "between the entry's fill and its stop": (Loop, "_handle", told(events.OrderFilled), False),
        "after a stop rests, before that is written": (Loop, "_handle", stop_rests, True),
        "while the stop is moved": (Gateway, "perform", moves_a_stop, True),
        "during a cancel": (Gateway, "perform", cancels, True),
        "during an exit": (Gateway, "perform", exits, True),
        "during a reconciliation": (Loop, "_handle", told(events.AccountSeen), False),
        "during a log rotation": (handlers.File, "doRollover", always, True),
    }
    if point == "during a migration":
        from alembic import command

        around(command, "upgrade", die, always, after=True)
        return
    if point == "during a log rotation":
        original = handlers.File.__init__

        def small(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            self.maxBytes = SMALL_LOG_BYTES

        handlers.File.__init__ = small  # type: ignore[method-assign]
    owner, name, when, after = plans[point]
    around(owner, name, die, when, after=after)


def main() -> None:
    """The front door, with its death prepared."""
    asked = os.environ.pop("CRASH_AT", "")
    if asked:
        point, _, number = asked.rpartition(":")
        arm(point, Death(int(number)))
    import bot

    bot.main()


if __name__ == "__main__":
    main()
