"""What an account as a whole is worth and could give away, whatever its mode and however many dexs it trades on.

Owns the sum over an account's parts, and moving USDC in and out of its first part without a trace in its profit; what
one part is worth is said in `margin`.
"""

from decimal import Decimal

from tidegate.localnet.kernel import margin
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.numbers import ZERO
from tidegate.localnet.kernel.venue import Venue


def equity(venue: Venue, account: Account) -> Decimal:
    """USDC with all perp positions at their marks; spot tokens are not counted."""
    return sum((margin.equity(part.account, part.market) for part in venue.clearings(account)), ZERO)


def free_usdc(venue: Venue, account: Account) -> Decimal:
    """USDC that could leave the first dex, or a unified account."""
    cash = venue.clearings(account)[0]
    return margin.withdrawable(cash.account, cash.market)


def give(account: Account, usdc: Decimal) -> None:
    """Put in USDC (or take it out, when negative) that is neither profit nor loss."""
    account.raw_usd += usdc
    account.deposits += usdc


def is_empty(venue: Venue, account: Account) -> bool:
    """Say whether an account has nothing at all: no cash, no position, no token."""
    if account.positions or any(balance.total for balance in account.spot.values()):
        return False
    return not any(part.account.raw_usd for part in venue.clearings(account))
