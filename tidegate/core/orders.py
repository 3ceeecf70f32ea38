"""The life of our orders: from sent to accepted, rejected, in doubt, open, over. Fills are not counted here."""

from decimal import Decimal

from msgspec.structs import replace

from tidegate.core import (
    credentials,
    doubt,
    entering,
    entries,
    exits,
    leverages,
    manual,
    metadata,
    protection,
    ration,
    refusals,
    refused_stops,
    rivals,
    schedule,
    trims,
    twaps,
)
from tidegate.core.state import CoinState, OrderState, Phase, State, Working
from tidegate.model.events import (
    LeverageRefused,
    LeverageSet,
    NonceSpent,
    OrderAccepted,
    OrderCanceled,
    OrderInDoubt,
    OrderOpened,
    OrderRejected,
    OrdersSent,
)
from tidegate.model.intents import NOTHING, Decision, Note
from tidegate.model.orders import DRY_RUN, Role, Trigger

GONE = "gone"
"""How a cancel ends that found nothing to cancel."""
NO_POSITION = "reduce only order would increase position"
"""The exchange's way of saying that the position is closed already (or not what we think): success, once verified."""


def on_sent(state: State, event: OrdersSent) -> Decision:
    """The bytes left: note when, for the recap."""
    for cloid in event.cloids:
        coin = state.coins.get(state.coin_of.get(cloid, ""))
        if coin is not None and coin.exit is not None and coin.exit.cloid == cloid:
            state.change(coin.coin, exit=replace(coin.exit, sent_ns=event.sent_ns, sent_ms=event.at_ms))
    return NOTHING


def on_accepted(state: State, event: OrderAccepted) -> Decision:
    """The exchange took an order: it rests, or it is over with what it filled at once."""
    order = state.order(event.cloid)
    if order is None:
        return NOTHING
    state.expired_in_a_row = 0
    # What was in doubt was taken at some time, not now: it says nothing of what the exchange takes of this address.
    again = ration.accepted(state) if order.state is not OrderState.DOUBT else NOTHING
    return again + _taken(state, state.coins[order.request.coin], order, event)


def _taken(state: State, coin: CoinState, order: Working, event: OrderAccepted) -> Decision:
    if event.resting:
        resting = replace(order, state=OrderState.RESTING, oid=event.oid or order.oid, ask_due_ms=None)
        state.keep_order(coin.coin, resting)
        if order.request.role is Role.STOP:
            refused_stops.taken(state, coin.coin)
        if order.request.role is Role.ENTRY and coin.phase is Phase.IN_DOUBT:
            state.change(coin.coin, phase=Phase.ENTERING)
        return Decision(notes=(Note(topic="order", text=_accepted_text(order, event)),)) + _settled(state, coin.coin)
    state.drop_order(event.cloid)
    note = Note(topic="order", text=_accepted_text(order, event))
    decision = Decision(notes=(note,))
    if order.request.role is Role.ENTRY:
        return decision + entering.over(state, coin.coin, order, event.filled) + _settled(state, coin.coin)
    if order.request.role is Role.EXIT:
        return decision + _exit_over(state, coin.coin, order, event.filled)
    if order.request.role is Role.TRIM:
        return decision + trims.over(state, coin.coin, event.filled)
    return decision


def _accepted_text(order: Working, event: OrderAccepted) -> str:
    request = order.request
    what = f"{request.coin} {request.role.value} {request.side.value} {request.size} {event.cloid[:14]}…"
    if event.resting:
        return f"{what} rests{'' if event.oid is None else f' as {event.oid}'} at {_level(order)}"
    at = f" at {event.average_price}" if event.average_price is not None else ""
    return f"{what} filled {event.filled}{at}" if event.filled else f"{what} filled nothing"


def _level(order: Working) -> Decimal:
    kind = order.request.kind
    return kind.trigger_price if isinstance(kind, Trigger) else order.request.price


def _exit_over(state: State, name: str, order: Working, filled: Decimal) -> Decision:
    coin = state.coins[name]
    if coin.exit is None or not coin.position.size:
        return _settled(state, name)
    partly = filled < order.request.size
    exits.try_again(state, coin, order.request.cloid, None if partly else protection.COVER_REPEAT_MS)
    if partly:
        return NOTHING
    return Decision(intents=(schedule.fetch_account(state, "an exit filled"),))


