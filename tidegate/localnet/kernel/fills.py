"""Fills: what one trade does to one side's account, and the row that tells it (section 2.13).

Owns the step from a match to money: rates, fees and who has paid them, perps and spot alike. It knows nothing of books
or of why two orders met.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from tidegate.localnet.kernel import fees, margin, spot
from tidegate.localnet.kernel.accounts import Account, Leverage
from tidegate.localnet.kernel.instruments import PerpRule, SpotPair
from tidegate.localnet.kernel.numbers import ZERO, wire
from tidegate.localnet.kernel.orders import Order
from tidegate.localnet.kernel.venue import Venue

Row = dict[str, Any]
HOUSE_LEVERAGE = Leverage(1)
GROWTH_SHARE = Decimal("0.1")  # of the fees, on a builder's perp in growth mode


class Match(NamedTuple):
    """One trade between two sides."""

    px: Decimal
    sz: Decimal
    hash: str
    tid: int


class Outcome(NamedTuple):
    """What a trade did to an account, as its fill tells it."""

    start_position: Decimal
    closed_pnl: Decimal  # without the fee
    direction: str
    fee: Decimal
    fee_token: str


def fill(venue: Venue, order: Order | None, coin: str, match: Match, *, is_buy: bool, is_taker: bool) -> None:
    """Change one side's account by a trade and write its fill; the house (order None) has neither fee nor fill."""
    pair = venue.universe.spot_by_name.get(coin)
    if order is None:
        _fill_house(venue, pair, coin, match, is_buy=is_buy)
        return
    account = venue.accounts[order.user]
    if pair is None:
        outcome = _trade_perp(venue, account, coin, match, is_buy=is_buy, is_taker=is_taker)
    else:
        outcome = _trade_spot(venue, account, pair, match, is_buy=is_buy, is_taker=is_taker)
    account.note_volume(venue.now_ms, match.px * match.sz, is_taker=is_taker, is_spot=pair is not None)
    row = _row(venue, order, match, outcome, is_taker=is_taker)
    account.note_fill(row)
    venue.block.fill(account.user, row)


def perp_rate(venue: Venue, account: Account, rule: PerpRule, *, is_taker: bool) -> Decimal:
    """An account's rate on a perp; a builder's dex scales it (section 8.5)."""
    rate = fees.rates_of(venue, account).of(is_taker=is_taker)
    dex = venue.universe.dex_by_name.get(rule.dex)
    if dex is None:
        return rate
    return rate * dex.fee_scale * (GROWTH_SHARE if rule.growth_mode_since is not None else 1)


def spot_rate(venue: Venue, account: Account, pair: SpotPair, *, is_taker: bool) -> Decimal:
    """An account's rate on a spot pair; a fifth between two dollars."""
    rate = fees.rates_of(venue, account).of(is_taker=is_taker, is_spot=True)
    return rate * spot.STABLE_SHARE if pair.is_stable else rate


def _fill_house(venue: Venue, pair: SpotPair | None, coin: str, match: Match, *, is_buy: bool) -> None:
    """The house pays no fees and may owe any token."""
    signed_sz = match.sz if is_buy else -match.sz
    if pair is None:
        venue.house.trade(coin, HOUSE_LEVERAGE, signed_sz, match.px, ZERO)
        return
    venue.house.add(pair.base.index, signed_sz)
    venue.house.add(pair.quote.index, -signed_sz * match.px)


def _trade_perp(venue: Venue, account: Account, coin: str, match: Match, *, is_buy: bool, is_taker: bool) -> Outcome:
    rule = venue.prices[coin].rule
    fee = fees.fee_of(match.px * match.sz, perp_rate(venue, account, rule, is_taker=is_taker))
    signed_sz = match.sz if is_buy else -match.sz
    cash = venue.clearing(account, coin).account
    traded = cash.trade(coin, margin.leverage_of(account, rule), signed_sz, match.px, fee)
    venue.fees += fee
    return Outcome(traded.start_position, traded.closed_pnl, traded.direction, fee, "USDC")


def _trade_spot(
    venue: Venue, account: Account, pair: SpotPair, match: Match, *, is_buy: bool, is_taker: bool
) -> Outcome:
    rate = spot_rate(venue, account, pair, is_taker=is_taker)
    traded = spot.trade(account, pair, rate, is_buy=is_buy, px=match.px, sz=match.sz)
    token = traded.fee_token
    venue.spot_fees[token.index] = venue.spot_fees.get(token.index, ZERO) + traded.fee
    direction = "Buy" if is_buy else "Sell"
    return Outcome(traded.start_position, traded.closed_pnl, direction, traded.fee, token.name)


def _row(venue: Venue, order: Order, match: Match, outcome: Outcome, *, is_taker: bool) -> Row:
    """The fill in the exchange's key order."""
    row: Row = {
        "coin": order.coin,
        "px": wire(match.px),
        "sz": wire(match.sz),
        "side": order.side,
        "time": venue.now_ms,
        "startPosition": wire(outcome.start_position),
        "dir": outcome.direction,
        "closedPnl": wire(outcome.closed_pnl),
        "hash": match.hash,
        "oid": order.oid,
        "crossed": is_taker,
        "fee": wire(outcome.fee),
        "tid": match.tid,
    }
    if order.cloid is not None:
        row["cloid"] = order.cloid
    row["feeToken"] = outcome.fee_token
    row["twapId"] = None
    return row
