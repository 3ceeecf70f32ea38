"""TWAP orders: slices at equal times, each an IOC within 3 % of the mid (sections 3.6 and 8.6).

Owns the plan and its execution on the venue's time. Every 30 s a slice, fewer and larger ones where one would be worth
less than SLICE_USD (three recorded plans follow from that); a slice that lags behind the plan catches up, with at most
three times its size. Slices are no orders of the history, and their fills are told as slices and nowhere else. What
"randomize" changes follows from the id and the slice's number: the kernel knows no chance.

Where nothing is recorded: a slice that the book cannot fill, or that would be too small, leaves its size to the next
one; a slice that the account's margin cannot bear ends the TWAP with the text of the refusal; a TWAP is `finished`
after its last slice, whatever it got.
"""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal
from hashlib import blake2b
from typing import NamedTuple

from tidegate.localnet.kernel import checks
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.lifecycle import fit_reduce_only
from tidegate.localnet.kernel.matching import Taker, sweep
from tidegate.localnet.kernel.numbers import ONE, ZERO, legal_size, round_price, round_size
from tidegate.localnet.kernel.orders import IOC, Order, Stage
from tidegate.localnet.kernel.twap_records import (
    ACTIVATED,
    ERROR,
    FINISHED,
    STOPPED,
    TERMINATED,
    WAITING_FOR_TRIGGER,
    Threshold,
    Twap,
)
from tidegate.localnet.kernel.venue import Venue

MINUTES_MIN, MINUTES_MAX = 5, 7 * 24 * 60
VALUE_MIN = Decimal(100)
SLICES_A_MINUTE = 2
SLICE_USD = Decimal(11)  # an order's minimum of $10 and room for the price to fall
FIRST_SLICE_MS = 1_600
WATCH_MS = 3_000  # how often a waiting TWAP looks at the mark
SLIPPAGE = Decimal("0.03")
CATCH_UP = 3
RANDOM_SHARE = Decimal("0.2")
MINUTE_MS = 60_000
HALTED = "Trading is halted"
NOT_RUNNING = "TWAP was never placed, already canceled, or filled."
# A slice refused for one of these is asked again at the next one's time; any other refusal ends the TWAP.
PASSING = frozenset({"minTradeNtlRejected", "oracleRejected"})


class Wish(NamedTuple):
    """A TWAP as asked for; None where the wire had no number."""

    asset: int
    is_buy: bool
    sz: Decimal | None
    reduce_only: bool
    minutes: int
    randomize: bool
    start: Threshold | None = None
    stop: Threshold | None = None