def on_rejected(state: State, event: OrderRejected) -> Decision:
    """The exchange said no, in its words. When it refuses a repetition, that says nothing of the first sending."""
    order = state.order(event.cloid)
    if order is None:
        return twaps.refused(state, event)
    if order.state is OrderState.DOUBT and order.resends:
        text = f"{order.request.coin} {order.request.role.value}: the repetition was refused ({event.reason})"
        note = Note(topic="order", text=f"{text}; asking on", level="WARNING")
        limited = refusals.address_limit(state, event.reason) or NOTHING
        doubt.ask_again(state, order)
        return credentials.refused(state, event.reason) + Decision(notes=(note,)) + limited
    ration.refused(state, event.reason)  # known before the next try is timed
    gone = never_placed(state, order, event.reason)
    if order.request.role is Role.STOP:
        gone += refused_stops.answered(state, order, event.reason)
    heard = refusals.heard(state, order, event.reason) + metadata.refused(state, event.reason)
    return credentials.refused(state, event.reason) + gone + heard


def never_placed(state: State, order: Working, reason: str) -> Decision:
    """It is certain that an order is not on the exchange and never was."""
    request = order.request
    state.drop_order(request.cloid)
    what = f"{request.coin} {request.role.value} {request.side.value} {request.size}"
    decision = Decision(notes=(_rejected_note(what, order, reason),))
    coin = state.coins[request.coin]
    if request.role is Role.ENTRY:
        return decision + entering.refused(state, order, reason)
    if request.role is Role.EXIT:
        return decision + _exit_rejected(state, coin, order, reason)
    if request.role is Role.STOP:
        decision += entering.stop_refused(state, order, reason)
        coin = state.coins[coin.coin]
    if coin.position.size and request.role is Role.STOP:
        return decision + protection.on_refused(state, coin, reason) + _settled(state, coin.coin)
    if coin.position.size:
        protection.watch(state, coin.coin)
    return decision + _settled(state, coin.coin)


def _rejected_note(what: str, order: Working, reason: str) -> Note:
    if reason.startswith(DRY_RUN):
        return Note(topic="order", text=f"{what} at {_level(order)}, {reason}")
    return Note(topic="order", text=f"{what} rejected: {reason}", level="WARNING")


def _exit_rejected(state: State, coin: CoinState, order: Working, reason: str) -> Decision:
    if coin.exit is None:
        return _settled(state, coin.coin)
    closed_already = NO_POSITION in reason.lower() and coin.exit_attempts == 1
    exits.try_again(state, coin, order.request.cloid, protection.COVER_REPEAT_MS if closed_already else None)
    return Decision(intents=(schedule.fetch_account(state, "an exit was rejected"),))


def on_canceled(state: State, event: OrderCanceled) -> Decision:
    """An order is over without being filled entirely."""
    order = _find(state, event.coin, event.cloid, event.oid)
    if order is None:
        return NOTHING
    request = order.request
    if request.role is Role.ENTRY and event.filled is None and state.coins[request.coin].making is not None:
        return entering.ask(state, order)
    if event.status == GONE and order.state in (OrderState.SENT, OrderState.DOUBT):
        return entering.ask(state, order)  # the cancel may have overtaken it: it can still be placed
    state.drop_order(request.cloid)
    text = f"{request.coin} {request.role.value} {request.size} at {_level(order)} is over: {event.status}"
    decision = Decision(notes=(Note(topic="order", text=text),))
    coin = state.coins[request.coin]
    if request.role is Role.ENTRY and (not coin.position.size or coin.left_alone or coin.making is not None):
        return decision + entering.over(state, coin.coin, order, event.filled or Decimal(0))
    if coin.position.size and request.role is Role.STOP:
        decision += manual.stop_cancelled(state, order, event.status)
        protection.watch(state, coin.coin)
    if request.role is Role.EXIT:
        exits.try_again(state, coin, request.cloid)
    if request.role is Role.TRIM:
        decision += trims.over(state, coin.coin, event.filled or Decimal(0))
    return decision + _settled(state, coin.coin)


