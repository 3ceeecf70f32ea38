"""The address limit: an account that has used up its requests may act once in ten seconds, and a refused try is free.

That one action is kept for exits and for stops that are missing, exits first. The first try of an exit is never held
back; its repetitions take turns, and what can wait (trailing moves, trims, leverage, entries) waits until nothing has
been refused for a minute. Nothing of this outlives the session: the next one hears it with its first refusal.
"""

from decimal import Decimal

from tidegate.core.state import CoinState, State
from tidegate.model.intents import NOTHING, Decision, Note

ADDRESS_LIMIT = "too many cumulative requests"
"""The exchange's words."""
SLOT_MS = 10_000
TURN_MS = 1_000
"""While it is not known when the exchange takes the next action, one try goes out so often."""
SPARING_MS = 60_000


def refused(state: State, reason: str) -> bool:
    """Whether a refusal is the address limit; then actions are rationed from here on."""
    if ADDRESS_LIMIT not in reason.lower():
        return False
    state.rationed = True
    state.sparing_until_ms = state.now_ms + state.wait_ms(SPARING_MS)
    return True


def accepted(state: State) -> Decision:
    """The exchange took an order: the ration is over. If only because ten seconds were, the next refusal says so."""
    state.accepted_ms = state.now_ms
    if not is_on(state):
        return NOTHING
    state.rationed = False
    text = "the exchange takes orders of this address again; exits and stops go as usual"
    return Decision(notes=(Note(topic="risk", text=text),))


def is_on(state: State) -> bool:
    """Whether actions are rationed."""
    return state.rationed and is_sparing(state)


def is_sparing(state: State) -> bool:
    """Whether what can wait has to wait."""
    return state.now_ms < state.sparing_until_ms


def not_before_ms(state: State, due_ms: int) -> int:
    """When a repetition that is due at `due_ms` makes sense: not before the exchange takes another action."""
    return max(due_ms, _slot_ms(state)) if is_on(state) else due_ms


def exit_has_turn(state: State, coin: CoinState) -> bool:
    """Whether the exit of this coin is repeated now: the one that was tried least and is oldest goes first."""
    if not is_on(state):
        return True
    due = [each for each in state.coins.values() if _is_due(state, each)]
    if state.now_ms < state.turn_ms or min(due, key=_exit_rank, default=coin).coin != coin.coin:
        return False
    _take_turn(state)
    return True


def stop_has_turn(state: State, coin: CoinState) -> bool:
    """Whether a missing stop of this coin is placed now: when no exit is under way, what is naked longest first."""
    if not is_on(state):
        return True
    if state.now_ms < max(state.turn_ms, _slot_ms(state)) or any(map(_is_leaving, state.coins.values())):
        return False
    naked = [each for each in state.coins.values() if each.uncovered_since_ms is not None and each.position.size]
    if min(naked, key=_stop_rank, default=coin).coin != coin.coin:
        return False
    _take_turn(state)
    return True


def next_turn_ms(state: State) -> int:
    """When whoever has no turn now asks again."""
    return max(state.turn_ms, state.now_ms + max(state.wait_ms(TURN_MS), 1))


def _take_turn(state: State) -> None:
    state.turn_ms = state.now_ms + state.wait_ms(TURN_MS)


def _slot_ms(state: State) -> int:
    return state.accepted_ms + state.wait_ms(SLOT_MS) if state.accepted_ms else 0


def _is_leaving(coin: CoinState) -> bool:
    return coin.exit is not None and coin.position.size != 0


def _is_due(state: State, coin: CoinState) -> bool:
    exit_ = coin.exit
    return _is_leaving(coin) and exit_ is not None and (exit_.retry_due_ms or state.now_ms) <= state.now_ms


def _exit_rank(coin: CoinState) -> tuple[int, int, str]:
    assert coin.exit is not None
    return coin.exit_attempts, coin.exit.decided_ms, coin.coin


def _stop_rank(coin: CoinState) -> tuple[int, Decimal, str]:
    return coin.uncovered_since_ms or 0, -abs(coin.position.size * coin.position.entry_price), coin.coin
