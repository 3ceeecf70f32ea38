"""A journal of the bot, a simulated or a real one, read as trades: every fact goes through the core once more.

So what an entry was decided from (equity, free money, the price that it was sized by) is what the core itself held.
"""

from collections.abc import Iterable
from decimal import Decimal

from tidegate.core import brakes, costs
from tidegate.core.sizing import leverage_of
from tidegate.core.state import State
from tidegate.core.step import step
from tidegate.model.events import AccountSeen, Event, OrderFilled, Signalled
from tidegate.model.intents import BookClosed, Decision, Evaluate, Grouping, PlaceOrders
from tidegate.model.orders import Limit
from tidegate.model.positions import Fill
from tidegate.model.records import ClosedPosition
from tidegate.model.signals import Signal
from tidegate.parity.losses import FOREVER_MS, Braked
from tidegate.parity.trades import END, REASONS, Filled, Key, Plan, Trade, Way


def followed(name: str, journal: Iterable[tuple[Event, Decision]], *, shift_ms: int, until_ms: int) -> Way:
    """The trades that a journal tells of; `shift_ms` is what its times lie behind the recorded ones.

    What happened from `until_ms` (recorded) on is left out: a position that was open then is told as open.
    """
    reader = _Reader(shift_ms, until_ms)
    for event, decision in journal:
        if event.at_ms - shift_ms >= until_ms:
            break
        reader.take(event, decision)
    return reader.way(name)


