"""Open interest at its cap, and growing too quickly (sections 2.12 and 3.10).

Owns what the four statuses about open interest mean here. The protocol page has their texts and not their
conditions, so these are the simplest that fit the words: at the cap nobody adds to a position, nobody turns
one, and what closes one without being reduce-only must not be priced beyond the oracle; a resting order that
would add to a position at the cap is canceled when it would match. The house is exempt. Without a cap nothing
of this costs anything.
"""

from decimal import Decimal

from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.numbers import ZERO
from tidegate.localnet.kernel.orders import Order
from tidegate.localnet.kernel.refusals import (
    FLIP_AT_CAP,
    INCREASE_AT_CAP,
    INCREASE_TOO_QUICK,
    TOO_AGGRESSIVE_AT_CAP,
    Refusal,
)
from tidegate.localnet.kernel.venue import Venue

MINUTE_MS = 60_000


def at_cap(venue: Venue, coin: str) -> bool:
    """Say whether a coin's open interest has reached its cap."""
    cap = venue.restrictions.open_interest_caps.get(coin)
    return cap is not None and venue.open_interest(coin) * venue.prices[coin].mark >= cap


def coins_at_cap(venue: Venue) -> list[str]:
    """The body of perpsAtOpenInterestCap: the coins at their cap, in asset order."""
    capped = venue.restrictions.open_interest_caps
    return [coin for coin in venue.prices if coin in capped and at_cap(venue, coin)]


def refusal(venue: Venue, account: Account, order: Order) -> Refusal | None:
    """Why an order is not taken for the sake of open interest, or None; reduce-only orders always are."""
    if order.reduce_only:
        return None
    szi = account.position_size(order.coin)
    added = _added(szi, order, order.sz)
    if at_cap(venue, order.coin):
        if added:
            return FLIP_AT_CAP if szi and (szi > 0) != order.is_buy else INCREASE_AT_CAP
        oracle = venue.prices[order.coin].oracle
        if order.limit_px > oracle if order.is_buy else order.limit_px < oracle:
            return TOO_AGGRESSIVE_AT_CAP
    return INCREASE_TOO_QUICK if added and _too_quick(venue, order.coin, added) else None


def turns_away(venue: Venue, maker: Order, sz: Decimal) -> bool:
    """Say whether a resting order must be canceled instead of trading `sz`: it would add to a position at the cap."""
    if maker.reduce_only or maker.coin not in venue.restrictions.open_interest_caps:
        return False
    szi = venue.accounts[maker.user].position_size(maker.coin)
    return bool(_added(szi, maker, sz)) and at_cap(venue, maker.coin)


def _added(szi: Decimal, order: Order, sz: Decimal) -> Decimal:
    """How much of a trade opens: what does not close the position."""
    if not szi or (szi > 0) == order.is_buy:
        return sz
    return max(sz - abs(szi), ZERO)


def _too_quick(venue: Venue, coin: str, added: Decimal) -> bool:
    """Say whether open interest would have grown beyond its limit since the minute's first order."""
    restrictions = venue.restrictions
    limit = restrictions.growth_limits.get(coin)
    if limit is None:
        return False
    minute, now = venue.now_ms // MINUTE_MS, venue.open_interest(coin)
    if restrictions.grown_from.get(coin, (-1, ZERO))[0] != minute:
        restrictions.grown_from[coin] = (minute, now)
    return (now - restrictions.grown_from[coin][1] + added) * venue.prices[coin].mark > limit
