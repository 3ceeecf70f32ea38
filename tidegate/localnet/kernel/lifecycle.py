"""What one order's fate means for the others: children, siblings, reduce-only orders.

Owns the ends of orders and their consequences (sections 3.9 and 8.6): a filled parent arms its children, a
canceled one takes them along, a filled exit cancels its sibling, and reduce-only orders shrink with the
position. It matches nothing.
"""

from tidegate.localnet.kernel.orders import (
    CANCELED,
    FILLED,
    MARGIN_CANCELED,
    REDUCE_ONLY_CANCELED,
    SIBLING_FILLED_CANCELED,
    Order,
    Stage,
)
from tidegate.localnet.kernel.venue import Venue


def rest(venue: Venue, order: Order) -> None:
    """Put what remains of an order into the book, under the status it has."""
    order.stage = Stage.RESTING
    venue.accounts[order.user].note_order(order)
    venue.books[order.coin].rest(order)
    venue.block.book(order.coin)


def arm(venue: Venue, order: Order) -> None:
    """Let an order wait for its trigger price, under the status it has."""
    order.stage = Stage.ARMED
    venue.accounts[order.user].note_order(order)
    venue.armed[order.coin][order.oid] = order


def finish(venue: Venue, order: Order, status: str, *, by_system: bool = False) -> None:
    """End an order and see to those that depend on it; `by_system` cancels are also told as nonUserCancel."""
    if order.stage is Stage.RESTING and order.sz:
        venue.books[order.coin].remove(order)
        venue.block.book(order.coin)
    elif order.stage is Stage.ARMED:
        del venue.armed[order.coin][order.oid]
    order.stage = Stage.DONE
    venue.note(order, status)
    if by_system:
        venue.block.user_event(order.user, {"nonUserCancel": [{"coin": order.coin, "oid": order.oid}]})
    _children_of(venue, order)
    if status == FILLED:
        for sibling in order.siblings:
            if sibling.is_live:
                finish(venue, sibling, SIBLING_FILLED_CANCELED, by_system=True)


def cancel_all(venue: Venue, user: str, status: str, *, coin: str | None = None, by_system: bool = True) -> None:
    """End all of an account's orders, of one coin or of all; waiting children first, so that all end alike."""
    live = venue.accounts[user].live.values()
    for order in sorted(live, key=lambda each: each.stage is not Stage.WAITING):
        if order.is_live and coin in (None, order.coin):
            finish(venue, order, status, by_system=by_system)


def fit_reduce_only(venue: Venue, user: str, coin: str) -> None:
    """Shrink an account's reduce-only orders of a coin to its position; end those that could only open one.

    Shrinking is not told; an end is told as reduceOnlyCanceled and never as nonUserCancel (section 3.9).
    """
    account = venue.accounts[user]
    szi = account.position_size(coin)
    for order in tuple(account.live.values()):
        if not order.reduce_only or order.coin != coin or order.stage is Stage.WAITING:
            continue
        if not order.is_live:
            continue  # ended by an earlier one of this round
        if not szi or (szi > 0) == order.is_buy:
            finish(venue, order, REDUCE_ONLY_CANCELED)
        elif order.sz > abs(szi):
            order.sz = abs(szi)
            if order.stage is Stage.RESTING:
                venue.books[coin].resized()
                venue.block.book(coin)


def _children_of(venue: Venue, parent: Order) -> None:
    """Arm the children of a filled parent; a parent that ends in any other way takes them along.

    One exception (section 8.6): a parent that was partly filled and then canceled for want of margin.
    """
    partly = parent.sz < parent.orig_sz
    arms = parent.status == FILLED or (parent.status == MARGIN_CANCELED and partly)
    for child in parent.children:
        if child.stage is not Stage.WAITING:
            continue
        if arms:
            arm(venue, child)
        else:
            finish(venue, child, CANCELED)


def conclude(venue: Venue, order: Order, *, rests: bool) -> None:
    """End or rest a taker once it has met the book, then fit its account's reduce-only orders."""
    if not order.sz:
        finish(venue, order, FILLED)
    elif rests:
        rest(venue, order)
    else:
        finish(venue, order, CANCELED)
    fit_reduce_only(venue, order.user, order.coin)
