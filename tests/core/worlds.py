"""A started core to test with: coins, candles, prices, an accepted entry, a covered position.

A `World` is a `State`, a clock that the test moves and everything that was decided. It plays the exchange's part only
as far as a test asks it to, and after every fact it holds the laws that no decision may break (`laws`).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from tidegate.core import fills, schedule
from tidegate.core.state import CoinState, OrderState, Phase, State
from tidegate.core.step import step
from tidegate.model.brackets import ExitReason
from tidegate.model.brakes import Brakes, Flow
from tidegate.model.events import (
    Account,
    AccountSeen,
    BookChanged,
    CandlesFetched,
    Command,
    Event,
    LeverageSet,
    Marked,
    Mid,
    OrderAccepted,
    OrderFilled,
    OrdersSent,
    Signalled,
    Started,
    StreamDown,
    StreamUp,
    Tick,
    Trade,
)
from tidegate.model.instruments import NOTIONAL_MIN_USD, Instrument
from tidegate.model.intents import CancelOrders, Decision, Intent, PlaceOrders, Quit, ResendOrders, SetLeverage
from tidegate.model.market import Candle, Timeframe
from tidegate.model.orders import (
    Limit,
    OpenOrder,
    OrderRequest,
    Role,
    TimeInForce,
    Trigger,
    Twap,
    instance_tag,
    is_ours,
)
from tidegate.model.positions import Fill, Position, Side
from tidegate.model.records import Remembered
from tidegate.model.settings import Settings
from tidegate.model.signals import Signal, Want

D = Decimal
T0 = 1_767_225_600_000
"""2026-01-01 00:00 UTC: a whole multiple of every timeframe up to a day."""
TAG = instance_tag("the tests' own bot")
PRICE = D(100)
EQUITY = D(10_000)

Wish = TypeVar("Wish", bound=Intent)


def instrument(coin: str = "BTC", *, size_decimals: int = 3, asset: int = 0, leverage_max: int = 40) -> Instrument:
    """A perpetual whose prices around 100 have two decimals."""
    return Instrument(coin=coin, asset=asset, size_decimals=size_decimals, leverage_max=leverage_max)


def candle(open_ms: int, *, close: Decimal = PRICE, interval_ms: int = Timeframe.M5.ms) -> Candle:
    """A flat candle of `interval_ms` at `close`."""
    return Candle(
        open_ms=open_ms,
        close_ms=open_ms + interval_ms - 1,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=D(1),
        trades=1,
    )


def candles(
    until_ms: int, count: int, *, close: Decimal = PRICE, interval_ms: int = Timeframe.M5.ms
) -> tuple[Candle, ...]:
    """`count` flat candles, the last of which is the one still open at `until_ms`."""
    newest_ms = until_ms - until_ms % interval_ms
    return tuple(candle(newest_ms - back * interval_ms, close=close, interval_ms=interval_ms) for back in range(count))[
        ::-1
    ]


def open_order(request: OrderRequest, *, oid: int, time_ms: int) -> OpenOrder:
    """How the exchange shows `request` while it is open."""
    kind = request.kind
    trigger = kind if isinstance(kind, Trigger) else None
    return OpenOrder(
        coin=request.coin,
        oid=oid,
        side=request.side,
        size=request.size,
        limit_price=request.price,
        time_ms=time_ms,
        cloid=request.cloid,
        reduce_only=request.reduce_only,
        is_trigger=trigger is not None,
        trigger_price=trigger.trigger_price if trigger is not None else None,
        is_stop=trigger is not None and trigger.stop,
    )


def resting_stop(
    direction: int,
    size: Decimal,
    level: Decimal,
    *,
    coin: str = "BTC",
    cloid: str | None = None,
    time_ms: int = T0 - 60_000,
) -> OpenOrder:
    """A reduce-only stop order on the exchange, the user's own when it has no cloid."""
    return OpenOrder(
        coin=coin,
        oid=990_000 + int(level),
        side=Side.opening(-direction),
        size=size,
        limit_price=level * (1 - direction * D("0.1")),
        time_ms=time_ms,
        cloid=cloid,
        reduce_only=True,
        is_trigger=True,
        trigger_price=level,
        is_stop=True,
    )


