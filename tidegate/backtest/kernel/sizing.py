"""Prices on the instrument's grid and how much is bought: `core.sizing` and `Instrument.price` on floats."""

from math import floor, log10

from tidegate.backtest.kernel.compiling import compiled
from tidegate.backtest.kernel.shapes import (
    MARGIN_USED_MAX,
    NOISE,
    Account,
)


@compiled
def on_grid(price: float, price_decimals: int, up: bool) -> float:
    """`Instrument.price`: five significant figures, `price_decimals` at most, whole prices always."""
    exponent = min(max(floor(log10(price) + 1e-13) - 4, -price_decimals), 0)
    scale = 10.0**-exponent
    ticks = price * scale
    noise = NOISE * max(1.0, ticks * 1e-3)
    whole = -floor(-ticks + noise) if up else floor(ticks + noise)
    return float(max(whole, 1.0) / scale)


@compiled
def sized(
    price: float, limit: float, stop: float, fraction: float, equity: float, free: float, exposure_left: float,
    allocation_left: float, coin: int, rules: Account,
) -> float:  # fmt: skip
    """`sizing.by_risk`: the size in base units, 0 when nothing is left, -1 when it is below the least notional."""
    worst = max(price, limit)
    entry_fee = rules.maker if rules.limit_entry else rules.taker
    spread = rules.slippage if rules.limit_entry else 2 * rules.slippage
    distance = abs(price - stop) + max(price * (entry_fee + spread) + stop * rules.taker, 0.0)
    raw = equity * rules.risk * fraction / distance
    raw = min(raw, rules.position_max / worst, free * rules.leverage[coin] * MARGIN_USED_MAX / worst)
    if rules.exposure_max > 0:
        raw = min(raw, exposure_left / worst)
    if rules.allocation_max > 0:
        raw = min(raw, min(allocation_left, rules.allocation_max * fraction) / worst)
    if not raw > 0:
        return 0.0
    lots = 10.0 ** rules.decimals[coin]
    size = floor(raw * lots + NOISE) / lots
    return -1.0 if size * min(price, limit) < rules.notional_min else float(size)
