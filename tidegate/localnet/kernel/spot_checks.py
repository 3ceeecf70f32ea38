"""What the exchange refuses of spot orders (sections 3.9, 3.10, 5.1).

Owns the rules that differ from a perp's: eight decimals of a price less the size's, ten units of the quote token as the
least, a balance instead of a margin. Nothing can be reduced on spot: a reduce-only order is refused as on a flat perp.
"""

from tidegate.localnet.kernel import spot
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.numbers import legal_price
from tidegate.localnet.kernel.orders import ALO, Order, plain
from tidegate.localnet.kernel.refusals import (
    BAD_TRIGGER,
    MIN_VALUE,
    NO_SPOT_BALANCE,
    POST_ONLY_PERIOD,
    REDUCE_ONLY,
    TICK,
    Refusal,
    bad_alo,
)
from tidegate.localnet.kernel.venue import Venue

MIN_ORDER_QUOTE = 10


def refusal(venue: Venue, account: Account, order: Order) -> Refusal | None:
    """Why a spot order is not taken now, or None."""
    pair, trigger = order.pair, order.trigger
    assert pair is not None, "a spot order has its pair"
    prices = venue.spots[order.coin]
    asked = (order.limit_px,) if trigger is None else (order.limit_px, trigger.px)
    if not all(legal_price(px, pair.sz_decimals, spot=True) for px in asked):
        return TICK
    if venue.restrictions.post_only(venue.now_ms) and order.tif != ALO:
        return POST_ONLY_PERIOD
    if order.reduce_only:
        return REDUCE_ONLY
    if order.limit_px * order.sz < MIN_ORDER_QUOTE:
        text = f"Order must have minimum value of {MIN_ORDER_QUOTE} {pair.quote.name}."
        return Refusal(MIN_VALUE.status, text)
    if trigger is not None:
        return BAD_TRIGGER if trigger.reached(prices.mark) or order.limits_its_own_trigger else None
    if order.tif == ALO and prices.book.crosses(is_buy=order.is_buy, px=order.limit_px):
        return bad_alo("@".join("" if px is None else plain(px) for px in prices.book.touch()))
    return shortfall(venue, account, order)


def shortfall(venue: Venue, account: Account, order: Order) -> Refusal | None:
    """The refusal of an order whose account lacks what it would pay with, judged at its limit price."""
    assert order.pair is not None, "a spot order has its pair"
    token = order.pair.quote if order.is_buy else order.pair.base
    wanted = order.limit_px * order.sz if order.is_buy else order.sz
    free = spot.free(account, token.index, venue.prices if account.is_unified else venue.market)
    return NO_SPOT_BALANCE if wanted > free else None
