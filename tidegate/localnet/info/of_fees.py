"""userFees: the schedule, an account's tier and what it traded day by day (sections 2.14 and 8.5).

Nobody stakes here, so the staking discount is always nothing.
"""

from datetime import UTC, datetime
from typing import Any

from tidegate.localnet.info.desk import Desk, Request
from tidegate.localnet.info.shapes import UserRequest
from tidegate.localnet.kernel.accounts import DAY_MS, VOLUME_DAYS_KEPT, Account, DayVolume
from tidegate.localnet.kernel.fees import (
    BASE,
    MAKER_TIERS,
    REFERRAL_DISCOUNT,
    VIP_TIERS,
    Rates,
    exchange_volume,
    rates_of,
    referral_discount,
)
from tidegate.localnet.kernel.numbers import wire
from tidegate.localnet.kernel.reply import Reply, ok
from tidegate.localnet.kernel.venue import Venue

Row = dict[str, Any]

STAKING_TIERS = (
    ("0.0", "0.0"),
    ("0.0001", "0.05"),
    ("0.001", "0.1"),
    ("0.01", "0.15"),
    ("0.1", "0.2"),
    ("1.0", "0.3"),
    ("5.0", "0.4"),
)


def user_fees(desk: Desk, request: UserRequest) -> Reply:
    """The rates that an account's next fill pays; an unknown one pays the base tier's."""
    venue = desk.venue
    account = desk.account(request.user) or Account(request.user.lower())
    rates = rates_of(venue, account)
    return ok(
        {
            "dailyUserVlm": _days(venue, account),
            "feeSchedule": _schedule(),
            "userCrossRate": wire(rates.cross),
            "userAddRate": wire(rates.add),
            "userSpotCrossRate": wire(rates.spot_cross),
            "userSpotAddRate": wire(rates.spot_add),
            "activeReferralDiscount": wire(referral_discount(venue, account)),
            "trial": None,
            "feeTrialEscrow": "0.0",
            "nextTrialAvailableTimestamp": None,
            "stakingLink": None,
            "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"},
        }
    )


def _days(venue: Venue, account: Account) -> list[Row]:
    """Perp and spot dollars of the last fifteen UTC days, today's last."""
    today = venue.now_ms // DAY_MS
    rows = []
    for number in range(today - VOLUME_DAYS_KEPT + 1, today + 1):
        day = account.days.get(number, DayVolume())
        rows.append(
            {
                "date": datetime.fromtimestamp(number * DAY_MS / 1000, UTC).strftime("%Y-%m-%d"),
                "userCross": wire(day.taker + day.spot_taker),
                "userAdd": wire(day.maker + day.spot_maker),
                "exchange": wire(exchange_volume(venue, number)),
            }
        )
    return rows


def _schedule() -> Row:
    return {
        **_rates(BASE),
        "tiers": {
            "vip": [{"ntlCutoff": wire(tier.cutoff), **_rates(tier.rates)} for tier in VIP_TIERS],
            "mm": [{"makerFractionCutoff": wire(tier.cutoff), "add": wire(tier.add)} for tier in MAKER_TIERS],
        },
        "referralDiscount": wire(REFERRAL_DISCOUNT),
        "stakingDiscountTiers": [{"bpsOfMaxSupply": share, "discount": discount} for share, discount in STAKING_TIERS],
    }


def _rates(rates: Rates) -> Row:
    names = ("cross", "add", "spotCross", "spotAdd")
    return {name: wire(rate) for name, rate in zip(names, rates, strict=True)}


REQUESTS: dict[str, Request] = {"userFees": (UserRequest, user_fees)}
