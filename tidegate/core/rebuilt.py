"""What a bot has to know when its memory was lost: put together from what is left of it and from the exchange.

The exchange is the truth about positions and orders; of brakes the stricter of all that is known wins; a signal that
may have been acted on is never acted on again.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from tidegate.core import fills
from tidegate.core.state import State
from tidegate.model.brakes import Brake, Brakes, Trip
from tidegate.model.events import Account
from tidegate.model.orders import is_ours
from tidegate.model.positions import Fill, Position, Side
from tidegate.model.records import Remembered
from tidegate.model.settings import Settings


class Taken(Struct, frozen=True, kw_only=True):
    """What is remembered of one coin from now on, and by what its position was known for ours; `position` as it is."""

    record: Remembered
    position: Position | None
    source: str
    is_gone: bool = False


def stricter(known: Iterable[Brakes], now_ms: int) -> Brakes:
    """One set of brakes that is nowhere looser than any of these; of two figures the one that trips earlier.

    A trip whose time is over is over, however it was found.
    """
    merged = Brakes()
    for each in known:
        merged = _both(merged, each)
    trips = tuple(trip for trip in merged.trips if trip.until_ms is None or trip.until_ms > now_ms)
    return replace(merged, trips=trips)


def _both(one: Brakes, other: Brakes) -> Brakes:
    trips = {trip.brake: trip for trip in one.trips}
    for trip in other.trips:
        mine = trips.get(trip.brake)
        trips[trip.brake] = trip if mine is None else _longer(mine, trip)
    newer, older = (one, other) if one.day_ms >= other.day_ms else (other, one)
    same_day = [each.day_equity for each in (one, other) if each.day_ms == newer.day_ms and each.day_equity is not None]
    coins = {**one.closes, **other.closes}
    peaks = [each.peak_equity for each in (one, other) if each.peak_equity is not None]
    return Brakes(
        trips=tuple(trips.values()),
        day_ms=newer.day_ms,
        day_equity=max(same_day, default=None),
        peak_equity=max(peaks, default=None),
        flows_ms=newer.flows_ms or older.flows_ms,
        stops=tuple(sorted({*one.stops, *other.stops})),
        closes={coin: max(one.closes.get(coin, 0), other.closes.get(coin, 0)) for coin in coins},
        flatten=one.flatten or other.flatten,
    )


def _longer(one: Trip, other: Trip) -> Trip:
    if one.until_ms is None or other.until_ms is None:
        return one if one.until_ms is None else other
    return max(one, other, key=lambda trip: trip.until_ms or 0)


def paused(brakes: Brakes, reason: str, now_ms: int) -> Brakes:
    """The same with a pause, unless there is one: nobody knows what else was on."""
    if brakes.on(Brake.PAUSED) is not None:
        return brakes
    return replace(brakes, trips=(*brakes.trips, Trip(brake=Brake.PAUSED, reason=reason, since_ms=now_ms)))


def records(
    settings: Settings, tag: str, account: Account, left: Mapping[str, Remembered], now_ms: int
) -> tuple[Taken, ...]:
    """What is remembered of every coin of the bot, and of every coin of which something was left."""
    closed_ms = now_ms - now_ms % settings.timeframe.ms - settings.timeframe.ms
    return tuple(
        _record(settings, tag, account, left.get(coin) or Remembered(coin=coin), now_ms, closed_ms)
        for coin in dict.fromkeys((*settings.coins, *left))
    )


def _record(settings: Settings, tag: str, account: Account, before: Remembered, now_ms: int, closed_ms: int) -> Taken:
    """The record of one coin. Its generation is one that no order of ours can have been named by."""
    record = replace(
        before,
        acted_open_ms=max(before.acted_open_ms, closed_ms),
        generation=max(before.generation + 1, now_ms // 1000),
    )
    theirs = next((each for each in account.positions if each.coin == record.coin), None)
    if theirs is None:
        gone = record.position is not None
        return Taken(record=record, position=None, source="closed meanwhile" if gone else "flat", is_gone=gone)
    if record.bracket is not None and record.bracket.direction == theirs.direction:
        position = replace(record.position or theirs, size=theirs.size, entry_price=theirs.entry_price)
        return Taken(record=replace(record, position=position), position=theirs, source="the old database")
    bare = replace(record, position=None, bracket=None, signal_id="", stop_cloid=None, take_profit_cloid=None)
    closing = Side.opening(theirs.direction).opposite
    resting = (order for order in account.orders if order.coin == record.coin and order.side is closing)
    if any(is_ours(order.cloid, tag) for order in resting):
        return Taken(record=bare, position=theirs, source="this bot's resting orders")
    begun = opening(theirs, account.fills)
    if begun is not None and is_ours(begun.cloid, tag):
        position = replace(theirs, opened_ms=begun.time_ms)
        bracket = fills.bracket_by_settings(State(settings=settings), theirs)
        return Taken(
            record=replace(bare, position=position, bracket=bracket),
            position=theirs,
            source="this bot's fills; stop by the settings",
        )
    return Taken(record=bare, position=theirs, source="not this bot's, as ON_START_POSITION says")


def opening(position: Position, told: tuple[Fill, ...]) -> Fill | None:
    """The fill with which the present position began, if the exchange has told of it."""
    mine = [fill for fill in told if fill.coin == position.coin and fill.side.sign == position.direction]
    began = (fill for fill in mine if fill.start_position * position.direction <= 0)
    return max(began, key=lambda fill: (fill.time_ms, fill.tid), default=None)
