"""Another bot on the same account, on another machine: what gives it away, and what is done then.

A bot's client order ids carry a tag of the account, so a second Tidegate's orders look like ours. But ours are known:
an order or a fill with our tag that this session did not place, younger than anything that an earlier session can
have left behind, is somebody else's. So are nonces that are new here and that the exchange has seen before, when there
are several. Then nobody's resting orders are swept and no more entries are made, until a person has looked and says
`resume`.
"""

from tidegate.core import brakes
from tidegate.core.state import EXPIRES_AFTER_MS, State
from tidegate.model.brakes import Brake
from tidegate.model.intents import NOTHING, Decision, Note, SkipNonces
from tidegate.model.orders import OpenOrder, is_ours
from tidegate.model.positions import Fill

MARGIN_MS = 5_000
DUPLICATE_NONCE = "duplicate nonce"
DUPLICATES_MAX = 3
DUPLICATES_WITHIN_MS = 600_000
NONCES_SKIPPED = 1_000
"""Nonces are milliseconds: a second further up is ahead of whoever takes them from a clock, too."""


def placed(state: State, order: OpenOrder) -> bool:
    """Whether another bot placed this resting order."""
    return _is_strange(state, order.cloid, order.time_ms)


def told(state: State, order: OpenOrder) -> Decision:
    """Stop entering because of an order."""
    return _stop(state, f"the order {order.oid} in {order.coin} has this bot's tag, and this bot did not place it")


def filled(state: State, fill: Fill) -> Decision:
    """Stop entering if a fill was another bot's."""
    if not _is_strange(state, fill.cloid, fill.time_ms):
        return NOTHING
    return _stop(state, f"a fill in {fill.coin} has this bot's tag, and this bot did not place its order")


def duplicate(state: State, action: str, reason: str) -> Decision:
    """The first answer to an action: when it says that its nonce was used before, it was not by us.

    Once it may be a memory that was lost; the nonces go on further up. The third time in ten minutes it is a second
    bot with the same key.
    """
    if DUPLICATE_NONCE not in reason or action in state.duplicates:
        return NOTHING
    since_ms = state.now_ms - state.wait_ms(DUPLICATES_WITHIN_MS)
    recent = {each: at_ms for each, at_ms in state.duplicates.items() if at_ms > since_ms}
    state.duplicates = {**recent, action: state.now_ms}
    count = len(state.duplicates)
    text = f"the exchange says that a nonce which is new here was used before ({reason}); going on further up"
    skip = SkipNonces(by=NONCES_SKIPPED * count, reason=reason)
    decision = Decision(intents=(skip,), notes=(Note(topic="order", text=text, level="WARNING"),))
    if count < DUPLICATES_MAX:
        return decision
    return decision + _stop(state, f"{count} nonces within ten minutes had been used before we used them")


def _is_strange(state: State, cloid: str | None, time_ms: int) -> bool:
    if cloid is None or not is_ours(cloid, state.tag) or cloid in state.roles or cloid in state.coin_of:
        return False
    return time_ms > state.started_ms + state.wait_ms(EXPIRES_AFTER_MS + MARGIN_MS)


def _stop(state: State, evidence: str) -> Decision:
    reason = f"{evidence}: another bot seems to trade with this wallet; stop one of them"
    return brakes.trip(state, Brake.SECOND_BOT, reason)
