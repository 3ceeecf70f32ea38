"""The cover: an open position has a live, reduce-only stop on the exchange for its whole size, verified by query.

After every change of a position the account is asked; what is not covered is covered, what cannot be covered within
`NAKED_MAX_MS` is closed. What the streams have told is enough to place a stop (never to do without one): the account's
word may be long in coming when many positions change at once. A trailing stop moves the resting stop by steps, the new
one placed before the old one goes.
"""

from decimal import Decimal

from msgspec.structs import replace

from tidegate.core import entries, exits, manual, ration, schedule
from tidegate.core.state import EXPIRES_AFTER_MS, CoinState, OrderState, Phase, State, Working
from tidegate.model.brackets import ExitReason
from tidegate.model.events import Account
from tidegate.model.instruments import NOTIONAL_MIN_USD
from tidegate.model.intents import (
    NOTHING,
    Alert,
    CancelOrders,
    Decision,
    Level,
    Note,
    PlaceOrders,
    Remember,
    Urgency,
)
from tidegate.model.orders import OpenOrder, Role, Trigger, new_cloid
from tidegate.model.positions import Side
from tidegate.model.settings import StopPriceSource

COVER_CHECK_MS = 1_000
COVER_REPEAT_MS = 2_000
NAKED_MAX_MS = 10_000
GROWTH_SETTLES_MS = 250
"""Fills come in pairs: a position that grows is covered when it has stood so long, without asking the account."""
GROWTH_EVERY_MS = 1_000
STOP_ANSWER_MS = 2_000
"""A stop of which nothing was heard for so long counts as missing: one more reduce-only stop can do no harm."""
REPLACED = "a nearer stop has taken over"
TRIGGER_PASSED = "invalid tp/sl price"
TRAIL_STEP = Decimal("0.002")
"""The resting stop follows the trailing one in steps of this fraction of the price."""


def watch(state: State, name: str) -> None:
    """The position changed: its cover must be verified shortly."""
    coin = state.coins[name]
    if coin.position.size and not coin.left_alone and not manual.leaves_unguarded(state, coin):
        since_ms = coin.uncovered_since_ms if coin.uncovered_since_ms is not None else state.now_ms
        due_ms = _next_look_ms(state, since_ms, COVER_CHECK_MS)
        coin = state.change(name, cover_due_ms=due_ms, uncovered_since_ms=since_ms)
        if _is_known_short(state, coin):
            state.change(name, covered_ms=0)
            grown(state, name)


def _is_known_short(state: State, coin: CoinState) -> bool:
    """Whether our stops, as the streams have told of them, are too few.

    An entry's own come with the entry, and are waited for only while something of it may be heard any moment.
    """
    is_coming = any(_counts(state, entry) for entry in coin.live(Role.ENTRY))
    if coin.phase is not Phase.HOLDING or is_coming or manual.leaves_unguarded(state, coin):
        return False
    sizes = (order.request.size for order in _own_stops(coin) if _counts(state, order))
    return sum(sizes, Decimal(0)) < abs(coin.position.size)


def _counts(state: State, order: Working) -> bool:
    """Whether an order of ours may be taken for one that is there: it was seen to rest, or will be in a moment.

    That a stop was taken says too little: the exchange cancels the exits of an entry that filled in part.
    """
    is_seen = order.state is OrderState.RESTING and order.confirmed_ms > 0
    return is_seen or order.sent_ms > state.now_ms - state.wait_ms(STOP_ANSWER_MS)


def grown(state: State, name: str) -> None:
    """An entry that fills bit by bit has filled a bit more: a stop for all of it is due in a moment."""
    coin = state.coins[name]
    if coin.growth_due_ms is None:
        again_ms = coin.growth_covered_ms + state.wait_ms(GROWTH_EVERY_MS)
        state.change(name, growth_due_ms=max(state.now_ms + state.wait_ms(GROWTH_SETTLES_MS), again_ms))


