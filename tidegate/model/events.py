"""Facts: what happened, in the past tense. The only things that change the bot's state.

`time_ms` is the exchange's time of what happened, `at_ms` when we learned of it (exchange time as our clock
estimates it), `received_ns` the monotonic clock of this process when the frame arrived (for measuring only,
0 when there was no frame). Every event is a tagged struct: the journal's format and the wire between threads.
"""

from decimal import Decimal

from msgspec import Struct

from tidegate.model.brakes import Brakes, Flow
from tidegate.model.fees import Fees
from tidegate.model.instruments import Instrument
from tidegate.model.market import Candle
from tidegate.model.orders import OpenOrder
from tidegate.model.positions import Fill, Position
from tidegate.model.records import Remembered
from tidegate.model.settings import Settings
from tidegate.model.signals import Signal
from tidegate.model.twaps import TwapRecord
from tidegate.model.watchlist import Origin


class Fact(Struct, frozen=True, kw_only=True, tag=True):
    """What every event has."""

    at_ms: int


# prices


class Trade(Fact, frozen=True, kw_only=True):
    """A print, or several conflated: the last price with the lowest and highest since the last hand-over.

    `time_ms` belongs to the last price, `since_ms` to the oldest print among them (0: all are of `time_ms`).
    """

    coin: str
    price: Decimal
    low: Decimal
    high: Decimal
    time_ms: int
    since_ms: int = 0
    count: int = 1
    received_ns: int = 0


class BookChanged(Fact, frozen=True, kw_only=True):
    """The touch of the order book; a side without orders is None.

    `imbalance`: (bid - ask) / (bid + ask) of its sizes, the mean of some seconds; told about once a second.
    """

    coin: str
    bid: Decimal | None
    ask: Decimal | None
    time_ms: int
    imbalance: Decimal | None = None
    received_ns: int = 0

    @property
    def ceiling(self) -> Decimal | None:
        """All of the spread is at or below this: the ask, and the higher side of a book that is crossed."""
        return self.ask if self.bid is None or self.ask is None or self.bid <= self.ask else self.bid

    @property
    def floor(self) -> Decimal | None:
        """All of the spread is at or above this: the bid, and the lower side of a book that is crossed."""
        return self.bid if self.bid is None or self.ask is None or self.bid <= self.ask else self.ask


class Marked(Fact, frozen=True, kw_only=True):
    """The mark price, by which the exchange margins and fires resting stops; `funding` is the rate of an hour."""

    coin: str
    mark: Decimal
    time_ms: int
    funding: Decimal | None = None
    received_ns: int = 0


class Mid(Fact, frozen=True, kw_only=True):
    """A mid price polled by REST while the stream is down."""

    coin: str
    price: Decimal


class CandlesFetched(Fact, frozen=True, kw_only=True):
    """Candles as the exchange gave them, ascending; `exchange_ms` its time when it answered.

    Those that opened before `stored_ms` were not asked for: an earlier run had stored them.
    """

    coin: str
    candles: tuple[Candle, ...]
    exchange_ms: int
    stored_ms: int = 0


class CandleChanged(Fact, frozen=True, kw_only=True):
    """The candle stream's newest view of a candle that may still be open."""

    coin: str
    candle: Candle


# strategy


class Signalled(Fact, frozen=True, kw_only=True):
    """What the strategy wishes after the bar that opened at `candle_open_ms`; None while it warms up."""

    coin: str
    candle_open_ms: int
    signal: Signal | None
    bars: int = 0


class StrategistRestarted(Fact, frozen=True, kw_only=True):
    """The strategy's process was started anew: it needs all bars again."""

    reason: str


# connection


class StreamUp(Fact, frozen=True, kw_only=True):
    """The socket is open and every subscription was acknowledged."""


class StreamDown(Fact, frozen=True, kw_only=True):
    """The socket is gone. `is_worrying`: given up for what came over it, which a new one may well bring again."""

    reason: str
    is_worrying: bool = False


class StreamFrozen(Fact, frozen=True, kw_only=True):
    """One coin's stream cannot be had: it is polled by REST instead."""

    coin: str
    reason: str


class CoinsUnheard(Fact, frozen=True, kw_only=True):
    """These coins' prices do not come by stream (one of several sockets is down, or the exchange's limits leave no
    room, or a coin fell silent): they are polled by REST until they are heard."""

    coins: tuple[str, ...]
    reason: str


