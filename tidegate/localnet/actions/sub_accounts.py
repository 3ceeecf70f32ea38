"""Sub-accounts (section 3.8)."""

from tidegate.localnet.actions.answers import Action, Answer, Refused, cents
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import SubAccountAction
from tidegate.localnet.kernel.venue import Venue

SUB_ACCOUNT_VOLUME = 100_000


def create_sub_account(_venue: Venue, account: Account, _action: SubAccountAction) -> Answer | Refused:
    """Sub-accounts, which the local exchange does not have."""
    if account.volume >= SUB_ACCOUNT_VOLUME:
        return Refused("Action createSubAccount is not available on localnet.")
    return Refused(
        f"Cannot create sub-accounts until enough volume traded. "
        f"Required: ${SUB_ACCOUNT_VOLUME}. Traded: ${cents(account.volume)}."
    )


ACTIONS: dict[str, Action] = {
    "createSubAccount": (SubAccountAction, create_sub_account),
}