def cover_growth(state: State, coin: CoinState) -> Decision:
    """Place a stop for all that has grown; once it rests the smaller one goes. At most one a second."""
    if coin.growth_due_ms is None or state.now_ms < coin.growth_due_ms:
        return NOTHING
    coin = state.change(coin.coin, growth_due_ms=None)
    size = abs(coin.position.size)
    wanted = coin.phase is Phase.HOLDING and not manual.leaves_unguarded(state, coin)
    if not wanted or not size or coin.bracket is None or coin.bracket.stop is None:
        return NOTHING
    if has_cover_coming(state, coin) or not ration.stop_has_turn(state, coin):
        return NOTHING
    return place_stop(state, state.change(coin.coin, growth_covered_ms=state.now_ms), size)


def on_due(state: State, coin: CoinState) -> Decision:
    """A cover check is due: ask the account, and ask again until it is covered."""
    if coin.cover_due_ms is None or state.now_ms < coin.cover_due_ms:
        return NOTHING
    if not coin.position.size:
        state.change(coin.coin, cover_due_ms=None, uncovered_since_ms=None)
        return NOTHING
    since_ms = coin.uncovered_since_ms if coin.uncovered_since_ms is not None else state.now_ms
    end_ms = since_ms + state.wait_ms(NAKED_MAX_MS)
    if coin.phase is Phase.HOLDING and state.now_ms >= end_ms and not coin.covered_ms and not _seen_resting(coin):
        naked_s = (state.now_ms - since_ms) / 1000
        state.change(coin.coin, cover_due_ms=state.now_ms + state.wait_ms(COVER_REPEAT_MS))
        text = f"{coin.coin}: no resting stop could be confirmed for {naked_s:.0f} s, closing the position"
        return Decision(intents=(Alert(text=text, coin=coin.coin),)) + exits.at_once(
            state, coin, ExitReason.EMERGENCY, text
        )
    coin = state.change(coin.coin, cover_due_ms=_next_look_ms(state, since_ms, COVER_REPEAT_MS))
    if _is_known_short(state, coin):
        grown(state, coin.coin)
    return Decision(intents=(schedule.fetch_account(state, f"cover check of {coin.coin}"),))


def _own_stops(coin: CoinState) -> list[Working]:
    """Our stops that close the present position; after a flip those of the last one may still be around.

    Those that wait for an entry to be filled entirely are none yet.
    """
    side = Side.opening(coin.position.direction).opposite
    return [order for order in coin.live(Role.STOP) if order.request.side is side and not coin.waits_for_entry(order)]


def _seen_resting(coin: CoinState) -> bool:
    """Whether the exchange's stream has shown stops as open for the whole size: enough not to panic, not to rest."""
    stops = [order for order in _own_stops(coin) if order.state is OrderState.RESTING and order.confirmed_ms]
    return sum((order.request.size for order in stops), Decimal(0)) >= abs(coin.position.size)


def has_cover_coming(state: State, coin: CoinState) -> bool:
    """Whether a stop of ours for the whole position rests, or was sent a moment ago."""
    size = abs(coin.position.size)
    return size > 0 and any(order.request.size >= size and _counts(state, order) for order in _own_stops(coin))


def _next_look_ms(state: State, since_ms: int, after_ms: int) -> int:
    """When to look again: after a pause, but not after the moment at which patience ends."""
    due_ms, end_ms = state.now_ms + state.wait_ms(after_ms), since_ms + state.wait_ms(NAKED_MAX_MS)
    return min(due_ms, end_ms) if state.now_ms < end_ms else due_ms


def covered_size(coin: CoinState, orders: tuple[OpenOrder, ...]) -> Decimal:
    """How much of the position the open stops would close. Whoever placed them: a stop is a stop."""
    return sum(
        (min(order.size or abs(coin.position.size), abs(coin.position.size)) for order in _stops(coin, orders)),
        Decimal(0),
    )


