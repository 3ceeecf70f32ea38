"""All that the bot knows: one mutable root, owned by the main thread; its leaves are frozen and replaced.

Nothing here decides. `step` and the functions that it calls read this and replace leaves through `State.change`.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tidegate.core.candles import CandleCache
from tidegate.core.chores import Upkeep
from tidegate.model.brackets import Bracket, ExitReason
from tidegate.model.brakes import Brakes
from tidegate.model.fees import Fees
from tidegate.model.instruments import Instrument
from tidegate.model.orders import OrderRequest, Role, Trigger
from tidegate.model.positions import Position
from tidegate.model.records import Remembered, Slippage
from tidegate.model.settings import Settings
from tidegate.model.signals import Signal
from tidegate.model.twaps import Twapping
from tidegate.model.watchlist import Origin

FILLS_REMEMBERED = 20_000
"""How many fills are remembered so that none counts twice; the exchange replays at most 2 000."""
EXPIRES_AFTER_MS = 15_000
"""After that the exchange refuses an action of ours."""
ANSWER_PATIENCE_MS = 10_000
"""An order that was not answered by then is in doubt, whatever became of the answer."""
EXIT_PATIENCE_MS = 1_200
"""The same for an exit, which nothing but a loss keeps open: asking costs little, and the same bytes do no harm."""
PRICE_LAG_MAX_MS = 30_000
"""A source of prices that is so much older than the newest one is not asked."""


TELL_AGAIN_MS = 300_000
"""What goes on failing is told aloud this often: an outage lets a question fail every other second."""
ROLES_REMEMBERED = 2_000
"""Of how many of our orders it is remembered what they were for: a fill may be told after the order is over."""


class Phase(str, Enum):
    """Where a coin stands. The allowed moves are in `MOVES`."""

    WARMING = "warming"
    READY = "ready"
    ENTERING = "entering"
    HOLDING = "holding"
    EXITING = "exiting"
    IN_DOUBT = "in doubt"
    SUSPENDED = "suspended"


MOVES: dict[Phase, frozenset[Phase]] = {
    Phase.WARMING: frozenset({Phase.READY, Phase.HOLDING, Phase.SUSPENDED}),
    Phase.READY: frozenset({Phase.ENTERING, Phase.HOLDING, Phase.SUSPENDED}),
    Phase.ENTERING: frozenset({Phase.HOLDING, Phase.READY, Phase.IN_DOUBT, Phase.SUSPENDED}),
    Phase.HOLDING: frozenset({Phase.EXITING, Phase.READY, Phase.SUSPENDED}),
    Phase.EXITING: frozenset({Phase.READY, Phase.HOLDING, Phase.SUSPENDED}),
    Phase.IN_DOUBT: frozenset({Phase.ENTERING, Phase.HOLDING, Phase.READY, Phase.SUSPENDED}),
    Phase.SUSPENDED: frozenset({Phase.READY, Phase.HOLDING}),
}


class OrderState(str, Enum):
    """What we know of an order of ours that is not known to be over."""

    SENT = "sent"
    WAITING = "waiting"
    RESTING = "resting"
    DOUBT = "in doubt"


class Working(Struct, frozen=True, kw_only=True):
    """An order of ours that may be alive. `asks` counts the questions asked about it, `resends` the repetitions.

    `spends` counts the tries to use up its nonce, `repeated_ms` is when either was done last; `unwanted`: why an entry
    is not wanted any more; `told`: somebody was alerted of it.
    `parent`: the entry whose fill arms this one; until that is over it waits, and guards nothing.
    """

    request: OrderRequest
    signal_id: str
    state: OrderState
    sent_ms: int
    expires_ms: int
    oid: int | None = None
    confirmed_ms: int = 0
    asks: int = 0
    resends: int = 0
    ask_due_ms: int | None = None
    parent: str = ""
    spends: int = 0
    repeated_ms: int = 0
    unwanted: str = ""
    told: bool = False


class Making(Struct, frozen=True, kw_only=True):
    """An entry that rests at the touch, try by try; sizes are unsigned, in base units.

    `size` is all that is wanted, `filled` what the tries that are over have filled, `limit` the worst price that any
    of them may have. `back`: why the present try is taken back, `ending`: why there is no further one.
    """

    signal_id: str
    reason: str
    direction: int
    size: Decimal
    limit: Decimal
    until_ms: int
    next_ms: int
    look_ms: int
    filled: Decimal = Decimal(0)
    tries: int = 1
    taking: bool = False
    back: str = ""
    ending: str = ""


class Exit(Struct, frozen=True, kw_only=True):
    """The exit in progress: why, what touched which level when, and how it goes."""

    reason: ExitReason
    level: Decimal
    touch_price: Decimal
    touched_ms: int
    decided_ms: int
    received_ns: int = 0
    sent_ns: int = 0
    sent_ms: int = 0
    cloid: str = ""
    retry_due_ms: int | None = None


class Wanted(Struct, frozen=True, kw_only=True):
    """A signal that may still be acted on, once what is in its way is gone."""

    signal: Signal
    candle_open_ms: int
    hindrance: str = ""


class CoinState(Struct, frozen=True, kw_only=True):
    """All that is known of one coin. Prices are None until heard; `position.size` is 0 when flat.

    `checked_ms`: when its candles were read by REST last. `decide_open_ms`: a decision is due on the candle that opened
    then, or a later one (0: none is due), `waiting_since_ms` since when its closing is waited for.

    `leverage` is None until it is as it should be; `shown_leverage` and `cross` are what the exchange has, if known.
    `barred_until_ms`: until then an order of an earlier session may arrive, so no entry is made. `early`: the newest
    price beyond a level of an entry whose fill was not told yet.
    """

    instrument: Instrument
    candles: CandleCache
    position: Position
    phase: Phase = Phase.WARMING
    origin: Origin = Origin.COINS
    why: str = ""
    fetching_since_ms: int | None = None
    checked_ms: int = 0
    decide_open_ms: int = 0
    waiting_since_ms: int | None = None
    told_from_ms: int = 0
    told_until_ms: int = 0
    acted_open_ms: int = 0
    wanted: Wanted | None = None
    last: Decimal | None = None
    last_ms: int = 0
    bid: Decimal | None = None
    ask: Decimal | None = None
    book_ms: int = 0
    mark: Decimal | None = None
    mark_ms: int = 0
    funding: Decimal | None = None
    leverage: int | None = None
    shown_leverage: int | None = None
    cross: bool | None = None
    leverage_asked_ms: int | None = None
    signal_id: str = ""
    generation: int = 0
    barred_until_ms: int = 0
    bracket: Bracket | None = None
    making: Making | None = None
    twap: Twapping | None = None
    orders: dict[str, Working] = {}
    cover_due_ms: int | None = None
    uncovered_since_ms: int | None = None
    covered_ms: int = 0
    unlisted_ms: int = 0
    protect_attempts: int = 0
    exit: Exit | None = None
    early: Exit | None = None
    exit_attempts: int = 0
    trims: int = 0
    trim_due_ms: int = 0
    closed_size: Decimal = Decimal(0)
    closed_value: Decimal = Decimal(0)
    entry_slippage: Slippage | None = None
    exit_slippage: Slippage | None = None
    mismatches: int = 0
    mismatch_ms: int = 0
    growth_due_ms: int | None = None
    growth_covered_ms: int = 0
    stop_cancels: int = 0

    @property
    def coin(self) -> str:
        """The coin's name."""
        return self.instrument.coin

    @property
    def left_alone(self) -> bool:
        """Whether there is a position that the bot did not open: nothing is sent for this coin until it is gone."""
        return self.phase is Phase.SUSPENDED and self.position.size != 0

    @property
    def grows(self) -> bool:
        """Whether an entry is under way that fills bit by bit."""
        return self.making is not None or self.twap is not None

    def reference_price(self) -> Decimal | None:
        """The best idea of the price now: the middle of the book, else the last print, else the mark.

        A source that fell silent while others went on is passed over.
        """
        fresh_ms = self.heard_ms() - PRICE_LAG_MAX_MS
        if self.bid is not None and self.ask is not None and self.book_ms >= fresh_ms:
            return (self.bid + self.ask) / 2
        if self.last is not None and (self.last_ms >= fresh_ms or self.mark is None):
            return self.last
        return self.mark

    def heard_ms(self) -> int:
        """When a price was last heard (exchange time)."""
        return max(self.last_ms, self.book_ms, self.mark_ms)

    def waits_for_entry(self, order: Working) -> bool:
        """Whether an exit waits on the exchange until the entry that it was sent with is filled."""
        return bool(order.parent) and order.parent in self.orders

    def live(self, role: Role) -> list[Working]:
        """Our orders of this role that may be alive."""
        return [order for order in self.orders.values() if order.request.role is role]

    def remembered(self) -> Remembered:
        """What must outlive this process about the coin."""
        stops, profits = self.live(Role.STOP), self.live(Role.TAKE_PROFIT)
        return Remembered(
            coin=self.coin,
            signal_id=self.signal_id,
            acted_open_ms=self.acted_open_ms,
            generation=self.generation,
            exit_attempts=self.exit_attempts,
            protect_attempts=self.protect_attempts,
            position=self.position if self.position.size and not self.left_alone else None,
            bracket=self.bracket,
            stop_cloid=stops[0].request.cloid if stops else None,
            take_profit_cloid=profits[0].request.cloid if profits else None,
            twap=self.twap,
            stop_cancels=self.stop_cancels,
            exit_reason=self.exit.reason if self.exit is not None else None,
            entry_slippage=self.entry_slippage if self.position.size else None,
        )


