"""Every variable that a user can set, with its rule and its meaning. The defaults are those of `Settings`.

The one list from which show-config, `.env.example` and docs/configuration.md are checked.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tidegate.config import regime_rules, rules, score_rules
from tidegate.config.rules import Rule
from tidegate.config.wording import Text
from tidegate.model.market import Timeframe
from tidegate.model.settings import (
    EntryStyle,
    EntryTimeoutAction,
    MarginMode,
    Network,
    OnStartPosition,
    OrderTransport,
    Preflight,
    Settings,
    StopPriceSource,
    Stream,
)

DEFAULTS = Settings()


class Variables(BaseSettings):
    """The variables as values. A field's name in capitals is the variable's name."""

    model_config = SettingsConfigDict(hide_input_in_errors=True, extra="forbid", validate_default=False, frozen=True)

    network: Annotated[Network, rules.one_of(Network, example="localnet")] = Field(
        default=DEFAULTS.network,
        description="Which exchange: the built-in local one, Hyperliquid's testnet, or mainnet.",
    )
    dry_run: Annotated[bool, rules.truth("true")] = Field(
        default=DEFAULTS.dry_run,
        description="Build, check and log orders, but never send one.",
    )
    coins: Annotated[tuple[str, ...], rules.coins("BTC,ETH")] = Field(
        default=DEFAULTS.coins,
        description="What to trade.",
    )
    majors: Annotated[tuple[str, ...], rules.majors("BTC,ETH")] = Field(
        default=DEFAULTS.majors,
        description="Coins to listen to without trading them, on a socket of their own.",
    )
    timeframe: Annotated[Timeframe, rules.one_of(Timeframe, example="5m", any_case=False)] = Field(
        default=DEFAULTS.timeframe,
        description="The length of the candles that the strategy sees.",
    )
    strategy: Annotated[str, rules.name("ema_cross")] = Field(
        default=DEFAULTS.strategy,
        description="Which strategy: the name of a file in strategies/.",
    )
    strategy_params: Annotated[dict[str, str], rules.parameters("fast=12,slow=26")] = Field(
        default=DEFAULTS.strategy_params,
        description="The strategy's parameters; what is left out has the strategy's default.",
    )
    candle_history: Annotated[int, rules.whole(50, 5000, example="500")] = Field(
        default=DEFAULTS.candle_history,
        description="How many closed candles of each coin are kept for the strategy.",
    )
    warmup: Annotated[bool, rules.truth("true")] = Field(
        default=DEFAULTS.warmup,
        description="Read CANDLE_HISTORY candles at the start, from the database first; else begin with none.",
    )
    regime: Annotated[tuple[str, ...], regime_rules.drivers("btc,breadth")] = Field(
        default=DEFAULTS.regime,
        description="Enter only while these go the same way; what is held is not touched.",
    )
    regime_bars: Annotated[int, rules.whole(5, 1000, example="50")] = Field(
        default=DEFAULTS.regime_bars,
        description="Bars of the averages that the regime's drivers are measured by.",
    )
    regime_buckets: Annotated[tuple[tuple[str, ...], ...], regime_rules.buckets("BTC+ETH,DOGE+kPEPE")] = Field(
        default=DEFAULTS.regime_buckets,
        description="Which coins belong together for REGIME=bucket.",
    )
    check_interval: Annotated[Decimal, rules.number("1", "86400", unit="seconds", example="300")] = Field(
        default=DEFAULTS.check_interval_s,
        description="Seconds between two polls of candles, in which entries are decided.",
    )
    fallback_interval: Annotated[Decimal, rules.number("0.5", "60", unit="seconds", example="2")] = Field(
        default=DEFAULTS.fallback_interval_s,
        description="Seconds between two price polls while the stream is down.",
    )
    stream: Annotated[Stream, rules.one_of(Stream, example="all")] = Field(
        default=DEFAULTS.stream,
        description="What the bot takes from the stream: nothing (all is polled by REST), prices, the candles too, or "
        "all: the account as well.",
    )
    shared_budget: Annotated[bool, rules.truth("true")] = Field(
        default=DEFAULTS.shared_budget,
        description="All bots on this machine share one REST budget, for the exchange counts them together.",
    )
    stop_price_source: Annotated[StopPriceSource, rules.one_of(StopPriceSource, example="trade")] = Field(
        default=DEFAULTS.stop_price_source,
        description="Prices that fire a stop: trades, the mark price, or either.",
    )
    stop_loss_pct: Annotated[Decimal, rules.number("0.05", "50", unit="per cent", example="3")] = Field(
        default=DEFAULTS.stop_loss_pct,
        description="Largest distance of the stop from the entry; a nearer one of the strategy goes first.",
    )
    take_profit_pct: Annotated[Decimal, rules.number("0.05", "90", unit="per cent", zero="none", example="6")] = Field(
        default=DEFAULTS.take_profit_pct,
        description="Largest distance of the take-profit; a nearer one of the strategy goes first; "
        "0 leaves it to the strategy.",
    )
    trailing_stop_pct: Annotated[Decimal, rules.number("0.05", "50", unit="per cent", zero="none", example="2")] = (
        Field(
            default=DEFAULTS.trailing_stop_pct,
            description="How far a stop trails behind the best price; 0 leaves it to the strategy.",
        )
    )
    risk_per_trade_pct: Annotated[Decimal, rules.number("0.01", "20", unit="per cent", example="1")] = Field(
        default=DEFAULTS.risk_per_trade_pct,
        description="Share of the account that a position may lose down to its stop.",
    )
    max_position_usd: Annotated[Decimal, rules.number("10", "100000000", unit="US dollars", example="5000")] = Field(
        default=DEFAULTS.max_position_usd,
        description="The largest notional of one position, in US dollars.",
    )
    max_allocation_usd: Annotated[
        Decimal, rules.number("10", "1000000000", unit="US dollars", zero="no limit", example="500")
    ] = Field(
        default=DEFAULTS.max_allocation_usd,
        description="The most that this bot may have in the market, entries on their way included; no strategy gets "
        "past it; 0 for no limit.",
    )
    entry: Annotated[EntryStyle, rules.one_of(EntryStyle, example="market")] = Field(
        default=DEFAULTS.entry,
        description="How entries are made: at once (market), resting at the touch, post-only (maker), or in slices "
        "over TWAP_MINUTES (twap).",
    )
    entry_timeout: Annotated[Decimal, rules.number("1", "3600", unit="seconds", example="30")] = Field(
        default=DEFAULTS.entry_timeout_s,
        description="How long a maker entry may rest and follow the touch, in seconds.",
    )
    entry_timeout_action: Annotated[EntryTimeoutAction, rules.one_of(EntryTimeoutAction, example="taker")] = Field(
        default=DEFAULTS.entry_timeout_action,
        description="What is left of a maker entry then: taken at once, within MAX_SLIPPAGE_PCT of the first price, "
        "or given up.",
    )
    twap_minutes: Annotated[int, rules.whole(1, 10080, example="30")] = Field(
        default=DEFAULTS.twap_minutes,
        description="Over how many minutes the exchange trades a TWAP entry; it refuses what is too short.",
    )
    twap_above_usd: Annotated[
        Decimal, rules.number("100", "100000000", unit="US dollars", zero="never", example="50000")
    ] = Field(
        default=DEFAULTS.twap_above_usd,
        description="With ENTRY=market, entries worth more are made in slices (TWAP), in US dollars; 0 for never.",
    )
    trim_at_r: Annotated[Decimal, rules.number("0.1", "100", unit="times the risk", zero="never", example="1")] = Field(
        default=DEFAULTS.trim_at_r,
        description="Close TRIM_PCT of a position once its profit is so many times what its stop risked at the "
        "entry; 0 for never.",
    )
    trim_pct: Annotated[Decimal, rules.number("1", "99", unit="per cent", example="50")] = Field(
        default=DEFAULTS.trim_pct,
        description="The part of a position that is closed at TRIM_AT_R.",
    )
    adds_max: Annotated[int, rules.whole(0, 10, example="2")] = Field(
        default=DEFAULTS.adds_max,
        description="How often a strategy may add to one position; 0 for never.",
    )
    on_start_position: Annotated[OnStartPosition, rules.one_of(OnStartPosition, example="ignore")] = Field(
        default=DEFAULTS.on_start_position,
        description="Positions found at the start that the bot did not open: guard them, leave them alone, close them, "
        "or refuse to start.",
    )
    respect_manual: Annotated[bool, rules.truth("true")] = Field(
        default=DEFAULTS.respect_manual,
        description="A resting stop that you cancel twice stays cancelled; else it is placed again every time.",
    )
    max_open_positions: Annotated[int, rules.whole(0, 100, example="5")] = Field(
        default=DEFAULTS.max_open_positions,
        description="No entry while so many positions are open; 0 for no limit.",
    )
    max_orders_per_minute: Annotated[int, rules.whole(1, 6000, example="30")] = Field(
        default=DEFAULTS.max_orders_per_minute,
        description="Entries that may leave within a minute; exits are never counted.",
    )
    max_exposure_usd: Annotated[
        Decimal, rules.number("10", "1000000000", unit="US dollars", zero="no limit", example="10000")
    ] = Field(
        default=DEFAULTS.max_exposure_usd,
        description="The largest notional of all positions together, in US dollars; 0 for no limit.",
    )
    max_daily_loss_pct: Annotated[Decimal, rules.number("0.1", "100", unit="per cent", zero="none", example="5")] = (
        Field(
            default=DEFAULTS.max_daily_loss_pct,
            description="Share of the account lost since 00:00 UTC (open positions, fees, funding included) that stops "
            "entries for the day; 0 for none.",
        )
    )
    max_drawdown_pct: Annotated[Decimal, rules.number("0.1", "100", unit="per cent", zero="none", example="20")] = (
        Field(
            default=DEFAULTS.max_drawdown_pct,
            description="Loss from the account's highest value that stops entries until `resume`; 0 for none.",
        )
    )
    sticky_brakes: Annotated[bool, rules.truth("true")] = Field(
        default=DEFAULTS.sticky_brakes,
        description="The daily loss stops entries until `resume`, not only until the next day.",
    )
    cooldown_minutes: Annotated[Decimal, rules.number("0.1", "10080", unit="minutes", zero="none", example="15")] = (
        Field(
            default=DEFAULTS.cooldown_minutes,
            description="No entry in a coin for so long after its last position; 0 for none.",
        )
    )
    stop_guard_stops: Annotated[int, rules.whole(0, 50, example="4")] = Field(
        default=DEFAULTS.stop_guard_stops,
        description="After so many positions stopped out within STOP_GUARD_MINUTES no entries anywhere; 0 for none.",
    )
    stop_guard_minutes: Annotated[Decimal, rules.number("1", "10080", unit="minutes", example="60")] = Field(
        default=DEFAULTS.stop_guard_minutes,
        description="How far back STOP_GUARD_STOPS counts, in minutes.",
    )
    leverage: Annotated[int, rules.whole(0, 50, example="3")] = Field(
        default=DEFAULTS.leverage,
        description="Leverage set on the exchange; 0 leaves what is set there and trades as with 1.",
    )
    leverage_by_score: Annotated[tuple[str, ...], score_rules.steps("0.5:2,0.8:3")] = Field(
        default=DEFAULTS.leverage_by_score,
        description="Leverage by a signal's score (its size_fraction): from each score on so much, below the first 1, "
        "never above LEVERAGE; empty for LEVERAGE always.",
    )
    margin_mode: Annotated[MarginMode, rules.one_of(MarginMode, example="cross")] = Field(
        default=DEFAULTS.margin_mode,
        description="Whether a position may draw on the whole account (cross) or only on its own margin (isolated).",
    )
    max_slippage_pct: Annotated[Decimal, rules.number("0.01", "10", unit="per cent", example="1")] = Field(
        default=DEFAULTS.max_slippage_pct,
        description="How far beyond the touch an order that must fill at once may trade.",
    )
    taker_fee_pct: Annotated[Decimal, rules.number("0.001", "1", unit="per cent", zero="none", example="0.045")] = (
        Field(
            default=DEFAULTS.taker_fee_pct,
            description="The taker's fee to count with where the exchange gives no rates; its own always go first.",
        )
    )
    maker_fee_pct: Annotated[Decimal, rules.number("0.001", "1", unit="per cent", zero="none", example="0.015")] = (
        Field(
            default=DEFAULTS.maker_fee_pct,
            description="The maker's fee beside TAKER_FEE_PCT.",
        )
    )
    order_transport: Annotated[OrderTransport, rules.one_of(OrderTransport, example="ws")] = Field(
        default=DEFAULTS.order_transport,
        description="Orders go over the open socket (REST while it is down), or by REST only.",
    )
    hyperliquid_private_key: Annotated[str, rules.private_key()] = Field(
        default="",
        description="Key of an agent (API) wallet; testnet and mainnet only. Localnet makes its own.",
    )
    hyperliquid_testnet_private_key: Annotated[str, rules.private_key()] = Field(
        default="",
        description="The same for testnet alone; on other networks it is not used.",
    )
    hyperliquid_mainnet_private_key: Annotated[str, rules.private_key()] = Field(
        default="",
        description="The same for mainnet alone; on other networks it is not used.",
    )
    hyperliquid_keystore: Annotated[str, rules.file("keystore.json")] = Field(
        default=DEFAULTS.keystore,
        description="Encrypted file (keystore v3) with that key; goes before the other ways.",
    )
    hyperliquid_keystore_password_file: Annotated[str, rules.file("keystore-password")] = Field(
        default=DEFAULTS.keystore_password_file,
        description="File with the keystore's password; empty to be asked on the terminal.",
    )
    hyperliquid_key_file: Annotated[str, rules.file("agent.key")] = Field(
        default=DEFAULTS.key_file,
        description="File with that key and nothing else; goes before keys that stand in a variable.",
    )
    allow_master_key: Annotated[bool, rules.truth("true")] = Field(
        default=DEFAULTS.allow_master_key,
        description="The account's own key, which can withdraw, may trade on mainnet.",
    )
    hyperliquid_account_address: Annotated[str, rules.address()] = Field(
        default=DEFAULTS.account_address,
        description="Address of the account that the key trades for, not the agent's own.",
    )
    hyperliquid_vault_address: Annotated[str, rules.address()] = Field(
        default=DEFAULTS.vault_address,
        description="Address of the vault or sub-account to trade for, if any.",
    )
    builder_address: Annotated[str, rules.address()] = Field(
        default=DEFAULTS.builder_address,
        description="A builder to whom each entry pays BUILDER_FEE_TENTHS_BP, once the account has approved it; "
        "empty for nobody.",
    )
    builder_fee_tenths_bp: Annotated[int, rules.whole(0, 100, example="10")] = Field(
        default=DEFAULTS.builder_fee_tenths_bp,
        description="The builder's fee in tenths of a basis point of an entry (10 is 0.01 %); 0 for none.",
    )
    confirm_mainnet: Annotated[str, rules.address()] = Field(
        default=DEFAULTS.confirm_mainnet,
        description="The account address once more: without it nothing trades on mainnet.",
    )
    preflight: Annotated[Preflight, rules.one_of(Preflight, example="mainnet")] = Field(
        default=DEFAULTS.preflight,
        description="Before which sessions the checks of `preflight` must pass, one order far from the market "
        "included: those on mainnet, all, or none.",
    )
    localnet_url: Annotated[str, rules.localnet_url()] = Field(
        default="",
        description="A running localnet to use; empty to start one.",
    )
    proxy: Annotated[str, rules.proxy_url()] = Field(
        default=DEFAULTS.proxy,
        description="A proxy for all that goes to testnet or mainnet; those that the environment names are not used.",
    )
    alert_webhook_url: Annotated[str, rules.webhook_url()] = Field(
        default="",
        description="A webhook to which alerts are posted as well; empty for the log only.",
    )
    database_url: Annotated[str, rules.database_url("sqlite:///data/tidegate.db")] = Field(
        default=DEFAULTS.database_url,
        description="Where orders, fills, positions and the journal are kept.",
    )
    log_level: Annotated[str, rules.level("INFO")] = Field(
        default=DEFAULTS.log_level,
        description="The least important lines to show: DEBUG also shows every tick.",
    )
    log_dir: Annotated[str, rules.folder("logs")] = Field(
        default=DEFAULTS.log_dir,
        description="The folder of bot.log and bot.jsonl.",
    )


class Layer(PydanticBaseSettingsSource):
    """One place that values come from: the texts found there, by variable name."""

    def __init__(self, settings_cls: type[BaseSettings], texts: Mapping[str, Text]) -> None:
        super().__init__(settings_cls)
        self._texts = texts

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """The text of one variable, None when this place does not have it."""
        text = self._texts.get(field_name.upper())
        return (None if text is None else text.value), field_name, False

    def __call__(self) -> dict[str, Any]:
        return {name.lower(): text.value for name, text in self._texts.items()}


def read(layers: Sequence[Mapping[str, Text]]) -> Variables:
    """The variables of these places, the first that has one wins; raise pydantic's ValidationError."""

    class Layered(Variables):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(Layer(settings_cls, texts) for texts in layers)

    return Layered()


NAMES = tuple(field.upper() for field in Variables.model_fields)


def rule_of(name: str) -> Rule:
    """The rule of a variable."""
    return next(each for each in Variables.model_fields[name.lower()].metadata if isinstance(each, Rule))


def meaning_of(name: str) -> str:
    """What a variable is for, in one sentence."""
    return Variables.model_fields[name.lower()].description or ""
