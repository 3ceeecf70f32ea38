"""The dead man's switch (section 3.4)."""

from tidegate.localnet.actions.answers import DEFAULT, Action, Answer, Refused, cents
from tidegate.localnet.kernel import switches
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import ScheduleCancelAction
from tidegate.localnet.kernel.venue import Venue

SCHEDULED_CANCEL_VOLUME = 1_000_000


def schedule_cancel(venue: Venue, account: Account, action: ScheduleCancelAction) -> Answer | Refused:
    """Set or clear the switch; both ask for a traded volume first."""
    if venue.people.lacks_volume(account.volume, SCHEDULED_CANCEL_VOLUME):
        return Refused(
            f"Cannot set scheduled cancel time until enough volume traded. "
            f"Required: ${SCHEDULED_CANCEL_VOLUME}. Traded: ${cents(account.volume)}."
        )
    text = switches.set_switch(venue, account, action.time)
    return DEFAULT if text is None else Refused(text)


ACTIONS: dict[str, Action] = {
    "scheduleCancel": (ScheduleCancelAction, schedule_cancel),
}