def place(venue: Venue, account: Account, wish: Wish) -> Twap | str:
    """Begin a TWAP; returns it, or the refusal. Margin is not asked for before a slice needs it."""
    rule, pair = venue.universe.perp_of(wish.asset), venue.universe.spot_by_asset.get(wish.asset)
    named = rule or pair
    if named is None:
        return f"Unknown asset: {wish.asset}"
    if (rule is not None and rule.is_delisted) or named.name in venue.restrictions.halted:
        return HALTED
    if not MINUTES_MIN <= wish.minutes <= MINUTES_MAX:
        return f"Invalid TWAP duration: {wish.minutes} min(s)"
    if wish.sz is None or wish.sz <= 0 or not legal_size(wish.sz, named.sz_decimals):
        return "Order has invalid size."
    position = account.position_size(named.name)
    if wish.reduce_only and (not position or (position > 0) == wish.is_buy):
        return "Reduce-only TWAP order would increase position."
    value = wish.sz * venue.tickers[named.name].mark
    if value < VALUE_MIN:
        return f"TWAP order value too small. Min is ${VALUE_MIN}."
    twap = Twap(
        venue.twaps.next_id,
        account.user,
        named.name,
        wish.asset,
        wish.is_buy,
        wish.sz,
        wish.minutes,
        wish.reduce_only,
        wish.randomize,
        venue.now_ms,
        named.sz_decimals,
        min(wish.minutes * SLICES_A_MINUTE + 1, int(value // SLICE_USD)),
        pair,
        wish.start,
        wish.stop,
    )
    venue.twaps.add(twap)
    if twap.start is None:
        _activate(venue, twap)
    else:
        _tell(venue, twap, WAITING_FOR_TRIGGER)
        venue.alarms.at(venue.now_ms + WATCH_MS, lambda: _watch(venue, twap))
    return twap


def cancel(venue: Venue, account: Account, asset: int, twap_id: int) -> str | None:
    """End a TWAP at its owner's wish; returns the refusal."""
    twap = venue.twaps.running.get(twap_id)
    if twap is None or twap.user != account.user or twap.asset != asset:
        return NOT_RUNNING
    _end(venue, twap, TERMINATED)
    return None


def _activate(venue: Venue, twap: Twap) -> None:
    """Set the time of the first slice; each sets the next one's."""
    _tell(venue, twap, ACTIVATED)
    twap.begun_ms = venue.now_ms + FIRST_SLICE_MS
    venue.alarms.at(twap.begun_ms, lambda: _slice(venue, twap))


def _watch(venue: Venue, twap: Twap) -> None:
    """Start a waiting TWAP when the mark is there; look again later when it is not."""
    if twap.twap_id not in venue.twaps.running:
        return
    assert twap.start is not None, "only a TWAP with a start waits"
    if twap.start.reached(venue.tickers[twap.coin].mark):
        _activate(venue, twap)
    else:
        venue.alarms.at(venue.now_ms + WATCH_MS, lambda: _watch(venue, twap))


def _slice(venue: Venue, twap: Twap) -> None:
    """Trade one slice, unless the TWAP has ended meanwhile."""
    if twap.twap_id not in venue.twaps.running:
        return
    rule = venue.universe.perp_of(twap.asset)
    if rule is not None and rule.is_delisted:
        _end(venue, twap, ERROR, HALTED)
        return
    if twap.stop is not None and twap.stop.reached(venue.tickers[twap.coin].mark):
        _end(venue, twap, STOPPED)
        return
    twap.taken += 1
    sz = _slice_sz(twap)
    account = venue.accounts[twap.user]
    if twap.reduce_only:
        sz = min(sz, abs(account.position_size(twap.coin)))
    if venue.restrictions.post_only(venue.now_ms) or twap.coin in venue.restrictions.halted:
        sz = ZERO  # the slices after the period catch up
    text = _trade(venue, account, twap, sz) if sz else None
    if text is not None:
        _end(venue, twap, ERROR, text)
    elif twap.executed_sz == twap.sz or twap.taken == twap.slices:
        _end(venue, twap, FINISHED)
    else:
        interval_ms = twap.minutes * MINUTE_MS // (twap.slices - 1)
        venue.alarms.at(twap.begun_ms + twap.taken * interval_ms, lambda: _slice(venue, twap))


def _slice_sz(twap: Twap) -> Decimal:
    """What the next slice should trade: what the plan has fallen behind, between nothing and thrice a slice."""
    step = ONE.scaleb(-twap.sz_decimals)
    normal = (twap.sz / twap.slices).quantize(step, rounding=ROUND_HALF_EVEN)
    left = twap.sz - twap.executed_sz
    if twap.taken == twap.slices:
        return min(left, CATCH_UP * normal) if CATCH_UP * normal else left
    behind = normal * twap.taken - twap.executed_sz
    if twap.randomize:
        behind = round_size(behind * _jitter(twap), twap.sz_decimals)
    return max(ZERO, min(behind, CATCH_UP * normal, left))


def _jitter(twap: Twap) -> Decimal:
    """A factor from 0.8 to 1.2 that follows from the TWAP and the slice."""
    digest = blake2b(b"twap%d:%d" % (twap.twap_id, twap.taken), digest_size=2).digest()
    return 1 - RANDOM_SHARE + 2 * RANDOM_SHARE * int.from_bytes(digest) / Decimal(2**16)


def _trade(venue: Venue, account: Account, twap: Twap, sz: Decimal) -> str | None:
    """Send one slice to the book; returns the text of a refusal that ends the TWAP."""
    bound = venue.tickers[twap.coin].mid_or_last() * (1 + SLIPPAGE if twap.is_buy else 1 - SLIPPAGE)
    rounding = ROUND_DOWN if twap.is_buy else ROUND_UP
    limit_px = round_price(bound, twap.sz_decimals, rounding, spot=twap.pair is not None)
    order = Order(
        oid=venue.next_oid(),
        user=twap.user,
        coin=twap.coin,
        asset=twap.asset,
        is_buy=twap.is_buy,
        limit_px=limit_px,
        sz=sz,
        orig_sz=sz,
        reduce_only=twap.reduce_only,
        timestamp_ms=venue.now_ms,
        tif=IOC,
        twap_id=twap.twap_id,
        pair=twap.pair,
    )
    refused = checks.refusal(venue, account, order)
    if refused is not None:
        return None if refused.status in PASSING else refused.text
    swept = sweep(venue, Taker(twap.coin, twap.is_buy, limit_px, sz, order))
    order.stage = Stage.DONE
    twap.executed_sz += swept.sz
    twap.executed_ntl += swept.notional
    fit_reduce_only(venue, twap.user, twap.coin)
    return None


def _end(venue: Venue, twap: Twap, status: str, description: str | None = None) -> None:
    del venue.twaps.running[twap.twap_id]
    _tell(venue, twap, status, description)


def _tell(venue: Venue, twap: Twap, status: str, description: str | None = None) -> None:
    row = venue.twaps.note_status(twap, venue.now_ms, status, description)
    venue.block.user_event(twap.user, {"twapHistory": [row]})
