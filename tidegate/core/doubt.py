"""Orders in doubt: neither placed nor not placed, until the exchange has told or time has made it final.

Ask by cloid with growing pauses; while the order could still be accepted, send the very same bytes again (they can
execute at most once); when its expiry has passed and the exchange still knows no such order, it was never placed.
"""

from msgspec.structs import replace

from tidegate.core.state import OrderState, Phase, State, Working
from tidegate.model.events import OrderAccepted, OrderCanceled, OrderInDoubt, OrderRejected, OrderSeen
from tidegate.model.intents import NOTHING, Alert, Decision, FetchOrder, Intent, Note, ResendOrders
from tidegate.model.orders import Role

ASK_AFTER_MS = (300, 1_000, 2_000, 4_000, 4_000, 5_000, 5_000, 10_000, 15_000, 30_000, 60_000)
"""The pauses before each question; the last one is kept, and cut short when the exchange is heard again."""
ALERT_AFTER_ASKS = 8
RESENDS_MAX = 3
FINAL_AFTER_MS = 5_000
"""This long after its expiry an order that the exchange does not know is known not to exist."""


def begin(state: State, event: OrderInDoubt) -> Decision:
    """An outcome is unknown: nothing new for this order, and questions from now on."""
    order = state.order(event.cloid)
    if order is None or order.state is OrderState.DOUBT:
        return NOTHING
    due_ms = state.now_ms + state.wait_ms(ASK_AFTER_MS[0])
    state.keep_order(order.request.coin, replace(order, state=OrderState.DOUBT, ask_due_ms=due_ms, asks=0))
    coin = state.coins[order.request.coin]
    if order.request.role is Role.ENTRY and coin.phase is Phase.ENTERING:
        state.change(coin.coin, phase=Phase.IN_DOUBT)
    text = f"{order.request.coin} {order.request.role.value} {event.cloid[:14]}… is in doubt: {event.reason}"
    return Decision(notes=(Note(topic="order", text=text, level="WARNING"),))


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
    if asked.asks != ALERT_AFTER_ASKS:
        return Decision(intents=(ask,))
    text = f"{order.request.coin}: the outcome of an order ({order.request.role.value}) is still unknown"
    return Decision(intents=(ask, Alert(text=text, coin=order.request.coin)))


def ask_soon(state: State, name: str) -> None:
    """The exchange answers again: do not sit out long pauses."""
    due_ms = state.now_ms + state.wait_ms(ASK_AFTER_MS[0])
    for order in state.coins[name].orders.values():
        if order.state is OrderState.DOUBT and order.asks >= ALERT_AFTER_ASKS:
            state.keep_order(name, replace(order, ask_due_ms=min(order.ask_due_ms or due_ms, due_ms)))


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
    intents: list[Intent] = []
    notes: list[Note] = []
    alone = state.coins[order.request.coin].left_alone
    if state.now_ms < order.expires_ms and order.resends < RESENDS_MAX and not alone:
        state.keep_order(order.request.coin, replace(order, resends=order.resends + 1))
        intents.append(ResendOrders(cloid=cloid))
        what = f"{order.request.coin} {order.request.role.value} {cloid[:14]}…"
        text = f"{what} is unknown to the exchange: sending the same bytes again"
        notes.append(Note(topic="order", text=text, level="WARNING"))
    return Decision(intents=tuple(intents), notes=tuple(notes))
