"""Whether the exchange's blocks go on: prices carry its time, and when that stands still while the stream is up,
nothing is traded there, whatever else it still answers.

When no newer time was heard for `STALL_MS` the newest block is asked for by REST: coins that are merely quiet have one.
If that is old as well the blocks stall: it is told aloud and entries wait. Exits are tried as ever, with their pauses.
"""

from tidegate.core import upkeep
from tidegate.core.state import State
from tidegate.model.events import BlockSeen
from tidegate.model.intents import NOTHING, Alert, Decision, FetchBlock, Note

STALL_MS = 10_000
ASK_EVERY_MS = 10_000


def heard(state: State, time_ms: int) -> Decision:
    """The exchange's time in something that was heard."""
    if time_ms <= state.block_ms:
        return NOTHING
    state.block_ms, state.block_at_ms = time_ms, state.now_ms
    upkeep.lagged(state, state.now_ms - time_ms)
    if state.stalled_since_ms is None or state.now_ms - time_ms >= state.wait_ms(STALL_MS):
        return NOTHING
    stood_s = (time_ms - state.stalled_since_ms) / state.speed / 1000
    state.stalled_since_ms = None
    text = f"the exchange's blocks go on after {stood_s:.0f} s; entries are allowed again"
    return Decision(notes=(Note(topic="stream", text=text, level="WARNING"),))


def due_ms(state: State) -> int | None:
    """When the newest block is to be asked for; None while that makes no sense."""
    if not (state.stream_up and state.block_ms and state.coins):
        return None
    quiet_ms = max(state.block_at_ms, state.stream_changed_ms) + state.wait_ms(STALL_MS)
    return max(quiet_ms, state.block_asked_ms + state.wait_ms(ASK_EVERY_MS))


def on_due(state: State) -> Decision:
    """No newer time was heard for long: ask."""
    due = due_ms(state)
    if due is None or state.now_ms < due:
        return NOTHING
    state.block_asked_ms = state.now_ms
    return Decision(intents=(FetchBlock(coin=next(iter(state.coins))),))


def on_seen(state: State, event: BlockSeen) -> Decision:
    """The newest block: either it is new, and only our coins are quiet, or nothing happens on the exchange at all."""
    decision = heard(state, event.time_ms)
    if decision or state.stalled_since_ms is not None or state.now_ms - event.time_ms < state.wait_ms(STALL_MS):
        return decision
    state.stalled_since_ms = event.time_ms
    age_s = (state.now_ms - event.time_ms) / state.speed / 1000
    text = f"the exchange's blocks stand still: the newest is {age_s:.0f} s old; entries wait, exits are tried on"
    return Decision(intents=(Alert(text=text),))


def hindrance(state: State) -> str | None:
    """Why an entry has to wait, or None."""
    return "the exchange's blocks stand still" if state.stalled_since_ms is not None else None
