"""The account that a backtest plays: the bot's own settings, what trading costs, and the rules of the instruments.

Owns no default that the bot has already: those are taken from `model.settings`. Reads no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any, Literal, NamedTuple, Self

import pandas as pd

from tidegate.errors import ConfigError
from tidegate.model.instruments import NOTIONAL_MIN_USD, Instrument
from tidegate.model.settings import EntryStyle, MarginMode, Settings

BOT = Settings()
FEE_TIERS = (
    (0.00045, 0.00015),
    (0.00040, 0.00012),
    (0.00035, 0.00008),
    (0.00030, 0.00004),
    (0.00028, 0.0),
    (0.00026, 0.0),
    (0.00024, 0.0),
)
"""Taker and maker of perps, tiers 0 to 6 by volume of 14 days: 5 M, 25 M, 100 M, 500 M, 2 B, 7 B USD (docs, "Fees")."""
HOURLY_FUNDING = 0.0000125
"""What longs pay an hour when a perp trades at its index: 0.01 % in eight hours (docs, "Funding")."""
LISTED: Mapping[str, tuple[int, int]] = {
    "BTC": (5, 40), "ETH": (4, 25), "SOL": (2, 20), "AVAX": (2, 10), "BNB": (3, 10), "OP": (1, 10), "LTC": (2, 10),
    "ARB": (1, 10), "DOGE": (0, 10), "INJ": (1, 10), "SUI": (1, 10), "kPEPE": (0, 10), "CRV": (1, 10),
    "LINK": (1, 10), "XRP": (0, 20), "BCH": (3, 10), "APT": (2, 10), "AAVE": (2, 10), "WLD": (1, 10), "TRX": (0, 10),
    "UNI": (1, 10), "SEI": (0, 10), "DOT": (1, 10), "TIA": (1, 10), "ADA": (0, 10), "TON": (1, 10), "NEAR": (1, 10),
    "kBONK": (0, 10), "WIF": (0, 10), "ENA": (0, 10), "HYPE": (2, 10), "FARTCOIN": (1, 10), "TRUMP": (1, 10),
    "OM": (1, 5), "PUMP": (0, 5),
}  # fmt: skip
"""Decimals of a size and greatest leverage of well-known perps, as listed on 2025-07-20."""
UNLISTED = (2, 3)
"""For a coin that is not in the list: careful ones."""


class Tier(NamedTuple):
    """Fee rates as fractions."""

    taker: float
    maker: float


Funding = float | Mapping[str, "float | pd.Series[float]"]


@dataclass(frozen=True)
class Rules:
    """What a backtest plays by. Names as in `.env`; `_pct` are per cent, fees and funding fractions.

    `funding` is an hourly rate for all coins, or by coin a rate or a series of rates (index: hours, UTC). `entry` is
    "open" (taken at the next open) or "limit" (rests at the next open for one bar, as a maker). `time_limit_bars`
    closes a position after so many bars, 0 never. `instruments` beats the built-in list. Raises ConfigError.
    """

    equity_usd: float = 10_000.0
    risk_per_trade_pct: float = float(BOT.risk_per_trade_pct)
    stop_loss_pct: float = float(BOT.stop_loss_pct)
    take_profit_pct: float = float(BOT.take_profit_pct)
    trailing_stop_pct: float = float(BOT.trailing_stop_pct)
    trim_at_r: float = float(BOT.trim_at_r)
    trim_pct: float = float(BOT.trim_pct)
    max_position_usd: float = float(BOT.max_position_usd)
    max_exposure_usd: float = float(BOT.max_exposure_usd)
    max_allocation_usd: float = float(BOT.max_allocation_usd)
    max_open_positions: int = BOT.max_open_positions
    max_daily_loss_pct: float = float(BOT.max_daily_loss_pct)
    max_drawdown_pct: float = float(BOT.max_drawdown_pct)
    cooldown_minutes: float = float(BOT.cooldown_minutes)
    stop_guard_stops: int = BOT.stop_guard_stops
    stop_guard_minutes: float = float(BOT.stop_guard_minutes)
    leverage: int = BOT.leverage
    isolated: bool = BOT.margin_mode is MarginMode.ISOLATED
    max_slippage_pct: float = float(BOT.max_slippage_pct)
    slippage_pct: float = 0.01
    taker_fee: float = FEE_TIERS[0][0]
    maker_fee: float = FEE_TIERS[0][1]
    funding: Funding = HOURLY_FUNDING
    entry: Literal["open", "limit"] = "open"
    time_limit_bars: int = 0
    min_notional_usd: float = float(NOTIONAL_MIN_USD)
    regime: tuple[str, ...] = ()
    regime_bars: int = BOT.regime_bars
    regime_buckets: tuple[tuple[str, ...], ...] = ()
    instruments: Mapping[str, Instrument] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if problems := self._problems():
            raise ConfigError(problems)

    @classmethod
    def of(cls, settings: Settings, **others: Any) -> Self:
        """The rules of a bot with these settings; `others` are what its settings do not say (equity, fees …)."""
        own = {each.name for each in fields(cls)}
        taken: dict[str, Any] = {
            name: type(default)(getattr(settings, name))
            for name, default in vars(Rules()).items()
            if name in own and hasattr(settings, name) and name != "entry"
        }
        taken["isolated"] = settings.margin_mode is MarginMode.ISOLATED
        taken["entry"] = "limit" if settings.entry is EntryStyle.MAKER else "open"
        return cls(**(taken | others))

    def instrument(self, coin: str) -> Instrument:
        """The coin's rules: those given, the built-in ones, or careful ones."""
        if coin in self.instruments:
            return self.instruments[coin]
        size_decimals, leverage_max = LISTED.get(coin, UNLISTED)
        return Instrument(coin=coin, asset=0, size_decimals=size_decimals, leverage_max=leverage_max)

    def told(self) -> dict[str, Any]:
        """The rules as a run remembers them: plain values; of a series of rates its mean."""
        told = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "instruments"}
        if not isinstance(self.funding, int | float):
            told["funding"] = {
                coin: rate if isinstance(rate, int | float) else f"{len(rate)} rates, mean {rate.mean():.3g} an hour"
                for coin, rate in self.funding.items()
            }
        return told

    def _problems(self) -> list[str]:
        problems = []
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, float) and (
                not isfinite(value) or (value < 0 and each.name not in ("funding", "maker_fee"))
            ):
                problems.append(f"{each.name}={value}: a finite number of 0 or more was expected")
        positive = ("equity_usd", "risk_per_trade_pct", "max_position_usd")
        problems.extend(
            f"{name}={getattr(self, name)}: must be above 0" for name in positive if not getattr(self, name) > 0
        )
        if not 0 < self.stop_loss_pct < 100:
            problems.append(f"stop_loss_pct={self.stop_loss_pct}: above 0 and below 100 was expected")
        if self.slippage_pct > self.max_slippage_pct:
            problems.append(
                f"slippage_pct={self.slippage_pct} is more than max_slippage_pct={self.max_slippage_pct}: "
                "no entry would fill"
            )
        if self.entry not in ("open", "limit"):
            problems.append(f"entry={self.entry}: open or limit was expected")
        if self.leverage < 0 or self.time_limit_bars < 0:
            problems.append("leverage and time_limit_bars must be 0 or more")
        if not 0 < self.trim_pct < 100:
            problems.append(f"trim_pct={self.trim_pct}: above 0 and below 100 was expected")
        return problems


def fee_tier(number: int) -> Tier:
    """The rates of a fee tier, 0 to 6. Raises ConfigError."""
    if not 0 <= number < len(FEE_TIERS):
        raise ConfigError([f"fee tier {number}: 0 to {len(FEE_TIERS) - 1} was expected"])
    return Tier(*FEE_TIERS[number])


def not_played(settings: Settings) -> list[str]:
    """The settings that a live bot acts on and a backtest does not, a line each."""
    told = []
    if settings.uses_twaps:
        told.append("TWAP entries are played as one order at the open")
    if settings.adds_max:
        told.append(f"ADDS_MAX={settings.adds_max} is not played: positions are not added to")
    if settings.builder is not None:
        told.append(f"BUILDER_FEE_TENTHS_BP={settings.builder_fee_tenths_bp} is not charged")
    if settings.leverage_by_score:
        told.append(f"LEVERAGE_BY_SCORE is not played: LEVERAGE={settings.leverage} holds for every score")
    return told
