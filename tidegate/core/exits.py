"""Getting out: every price that is heard is held against the bracket of the position; one crossing, one exit.

Which prices fire is STOP_PRICE_SOURCE. A print counts by its extremes. The order book counts when the whole spread
is beyond a level: a long's stop by the best ask (nobody asks more than the stop any longer), its take-profit by the
best bid (somebody pays it); a spread that merely widens fires nothing.
"""

from decimal import Decimal
from functools import lru_cache

from msgspec.structs import replace

from tidegate.core import early, ration, twap_orders
from tidegate.core.state import EXPIRES_AFTER_MS, CoinState, Exit, OrderState, Phase, State
from tidegate.model.brackets import ExitReason
from tidegate.model.events import BookChanged, Marked, Mid, Trade
from tidegate.model.instruments import Instrument, Rounding
from tidegate.model.intents import NOTHING, Decision, Level, Note, PlaceOrders, Remember, Urgency
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, new_cloid
from tidegate.model.positions import Side
from tidegate.model.settings import StopPriceSource

COLLARS = (Decimal("0.01"), Decimal("0.03"), Decimal("0.08"))
"""How far an exit may fill from the touching price: the first try takes MAX_SLIPPAGE_PCT if that is more."""
ABSURD = Decimal("0.5")
"""So far from the mark no price is one to count from; beyond 0.8 the exchange refuses an order."""
RETRY_AFTER_MS = (250, 1_000, 2_000, 5_000, 10_000)
"""The pauses after tries that were refused or filled too little: a halted market must not eat the request budget."""
ANSWER_PATIENCE_MS = (10_000, 10_000, 10_000, 10_000, 30_000)
"""How long each try may stay unanswered before the next one."""


GOES_ON_AFTER_MS = 1_000
"""After a start: until then a price is heard, and what the last session sent has had time to fill."""


def on_trade(state: State, event: Trade) -> Decision:
    """A print (or several): move the trailing stop, fire what was crossed."""
    coin = state.coins.get(event.coin)
    if coin is None or event.time_ms < coin.last_ms:
        return NOTHING if coin is None else _late_print(state, coin, event)
    coin = state.change(event.coin, last=event.price, last_ms=event.time_ms)
    if state.settings.stop_price_source is StopPriceSource.MARK:
        return _wick(state, coin, event)
    if not _guarded(coin, event.time_ms):
        early.trade(state, coin, event)
        return NOTHING
    return _prints(state, coin, event)


def _wick(state: State, coin: CoinState, event: Trade) -> Decision:
    """A print beyond the stop where only the mark counts: told, for somebody will ask why nothing was done."""
    if not _guarded(coin, event.time_ms) or coin.bracket is None:
        return NOTHING
    worst, _best = _extremes(coin, event)
    if coin.bracket.hit_by_stop(worst) is None or not state.tells_again("print beyond the stop", coin.coin):
        return NOTHING
    text = (
        f"{coin.coin}: a print of {worst} is beyond the stop {coin.bracket.stop}, the mark is {coin.mark}; "
        f"STOP_PRICE_SOURCE=mark waits for the mark"
    )
    return Decision(notes=(Note(topic="exit", text=text),))


def _late_print(state: State, coin: CoinState, event: Trade) -> Decision:
    """An out-of-order print: it may fire a level that stands, it moves nothing and un-fires nothing."""
    if state.settings.stop_price_source is StopPriceSource.MARK:
        return NOTHING
    if not _guarded(coin, event.time_ms):
        early.trade(state, coin, event)
        return NOTHING
    assert coin.bracket is not None
    worst, _best = _extremes(coin, event)
    reason = None if coin.bracket.trailed else coin.bracket.hit_by_stop(worst)
    return _fire_on(state, coin, reason, worst, event.time_ms, event.received_ns) if reason else NOTHING


