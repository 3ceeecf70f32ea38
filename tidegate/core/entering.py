"""An entry that is under way: how one that rests follows the touch, when it is taken back, and how any entry ends.

A maker entry is a row of tries, each an order with a name of its own. The next one is sent only when the last one is
known to be over and the exchange has told how much of it filled: two are never alive at once, and what is wanted is
never ordered twice. What fills on the way is a position like any other, and is covered like one.

After a restart no try follows: what still rests of an entry is taken back.
"""

from decimal import Decimal

from msgspec.structs import replace

from tidegate.core import doubt, entries, fills, protection
from tidegate.core.entries import LOOK_EVERY_MS, REPEG_AFTER_MS
from tidegate.core.state import ANSWER_PATIENCE_MS, CoinState, Making, OrderState, Phase, State, Working
from tidegate.model.instruments import NOTIONAL_MIN_USD, Rounding
from tidegate.model.intents import NOTHING, Decision, Note, Remember
from tidegate.model.orders import Limit, OpenOrder, Role, TimeInForce
from tidegate.model.positions import Side
from tidegate.model.settings import EntryTimeoutAction

TRIES_MAX = 13
"""The first try and twelve that follow the touch; the last one rests until ENTRY_TIMEOUT is over."""
TAKE_BACK_AGAIN_MS = 2_000
"""The exchange may refuse a cancel as well (a key it knows no more, an address limit): no hammering."""
POST_ONLY = "post only"
"""The exchange's way of saying that the touch came to meet a post-only order."""


# while it is under way


def look(state: State, name: str) -> Decision:
    """See to an entry that rests: leave it, take it back, or send its next try."""
    coin = state.coins[name]
    making = coin.making
    if making is None:
        return NOTHING
    ending = making.ending or _ends_it(state, coin, making) or ""
    making = replace(making, ending=ending, look_ms=state.now_ms + state.wait_ms(LOOK_EVERY_MS))
    coin = state.change(name, making=making)
    live = coin.live(Role.ENTRY)
    if not live:
        return _next(state, coin, making)
    decision = NOTHING
    for order in live:
        if order.state is not OrderState.RESTING:
            continue  # on its way, in doubt, or being taken back: its end will be told
        why = ending or making.back or _moves_it(state, coin, making, order)
        if why and state.now_ms >= order.repeated_ms + state.wait_ms(TAKE_BACK_AGAIN_MS):
            decision += _take_back(state, coin, making, order, why)
    return decision


def _ends_it(state: State, coin: CoinState, making: Making) -> str | None:
    """Why no further try may follow."""
    if state.stopping:
        return "the bot is stopping"
    for trip in state.brakes.trips:
        return f"{trip.brake.value}: {trip.reason}"
    if not state.is_heard(coin.coin):
        return "prices do not come by stream"
    if state.now_ms < state.entries_off_until_ms:
        return state.entries_off_why
    if coin.phase not in (Phase.ENTERING, Phase.IN_DOUBT, Phase.HOLDING):
        return "its position is closed" if coin.phase is Phase.READY else f"the coin is {coin.phase.value}"
    if coin.position.direction == -making.direction:
        return "a position on the other side is open"
    return None


def _moves_it(state: State, coin: CoinState, making: Making, order: Working) -> str | None:
    """Why the present try is taken back for another one."""
    if state.now_ms >= making.until_ms:
        return f"ENTRY_TIMEOUT={state.settings.entry_timeout_s} is over"
    if state.now_ms < making.next_ms or making.tries >= TRIES_MAX:
        return None
    price = _maker_price(coin, making)
    if price is None or (price - order.request.price) * making.direction <= 0:
        return None
    return f"the touch has moved to {price}"


def _maker_price(coin: CoinState, making: Making) -> Decimal | None:
    """Where a post-only order would stand now, but not beyond the worst price of this entry."""
    price = entries.touch(coin, Side.opening(making.direction))
    if price is None:
        return None
    long = making.direction > 0
    bounded = min(price, making.limit) if long else max(price, making.limit)
    return coin.instrument.price(bounded, Rounding.DOWN if long else Rounding.UP)


def _take_back(state: State, coin: CoinState, making: Making, order: Working, why: str) -> Decision:
    cloid = order.request.cloid
    due_ms = state.now_ms + state.wait_ms(ANSWER_PATIENCE_MS)
    taken_back = replace(order, state=OrderState.WAITING, ask_due_ms=due_ms, repeated_ms=state.now_ms)
    state.keep_order(coin.coin, taken_back)
    state.change(coin.coin, making=replace(making, back=why))
    text = f"{coin.coin} entry at {order.request.price} is taken back: {why}"
    return Decision(
        intents=fills.sweep(state, coin, (cloid,), why),
        notes=(Note(topic="order", text=text),),
    )


