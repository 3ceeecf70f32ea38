"""Which rows a journal line implies: one function for each kind of fact or wish that leaves a trace in a table.

Pure. Candles stand apart from the other rows: they may wait while an order hurries into the database.
"""

from collections.abc import Callable, Iterator

from tidegate.model import events, intents
from tidegate.model.events import Event
from tidegate.model.intents import Decision, Intent
from tidegate.model.positions import Fill
from tidegate.storage import rows
from tidegate.storage.rows import Values
from tidegate.storage.statements import Write

Implied = Iterator[tuple[Write, Values]]


def order_change(cloid: str, at_ms: int, status: str, text: str = "", oid: int | None = None) -> Values:
    """The parameters of a change of an order's status; `oid` None leaves the number as it is."""
    return {
        "of_cloid": cloid,
        "new_status": rows.short(status),
        "new_status_text": rows.short(text),
        "new_updated_ms": rows.stored_ms(at_ms),
        "new_oid": None if oid is None else str(oid),
    }


def rows_of_event(event: Event) -> Implied:
    """The writes that a fact implies, candles excepted."""
    implied = _OF_EVENT.get(type(event))
    return implied(event) if implied else iter(())


def rows_of_intent(intent: Intent, at_ms: int) -> Implied:
    """The writes that a wish implies."""
    if isinstance(intent, intents.PlaceOrders):
        for order in intent.orders:
            yield (
                Write.PLAN_ORDER,
                rows.planned_order(
                    order,
                    signal_id=intent.signal_id,
                    reason=intent.reason,
                    expires_ms=intent.expires_ms,
                    at_ms=at_ms,
                ),
            )
    elif isinstance(intent, intents.Remember):
        yield Write.POSITION, rows.position_row(intent.record)
    elif isinstance(intent, intents.RememberBrakes):
        yield Write.BRAKES, rows.brakes_row(intent.brakes)
    elif isinstance(intent, intents.Choose):
        yield Write.CHOICE, rows.choice_row(intent.choice)
    elif isinstance(intent, intents.Answer):
        yield Write.ANSWER_COMMAND, {"of_id": intent.id, "new_answer": rows.short(intent.text)}
    elif isinstance(intent, intents.BookClosed):
        yield Write.CLOSED_POSITION, rows.closed_row(intent.closed)


def candles_of(event: events.CandlesFetched) -> Iterator[Values]:
    """The rows of the candles that were read and closed when the exchange answered: the forming one is never stored."""
    for candle in event.candles:
        known = candle.open_ms < event.stored_ms or candle.close_ms >= event.exchange_ms
        row = None if known else rows.candle_row(event.coin, candle)
        if row is not None:
            yield row


TOLD_ANEW = 3
"""The stream may close a candle, or correct the one before, in the moment in which the strategy is told all of them."""


def candles_told(decision: Decision) -> Iterator[Values]:
    """The rows of candles that the stream has closed, as the strategy was told of them.

    One without any trade may be inferred: it is left to REST. Where the strategy is told everything anew, most of it
    is known here.
    """
    for intent in decision.intents:
        if isinstance(intent, intents.Evaluate):
            told = intent.candles[-TOLD_ANEW:] if intent.reset else intent.candles
            found = (rows.candle_row(intent.coin, candle) for candle in told if candle.trades)
            yield from (row for row in found if row is not None)


def _sent(event: events.OrdersSent) -> Implied:
    for cloid in event.cloids:
        change = order_change(cloid, event.at_ms, rows.SENT)
        yield Write.SEND_ORDER, change | {"new_nonce": event.nonce, "new_transport": event.transport}


def _accepted(event: events.OrderAccepted) -> Implied:
    if event.resting:
        yield Write.CHANGE_ORDER, order_change(event.cloid, event.at_ms, rows.RESTING, oid=event.oid)
    else:
        status = rows.FILLED if event.filled > 0 else rows.ENDED
        yield Write.END_ORDER, order_change(event.cloid, event.at_ms, status, oid=event.oid)


def _rejected(event: events.OrderRejected) -> Implied:
    yield Write.END_ORDER, order_change(event.cloid, event.at_ms, rows.REJECTED, event.reason)


def _canceled(event: events.OrderCanceled) -> Implied:
    if event.cloid is None:
        change = order_change("", event.at_ms, event.status)
        yield Write.END_ORDER_BY_OID, change | {"of_oid": str(event.oid)}
    else:
        # The answer to a cancellation by cloid names no number; 0 must not hide the one we know.
        yield Write.END_ORDER, order_change(event.cloid, event.at_ms, event.status, oid=event.oid or None)


def _opened(event: events.OrderOpened) -> Implied:
    order = event.order
    if order.cloid is not None:
        yield Write.OPEN_ORDER, rows.opened_order(order, at_ms=event.at_ms)
        status = rows.TRIGGERED if event.triggered else rows.RESTING
        yield Write.CHANGE_ORDER, order_change(order.cloid, event.at_ms, status, oid=order.oid)


def _twap_started(event: events.TwapStarted) -> Implied:
    text = f"runs on the exchange as TWAP {event.twap_id}"
    yield Write.CHANGE_ORDER, order_change(event.cloid, event.at_ms, rows.RESTING, text)


def _twap_stopped(event: events.TwapStopped) -> Implied:
    yield Write.END_ORDER, order_change(event.cloid, event.at_ms, rows.ENDED, event.words)


def _in_doubt(event: events.OrderInDoubt) -> Implied:
    yield Write.CHANGE_ORDER, order_change(event.cloid, event.at_ms, rows.IN_DOUBT, event.reason)


def _spent(event: events.NonceSpent) -> Implied:
    for cloid in event.cloids:
        yield Write.END_ORDER, order_change(cloid, event.at_ms, rows.NEVER, "its nonce was used up by nothing")


def _seen(event: events.OrderSeen) -> Implied:
    status = event.status or rows.UNKNOWN
    goes_on = event.status is None or event.status in rows.OPEN_WORDS
    write = Write.CHANGE_ORDER if goes_on else Write.END_ORDER
    yield write, order_change(event.cloid, event.at_ms, status, oid=event.oid)


def _filled(event: events.OrderFilled) -> Implied:
    yield Write.FILL, rows.fill_row(event.fill)


def _account(event: events.AccountSeen | events.Started) -> Implied:
    fills: tuple[Fill, ...] = event.account.fills
    for fill in fills:
        yield Write.FILL, rows.fill_row(fill)


def _command(event: events.Command) -> Implied:
    if event.id:
        yield Write.TAKE_COMMAND, {"of_id": event.id, "new_taken_ms": rows.stored_ms(event.at_ms)}


_OF_EVENT: dict[type, Callable[..., Implied]] = {
    events.OrdersSent: _sent,
    events.OrderAccepted: _accepted,
    events.OrderRejected: _rejected,
    events.OrderCanceled: _canceled,
    events.OrderOpened: _opened,
    events.OrderInDoubt: _in_doubt,
    events.TwapStarted: _twap_started,
    events.TwapStopped: _twap_stopped,
    events.NonceSpent: _spent,
    events.OrderSeen: _seen,
    events.OrderFilled: _filled,
    events.AccountSeen: _account,
    events.Started: _account,
    events.Command: _command,
}
