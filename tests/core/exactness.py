"""The judge of stop exactness: what must close, what may close, and what must never happen, on the exchange's side.

It knows each position by the orders that the exchange took, and each price by what was delivered to a bot that lives.
Of the bot it knows nothing but the wishes that leave it. Its reading of a bracket is its own: levels come from the
triggers that travelled with the entry, a trailing stop from the prices that were heard.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.core.model_exchange import COIN, ModelExchange
from tidegate.model.brackets import ExitReason
from tidegate.model.events import (
    AccountSeen,
    BookChanged,
    Event,
    Marked,
    Mid,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    OrderSeen,
    Trade,
)
from tidegate.model.intents import PlaceOrders
from tidegate.model.orders import OrderRequest, Role, Trigger
from tidegate.model.positions import Fill
from tidegate.model.settings import StopPriceSource

D = Decimal
NONE = D(0)
NAKED_BEFORE_EMERGENCY_MS = 9_000
ANSWER_PATIENCE_MS = 10_000
"""A second try of an exit comes when the first is known to be over, or has stayed unanswered for so long."""
NOBODY = -1
ADD = "|add"


@dataclass
class Held:
    """One position, from its first fill to its last.

    `loose` is the stop that a price must be beyond to be sure that the position has to go, `tight` the nearest one that
    a bot may have trailed to: they part when a bot dies with levels that were never written down.
    """

    generation: int
    direction: int
    opened_ms: int
    loose: Decimal
    tight: Decimal
    take_profit: Decimal | None
    trail_by: Decimal | None
    opened: Decimal = NONE
    closed: Decimal = NONE
    must: str = ""
    may: str = ""
    leaving: bool = False
    told_ms: int | None = None
    shown_covered_ms: int = 0

    def beyond(self, level: Decimal, price: Decimal) -> bool:
        """Whether a price is at this stop or further."""
        return (price - level) * self.direction <= 0

    def profits(self, price: Decimal) -> bool:
        """Whether a price is at the take-profit or further."""
        return self.take_profit is not None and (price - self.take_profit) * self.direction >= 0

    def trail(self, price: Decimal, *, surely: bool) -> None:
        """Pull the levels behind a price that went our way."""
        if self.trail_by is None:
            return
        level = price - self.direction * self.trail_by
        if (level - self.tight) * self.direction > 0:
            self.tight = level
        if surely and (level - self.loose) * self.direction > 0:
            self.loose = level


@dataclass
class Judge:
    """Watches one run. Every law is an assertion that names the position and the moment."""

    source: StopPriceSource
    trail_by: Decimal | None = None
    exchange: ModelExchange | None = None
    held: Held | None = None
    history: list[Held] = field(default_factory=list)
    generation_of: dict[str, int] = field(default_factory=dict)
    generations: int = 0
    levels: dict[str, tuple[Decimal, Decimal | None]] = field(default_factory=dict)
    adds: set[str] = field(default_factory=set)
    newest_ms: int = 0
    newest_book_ms: int = 0
    newest_mark_ms: int = 0
    born_ms: int = 0
    mark: Decimal | None = None
    exit_cloid: str = ""
    exit_ms: int = 0

    # the bot's wishes

    def wished(self, wish: PlaceOrders, in_flight: set[str]) -> None:
        """Orders leave the bot. `in_flight`: those that are on their way and may still arrive."""
        assert self.exchange is not None
        if wish.orders[0].role is Role.ENTRY and wish.signal_id.endswith(ADD):
            self._note_levels(wish)
            self.adds.add(wish.orders[0].cloid)
        elif wish.orders[0].role is Role.ENTRY:
            self.generations += 1
            self._note_levels(wish)
            alive = in_flight | set(self.exchange.armed)
            assert not alive, f"an entry while orders of the last position may still act: {alive}"
            assert not self.exchange.size, f"an entry while {self.exchange.size} is held"
        for order in wish.orders:
            self.generation_of[order.cloid] = self.generations
        if wish.exit_reason is not None and self.held is not None:
            self.held.leaving = True
            self._one_at_a_time(wish)
            self._excused(self.held, wish.exit_reason)

    def _one_at_a_time(self, wish: PlaceOrders) -> None:
        """However many prices are beyond a level: one order closes, and the next only if that one has not."""
        assert self.exchange is not None
        waited_ms = self.exchange.now_ms - self.exit_ms
        assert not self.exit_cloid or waited_ms >= ANSWER_PATIENCE_MS, f"a second exit after {waited_ms} ms: {wish}"
        self.exit_cloid, self.exit_ms = wish.orders[0].cloid, self.exchange.now_ms

    def _answered(self, event: Event) -> None:
        if not self.exit_cloid or getattr(event, "cloid", None) != self.exit_cloid:
            return
        match event:
            case OrderRejected() | OrderCanceled() | OrderAccepted(resting=False):
                self.exit_cloid = ""
            case OrderSeen() if event.status not in (None, "open"):
                self.exit_cloid = ""

    def _excused(self, held: Held, reason: ExitReason) -> None:
        """Exits that no price asked for have reasons of their own."""
        assert self.exchange is not None
        if reason is ExitReason.SIGNAL:
            held.must = held.may = "the strategy wanted out"
        elif reason is ExitReason.EMERGENCY and not held.may:
            shown_ms = max(held.shown_covered_ms, held.told_ms or held.opened_ms)
            naked_ms = self.exchange.now_ms - shown_ms
            assert naked_ms >= NAKED_BEFORE_EMERGENCY_MS, f"an emergency exit, but covered {naked_ms} ms ago: {held}"
            held.may = held.may or "no stop could be confirmed"
        elif self.mark is not None and held.beyond(held.tight, self.mark):
            held.may = held.may or f"the mark is at {self.mark}"

    # what the bot hears

    def heard(self, event: Event) -> None:
        """A fact reaches a bot that lives."""
        held = self.held
        self._answered(event)
        if isinstance(event, Marked) and event.time_ms >= self.newest_mark_ms:
            self.mark = event.mark
        if held is None:
            self._note_newest(event)
            return
        match event:
            case OrderFilled() if event.fill.time_ms >= held.opened_ms and held.told_ms is None:
                held.told_ms = event.at_ms
            case AccountSeen() if event.account.positions and event.account.time_ms >= held.opened_ms:
                held.told_ms = held.told_ms or event.at_ms
                assert self.exchange is not None
                if self.exchange.covered >= abs(self.exchange.size):
                    held.shown_covered_ms = event.at_ms
            case Trade() if self.source is not StopPriceSource.MARK:
                self._print(held, event)
            case BookChanged() if self.source is not StopPriceSource.MARK and event.time_ms >= self.newest_book_ms:
                self._touch(held, event)
            case Marked() if self.source is not StopPriceSource.TRADE and event.time_ms >= self.newest_mark_ms:
                self._price(held, event.mark, event.time_ms)
            case Mid() if self.source is not StopPriceSource.MARK:
                self._price(held, event.price, event.at_ms)
        self._note_newest(event)

    def _note_newest(self, event: Event) -> None:
        if isinstance(event, Trade):
            self.newest_ms = max(self.newest_ms, event.time_ms)
        elif isinstance(event, Mid):
            self.newest_ms = max(self.newest_ms, event.at_ms)
        elif isinstance(event, BookChanged):
            self.newest_book_ms = max(self.newest_book_ms, event.time_ms)
        elif isinstance(event, Marked):
            self.newest_mark_ms = max(self.newest_mark_ms, event.time_ms)

    def _fresh(self, held: Held, time_ms: int) -> bool:
        return time_ms > held.opened_ms

    def _print(self, held: Held, event: Trade) -> None:
        if not self._fresh(held, event.time_ms):
            return
        whole = not event.since_ms or self._fresh(held, event.since_ms)
        low, high = (event.low, event.high) if whole else (event.price, event.price)
        worst, best = (low, high) if held.direction > 0 else (high, low)
        late = event.time_ms < self.newest_ms
        self._stop(held, worst, sure=not late or held.trail_by is None)
        if late:
            return
        if held.profits(best):
            held.must = held.may = f"{best} reached the take-profit"
        held.trail(best, surely=held.told_ms is not None)
        self._stop(held, event.price, sure=True)

    def _touch(self, held: Held, event: BookChanged) -> None:
        if not self._fresh(held, event.time_ms) or event.bid is None or event.ask is None:
            return
        for_stop, for_profit = (event.ask, event.bid) if held.direction > 0 else (event.bid, event.ask)
        self._stop(held, for_stop, sure=True)
        if held.profits(for_profit):
            held.must = held.may = f"{for_profit} reached the take-profit"

    def _price(self, held: Held, price: Decimal, time_ms: int) -> None:
        if not self._fresh(held, time_ms):
            return
        self._stop(held, price, sure=True)
        if held.profits(price):
            held.must = held.may = f"{price} reached the take-profit"
        held.trail(price, surely=held.told_ms is not None)

    def _stop(self, held: Held, price: Decimal, *, sure: bool) -> None:
        if sure and held.beyond(held.loose, price):
            held.must = held.must or f"{price} crossed the stop {held.loose}"
        if held.beyond(held.tight, price):
            held.may = held.may or f"{price} crossed the stop {held.tight}"

    # what the exchange does

    def moved(self, mark: Decimal) -> None:
        """The mark moves on the exchange."""
        if self.held is not None and self.held.beyond(self.held.tight, mark):
            self.held.may = self.held.may or f"the mark moved to {mark}"

    def filled(self, order: OrderRequest, fill: Fill) -> None:
        """An execution, before it counts."""
        assert self.exchange is not None
        after = fill.start_position + fill.size * fill.side.sign
        assert fill.start_position * after >= 0, f"a flip: {fill}"
        generation = self.generation_of.get(order.cloid, NOBODY)
        if order.role is Role.ENTRY:
            self._opened(order, fill, generation)
            return
        held = self.held
        assert held is not None, f"a close without a position: {order}"
        assert abs(after) < abs(fill.start_position), f"an exit that grows: {order}"
        assert generation == held.generation, f"an order of position {generation} fills against {held.generation}"
        if isinstance(order.kind, Trigger):
            self._fired(held, order, order.kind)
        assert held.may, f"closed although nothing was crossed: {order} {held}"
        held.closed += fill.size
        if not after:
            assert held.closed == held.opened, f"closed {held.closed} of {held.opened}"
            self.history.append(held)
            self.held, self.exit_cloid = None, ""

    def _opened(self, order: OrderRequest, fill: Fill, generation: int) -> None:
        assert self.exchange is not None
        if self.held is None:
            levels = self.levels[order.cloid]
            self.held = Held(
                generation=generation,
                direction=order.side.sign,
                opened_ms=fill.time_ms,
                loose=levels[0],
                tight=levels[0],
                take_profit=levels[1],
                trail_by=self.trail_by,
            )
            if order.cloid in self.adds:
                self.held.must = self.held.may = "it was to be added to a position that is closed"
            self.moved(self.exchange.mark)
        assert self.held.generation == generation, "two entries in one position"
        self.held.opened += fill.size

    def _fired(self, held: Held, order: OrderRequest, kind: Trigger) -> None:
        """The exchange's own order closes: at a level of this position, or one that trailing moved it to."""
        if order.role is Role.TAKE_PROFIT:
            assert kind.trigger_price == held.take_profit, order
            held.may = held.may or "the mark reached the take-profit"
        else:
            held.may = held.may or "the mark reached the resting stop"
            assert not (kind.trigger_price - held.tight) * held.direction > 0, f"nearer than any stop: {order} {held}"

    def _note_levels(self, wish: PlaceOrders) -> None:
        """The levels that travel with an entry."""
        by_role = {order.role: order.kind.trigger_price for order in wish.orders if isinstance(order.kind, Trigger)}
        self.levels[wish.orders[0].cloid] = (by_role[Role.STOP], by_role.get(Role.TAKE_PROFIT))

    # a new life, and the end

    def reborn(self, now_ms: int, *, suddenly: bool) -> None:
        """Another bot looks at the account now: it has heard no price yet, and knows no level but written ones.

        An exit that was under way goes on, unless its bot died `suddenly`, before anything of it was written.
        """
        self.born_ms, self.mark, self.exit_cloid = now_ms, None, ""
        self.newest_ms = self.newest_book_ms = self.newest_mark_ms = 0
        if self.held is not None:
            self.held.must = self.held.must if self.held.leaving and not suddenly else ""
            if self.held.trail_by is not None:
                self.held.loose = self.initial(self.held)
            if self.held.told_ms is not None:
                self.held.told_ms = now_ms

    def initial(self, held: Held) -> Decimal:
        """The stop that a position began with."""
        entries = (cloid for cloid, of in self.generation_of.items() if of == held.generation)
        return next(self.levels[cloid][0] for cloid in entries if cloid in self.levels)

    def at_the_end(self) -> None:
        """Everything has settled."""
        assert self.exchange is not None
        if self.held is None:
            assert not self.exchange.armed, f"orders outlive their position: {self.exchange.armed}"
            return
        assert not self.held.must, f"{COIN} is still held although {self.held.must}: {self.held}"
        covered, size = self.exchange.covered, abs(self.exchange.size)
        assert covered >= size, f"{size} is held, {covered} is covered: {self.held}"
