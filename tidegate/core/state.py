"""All that the bot knows: one mutable root, owned by the main thread; its leaves are frozen and replaced.

Nothing here decides. `step` and the functions that it calls read this and replace leaves through `State.change`. What
is known of one coin is `core/coin.py`, whose names can be had from here as well.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tidegate.core.chores import Upkeep
from tidegate.core.coin import (
    MOVES,
    PRICE_LAG_MAX_MS,
    CoinState,
    Exit,
    Making,
    OrderState,
    Phase,
    Wanted,
    Working,
)
from tidegate.model.brakes import Brakes
from tidegate.model.fees import Fees
from tidegate.model.orders import OrderRequest, Role, Trigger
from tidegate.model.records import Remembered
from tidegate.model.settings import Settings

__all__ = [
    "ANSWER_PATIENCE_MS",
    "EXIT_PATIENCE_MS",
    "EXPIRES_AFTER_MS",
    "MOVES",
    "PRICE_LAG_MAX_MS",
    "CoinState",
    "Exit",
    "Making",
    "OrderState",
    "Phase",
    "State",
    "Wanted",
    "Working",
]

FILLS_REMEMBERED = 20_000
"""How many fills are remembered so that none counts twice; the exchange replays at most 2 000."""
EXPIRES_AFTER_MS = 15_000
"""After that the exchange refuses an action of ours."""
ANSWER_PATIENCE_MS = 10_000
"""An order that was not answered by then is in doubt, whatever became of the answer."""
EXIT_PATIENCE_MS = 1_200
"""The same for an exit, which nothing but a loss keeps open: asking costs little, and the same bytes do no harm."""
TELL_AGAIN_MS = 300_000
"""What goes on failing is told aloud this often: an outage lets a question fail every other second."""
ROLES_REMEMBERED = 2_000
"""Of how many of our orders it is remembered what they were for: a fill may be told after the order is over."""


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
            adds=record.adds,
            add_id=record.add_id,
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
