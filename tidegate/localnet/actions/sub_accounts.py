"""Sub-accounts (section 3.7)."""

from decimal import Decimal

from tidegate.localnet.actions.answers import DEFAULT, Action, Answer, Refused, cents
from tidegate.localnet.kernel import sub_accounts
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import (
    RenameSubAccountAction,
    SubAccountAction,
    SubAccountSpotTransferAction,
    SubAccountTransferAction,
)
from tidegate.localnet.kernel.numbers import MICRO
from tidegate.localnet.kernel.venue import Venue

SUB_ACCOUNT_VOLUME = 100_000


def create_sub_account(venue: Venue, account: Account, action: SubAccountAction) -> Answer | Refused:
    """Make a sub-account; the answer is its address."""
    if venue.people.lacks_volume(account.volume, SUB_ACCOUNT_VOLUME):
        return Refused(
            f"Cannot create sub-accounts until enough volume traded. "
            f"Required: ${SUB_ACCOUNT_VOLUME}. Traded: ${cents(account.volume)}."
        )
    made = sub_accounts.create(venue, account, action.name)
    return Refused(made) if isinstance(made, str) else {"type": "createSubAccount", "data": made.user}


def rename_sub_account(venue: Venue, account: Account, action: RenameSubAccountAction) -> Answer | Refused:
    """Give a sub-account another name."""
    text = sub_accounts.rename(venue, account, action.sub_account_user.lower(), action.name)
    return DEFAULT if text is None else Refused(text)


def transfer_usdc(venue: Venue, account: Account, action: SubAccountTransferAction) -> Answer | Refused:
    """Move perp cash to or from a sub-account."""
    usdc = Decimal(action.usd) * MICRO
    user = action.sub_account_user.lower()
    text = sub_accounts.move_usdc(venue, account, user, usdc, is_deposit=action.is_deposit)
    return DEFAULT if text is None else Refused(text)


def transfer_token(venue: Venue, account: Account, action: SubAccountSpotTransferAction) -> Answer | Refused:
    """Move a spot token to or from a sub-account."""
    user, token = action.sub_account_user.lower(), action.token
    text = sub_accounts.move_token(venue, account, user, token, action.amount, is_deposit=action.is_deposit)
    return DEFAULT if text is None else Refused(text)


ACTIONS: dict[str, Action] = {
    "createSubAccount": (SubAccountAction, create_sub_account),
    "subAccountModify": (RenameSubAccountAction, rename_sub_account),
    "subAccountTransfer": (SubAccountTransferAction, transfer_usdc),
    "subAccountSpotTransfer": (SubAccountSpotTransferAction, transfer_token),
}
