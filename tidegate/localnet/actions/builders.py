"""Builder fees and the rewards they bring (section 3.7)."""

from tidegate.localnet.actions.answers import DEFAULT, Action, Answer, Refused
from tidegate.localnet.kernel import builders
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import ApproveBuilderFeeAction, NoopAction
from tidegate.localnet.kernel.venue import Venue


def approve_builder_fee(venue: Venue, account: Account, action: ApproveBuilderFeeAction) -> Answer | Refused:
    """Let a builder take up to a rate."""
    text = builders.approve(venue, account, action.builder.lower(), action.max_fee_rate)
    return DEFAULT if text is None else Refused(text)


def claim_rewards(venue: Venue, account: Account, _action: NoopAction) -> Answer | Refused:
    """Pay out what others' fees brought."""
    text = builders.claim(venue, account)
    return DEFAULT if text is None else Refused(text)


ACTIONS: dict[str, Action] = {
    "approveBuilderFee": (ApproveBuilderFeeAction, approve_builder_fee),
    "claimRewards": (NoopAction, claim_rewards),
}