def _prints(state: State, coin: CoinState, event: Trade) -> Decision:
    bracket = coin.bracket
    assert bracket is not None
    worst, best = _extremes(coin, event)
    reason = bracket.hit_by_stop(worst)
    if reason:
        return _fire_on(state, coin, reason, worst, event.time_ms, event.received_ns)
    reason = bracket.hit_by_take_profit(best)
    if reason:
        return _fire_on(state, coin, reason, best, event.time_ms, event.received_ns)
    trailed = bracket.trail(best)
    if trailed is not bracket:
        coin = state.change(coin.coin, bracket=trailed)
        reason = trailed.hit_by_stop(event.price)
        if reason:
            return _fire_on(state, coin, reason, event.price, event.time_ms, event.received_ns)
    return NOTHING


def _extremes(coin: CoinState, event: Trade) -> tuple[Decimal, Decimal]:
    """The worst and the best of several prints, seen from the position; only the last one if some are older than it."""
    if event.since_ms and event.since_ms <= coin.position.opened_ms:
        return event.price, event.price
    return (event.low, event.high) if coin.position.direction > 0 else (event.high, event.low)


def on_book(state: State, event: BookChanged) -> Decision:
    """The touch moved: fire what the whole spread has crossed."""
    coin = state.coins.get(event.coin)
    if coin is None or event.time_ms < coin.book_ms:
        return NOTHING
    coin = state.change(event.coin, bid=event.bid, ask=event.ask, book_ms=event.time_ms)
    if event.imbalance is not None:
        coin = state.change(event.coin, imbalance=event.imbalance, imbalance_ms=event.time_ms)
    if coin.bracket is None or state.settings.stop_price_source is StopPriceSource.MARK:
        return NOTHING
    long = coin.bracket.direction > 0
    for_stop, for_profit = (event.ceiling, event.floor) if long else (event.floor, event.ceiling)
    if not _guarded(coin, event.time_ms):
        early.price(state, coin, for_stop, for_profit, event.time_ms)
        return NOTHING
    reason = coin.bracket.hit_by_stop(for_stop) if for_stop is not None else None
    if reason and for_stop is not None:
        return _fire_on(state, coin, reason, for_stop, event.time_ms, event.received_ns)
    reason = coin.bracket.hit_by_take_profit(for_profit) if for_profit is not None else None
    if reason and for_profit is not None:
        return _fire_on(state, coin, reason, for_profit, event.time_ms, event.received_ns)
    return NOTHING


def on_mark(state: State, event: Marked) -> Decision:
    """The mark price moved: it fires when STOP_PRICE_SOURCE says mark or both."""
    coin = state.coins.get(event.coin)
    if coin is None or event.time_ms < coin.mark_ms:
        return NOTHING
    coin = state.change(event.coin, mark=event.mark, mark_ms=event.time_ms, funding=event.funding)
    if state.settings.stop_price_source is StopPriceSource.TRADE:
        return NOTHING
    return _one_price(state, coin, event.mark, event.time_ms, event.received_ns)


def on_mid(state: State, event: Mid) -> Decision:
    """A mid price polled while the stream is down stands in for prints and book."""
    coin = state.coins.get(event.coin)
    if coin is None:
        return NOTHING
    coin = state.change(event.coin, last=event.price, last_ms=max(coin.last_ms, event.at_ms), bid=None, ask=None)
    if state.settings.stop_price_source is StopPriceSource.MARK:
        return NOTHING
    return _one_price(state, coin, event.price, event.at_ms, 0)


def _one_price(state: State, coin: CoinState, price: Decimal, time_ms: int, received_ns: int) -> Decision:
    if not _guarded(coin, time_ms):
        early.price(state, coin, price, price, time_ms)
        return NOTHING
    assert coin.bracket is not None
    reason = coin.bracket.hit(price)
    if reason is None:
        state.change(coin.coin, bracket=coin.bracket.trail(price))
        return NOTHING
    return _fire_on(state, coin, reason, price, time_ms, received_ns)


def _guarded(coin: CoinState, time_ms: int) -> bool:
    """Whether there is a position to protect and the price is newer than it."""
    return coin.phase is Phase.HOLDING and coin.bracket is not None and time_ms > coin.position.opened_ms