def ask(state: State, order: Working) -> Decision:
    """A try is over, or seems to be: how much of it filled must be known before anything else is done."""
    if order.state is OrderState.DOUBT:
        return NOTHING
    due_ms = state.now_ms + state.wait_ms(doubt.ASK_AFTER_MS[0])
    asked = replace(order, state=OrderState.DOUBT, ask_due_ms=due_ms, asks=0, resends=doubt.RESENDS_MAX)
    state.keep_order(order.request.coin, asked)
    return NOTHING


# the next try


def _next(state: State, coin: CoinState, making: Making) -> Decision:
    """When no try is alive any longer: send the next one, wait until it is due, or end."""
    if coin.live(Role.ENTRY):
        return NOTHING
    making = replace(making, ending=making.ending or _ends_it(state, coin, making) or "")
    late = state.now_ms >= making.until_ms
    left = making.size - making.filled
    if making.ending or making.taking or left <= 0:
        return _finish(state, coin.coin, making)
    if late and state.settings.entry_timeout_action is EntryTimeoutAction.CANCEL:
        return _finish(state, coin.coin, replace(making, ending="ENTRY_TIMEOUT is over"))
    if not late and (state.now_ms < making.next_ms or making.tries >= TRIES_MAX):
        return NOTHING
    kind = _taker(state, coin, making) if late else _maker(coin, making)
    if kind is None:
        return NOTHING
    problem = kind if isinstance(kind, str) else _unsound(coin, _expected(coin, making, kind), left)
    if isinstance(kind, str) or problem:
        return _finish(state, coin.coin, replace(making, ending=str(problem)))
    return _try(state, coin, making, kind, left)


def _expected(coin: CoinState, making: Making, kind: Limit) -> Decimal:
    """The price at which a try would fill, as far as is known."""
    if kind.time_in_force is TimeInForce.ALO:
        return kind.price
    return entries.touch(coin, Side.opening(-making.direction)) or coin.reference_price() or kind.price


def _maker(coin: CoinState, making: Making) -> Limit | None:
    price = _maker_price(coin, making)
    return None if price is None else Limit(price=price, time_in_force=TimeInForce.ALO)


def _taker(state: State, coin: CoinState, making: Making) -> Limit | str:
    """What is left, at once: MAX_SLIPPAGE_PCT from the price now, but not beyond the worst price of this entry."""
    price = coin.reference_price()
    if price is None:
        return "no price is known"
    direction = making.direction
    bounded = min(price * direction * (1 + direction * state.settings.slippage), making.limit * direction) * direction
    offered = entries.touch(coin, Side.opening(-direction)) or price
    if (offered - bounded) * direction > 0:
        return f"the price {offered} has gone beyond {making.limit}, the worst that was to be paid"
    rounding = Rounding.DOWN if direction > 0 else Rounding.UP
    return Limit(price=coin.instrument.price(bounded, rounding), time_in_force=TimeInForce.IOC)


def _unsound(coin: CoinState, price: Decimal, size: Decimal) -> str | None:
    bracket = coin.bracket
    if bracket is None or bracket.stop is None or (price - bracket.stop) * bracket.direction <= 0:
        return f"the stop does not lie behind the price {price} any longer"
    if bracket.take_profit is not None and (bracket.take_profit - price) * bracket.direction <= 0:
        return f"the price {price} has reached the take-profit already"
    if size * price < NOTIONAL_MIN_USD:
        return f"what is left is worth {size * price:.2f} USD, less than the exchange takes"
    return None


def _try(state: State, coin: CoinState, making: Making, kind: Limit, size: Decimal) -> Decision:
    assert coin.bracket is not None
    assert not coin.live(Role.ENTRY), "two tries of one entry would be alive"
    number, taking = making.tries + 1, kind.time_in_force is TimeInForce.IOC
    signal_id = making.signal_id
    requests = entries.bracketed(state, coin, coin.bracket, kind, size=size, signal_id=signal_id, attempt=number)
    state.change(
        coin.coin,
        making=replace(
            making,
            tries=number,
            taking=taking,
            back="",
            next_ms=state.now_ms + state.wait_ms(REPEG_AFTER_MS),
        ),
    )
    wish = entries.place(state, coin, requests, signal_id=signal_id, reason=making.reason)
    how = "or better, now as a taker" if taking else "post-only"
    side = requests[0].side.value
    text = f"{coin.coin} entry, try {number}: {side} {size} at {kind.price} {how}"
    return Decision(intents=(wish,), notes=(Note(topic="order", text=text),))


# how it ends