class World:
    """One started core, its clock, and all that it decided."""

    def __init__(self, state: State, now_ms: int) -> None:
        self.state = state
        self.now_ms = now_ms
        self.decisions: list[Decision] = []
        self.fills: list[Fill] = []
        self._tids = 0

    # what happens

    def tell(self, event: Event) -> Decision:
        """Let one fact happen; hold the laws; remember and give what was decided."""
        stopped_entries = bool(self.state.stopping)
        decision = step(self.state, event)
        laws(self.state, decision, stopped_entries=stopped_entries)
        self.decisions.append(decision)
        return decision

    def tick(self, after_ms: int = 0) -> Decision:
        """Let time pass, then nothing else happen."""
        self.now_ms += after_ms
        return self.tell(Tick(at_ms=self.now_ms))

    def run_until(self, end_ms: int) -> list[Decision]:
        """Tick whenever something is due, as the loop does, until `end_ms`."""
        decided = []
        while True:
            due_ms = max(schedule.next_due_ms(self.state), self.now_ms)
            if due_ms > end_ms or self.state.stopped:
                self.now_ms = max(self.now_ms, end_ms)
                return decided
            self.now_ms = due_ms
            decided.append(self.tick())
            assert self.state.stopped or schedule.next_due_ms(self.state) > self.now_ms, "a Tick left its work undone"

    def trade(
        self,
        price: Decimal | int | str,
        *,
        low: Decimal | int | str | None = None,
        high: Decimal | int | str | None = None,
        time_ms: int | None = None,
        coin: str = "BTC",
    ) -> Decision:
        """A print, a millisecond after whatever was last."""
        self.now_ms += 1
        last = D(price)
        return self.tell(
            Trade(
                at_ms=self.now_ms,
                coin=coin,
                price=last,
                low=min(last, D(low)) if low is not None else last,
                high=max(last, D(high)) if high is not None else last,
                time_ms=self.now_ms if time_ms is None else time_ms,
            )
        )

    def book(
        self,
        bid: Decimal | int | str | None,
        ask: Decimal | int | str | None,
        *,
        time_ms: int | None = None,
        coin: str = "BTC",
    ) -> Decision:
        """The touch moves, a millisecond after whatever was last."""
        self.now_ms += 1
        return self.tell(
            BookChanged(
                at_ms=self.now_ms,
                coin=coin,
                bid=None if bid is None else D(bid),
                ask=None if ask is None else D(ask),
                time_ms=self.now_ms if time_ms is None else time_ms,
            )
        )

    def mark(self, price: Decimal | int | str, *, time_ms: int | None = None, coin: str = "BTC") -> Decision:
        """The mark price moves, a millisecond after whatever was last."""
        self.now_ms += 1
        return self.tell(
            Marked(at_ms=self.now_ms, coin=coin, mark=D(price), time_ms=self.now_ms if time_ms is None else time_ms)
        )

    def mid(self, price: Decimal | int | str, *, coin: str = "BTC") -> Decision:
        """A polled mid price, a millisecond after whatever was last."""
        self.now_ms += 1
        return self.tell(Mid(at_ms=self.now_ms, coin=coin, price=D(price)))

    def fetched(self, count: int = 5, *, coin: str = "BTC") -> Decision:
        """The last `count` candles arrive, the newest still forming."""
        rows = candles(self.now_ms, count, interval_ms=self.state.settings.timeframe.ms)
        return self.tell(CandlesFetched(at_ms=self.now_ms, coin=coin, candles=rows, exchange_ms=self.now_ms))

    def signal(self, want: Want, *, candle_open_ms: int | None = None, coin: str = "BTC", **fields: Any) -> Decision:
        """The strategy speaks, about the bar that closed last unless told otherwise."""
        interval_ms = self.state.settings.timeframe.ms
        bar_ms = self.now_ms - self.now_ms % interval_ms - interval_ms if candle_open_ms is None else candle_open_ms
        signal = Signal(want=want, reason="the test wants it", **fields)
        return self.tell(Signalled(at_ms=self.now_ms, coin=coin, candle_open_ms=bar_ms, signal=signal, bars=500))

    def sent(self, wish: PlaceOrders) -> Decision:
        """The bytes of a wish leave."""
        cloids = tuple(order.cloid for order in wish.orders)
        return self.tell(OrdersSent(at_ms=self.now_ms, cloids=cloids, nonce=self.now_ms, transport="ws", sent_ns=1))

    def accept(self, request: OrderRequest, *, filled: Decimal | None = None) -> Decision:
        """The exchange takes an order: triggers rest, the rest is over with `filled` (all of it unless told)."""
        self._tids += 1
        if isinstance(request.kind, Trigger):
            return self.tell(OrderAccepted(at_ms=self.now_ms, cloid=request.cloid, oid=1000 + self._tids))
        done = request.size if filled is None else filled
        return self.tell(
            OrderAccepted(
                at_ms=self.now_ms,
                cloid=request.cloid,
                oid=1000 + self._tids,
                resting=False,
                filled=done,
                average_price=request.price if done else None,
            )
        )

    def fill(
        self,
        side: Side,
        size: Decimal | int | str,
        price: Decimal | int | str,
        *,
        cloid: str | None = None,
        coin: str = "BTC",
        time_ms: int | None = None,
        **fields: Any,
    ) -> Fill:
        """One execution happens and is told."""
        self.now_ms += 1
        self._tids += 1
        fill = Fill(
            coin=coin,
            side=side,
            price=D(price),
            size=D(size),
            time_ms=self.now_ms if time_ms is None else time_ms,
            tid=self._tids,
            oid=2000 + self._tids,
            cloid=cloid,
            fee=D(size) * D(price) * D("0.00045"),
            **fields,
        )
        self.fills.append(fill)
        self.tell(OrderFilled(at_ms=self.now_ms, fill=fill))
        return fill

    def account(
        self,
        *,
        positions: Sequence[Position] | None = None,
        orders: Sequence[OpenOrder] | None = None,
        fills: Sequence[Fill] = (),
        equity: Decimal = EQUITY,
        free: Decimal = EQUITY,
        time_ms: int | None = None,
        flows: Sequence[Flow] = (),
    ) -> Decision:
        """The account is read: as the bot knows it, unless told otherwise."""
        if positions is None:
            positions = [coin.position for coin in self.state.coins.values() if coin.position.size]
        if orders is None:
            orders = self.open_orders()
        account = Account(
            equity=equity,
            free=free,
            positions=tuple(positions),
            orders=tuple(orders),
            fills=tuple(fills),
            time_ms=self.now_ms if time_ms is None else time_ms,
            flows=tuple(flows),
        )
        return self.tell(AccountSeen(at_ms=self.now_ms, account=account))

    def stop(self) -> Decision:
        """The operator asks to stop."""
        return self.tell(Command(at_ms=self.now_ms, name="stop", reason="Ctrl-C"))

    def command(self, name: str, reason: str = "") -> Decision:
        """The operator asks for something else."""
        return self.tell(Command(at_ms=self.now_ms, name=name, reason=reason))

    def down(self) -> Decision:
        """The stream is gone."""
        return self.tell(StreamDown(at_ms=self.now_ms, reason="connection reset"))

    # what there is

    def coin(self, name: str = "BTC") -> CoinState:
        """What the core knows of a coin."""
        return self.state.coins[name]

    def open_orders(self) -> list[OpenOrder]:
        """Our orders that rest, as the exchange would show them."""
        return [
            open_order(order.request, oid=order.oid or 1, time_ms=order.sent_ms)
            for coin in self.state.coins.values()
            for order in coin.orders.values()
            if order.state is OrderState.RESTING
        ]

    def wished(self, kind: type[Wish]) -> list[Wish]:
        """All wishes of one kind so far."""
        return list(wishes(self.decisions, kind))

    def placed(self, role: Role) -> list[OrderRequest]:
        """All orders of one role that were wished for so far."""
        return [order for wish in self.wished(PlaceOrders) for order in wish.orders if order.role is role]

    def entry(self) -> OrderRequest:
        """The newest entry."""
        return self.placed(Role.ENTRY)[-1]

    # getting somewhere

    def enter(self, direction: int = 1, *, coin: str = "BTC", **fields: Any) -> PlaceOrders:
        """The strategy wants in and the core agrees; the orders are sent but not answered."""
        decision = self.signal(Want.LONG if direction > 0 else Want.SHORT, coin=coin, **fields)
        placed = list(wishes([decision], PlaceOrders))
        assert placed, [note.text for note in decision.notes]
        self.sent(placed[0])
        return placed[0]

    def hold(self, direction: int = 1, *, coin: str = "BTC", **fields: Any) -> Position:
        """An entry is accepted and filled at the price of the moment, its stop rests, the cover is confirmed."""
        price = self.coin(coin).reference_price()
        assert price is not None
        wish = self.enter(direction, coin=coin, **fields)
        for request in wish.orders:
            self.accept(request)
        entry = wish.orders[0]
        self.fill(entry.side, entry.size, price, cloid=entry.cloid, coin=coin)
        self.now_ms += 3_000
        self.account()
        held = self.coin(coin)
        assert held.phase is Phase.HOLDING
        assert held.covered_ms
        return held.position

    def close(self, request: OrderRequest, price: Decimal | int | str) -> None:
        """An exit order is taken and filled entirely."""
        self.accept(request)
        self.fill(request.side, request.size, price, cloid=request.cloid, coin=request.coin)