class _Reader:
    def __init__(self, shift_ms: int, until_ms: int) -> None:
        self._state = State()
        self._shift_ms, self._until_ms = shift_ms, until_ms
        self._plans: dict[str, Plan] = {}
        self._closed: list[ClosedPosition] = []
        self._fills: dict[tuple[int, str, int], Fill] = {}
        self._signals: dict[Key, tuple[Signal, int]] = {}
        self._refusals: dict[Key, str] = {}
        self._braked: dict[tuple[str, int], Braked] = {}
        self._shown: list[Evaluate] = []

    def take(self, event: Event, decision: Decision) -> None:
        """One line: apply the fact, note what it tells."""
        step(self._state, event)
        for trip in self._state.brakes.trips:
            until_ms = FOREVER_MS if trip.until_ms is None else trip.until_ms - self._shift_ms
            since_ms = trip.since_ms - self._shift_ms
            self._braked.setdefault((trip.brake.value, since_ms), Braked(since_ms, until_ms, trip.reason))
        match event:
            case Signalled(signal=Signal() as signal):
                self._signals[event.coin, event.candle_open_ms - self._shift_ms] = (signal, event.bars)
            case OrderFilled():
                self._fills.setdefault(event.fill.key, event.fill)
            case AccountSeen():
                for fill in event.account.fills:
                    self._fills.setdefault(fill.key, fill)
        for intent in decision.intents:
            match intent:
                case PlaceOrders(grouping=Grouping.ENTRY_WITH_EXITS):
                    self._note_plan(event.at_ms, intent)
                case Evaluate():
                    self._shown.append(intent)
                case BookClosed():
                    self._closed.append(intent.closed)
        self._note_refusals(decision)

    def _note_plan(self, at_ms: int, intent: PlaceOrders) -> None:
        entry = intent.orders[0]
        coin = self._state.coins[intent.coin]
        bracket, settings = coin.bracket, self._state.settings
        assert isinstance(entry.kind, Limit)
        assert bracket is not None
        assert bracket.stop is not None
        reference = coin.reference_price()
        assert reference is not None
        limit = entry.kind.price
        # The core counts the entry as used from the moment at which it is decided.
        free = self._state.free + entry.size * limit / leverage_of(settings, coin.instrument)
        without = frozenset(order.cloid for order in intent.orders)
        left = brakes.exposure_left(self._state)
        signal, _ = self._signals[self._key(intent.signal_id)]
        self._plans[intent.signal_id] = Plan(
            at_ms=at_ms - self._shift_ms,
            reference=reference,
            limit=limit,
            size=entry.size,
            stop=bracket.stop,
            take_profit=bracket.take_profit,
            trail_by=bracket.trail_by,
            fraction=signal.size_fraction,
            equity=self._state.equity,
            free=free,
            exposure_left=None if left is None else left + entry.size * limit,
            allocation_left=_left(settings.max_allocation_usd, brakes.allocated(self._state, without)),
            costs=costs.round_trip(self._state, coin),
        )

    def _note_refusals(self, decision: Decision) -> None:
        """Why an entry that a signal asked for was not made, in the bot's own words."""
        for note in decision.notes:
            coin = next((name for name in self._state.coins if note.text.startswith(f"{name} ")), None)
            if coin is None:
                continue
            refused = note.topic == "risk" and " refused: " in note.text
            rejected = note.topic == "order" and " entry " in note.text and " rejected: " in note.text
            if refused or rejected:
                newest = max((at for name, at in self._signals if name == coin), default=None)
                if newest is not None:
                    self._refusals[coin, newest] = note.text.split(": ", 1)[1].split(" (wish: ")[0]

    def _key(self, signal_id: str) -> Key:
        _strategy, coin, _timeframe, open_ms, _want = signal_id.split("|")
        return coin, int(open_ms) - self._shift_ms

    def way(self, name: str) -> Way:
        """All of it."""
        trades = [self._trade(closed) for closed in self._closed if closed.signal_id in self._plans]
        held = [coin for coin in self._state.coins.values() if coin.position.size and coin.signal_id in self._plans]
        trades += [self._open(coin.coin) for coin in held]
        trades.sort(key=lambda trade: (trade.opened_ms, trade.coin))
        return Way(
            name,
            tuple(trades),
            self._signals,
            self._refusals,
            tuple(self._braked.values()),
            tuple(self._shown),
            self._state.speed,
            self._shift_ms,
        )

    def _trade(self, closed: ClosedPosition) -> Trade:
        direction = 1 if closed.size > 0 else -1
        entries, exits = self._executions(closed.coin, direction, closed.opened_ms, closed.closed_ms)
        plan = self._plans[closed.signal_id]
        return Trade(
            coin=closed.coin,
            direction=direction,
            size=abs(closed.size),
            signal_ms=self._key(closed.signal_id)[1],
            opened_ms=closed.opened_ms - self._shift_ms,
            closed_ms=closed.closed_ms - self._shift_ms,
            entry_price=closed.entry_price,
            exit_price=closed.exit_price,
            reason=REASONS.get(closed.reason.value, closed.reason.value),
            stop=plan.stop,
            fees=closed.fees,
            plan=plan,
            entries=entries,
            exits=exits,
        )

    def _open(self, name: str) -> Trade:
        coin = self._state.coins[name]
        position, plan = coin.position, self._plans[coin.signal_id]
        entries, _ = self._executions(name, position.direction, position.opened_ms, self._until_ms + self._shift_ms)
        own = [fill for fill in self._fills.values() if fill.coin == name and fill.time_ms >= position.opened_ms]
        return Trade(
            coin=name,
            direction=position.direction,
            size=abs(position.size),
            signal_ms=self._key(coin.signal_id)[1],
            opened_ms=position.opened_ms - self._shift_ms,
            closed_ms=None,
            entry_price=position.entry_price,
            exit_price=None,
            reason=END,
            stop=plan.stop,
            fees=sum((fill.fee for fill in own), Decimal(0)),
            plan=plan,
            entries=entries,
        )

    def _executions(
        self, coin: str, direction: int, from_ms: int, to_ms: int
    ) -> tuple[tuple[Filled, ...], tuple[Filled, ...]]:
        """The fills of a position, those that opened it and those that closed it."""
        own = [fill for fill in self._fills.values() if fill.coin == coin and from_ms <= fill.time_ms <= to_ms]
        told = [
            (fill.side.sign, Filled(fill.price, fill.size, fill.time_ms - self._shift_ms))
            for fill in sorted(own, key=lambda fill: (fill.time_ms, fill.tid))
        ]
        return (
            tuple(each for sign, each in told if sign == direction),
            tuple(each for sign, each in told if sign == -direction),
        )


def _left(limit: Decimal, used: Decimal) -> Decimal | None:
    return max(limit - used, Decimal(0)) if limit else None
