"""All that is known of one coin: where it stands, its orders that may be alive, its position and how that is guarded.

Values only; `State` (`core/state.py`) replaces them.
"""

from decimal import Decimal
from enum import Enum

from msgspec import Struct

from tidegate.core.candles import CandleCache
from tidegate.model.brackets import Bracket, ExitReason
from tidegate.model.instruments import Instrument
from tidegate.model.orders import OrderRequest, Role
from tidegate.model.positions import Position
from tidegate.model.records import Remembered, Slippage
from tidegate.model.signals import Signal
from tidegate.model.twaps import Twapping
from tidegate.model.watchlist import Origin

PRICE_LAG_MAX_MS = 30_000
"""A source of prices that is so much older than the newest one is not asked."""


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
    `score_leverage` is what the score of the last signal asks for, None without a table.
    `barred_until_ms`: until then an order of an earlier session may arrive, so no entry is made. `early`: the newest
    price beyond a level of an entry whose fill was not told yet. `adds`: how often the position was added to, `add_id`
    names the last time and `added_to` is its size then.
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
    imbalance: Decimal | None = None
    imbalance_ms: int = 0
    leverage: int | None = None
    shown_leverage: int | None = None
    cross: bool | None = None
    leverage_asked_ms: int | None = None
    score_leverage: int | None = None
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
    adds: int = 0
    add_id: str = ""
    added_to: Decimal = Decimal(0)
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
    stop_refused_in: int = -1

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
            adds=self.adds,
            add_id=self.add_id,
            exit_reason=self.exit.reason if self.exit is not None else None,
            entry_slippage=self.entry_slippage if self.position.size else None,
        )