def wishes(decisions: Iterable[Decision], kind: type[Wish]) -> Iterable[Wish]:
    """The wishes of one kind (or of a union of kinds) among decisions, in order."""
    return (intent for decision in decisions for intent in decision.intents if isinstance(intent, kind))


def started(
    *coins: str | Instrument,
    account: Account | None = None,
    remembered: Sequence[Remembered] = (),
    brakes: Brakes | None = None,
    leverages: dict[str, int] | None = None,
    price: Decimal = PRICE,
    now_ms: int = T0,
    ready: bool = True,
    speed: float = 1.0,
    **settings: Any,
) -> World:
    """A core that has had its first fact. `ready`: it streams, is levered, has candles and prices."""
    instruments = tuple(
        instrument(each, asset=asset) if isinstance(each, str) else each for asset, each in enumerate(coins or ("BTC",))
    )
    names = tuple(each.coin for each in instruments)
    world = World(State(), now_ms)
    world.tell(
        Started(
            at_ms=now_ms,
            settings=Settings(coins=names, **settings),
            instruments=instruments,
            account=account or Account(equity=D(10_000), free=D(10_000), time_ms=now_ms),
            instance_tag=TAG,
            speed=speed,
            remembered=tuple(remembered),
            brakes=brakes or Brakes(),
            leverages=leverages or {},
        )
    )
    if ready:
        make_ready(world, price)
    return world


