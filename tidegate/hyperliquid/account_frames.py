"""The account's own frames as facts: order updates, fills, funding.

Owns that a fill is told once, whichever channel brings it first, and that history from before the session stays
history: the account that was read at the start contains it already.
"""

from collections import Counter
from collections.abc import Sequence

from tidegate.hyperliquid.frames import AccountHoldings, Funding, Update, UserEvent
from tidegate.hyperliquid.holdings import Holdings
from tidegate.hyperliquid.seen import Seen
from tidegate.hyperliquid.shapes import FillRow, OrderRow, is_number
from tidegate.hyperliquid.twaps import HistoryRow, SliceRow
from tidegate.model.events import (
    Event,
    FundingPaid,
    OrderCanceled,
    OrderFilled,
    OrderOpened,
    OrderRejected,
    OrderSeen,
    StopsListed,
    TwapsSeen,
)

# A refusal in the words of an order's answer, so that there is one vocabulary whichever comes first.
REJECTIONS = {
    "tickRejected": "Price must be divisible by tick size.",
    "minTradeNtlRejected": "Order must have minimum value of $10.",
    "perpMarginRejected": "Insufficient margin to place order.",
    "reduceOnlyRejected": "Reduce only order would increase position.",
    "badAloPxRejected": "Post only order would have immediately matched.",
    "iocCancelRejected": "Order could not immediately match against any resting orders.",
    "badTriggerPxRejected": "Invalid TP/SL price.",
    "marketOrderNoLiquidityRejected": "No liquidity available for market order.",
    "oracleRejected": "Price too far from oracle.",
    "perpMaxPositionRejected": "Order would cause position to exceed margin tier limit at current leverage.",
}
# Our clock and the exchange's may differ by as much.
CLOCK_MARGIN_MS = 2_000
PAYMENTS_SEEN_MAX = 1_024
# The exchange cancelled it, without saying why in this frame.
SYSTEM_CANCEL = "nonUserCancel"


