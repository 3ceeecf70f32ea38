"""Leverage and isolated margin: what an account may set, and what setting it moves (section 3.5).

Owns updateLeverage and updateIsolatedMargin. Each function returns the exchange's refusal, or None when it
has done what was asked.
"""

from decimal import Decimal

from tidegate.localnet.kernel import margin
from tidegate.localnet.kernel.accounts import Account, Leverage, Position
from tidegate.localnet.kernel.numbers import ZERO, micro
from tidegate.localnet.kernel.prices import Prices
from tidegate.localnet.kernel.venue import Venue

USD_UNITS = Decimal(1_000_000)
MIN_MARGIN_SHARE = Decimal("0.1")


def update(venue: Venue, account: Account, asset: int, value: int, *, is_cross: bool) -> str | None:
    """Set a coin's leverage and mode; lowering it on an open position needs the margin at hand."""
    rule = venue.universe.perp_of(asset)
    if rule is None or not 1 <= value <= rule.max_leverage:
        return "Invalid leverage value"
    if is_cross and rule.margin_mode is not None:
        return "Cross margin is not allowed for this asset."
    chosen = Leverage(value, is_cross)
    position = account.positions.get(rule.name)
    if position is not None:
        refused = _change_position(venue, account, position, venue.prices[rule.name], chosen)
        if refused is not None:
            return refused
    account.leverages[rule.name] = chosen
    return None


def move_isolated(venue: Venue, account: Account, asset: int, ntli: int) -> str | None:
    """Add (or with a negative number of micro-dollars remove) margin of an isolated position."""
    rule = venue.universe.perp_of(asset)
    position = None if rule is None else account.positions.get(rule.name)
    if rule is None or (position is None and margin.leverage_of(account, rule).is_cross):
        return "Position does not use isolated margin."
    if position is None:
        return "Cannot update margin for empty position."
    if position.leverage.is_cross:
        return "Position does not use isolated margin."
    if not ntli:
        return "Update to isolated margin cannot be zero."
    amount = Decimal(ntli) / USD_UNITS
    cash, market = venue.clearing(account, rule.name)
    if amount > 0 and amount > margin.available(cash, market):
        return "Account does not have sufficient margin available for increase."
    if amount < 0:
        if rule.margin_mode == "strictIsolated":
            return "Cannot remove isolated margin for this asset. To remove margin, reduce the position."
        worth = abs(position.szi * venue.prices[rule.name].mark)
        kept = max(worth / position.leverage.value, MIN_MARGIN_SHARE * worth)
        if _isolated_equity(position, venue.prices[rule.name]) + amount < kept:
            return "Position does not have sufficient margin for reduction."
    position.isolated_usd += amount
    cash.raw_usd -= amount
    return None


def _change_position(
    venue: Venue, account: Account, position: Position, prices: Prices, chosen: Leverage
) -> str | None:
    if position.leverage.is_cross != chosen.is_cross:
        return "Cannot switch leverage type with open position."
    worth = abs(position.szi * prices.mark)
    needed = micro(worth / chosen.value)
    if chosen.is_cross:
        more = needed - micro(worth / position.leverage.value)
        cash, market = venue.clearing(account, prices.rule.name)
        if more > 0 and more > margin.available(cash, market):
            return (
                "Cross position does not have sufficient margin available to decrease leverage. "
                "To decrease leverage, deposit more collateral."
            )
    elif needed > max(_isolated_equity(position, prices), ZERO) and chosen.value < position.leverage.value:
        return (
            "Isolated position does not have sufficient margin available to decrease leverage. "
            "To decrease leverage, add margin to the position."
        )
    position.leverage = chosen
    return None


def _isolated_equity(position: Position, prices: Prices) -> Decimal:
    return position.isolated_usd + position.szi * prices.mark
