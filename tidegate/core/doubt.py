"""Orders in doubt: neither placed nor not placed, until the exchange has told or time has made it final.

Ask by cloid with growing pauses; while the order could still be accepted, send the very same bytes again (they can
execute at most once); when its expiry has passed and the exchange still knows no such order, it was never placed.
"""

from msgspec.structs import replace

from tidegate.core.state import OrderState, Phase, State, Working
from tidegate.model.events import OrderAccepted, OrderCanceled, OrderInDoubt, OrderRejected, OrderSeen
from tidegate.model.intents import NOTHING, Alert, Decision, FetchOrder, Intent, Note, ResendOrders
from tidegate.model.orders import Role

ASK_AFTER_MS = (300, 1_000, 2_000, 4_000)
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
    pause_ms = ASK_AFTER_MS[min(order.asks + 1, len(ASK_AFTER_MS) - 1)]
    asked = replace(order, asks=order.asks + 1, ask_due_ms=state.now_ms + state.wait_ms(pause_ms))
    state.keep_order(order.request.coin, asked)
    return Decision(intents=(FetchOrder(cloid=order.request.cloid),))


def on_seen(state: State, event: OrderSeen) -> Decision | OrderAccepted | OrderRejected | OrderCanceled:
    """The exchange's answer about one order: a fact of the usual kinds, or the next step of the protocol."""
    order = state.order(event.cloid)
    if order is None or order.state is not OrderState.DOUBT:
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
        at_ms=event.at_ms, coin=order.request.coin, cloid=event.cloid, oid=event.oid or 0, status=event.status
    )


def _unknown(state: State, order: Working) -> Decision | OrderRejected:
    cloid = order.request.cloid
    if state.now_ms > order.expires_ms + state.wait_ms(FINAL_AFTER_MS):
        return OrderRejected(at_ms=state.now_ms, cloid=cloid, reason="it never arrived (the exchange does not know it)")
    intents: list[Intent] = []
    notes: list[Note] = []
    if state.now_ms < order.expires_ms and order.resends < RESENDS_MAX:
        state.keep_order(order.request.coin, replace(order, resends=order.resends + 1))
        intents.append(ResendOrders(cloid=cloid))
        what = f"{order.request.coin} {order.request.role.value} {cloid[:14]}…"
        text = f"{what} is unknown to the exchange: sending the same bytes again"
        notes.append(Note(topic="order", text=text, level="WARNING"))
    elif order.resends == RESENDS_MAX and order.asks == RESENDS_MAX + len(ASK_AFTER_MS):
        intents.append(
            Alert(text=f"{order.request.coin}: the outcome of an order is still unknown", coin=order.request.coin)
        )
    return Decision(intents=tuple(intents), notes=tuple(notes))
