"""A stop that the exchange refuses for good: placed once more at once, and if that is refused too, the position ends.

Owns the answer to a definite no to the stop itself (row 002-22). What says nothing of the stop (the address limit, a
request that came too late, a key that is not taken), what is in doubt and what merely vanished are left to the cover
check with its patience.
"""

from tidegate.core import exits, manual, protection, ration, refusals
from tidegate.core.state import CoinState, Phase, State, Working
from tidegate.model.brackets import ExitReason
from tidegate.model.intents import NOTHING, Alert, Decision, Note
from tidegate.model.orders import DRY_RUN
from tidegate.model.positions import Side

NOT_OF_THE_STOP = (ration.ADDRESS_LIMIT, refusals.EXPIRED, "nonce", "does not exist", "must deposit", "http ")
"""Words of refusals that would have met any other action as well, an exit too."""


def answered(state: State, order: Working, reason: str) -> Decision:
    """A stop was refused, and is off the books: place it anew at once; a second no in a row closes the position."""
    coin = state.coins[order.request.coin]
    words = reason.lower()
    if any(each in words for each in NOT_OF_THE_STOP) or reason.startswith(DRY_RUN) or _is_guarded(state, coin):
        return NOTHING
    again = coin.stop_refused_in == coin.generation
    coin = state.change(coin.coin, stop_refused_in=coin.generation)
    if not _is_naked(state, coin, order):
        return NOTHING
    if again:
        text = f"{coin.coin}: the exchange refuses a stop twice ({reason}), closing the position"
        alert = Decision(intents=(Alert(text=text, coin=coin.coin),))
        return alert + exits.at_once(state, coin, ExitReason.EMERGENCY, text)
    if not ration.stop_has_turn(state, coin):
        return NOTHING
    text = f"{coin.coin}: the exchange refuses a stop ({reason}), placing it anew"
    note = Note(topic="risk", text=text, level="WARNING")
    return Decision(notes=(note,)) + protection.place_stop(state, coin, abs(coin.position.size))


def taken(state: State, name: str) -> None:
    """A stop was taken: the next refusal is the first one again."""
    if state.coins[name].stop_refused_in >= 0:
        state.change(name, stop_refused_in=-1)


def _is_guarded(state: State, coin: CoinState) -> bool:
    """Whether something else covers the position, or may in a moment: then a refusal leaves nothing open."""
    return bool(coin.covered_ms) or protection.has_cover_coming(state, coin)


def _is_naked(state: State, coin: CoinState, order: Working) -> bool:
    if not coin.position.size or coin.phase is not Phase.HOLDING or manual.leaves_unguarded(state, coin):
        return False
    closes = order.request.side is Side.opening(coin.position.direction).opposite
    return closes and coin.bracket is not None and coin.bracket.stop is not None