def _stops(coin: CoinState, orders: tuple[OpenOrder, ...]) -> list[OpenOrder]:
    side = Side.opening(coin.position.direction).opposite
    waiting = {oid for order in orders for oid in order.children}
    return [
        order
        for order in orders
        if order.coin == coin.coin and order.is_trigger and order.is_stop and order.reduce_only and order.side is side
        if order.oid not in waiting and not _waits(coin, order)
    ]


def _waits(coin: CoinState, order: OpenOrder) -> bool:
    ours = coin.orders.get(order.cloid or "")
    return ours is not None and coin.waits_for_entry(ours)


def verify(state: State, coin: CoinState, account: Account) -> Decision:
    """Hold the account's open orders against the position; place what is missing."""
    if coin.phase is not Phase.HOLDING or account.time_ms < coin.position.opened_ms:
        return NOTHING
    missing = abs(coin.position.size) - covered_size(coin, account.orders)
    if missing <= 0:
        return _confirmed(state, coin, account)
    if manual.leaves_unguarded(state, coin):
        return NOTHING
    on_its_way = any(
        (order.state in (OrderState.SENT, OrderState.DOUBT) and order.oid is None and _counts(state, order))
        or order.sent_ms >= account.time_ms - state.wait_ms(COVER_CHECK_MS)
        for order in _own_stops(coin)
    )
    since_ms = coin.uncovered_since_ms if coin.uncovered_since_ms is not None else state.now_ms
    coin = state.change(
        coin.coin,
        covered_ms=0,
        uncovered_since_ms=since_ms,
        cover_due_ms=_next_look_ms(state, since_ms, COVER_CHECK_MS),
    )
    if on_its_way or coin.bracket is None or coin.bracket.stop is None or not ration.stop_has_turn(state, coin):
        return NOTHING
    text = (
        f"{coin.coin}: {missing} of {abs(coin.position.size)} has no resting stop, placing one at {coin.bracket.stop}"
    )
    level: Level = "INFO" if coin.grows else "WARNING"
    # While it grows print by print, or by less than the exchange takes: one for all of it, then the smaller ones go.
    grows = coin.grows or missing * coin.bracket.stop < NOTIONAL_MIN_USD
    size = abs(coin.position.size) if grows else missing
    return Decision(notes=(Note(topic="risk", text=text, level=level),)) + place_stop(state, coin, size)


def _confirmed(state: State, coin: CoinState, account: Account) -> Decision:
    resized = _resized(state, coin, account)
    first = not coin.covered_ms
    state.change(coin.coin, covered_ms=account.time_ms, uncovered_since_ms=None, cover_due_ms=None)
    if not first:
        return resized
    stops = ", ".join(f"{order.trigger_price}" for order in _stops(coin, account.orders))
    text = f"{coin.coin}: the exchange confirms a resting stop at {stops} for the whole {abs(coin.position.size)}"
    return Decision(notes=(Note(topic="risk", text=text),)) + resized


def _resized(state: State, coin: CoinState, account: Account) -> Decision:
    """A stop larger than what is left of the position: a fitting one is placed, and once that rests the larger goes."""
    size, own = abs(coin.position.size), _own_stops(coin)
    shown = {order.cloid: order.size for order in _stops(coin, account.orders)}
    larger = [order for order in own if shown.get(order.request.cloid, size) > size]
    if not larger or coin.grows or any(order.request.size == size for order in own):
        return NOTHING
    if coin.bracket is None or coin.bracket.stop is None or ration.is_sparing(state):
        return NOTHING
    return place_stop(state, coin, size)


def on_refused(state: State, coin: CoinState, reason: str) -> Decision:
    """A stop was refused. When its price has passed already and nothing else covers, there is nothing to wait for."""
    if TRIGGER_PASSED in reason.lower() and coin.phase is Phase.HOLDING and not coin.covered_ms:
        text = f"{coin.coin}: the exchange refuses a stop: {reason}, closing the position"
        alert = Decision(intents=(Alert(text=text, coin=coin.coin),))
        return alert + exits.at_once(state, coin, ExitReason.STOP, f"the exchange refuses a stop: {reason}")
    watch(state, coin.coin)
    return NOTHING


