"""Getting in: from a signal on a closed bar to one action of entry, stop and take-profit.

A signal is acted on at most once (its bar's open time is remembered across restarts). What stands in the way for a
moment only (the stream, the leverage) keeps the signal waiting while its bar is the newest; anything else refuses it
with a reason.
"""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from tidegate.core import brakes, costs, doubt, exits, leverages, repeats, risk, sizing, trims, twap_orders
from tidegate.core.state import PRICE_LAG_MAX_MS, CoinState, Making, Phase, State, Wanted
from tidegate.model.brackets import Bracket, ExitReason
from tidegate.model.events import Signalled
from tidegate.model.instruments import Rounding
from tidegate.model.intents import NOTHING, Decision, Grouping, Note, PlaceOrders, Remember, Urgency
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, Trigger, new_cloid
from tidegate.model.positions import Side
from tidegate.model.settings import HUNDRED, EntryStyle
from tidegate.model.signals import Signal, Want
from tidegate.model.twaps import Twapping

TRIGGER_TOLERANCE = Decimal("0.1")
"""How far from its trigger a resting exit may fill: the exchange's own tolerance for market triggers."""
REPEG_AFTER_MS = 5_000
"""A maker entry follows the touch at most this often."""
LOOK_EVERY_MS = 1_000
"""How often an entry that rests is looked after when no price is heard."""


class Plan(Struct, frozen=True, kw_only=True):
    """An entry that passed every rule: prices on the grid, size on the lot; `limit` is its worst price."""

    direction: int
    limit: Decimal
    size: Decimal
    bounded_by: str
    bracket: Bracket
    reference: Decimal


def on_signal(state: State, event: Signalled) -> Decision:
    """The strategy has spoken about a closed bar."""
    coin = state.coins.get(event.coin)
    if coin is None:
        return NOTHING
    if event.signal is None:
        text = f"{coin.coin} waits: the strategy warms up ({event.bars} bars so far)"
        return repeats.told(state, event.coin, "decision", text)
    state.warm_coins = state.warm_coins | {event.coin}
    signal = event.signal
    doubt.overtaken(state, coin, signal.want)
    coin = state.coins[event.coin]
    if signal.want in (Want.LONG, Want.SHORT):
        return consider(
            state, state.change(coin.coin, wanted=Wanted(signal=signal, candle_open_ms=event.candle_open_ms))
        )
    state.change(coin.coin, wanted=None)
    if signal.want is Want.FLAT:
        withdraw(state, coin, f"the strategy now wants {signal.want.value}")
    if signal.want is Want.FLAT and coin.phase is Phase.HOLDING:
        return exits.at_once(state, coin, ExitReason.SIGNAL, signal.reason)
    return repeats.told(state, coin.coin, "decision", f"{coin.coin} {signal.want.value}: {signal.reason}")


def consider(state: State, coin: CoinState) -> Decision:
    """Act on the waiting signal if nothing is in the way; refuse it with a reason; or let it wait."""
    wanted = coin.wanted
    if wanted is None:
        return NOTHING
    signal, direction = wanted.signal, wanted.signal.want.direction
    coming = _coming(coin)
    if coming == -direction and not (coin.position.size or state.stopping):
        withdraw(state, coin, f"the strategy now wants {signal.want.value}")
        return _wait(state, coin, wanted, "the entry on the other side is being taken back")
    if coin.phase is Phase.HOLDING and coin.position.direction == -direction:
        return exits.at_once(state, coin, ExitReason.SIGNAL, signal.reason)
    if coin.phase is Phase.EXITING and coin.position.direction == -direction and not state.stopping:
        return _wait(state, coin, wanted, "the opposite position is being closed")
    if coin.position.direction == direction and not coin.left_alone:
        state.change(coin.coin, wanted=None)
        text = f"{coin.coin} {signal.want.value}: already held ({signal.reason})"
        return repeats.told(state, coin.coin, "decision", text)
    if coin.position.size:
        return _refuse(state, coin, risk.objection(state, coin) or "a position is open")
    objection = _already_done(state, coin, wanted) or risk.objection(state, coin)
    if objection:
        return _refuse(state, coin, objection)
    coin = leverages.by_score(state, coin, signal.size_fraction)
    hindrance = risk.hindrance(state, coin) or _not_yet(state, coin, direction)
    if hindrance:
        return _wait(state, coin, wanted, hindrance)
    plan = _plan(state, coin, signal)
    if isinstance(plan, str):
        return _refuse(state, coin, plan)
    return _enter(state, coin, wanted, plan)


