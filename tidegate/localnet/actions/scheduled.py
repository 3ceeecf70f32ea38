"""The dead man's switch (section 3.6)."""

from tidegate.localnet.actions.answers import Action, Answer, Refused, cents
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import ScheduleCancelAction
from tidegate.localnet.kernel.venue import Venue

SCHEDULED_CANCEL_VOLUME = 1_000_000


def schedule_cancel(_venue: Venue, account: Account, _action: ScheduleCancelAction) -> Answer | Refused:
    """The dead man's switch, which the local exchange refuses to accounts of any volume."""
    if account.volume >= SCHEDULED_CANCEL_VOLUME:
        return Refused("Action scheduleCancel is not available on localnet.")
    return Refused(
        f"Cannot set scheduled cancel time until enough volume traded. "
        f"Required: ${SCHEDULED_CANCEL_VOLUME}. Traded: ${cents(account.volume)}."
    )


ACTIONS: dict[str, Action] = {
    "scheduleCancel": (ScheduleCancelAction, schedule_cancel),
}
