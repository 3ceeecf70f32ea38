"""Fills: what one trade does to one side's account, and the row that tells it (section 2.13).

Owns the step from a match to money: rates, fees and who has paid them, perps and spot alike. It knows nothing of books
or of why two orders met.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from tidegate.localnet.kernel import builders, fees, margin, spot
from tidegate.localnet.kernel.accounts import USDC_INDEX, Account, Leverage
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
    liquidation: Row | None = None


class Outcome(NamedTuple):
    """What a trade did to an account, as its fill tells it."""

    start_position: Decimal
    closed_pnl: Decimal  # without the fee
    direction: str
    fee: Decimal  # the builder's part included
    fee_token: str
    builder_fee: Decimal = ZERO


def fill(venue: Venue, order: Order | None, coin: str, match: Match, *, is_buy: bool, is_taker: bool) -> None:
    """Change one side's account by a trade and write its fill; the house (order None) has neither fee nor fill."""
    pair = venue.universe.spot_by_name.get(coin)
    if order is None:
        _fill_house(venue, pair, coin, match, is_buy=is_buy)
        return
    account = venue.accounts[order.user]
    if pair is None:
        outcome = _trade_perp(venue, order, match, is_taker=is_taker)
    else:
        outcome = _trade_spot(venue, order, pair, match, is_taker=is_taker)
    account.note_volume(venue.now_ms, match.px * match.sz, is_taker=is_taker, is_spot=pair is not None)
    row = row_of(venue, order, match, outcome, is_taker=is_taker)
    venue.note_fill(order, row)
    venue.margin_watch.users[account.user] = None


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


def _trade_perp(venue: Venue, order: Order, match: Match, *, is_taker: bool) -> Outcome:
    account, rule = venue.accounts[order.user], venue.prices[order.coin].rule
    notional = match.px * match.sz
    fee = fees.fee_of(notional, perp_rate(venue, account, rule, is_taker=is_taker))
    extra = builders.earn(venue, order.builder, notional)
    signed_sz = match.sz if order.is_buy else -match.sz
    cash = venue.clearing(account, order.coin).account
    traded = cash.trade(order.coin, margin.leverage_of(account, rule), signed_sz, match.px, fee + extra)
    venue.fees += fee
    return Outcome(traded.start_position, traded.closed_pnl, traded.direction, fee + extra, "USDC", extra)


def _trade_spot(venue: Venue, order: Order, pair: SpotPair, match: Match, *, is_taker: bool) -> Outcome:
    """A builder earns on sales for USDC only: what a buyer pays with is no money (section 8.5)."""
    account, is_buy = venue.accounts[order.user], order.is_buy
    rate = spot_rate(venue, account, pair, is_taker=is_taker)
    traded = spot.trade(account, pair, rate, is_buy=is_buy, px=match.px, sz=match.sz)
    token = traded.fee_token
    venue.spot_fees[token.index] = venue.spot_fees.get(token.index, ZERO) + traded.fee
    direction = "Buy" if is_buy else "Sell"
    extra = ZERO if is_buy or token.index != USDC_INDEX else builders.earn(venue, order.builder, match.px * match.sz)
    if extra:
        account.add(USDC_INDEX, -extra)
    return Outcome(traded.start_position, traded.closed_pnl, direction, traded.fee + extra, token.name, extra)


def row_of(venue: Venue, order: Order, match: Match, outcome: Outcome, *, is_taker: bool) -> Row:
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
    if match.liquidation is not None:
        row["liquidation"] = match.liquidation
    if outcome.builder_fee:
        row["builderFee"] = wire(outcome.builder_fee)
    row["feeToken"] = outcome.fee_token
    row["twapId"] = None
    return row
