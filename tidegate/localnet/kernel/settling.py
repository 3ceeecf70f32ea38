"""Delisting: a coin's orders are canceled and its positions settled (section 8.6).

Owns the settlement price (the oracle's average of the last hour) and the fills that settling writes. Settling
changes every position of the coin at one price without a fee, so no money is made or lost.
"""

from decimal import Decimal

from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.lifecycle import cancel_all
from tidegate.localnet.kernel.numbers import ZERO, round_price, wire
from tidegate.localnet.kernel.orders import DELISTED_CANCELED
from tidegate.localnet.kernel.venue import Venue

NO_HASH = "0x" + "0" * 64
SETTLEMENT = "Settlement"


def delist(venue: Venue, coin: str) -> Decimal:
    """End a perp's trading: cancel its orders, empty its book, settle its positions; returns the price."""
    prices = venue.prices[coin]
    assert not prices.rule.is_delisted, f"{coin} is delisted already"
    hour = venue.oracle_hours.get(coin)
    average = None if hour is None else hour.average(venue.now_ms)
    px = round_price(prices.oracle if average is None else average, prices.rule.sz_decimals)
    prices.rule.is_delisted = True
    for user in tuple(venue.accounts):
        cancel_all(venue, user, DELISTED_CANCELED, coin=coin)
    for is_bid in (True, False):
        venue.books[coin].withdraw_house(set(), is_bid=is_bid)
    venue.block.book(coin)
    for account in (*venue.accounts.values(), venue.house):
        if account.position_size(coin):
            _settle(venue, account, coin, px)
    prices.oracle = prices.mark = px
    venue.block.asset_ctx(coin)
    return px


def _settle(venue: Venue, account: Account, coin: str, px: Decimal) -> None:
    szi = account.position_size(coin)
    cash = account if account.is_house else venue.clearing(account, coin).account
    traded = cash.trade(coin, account.positions[coin].leverage, -szi, px, ZERO)
    if account.is_house:
        return
    row = {
        "coin": coin,
        "px": wire(px),
        "sz": wire(abs(szi)),
        "side": "A" if szi > 0 else "B",
        "time": venue.now_ms,
        "startPosition": wire(szi),
        "dir": SETTLEMENT,
        "closedPnl": wire(traded.closed_pnl),
        "hash": NO_HASH,
        "oid": venue.next_oid(),
        "crossed": True,
        "fee": wire(ZERO),
        "tid": 0,
        "feeToken": "USDC",
        "twapId": None,
    }
    account.note_fill(row)
    venue.margin_watch.users[account.user] = None
    venue.block.fill(account.user, row)