def _not_yet(state: State, coin: CoinState, direction: int) -> str | None:
    if coin.grows:
        return "the last entry is not over yet"
    if state.settings.entry is EntryStyle.MAKER and touch(coin, Side.opening(direction)) is None:
        return "no order book was heard to rest an entry in"
    return None


def withdraw(state: State, coin: CoinState, why: str) -> None:
    """No further try of an entry that rests, no further slice of a TWAP; it is taken back at the next look."""
    if coin.twap is not None and not coin.twap.ending:
        twap = replace(coin.twap, ending=why, ending_ms=state.now_ms, closes=True, look_ms=state.now_ms)
        state.change(coin.coin, twap=twap)
    if coin.making is not None and not coin.making.ending:
        state.change(coin.coin, making=replace(coin.making, ending=why, look_ms=state.now_ms))


def _coming(coin: CoinState) -> int:
    """The direction of an entry that is filling bit by bit, 0 for none."""
    if coin.making is not None:
        return coin.making.direction
    return coin.twap.request.side.sign if coin.twap is not None else 0


def touch(coin: CoinState, side: Side) -> Decimal | None:
    """The best price that others offer on this side of the book; None when there is none, or it is an old one."""
    price = coin.bid if side is Side.BUY else coin.ask
    return price if price is not None and coin.book_ms >= coin.heard_ms() - PRICE_LAG_MAX_MS else None


def _already_done(state: State, coin: CoinState, wanted: Wanted) -> str | None:
    if wanted.candle_open_ms <= coin.acted_open_ms:
        return "this bar's signal was acted on before"
    age_ms = state.now_ms - wanted.candle_open_ms
    if age_ms > 2 * state.settings.timeframe.ms + state.settings.check_interval_ms:
        return "the bar is too old"
    return None


def _refuse(state: State, coin: CoinState, reason: str) -> Decision:
    assert coin.wanted is not None
    signal = coin.wanted.signal
    state.change(coin.coin, wanted=None)
    text = f"{coin.coin} {signal.want.value} refused: {reason} (wish: {signal.reason})"
    return repeats.told(state, coin.coin, "risk", text)


def _wait(state: State, coin: CoinState, wanted: Wanted, hindrance: str) -> Decision:
    if hindrance == wanted.hindrance:
        return NOTHING
    waiting = Wanted(signal=wanted.signal, candle_open_ms=wanted.candle_open_ms, hindrance=hindrance)
    state.change(coin.coin, wanted=waiting)
    text = f"{coin.coin} {wanted.signal.want.value} waits: {hindrance}"
    return Decision(notes=(Note(topic="decision", text=text),))


def _plan(state: State, coin: CoinState, signal: Signal) -> Plan | str:
    """Prices and size of the entry, or why there can be none."""
    settings, instrument, direction = leverages.settings_for(state, coin), coin.instrument, signal.want.direction
    maker = settings.entry is EntryStyle.MAKER
    price = touch(coin, Side.opening(direction)) if maker else coin.reference_price()
    assert price is not None
    problem = risk.unsound_wish(signal)
    if problem:
        return problem
    against = Rounding.UP if direction > 0 else Rounding.DOWN
    stop = instrument.price(_nearest_stop(settings.stop_loss_pct, signal, price), against)
    far = _nearest_take_profit(settings.take_profit_pct, signal, price)
    take_profit = instrument.price(far, against) if far is not None else None
    problem = risk.unsound(coin, direction=direction, price=price, stop=stop, take_profit=take_profit)
    if problem:
        return problem
    limit = instrument.price(
        price * (1 + direction * settings.slippage), Rounding.DOWN if direction > 0 else Rounding.UP
    )
    sized = sizing.by_risk(
        settings,
        instrument,
        equity=state.equity,
        free=state.free,
        price=price,
        limit=limit,
        stop=stop,
        fraction=signal.size_fraction,
        exposure_left=brakes.exposure_left(state),
        allocation_left=brakes.allocation_left(state),
        costs=costs.round_trip(state, coin),
    )
    if isinstance(sized, str):
        return sized
    liquidation = risk.liquidation_price(state, coin, direction=direction, price=price, size=sized.size)
    if risk.beyond_liquidation(direction, stop, liquidation):
        return f"the stop {stop} lies beyond the liquidation price {liquidation:.6g}: lower LEVERAGE or STOP_LOSS_PCT"
    trail_by = signal.trail_by
    if settings.trailing_stop_pct:
        trail_by = price * settings.trailing_stop_pct / HUNDRED
    return Plan(
        direction=direction,
        limit=limit,
        size=sized.size,
        bounded_by=sized.bounded_by,
        bracket=Bracket(
            direction=direction,
            stop=stop,
            take_profit=take_profit,
            trail_by=trail_by,
            trim_at=trims.level(settings, direction, price, stop),
        ),
        reference=price,
    )