def on_opened(state: State, event: OrderOpened) -> Decision:
    """The exchange shows one of our orders as open: its number becomes known, what waited rests now."""
    order = _find(state, event.order.coin, event.order.cloid, event.order.oid)
    if order is None:
        return NOTHING
    if order.request.coin != event.order.coin:
        return metadata.misplaced(state, order.request.coin, event.order.cloid, event.order.coin)
    fresh = order.state is not OrderState.RESTING
    resting = replace(order, state=OrderState.RESTING, oid=event.order.oid, confirmed_ms=state.now_ms, ask_due_ms=None)
    state.keep_order(order.request.coin, resting)
    decision = NOTHING
    if event.triggered:
        text = f"{order.request.coin} {order.request.role.value} at {_level(order)} was triggered on the exchange"
        decision = Decision(notes=(Note(topic="order", text=text),))
    elif fresh and order.request.role is Role.STOP:
        decision = protection.retire_old_stops(state, state.coins[order.request.coin])
    return decision


def _find(state: State, coin: str, cloid: str | None, oid: int | None) -> Working | None:
    if cloid is not None:
        return state.order(cloid)
    orders = state.coins[coin].orders.values() if coin in state.coins else ()
    return next((order for order in orders if oid is not None and order.oid == oid), None)


def _settled(state: State, name: str) -> Decision:
    """One order less is unknown: a waiting signal may go now, a replaced stop may be cancelled."""
    coin = state.coins[name]
    return protection.retire_old_stops(state, coin) + entries.consider(state, state.coins[name])


def on_doubt(state: State, event: OrderInDoubt) -> Decision:
    """Nobody knows whether the order was placed: settle it by asking."""
    return twaps.doubted(state, event) if twaps.of(state, event.cloid) else doubt.begin(state, event)


def on_spent(state: State, event: NonceSpent) -> Decision:
    """The nonce of orders in doubt went to an action that does nothing: it is certain that they can never be placed."""
    decision = NOTHING
    for cloid in event.cloids:
        decision += twaps.spent(state, cloid)
        order = state.order(cloid)  # the exits of an entry go with it
        if order is not None and order.state is OrderState.DOUBT:
            decision += never_placed(state, order, "its nonce was used up before it arrived, it can never be placed")
    return decision


def on_leverage(state: State, event: LeverageSet) -> Decision:
    """The leverage stands; a waiting signal may go now."""
    if event.coin not in state.coins:
        return NOTHING
    coin = state.coins[event.coin]
    meant = coin.score_leverage is None or event.leverage == leverages.wanted(state, coin)  # else a later signal's
    leverage = event.leverage if meant else None
    coin = state.change(event.coin, leverage=leverage, shown_leverage=event.leverage, cross=event.cross)
    if coin.phase is Phase.SUSPENDED and not coin.left_alone:
        coin = state.change(event.coin, phase=Phase.READY, why="")
    how = "not sent, dry run" if state.settings.dry_run else "confirmed"
    margin = "cross" if event.cross else "isolated"
    note = Note(topic="account", text=f"{event.coin} leverage {event.leverage}x {margin} {how}")
    return Decision(notes=(note,)) + entries.consider(state, coin)


def on_leverage_refused(state: State, event: LeverageRefused) -> Decision:
    """The exchange refuses the leverage: the coin cannot be traded as the settings ask."""
    coin = state.coins.get(event.coin)
    if coin is None:
        return NOTHING
    duplicate = rivals.duplicate(state, f"leverage of {event.coin} at {state.now_ms}", event.reason)
    limited = refusals.address_limit(state, event.reason)
    if limited is not None:
        state.change(event.coin, leverage=None)
        return limited
    why = f"the leverage was refused: {event.reason}"
    if coin.why == why:
        return duplicate
    if coin.left_alone:
        state.change(event.coin, leverage=None)
    else:
        phase = coin.phase if coin.position.size or coin.orders else Phase.SUSPENDED
        state.change(event.coin, leverage=None, phase=phase, why=why)
    note = Note(topic="risk", text=f"{event.coin}: {why}", level="WARNING")
    heard = credentials.refused(state, event.reason) + metadata.refused(state, event.reason)
    return heard + Decision(notes=(note,))
