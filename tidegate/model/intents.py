"""Wishes: what the core wants done, in the imperative. Carrying one out gives facts."""

from decimal import Decimal
from enum import Enum, IntEnum
from typing import Literal

from msgspec import Struct

from tidegate.model.brackets import ExitReason
from tidegate.model.brakes import Brakes
from tidegate.model.market import Candle, Timeframe
from tidegate.model.orders import OrderRequest
from tidegate.model.records import ClosedPosition, Remembered, Slippage
from tidegate.model.watchlist import Choice

Topic = Literal[
    "bot",
    "localnet",
    "stream",
    "poll",
    "decision",
    "order",
    "fill",
    "exit",
    "risk",
    "account",
    "strategist",
    "recap",
]
"""The word in brackets of a log line."""

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Urgency(IntEnum):
    """Which wish goes first when several wait."""

    EXIT = 0
    PROTECTION = 1
    ENTRY = 2
    READ = 3


class Grouping(str, Enum):
    """How the orders of one action belong together."""

    NONE = "na"
    ENTRY_WITH_EXITS = "normalTpsl"
    POSITION_EXITS = "positionTpsl"


class Wish(Struct, frozen=True, kw_only=True, tag=True):
    """What every intent has."""

    urgency: Urgency = Urgency.READ


class PlaceOrders(Wish, frozen=True, kw_only=True):
    """Place these orders in one action. `expires_ms`: the exchange refuses it after that moment.

    `received_ns` is the arrival of the frame that caused it, to measure by; 0 when there was none.
    """

    coin: str
    orders: tuple[OrderRequest, ...]
    grouping: Grouping = Grouping.NONE
    expires_ms: int
    signal_id: str
    reason: str
    exit_reason: ExitReason | None = None
    received_ns: int = 0
    urgency: Urgency = Urgency.ENTRY


class CancelOrders(Wish, frozen=True, kw_only=True):
    """Cancel these orders of one coin by client order id."""

    coin: str
    asset: int
    cloids: tuple[str, ...]
    expires_ms: int
    reason: str
    urgency: Urgency = Urgency.PROTECTION


class CancelTwap(Wish, frozen=True, kw_only=True):
    """End a TWAP order; `cloid` is the name that we gave it."""

    coin: str
    asset: int
    twap_id: int
    cloid: str
    expires_ms: int
    reason: str
    urgency: Urgency = Urgency.EXIT


class ResendOrders(Wish, frozen=True, kw_only=True):
    """Send the very bytes of an order in doubt again; they can execute at most once.

    `cloids`: all orders in doubt that left in the same bytes, that of `cloid` among them.
    """

    cloid: str
    cloids: tuple[str, ...] = ()
    urgency: Urgency = Urgency.PROTECTION


class SpendNonce(Wish, frozen=True, kw_only=True):
    """Use up the nonce of an entry in doubt on an action that does nothing, so that the entry can never be placed.

    `cloids`: all orders that left with that nonce, that of `cloid` among them.
    """

    coin: str
    cloid: str
    cloids: tuple[str, ...]
    expires_ms: int
    reason: str
    urgency: Urgency = Urgency.PROTECTION


class SkipNonces(Wish, frozen=True, kw_only=True):
    """Somebody else uses nonces of this signer: go on so much further up."""

    by: int
    reason: str
    urgency: Urgency = Urgency.EXIT


class SetLeverage(Wish, frozen=True, kw_only=True):
    """Set the leverage of a coin and its margin mode: `cross`, or isolated."""

    coin: str
    asset: int
    leverage: int
    expires_ms: int
    cross: bool = True
    urgency: Urgency = Urgency.ENTRY


class FetchCandles(Wish, frozen=True, kw_only=True):
    """Read candles from `since_ms` (open time) on."""

    coin: str
    timeframe: Timeframe
    since_ms: int


class FetchPrices(Wish, frozen=True, kw_only=True):
    """Read the prices of these coins by REST: mids, and marks when stops watch them."""

    coins: tuple[str, ...]
    marks: bool = False
    urgency: Urgency = Urgency.EXIT


class CheckPrices(Wish, frozen=True, kw_only=True):
    """Read the mids of these coins, to hold what the stream says against them."""

    coins: tuple[str, ...]


class FetchPositions(Wish, frozen=True, kw_only=True):
    """Read positions and money alone, to hold what we know against them; and the deposits since then (None: not)."""

    flows_since_ms: int | None = None


class FetchRequests(Wish, frozen=True, kw_only=True):
    """Read how many actions the account has used, and how many it may use."""


class FetchAccount(Wish, frozen=True, kw_only=True):
    """Read balances, positions, open orders, and the fills and deposits since then (None: no deposits).

    Without `fills` those are left out: they come by stream. `twaps`: TWAP orders and the fills of their slices, too.
    """

    fills_since_ms: int
    flows_since_ms: int | None = None
    fills: bool = True
    twaps: bool = False
    reason: str
    urgency: Urgency = Urgency.PROTECTION


