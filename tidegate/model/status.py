"""What the `status` command shows: a snapshot of the bot that it leaves in the database once a second."""

from decimal import Decimal

from msgspec import Struct

from tidegate.model.gauges import CollectorGauges, LatencyGauges, RestGauges, StreamGauges


class PositionStatus(Struct, frozen=True, kw_only=True):
    """One open position. `stop` is the bot's own level now, `resting_stop` the order on the exchange.

    `unguarded`: its owner has cancelled the resting stop, and wants it so.
    """

    coin: str
    size: Decimal
    entry_price: Decimal
    price: Decimal | None
    profit: Decimal | None
    stop: Decimal | None
    take_profit: Decimal | None
    resting_stop: Decimal | None
    resting_oid: int | None
    confirmed_ms: int
    phase: str
    unguarded: bool = False


class TwapStatus(Struct, frozen=True, kw_only=True):
    """An entry that the exchange trades in slices: `ends_ms` is when its time is over, `ending` why it ends before."""

    coin: str
    twap_id: int | None
    side: str
    size: Decimal
    filled: Decimal
    minutes: int
    ends_ms: int
    state: str
    ending: str = ""


class CoinStatus(Struct, frozen=True, kw_only=True):
    """One coin: why the bot has it, its phase, its candles, its prices and hourly funding rate.

    `heard_ms`: when a price was last heard, and `print_ms`, `book_ms`, `mark_ms` when each kind was; `way` is how its
    prices come, in words.
    """

    coin: str
    phase: str
    candles: int
    mid: Decimal | None
    mark: Decimal | None
    funding: Decimal | None
    heard_ms: int
    origin: str = "COINS"
    way: str = ""
    print_ms: int = 0
    book_ms: int = 0
    mark_ms: int = 0


class MajorStatus(Struct, frozen=True, kw_only=True):
    """A coin that is listened to and not traded: the newest of its prices, and when it was heard (0: never)."""

    coin: str
    price: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    mark: Decimal | None = None
    funding: Decimal | None = None
    heard_ms: int = 0


class Status(Struct, frozen=True, kw_only=True):
    """The bot at `at_ms` (exchange time); `wall_ms` is the machine's clock then, to tell a live bot from a dead one.

    `free` is what entries may still use, `exposure` the notional of all positions, `at_risk` what their stops would
    lose from here; `taker` and `maker` are the account's own fee rates, None until read.
    """

    pid: int = 0
    wall_ms: int = 0
    at_ms: int
    network: str
    dry_run: bool
    strategy: str
    timeframe: str
    account: str = ""
    stream_up: bool
    stream_since_ms: int
    stream: StreamGauges | None = None
    equity: Decimal
    realised_today: Decimal = Decimal(0)
    unrealised: Decimal
    free: Decimal = Decimal(0)
    exposure: Decimal = Decimal(0)
    at_risk: Decimal = Decimal(0)
    taker: Decimal | None = None
    maker: Decimal | None = None
    fees_today: Decimal = Decimal(0)
    closed_today: int = 0
    weight_used: int
    weight_max: int = 1200
    rest: RestGauges | None = None
    stream_stage: str = "all"
    requests_used: int = 0
    requests_max: int = 0
    requests_days: float | None = None
    last_poll_ms: int
    next_poll_ms: int
    stopping: str
    brakes: tuple[str, ...] = ()
    flattening: bool = False
    coins: tuple[CoinStatus, ...]
    positions: tuple[PositionStatus, ...]
    twaps: tuple[TwapStatus, ...] = ()
    majors: tuple[MajorStatus, ...] = ()
    majors_stream: StreamGauges | None = None
    collector: CollectorGauges | None = None
    latencies: tuple[LatencyGauges, ...] = ()
    started_ms: int = 0