class AccountFrames:
    """Turns the account's frames into facts; `user` is its address, `fills_since_ms` where history ends.

    Without `fills_since_ms` history ends when the first connection opens.
    """

    def __init__(self, user: str, fills_since_ms: int | None, dropped: Counter[str]) -> None:
        self._user = user.lower()
        self._fills_since_ms = fills_since_ms
        self._dropped = dropped
        self._seen = Seen()
        self._paid = Seen(PAYMENTS_SEEN_MAX)
        self._holdings = Holdings()

    def opened(self, at_ms: int) -> None:
        """A new connection."""
        self._holdings.opened()
        if self._fills_since_ms is None:
            self._fills_since_ms = at_ms - CLOCK_MARGIN_MS

    def updates(self, rows: Sequence[Update], at_ms: int) -> list[Event]:
        """What happened to orders."""
        facts = []
        for row in rows:
            try:
                fact = _of_update(row, at_ms)
            except ValueError:
                self._dropped["order update: unsound"] += 1
                continue
            if fact is not None:
                facts.append(fact)
        return facts

    def fills(self, rows: Sequence[FillRow], at_ms: int) -> list[Event]:
        """Executions, each once, oldest first as far as the frame tells."""
        facts: list[Event] = []
        for row in rows:
            if row.time < (self._fills_since_ms or 0):
                self._dropped["fill: history"] += 1
                continue
            try:
                fill = row.fill(self._user)
            except ValueError:
                self._dropped["fill: unsound"] += 1
                continue
            if self._seen.is_new(fill.key):
                facts.append(OrderFilled(at_ms=at_ms, fill=fill))
        # Snapshots may come newest first; a position can only be followed in the order it grew.
        if len(facts) > 1 and rows[0].time > rows[-1].time:
            facts.reverse()
        self._holdings.filled(facts)
        return facts

    def fundings(self, rows: Sequence[Funding], at_ms: int) -> list[Event]:
        """Hourly payments, each once, whichever channel brings it first."""
        facts: list[Event] = []
        for paid in rows:
            if paid.time < (self._fills_since_ms or 0) or not is_number(paid.usdc):
                self._dropped["funding: history or unsound"] += 1
            elif self._paid.is_new((paid.time, paid.coin)):
                facts.append(FundingPaid(at_ms=at_ms, coin=paid.coin, usd=paid.usdc, time_ms=paid.time))
        self._holdings.paid(facts)
        return facts

    def slices(self, rows: Sequence[SliceRow], at_ms: int) -> list[Event]:
        """Executions of TWAP orders: fills like any other, each once."""
        told = []
        for row in rows:
            if row.fill.time < (self._fills_since_ms or 0):
                self._dropped["fill: history"] += 1
                continue
            try:
                told.append(row.value(self._user))
            except ValueError:
                self._dropped["fill: unsound"] += 1
        new = [fill for fill in told if self._seen.is_new(fill.key)]
        new.sort(key=lambda fill: (fill.time_ms, fill.tid))
        facts: list[Event] = [OrderFilled(at_ms=at_ms, fill=fill) for fill in new]
        self._holdings.filled(facts)
        return facts

    def twaps(self, rows: Sequence[HistoryRow], at_ms: int) -> list[Event]:
        """What became of TWAP orders."""
        records = []
        for row in rows:
            try:
                records.append(row.record())
            except ValueError:
                self._dropped["TWAP: unsound"] += 1
        return [TwapsSeen(at_ms=at_ms, twaps=tuple(records))] if records else []

    def listed(self, rows: Sequence[OrderRow], at_ms: int) -> list[Event]:
        """The stops among all open orders. A row that cannot be read is missing, which only makes somebody look."""
        stops = []
        for row in rows:
            try:
                order = row.open_order()
            except ValueError:
                self._dropped["open order: unsound"] += 1
                continue
            if order.is_trigger and order.is_stop and order.reduce_only:
                stops.append(order)
        return [StopsListed(at_ms=at_ms, stops=tuple(stops))]

    def held(self, listing: AccountHoldings, at_ms: int) -> list[Event]:
        """The account's positions, held against its fills; those of other groups of perpetuals are not the bot's."""
        rows = [row.position for row in listing.clearinghouse_state.asset_positions]
        if listing.dex:
            return []
        if not all(is_number(row.szi) for row in rows):
            self._dropped["positions: unsound"] += 1
            return []
        sizes = {row.coin: row.szi for row in rows if row.szi}
        state = listing.clearinghouse_state
        cash = state.margin_summary.total_raw_usd if state.margin_summary is not None else None
        return self._holdings.listed(sizes, state.time, at_ms, cash)

    def user_event(self, event: UserEvent, at_ms: int) -> list[Event]:
        """Fills, funding and cancels by the exchange."""
        facts: list[Event] = []
        if event.fills:
            facts += self.fills(event.fills, at_ms)
        if event.funding is not None:
            facts += self.fundings([event.funding], at_ms)
        for gone in event.non_user_cancel or ():
            facts.append(OrderCanceled(at_ms=at_ms, coin=gone.coin, oid=gone.oid, status=SYSTEM_CANCEL, time_ms=at_ms))
        return facts


def _of_update(row: Update, at_ms: int) -> Event | None:
    """One update as a fact; what traded arrives as fills, `filled` only says whether to expect any."""
    order, status = row.order, row.status
    if status in ("open", "triggered"):
        return OrderOpened(at_ms=at_ms, order=order.open_order(), triggered=status == "triggered")
    if status == "filled":
        if order.cloid is None:
            return None
        return OrderSeen(at_ms=at_ms, cloid=order.cloid, status=status, oid=order.oid, filled=order.filled)
    if status.lower().endswith("rejected"):
        if order.cloid is None:
            return None
        return OrderRejected(at_ms=at_ms, cloid=order.cloid, reason=REJECTIONS.get(status, status))
    return OrderCanceled(
        at_ms=at_ms,
        coin=order.coin,
        oid=order.oid,
        status=status,
        cloid=order.cloid,
        time_ms=row.status_timestamp or at_ms,
        filled=order.filled,
    )