class FetchOrder(Wish, frozen=True, kw_only=True):
    """Ask what became of one order."""

    cloid: str
    urgency: Urgency = Urgency.PROTECTION


class FetchMetadata(Wish, frozen=True, kw_only=True):
    """Read the rules of these coins again."""

    coins: tuple[str, ...]
    reason: str


class FetchBlock(Wish, frozen=True, kw_only=True):
    """Ask of what time the newest block is, by the order book of this coin."""

    coin: str
    urgency: Urgency = Urgency.PROTECTION


class FetchFees(Wish, frozen=True, kw_only=True):
    """Read the account's fee rates again."""


class Evaluate(Wish, frozen=True, kw_only=True):
    """Have the strategy look at these newly closed candles; `reset` says they are all there is.

    `funding`: the rate of an hour as the stream told it last, when the newest of them had closed; None: not heard.
    `imbalance`: the order book's, in the same way.
    """

    coin: str
    candles: tuple[Candle, ...]
    reset: bool
    funding: Decimal | None = None
    imbalance: Decimal | None = None


class Subscribe(Wish, frozen=True, kw_only=True):
    """Stream these coins; `more`: besides those that are streamed already."""

    coins: tuple[str, ...]
    more: bool = False


class Unsubscribe(Wish, frozen=True, kw_only=True):
    """Nothing of these coins is needed any more: neither their streams nor what was kept to decide on them."""

    coins: tuple[str, ...]


class FindCoin(Wish, frozen=True, kw_only=True):
    """Look up what an operator calls a coin, and whether it may join `coins`, those that are traded already."""

    name: str
    coins: tuple[str, ...]
    who: str = ""
    why: str = ""
    id: str = ""


class Alert(Wish, frozen=True, kw_only=True):
    """Tell the operator at once."""

    text: str
    coin: str | None = None


class Remember(Wish, frozen=True, kw_only=True):
    """Keep this about a coin for the next start."""

    record: Remembered


class RememberBrakes(Wish, frozen=True, kw_only=True):
    """Keep the brakes for the next start."""

    brakes: Brakes


class Choose(Wish, frozen=True, kw_only=True):
    """Keep for the next start what was decided about a coin."""

    choice: Choice


class Answer(Wish, frozen=True, kw_only=True):
    """Tell an operator in another terminal what became of a wish."""

    id: str
    text: str


class BookClosed(Wish, frozen=True, kw_only=True):
    """Enter a finished position into the ledger."""

    closed: ClosedPosition


class Recap(Wish, frozen=True, kw_only=True):
    """A protective exit is complete: what touched what, when, and how long everything took.

    `touched_ms` and `filled_ms` are the exchange's times of the touching price and of the last fill;
    `touch_to_sent_ms` is measured here, from the frame's arrival to the signed order on the wire. `by_resting`: the
    order that rested on the exchange closed the position; ours came second, or was not needed. Slippage is None where
    nothing is known to count it from.
    """

    closed: ClosedPosition
    level: Decimal | None
    touch_price: Decimal | None
    touched_ms: int
    filled_ms: int
    by_resting: bool
    touch_to_sent_ms: float | None
    sent_to_filled_ms: int | None
    last_poll_ms: int
    next_poll_ms: int
    entry_slippage: Slippage | None = None
    exit_slippage: Slippage | None = None


class Quit(Wish, frozen=True, kw_only=True):
    """Leave the loop; positions keep their resting stops."""

    reason: str


Write = PlaceOrders | CancelOrders | CancelTwap | SetLeverage
"""What becomes a signed action."""

Read = (
    FetchCandles
    | FetchPrices
    | CheckPrices
    | FetchAccount
    | FetchPositions
    | FetchOrder
    | FetchMetadata
    | FetchBlock
    | FetchFees
    | FetchRequests
    | FindCoin
)
"""What is asked of the exchange by REST."""

Intent = (
    PlaceOrders
    | CancelOrders
    | CancelTwap
    | ResendOrders
    | SpendNonce
    | SkipNonces
    | SetLeverage
    | Evaluate
    | Subscribe
    | Unsubscribe
    | Choose
    | Answer
    | Alert
    | Remember
    | RememberBrakes
    | BookClosed
    | Recap
    | Quit
    | Read
)


class Note(Struct, frozen=True, kw_only=True):
    """One line for the person who reads the log. `level` is a logging level's name."""

    topic: Topic
    text: str
    level: Level = "INFO"


class Decision(Struct, frozen=True, kw_only=True):
    """What `step` answers: wishes, and the lines that explain them (refusals among them)."""

    intents: tuple[Intent, ...] = ()
    notes: tuple[Note, ...] = ()

    def __add__(self, other: "Decision") -> "Decision":
        """Both, in order."""
        if not other:
            return self
        if not self:
            return other
        return Decision(intents=self.intents + other.intents, notes=self.notes + other.notes)

    def __bool__(self) -> bool:
        return bool(self.intents or self.notes)


NOTHING = Decision()