def _fire_on(
    state: State, coin: CoinState, reason: ExitReason, price: Decimal, time_ms: int, received_ns: int
) -> Decision:
    bracket = coin.bracket
    assert bracket is not None
    level = bracket.take_profit if reason is ExitReason.TAKE_PROFIT else bracket.stop
    assert level is not None
    attempt = Exit(
        reason=reason,
        level=level,
        touch_price=price,
        touched_ms=time_ms,
        decided_ms=state.now_ms,
        received_ns=received_ns,
    )
    return fire(state, coin, attempt)


def fire(state: State, coin: CoinState, exit_: Exit) -> Decision:
    """Send one reduce-only IOC for the whole position; from here on no price fires anything for this position."""
    ending = twap_orders.take_back(state, coin, f"the position is closed: {exit_.reason.value}", closes=True)
    coin, number = state.coins[coin.coin], coin.exit_attempts + 1
    request = _request(state, coin, exit_.level, exit_.touch_price)
    price, cloid = request.price, request.cloid
    retry_due_ms = state.now_ms + state.wait_ms(pause_ms(ANSWER_PATIENCE_MS, number))
    state.change(
        coin.coin,
        phase=Phase.EXITING,
        exit=replace(exit_, cloid=cloid, retry_due_ms=retry_due_ms),
        exit_attempts=number,
    )
    expires_ms = state.send(request, coin.signal_id)
    touched = f"{exit_.touch_price} touched {exit_.level}" if exit_.reason.protective else f"at {exit_.touch_price}"
    text = f"{coin.coin} {exit_.reason.value}: {touched}"
    wish = PlaceOrders(
        coin=coin.coin,
        orders=(request,),
        expires_ms=expires_ms,
        signal_id=exit_id(coin),
        reason=text,
        exit_reason=exit_.reason,
        received_ns=exit_.received_ns,
        urgency=Urgency.EXIT,
    )
    note = f"{text}; {request.side.value} {request.size} reduce-only at {price} or better (try {number})"
    remember = Remember(record=state.coins[coin.coin].remembered())
    return ending + Decision(intents=(remember, wish), notes=(Note(topic="exit", text=note),))


def foreseen(state: State) -> tuple[PlaceOrders, ...]:
    """The exit of each guarded position as its stop would send it if it were touched now, to be signed in advance.

    Nobody decides here: what is really sent is what `fire` asks for, and it is the same while the price that touches
    the stop, and the book then, are not far beyond it.
    """
    return tuple(
        PlaceOrders(
            coin=coin.coin,
            orders=(_request(state, coin, coin.bracket.stop, coin.bracket.stop),),
            expires_ms=state.now_ms + state.wait_ms(EXPIRES_AFTER_MS),
            signal_id=exit_id(coin),
            reason="foreseen",
            urgency=Urgency.EXIT,
        )
        for coin in state.coins.values()
        if coin.phase is Phase.HOLDING and coin.position.size and coin.bracket is not None and coin.bracket.stop
    )


def _request(state: State, coin: CoinState, level: Decimal, touch: Decimal) -> OrderRequest:
    """The next try: a reduce-only IOC for the whole position."""
    number, side = coin.exit_attempts + 1, Side.opening(coin.position.direction).opposite
    return OrderRequest(
        coin=coin.coin,
        asset=coin.instrument.asset,
        cloid=new_cloid(state.tag, exit_id(coin), Role.EXIT, number),
        side=side,
        size=coin.instrument.closing_size(abs(coin.position.size)),
        kind=Limit(price=_collar(state, coin, side, level, touch), time_in_force=TimeInForce.IOC),
        role=Role.EXIT,
        reduce_only=True,
    )


def pause_ms(pauses: tuple[int, ...], attempt: int) -> int:
    """The pause that belongs to the `attempt`th try; the last one belongs to all that follow."""
    return pauses[min(max(attempt, 1), len(pauses)) - 1]


def try_again(state: State, coin: CoinState, cloid: str, after_ms: int | None = None) -> None:
    """The present try is over and the position is not: the next one comes after a pause that grows."""
    exit_ = coin.exit
    if exit_ is None or exit_.cloid != cloid or not coin.position.size:
        return
    pause = pause_ms(RETRY_AFTER_MS, coin.exit_attempts) if after_ms is None else after_ms
    due_ms = ration.not_before_ms(state, state.now_ms + state.wait_ms(pause))
    state.change(coin.coin, exit=replace(exit_, retry_due_ms=due_ms))


