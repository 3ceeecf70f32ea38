"""A key that the exchange does not take any more: its time is over, it was replaced, or its account is gone.

What rests on the exchange goes on resting and protects. But nothing new can be signed, so no entry is tried until a
person has approved a key and says `resume`; exits are tried all the same, with pauses that grow.
"""

from tidegate.core import brakes
from tidegate.core.state import State
from tidegate.model.brakes import Brake
from tidegate.model.intents import NOTHING, Decision

UNKNOWN_KEY = ("api wallet", "does not exist")
NO_ACCOUNT = ("must deposit before performing actions",)
"""The exchange's words for a signer that it does not know."""


def refused(state: State, reason: str) -> Decision:
    """Stop entering if what was refused is the key itself and not what it signed."""
    words = reason.lower()
    if not any(all(each in words for each in known) for known in (UNKNOWN_KEY, NO_ACCOUNT)):
        return NOTHING
    why = f"the exchange refuses this key ({reason}); approve an API wallet there and start with its key"
    return brakes.trip(state, Brake.KEY_REFUSED, why)
