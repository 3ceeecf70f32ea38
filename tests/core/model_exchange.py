"""A small, honest exchange to hold the core against: one coin, market orders, triggers, cancels, reads.

It keeps the rules by which money is lost or not: reduce-only never grows and never flips, a trigger fires on the mark
and may fill partly or not at all, an entry that fills partly takes its exits along, a nonce executes once, an action
that is late is refused. What it tells of an account comes as the facts that our adapters make of it. It decides no
timing: whoever drives it says when something arrives.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from tests.core.worlds import open_order
from tidegate.hyperliquid.account_frames import REJECTIONS
from tidegate.hyperliquid.replies import GONE
from tidegate.model.events import (
    Account,
    Event,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderInDoubt,
    OrderOpened,
    OrderRejected,
    OrderSeen,
)
from tidegate.model.intents import CancelOrders, Grouping, PlaceOrders
from tidegate.model.orders import OpenOrder, OrderRequest, Role, Trigger
from tidegate.model.positions import Fill, Position

D = Decimal
COIN = "BTC"
EQUITY = D(10_000)
LOT = D("0.001")
EXPIRED = "Action expired"


@dataclass
class Standing:
    """A trigger order that is armed; `left` is what it would close now, `family` the entry it came with."""

    request: OrderRequest
    oid: int
    since_ms: int
    left: Decimal
    family: str


class ModelExchange:
    """One account. `tell` gets what its stream says, `filled` every execution with the order behind it."""

    def __init__(
        self, price: Decimal, tell: Callable[[Event], None], filled: Callable[[OrderRequest, Fill], None]
    ) -> None:
        self.now_ms = 0
        self.price = self.mark = price
        self.size, self.entry_price = D(0), D(0)
        self.armed: dict[str, Standing] = {}
        self.fills: list[Fill] = []
        self.thin: deque[Decimal] = deque()
        self._tell, self._filled = tell, filled
        self._fates: dict[str, tuple[str, int, Decimal]] = {}
        self._nonces: set[int] = set()
        self._oids = 0

    # what arrives

    def place(self, nonce: int, wish: PlaceOrders) -> list[Event]:
        """An action arrives: carry it out once, and answer."""
        if self.now_ms > wish.expires_ms:
            return [self._rejection(order, EXPIRED) for order in wish.orders]
        if nonce in self._nonces:
            return self._doubts(wish, "duplicate nonce")
        self._nonces.add(nonce)
        if wish.grouping is Grouping.ENTRY_WITH_EXITS:
            return self._enter(wish.orders[0], wish.orders[1:])
        return [self._place(order) for order in wish.orders]

    def cancel(self, wish: CancelOrders) -> list[Event]:
        """A cancel arrives."""
        answers: list[Event] = []
        for cloid in wish.cloids:
            standing = self.armed.get(cloid)
            if standing is not None:
                self._end(standing, "canceled")
            status = GONE if standing is None else "canceled"
            answers.append(OrderCanceled(at_ms=self.now_ms, coin=COIN, oid=0, status=status, cloid=cloid))
        return answers

    def move_mark(self, mark: Decimal) -> None:
        """The mark moves: every armed order that it reaches fires."""
        self.mark = mark
        while reached := next((each for each in self.armed.values() if self._reached(each.request)), None):
            self._fire(reached)

    # what is asked

    def account(self, since_ms: int) -> Account:
        """Balances, the position, open orders, and fills since then."""
        held = Position(coin=COIN, size=self.size, entry_price=self.entry_price)
        return Account(
            equity=EQUITY,
            free=EQUITY,
            positions=(held,) if self.size else (),
            orders=tuple(self._shown(each) for each in self.armed.values()),
            fills=tuple(fill for fill in self.fills if fill.time_ms >= since_ms),
            time_ms=self.now_ms,
        )

    def fate(self, cloid: str) -> OrderSeen:
        """What became of an order."""
        status, oid, filled = self._fates.get(cloid, (None, None, D(0)))
        return OrderSeen(at_ms=self.now_ms, cloid=cloid, status=status, oid=oid, filled=filled)

    def knows(self, nonce: int) -> bool:
        """Whether an action with this nonce was carried out."""
        return nonce in self._nonces

    @property
    def covered(self) -> Decimal:
        """How much of the position armed stops would close."""
        stops = (each for each in self.armed.values() if each.request.role is Role.STOP)
        return sum((each.left for each in stops), D(0))

    # orders

    def _enter(self, entry: OrderRequest, exits: tuple[OrderRequest, ...]) -> list[Event]:
        passed = [self._reached(each) for each in exits]
        answer = self._market(entry, entry.size)
        if isinstance(answer, OrderRejected):
            return [self._rejection(order, answer.reason) for order in (entry, *exits)]
        whole, answers = answer.filled == entry.size, [answer]
        for order, late in zip(exits, passed, strict=True):
            if late:
                answers.append(self._refuse(order, "badTriggerPxRejected"))
            elif whole:
                self._arm(order, family=entry.cloid)
                answers.append(OrderAccepted(at_ms=self.now_ms, cloid=order.cloid))
            else:
                self._over(order, self._number(), "canceled", D(0))
                answers.append(OrderAccepted(at_ms=self.now_ms, cloid=order.cloid))
        self._fit()
        return answers

    def _place(self, order: OrderRequest) -> Event:
        if not self.size or order.side.sign == (1 if self.size > 0 else -1):
            return self._refuse(order, "reduceOnlyRejected")
        if isinstance(order.kind, Trigger):
            if self._reached(order):
                return self._refuse(order, "badTriggerPxRejected")
            oid = self._arm(order, family=order.cloid)
            self._fit()
            return OrderAccepted(at_ms=self.now_ms, cloid=order.cloid, oid=oid)
        answer = self._market(order, min(order.size, abs(self.size)))
        self._fit()
        return answer

    def _market(self, order: OrderRequest, wanted: Decimal) -> OrderAccepted | OrderRejected:
        oid, take = self._number(), self._take(order, wanted)
        if not take:
            return self._refuse(order, "iocCancelRejected")
        self._say_open(order, oid)
        self._fill(order, oid, take)
        self._over(order, oid, "filled" if take == wanted else "canceled", take)
        price = self.price
        return OrderAccepted(
            at_ms=self.now_ms, cloid=order.cloid, oid=oid, resting=False, filled=take, average_price=price
        )

    def _take(self, order: OrderRequest, wanted: Decimal) -> Decimal:
        """How much of a market order finds somebody."""
        share = self.thin.popleft() if self.thin else D(1)
        if (self.price - order.price) * order.side.sign > 0:
            return D(0)
        return wanted if share == 1 else (wanted * share).quantize(LOT)

    def _fire(self, standing: Standing) -> None:
        order = standing.request
        del self.armed[order.cloid]
        self._tell(OrderOpened(at_ms=self.now_ms, order=self._shown(standing), triggered=True))
        take = self._take(order, standing.left)
        if not take:
            self._refuse(order, "marketOrderNoLiquidityRejected", standing.oid)
            return
        self._fill(order, standing.oid, take)
        self._over(order, standing.oid, "filled" if take == standing.left else "canceled", take)
        if take == standing.left:
            for other in [each for each in self.armed.values() if each.family == standing.family]:
                self._end(other, "siblingFilledCanceled")
        self._fit()

    def _fit(self) -> None:
        """Armed orders shrink with the position, and end with it."""
        for each in tuple(self.armed.values()):
            if not self.size or each.request.side.sign == (1 if self.size > 0 else -1):
                self._end(each, "reduceOnlyCanceled")
            else:
                each.left = min(each.left, abs(self.size))

    def _arm(self, order: OrderRequest, family: str) -> int:
        standing = Standing(order, self._number(), self.now_ms, order.size, family)
        self.armed[order.cloid] = standing
        self._fates[order.cloid] = ("open", standing.oid, D(0))
        self._say_open(order, standing.oid)
        return standing.oid

    def _end(self, standing: Standing, status: str) -> None:
        del self.armed[standing.request.cloid]
        self._over(standing.request, standing.oid, status, D(0))

    def _reached(self, order: OrderRequest) -> bool:
        """Whether the mark is where this trigger fires: a sell stop from above, a sell take-profit from below."""
        assert isinstance(order.kind, Trigger)
        towards = -order.side.sign if order.kind.stop else order.side.sign
        return (self.mark - order.kind.trigger_price) * towards <= 0

    # what is told

    def _fill(self, order: OrderRequest, oid: int, size: Decimal) -> None:
        """Book an execution, now and then in two parts."""
        parts = [size] if size < 2 * LOT or len(self.fills) % 3 else [LOT, size - LOT]
        for part in parts:
            before, signed = self.size, part * order.side.sign
            fill = Fill(
                coin=COIN,
                side=order.side,
                price=self.price,
                size=part,
                time_ms=self.now_ms,
                tid=len(self.fills) + 1,
                oid=oid,
                cloid=order.cloid,
                start_position=before,
            )
            self.fills.append(fill)
            self._filled(order, fill)
            self.size += signed
            self.entry_price = self.price if not before else self.entry_price
            self._tell(OrderFilled(at_ms=self.now_ms, fill=fill))

    def _over(self, order: OrderRequest, oid: int, status: str, filled: Decimal) -> None:
        self._fates[order.cloid] = (status, oid, filled)
        if status == "filled":
            seen = OrderSeen(at_ms=self.now_ms, cloid=order.cloid, status=status, oid=oid, filled=filled)
            self._tell(seen)
            return
        gone = OrderCanceled(
            at_ms=self.now_ms,
            coin=COIN,
            oid=oid,
            status=status,
            cloid=order.cloid,
            time_ms=self.now_ms,
            filled=filled,
        )
        self._tell(gone)

    def _refuse(self, order: OrderRequest, status: str, oid: int | None = None) -> OrderRejected:
        self._fates[order.cloid] = (status, self._number() if oid is None else oid, D(0))
        rejected = self._rejection(order, REJECTIONS[status])
        self._tell(rejected)
        return rejected

    def _rejection(self, order: OrderRequest, reason: str) -> OrderRejected:
        return OrderRejected(at_ms=self.now_ms, cloid=order.cloid, reason=reason)

    def _doubts(self, wish: PlaceOrders, reason: str) -> list[Event]:
        return [OrderInDoubt(at_ms=self.now_ms, cloid=order.cloid, reason=reason) for order in wish.orders]

    def _say_open(self, order: OrderRequest, oid: int) -> None:
        shown = open_order(order, oid=oid, time_ms=self.now_ms)
        self._tell(OrderOpened(at_ms=self.now_ms, order=shown))

    def _shown(self, standing: Standing) -> OpenOrder:
        shown = open_order(standing.request, oid=standing.oid, time_ms=standing.since_ms)
        return replace(shown, size=standing.left)

    def _number(self) -> int:
        self._oids += 1
        return self._oids