def place_stop(state: State, coin: CoinState, size: Decimal) -> Decision:
    """Place one more resting stop at the bracket's level; when the price is beyond it already, close instead."""
    bracket = coin.bracket
    assert bracket is not None
    assert bracket.stop is not None
    by_mark = state.settings.stop_price_source is StopPriceSource.MARK
    mark = coin.mark if coin.mark is not None or by_mark else coin.reference_price()
    if mark is not None and (mark - bracket.stop) * bracket.direction <= 0 and coin.phase is Phase.HOLDING:
        return exits.at_once(
            state, coin, ExitReason.STOP, f"the price {mark} is beyond the stop {bracket.stop} already"
        )
    attempt = coin.protect_attempts + 2
    request = entries.resting_exit(
        coin,
        direction=bracket.direction,
        size=coin.instrument.closing_size(size),
        level=bracket.stop,
        role=Role.STOP,
        cloid=new_cloid(state.tag, exits.exit_id(coin), Role.STOP, attempt),
    )
    state.change(coin.coin, protect_attempts=coin.protect_attempts + 1)
    expires_ms = state.send(request, coin.signal_id)
    wish = PlaceOrders(
        coin=coin.coin,
        orders=(request,),
        expires_ms=expires_ms,
        signal_id=coin.signal_id,
        reason=f"protect {request.size} {coin.coin} at {bracket.stop}",
        urgency=Urgency.PROTECTION,
    )
    return Decision(intents=(Remember(record=state.coins[coin.coin].remembered()), wish))


def follow_trail(state: State, coin: CoinState) -> Decision:
    """Move the resting stop behind a trailing stop that is a step ahead of it: place the new one first."""
    bracket = coin.bracket
    if bracket is None or not bracket.trailed or bracket.stop is None or coin.phase is not Phase.HOLDING:
        return NOTHING
    if ration.is_sparing(state):
        return NOTHING
    stops = _own_stops(coin)
    if not stops or any(order.state is not OrderState.RESTING for order in stops):
        return NOTHING
    levels = [order.request.kind.trigger_price for order in stops if isinstance(order.request.kind, Trigger)]
    nearest = max(levels) if bracket.direction > 0 else min(levels)
    if (bracket.stop - nearest) * bracket.direction < nearest * TRAIL_STEP:
        return NOTHING
    if coin.mark is not None and (coin.mark - bracket.stop) * bracket.direction <= 0:
        return NOTHING  # the exchange would fire it at once, by a price that may not be one of ours to fire by
    return place_stop(state, coin, abs(coin.position.size))


def retire_old_stops(state: State, coin: CoinState) -> Decision:
    """Cancel resting stops that a nearer one of the whole size has replaced."""
    stops = [order for order in _own_stops(coin) if order.state is OrderState.RESTING]
    if coin.add_id and abs(coin.position.size) == coin.added_to:  # its stop may be there before its fill is told
        stops = [order for order in stops if order.signal_id != coin.add_id]
    if coin.bracket is None or len(stops) < 2 or not coin.position.size:
        return NOTHING
    direction = coin.bracket.direction

    def rank(order: Working) -> tuple[Decimal, bool, Decimal]:
        assert isinstance(order.request.kind, Trigger)
        size = order.request.size
        enough = size >= abs(coin.position.size)
        return order.request.kind.trigger_price * direction, enough, -size if enough else size

    best = max(stops, key=rank)
    if best.request.size < abs(coin.position.size):
        return NOTHING
    old = tuple(order.request.cloid for order in stops if order is not best)
    for order in stops:
        if order is not best:
            state.keep_order(coin.coin, replace(order, state=OrderState.WAITING, unwanted=REPLACED))
    return Decision(
        intents=(
            CancelOrders(
                coin=coin.coin,
                asset=coin.instrument.asset,
                cloids=old,
                expires_ms=state.now_ms + state.wait_ms(EXPIRES_AFTER_MS),
                reason=REPLACED,
            ),
        )
    )
