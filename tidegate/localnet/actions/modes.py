"""Setting the account mode (sections 3.7 and 8.7)."""

from typing import Literal

from msgspec import Struct

from tidegate.localnet.actions.answers import DEFAULT, Action, Answer, Refused
from tidegate.localnet.kernel import modes
from tidegate.localnet.kernel.accounts import PORTFOLIO_MARGIN, STANDARD, UNIFIED, Account
from tidegate.localnet.kernel.venue import Venue

OF_LETTER = {"i": STANDARD, "u": UNIFIED, "p": PORTFOLIO_MARGIN}


class UserSetAbstractionAction(Struct):
    """userSetAbstraction; `user` is the signer or one of its sub-accounts."""

    user: str
    abstraction: Literal["disabled", "unifiedAccount", "portfolioMargin"]
    nonce: int


class AgentSetAbstractionAction(Struct):
    """agentSetAbstraction: individual, unified, portfolio margin."""

    abstraction: Literal["i", "u", "p"]


def user_set_abstraction(venue: Venue, account: Account, action: UserSetAbstractionAction) -> Answer | Refused:
    """Switch the mode of the signer's account, or of one of its sub-accounts."""
    user = action.user.lower()
    named = venue.account(user)
    if named is None or user in venue.people.vaults or venue.people.master_of(user) != account.user:
        return Refused(f"Must deposit before performing actions. User: {user}")
    return _answer(modes.switch(named, action.abstraction))


def agent_set_abstraction(_venue: Venue, account: Account, action: AgentSetAbstractionAction) -> Answer | Refused:
    """Switch the mode of the account that an agent acts for."""
    return _answer(modes.switch(account, OF_LETTER[action.abstraction]))


def _answer(text: str | None) -> Answer | Refused:
    return DEFAULT if text is None else Refused(text)


ACTIONS: dict[str, Action] = {
    "userSetAbstraction": (UserSetAbstractionAction, user_set_abstraction),
    "agentSetAbstraction": (AgentSetAbstractionAction, agent_set_abstraction),
}