class CoinsHeard(Fact, frozen=True, kw_only=True):
    """These coins' prices come by stream again."""

    coins: tuple[str, ...]


class AccountMissed(Fact, frozen=True, kw_only=True):
    """Something of the account may have passed unheard while the socket was open: only REST knows it."""

    reason: str


# orders


class OrdersSent(Fact, frozen=True, kw_only=True):
    """The bytes left us: over which transport, with which nonce, when."""

    cloids: tuple[str, ...]
    nonce: int
    transport: str
    sent_ns: int = 0


class OrderAccepted(Fact, frozen=True, kw_only=True):
    """The exchange took the order. `filled` is what traded at once; an order that is not `resting` is final."""

    cloid: str
    oid: int | None = None
    resting: bool = True
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None


class OrderRejected(Fact, frozen=True, kw_only=True):
    """The exchange (or the dry run, or a rule that stopped it before it left) refused the order."""

    cloid: str
    reason: str


class OrderFilled(Fact, frozen=True, kw_only=True):
    """One execution of one of the account's orders (ours or not)."""

    fill: Fill


class OrderCanceled(Fact, frozen=True, kw_only=True):
    """An order is over without being filled entirely; `status` in the exchange's words.

    `filled` is what had traded before, None where that is not told: the fills themselves may still be on their way.
    """

    coin: str
    oid: int
    status: str
    cloid: str | None = None
    time_ms: int = 0
    filled: Decimal | None = None


class OrderOpened(Fact, frozen=True, kw_only=True):
    """The exchange tells that an order is open (its number becomes known) or that a trigger fired."""

    order: OpenOrder
    triggered: bool = False


class StopsListed(Fact, frozen=True, kw_only=True):
    """Every reduce-only stop that the exchange lists for the account, as it tells every few seconds."""

    stops: tuple[OpenOrder, ...]


class OrderInDoubt(Fact, frozen=True, kw_only=True):
    """A write whose outcome is unknown: neither placed nor not placed."""

    cloid: str
    reason: str


class NonceSpent(Fact, frozen=True, kw_only=True):
    """The nonce of these orders in doubt was used up by an action that does nothing: they can never be placed."""

    cloids: tuple[str, ...]


class OrderSeen(Fact, frozen=True, kw_only=True):
    """The exchange's answer to a question about one cloid; `status` is None when it does not know the order."""

    cloid: str
    status: str | None
    oid: int | None = None
    filled: Decimal = Decimal(0)


class TwapStarted(Fact, frozen=True, kw_only=True):
    """The exchange took a TWAP order of ours and gave it this number."""

    cloid: str
    twap_id: int


class TwapStopped(Fact, frozen=True, kw_only=True):
    """The answer to the wish to end a TWAP: it trades no more, by that or before; `words` are the exchange's."""

    coin: str
    twap_id: int
    cloid: str
    words: str


class TwapsSeen(Fact, frozen=True, kw_only=True):
    """What the exchange's history tells of the account's TWAPs, ours or not."""

    twaps: tuple[TwapRecord, ...]


class LeverageSet(Fact, frozen=True, kw_only=True):
    """The exchange confirmed the leverage of a coin and its margin mode."""

    coin: str
    leverage: int
    cross: bool = True


class LeverageRefused(Fact, frozen=True, kw_only=True):
    """The exchange refused the leverage of a coin."""

    coin: str
    reason: str


# account


class Account(Struct, frozen=True, kw_only=True):
    """The account as the exchange shows it. `equity` and `free` in USD; only coins with a position are listed.

    `flows` are deposits and withdrawals, as far back as was asked for; `liquidation_prices` by coin, where there is
    one. `twaps` is None where nobody asked for them.
    Unless `flows_known`, nobody asked for deposits: a change of the money may be one; likewise `fills_known`.
    """

    equity: Decimal
    free: Decimal
    positions: tuple[Position, ...] = ()
    orders: tuple[OpenOrder, ...] = ()
    fills: tuple[Fill, ...] = ()
    time_ms: int = 0
    flows: tuple[Flow, ...] = ()
    flows_known: bool = True
    fills_known: bool = True
    liquidation_prices: dict[str, Decimal] = {}
    twaps: tuple[TwapRecord, ...] | None = None


class AccountSeen(Fact, frozen=True, kw_only=True):
    """The exchange's view of the account at one moment."""

    account: Account
    weight_used: int = 0


