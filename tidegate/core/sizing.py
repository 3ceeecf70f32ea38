"""How much: a position is sized by what may be lost when its stop is hit, then capped."""

from decimal import Decimal

from msgspec import Struct

from tidegate.model.fees import RoundTrip
from tidegate.model.instruments import NOTIONAL_MIN_USD, Instrument
from tidegate.model.settings import HUNDRED, Settings

MARGIN_USED_MAX = Decimal("0.9")
"""Of the free margin; the rest stays for fees and the way between decision and fill."""


class Size(Struct, frozen=True, kw_only=True):
    """A size that may be ordered, with what bounded it."""

    size: Decimal
    bounded_by: str


def leverage_of(settings: Settings, instrument: Instrument) -> int:
    """LEVERAGE, or what the coin allows when that is less; without any, sizes are those of 1."""
    return min(max(settings.leverage, 1), instrument.leverage_max)


def by_risk(
    settings: Settings,
    instrument: Instrument,
    *,
    equity: Decimal,
    free: Decimal,
    price: Decimal,
    limit: Decimal,
    stop: Decimal,
    fraction: Decimal,
    exposure_left: Decimal | None = None,
    allocation_left: Decimal | None = None,
    costs: RoundTrip | None = None,
) -> Size | str:
    """The size at which the way from `price` to `stop` costs RISK_PER_TRADE_PCT of `equity`; or why there is none.

    `equity` and `free` in USD, `limit` the worst price of the entry, the answer in base units, rounded down to the
    lot. MAX_POSITION_USD holds at the worst price, too. What is lost at the stop includes `costs`, those of getting in
    and out. Of MAX_ALLOCATION_USD an entry takes at most its `fraction`.
    """
    if not (fraction.is_finite() and 0 < fraction <= 1):
        return f"the strategy's size_fraction is {fraction}, a number above 0 and at most 1 was expected"
    distance = abs(price - stop)
    if distance == 0:
        return f"the stop {stop} stands at the entry price: there is no distance to size by"
    leverage = leverage_of(settings, instrument)
    if costs is not None:
        distance += max(price * (costs.entry + costs.spread) + stop * costs.exit, Decimal(0))
    bounds = {
        "RISK_PER_TRADE_PCT": equity * settings.risk_per_trade_pct / HUNDRED * fraction / distance,
        "MAX_POSITION_USD": settings.max_position_usd / max(price, limit),
        "LEVERAGE": free * leverage * MARGIN_USED_MAX / max(price, limit),
    }
    if exposure_left is not None:
        bounds["MAX_EXPOSURE_USD"] = exposure_left / max(price, limit)
    if allocation_left is not None:
        bounds["MAX_ALLOCATION_USD"] = min(allocation_left, settings.max_allocation_usd * fraction) / max(price, limit)
    bounded_by = min(bounds, key=lambda name: bounds[name])
    raw = bounds[bounded_by]
    if bounded_by == "MAX_EXPOSURE_USD" and raw <= 0:
        return f"MAX_EXPOSURE_USD={settings.max_exposure_usd:f} is used up by other positions"
    if bounded_by == "MAX_ALLOCATION_USD" and raw <= 0:
        return f"MAX_ALLOCATION_USD={settings.max_allocation_usd:f} is used up by other positions"
    if raw <= 0:
        return f"there is nothing to trade with: equity {equity:.2f}, free {free:.2f} USD"
    size = instrument.size(raw)
    notional = size * min(price, limit)
    if notional < NOTIONAL_MIN_USD:
        return (
            f"the size by {bounded_by} is worth {notional:.2f} USD, the exchange takes no order below "
            f"{NOTIONAL_MIN_USD}: raise {bounded_by} or the balance"
        )
    return Size(size=size, bounded_by=bounded_by)