def make_ready(world: World, price: Decimal = PRICE) -> None:
    """Leverage, stream, candles and prices arrive."""
    world.tell(StreamUp(at_ms=world.now_ms))
    world.tick()
    for name, coin in tuple(world.state.coins.items()):
        world.tell(LeverageSet(at_ms=world.now_ms, coin=name, leverage=world.state.settings.leverage))
        world.fetched(coin=name)
        if coin.position.size:
            continue
        world.mark(price, coin=name)
        world.trade(price, coin=name)
        world.book(price, price, coin=name)


# what must hold after every fact


def laws(state: State, decision: Decision, *, stopped_entries: bool) -> None:
    """What no decision may break, whatever happened."""
    for wish in wishes([decision], PlaceOrders):
        coin = state.coins[wish.coin]
        assert wish.expires_ms > state.now_ms
        for order in wish.orders:
            _lawful_order(coin, order)
        if wish.orders[0].role is Role.ENTRY:
            _lawful_entry(state, wish)
            assert not stopped_entries, "no entry after the stop command"
        if any(order.role is Role.EXIT for order in wish.orders):
            assert len(wish.orders) == 1
            assert wish.orders[0].size == abs(coin.position.size)
            assert wish.exit_reason is not None
    for each in wishes([decision], CancelOrders | SetLeverage):
        assert each.expires_ms > state.now_ms
    _lawful_beside_others(state, decision)
    for coin in state.coins.values():
        _lawful_coin(coin)
    assert not list(wishes([decision], Quit)) or state.stopped


def _lawful_beside_others(state: State, decision: Decision) -> None:
    """Nothing is sent for a coin with somebody else's position, but that orders of ours are taken back."""
    for wish in wishes([decision], PlaceOrders | SetLeverage):
        assert not state.coins[wish.coin].left_alone, wish
    for again in wishes([decision], ResendOrders):
        assert not state.coins[state.coin_of[again.cloid]].left_alone, again
    for back in wishes([decision], CancelOrders):
        assert all(is_ours(cloid, TAG) for cloid in back.cloids), back