class PositionsSeen(Fact, frozen=True, kw_only=True):
    """Positions and money at one moment, without orders and fills: to hold what we know against it."""

    account: Account
    weight_used: int = 0


class PricesSeen(Fact, frozen=True, kw_only=True):
    """Mid prices by REST while the stream is up: to hold what it says against them."""

    mids: dict[str, Decimal]


class RequestsSeen(Fact, frozen=True, kw_only=True):
    """How many actions the account has used in its life, and how many it may have used by now."""

    used: int
    most: int


class FundingPaid(Fact, frozen=True, kw_only=True):
    """An hourly funding payment; positive is received."""

    coin: str
    usd: Decimal
    time_ms: int


# the bot itself


class Started(Fact, frozen=True, kw_only=True):
    """The first fact of a session: recovery is the start-up path.

    `leverages` are those that the exchange has for a coin already, `isolated` the ones among them without cross margin;
    `fees` the account's rates, None where they were not read. `origins`: why the bot has a coin, where it is not COINS.
    """

    settings: Settings
    instruments: tuple[Instrument, ...]
    account: Account
    instance_tag: str
    speed: float = 1.0
    remembered: tuple[Remembered, ...] = ()
    brakes: Brakes = Brakes()
    leverages: dict[str, int] = {}
    isolated: tuple[str, ...] = ()
    fees: Fees | None = None
    origins: dict[str, Origin] = {}


class CoinFound(Fact, frozen=True, kw_only=True):
    """A coin that an operator wants is listed and may be traded as things are set.

    `leverage` and `cross` are what the exchange has for it, None where that could not be read; `budget`: what it adds
    to the load on the exchange, in words; `who`, `why`, `id`: of the wish.
    """

    instrument: Instrument
    leverage: int | None = None
    cross: bool | None = None
    budget: str = ""
    who: str = ""
    why: str = ""
    id: str = ""


class CoinNotFound(Fact, frozen=True, kw_only=True):
    """A coin that an operator wants cannot be had, and why."""

    name: str
    reason: str
    id: str = ""


class MetadataSeen(Fact, frozen=True, kw_only=True):
    """The rules of our coins as the exchange lists them now; one that it does not list any more is absent."""

    instruments: tuple[Instrument, ...]


class BlockSeen(Fact, frozen=True, kw_only=True):
    """The newest block of the exchange is of this time."""

    time_ms: int


class FeesSeen(Fact, frozen=True, kw_only=True):
    """The account's fee rates."""

    fees: Fees


class Tick(Fact, frozen=True, kw_only=True):
    """Nothing happened until something was due."""


class Command(Fact, frozen=True, kw_only=True):
    """An operator's wish: `stop`, `pause`, `resume`, `flatten`; `halt` and `unhalt` come and go with a HALT file.

    `add` and `remove` are about a `coin`, as the operator calls it. `id` is the row that it was left in, if it was;
    `who` left it there.
    """

    name: str
    reason: str = ""
    id: str = ""
    coin: str = ""
    who: str = ""


class Faulted(Fact, frozen=True, kw_only=True):
    """Something failed at an edge: a read, a strategy, a frame. `where` names the part, `coin` whom it concerns.

    `off_ms`: by how much our clock was behind the exchange's (ahead of it, when negative), if that is what failed.
    """

    where: str
    reason: str
    coin: str | None = None
    off_ms: int = 0


Event = (
    Trade
    | BookChanged
    | Marked
    | Mid
    | CandlesFetched
    | CandleChanged
    | Signalled
    | StrategistRestarted
    | StreamUp
    | StreamDown
    | StreamFrozen
    | CoinsUnheard
    | CoinsHeard
    | AccountMissed
    | OrdersSent
    | OrderAccepted
    | OrderRejected
    | OrderFilled
    | OrderCanceled
    | OrderOpened
    | OrderInDoubt
    | NonceSpent
    | OrderSeen
    | TwapStarted
    | TwapStopped
    | TwapsSeen
    | LeverageSet
    | LeverageRefused
    | AccountSeen
    | StopsListed
    | PositionsSeen
    | PricesSeen
    | RequestsSeen
    | FundingPaid
    | Started
    | CoinFound
    | CoinNotFound
    | MetadataSeen
    | BlockSeen
    | FeesSeen
    | Tick
    | Command
    | Faulted
)
