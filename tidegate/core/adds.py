"""Adding to a position: a strategy's `add` buys more of what is held, up to ADDS_MAX times a position.

An add is worth exactly the allocation times the wish's size fraction; where a limit leaves no room for all of it there
is none of it. Every limit holds for the position as it would be afterwards. It is one try at once, in the action of
which comes a stop for all that is added, at the level that guards what is held; the cover check looks after the sum.
The position stays the same one: its bracket, its exits' names and its count of tries go on.
"""

from decimal import Decimal

from tidegate.core import brakes, costs, entries, leverages, ration, repeats, risk, sizing
from tidegate.core.state import CoinState, Making, OrderState, Phase, State
from tidegate.model.events import Signalled
from tidegate.model.instruments import NOTIONAL_MIN_USD, Rounding
from tidegate.model.intents import Decision, Note, Remember
from tidegate.model.orders import Limit, Role, TimeInForce
from tidegate.model.positions import Side
from tidegate.model.settings import HUNDRED, Settings
from tidegate.model.signals import Signal, Want


def on_signal(state: State, event: Signalled) -> Decision:
    """The strategy has spoken about a closed bar: if it wants more of what is held, that is done now or not at all."""
    coin, signal = state.coins.get(event.coin), event.signal
    if coin is None or signal is None or signal.want is not Want.ADD:
        return entries.on_signal(state, event)
    state.warm_coins = state.warm_coins | {event.coin}
    coin, candle_open_ms = state.change(coin.coin, wanted=None), event.candle_open_ms
    objection = _objection(state, coin, candle_open_ms)
    added = _size(state, coin, signal) if objection is None else objection
    if isinstance(added, str):
        text = f"{coin.coin} {signal.want.value} refused: {added} (wish: {signal.reason})"
        return repeats.told(state, coin.coin, "risk", text)
    size, limit = added
    return _add(state, coin, signal, candle_open_ms, size, limit)


def allocation(settings: Settings) -> Decimal:
    """What the size fraction of an add is a fraction of, in USD."""
    return settings.max_allocation_usd or settings.max_position_usd


def _objection(state: State, coin: CoinState, candle_open_ms: int) -> str | None:
    if not state.settings.adds_max:
        return "ADDS_MAX=0, positions are not added to"
    if state.stopping:
        return "the bot is stopping"
    if coin.phase is not Phase.HOLDING or coin.bracket is None or coin.bracket.stop is None:
        return "no position is held" if not coin.position.size else f"{coin.coin} is {coin.phase.value}"
    if coin.adds >= state.settings.adds_max:
        return f"ADDS_MAX={state.settings.adds_max} times was added to this position already"
    if candle_open_ms <= coin.acted_open_ms:
        return "this bar's signal was acted on before"
    if coin.grows or any(_is_open_question(each.state) for each in coin.orders.values()) or coin.live(Role.TRIM):
        return "not all of its orders are known to be settled"
    if not coin.covered_ms:
        return "its resting stop is not confirmed for all of it"
    if ration.is_sparing(state):
        return "the exchange limits this address"
    return brakes.objection(state, coin) or risk.hindrance(state, coin, held=True)


def _is_open_question(state: OrderState) -> bool:
    return state in (OrderState.SENT, OrderState.DOUBT)


def _size(state: State, coin: CoinState, signal: Signal) -> tuple[Decimal, Decimal] | str:
    """The size of the add and its worst price; or the limit that the whole position would be beyond."""
    settings, instrument, bracket = state.settings, coin.instrument, coin.bracket
    price = coin.reference_price()
    assert price is not None
    assert bracket is not None
    assert bracket.stop is not None
    if not (signal.size_fraction.is_finite() and 0 < signal.size_fraction <= 1):
        return f"the strategy's size_fraction is {signal.size_fraction}, above 0 and at most 1 was expected"
    direction, stop = bracket.direction, bracket.stop
    problem = risk.unsound(coin, direction=direction, price=price, stop=stop, take_profit=bracket.take_profit)
    if problem:
        return problem
    size = instrument.size(allocation(settings) * signal.size_fraction / price)
    rounding = Rounding.DOWN if direction > 0 else Rounding.UP
    limit = instrument.price(price * (1 + direction * settings.slippage), rounding)
    if size * min(price, limit) < NOTIONAL_MIN_USD:
        return f"it would be worth {size * price:.2f} USD, the exchange takes no order below {NOTIONAL_MIN_USD}"
    return _beyond(state, coin, size, price, stop, max(price, limit)) or (size, limit)


