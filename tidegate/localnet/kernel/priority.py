"""Priority fees: the grouping {"p": n}, paid from undelegated stake (section 3.1).

Owns who may pay them and what is burned. The priority itself is not modelled: actions are carried out as they
arrive, so there is no queue to jump. Stake is HYPE that only the operators can give; it is no spot balance.
"""

from collections.abc import Sequence
from decimal import Decimal

from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.checks import Wish
from tidegate.localnet.kernel.numbers import ZERO
from tidegate.localnet.kernel.orders import ALO, IOC
from tidegate.localnet.kernel.placing import NA, Status, place
from tidegate.localnet.kernel.venue import Venue

PARTS = Decimal(100_000_000)  # n is a fraction of the notional in these; at most all of it
STAKED_COIN = "HYPE"
NO_STAKE = "Insufficient delegatable balance for priority order"
# The exchange's own words for these two were never recorded.
WRONG_KINDS = "Priority orders must be all IOC or all non-reduce-only ALO."
WRONG_FEE = "Invalid priority fee."


def place_first(venue: Venue, account: Account, wishes: Sequence[Wish], parts: int) -> list[Status]:
    """Place a batch that pays for priority: n / 1e8 of what an IOC fills or an ALO rests is burned in HYPE."""
    stake = venue.restrictions.stakes.get(account.user, ZERO)
    text = _refused(venue, wishes, parts, stake)
    if text is not None:
        return [{"error": text}]
    statuses = place(venue, account, wishes, NA)
    if len(statuses) == len(wishes):
        paid = sum((_notional(status, wish) for status, wish in zip(statuses, wishes, strict=True)), ZERO)
        venue.restrictions.stakes[account.user] = stake - _fee(venue, paid, parts)
    return statuses


def _refused(venue: Venue, wishes: Sequence[Wish], parts: int, stake: Decimal) -> str | None:
    if not 0 < parts <= PARTS:
        return WRONG_FEE
    all_take = all(wish.tif == IOC for wish in wishes)
    all_make = all(wish.tif == ALO and not wish.reduce_only for wish in wishes)
    if not (all_take or all_make):
        return WRONG_KINDS
    asked = sum((wish.px * wish.sz for wish in wishes if wish.px is not None and wish.sz is not None), ZERO)
    return NO_STAKE if _fee(venue, asked, parts) > stake else None


def _notional(status: Status, wish: Wish) -> Decimal:
    """What an order pays for: USD it filled at its average price, or rests with at its limit."""
    if isinstance(status, dict) and "filled" in status:
        return Decimal(status["filled"]["totalSz"]) * Decimal(status["filled"]["avgPx"])
    if isinstance(status, dict) and "resting" in status and wish.px is not None and wish.sz is not None:
        return wish.px * wish.sz
    return ZERO


def _fee(venue: Venue, notional: Decimal, parts: int) -> Decimal:
    """A fee in HYPE at its oracle price."""
    staked = venue.prices.get(STAKED_COIN)
    return ZERO if staked is None else notional * parts / PARTS / staked.oracle
