"""Matching: a taker meets the book, entry by entry, and every trade is booked as it happens.

Owns price-time priority in action, self-trade prevention, the margin check of the resting side, prints and
fills (sections 2.7, 2.13, 3.9). It never looks at the taker's margin: that was checked when it was placed.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from tidegate.localnet.kernel import margin, open_interest
from tidegate.localnet.kernel.accounts import DAY_MS
from tidegate.localnet.kernel.book import HouseLot, RestingOrder
from tidegate.localnet.kernel.fills import Match, fill
from tidegate.localnet.kernel.lifecycle import finish, fit_reduce_only
from tidegate.localnet.kernel.numbers import ZERO, wire
from tidegate.localnet.kernel.orders import (
    FILLED,
    MARGIN_CANCELED,
    OPEN_INTEREST_CAP_CANCELED,
    SELF_TRADE_CANCELED,
    Order,
)
from tidegate.localnet.kernel.venue import HOUSE_MAKER, HOUSE_TAKER, ZERO_HASH, Venue

Row = dict[str, Any]


class Taker(NamedTuple):
    """Who takes: a client's order, or the house (order None) with a size of its own."""

    coin: str
    is_buy: bool
    limit_px: Decimal
    sz: Decimal
    order: Order | None = None
    liquidation: Row | None = None  # what the fills of both sides say when the order liquidates


class Swept(NamedTuple):
    """What a taker got: size in base units, notional in USD."""

    sz: Decimal
    notional: Decimal


def sweep(venue: Venue, taker: Taker) -> Swept:
    """Match a taker against the book down to its limit; a client's order loses what was filled."""
    book = venue.books[taker.coin]
    left, notional = taker.sz, ZERO
    prints: list[Row] = []
    tx = ""
    while left:
        front = book.front(is_bid=not taker.is_buy)
        if front is None:
            break
        level, entry = front
        if level.px > taker.limit_px if taker.is_buy else level.px < taker.limit_px:
            break
        sz = min(left, entry.sz)
        if isinstance(entry, Order) and _turns_away(venue, taker, entry, sz):
            continue
        tx = tx or _hash_of(venue, taker.order)
        match = Match(level.px, sz, tx, venue.next_tid(), taker.liquidation)
        book.take(level, sz, is_bid=not taker.is_buy)
        left -= sz
        notional += sz * match.px
        if taker.order is not None:
            taker.order.sz = left
        prints.append(_book_trade(venue, taker, entry, match))
    if prints:
        venue.block.trades(taker.coin, prints)
        venue.block.book(taker.coin)
    return Swept(taker.sz - left, notional)


def _hash_of(venue: Venue, order: Order | None) -> str:
    """A slice of a TWAP has no transaction of its own."""
    return venue.next_hash() if order is None or order.twap_id is None else ZERO_HASH


def _turns_away(venue: Venue, taker: Taker, maker: Order, sz: Decimal) -> bool:
    """Cancel a resting order that must not trade: the taker's own, one at the cap, one that cannot be paid for."""
    if taker.order is not None and taker.order.user == maker.user:
        finish(venue, maker, SELF_TRADE_CANCELED, by_system=True)
        return True
    if open_interest.turns_away(venue, maker, sz):
        finish(venue, maker, OPEN_INTEREST_CAP_CANCELED, by_system=True)
        return True
    if maker.reduce_only:
        return False
    if _can_pay(venue, maker, sz):
        return False
    finish(venue, maker, MARGIN_CANCELED, by_system=True)
    fit_reduce_only(venue, maker.user, maker.coin)  # a partly filled parent has armed its children
    return True


def _can_pay(venue: Venue, maker: Order, sz: Decimal) -> bool:
    """Ask the resting side again: margin for a perp, tokens for a spot pair (which its hold has kept, unless a unified
    account has lost them since)."""
    account = venue.accounts[maker.user]
    if maker.pair is not None:
        asked = maker.pair.quote if maker.is_buy else maker.pair.base
        return account.balance_of(asked.index) >= (sz * maker.limit_px if maker.is_buy else sz)
    cash, market = venue.clearing(account, maker.coin)
    figures = margin.cross(cash, market)
    wanted = margin.Fill(maker.coin, maker.is_buy, sz, maker.limit_px)
    return margin.needed(cash, market[maker.coin], wanted) <= max(figures.value - figures.used, ZERO)


def _book_trade(venue: Venue, taker: Taker, entry: HouseLot | RestingOrder, match: Match) -> Row:
    """Book one trade for both sides; returns its print."""
    maker = entry if isinstance(entry, Order) else None
    prices = venue.tickers[taker.coin]
    day = venue.now_ms // DAY_MS
    venue.day_volumes[day] = venue.day_volumes.get(day, ZERO) + match.px * match.sz
    prices.printed(venue.now_ms, match.px, match.sz)
    taking = HOUSE_TAKER if taker.order is None else taker.order.user
    making = HOUSE_MAKER if maker is None else maker.user
    row = {
        "coin": taker.coin,
        "side": "B" if taker.is_buy else "A",
        "px": wire(match.px),
        "sz": wire(match.sz),
        "time": venue.now_ms,
        "hash": match.hash,
        "tid": match.tid,
        "users": [taking, making] if taker.is_buy else [making, taking],
    }
    prices.recent.appendleft(row)
    if taker.order is None and maker is None:
        return row  # the house with itself: nobody's position changes
    fill(venue, taker.order, taker.coin, match, is_buy=taker.is_buy, is_taker=True)
    fill(venue, maker, taker.coin, match, is_buy=not taker.is_buy, is_taker=False)
    if maker is not None:
        if not maker.sz:
            finish(venue, maker, FILLED)
        fit_reduce_only(venue, maker.user, maker.coin)
    return row