def _collar(state: State, coin: CoinState, side: Side, level: Decimal, touch: Decimal) -> Decimal:
    """The worst price of the next try, counted from the worst price known; from the level itself while that is near.

    Near is half the collar: then the price is known before the level is touched, and the order can be signed before.
    What is absurdly far from the mark is left out: the exchange refuses what follows from it, and would for ever.
    """
    attempt = coin.exit_attempts + 1
    collar = COLLARS[min(attempt, len(COLLARS)) - 1]
    if attempt == 1:
        collar = max(collar, state.settings.slippage)
    known = (touch, coin.bid if side is Side.SELL else coin.ask, coin.reference_price())
    prices = [price for price in known if price is not None]
    prices = [price for price in prices if not _is_absurd(coin, price)] or prices
    worst = min(prices) if side is Side.SELL else max(prices)
    sign = -1 if side is Side.SELL else 1
    if attempt == 1 and 0 <= (worst - level) * sign <= level * collar / 2:
        worst = level
    return _limit(coin.instrument, worst, sign * collar)


def _is_absurd(coin: CoinState, price: Decimal) -> bool:
    return coin.mark is not None and abs(price - coin.mark) > coin.mark * ABSURD


@lru_cache(256)
def _limit(instrument: Instrument, price: Decimal, away: Decimal) -> Decimal:
    """A price so much beyond another, on the grid; remembered, for a foreseen exit asks for it before a real one."""
    return instrument.price(price * (1 + away), Rounding.DOWN if away < 0 else Rounding.UP)


def exit_id(coin: CoinState) -> str:
    """What names the exit of the present position: the same position has the same exit ids, try by try."""
    return f"{coin.signal_id or coin.coin}|{coin.generation}"


def retry(state: State, coin: CoinState) -> Decision:
    """The exit in progress has come due: try again while there is still something to close.

    A crossing that was heard before the fill was told is acted on here, when all of the fill is known.

    A try whose outcome is unknown stays on the books until it is settled (no entry before that), but does not
    hold up the next one: both are reduce-only.
    """
    exit_ = coin.exit
    crossed = early.crossed(coin) if coin.phase is Phase.HOLDING else None
    if crossed is not None:
        return fire(state, coin, replace(crossed, decided_ms=state.now_ms))
    if exit_ is None or exit_.retry_due_ms is None or state.now_ms < exit_.retry_due_ms or not coin.position.size:
        return NOTHING
    if not ration.exit_has_turn(state, coin):
        state.change(coin.coin, exit=replace(exit_, retry_due_ms=ration.next_turn_ms(state)))
        return NOTHING
    for order in coin.live(Role.EXIT):
        if order.state is OrderState.SENT:
            state.keep_order(coin.coin, replace(order, state=OrderState.DOUBT, ask_due_ms=state.now_ms))
    return fire(state, state.coins[coin.coin], replace(exit_, received_ns=0, sent_ns=0, sent_ms=0))


def go_on(state: State, coin: CoinState, reason: ExitReason) -> None:
    """An exit that an earlier session began goes on, once a price was heard and what it sent has had time to fill."""
    entry = coin.position.entry_price
    due_ms = state.now_ms + state.wait_ms(GOES_ON_AFTER_MS)
    exit_ = Exit(
        reason=reason,
        level=entry,
        touch_price=entry,
        touched_ms=state.now_ms,
        decided_ms=state.now_ms,
        retry_due_ms=due_ms,
    )
    state.change(coin.coin, phase=Phase.EXITING, exit=exit_)


def at_once(state: State, coin: CoinState, reason: ExitReason, why: str) -> Decision:
    """Close the position now, for a reason other than a touched level."""
    price = coin.reference_price() or coin.position.entry_price
    level: Level = "INFO" if reason is ExitReason.SIGNAL else "WARNING"
    note = Note(topic="exit", text=f"{coin.coin} {reason.value}: {why}", level=level)
    exit_ = Exit(reason=reason, level=price, touch_price=price, touched_ms=state.now_ms, decided_ms=state.now_ms)
    return Decision(notes=(note,)) + fire(state, coin, exit_)
