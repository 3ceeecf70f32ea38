"""Keys that sign for an account (section 3.7)."""

from tidegate.localnet.actions.answers import DEFAULT, Action, Answer, Refused
from tidegate.localnet.kernel import agents
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import ApproveAgentAction
from tidegate.localnet.kernel.venue import Venue


def approve_agent(venue: Venue, account: Account, action: ApproveAgentAction) -> Answer | Refused:
    """Let another key sign this account's L1 actions; the same name replaces."""
    text = agents.approve(venue, account, action.agent_address.lower(), action.agent_name or "")
    return DEFAULT if text is None else Refused(text)


ACTIONS: dict[str, Action] = {
    "approveAgent": (ApproveAgentAction, approve_agent),
}
