"""The dead man's switch: all orders of an account go at a time it set before (section 3.4).

Owns the switch and its count of a UTC day. The text about volume is recorded, that of the lead time and of the count
are ours: no recording shows them. The orders' end is told as a nonUserCancel too, as every cancel is that no action
asked for at that moment.
"""

from tidegate.localnet.kernel.accounts import DAY_MS, Account
from tidegate.localnet.kernel.lifecycle import cancel_all
from tidegate.localnet.kernel.orders import SCHEDULED_CANCEL
from tidegate.localnet.kernel.people import Switch
from tidegate.localnet.kernel.venue import Venue

LEAD_MS = 5_000
FIRED_MAX = 10


def set_switch(venue: Venue, account: Account, at_ms: int | None) -> str | None:
    """Set the time of an account's switch, or clear it; returns the refusal."""
    switch = venue.people.switches.setdefault(account.user, Switch())
    if at_ms is None:
        switch.at_ms = None
        return None
    if at_ms < venue.now_ms + LEAD_MS:
        return "Scheduled cancel time must be at least 5 seconds in the future."
    today = venue.now_ms // DAY_MS
    if switch.day == today and switch.fired >= FIRED_MAX:
        return f"Scheduled cancel was triggered {FIRED_MAX} times today already."
    switch.at_ms = at_ms
    venue.alarms.at(at_ms, lambda: _fire(venue, account, at_ms))
    return None


def _fire(venue: Venue, account: Account, at_ms: int) -> None:
    """Cancel everything, unless the switch was set again or cleared meanwhile."""
    switch = venue.people.switches[account.user]
    if switch.at_ms != at_ms:
        return
    switch.at_ms = None
    today = venue.now_ms // DAY_MS
    switch.fired = switch.fired + 1 if switch.day == today else 1
    switch.day = today
    cancel_all(venue, account.user, SCHEDULED_CANCEL)