def _nearest_stop(stop_loss_pct: Decimal, signal: Signal, price: Decimal) -> Decimal:
    """The nearer of the strategy's stop and STOP_LOSS_PCT: the setting bounds every loss."""
    direction = signal.want.direction
    by_setting = price * (1 - direction * stop_loss_pct / HUNDRED)
    if signal.stop is None:
        return by_setting
    return max(by_setting, signal.stop) if direction > 0 else min(by_setting, signal.stop)


def _nearest_take_profit(take_profit_pct: Decimal, signal: Signal, price: Decimal) -> Decimal | None:
    """The nearer of the strategy's take-profit and TAKE_PROFIT_PCT; 0 in the settings leaves it to the strategy."""
    direction = signal.want.direction
    if not take_profit_pct:
        return signal.take_profit
    by_setting = price * (1 + direction * take_profit_pct / HUNDRED)
    if by_setting <= 0:
        return signal.take_profit
    if signal.take_profit is None:
        return by_setting
    return min(by_setting, signal.take_profit) if direction > 0 else max(by_setting, signal.take_profit)


def _enter(state: State, coin: CoinState, wanted: Wanted, plan: Plan) -> Decision:
    signal = wanted.signal
    signal_id = signal_id_of(state, coin.coin, wanted.candle_open_ms, signal.want)
    way = _way(state, coin, plan, signal_id, signal.reason)
    state.change(
        coin.coin,
        phase=Phase.ENTERING if coin.phase is Phase.READY else coin.phase,
        wanted=None,
        acted_open_ms=wanted.candle_open_ms,
        signal_id=signal_id,
        bracket=plan.bracket,
        making=way.making,
        twap=way.twap,
        generation=coin.generation + 1,
        exit=None,
        exit_attempts=0,
        protect_attempts=0,
        early=None,
        trims=0,
        adds=0,
        add_id="",
        trim_due_ms=0,
        stop_cancels=0,
    )
    wish = way.wish(state, coin, signal_id, signal.reason)
    state.free -= plan.size * plan.limit / leverages.wanted(state, coin)
    bracket = plan.bracket
    side = Side.opening(plan.direction).value
    text = (
        f"{coin.coin} {signal.want.value}: {signal.reason}; {side} {plan.size} {way.words}, "
        f"stop {bracket.stop}, take-profit {bracket.take_profit or 'none'}, sized by {plan.bounded_by}, "
        f"{costs.words(costs.round_trip(state, coin), plan.size * plan.reference)}"
    )
    return Decision(
        intents=(Remember(record=state.coins[coin.coin].remembered()), wish),
        notes=(Note(topic="decision", text=text),),
    )


def signal_id_of(state: State, coin: str, candle_open_ms: int, want: Want) -> str:
    """What names one wish of the strategy: the same wish has the same name in every session."""
    settings = state.settings
    return "|".join((settings.strategy, coin, settings.timeframe.value, str(candle_open_ms), want.value))


class Way(Struct, frozen=True, kw_only=True):
    """How an entry is made: its orders, what is watched over meanwhile, and how a person reads it."""

    words: str
    requests: tuple[OrderRequest, ...] = ()
    making: Making | None = None
    twap: Twapping | None = None

    def wish(self, state: State, coin: CoinState, signal_id: str, reason: str) -> PlaceOrders:
        """The wish to send it."""
        if self.twap is not None:
            return twap_orders.wish_of(self.twap)
        return place(state, coin, self.requests, signal_id=signal_id, reason=reason)


