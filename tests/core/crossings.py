"""One run of stop exactness: the core beside the model exchange, with lines between them that can be late or lossy.

Time is virtual: while a run waits everything that is due happens, on both sides. What goes wrong, and when, is said
from outside (`schedules`); every fact and wish passes the judge.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import count

from msgspec.structs import replace

from tests.core.exactness import Judge
from tests.core.model_exchange import COIN, ModelExchange
from tests.core.worlds import T0, TAG, World, candles, instrument
from tidegate.core.schedule import next_due_ms
from tidegate.core.state import State
from tidegate.core.step import still_wanted
from tidegate.loop import Todo
from tidegate.model.events import (
    AccountSeen,
    BookChanged,
    CandlesFetched,
    Event,
    Faulted,
    LeverageSet,
    Marked,
    Mid,
    OrderFilled,
    OrderInDoubt,
    OrdersSent,
    Signalled,
    Started,
    StreamDown,
    StreamUp,
    Tick,
    Trade,
)
from tidegate.model.intents import (
    CancelOrders,
    FetchAccount,
    FetchCandles,
    FetchOrder,
    FetchPrices,
    Intent,
    PlaceOrders,
    Remember,
    ResendOrders,
    SetLeverage,
    Urgency,
)
from tidegate.model.market import Timeframe
from tidegate.model.records import Remembered
from tidegate.model.settings import Settings, StopPriceSource
from tidegate.model.signals import Signal, Want

D = Decimal
LAGS_MS = (0, 0, 0, 1, 20, 50, 300, 1_000, 2_500, 6_000)
ANSWER_MS = 8_000
"""After that the transports give up waiting for an answer."""
REFUSED_MS = 3_000
FLIGHT_MS = 1
TICKS_MAX = 2_000
QUIET_MS = 130_000
"""Longer than the longest pause of a doubt, and twice that of a look at the account."""
CLASSES = ("prices", "orders", "fills", "answers", "reads")
Action = PlaceOrders | CancelOrders


class Run:
    """One core after the other (a death brings the next), one exchange, one judge."""

    def __init__(self, source: StopPriceSource, trail_by: Decimal | None, adds_max: int = 0) -> None:
        self.now_ms = T0 + 50_000
        self.judge = Judge(source, trail_by)
        self.exchange = ModelExchange(D(100), self._streamed, self.judge.filled)
        self.judge.exchange = self.exchange
        self.settings = Settings(
            coins=(COIN,),
            timeframe=Timeframe.M1,
            check_interval_s=D(60),
            stop_price_source=source,
            adds_max=adds_max,
        )
        self.deaths = self._bars_ahead = 0
        self.happened: list[str] = []
        self._trail_by = trail_by
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        self._nonces = count(1)
        self.lags = dict.fromkeys(CLASSES, 0)
        self.fates: list[tuple[str, int]] = []
        self._flying: dict[int, tuple[int, PlaceOrders]] = {}
        self._letters: dict[str, tuple[int, PlaceOrders]] = {}
        self._written: dict[str, Remembered] = {}
        self.told: list[Event] = []
        self.dies_sending = False
        self.rest_up = True
        self._life = 0
        self._begin()

    # a life of the bot

    def _begin(self, *, suddenly: bool = False) -> None:
        self._life += 1
        self._line, self._stream_up = 0, False
        self._inbox: list[Event] = []
        self._todo = Todo()
        self._remembering: dict[str, Remembered] = {}
        self._awaited: dict[int, Action] = {}
        self.exchange.now_ms = self.now_ms
        account = self.exchange.account(0)
        self.judge.reborn(self.now_ms, suddenly=suddenly)
        self.world = World(State(), self.now_ms)
        first = Started(
            at_ms=self.now_ms,
            settings=self.settings,
            instruments=(instrument(COIN),),
            account=account,
            instance_tag=TAG,
            remembered=tuple(self._written.values()),
        )
        self._later(2 * FLIGHT_MS, self._hear_if_alive, self._life, [first])
        self._later(3 * FLIGHT_MS, self._connect, self._life)
        self._later(4 * FLIGHT_MS, self.show_prices)

    def _connect(self, life: int) -> None:
        if life != self._life or self._stream_up:
            return
        if not self.world.state.started:
            self._later(FLIGHT_MS, self._connect, life)
            return
        self._stream_up = True
        self._line += 1
        self._hear(StreamUp(at_ms=self.now_ms))
        for fill in self.exchange.fills[-20:]:
            if fill.time_ms >= self.judge.born_ms:  # what the snapshot of the stream repeats
                self._hear(OrderFilled(at_ms=self.now_ms, fill=fill))

    def show_prices(self) -> None:
        self.print(self.exchange.price, self.exchange.price, self.exchange.price)
        self.book(self.exchange.price)
        self.stream(Marked(at_ms=0, coin=COIN, mark=self.exchange.mark, time_ms=self.now_ms), "prices")

    def die(self, *, suddenly: bool = False) -> None:
        """The process is no more; what it sent is still on its way. `suddenly`: before it could write down why."""
        self.deaths += 1
        self._begin(suddenly=suddenly)

    # time

    def _later(self, ms: int, do: Callable[..., None], *arguments: object) -> None:
        heapq.heappush(self._due, (self.now_ms + ms, next(self._numbers), lambda: do(*arguments)))

    def wait(self, ms: int) -> None:
        """Let so much time pass, with all that is due in it."""
        end_ms, ticks = self.now_ms + ms, 0
        while True:
            self.work()
            due_ms = min(end_ms, max(self._tick_ms(), self.now_ms))
            if self._due:
                due_ms = min(due_ms, self._due[0][0])
            self.now_ms = self.exchange.now_ms = max(self.now_ms, due_ms)
            while self._due and self._due[0][0] <= self.now_ms:
                heapq.heappop(self._due)[2]()
            if not self._inbox and self._tick_ms() <= self.now_ms:
                self._inbox.append(Tick(at_ms=self.now_ms))
                ticks += 1
                assert ticks < TICKS_MAX, f"the core spins: {ticks} ticks within {ms} ms"
            if self.now_ms >= end_ms and not self._inbox:
                return

    def _tick_ms(self) -> int:
        state = self.world.state
        return next_due_ms(state) if state.started else self.now_ms + QUIET_MS

    def work(self) -> None:
        """What the loop does: all facts that wait, then one act, then the facts again."""
        while self._inbox or self._todo:
            events, self._inbox = self._inbox, []
            life = self._life
            for event in events:
                self._handle(event)
                if self._todo.exits_wait:
                    self._act()
                if life != self._life:
                    return
            if self._todo:
                self._act()
        self._written |= self._remembering

    def _handle(self, event: Event) -> None:
        self.world.now_ms = self.now_ms
        fact = replace(event, at_ms=self.now_ms)
        self.judge.heard(fact)
        decision = self.world.tell(fact)
        self._todo.add(decision.intents)
        records = (wish.record for wish in decision.intents if isinstance(wish, Remember))
        self._remembering.update((record.coin, record) for record in records)

    def _act(self) -> None:
        intent = self._todo.pop()
        if still_wanted(self.world.state, intent):
            self._perform(intent)

    # the bot's wishes

    def _perform(self, intent: Intent) -> None:
        match intent:
            case PlaceOrders():
                self._send_orders(intent)
            case CancelOrders():
                self._send(next(self._nonces), intent)
            case ResendOrders():
                nonce, wish = self._letters[intent.cloid]
                self._send(nonce, wish, again=intent.cloid)
            case SetLeverage():
                self._hear(LeverageSet(at_ms=0, coin=intent.coin, leverage=intent.leverage))
            case FetchCandles() | FetchPrices() | FetchAccount() | FetchOrder():
                lag_ms = self.lags["reads"]
                self._later(lag_ms // 2, self._serve, self._life, intent, lag_ms - lag_ms // 2)

    def _send_orders(self, wish: PlaceOrders) -> None:
        if wish.urgency is not Urgency.EXIT:
            self._written |= self._remembering  # the journal is committed before the order leaves
        self.judge.wished(wish, self._may_arrive())
        nonce = next(self._nonces)
        for order in wish.orders:
            self._letters[order.cloid] = (nonce, wish)
        self._send(nonce, wish)
        cloids = tuple(order.cloid for order in wish.orders)
        for fact in (OrdersSent(at_ms=self.now_ms, cloids=cloids, nonce=nonce, transport="ws", sent_ns=1),):
            self._handle(fact)
        if self.dies_sending:
            self.dies_sending = False
            self._remembering.clear()
            self.die(suddenly=True)

    def _may_arrive(self) -> set[str]:
        """Orders that have left and could still be carried out; a copy of what arrived before could not."""
        return {
            order.cloid
            for nonce, wish in self._flying.values()
            if wish.expires_ms >= self.now_ms and not self.exchange.knows(nonce)
            for order in wish.orders
        }

    def _send(self, nonce: int, wish: Action, again: str = "") -> None:
        fate, late_ms = self.fates.pop(0) if self.fates else ("normal", 0)
        ticket = next(self._numbers)
        self._awaited[ticket] = wish
        self._later(ANSWER_MS, self._give_up, self._life, ticket, "no answer came in time")
        if fate != "dropped":
            if isinstance(wish, PlaceOrders):
                self._flying[ticket] = (nonce, wish)
            lag_ms = self.lags["answers"]
            self._later(FLIGHT_MS + lag_ms // 2 + late_ms, self._arrive, self._life, ticket, nonce, wish, fate, again)

    def _arrive(self, life: int, ticket: int, nonce: int, wish: Action, fate: str, again: str) -> None:
        self._flying.pop(ticket, None)
        answers = self.exchange.cancel(wish) if isinstance(wish, CancelOrders) else self.exchange.place(nonce, wish)
        if again:
            answers = [each for each in answers if getattr(each, "cloid", "") == again]
        if fate != "unanswered":
            lag_ms = self.lags["answers"]
            self._later(lag_ms - lag_ms // 2, self._answer, life, ticket, answers)

    def _answer(self, life: int, ticket: int, answers: Sequence[Event]) -> None:
        if life == self._life and self._awaited.pop(ticket, None) is not None:
            for each in answers:
                self._hear(each)

    def _give_up(self, life: int, ticket: int, why: str) -> None:
        wish = self._awaited.pop(ticket, None)
        if life != self._life or wish is None:
            return
        cloids = wish.cloids if isinstance(wish, CancelOrders) else tuple(order.cloid for order in wish.orders)
        for cloid in cloids:
            self._hear(OrderInDoubt(at_ms=0, cloid=cloid, reason=why))

    def _serve(self, life: int, wish: Intent, lag_ms: int) -> None:
        if not self.rest_up:
            where = {FetchCandles: "candles", FetchPrices: "prices", FetchAccount: "account"}.get(type(wish), "order")
            fault = Faulted(at_ms=0, where=where, reason="no way to the exchange", coin=getattr(wish, "coin", None))
            self._later(REFUSED_MS, self._hear_if_alive, life, [fault])
            return
        self._later(lag_ms, self._hear_if_alive, life, self._read(wish))

    def _read(self, wish: Intent) -> list[Event]:
        match wish:
            case FetchCandles():
                rows = candles(self.now_ms, 3, interval_ms=Timeframe.M1.ms)
                return [CandlesFetched(at_ms=0, coin=COIN, candles=rows, exchange_ms=self.now_ms)]
            case FetchPrices():
                mids: list[Event] = [Mid(at_ms=0, coin=COIN, price=self.exchange.price)]
                mark = Marked(at_ms=0, coin=COIN, mark=self.exchange.mark, time_ms=self.now_ms)
                return [*mids, mark] if wish.marks else mids
            case FetchAccount():
                return [AccountSeen(at_ms=0, account=self.exchange.account(wish.fills_since_ms))]
            case FetchOrder():
                return [self.exchange.fate(wish.cloid)]
        raise AssertionError(wish)

    def _hear_if_alive(self, life: int, events: Iterable[Event]) -> None:
        if life == self._life:
            for event in events:
                self._hear(event)

    def _hear(self, event: Event) -> None:
        self._inbox.append(event)

    # what the exchange says

    def _streamed(self, event: Event) -> None:
        self.stream(event, "fills" if isinstance(event, OrderFilled) else "orders")

    def stream(self, event: Event, kind: str) -> None:
        if self._stream_up:
            self.told.append(event)
            self._later(self.lags[kind], self._from_line, self._life, self._line, event)

    def _from_line(self, life: int, line: int, event: Event) -> None:
        if (life, line) == (self._life, self._line) and self._stream_up:
            self._hear(event)

    def print(self, low: Decimal, high: Decimal, last: Decimal, since_ms: int = 0) -> None:
        self.exchange.price = last
        fact = Trade(at_ms=0, coin=COIN, price=last, low=low, high=high, time_ms=self.now_ms, since_ms=since_ms)
        self.stream(fact, "prices")

    def book(self, price: Decimal) -> None:
        fact = BookChanged(at_ms=0, coin=COIN, bid=price - D("0.1"), ask=price + D("0.1"), time_ms=self.now_ms)
        self.stream(fact, "prices")

    def move_mark(self, mark: Decimal) -> None:
        """The mark moves: the exchange acts on it at once, the bot hears of it."""
        self.judge.moved(mark)
        self.exchange.move_mark(mark)
        self.stream(Marked(at_ms=0, coin=COIN, mark=mark, time_ms=self.now_ms), "prices")

    def tell_again(self, which: int, after_ms: int) -> None:
        """What was told is told once more."""
        if self.told:
            event = self.told[-1 - which % len(self.told)]
            self._later(after_ms, self._from_line, self._life, self._line, event)

    def cut(self, for_ms: int) -> None:
        """The stream is gone for a while, and with it the answers that were on their way."""
        if not self._stream_up:
            return
        self._stream_up = False
        self._hear(StreamDown(at_ms=0, reason="connection reset"))
        for ticket in tuple(self._awaited):
            self._give_up(self._life, ticket, "the stream was lost before the answer")
        self._later(for_ms, self._connect, self._life)

    def signal(self, want: Want) -> None:
        """The strategy speaks about the minute that closed last."""
        bar_ms = self.now_ms - self.now_ms % Timeframe.M1.ms - Timeframe.M1.ms
        fraction = D(1)
        if self.settings.adds_max:  # a small position has room for more
            fraction = D("0.1") if want is Want.ADD else D("0.25")
        if want is Want.ADD:  # no waiting for the next bar
            self._bars_ahead += 1
            bar_ms += self._bars_ahead * Timeframe.M1.ms
        signal = Signal(want=want, reason="the schedule wants it", trail_by=self._trail_by, size_fraction=fraction)
        self._hear(Signalled(at_ms=0, coin=COIN, candle_open_ms=bar_ms, signal=signal, bars=500))

    def settle(self) -> None:
        """All lines are whole again, print and mark have met, somebody takes every order, no price moves any more."""
        self.rest_up, self.dies_sending = True, False
        self.lags = dict.fromkeys(CLASSES, 0)
        self.fates.clear()
        self.exchange.thin.clear()
        self._connect(self._life)
        self.wait(max(LAGS_MS) + 1)
        self.exchange.price = self.exchange.mark
        self.show_prices()
        self.wait(QUIET_MS)