def over(state: State, name: str, order: Working, filled: Decimal) -> Decision:
    """An entry, or one try of it, is final with what it filled; the fills may still be on their way."""
    coin = state.coins[name]
    making = coin.making
    if making is None or making.signal_id != order.signal_id:
        return ended(state, name, order.signal_id, order.request.side.sign, filled)
    if filled < order.request.size:
        _forget_children(state, name, order.request.cloid)
    else:
        _arm_children(state, name, order.request.cloid)
    making = replace(making, filled=making.filled + filled)
    coin = state.change(name, making=making)
    _expect_fills(state, coin, filled)
    return _next(state, coin, making)


def refused(state: State, order: Working, reason: str) -> Decision:
    """It is certain that an entry, or one try of it, is not on the exchange and never was."""
    coin = state.coins[order.request.coin]
    making = coin.making
    if making is None or making.signal_id != order.signal_id:
        return ended(state, coin.coin, order.signal_id, order.request.side.sign, Decimal(0))
    _forget_children(state, coin.coin, order.request.cloid)
    if POST_ONLY not in reason.lower():
        making = replace(making, ending=making.ending or reason)
    making = replace(making, next_ms=state.now_ms + state.wait_ms(REPEG_AFTER_MS))
    return _next(state, state.change(coin.coin, making=making), making)


def stop_refused(state: State, order: Working, reason: str) -> Decision:
    """The stop that came with a try was refused: an entry without one is taken back, another try may follow."""
    coin = state.coins[order.request.coin]
    if coin.making is None or not coin.waits_for_entry(order):
        return NOTHING
    state.change(coin.coin, making=replace(coin.making, back=f"its stop was refused: {reason}"))
    return look(state, coin.coin)


def _finish(state: State, name: str, making: Making) -> Decision:
    """No further try: what has filled is held, without any the coin is free again."""
    coin = state.change(name, making=None)
    left = making.size - making.filled
    text = f"{name} entry: {making.filled} of {making.size} filled in {making.tries} tries"
    if left > 0 and making.ending:
        text += f"; no more of it: {making.ending}"
    note = Note(topic="order", text=text)
    return Decision(notes=(note,)) + ended(state, coin.coin, making.signal_id, making.direction, making.filled)


def ended(state: State, name: str, signal_id: str, direction: int, filled: Decimal) -> Decision:
    """An entry of any kind is over, with so much of it filled: held, or the coin is free again."""
    if not filled:
        return _abandon(state, name, signal_id)
    coin = state.coins[name]
    if coin.left_alone and coin.position.direction == direction:
        return fills.guard(state, coin)
    _expect_fills(state, coin, filled)
    return NOTHING


def _expect_fills(state: State, coin: CoinState, filled: Decimal) -> None:
    if filled and not coin.position.size:
        due_ms = state.now_ms + state.wait_ms(protection.COVER_CHECK_MS)
        state.next_account_ms = min(state.next_account_ms, due_ms)


def _forget_children(state: State, name: str, cloid: str) -> None:
    """The exits of an entry that is not filled entirely are over with it."""
    for order in tuple(state.coins[name].orders.values()):
        if order.parent == cloid:
            state.drop_order(order.request.cloid)


def _arm_children(state: State, name: str, cloid: str) -> None:
    """The exits of an entry that is filled entirely are placed by the exchange only now."""
    for order in tuple(state.coins[name].orders.values()):
        if order.parent == cloid:
            state.keep_order(name, replace(order, sent_ms=state.now_ms))


def _abandon(state: State, name: str, signal_id: str) -> Decision:
    """An entry came to nothing: its exits are over with it, the coin is free again."""
    for order in tuple(state.coins[name].orders.values()):
        if order.signal_id == signal_id and order.parent:
            state.drop_order(order.request.cloid)
    coin = state.coins[name]
    if coin.phase in (Phase.ENTERING, Phase.IN_DOUBT) and not coin.position.size:
        coin = state.change(name, phase=Phase.READY, bracket=None)
    elif coin.left_alone or not coin.position.size:
        coin = state.change(name, **fills.nobodys(coin), bracket=None)
    return Decision(intents=(Remember(record=coin.remembered()),)) + entries.consider(state, coin)


# after a restart


def take_over(state: State, order: OpenOrder) -> None:
    """An entry of an earlier session still rests: it is on the books (already kept) and will be taken back."""
    coin = state.coins[order.coin]
    making = Making(
        signal_id=coin.signal_id,
        reason="an earlier session",
        direction=order.side.sign,
        size=order.size,
        limit=order.limit_price,
        until_ms=state.now_ms,
        next_ms=state.now_ms,
        look_ms=state.now_ms,
        ending="it is of an earlier session",
    )
    state.change(order.coin, making=making)