def _way(state: State, coin: CoinState, plan: Plan, signal_id: str, reason: str) -> Way:
    settings = state.settings
    large = settings.twap_above_usd and plan.size * plan.reference > settings.twap_above_usd
    if settings.entry is EntryStyle.TWAP or (settings.entry is EntryStyle.MARKET and large):
        twap = twap_orders.begin(
            state, coin, direction=plan.direction, size=plan.size, limit=plan.limit, signal_id=signal_id, reason=reason
        )
        return Way(words=f"over {settings.twap_minutes} minutes (TWAP), not beyond {plan.limit}", twap=twap)
    making, limit = None, plan.limit
    if settings.entry is EntryStyle.MAKER:
        making = _making(state, plan, signal_id, reason)
        limit = coin.instrument.price(plan.reference, Rounding.DOWN if plan.direction > 0 else Rounding.UP)
    kind = Limit(price=limit, time_in_force=TimeInForce.IOC if making is None else TimeInForce.ALO)
    requests = bracketed(state, coin, plan.bracket, kind, size=plan.size, signal_id=signal_id, attempt=1)
    return Way(words=f"at {limit} {'or better' if making is None else 'post-only'}", requests=requests, making=making)


def _making(state: State, plan: Plan, signal_id: str, reason: str) -> Making:
    now_ms = state.now_ms
    return Making(
        signal_id=signal_id,
        reason=reason,
        direction=plan.direction,
        size=plan.size,
        limit=plan.limit,
        until_ms=now_ms + state.wait_ms(state.settings.entry_timeout_ms),
        next_ms=now_ms + state.wait_ms(REPEG_AFTER_MS),
        look_ms=now_ms + state.wait_ms(LOOK_EVERY_MS),
    )


def place(
    state: State, coin: CoinState, requests: tuple[OrderRequest, ...], *, signal_id: str, reason: str
) -> PlaceOrders:
    """The wish to send an entry with its exits in one action; they are on the books from here on."""
    entry = requests[0].cloid
    expires_ms = max(
        state.send(request, signal_id, parent=entry if request.reduce_only else "") for request in requests
    )
    return PlaceOrders(
        coin=coin.coin,
        orders=requests,
        grouping=Grouping.ENTRY_WITH_EXITS,
        expires_ms=expires_ms,
        signal_id=signal_id,
        reason=reason,
        urgency=Urgency.ENTRY,
    )


def bracketed(
    state: State,
    coin: CoinState,
    bracket: Bracket,
    kind: Limit,
    *,
    size: Decimal,
    signal_id: str,
    attempt: int,
) -> tuple[OrderRequest, ...]:
    """One try of an entry: the order, then a stop and a take-profit for all of it."""
    entry = OrderRequest(
        coin=coin.coin,
        asset=coin.instrument.asset,
        cloid=new_cloid(state.tag, signal_id, Role.ENTRY, attempt),
        side=Side.opening(bracket.direction),
        size=size,
        kind=kind,
        role=Role.ENTRY,
    )
    levels = {Role.STOP: bracket.stop, Role.TAKE_PROFIT: bracket.take_profit}
    exits_ = [
        resting_exit(
            coin,
            direction=bracket.direction,
            size=size,
            level=level,
            role=role,
            cloid=new_cloid(state.tag, signal_id, role, attempt),
        )
        for role, level in levels.items()
        if level is not None
    ]
    return (entry, *exits_)


def resting_exit(
    coin: CoinState, *, direction: int, size: Decimal, level: Decimal, role: Role, cloid: str
) -> OrderRequest:
    """A reduce-only trigger order at `level` that closes `size` of a position in `direction`."""
    side = Side.opening(direction).opposite
    worst = level * (1 - direction * TRIGGER_TOLERANCE)
    rounding = Rounding.DOWN if direction > 0 else Rounding.UP
    return OrderRequest(
        coin=coin.coin,
        asset=coin.instrument.asset,
        cloid=cloid,
        side=side,
        size=size,
        kind=Trigger(
            trigger_price=coin.instrument.price(level, Rounding.UP if direction > 0 else Rounding.DOWN),
            worst_price=coin.instrument.price(worst, rounding),
            stop=role is Role.STOP,
        ),
        role=role,
        reduce_only=True,
    )
