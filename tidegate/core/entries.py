"""Getting in: from a signal on a closed bar to one action of entry, stop and take-profit.

A signal is acted on at most once (its bar's open time is remembered across restarts). What stands in the way for a
moment only (the stream, the leverage) keeps the signal waiting while its bar is the newest; anything else refuses it
with a reason.
"""

from decimal import Decimal

from msgspec import Struct

from tidegate.core import brakes, exits, risk, sizing
from tidegate.core.state import CoinState, Phase, State, Wanted
from tidegate.model.brackets import Bracket, ExitReason
from tidegate.model.events import Signalled
from tidegate.model.instruments import Rounding
from tidegate.model.intents import NOTHING, Decision, Grouping, Note, PlaceOrders, Remember, Urgency
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, Trigger, new_cloid
from tidegate.model.positions import Side
from tidegate.model.settings import HUNDRED
from tidegate.model.signals import Signal, Want

TRIGGER_TOLERANCE = Decimal("0.1")
"""How far from its trigger a resting exit may fill: the exchange's own tolerance for market triggers."""


class Plan(Struct, frozen=True, kw_only=True):
    """An entry that passed every rule: prices on the grid, size on the lot."""

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
        return Decision(notes=(Note(topic="decision", text=text),))
    state.warm_coins = state.warm_coins | {event.coin}
    signal = event.signal
    if signal.want in (Want.LONG, Want.SHORT):
        return consider(
            state, state.change(coin.coin, wanted=Wanted(signal=signal, candle_open_ms=event.candle_open_ms))
        )
    state.change(coin.coin, wanted=None)
    if signal.want is Want.FLAT and coin.phase is Phase.HOLDING:
        return exits.at_once(state, coin, ExitReason.SIGNAL, signal.reason)
    return Decision(notes=(Note(topic="decision", text=f"{coin.coin} {signal.want.value}: {signal.reason}"),))


def consider(state: State, coin: CoinState) -> Decision:
    """Act on the waiting signal if nothing is in the way; refuse it with a reason; or let it wait."""
    wanted = coin.wanted
    if wanted is None:
        return NOTHING
    signal, direction = wanted.signal, wanted.signal.want.direction
    if coin.phase is Phase.HOLDING and coin.position.direction == -direction:
        return exits.at_once(state, coin, ExitReason.SIGNAL, signal.reason)
    if coin.phase is Phase.EXITING and coin.position.direction == -direction and not state.stopping:
        return _wait(state, coin, wanted, "the opposite position is being closed")
    if coin.position.direction == direction and not coin.left_alone:
        state.change(coin.coin, wanted=None)
        text = f"{coin.coin} {signal.want.value}: already held ({signal.reason})"
        return Decision(notes=(Note(topic="decision", text=text),))
    if coin.position.size:
        return _refuse(state, coin, risk.objection(state, coin) or "a position is open")
    objection = _already_done(state, coin, wanted) or risk.objection(state, coin)
    if objection:
        return _refuse(state, coin, objection)
    hindrance = risk.hindrance(state, coin)
    if hindrance:
        return _wait(state, coin, wanted, hindrance)
    plan = _plan(state, coin, signal)
    if isinstance(plan, str):
        return _refuse(state, coin, plan)
    return _enter(state, coin, wanted, plan)


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
    return Decision(notes=(Note(topic="risk", text=text),))


def _wait(state: State, coin: CoinState, wanted: Wanted, hindrance: str) -> Decision:
    if hindrance == wanted.hindrance:
        return NOTHING
    waiting = Wanted(signal=wanted.signal, candle_open_ms=wanted.candle_open_ms, hindrance=hindrance)
    state.change(coin.coin, wanted=waiting)
    text = f"{coin.coin} {wanted.signal.want.value} waits: {hindrance}"
    return Decision(notes=(Note(topic="decision", text=text),))


def _plan(state: State, coin: CoinState, signal: Signal) -> Plan | str:
    """Prices and size of the entry, or why there can be none."""
    settings, instrument, direction = state.settings, coin.instrument, signal.want.direction
    price = coin.reference_price()
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
        bracket=Bracket(direction=direction, stop=stop, take_profit=take_profit, trail_by=trail_by),
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
    signal_id = "|".join(
        (
            state.settings.strategy,
            coin.coin,
            state.settings.timeframe.value,
            str(wanted.candle_open_ms),
            signal.want.value,
        )
    )
    requests = _requests(state, coin, plan, signal_id)
    state.change(
        coin.coin,
        phase=Phase.ENTERING if coin.phase is Phase.READY else coin.phase,
        wanted=None,
        acted_open_ms=wanted.candle_open_ms,
        signal_id=signal_id,
        bracket=plan.bracket,
        generation=coin.generation + 1,
        exit=None,
        exit_attempts=0,
        protect_attempts=0,
    )
    expires_ms = max(state.send(request, signal_id) for request in requests)
    state.free -= plan.size * plan.limit / sizing.leverage_of(state.settings, coin.instrument)
    bracket = plan.bracket
    text = (
        f"{coin.coin} {signal.want.value}: {signal.reason}; {requests[0].side.value} {plan.size} at {plan.limit} or "
        f"better, stop {bracket.stop}, take-profit {bracket.take_profit or 'none'}, sized by {plan.bounded_by}"
    )
    wish = PlaceOrders(
        coin=coin.coin,
        orders=requests,
        grouping=Grouping.ENTRY_WITH_EXITS,
        expires_ms=expires_ms,
        signal_id=signal_id,
        reason=signal.reason,
        urgency=Urgency.ENTRY,
    )
    return Decision(
        intents=(Remember(record=state.coins[coin.coin].remembered()), wish),
        notes=(Note(topic="decision", text=text),),
    )


def _requests(state: State, coin: CoinState, plan: Plan, signal_id: str) -> tuple[OrderRequest, ...]:
    entry = OrderRequest(
        coin=coin.coin,
        asset=coin.instrument.asset,
        cloid=new_cloid(state.tag, signal_id, Role.ENTRY, 1),
        side=Side.opening(plan.direction),
        size=plan.size,
        kind=Limit(price=plan.limit, time_in_force=TimeInForce.IOC),
        role=Role.ENTRY,
    )
    levels = {Role.STOP: plan.bracket.stop, Role.TAKE_PROFIT: plan.bracket.take_profit}
    exits_ = [
        resting_exit(
            coin,
            direction=plan.direction,
            size=plan.size,
            level=level,
            role=role,
            cloid=new_cloid(state.tag, signal_id, role, 1),
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
