"""Funding: what longs and shorts pay each other every hour (sections 2.9 and 8.4).

Owns when samples are taken and hours end, and the payments. The house stands for the rest of the world: it takes the
other side of every account, to the last millionth, so nothing is made or lost. Payments come SETTLES_AFTER_MS past the
hour; an hour without a sample (no book on one side) keeps the rate before it.
"""

from decimal import Decimal
from typing import Any

from tidegate.localnet.kernel.accounts import Account, Position
from tidegate.localnet.kernel.numbers import ZERO, micro, wire
from tidegate.localnet.kernel.premiums import HOUR_MS, SETTLES_AFTER_MS
from tidegate.localnet.kernel.venue import ZERO_HASH, Venue

SAMPLE_MS = 5_000
PAYMENTS_KEPT = 10_000

Row = dict[str, Any]


class Sampler:
    """Takes premium samples on a grid of five seconds."""

    def __init__(self, start_ms: int) -> None:
        self.taken = start_ms // SAMPLE_MS

    def take_until(self, venue: Venue, time_ms: int) -> None:
        """Take what is due up to `time_ms`, with the premiums that stand; call it before anything changes."""
        due = time_ms // SAMPLE_MS - self.taken
        if due <= 0:
            return
        self.taken += due
        for prices in venue.prices.values():
            premium = prices.premium()
            if premium is not None:
                prices.funding.note(premium, due)


def await_next_hour(venue: Venue) -> None:
    """Have the running hour settled when it ends, and every later one."""
    full_hour_ms = (venue.now_ms // HOUR_MS + 1) * HOUR_MS
    venue.alarms.at(full_hour_ms + SETTLES_AFTER_MS, lambda: _settle(venue))


def _settle(venue: Venue) -> None:
    """Pay one hour: fix each coin's rate, then let every position pay it at the oracle price."""
    await_next_hour(venue)
    for coin, prices in venue.prices.items():
        if prices.rule.is_delisted:
            continue
        rate = prices.funding.close(coin, venue.now_ms)
        venue.block.asset_ctx(coin)
        if rate:
            charge(venue, coin, rate)


def charge(venue: Venue, coin: str, rate: Decimal) -> None:
    """Let every position of a coin pay a rate at the oracle price."""
    for account in venue.accounts.values():
        position = account.positions.get(coin)
        if position is not None:
            _pay(venue, account, position, coin, rate)


def _pay(venue: Venue, account: Account, position: Position, coin: str, rate: Decimal) -> None:
    """Let one account pay (or be paid), and the house with the opposite sign."""
    paid = micro(position.szi * venue.prices[coin].oracle * rate)
    venue.house.raw_usd += paid
    if position.leverage.is_cross:
        venue.clearing(account, coin).account.raw_usd -= paid
    else:
        position.isolated_usd -= paid
    position.funding_since_open += paid
    position.funding_since_change += paid
    account.funding_paid[coin] = account.funding_paid.get(coin, ZERO) + paid
    payment = {
        "coin": coin,
        "usdc": wire(-paid),
        "szi": wire(position.szi),
        "fundingRate": wire(rate),
        "nSamples": None,
    }
    account.fundings.append({"time": venue.now_ms, "hash": ZERO_HASH, "delta": {"type": "funding", **payment}})
    if len(account.fundings) > PAYMENTS_KEPT:
        del account.fundings[0]
    venue.margin_watch.users[account.user] = None
    venue.block.user_event(account.user, {"funding": {"time": venue.now_ms, **payment}})
