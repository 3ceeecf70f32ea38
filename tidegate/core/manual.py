"""What the account's owner does by hand beside the bot: it is noticed, explained once, and never fought.

What was closed stays closed, what was made larger or smaller stays so and is guarded as it is. A resting stop that
was cancelled by hand is placed again; with RESPECT_MANUAL a second time is taken for an answer.
"""

from msgspec.structs import replace

from tidegate.core.state import CoinState, OrderState, State, Working
from tidegate.model.brackets import ExitReason
from tidegate.model.intents import NOTHING, Alert, Decision, Note, Remember
from tidegate.model.orders import Role, is_ours
from tidegate.model.positions import Fill, Position

BY_HAND = "canceled"
"""The exchange's word for an order that was cancelled with a key of the account, not by the exchange itself."""
CANCELS_RESPECTED = 2
BY_THE_EXCHANGE = {"Settlement": ExitReason.DELISTED, "Auto-Deleveraging": ExitReason.DELEVERAGED}
"""How the exchange words fills that it makes itself, besides liquidations: nobody's hand is in them."""


def leaves_unguarded(state: State, coin: CoinState) -> bool:
    """Whether the position goes without a resting stop, because its owner wants it so."""
    return state.settings.respect_manual and coin.stop_cancels >= CANCELS_RESPECTED


def stop_cancelled(state: State, order: Working, status: str) -> Decision:
    """A resting stop is over: was it cancelled by hand, and what does that mean?"""
    coin = state.coins[order.request.coin]
    ours = bool(order.unwanted) or order.state is OrderState.WAITING
    if status != BY_HAND or ours or order.request.role is not Role.STOP or not coin.position.size or coin.left_alone:
        return NOTHING
    coin = state.change(coin.coin, stop_cancels=coin.stop_cancels + 1)
    remember = Remember(record=coin.remembered())
    if not leaves_unguarded(state, coin):
        last = state.settings.respect_manual
        text = f"{coin.coin}: its resting stop was cancelled by hand; it is placed again"
        if last:
            text += ", this once: cancelled a second time it stays cancelled (RESPECT_MANUAL=true)"
        return Decision(intents=(remember,), notes=(Note(topic="account", text=text, level="WARNING"),))
    state.change(coin.coin, cover_due_ms=None, uncovered_since_ms=None, covered_ms=0, growth_due_ms=None)
    level = coin.bracket.stop if coin.bracket is not None else None
    text = (
        f"{coin.coin}: its resting stop was cancelled by hand again and stays cancelled (RESPECT_MANUAL=true): "
        f"{coin.position.size} is unguarded on the exchange; while the bot runs its own stop at {level} still fires"
    )
    note = Note(topic="risk", text=text, level="WARNING")
    return Decision(intents=(remember, Alert(text=text, coin=coin.coin)), notes=(note,))


def may_be_by_hand(state: State, coin: CoinState, order: Working) -> bool:
    """Whether it matters who ended this stop, of which nothing was heard."""
    is_stop = order.request.role is Role.STOP and order.state is OrderState.RESTING and not order.unwanted
    return state.settings.respect_manual and is_stop and coin.position.size != 0 and not coin.waits_for_entry(order)


def ask_about(order: Working, now_ms: int) -> Working:
    """A stop that is gone without a word: what became of it must be asked."""
    return replace(order, state=OrderState.DOUBT, ask_due_ms=now_ms, asks=0)


def changed(state: State, coin: CoinState, fill: Fill, role: Role | None, before: Position) -> Decision:
    """A fill that no order of ours has caused, in a position of ours: one line for each such order."""
    by_hand = role is None and fill.twap_id is None and not is_ours(fill.cloid, state.tag) and not fill.liquidation
    if not by_hand or not before.size or coin.left_alone or not state.tells_again("by hand", f"{fill.coin} {fill.oid}"):
        return NOTHING
    after = coin.position
    if fill.direction_text in BY_THE_EXCHANGE:
        why = f"{BY_THE_EXCHANGE[fill.direction_text].value}, in its words: {fill.direction_text}"
        return _told(
            f"{coin.coin}: the exchange took {fill.size} of the position of {before.size} at {fill.price} ({why})"
        )
    if not after.size:
        return _told(f"{coin.coin}: the position of {before.size} was closed by hand; it stays closed")
    if after.direction != before.direction:
        return _told(f"{coin.coin}: the position of {before.size} was turned round by hand; what is there now is yours")
    if abs(after.size) < abs(before.size):
        what, then = "made smaller", "its stop is fitted to what is left"
    else:
        what, then = "made larger", "all of it is guarded"
    return _told(f"{coin.coin}: the position was {what} by hand, from {before.size} on; it stays so, {then}")


def _told(text: str) -> Decision:
    return Decision(notes=(Note(topic="account", text=text, level="WARNING"),))
