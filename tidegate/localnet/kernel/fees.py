"""Fees: what a fill costs its account (section 8.5).

Owns the schedule, the tier of an account and its referral discount. A tier follows from the fourteen UTC days before
today, so it changes at midnight and never within a day. Builder fees, the scale of a builder's dex and who receives
what are not here.
"""

from decimal import Decimal
from typing import NamedTuple

from tidegate.localnet.kernel.accounts import DAY_MS, Account
from tidegate.localnet.kernel.numbers import ZERO, micro
from tidegate.localnet.kernel.venue import Venue

TIER_DAYS = 14
SPOT_WEIGHT = 2  # a dollar of spot volume counts twice
REFERRAL_DISCOUNT = Decimal("0.04")
REFERRAL_VOLUME_MAX = Decimal(25_000_000)  # of the account's life


class Rates(NamedTuple):
    """Fractions of the notional; a negative one is a rebate."""

    cross: Decimal
    add: Decimal
    spot_cross: Decimal
    spot_add: Decimal

    def of(self, *, is_taker: bool, is_spot: bool = False) -> Decimal:
        """The rate of one side of a trade."""
        if is_spot:
            return self.spot_cross if is_taker else self.spot_add
        return self.cross if is_taker else self.add


class VipTier(NamedTuple):
    """Rates beyond a weighted volume of fourteen days, in USD."""

    cutoff: Decimal
    rates: Rates


class MakerTier(NamedTuple):
    """The rebate beyond a share of all maker volume."""

    cutoff: Decimal
    add: Decimal


def _rates(*texts: str) -> Rates:
    return Rates(*(Decimal(text) for text in texts))


BASE = _rates("0.00045", "0.00015", "0.0007", "0.0004")
VIP_TIERS = (
    VipTier(Decimal(5_000_000), _rates("0.0004", "0.00012", "0.0006", "0.0003")),
    VipTier(Decimal(25_000_000), _rates("0.00035", "0.00008", "0.0005", "0.0002")),
    VipTier(Decimal(100_000_000), _rates("0.0003", "0.00004", "0.0004", "0.0001")),
    VipTier(Decimal(500_000_000), _rates("0.00028", "0", "0.00035", "0")),
    VipTier(Decimal(2_000_000_000), _rates("0.00026", "0", "0.0003", "0")),
    VipTier(Decimal(7_000_000_000), _rates("0.00024", "0", "0.00025", "0")),
)
MAKER_TIERS = (
    MakerTier(Decimal("0.005"), Decimal("-0.00001")),
    MakerTier(Decimal("0.015"), Decimal("-0.00002")),
    MakerTier(Decimal("0.03"), Decimal("-0.00003")),
)


def fee_of(notional: Decimal, rate: Decimal) -> Decimal:
    """The fee of a fill in USDC, cut to a millionth (80942 * 0.00246 * 0.00045 -> 0.089602)."""
    return micro(notional * rate)


def rates_of(venue: Venue, account: Account) -> Rates:
    """What an account pays now. Its tier is worked out once a day; a sub-account has its master's."""
    today = venue.now_ms // DAY_MS
    known = account.rates_of_day
    if known is None or known[0] != today:
        sub_account = venue.people.sub_accounts.get(account.user)
        judged = account if sub_account is None else venue.accounts[sub_account.master]
        account.rates_of_day = known = (today, _assess(venue, judged, today))
    rates = Rates(*known[1])
    discount = referral_discount(venue, account)
    if not discount:
        return rates
    return Rates(*(rate * (1 - discount) if rate > 0 else rate for rate in rates))


def referral_discount(venue: Venue, account: Account) -> Decimal:
    """The share of its fees that an account with a referrer is spared for its first volume."""
    if account.user in venue.people.referrals and account.volume < REFERRAL_VOLUME_MAX:
        return REFERRAL_DISCOUNT
    return ZERO


def exchange_volume(venue: Venue, day: int) -> Decimal:
    """USD traded on a UTC day: what was printed here, and what the rest of the world trades every day."""
    elsewhere = sum((rule.day_volume * rule.reference_px for rule in venue.universe.perps), ZERO)
    return venue.day_volumes.get(day, ZERO) + elsewhere


def _assess(venue: Venue, account: Account, today: int) -> Rates:
    days = [account.days[day] for day in range(today - TIER_DAYS, today) if day in account.days]
    maker = sum((day.maker for day in days), ZERO)
    spot = sum((day.spot_taker + day.spot_maker for day in days), ZERO)
    volume = sum((day.taker for day in days), maker) + SPOT_WEIGHT * spot
    rates = BASE
    for vip in VIP_TIERS:
        if volume > vip.cutoff:
            rates = vip.rates
    everybody = sum((exchange_volume(venue, day) for day in range(today - TIER_DAYS, today)), ZERO)
    for tier in MAKER_TIERS:
        if maker > tier.cutoff * everybody:
            rates = rates._replace(add=tier.add, spot_add=tier.add)
    return rates
