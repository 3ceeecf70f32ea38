"""The account's money, however it was read, held against the loss limits; and how long its actions will last.

A reading without deposits decides nothing by itself: a withdrawal is no loss. Where it seems that a limit is reached,
or a day begins, the deposits are asked for first.
"""

from tidegate.core import brakes, upkeep
from tidegate.core.brakes import Limit
from tidegate.core.state import State
from tidegate.model.brakes import Brake
from tidegate.model.events import Account, RequestsSeen
from tidegate.model.intents import NOTHING, Alert, Decision

DAY_MS = 86_400_000
REQUESTS_KEPT = 25
DAYS_FEW = 3.0


def money_seen(state: State, account: Account) -> Decision:
    """The account's money was read: hold it against the loss limits.

    Where deposits were not asked for, a limit that seems reached, or a new day, is a reason to ask for them first: a
    withdrawal is no loss.
    """
    if account.flows_known or not state.brakes.flows_ms:
        return brakes.on_account(state, account)
    if _matters(state, account):
        upkeep.want_flows(state)
    return NOTHING


def _matters(state: State, account: Account) -> bool:
    settings, now = state.settings, state.brakes
    if state.now_ms // DAY_MS * DAY_MS > now.day_ms or now.day_equity is None:
        return True
    limits = (
        Limit(Brake.DAILY_LOSS, "MAX_DAILY_LOSS_PCT", now.day_equity, settings.max_daily_loss_pct),
        Limit(Brake.DRAWDOWN, "MAX_DRAWDOWN_PCT", now.peak_equity, settings.max_drawdown_pct),
    )
    return any(now.on(limit.brake) is None and limit.reached(account.equity) is not None for limit in limits)


def requests_seen(state: State, event: RequestsSeen) -> Decision:
    """How many of its actions the account has used. An alert, once, when what is left will not last for days."""
    state.upkeep.requests = [*state.upkeep.requests[-REQUESTS_KEPT + 1 :], (event.at_ms, event.used, event.most)]
    days = days_left(state)
    if days is None or days > DAYS_FEW or not state.tells_again("requests", ""):
        return NOTHING
    text = (
        f"the account has used {event.used:,} of {event.most:,} actions; at this rate the rest lasts {days:.1f} days, "
        f"then the exchange takes one in 10 s: trade less often, or more value (each dollar traded adds one)"
    )
    return Decision(intents=(Alert(text=text),))


def days_left(state: State) -> float | None:
    """In how many days the account's actions are used up at the rate of the last day; None where they are not."""
    seen = state.upkeep.requests
    if len(seen) < 2:
        return None
    (from_ms, used_then, most_then), (until_ms, used, most) = seen[0], seen[-1]
    lost = (most_then - used_then) - (most - used)
    if lost <= 0 or until_ms <= from_ms:
        return None
    return (most - used) / lost * (until_ms - from_ms) / DAY_MS