@dataclass(slots=True)
class State:
    """The mutable root. `speed`: exchange seconds per second of ours; waits for answers are stretched by it.

    `refused`: why this session may not trade at all. `decided`: from which price each order's slippage is counted.
    `block_ms`: the newest time of the exchange that was heard, and `block_at_ms` when that was. `memory`: what is
    remembered of coins that the bot does not have now, for when one comes back. `said`: the last line about each coin's
    bars, `bars_told` how many there were.
    """

    settings: Settings = field(default_factory=Settings)
    brakes: Brakes = field(default_factory=Brakes)
    tag: str = ""
    speed: float = 1.0
    started: bool = False
    started_ms: int = 0
    stopping: str = ""
    refused: str = ""
    stopped: bool = False
    quit_due_ms: int | None = None
    now_ms: int = 0
    coins: dict[str, CoinState] = field(default_factory=dict)
    memory: dict[str, Remembered] = field(default_factory=dict)
    coin_of: dict[str, str] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    decided: dict[str, Decimal] = field(default_factory=dict)
    equity: Decimal = Decimal(0)
    free: Decimal = Decimal(0)
    account_ms: int = 0
    weight_used: int = 0
    history_ms: int = 0
    twap_ids: dict[int, None] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    bars_told: int = 0
    fills_seen: dict[tuple[int, str, int], None] = field(default_factory=dict)
    last_fill_ms: int = 0
    faults_told: dict[tuple[str, str], int] = field(default_factory=dict)
    stream_up: bool = False
    stream_changed_ms: int = 0
    down_alerted: bool = False
    frozen: frozenset[str] = frozenset()
    last_poll_ms: int = 0
    next_poll_ms: int = 0
    next_prices_ms: int | None = None
    next_account_ms: int = 0
    upkeep: Upkeep = field(default_factory=Upkeep)
    fees: Fees | None = None
    next_fees_ms: int | None = None
    next_metadata_ms: int | None = None
    metadata_asked_ms: int | None = None
    metadata_changed_ms: int = 0
    block_ms: int = 0
    block_at_ms: int = 0
    block_asked_ms: int = 0
    stalled_since_ms: int | None = None
    warm_coins: frozenset[str] = frozenset()
    has_data: bool = False
    is_warm: bool = False
    open_orders: int = 0
    expired_in_a_row: int = 0
    duplicates: dict[str, int] = field(default_factory=dict)
    rationed: bool = False
    sparing_until_ms: int = 0
    accepted_ms: int = 0
    turn_ms: int = 0
    entries_off_until_ms: int = 0
    entries_off_why: str = ""
    fresh_from_ms: int = 0
    clock_doubts: int = 0

    def is_heard(self, coin: str) -> bool:
        """Whether a coin's prices come as they were meant to: by stream, or by REST where no stream was asked for."""
        return not self.settings.streams_prices or (self.stream_up and coin not in self.frozen)

    def change(self, coin: str, **changes: Any) -> CoinState:
        """Replace leaves of one coin; a move between phases must be an allowed one."""
        before = self.coins[coin]
        after = replace(before, **changes)
        assert after.phase is before.phase or after.phase in MOVES[before.phase], (before.phase, after.phase)
        self.coins[coin] = after
        return after

    def recall(self, coin: str, record: Remembered) -> CoinState:
        """What an earlier session noted of a coin: what was acted on, and how far the names of its orders have come."""
        return self.change(
            coin,
            acted_open_ms=record.acted_open_ms,
            signal_id=record.signal_id,
            generation=record.generation,
            exit_attempts=record.exit_attempts,
            protect_attempts=record.protect_attempts,
        )

    def tells_again(self, where: str, coin: str) -> bool:
        """Whether a trouble that goes on is to be told aloud now; not again for a while then."""
        told_ms = self.faults_told.get((where, coin))
        if told_ms is not None and self.now_ms - told_ms < self.wait_ms(TELL_AGAIN_MS):
            return False
        self.faults_told[where, coin] = self.now_ms
        return True

    def wait_ms(self, ms: int) -> int:
        """A wait of `ms` of our own time, in exchange time."""
        return int(ms * self.speed)

    def note_fill(self, key: tuple[int, str, int]) -> bool:
        """Remember a fill; False when it was seen before."""
        if key in self.fills_seen:
            return False
        self.fills_seen[key] = None
        while len(self.fills_seen) > FILLS_REMEMBERED:
            del self.fills_seen[next(iter(self.fills_seen))]
        self.last_fill_ms = max(self.last_fill_ms, key[0])
        return True

    def send(self, request: OrderRequest, signal_id: str, parent: str = "") -> int:
        """Take an order that is about to leave onto the books; give the moment at which it expires.

        It is asked about when no answer comes: silence is a fault, too.
        """
        expires_ms = self.now_ms + self.wait_ms(EXPIRES_AFTER_MS)
        patience_ms = EXIT_PATIENCE_MS if request.role is Role.EXIT else ANSWER_PATIENCE_MS
        self._note_decided(request)
        self.keep_order(
            request.coin,
            Working(
                request=request,
                signal_id=signal_id,
                state=OrderState.SENT,
                sent_ms=self.now_ms,
                expires_ms=expires_ms,
                ask_due_ms=self.now_ms + self.wait_ms(patience_ms),
                parent=parent,
            ),
        )
        return expires_ms

    def _note_decided(self, request: OrderRequest) -> None:
        kind = request.kind
        price = kind.trigger_price if isinstance(kind, Trigger) else self.coins[request.coin].reference_price()
        if price is not None:
            self.decided[request.cloid] = price
        while len(self.decided) > ROLES_REMEMBERED:
            del self.decided[next(iter(self.decided))]

    def keep_order(self, coin: str, order: Working) -> None:
        """Add or replace one of our working orders."""
        cloid = order.request.cloid
        self.coin_of[cloid] = coin
        self.roles[cloid] = order.request.role
        while len(self.roles) > ROLES_REMEMBERED:
            del self.roles[next(iter(self.roles))]
        self.change(coin, orders={**self.coins[coin].orders, cloid: order})

    def drop_order(self, cloid: str) -> Working | None:
        """Forget an order that is over; None when it is not one of the working ones."""
        coin = self.coin_of.pop(cloid, None)
        if coin is None:
            return None
        orders = dict(self.coins[coin].orders)
        order = orders.pop(cloid, None)
        self.change(coin, orders=orders)
        return order

    def order(self, cloid: str) -> Working | None:
        """One of our working orders."""
        coin = self.coin_of.get(cloid)
        return self.coins[coin].orders.get(cloid) if coin is not None else None
