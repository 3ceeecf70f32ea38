"""What the kernel takes and keeps: arrays by name, and the columns of its tables."""

from typing import Any, NamedTuple

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
MINUTE_MS = 60_000
NOISE = 1e-9
"""What binary fractions may be off by, in lots and ticks."""
PRICE_MAX = 1e15
MARGIN_USED_MAX = 0.9
NOTIONAL_MARGIN_MIN = 0.1
STOPS_REMEMBERED = 50
FLAT = 2
"""Wishes: +1 long, -1 short, 0 hold, FLAT."""

STOP, TAKE_PROFIT, TRAIL, SIGNAL, TIME, LIQUIDATION, END = range(1, 8)
REASONS = ("", "stop_loss", "take_profit", "trailing_stop", "signal", "time_limit", "liquidation", "end")

# The columns of an open position.
SIZE, DIRECTION, LEVEL, ENTRY, LEVEL_STOP, STOP_NOW, PROFIT, TRAIL_BY, TRAILED = range(9)
BAR, FEES, FUNDING, SLIPPAGE, MAE, MFE, OPENED, AMBIGUOUS, LIQUIDATED = range(9, 18)
# A part that is closed at a multiple of the risk: where, at which level now, and what came of it before costs. NEAREST
# is the nearer of take-profit and that level, beyond every price where there is neither.
TRIM_AT, TRIM_NOW, NEAREST, TRIMMED, TRIM_WORTH, TRIM_GROSS, GAINED = range(18, 25)
CLOSED_MS = 25
POSITION_FIELDS = 26

TRADE_FIELDS = (
    "coin", "direction", "size", "opened", "closed", "entry_price", "exit_price", "stop", "reason", "gross", "fees",
    "funding", "slippage", "bars", "mae", "mfe", "ambiguous",
)  # fmt: skip

# The columns of the account.
BALANCE, PEAK, NEXT_DAY_MS, DAY_EQUITY, TRIPPED_DAY, TRIPPED_FOR_GOOD, EQUITY, TRIPS = range(8)
ACCOUNT_FIELDS = 8
HELD, MADE = range(2)

REFUSALS = (
    "a brake was on", "MAX_OPEN_POSITIONS", "COOLDOWN_MINUTES", "STOP_GUARD_STOPS", "unsound stop or take-profit",
    "nothing left to trade with", "below the least notional", "stop beyond the liquidation price", "limit not reached",
    "the signal was too old",
)  # fmt: skip
(BRAKED, FULL, COOLING, GUARDED, UNSOUND, NOTHING_LEFT, TOO_SMALL, BEYOND_LIQUIDATION, NOT_REACHED, TOO_OLD) = range(10)


class Candles(NamedTuple):
    """Bars of all coins on one time axis, arrays (coins, bars), NaN where a coin has none.

    `funding` is what is paid at the open (a fraction), `funding_inside` later in the bar; (coins, 0) when never.
    """

    time_ms: Any
    open: Any
    high: Any
    low: Any
    close: Any
    funding: Any
    funding_inside: Any


class Wishes(NamedTuple):
    """What the strategy wishes after each bar, arrays (coins, bars); NaN where there is no price."""

    want: Any
    stop: Any
    take_profit: Any
    trail_by: Any
    fraction: Any


class Finer(NamedTuple):
    """Finer candles of all coins behind each other; `first[coin, bar]` to `first[coin, bar + 1]` lie in a bar."""

    first: Any
    time_ms: Any
    open: Any
    high: Any
    low: Any
    close: Any


class Account(NamedTuple):
    """The rules as numbers; fractions, not per cent. Arrays have one value a coin."""

    equity: float
    bar_ms: int
    begin: int
    risk: float
    stop_loss: float
    take_profit: float
    trailing_stop: float
    position_max: float
    exposure_max: float
    allocation_max: float
    positions_max: int
    daily_loss: float
    drawdown: float
    cooldown_ms: int
    guard_stops: int
    guard_ms: int
    slippage_max: float
    slippage: float
    taker: float
    maker: float
    limit_entry: bool
    time_limit: int
    notional_min: float
    trim_at: float
    trim_share: float
    decimals: Any
    price_decimals: Any
    leverage: Any
    leverage_max: Any
    isolated: Any


class Book(NamedTuple):
    """What changes as the bars go by; `counts` of positions that are held and of trades that were made."""

    positions: Any
    account: Any
    stops: Any
    refusals: Any
    counts: Any