def _lawful_order(coin: CoinState, order: OrderRequest) -> None:
    assert coin.instrument.is_legal_size(order.size), order
    assert coin.instrument.is_legal_price(order.price), order
    assert order.cloid.startswith(f"0x{TAG}")
    assert len(order.cloid) == 34
    assert order.reduce_only is (order.role is not Role.ENTRY)
    if isinstance(order.kind, Trigger):
        assert coin.instrument.is_legal_price(order.kind.trigger_price), order
        assert (order.kind.worst_price - order.kind.trigger_price) * order.side.sign >= 0
        assert order.kind.stop is (order.role is Role.STOP)
    elif isinstance(order.kind, Twap):
        assert order.role is Role.ENTRY
        assert coin.twap is not None
    elif order.kind.time_in_force is not TimeInForce.IOC:
        assert order.role is Role.ENTRY
        assert order.kind.time_in_force is TimeInForce.ALO
        assert coin.making is not None
    if order.role in (Role.EXIT, Role.STOP) and coin.position.size:
        assert order.side.sign == -coin.position.direction
        assert order.size <= abs(coin.position.size) or coin.waits_for_entry(coin.orders[order.cloid])


def _lawful_entry(state: State, wish: PlaceOrders) -> None:
    coin, entry = state.coins[wish.coin], wish.orders[0]
    if isinstance(entry.kind, Twap):
        _lawful_twap(state, coin, wish)
        return
    assert coin.twap is None, "an entry beside a TWAP"
    assert [order.request for order in coin.live(Role.ENTRY)] == [entry], "two entries would be alive"
    if wish.signal_id == coin.add_id:
        _lawful_add(state, coin, entry)
    elif coin.making is None or coin.making.tries == 1:
        assert not coin.position.size
        assert coin.phase is Phase.ENTERING
    else:
        assert coin.phase in (Phase.ENTERING, Phase.IN_DOUBT, Phase.HOLDING)
        assert coin.position.direction in (0, entry.side.sign)
        assert coin.making.filled + entry.size <= coin.making.size, "more would be ordered than is wanted"
    stops = [order for order in wish.orders if order.role is Role.STOP]
    assert [stop.size for stop in stops] == [entry.size], "an entry never leaves without a stop for all of it"
    assert isinstance(entry.kind, Limit)
    stop = stops[0].kind
    assert isinstance(stop, Trigger)
    assert (entry.kind.price - stop.trigger_price) * entry.side.sign > 0
    assert entry.size * entry.price <= state.settings.max_position_usd
    assert entry.size * entry.price >= NOTIONAL_MIN_USD


def _lawful_add(state: State, coin: CoinState, entry: OrderRequest) -> None:
    """More of what is held, no more often than was asked for, and within the limits for the sum."""
    assert 0 < coin.adds <= state.settings.adds_max
    assert coin.phase is Phase.HOLDING
    assert coin.position.direction == entry.side.sign
    assert (abs(coin.position.size) + entry.size) * entry.price <= state.settings.max_position_usd


def _lawful_twap(state: State, coin: CoinState, wish: PlaceOrders) -> None:
    """Its stop cannot come along; it comes with each slice."""
    entry = wish.orders[0]
    assert len(wish.orders) == 1
    assert coin.twap is not None
    assert coin.twap.request == entry
    assert not coin.position.size
    assert not coin.orders, "an entry beside orders of the last position"
    assert coin.phase is Phase.ENTERING
    assert NOTIONAL_MIN_USD <= entry.size * entry.price <= state.settings.max_position_usd


def _lawful_coin(coin: CoinState) -> None:
    if coin.left_alone:
        assert coin.why == fills.LEFT_ALONE
        assert coin.bracket is None or coin.signal_id, "only an entry that was on its way has levels here"
        assert (coin.exit, coin.cover_due_ms, coin.covered_ms, coin.wanted) == (None, None, 0, None)
    elif coin.position.size:
        assert coin.phase in (Phase.HOLDING, Phase.EXITING), (coin.phase, coin.position)
        assert coin.bracket is not None
        assert coin.bracket.direction == coin.position.direction
        assert coin.bracket.stop is not None, "a position without a stop level"
    else:
        assert coin.exit is None
        assert coin.why != fills.LEFT_ALONE
        assert coin.phase not in (Phase.HOLDING, Phase.EXITING)


def exits_of(decisions: Iterable[Decision]) -> list[tuple[ExitReason, OrderRequest]]:
    """The exits that were fired, with their reasons."""
    return [
        (wish.exit_reason, wish.orders[0]) for wish in wishes(decisions, PlaceOrders) if wish.exit_reason is not None
    ]
