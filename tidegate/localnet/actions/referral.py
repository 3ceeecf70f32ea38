"""Referral codes, and requests that are bought (section 3.7)."""

from decimal import Decimal

from tidegate.localnet.actions.answers import DEFAULT, Action, Answer, Refused, cents
from tidegate.localnet.kernel import budgets, referrals, wealth
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import CodeAction, ReserveAction
from tidegate.localnet.kernel.venue import Venue

USDC_A_REQUEST = Decimal("0.0005")


def register_referrer(venue: Venue, account: Account, action: CodeAction) -> Answer | Refused:
    """Make a referral code; asks for a traded volume first."""
    if venue.people.lacks_volume(account.volume, referrals.CODE_VOLUME):
        return Refused(
            f"Cannot generate referral code until enough volume traded. "
            f"Required: ${referrals.CODE_VOLUME}. Traded: ${cents(account.volume)}."
        )
    text = referrals.register(venue, account, action.code)
    return DEFAULT if text is None else Refused(text)


def set_referrer(venue: Venue, account: Account, action: CodeAction) -> Answer | Refused:
    """Use a referral code."""
    text = referrals.use(venue, account, action.code)
    return DEFAULT if text is None else Refused(text)


def reserve_requests(venue: Venue, account: Account, action: ReserveAction) -> Answer | Refused:
    """Buy requests beyond the address's budget."""
    price = action.weight * USDC_A_REQUEST
    if action.weight <= 0 or price > wealth.free_usdc(venue, account):
        return Refused("Insufficient balance for withdrawal")
    account.raw_usd -= price
    venue.fees += price
    budgets.reserve(account, action.weight)
    return DEFAULT


ACTIONS: dict[str, Action] = {
    "registerReferrer": (CodeAction, register_referrer),
    "setReferrer": (CodeAction, set_referrer),
    "reserveRequestWeight": (ReserveAction, reserve_requests),
}
