"""The state as the `status` command shows it: a pure view, it changes nothing."""

from decimal import Decimal

from tidegate.core import manual, money, schedule
from tidegate.core.state import CoinState, OrderState, State, Working
from tidegate.model.orders import Role, Trigger, Twap
from tidegate.model.status import CoinStatus, PositionStatus, Status, TwapStatus
from tidegate.model.twaps import Twapping

MINUTE_MS = 60_000


def snapshot(state: State) -> Status:
    """Where the bot stands now."""
    ways = schedule.ways(state)
    positions = tuple(_position(state, coin) for coin in state.coins.values() if coin.position.size)
    return Status(
        at_ms=state.now_ms,
        network=state.settings.network.value,
        dry_run=state.settings.dry_run,
        strategy=state.settings.strategy,
        timeframe=state.settings.timeframe.value,
        account=state.settings.account_address,
        stream_up=state.stream_up,
        stream_since_ms=state.stream_changed_ms,
        equity=state.equity,
        unrealised=sum((each.profit for each in positions if each.profit is not None), Decimal(0)),
        free=state.free,
        exposure=sum((_worth(each) for each in positions), Decimal(0)),
        at_risk=sum((_at_risk(each) for each in positions), Decimal(0)),
        taker=state.fees.taker if state.fees is not None else None,
        maker=state.fees.maker if state.fees is not None else None,
        weight_used=state.weight_used,
        stream_stage=state.settings.stream.value,
        requests_used=state.upkeep.requests[-1][1] if state.upkeep.requests else 0,
        requests_max=state.upkeep.requests[-1][2] if state.upkeep.requests else 0,
        requests_days=money.days_left(state),
        started_ms=state.started_ms,
        last_poll_ms=state.last_poll_ms,
        next_poll_ms=state.next_poll_ms,
        stopping=state.stopping,
        brakes=tuple(f"{trip.brake.value}: {trip.reason}" for trip in state.brakes.trips),
        flattening=state.brakes.flatten,
        coins=tuple(_coin(coin, ways[coin.coin]) for coin in state.coins.values()),
        positions=positions,
        twaps=tuple(_twap(coin, coin.twap) for coin in state.coins.values() if coin.twap is not None),
    )


def _twap(coin: CoinState, twap: Twapping) -> TwapStatus:
    request = twap.request
    assert isinstance(request.kind, Twap)
    return TwapStatus(
        coin=coin.coin,
        twap_id=twap.twap_id,
        side=request.side.value,
        size=request.size,
        filled=twap.filled,
        minutes=request.kind.minutes,
        ends_ms=twap.sent_ms + request.kind.minutes * MINUTE_MS,
        state=twap.state.value,
        ending=twap.ending,
    )


def _coin(coin: CoinState, way: str) -> CoinStatus:
    return CoinStatus(
        coin=coin.coin,
        phase=coin.phase.value,
        candles=len(coin.candles.rows),
        mid=coin.reference_price(),
        mark=coin.mark,
        funding=coin.funding,
        heard_ms=coin.heard_ms(),
        origin=coin.origin.value,
        way=way,
        print_ms=coin.last_ms,
        book_ms=coin.book_ms,
        mark_ms=coin.mark_ms,
    )


def _position(state: State, coin: CoinState) -> PositionStatus:
    price = coin.reference_price()
    resting = _resting_stop(coin)
    level = resting.request.kind.trigger_price if resting and isinstance(resting.request.kind, Trigger) else None
    return PositionStatus(
        coin=coin.coin,
        size=coin.position.size,
        entry_price=coin.position.entry_price,
        price=price,
        profit=coin.position.unrealised_pnl(price) if price is not None else None,
        stop=coin.bracket.stop if coin.bracket else None,
        take_profit=coin.bracket.take_profit if coin.bracket else None,
        resting_stop=level,
        resting_oid=resting.oid if resting else None,
        confirmed_ms=coin.covered_ms,
        phase=coin.phase.value,
        unguarded=manual.leaves_unguarded(state, coin),
    )


def _worth(position: PositionStatus) -> Decimal:
    return abs(position.size) * (position.price if position.price is not None else position.entry_price)


def _at_risk(position: PositionStatus) -> Decimal:
    """What is lost from here down to the stop; all of it where there is none."""
    if position.stop is None:
        return _worth(position)
    price = position.price if position.price is not None else position.entry_price
    return max(Decimal(0), (price - position.stop) * position.size)


def _resting_stop(coin: CoinState) -> Working | None:
    stops = [order for order in coin.live(Role.STOP) if order.state is OrderState.RESTING]
    return max(stops, key=lambda order: order.confirmed_ms, default=None)
