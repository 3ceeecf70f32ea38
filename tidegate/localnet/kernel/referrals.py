"""Referral codes: who made one and who uses it (section 3.7).

Owns the records; the discount of who was referred is said in `fees`, and a referrer earns nothing here. The texts of
setReferrer were measured on testnet; that a code is taken, and that it is one's own, is told in our words.
"""

from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.people import Referral
from tidegate.localnet.kernel.venue import Venue

CODE_MAX = 20
CODE_VOLUME = 10_000


def register(venue: Venue, account: Account, code: str) -> str | None:
    """Make a code; returns the refusal."""
    codes = venue.people.codes
    if not code.isalnum() or len(code) > CODE_MAX:
        return "Invalid referral code."
    if code in codes or account.user in codes.values():
        return "Referral code already registered"
    codes[code] = account.user
    return None


def use(venue: Venue, account: Account, code: str) -> str | None:
    """Take a code, once; returns the refusal."""
    people = venue.people
    referrer = people.codes.get(code)
    if referrer is None:
        return "Referral code not registered"
    if account.user in people.referrals:
        return "Referrer already set"
    if referrer == account.user:
        return "Cannot refer yourself"
    people.referrals[account.user] = Referral(referrer, code, venue.now_ms)
    return None
