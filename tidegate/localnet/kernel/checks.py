"""What the exchange refuses, and in which words (sections 3.9, 3.10 and 5.1).

Owns the rules an order must pass before it may match: `malformed` judges what follows from the payload alone
(one text for the whole batch, no order id is used up), `refusal` judges one order against book and account
(the order gets an id, a `*Rejected` status and a text that names the asset). It changes nothing.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from tidegate.localnet.kernel import margin, open_interest, spot_checks
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.numbers import legal_price, legal_size
from tidegate.localnet.kernel.orders import ALO, BuilderFee, Order, plain
from tidegate.localnet.kernel.refusals import (
    BAD_TRIGGER,
    BEYOND_TIER,
    FAR_FROM_ORACLE,
    MARGIN,
    MIN_VALUE,
    POST_ONLY_PERIOD,
    REDUCE_ONLY,
    TICK,
    TOO_MANY_ORDERS,
    Refusal,
    bad_alo,
)
from tidegate.localnet.kernel.universe import PerpRule
from tidegate.localnet.kernel.venue import Venue

MIN_ORDER_USD = Decimal(10)
PRICE_BAND = Decimal("0.8")  # of the reference price; recorded as 95 % early in 2026
OPEN_ORDERS_BEFORE_EXITS_STOP = 1_000  # reduce-only and trigger orders are refused from here on
OPEN_ORDERS_MAX = 5_000
USD_PER_FURTHER_ORDER = Decimal(5_000_000)
LIMIT_TO_MARKET_VALUE = 10  # a limit order may be ten times a market order's value
MARKET_VALUE_MAX = ((25, Decimal(30_000_000)), (20, Decimal(5_000_000)), (10, Decimal(2_000_000)))
MARKET_VALUE_MAX_ELSE = Decimal(500_000)


class Wish(NamedTuple):
    """An order as asked for, read from the wire; `trigger_px` is None for a plain limit order."""

    asset: int
    is_buy: bool
    px: Decimal | None  # None when the text was no number
    sz: Decimal | None
    reduce_only: bool
    cloid: str | None = None
    tif: str | None = None
    trigger_px: Decimal | None = None
    is_market: bool = False
    is_stop: bool = False
    builder: BuilderFee | None = None

    @property
    def is_trigger(self) -> bool:
        """Waits for a mark price."""
        return self.tif is None


def malformed(venue: Venue, wishes: Sequence[Wish], *, exits_only: bool) -> str | None:
    """The one text that refuses a whole batch, or None.

    `exits_only` says that trigger orders must be reduce-only (groupings normalTpsl and positionTpsl).
    """
    if not wishes:
        return "Empty batch of orders."  # the exchange's own words for it were never recorded
    for wish in wishes:
        text = _malformed_one(venue, wish, exits_only=exits_only)
        if text is not None:
            return text
    return None


def _malformed_one(venue: Venue, wish: Wish, *, exits_only: bool) -> str | None:
    rule = venue.universe.perp_of(wish.asset)
    pair = venue.universe.spot_by_asset.get(wish.asset)
    if rule is None and pair is None:
        return f"Unknown asset: {wish.asset}"
    if rule is not None and (rule.is_delisted or rule.name in venue.restrictions.halted):
        return "Trading is halted"
    if wish.px is None or wish.px <= 0 or (wish.is_trigger and not _positive(wish.trigger_px)):
        return "Order has invalid price."
    sz_decimals = rule.sz_decimals if rule is not None else pair.base.sz_decimals if pair is not None else 0
    if wish.sz is None or wish.sz < 0 or not legal_size(wish.sz, sz_decimals):
        return "Order has invalid size."
    if not wish.sz and not wish.reduce_only:
        return "Order has zero size."
    if exits_only and wish.is_trigger and not wish.reduce_only:
        return "TP/SL order must be reduce only."
    coin = rule.name if rule is not None else pair.name if pair is not None else ""
    reference = wish.trigger_px if wish.trigger_px is not None else venue.tickers[coin].mark
    if abs(wish.px - reference) > PRICE_BAND * reference:
        return "Order price cannot be more than 80% away from the reference price"
    if rule is None:
        return None
    value_max = _market_value_max(rule) * (1 if wish.is_market else LIMIT_TO_MARKET_VALUE)
    if wish.px * wish.sz > value_max:
        return f"Order value too large. Max is ${plain(value_max)}."
    return None


def refusal(venue: Venue, account: Account, order: Order, *, entry_px: Decimal | None = None) -> Refusal | None:
    """Why the exchange would not take this order now, or None.

    `entry_px` is given for a child of an unfilled parent: the price at which its position would begin, since
    neither the position nor a meaningful mark exists yet.
    """
    if order.pair is not None:
        return TOO_MANY_ORDERS if _too_many(account, order) else spot_checks.refusal(venue, account, order)
    prices = venue.prices[order.coin]
    trigger = order.trigger
    prices_asked = (order.limit_px,) if trigger is None else (order.limit_px, trigger.px)
    if not all(legal_price(px, prices.rule.sz_decimals) for px in prices_asked):
        return TICK
    if trigger is not None and trigger.is_stop and venue.restrictions.stops_refused is not None:
        return venue.restrictions.stops_refused
    if venue.restrictions.post_only(venue.now_ms) and order.tif != ALO:
        return POST_ONLY_PERIOD
    if _too_many(account, order):
        return TOO_MANY_ORDERS
    position = account.position_size(order.coin)
    if entry_px is None and order.reduce_only and (not position or (position > 0) == order.is_buy):
        return REDUCE_ONLY
    if order.limit_px * order.sz < MIN_ORDER_USD and not _closes_all(order, position, entry_px):
        return MIN_VALUE
    if trigger is not None:
        reached = trigger.reached(prices.mark if entry_px is None else entry_px)
        return BAD_TRIGGER if reached or order.limits_its_own_trigger else None
    if order.tif == ALO and prices.book.crosses(is_buy=order.is_buy, px=order.limit_px):
        return bad_alo("@".join("" if px is None else plain(px) for px in prices.book.touch()))
    if _far_from_oracle(venue, order):
        return FAR_FROM_ORACLE
    return refusal_to_open(venue, account, order)


def refusal_to_open(venue: Venue, account: Account, order: Order) -> Refusal | None:
    """Why an order may not add to positions: open interest, leverage tier, margin. Asked again when a trigger fires."""
    if order.reduce_only:
        return None
    if order.pair is not None:
        return spot_checks.shortfall(venue, account, order)
    return open_interest.refusal(venue, account, order) or _margin_refusal(venue, account, order)


def _far_from_oracle(venue: Venue, order: Order) -> bool:
    share, oracle = venue.restrictions.oracle_bands.get(order.coin), venue.prices[order.coin].oracle
    return share is not None and abs(order.limit_px - oracle) > share * oracle


def _margin_refusal(venue: Venue, account: Account, order: Order) -> Refusal | None:
    prices = venue.prices[order.coin]
    fill = margin.expected_fill(order, prices)
    size_after = abs(account.position_size(order.coin) + order.signed_sz)
    leverage = margin.leverage_of(account, prices.rule)
    cash, market = venue.clearing(account, order.coin)
    needed = margin.needed(account, prices, fill)
    if needed and leverage.value > prices.rule.margin_table.max_leverage_at(size_after * fill.px):
        return BEYOND_TIER
    if needed and needed > margin.available(cash, market):
        return MARGIN
    return None


def _closes_all(order: Order, position: Decimal, entry_px: Decimal | None) -> bool:
    """Exempt from the $10 minimum: what closes the whole position (of a child: what its parent will open)."""
    if order.whole_position or entry_px is not None:
        return True
    if not position or (position > 0) == order.is_buy:
        return False
    return order.sz >= abs(position) if order.reduce_only else order.sz == abs(position)


def _too_many(account: Account, order: Order) -> bool:
    count = len(account.live)
    if count < OPEN_ORDERS_BEFORE_EXITS_STOP:
        return False
    if order.reduce_only or order.trigger is not None:
        return True
    further = int(account.volume // USD_PER_FURTHER_ORDER)
    return count >= min(OPEN_ORDERS_BEFORE_EXITS_STOP + further, OPEN_ORDERS_MAX)


def _market_value_max(rule: PerpRule) -> Decimal:
    for leverage, value in MARKET_VALUE_MAX:
        if rule.max_leverage >= leverage:
            return value
    return MARKET_VALUE_MAX_ELSE


def _positive(value: Decimal | None) -> bool:
    return value is not None and value > 0
