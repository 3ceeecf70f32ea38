"""The settings as one validated value. `config.py` reads them from the outside; everything else only reads this.

The defaults stand here and nowhere else. Percentages are per cent (2 means two per cent), durations are seconds
as a person writes them; the core asks for milliseconds through the properties below.
"""

from decimal import Decimal
from enum import Enum

from msgspec import Struct

from tidegate.model.fees import BuilderFee
from tidegate.model.market import Timeframe

HUNDRED = Decimal(100)


class Network(str, Enum):
    """Which exchange we talk to."""

    LOCALNET = "localnet"
    TESTNET = "testnet"
    MAINNET = "mainnet"


class StopPriceSource(str, Enum):
    """Which prices fire a stop: prints and the order book, the mark price, or whichever is first."""

    TRADE = "trade"
    MARK = "mark"
    BOTH = "both"


class Stream(str, Enum):
    """How much comes by stream: nothing (REST polls it all), prices, the candles too, the account as well."""

    OFF = "off"
    PRICES = "prices"
    CANDLES = "prices+candles"
    ALL = "all"


class OrderTransport(str, Enum):
    """How orders travel: posts over the open socket (REST while it is down), or REST always."""

    WS = "ws"
    REST = "rest"


class OnStartPosition(str, Enum):
    """What becomes of positions that are open at the start and that this bot did not open."""

    ADOPT = "adopt"
    IGNORE = "ignore"
    FLATTEN = "flatten"
    HALT = "halt"


class MarginMode(str, Enum):
    """Which money a position may lose: the account's, or what is set aside for it."""

    CROSS = "cross"
    ISOLATED = "isolated"


class Preflight(str, Enum):
    """Before which sessions everything is looked over, and a failure ends the start: mainnet's, all, none."""

    MAINNET = "mainnet"
    ALWAYS = "always"
    NEVER = "never"


class EntryStyle(str, Enum):
    """How an entry is made: at once, resting at the touch for less in fees, or in slices over a time."""

    MARKET = "market"
    MAKER = "maker"
    TWAP = "twap"


class EntryTimeoutAction(str, Enum):
    """What becomes of a resting entry when its time is over: take what is left at once, or give it up."""

    TAKER = "taker"
    CANCEL = "cancel"


REGIME_DRIVERS = ("btc", "alts", "bucket", "breadth")
"""What an entry can be made to wait for: bitcoin, the other coins, the coin's bucket, most coins going its way."""


class Settings(Struct, frozen=True, kw_only=True):
    """Everything a user can set that is not a secret."""

    network: Network = Network.LOCALNET
    dry_run: bool = False
    coins: tuple[str, ...] = ("BTC", "ETH", "SOL")
    majors: tuple[str, ...] = ()
    timeframe: Timeframe = Timeframe.M5
    strategy: str = "ema_cross"
    strategy_params: dict[str, str] = {}
    strategy_dir: str = "strategies"
    candle_history: int = 500
    warmup: bool = True
    regime: tuple[str, ...] = ()
    regime_bars: int = 50
    regime_buckets: tuple[tuple[str, ...], ...] = ()
    check_interval_s: Decimal = Decimal(300)
    fallback_interval_s: Decimal = Decimal(2)
    stream: Stream = Stream.ALL
    shared_budget: bool = False
    stop_price_source: StopPriceSource = StopPriceSource.TRADE
    stop_loss_pct: Decimal = Decimal(3)
    take_profit_pct: Decimal = Decimal(6)
    trailing_stop_pct: Decimal = Decimal(0)
    risk_per_trade_pct: Decimal = Decimal(1)
    max_position_usd: Decimal = Decimal(5000)
    max_allocation_usd: Decimal = Decimal(0)
    entry: EntryStyle = EntryStyle.MARKET
    entry_timeout_s: Decimal = Decimal(30)
    entry_timeout_action: EntryTimeoutAction = EntryTimeoutAction.TAKER
    twap_minutes: int = 30
    twap_above_usd: Decimal = Decimal(0)
    trim_at_r: Decimal = Decimal(0)
    trim_pct: Decimal = Decimal(50)
    adds_max: int = 0
    on_start_position: OnStartPosition = OnStartPosition.IGNORE
    respect_manual: bool = False
    max_open_positions: int = 5
    max_orders_per_minute: int = 30
    max_exposure_usd: Decimal = Decimal(0)
    max_daily_loss_pct: Decimal = Decimal(5)
    max_drawdown_pct: Decimal = Decimal(20)
    sticky_brakes: bool = False
    cooldown_minutes: Decimal = Decimal(0)
    stop_guard_stops: int = 0
    stop_guard_minutes: Decimal = Decimal(60)
    leverage: int = 3
    leverage_by_score: tuple[str, ...] = ()
    margin_mode: MarginMode = MarginMode.CROSS
    max_slippage_pct: Decimal = Decimal(1)
    taker_fee_pct: Decimal = Decimal(0)
    maker_fee_pct: Decimal = Decimal(0)
    order_transport: OrderTransport = OrderTransport.WS
    keystore: str = ""
    keystore_password_file: str = ""
    key_file: str = ""
    allow_master_key: bool = False
    account_address: str = ""
    vault_address: str = ""
    builder_address: str = ""
    builder_fee_tenths_bp: int = 0
    confirm_mainnet: str = ""
    preflight: Preflight = Preflight.MAINNET
    database_url: str = "sqlite:///data/tidegate.db"
    proxy: str = ""
    log_level: str = "INFO"
    log_dir: str = "logs"

    @property
    def check_interval_ms(self) -> int:
        """CHECK_INTERVAL in milliseconds."""
        return int(self.check_interval_s * 1000)

    @property
    def streams_prices(self) -> bool:
        """Whether prices are to come by stream."""
        return self.stream is not Stream.OFF

    @property
    def streams_candles(self) -> bool:
        """Whether candles are to come by stream."""
        return self.stream in (Stream.CANDLES, Stream.ALL)

    @property
    def streams_account(self) -> bool:
        """Whether orders and fills are to come by stream."""
        return self.stream is Stream.ALL

    @property
    def fallback_interval_ms(self) -> int:
        """FALLBACK_INTERVAL in milliseconds."""
        return int(self.fallback_interval_s * 1000)

    @property
    def entry_timeout_ms(self) -> int:
        """ENTRY_TIMEOUT in milliseconds."""
        return int(self.entry_timeout_s * 1000)

    @property
    def uses_twaps(self) -> bool:
        """Whether an entry may be a TWAP order."""
        return self.entry is EntryStyle.TWAP or (self.entry is EntryStyle.MARKET and self.twap_above_usd > 0)

    @property
    def builder(self) -> BuilderFee | None:
        """Who is paid for each entry besides the exchange, and how much; None for nobody."""
        if not self.builder_address or not self.builder_fee_tenths_bp:
            return None
        return BuilderFee(address=self.builder_address.lower(), tenths_bp=self.builder_fee_tenths_bp)

    @property
    def leverage_steps(self) -> tuple[tuple[Decimal, int], ...]:
        """LEVERAGE_BY_SCORE as numbers: from this score on, so much leverage."""
        pairs = (step.partition(":") for step in self.leverage_by_score)
        return tuple((Decimal(score), int(leverage)) for score, _, leverage in pairs)

    @property
    def slippage(self) -> Decimal:
        """MAX_SLIPPAGE_PCT as a fraction."""
        return self.max_slippage_pct / HUNDRED
