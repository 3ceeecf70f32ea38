"""What a refusal says beyond the one order that it answers: the address has no more requests, our requests arrive too
late, a request of ours cannot be used at all.

Entries stop, in this coin or in all, and somebody is told. Exits and stops are tried on: they have pauses of their own.
"""

from tidegate.core import ration
from tidegate.core.state import Phase, State, Working
from tidegate.model.intents import NOTHING, Alert, Decision, Note
from tidegate.model.orders import Role

EXPIRED = "expired"
OUR_MISTAKES = ("http 4", "tick size", "invalid size", "deserialize")
"""Words by which the exchange says that the request itself is wrong: it would be as wrong again."""
UNUSABLE = "the exchange cannot use our order"
"""How the reason of a coin begins that is suspended for it: it ends when the rules we know have changed."""
EXPIRED_MAX = 3
EXPIRED_OFF_MS = 300_000


def heard(state: State, order: Working, reason: str) -> Decision:
    """Draw the consequences of a refusal, once its order is off the books."""
    words, request = reason.lower(), order.request
    state.expired_in_a_row = state.expired_in_a_row + 1 if EXPIRED in words else 0
    limited = address_limit(state, reason)
    if limited is not None:
        return limited
    if state.expired_in_a_row >= EXPIRED_MAX:
        why = f"{state.expired_in_a_row} orders in a row reached the exchange after they had expired"
        return _entries_off(state, why, EXPIRED_OFF_MS)
    if request.role is Role.ENTRY and any(each in words for each in OUR_MISTAKES):
        return _suspend(state, request.coin, f"{UNUSABLE}: {reason}")
    return NOTHING


def address_limit(state: State, reason: str) -> Decision | None:
    """What follows when a refusal, of whatever action, says that the address has used up its requests; else None."""
    if not ration.refused(state, reason):
        return None
    return _entries_off(state, f"the exchange limits this address: {reason}", ration.SPARING_MS)


def _entries_off(state: State, why: str, ms: int) -> Decision:
    fresh = state.now_ms >= state.entries_off_until_ms
    state.entries_off_until_ms, state.entries_off_why = state.now_ms + state.wait_ms(ms), why
    if not fresh:
        return NOTHING
    text = f"{why}; no entries for {ms // 1000} s, exits and stops are tried on"
    if ration.is_on(state):
        text += " in turns, stops do not trail"
    return Decision(intents=(Alert(text=text),), notes=(Note(topic="risk", text=text, level="WARNING"),))


def _suspend(state: State, name: str, why: str) -> Decision:
    coin = state.coins[name]
    if coin.position.size or coin.phase is not Phase.READY:
        return NOTHING
    state.change(name, phase=Phase.SUSPENDED, why=why, wanted=None)
    text = f"{name} is suspended: {why}; please report this, and start the bot again to try once more"
    return Decision(intents=(Alert(text=text, coin=name),), notes=(Note(topic="risk", text=text, level="WARNING"),))
