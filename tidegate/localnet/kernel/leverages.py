"""Leverage and isolated margin: what an account may set, and what setting it moves (section 3.5).

Owns updateLeverage, updateIsolatedMargin and topUpIsolatedOnlyMargin. Each function returns the exchange's refusal, or
None when it has done what was asked. Nothing documents how far topUpIsolatedOnlyMargin goes: here it adds, to any
isolated position, what brings its margin to notional / leverage, never takes any out, and refuses when there is nothing
to add.
"""

from decimal import ROUND_UP, Decimal
from typing import NamedTuple

from tidegate.localnet.kernel import margin
from tidegate.localnet.kernel.accounts import Account, Leverage, Position
from tidegate.localnet.kernel.numbers import MICRO, ZERO, micro
from tidegate.localnet.kernel.prices import Prices
from tidegate.localnet.kernel.venue import Venue

USD_UNITS = Decimal(1_000_000)
MIN_MARGIN_SHARE = Decimal("0.1")


def update(venue: Venue, account: Account, asset: int, value: float, *, is_cross: bool) -> str | None:
    """Set a coin's leverage and mode; lowering it on an open position needs the margin at hand."""
    rule = venue.universe.perp_of(asset)
    if rule is None or not 1 <= value <= rule.max_leverage or value != int(value):
        return "Invalid leverage value"
    if is_cross and rule.margin_mode is not None:
        return "Cross margin is not allowed for this asset."
    chosen = Leverage(int(value), is_cross)
    position = account.positions.get(rule.name)
    if position is not None:
        refused = _change_position(venue, account, position, venue.prices[rule.name], chosen)
        if refused is not None:
            return refused
    account.leverages[rule.name] = chosen
    return None


def move_isolated(venue: Venue, account: Account, asset: int, ntli: int) -> str | None:
    """Add (or with a negative number of micro-dollars remove) margin of an isolated position."""
    found = _isolated_position(venue, account, asset)
    if isinstance(found, str):
        return found
    if not ntli:
        return "Update to isolated margin cannot be zero."
    amount = Decimal(ntli) / USD_UNITS
    if amount > 0:
        return _add(venue, account, found, amount)
    if found.prices.rule.margin_mode == "strictIsolated":
        return "Cannot remove isolated margin for this asset. To remove margin, reduce the position."
    value, _ = margin.isolated(found.position, found.prices)
    if value + amount < max(found.worth / found.position.leverage.value, MIN_MARGIN_SHARE * found.worth):
        return "Position does not have sufficient margin for reduction."
    found.position.isolated_usd += amount
    venue.clearing(account, found.prices.rule.name).account.raw_usd -= amount
    return None


def top_up(venue: Venue, account: Account, asset: int, leverage: Decimal | None) -> str | None:
    """Add as much margin to an isolated position as makes it one of this leverage."""
    if leverage is None or leverage < 1:
        return "Invalid leverage value"
    found = _isolated_position(venue, account, asset)
    if isinstance(found, str):
        return found
    value, _ = margin.isolated(found.position, found.prices)
    amount = (found.worth / leverage - value).quantize(MICRO, rounding=ROUND_UP)
    if amount <= 0:
        return "Update to isolated margin cannot be zero."
    return _add(venue, account, found, amount)


class _Isolated(NamedTuple):
    """An isolated position beside its coin's prices."""

    position: Position
    prices: Prices

    @property
    def worth(self) -> Decimal:
        """Notional at the mark, in USD."""
        return abs(self.position.szi * self.prices.mark)


def _isolated_position(venue: Venue, account: Account, asset: int) -> _Isolated | str:
    """The position whose margin is to move, or the refusal."""
    rule = venue.universe.perp_of(asset)
    position = None if rule is None else account.positions.get(rule.name)
    if rule is None or (position is None and margin.leverage_of(account, rule).is_cross):
        return "Position does not use isolated margin."
    if position is None:
        return "Cannot update margin for empty position."
    if position.leverage.is_cross:
        return "Position does not use isolated margin."
    return _Isolated(position, venue.prices[rule.name])


def _add(venue: Venue, account: Account, found: _Isolated, amount: Decimal) -> str | None:
    cash, market = venue.clearing(account, found.prices.rule.name)
    if amount > margin.available(cash, market):
        return "Account does not have sufficient margin available for increase."
    found.position.isolated_usd += amount
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
    elif needed > max(margin.isolated(position, prices)[0], ZERO) and chosen.value < position.leverage.value:
        return (
            "Isolated position does not have sufficient margin available to decrease leverage. "
            "To decrease leverage, add margin to the position."
        )
    position.leverage = chosen
    return None
