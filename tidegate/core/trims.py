"""Scaling out: a part of a position is closed once its profit is worth a multiple of what its stop risked.

The level travels in the bracket and goes with the first fill of the trim, so that it is acted on once, restarts
included. What is left keeps its stop: the exchange shrinks it with the position, and where it does not, a fitting
one is placed before the larger one goes (`protection`).
"""

from decimal import Decimal

from msgspec.structs import replace

from tidegate.core import exits, ration, schedule
from tidegate.core.state import CoinState, Phase, State
from tidegate.model.events import BookChanged
from tidegate.model.instruments import NOTIONAL_MIN_USD, Rounding
from tidegate.model.intents import NOTHING, Decision, Note, PlaceOrders, Remember, Urgency
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, new_cloid
from tidegate.model.positions import Side
from tidegate.model.settings import HUNDRED, Settings, StopPriceSource

TRIES_MAX = 3
AGAIN_AFTER_MS = 2_000


def level(settings: Settings, direction: int, price: Decimal, stop: Decimal) -> Decimal | None:
    """The price at which a part of a position from `price` is closed; None for nowhere."""
    if not settings.trim_at_r:
        return None
    far = price + direction * settings.trim_at_r * abs(price - stop)
    return far if far > 0 else None


def on_book(state: State, event: BookChanged) -> Decision:
    """The touch moved: what somebody pays for our side counts."""
    coin = state.coins.get(event.coin)
    if coin is None or coin.bracket is None:
        return NOTHING
    return heard(state, event.coin, event.floor if coin.bracket.direction > 0 else event.ceiling, event.time_ms)


def heard(state: State, name: str, price: Decimal | None, time_ms: int, *, mark: bool = False) -> Decision:
    """A price at which somebody would take or took our side: close a part if it has gone far enough."""
    coin = state.coins.get(name)
    if coin is None or coin.bracket is None or coin.bracket.trim_at is None or price is None:
        return NOTHING
    ignored = StopPriceSource.TRADE if mark else StopPriceSource.MARK
    if state.settings.stop_price_source is ignored or time_ms <= coin.position.opened_ms:
        return NOTHING
    if (price - coin.bracket.trim_at) * coin.bracket.direction < 0 or not _may_trim(state, coin):
        return NOTHING
    return _trim(state, coin, coin.bracket.trim_at, price)


def _may_trim(state: State, coin: CoinState) -> bool:
    if coin.phase is not Phase.HOLDING or coin.grows or state.stopping:
        return False
    return not coin.live(Role.TRIM) and state.now_ms >= coin.trim_due_ms and not ration.is_sparing(state)


def _trim(state: State, coin: CoinState, trim_at: Decimal, price: Decimal) -> Decision:
    size = coin.instrument.size(abs(coin.position.size) * state.settings.trim_pct / HUNDRED)
    problem = None
    if coin.trims >= TRIES_MAX:
        problem = f"{TRIES_MAX} tries came to nothing"
    elif size * price < NOTIONAL_MIN_USD:
        problem = f"{state.settings.trim_pct} % of it is worth {size * price:.2f} USD, less than the exchange takes"
    if problem:
        done(state, coin)
        text = f"{coin.coin}: no part is closed at {trim_at:f}: {problem}"
        return Decision(notes=(Note(topic="exit", text=text, level="WARNING"),))
    request = _request(state, coin, size, price)
    state.change(coin.coin, trims=coin.trims + 1, trim_due_ms=state.now_ms + state.wait_ms(AGAIN_AFTER_MS))
    expires_ms = state.send(request, coin.signal_id)
    times = state.settings.trim_at_r
    text = (
        f"{coin.coin}: {price} has reached {trim_at:f}, {times} times the risk; "
        f"{request.side.value} {size} of {abs(coin.position.size)} reduce-only at {request.price} or better"
    )
    wish = PlaceOrders(
        coin=coin.coin,
        orders=(request,),
        expires_ms=expires_ms,
        signal_id=exits.exit_id(coin),
        reason=f"{times} times the risk",
        urgency=Urgency.PROTECTION,
    )
    remember = Remember(record=state.coins[coin.coin].remembered())
    return Decision(intents=(remember, wish), notes=(Note(topic="exit", text=text),))


def _request(state: State, coin: CoinState, size: Decimal, price: Decimal) -> OrderRequest:
    direction = coin.position.direction
    collar = max(exits.COLLARS[0], state.settings.slippage)
    worst = coin.instrument.price(price * (1 - direction * collar), Rounding.DOWN if direction > 0 else Rounding.UP)
    return OrderRequest(
        coin=coin.coin,
        asset=coin.instrument.asset,
        cloid=new_cloid(state.tag, exits.exit_id(coin), Role.TRIM, coin.trims + 1),
        side=Side.opening(direction).opposite,
        size=size,
        kind=Limit(price=worst, time_in_force=TimeInForce.IOC),
        role=Role.TRIM,
        reduce_only=True,
    )


def over(state: State, name: str, filled: Decimal) -> Decision:
    """A try is final. One that filled anything is the last one, though its fills may still be on their way."""
    if not filled:
        return NOTHING
    done(state, state.coins[name])
    return Decision(intents=(schedule.fetch_account(state, "a part was closed"),))


def done(state: State, coin: CoinState) -> None:
    """The part is closed, or never will be: once a position."""
    if coin.bracket is not None:
        state.change(coin.coin, bracket=replace(coin.bracket, trim_at=None))
