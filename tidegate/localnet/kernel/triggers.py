"""Trigger orders: what happens when the mark price reaches them (sections 3.1, 3.9 and 8.6).

Owns the firing. A market trigger becomes an IOC at its limit, the worst price it may trade at: the tolerance of 8
or 10 % that the exchange's own page promises stands in the limit that the page sends. A limit trigger goes to the
book at its limit. It never looks at traded prices.
"""

from decimal import Decimal

from tidegate.localnet.kernel.checks import refusal_to_open
from tidegate.localnet.kernel.lifecycle import conclude, finish
from tidegate.localnet.kernel.matching import Taker, sweep
from tidegate.localnet.kernel.orders import TRIGGERED, Order, Stage
from tidegate.localnet.kernel.refusals import NO_LIQUIDITY
from tidegate.localnet.kernel.venue import Venue


def fire_reached(venue: Venue) -> None:
    """Fire every armed order whose price the mark has reached, oldest first, until none is left.

    Firing may arm others (a stop entry's children), so the search repeats; it ends because each order fires
    once. While only post-only orders are taken none fires.
    """
    if not any(venue.armed.values()) or venue.restrictions.post_only(venue.now_ms):
        return
    for coin, armed in venue.armed.items():
        while armed:
            mark = venue.tickers[coin].mark
            reached = next((order for order in armed.values() if _reached(order, mark)), None)
            if reached is None:
                break
            _fire(venue, reached)


def _reached(order: Order, mark: Decimal) -> bool:
    return order.trigger is not None and order.trigger.reached(mark)


def _fire(venue: Venue, order: Order) -> None:
    account = venue.accounts[order.user]
    szi = account.position_size(order.coin)
    del venue.armed[order.coin][order.oid]
    order.stage = Stage.NEW
    if order.whole_position:
        order.sz = order.orig_sz = abs(szi)
    venue.note(order, TRIGGERED)
    if order.reduce_only:
        # Every trade fits these orders to the position, so an armed one always has something to close.
        assert order.sz <= abs(szi), "a reduce-only order larger than its position"
        assert (szi > 0) != order.is_buy, "a reduce-only order that would open"
    else:
        refused = refusal_to_open(venue, account, order)
        if refused is not None:
            finish(venue, order, refused.status)
            return
    swept = sweep(venue, Taker(order.coin, order.is_buy, order.limit_px, order.sz, order))
    is_market = order.trigger is not None and order.trigger.is_market
    if is_market and not swept.sz:
        finish(venue, order, NO_LIQUIDITY.status)
        return
    conclude(venue, order, rests=not is_market)
