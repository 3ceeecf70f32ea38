"""Orders in doubt: neither placed nor not placed, until the exchange has told or time has made it final.

Ask by cloid with growing pauses; while the order could still be accepted, send the very same bytes again (they can
execute at most once); when its expiry has passed and the exchange still knows no such order, it was never placed.
An entry that nobody wants any more is not sent again: its nonce is used up, so that it can never be placed. Orders
that left in one action are in doubt together, so what is sent for one of them is sent for all, once.
"""

from msgspec.structs import replace

from tidegate.core import ration, rivals
from tidegate.core.state import CoinState, OrderState, Phase, State, Working
from tidegate.model.events import OrderAccepted, OrderCanceled, OrderInDoubt, OrderRejected, OrderSeen
from tidegate.model.intents import NOTHING, Alert, Decision, FetchOrder, Note, ResendOrders, SpendNonce
from tidegate.model.orders import Role
from tidegate.model.signals import Want

ASK_AFTER_MS = (300, 1_000, 2_000, 4_000, 4_000, 5_000, 5_000, 10_000, 15_000, 30_000, 60_000)
"""The pauses before each question; the last one is kept, and cut short when the exchange is heard again."""
ALERT_AFTER_ASKS = 8
ALERT_AFTER_MS = 30_000
"""An order that was never answered is told of so long after it left."""
RESENDS_MAX = 3
SPENDS_MAX = 4
REPEAT_AFTER_MS = 300
"""The answers about all orders of one action come together: the second one is no reason to send again."""
UNWANTED_PATIENCE_MS = 1_500
"""How long an entry that nobody wants any more may stay unanswered: a bot that leaves has five seconds."""
FINAL_AFTER_MS = 5_000
"""This long after its expiry an order that the exchange does not know is known not to exist."""


def begin(state: State, event: OrderInDoubt) -> Decision:
    """An outcome is unknown: nothing new for this order, and questions from now on."""
    order = state.order(event.cloid)
    if order is None:
        return NOTHING
    first_answer = not (order.resends or order.spends)
    duplicate = rivals.duplicate(state, _action(order), event.reason) if first_answer else NOTHING
    if order.state is OrderState.DOUBT:
        return duplicate
    due_ms = state.now_ms + state.wait_ms(ASK_AFTER_MS[0])
    state.keep_order(order.request.coin, replace(order, state=OrderState.DOUBT, ask_due_ms=due_ms, asks=0))
    coin = state.coins[order.request.coin]
    if order.request.role is Role.ENTRY and coin.phase is Phase.ENTERING:
        state.change(coin.coin, phase=Phase.IN_DOUBT)
    text = f"{order.request.coin} {order.request.role.value} {event.cloid[:14]}… is in doubt: {event.reason}"
    return Decision(notes=(Note(topic="order", text=text, level="WARNING"),)) + duplicate


def on_due(state: State, order: Working) -> Decision:
    """A question is due."""
    if order.ask_due_ms is None or state.now_ms < order.ask_due_ms:
        return NOTHING
    cloid = order.request.cloid
    if order.state in (OrderState.SENT, OrderState.WAITING):
        return begin(state, OrderInDoubt(at_ms=state.now_ms, cloid=cloid, reason="no answer came"))
    pause_ms = ASK_AFTER_MS[min(order.asks + 1, len(ASK_AFTER_MS) - 1)]
    asked = replace(order, asks=order.asks + 1, ask_due_ms=state.now_ms + state.wait_ms(pause_ms))
    state.keep_order(order.request.coin, asked)
    ask = FetchOrder(cloid=cloid)
    overdue = order.oid is None and state.now_ms >= order.sent_ms + state.wait_ms(ALERT_AFTER_MS)
    if order.told or (asked.asks < ALERT_AFTER_ASKS and not overdue):
        return Decision(intents=(ask,))
    state.keep_order(order.request.coin, replace(asked, told=True))
    text = f"{order.request.coin}: the outcome of an order ({order.request.role.value}) is still unknown"
    return Decision(intents=(ask, Alert(text=text, coin=order.request.coin)))


def ask_soon(state: State, name: str) -> None:
    """The exchange answers again: do not sit out long pauses."""
    due_ms = state.now_ms + state.wait_ms(ASK_AFTER_MS[0])
    for order in state.coins[name].orders.values():
        if order.state is OrderState.DOUBT and order.asks >= ALERT_AFTER_ASKS:
            state.keep_order(name, replace(order, ask_due_ms=min(order.ask_due_ms or due_ms, due_ms)))


def ask_again(state: State, order: Working) -> None:
    """Something was heard of an exit in doubt, though nothing final: it may be the word about its first sending."""
    if order.request.role is Role.EXIT and order.state is OrderState.DOUBT and order.ask_due_ms is not None:
        due_ms = min(order.ask_due_ms, state.now_ms + state.wait_ms(ASK_AFTER_MS[0]))
        state.keep_order(order.request.coin, replace(order, ask_due_ms=due_ms))


def ask_now(state: State) -> None:
    """Entries are not wanted any more: those in doubt are asked about at once, so that none lands behind our back."""
    for coin in tuple(state.coins.values()):
        for order in coin.live(Role.ENTRY):
            state.keep_order(coin.coin, replace(order, ask_due_ms=_hurried_ms(state, order)))


def overtaken(state: State, coin: CoinState, want: Want) -> None:
    """The strategy has spoken anew: an entry on its way that it now contradicts is given up should it be unknown."""
    for order in coin.live(Role.ENTRY):
        contradicted = want is Want.FLAT or want.direction == -order.request.side.sign
        if contradicted and not order.unwanted and order.state in (OrderState.SENT, OrderState.DOUBT):
            why, due_ms = f"the strategy now wants {want.value}", _hurried_ms(state, order)
            state.keep_order(coin.coin, replace(order, unwanted=why, ask_due_ms=due_ms))