def _beyond(state: State, coin: CoinState, size: Decimal, price: Decimal, stop: Decimal, worst: Decimal) -> str | None:
    """The limit that the position would be beyond with so much more, at the worst price of it."""
    settings, direction = state.settings, coin.position.direction
    whole, asked = abs(coin.position.size) + size, size * worst
    distance = abs(price - stop)
    trip = costs.round_trip(state, coin)
    if trip is not None:
        distance += max(price * (trip.entry + trip.spread) + stop * trip.exit, Decimal(0))
    may_lose = state.equity * settings.risk_per_trade_pct / HUNDRED
    room = state.free * leverages.wanted(state, coin) * sizing.MARGIN_USED_MAX
    left = {"MAX_EXPOSURE_USD": brakes.exposure_left(state), "MAX_ALLOCATION_USD": brakes.allocation_left(state)}
    if whole * worst > settings.max_position_usd:
        return f"the position would be worth {whole * worst:.2f} USD, MAX_POSITION_USD={settings.max_position_usd:f}"
    if whole * distance > may_lose:
        return (
            f"at its stop {stop} the position would lose {whole * distance:.2f} USD, "
            f"RISK_PER_TRADE_PCT={settings.risk_per_trade_pct:f} allows {may_lose:.2f}"
        )
    for name, usd in left.items():
        if usd is not None and asked > usd:
            return f"{asked:.2f} USD are asked for, {name} leaves {usd:.2f}"
    if asked > room:
        return f"{asked:.2f} USD are asked for, the free margin allows {room:.2f}"
    liquidation = risk.liquidation_price(state, coin, direction=direction, price=price, size=whole)
    if risk.beyond_liquidation(direction, stop, liquidation):
        return f"its stop {stop} would lie beyond the liquidation price {liquidation:.6g}"
    return None


def _add(state: State, coin: CoinState, signal: Signal, candle_open_ms: int, size: Decimal, limit: Decimal) -> Decision:
    bracket = coin.bracket
    assert bracket is not None
    signal_id = entries.signal_id_of(state, coin.coin, candle_open_ms, Want.ADD)
    kind = Limit(price=limit, time_in_force=TimeInForce.IOC)
    requests = entries.bracketed(state, coin, bracket, kind, size=size, signal_id=signal_id, attempt=1)
    making = Making(
        signal_id=signal_id,
        reason=signal.reason,
        direction=bracket.direction,
        size=size,
        limit=limit,
        until_ms=state.now_ms,
        next_ms=state.now_ms,
        look_ms=state.now_ms + state.wait_ms(entries.LOOK_EVERY_MS),
        taking=True,
    )
    coin = state.change(
        coin.coin,
        making=making,
        acted_open_ms=candle_open_ms,
        adds=coin.adds + 1,
        add_id=signal_id,
        added_to=abs(coin.position.size),
    )
    wish = entries.place(state, coin, requests, signal_id=signal_id, reason=signal.reason)
    state.free -= size * limit / leverages.wanted(state, coin)
    side = Side.opening(bracket.direction).value
    text = (
        f"{coin.coin} {signal.want.value}: {signal.reason}; {side} {size} more at {limit} or better, "
        f"{coin.adds} of ADDS_MAX={state.settings.adds_max}, stop {bracket.stop} for all of it"
    )
    remember = Remember(record=state.coins[coin.coin].remembered())
    return Decision(intents=(remember, wish), notes=(Note(topic="decision", text=text),))