def _hurried_ms(state: State, order: Working) -> int | None:
    """When to ask about an entry that is not wanted: now, if its answer has had the time that answers take."""
    if order.ask_due_ms is None or order.state not in (OrderState.SENT, OrderState.DOUBT):
        return order.ask_due_ms
    is_sent = order.state is OrderState.SENT
    due_ms = max(state.now_ms, order.sent_ms + state.wait_ms(UNWANTED_PATIENCE_MS)) if is_sent else state.now_ms
    return min(order.ask_due_ms, due_ms)


def on_seen(state: State, event: OrderSeen) -> Decision | OrderAccepted | OrderRejected | OrderCanceled:
    """The exchange's answer about one order: a fact of the usual kinds, or the next step of the protocol."""
    order = state.order(event.cloid)
    if order is None or not (order.state is OrderState.DOUBT or _is_filled_entry(order, event)):
        return NOTHING
    if event.status is None:
        return _unknown(state, order)
    if event.status in ("open", "triggered"):
        return OrderAccepted(at_ms=event.at_ms, cloid=event.cloid, oid=event.oid)
    if event.status == "filled":
        state.next_account_ms = state.now_ms
        size = event.filled or order.request.size
        return OrderAccepted(at_ms=event.at_ms, cloid=event.cloid, oid=event.oid, resting=False, filled=size)
    if event.status.lower().endswith("rejected"):
        return OrderRejected(at_ms=event.at_ms, cloid=event.cloid, reason=event.status)
    state.next_account_ms = state.now_ms
    return OrderCanceled(
        at_ms=event.at_ms,
        coin=order.request.coin,
        cloid=event.cloid,
        oid=event.oid or 0,
        status=event.status,
        filled=event.filled,
    )


def _is_filled_entry(order: Working, event: OrderSeen) -> bool:
    """Whether the exchange tells of an entry that rested that all of it is filled."""
    rested = order.state in (OrderState.RESTING, OrderState.WAITING)
    return rested and order.request.role is Role.ENTRY and event.status == "filled"


def _unknown(state: State, order: Working) -> Decision | OrderRejected:
    cloid = order.request.cloid
    if state.now_ms > order.expires_ms + state.wait_ms(FINAL_AFTER_MS):
        return OrderRejected(at_ms=state.now_ms, cloid=cloid, reason="it never arrived (the exchange does not know it)")
    repeated = state.now_ms < order.repeated_ms + state.wait_ms(REPEAT_AFTER_MS)
    if state.now_ms >= order.expires_ms or repeated:
        return NOTHING
    entry = state.order(_action(order))
    why = _unwanted(state, entry) if entry is not None and entry.request.role is Role.ENTRY else ""
    if why:
        return _give_up(state, order, why)
    return _send_again(state, order)


def _unwanted(state: State, entry: Working) -> str:
    """Why an entry in doubt is better never placed; empty while it is wanted."""
    if state.stopping:
        return "the bot is stopping"
    for trip in state.brakes.trips:
        return f"{trip.brake.value}: {trip.reason}"
    coin = state.coins[entry.request.coin]
    if coin.left_alone:
        return "a position that this bot did not open is there"
    return entry.unwanted or (coin.making.ending if coin.making is not None else "")


def _give_up(state: State, order: Working, why: str) -> Decision:
    """The order itself is never signed again; only its nonce is, for an action that does nothing."""
    together = _together(state, order)
    if order.spends >= SPENDS_MAX or ration.is_sparing(state):
        return NOTHING
    for each in together:
        spent = replace(each, spends=order.spends + 1, repeated_ms=state.now_ms)
        state.keep_order(each.request.coin, spent)
    name, cloid = order.request.coin, _action(order)
    text = f"{name} entry {cloid[:14]}… is unknown to the exchange and not wanted any more ({why}): using up its nonce"
    wish = SpendNonce(
        coin=name,
        cloid=order.request.cloid,
        cloids=tuple(each.request.cloid for each in together),
        expires_ms=order.expires_ms,
        reason=why,
    )
    return Decision(intents=(wish,), notes=(Note(topic="order", text=text, level="WARNING"),))


def _send_again(state: State, order: Working) -> Decision:
    name, cloid = order.request.coin, order.request.cloid
    if order.resends >= RESENDS_MAX or order.spends or state.coins[name].left_alone:
        return NOTHING
    if ration.is_sparing(state) and (order.parent or order.request.role is Role.ENTRY):
        return NOTHING  # an entry can wait, and ends with its expiry
    together = _together(state, order)
    for each in together:
        state.keep_order(name, replace(each, resends=each.resends + 1, repeated_ms=state.now_ms))
    what = f"{name} {order.request.role.value} {cloid[:14]}…"
    text = f"{what} is unknown to the exchange: sending the same bytes again"
    wish = ResendOrders(cloid=cloid, cloids=tuple(each.request.cloid for each in together))
    return Decision(intents=(wish,), notes=(Note(topic="order", text=text, level="WARNING"),))


def _action(order: Working) -> str:
    """What names the action in which an order left: its entry's cloid, or its own."""
    return order.parent or order.request.cloid


def _together(state: State, order: Working) -> list[Working]:
    """The orders in doubt that left in the same action."""
    name, action = order.request.coin, _action(order)
    orders = (each for each in state.coins[name].orders.values() if _action(each) == action)
    return [each for each in orders if each.state is OrderState.DOUBT]
