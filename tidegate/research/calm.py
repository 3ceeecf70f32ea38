"""What a simulation of recorded candles leaves out, and where the bot's own clocks stand after a quiet stretch.

The stream is never wrong here and nobody deposits, so what holds the stream to account (decision 0011) is not done,
whether a stretch is passed or played: every account read tells of deposits (there are none), and each read is answered
one round trip after it was asked. Decides nothing about trading.
"""

from msgspec.structs import replace

from tidegate.core import costs, metadata, schedule, upkeep
from tidegate.core.state import State
from tidegate.model.events import AccountSeen, Event

NOT_DONE = ("positions", "prices", "flows", "requests")
NEVER_MS = 2**62


def leave_out_checks(state: State) -> None:
    """No checks by REST, but for a candle that nobody trades in: REST alone knows that it is over."""
    patient_ms = state.now_ms - state.wait_ms(upkeep.THIN_PATIENCE_MS)
    waits = any(
        coin.waiting_since_ms is not None and coin.waiting_since_ms <= patient_ms for coin in state.coins.values()
    )
    chores = state.upkeep
    if not waits:
        chores.next_ms = None
        return
    chores.due_ms.update(dict.fromkeys(NOT_DONE, NEVER_MS))
    if chores.next_ms is None:
        chores.next_ms = state.now_ms + state.wait_ms(upkeep.LOOK_MS)
        chores.due_ms["candles"], chores.spent = 0, []


def without_deposits(event: Event) -> Event:
    """A view of the account tells of all deposits that there are: none."""
    if isinstance(event, AccountSeen) and not event.account.flows_known:
        return replace(event, account=replace(event.account, flows_known=True))
    return event


def account_pause_ms(state: State) -> int:
    """The time between two periodic views of the account."""
    held = any(coin.position.size or coin.orders for coin in state.coins.values())
    return state.wait_ms(schedule.ACCOUNT_HELD_MS if held else schedule.ACCOUNT_STREAMED_MS)


def first_read_ms(state: State, from_ms: int) -> int:
    """When the account is read periodically for the first time from that moment on."""
    first_ms = state.next_account_ms
    return first_ms if first_ms >= from_ms else later(first_ms, account_pause_ms(state), from_ms - 1)


def put_clocks(state: State, now_ms: int) -> None:
    """Everything periodic where it would be, had it been done whenever it was due."""
    pause_ms, chores = account_pause_ms(state), state.upkeep
    read_ms = first_read_ms(state, chores.due_ms.get("fills", 0))
    while read_ms <= now_ms:  # a view of the account that tells of fills, too
        chores.due_ms["fills"] = read_ms + state.wait_ms(upkeep.FILLS_EVERY_MS)
        read_ms = first_read_ms(state, chores.due_ms["fills"])
    state.next_account_ms = later(state.next_account_ms, pause_ms, now_ms)
    read_ms = state.next_account_ms - pause_ms
    chores.due_ms["positions"] = read_ms + state.wait_ms(upkeep.POSITIONS_EVERY_MS)
    interval_ms, settle_ms = state.settings.check_interval_ms, state.wait_ms(schedule.SETTLE_MS)
    state.next_poll_ms = schedule.grid_after(now_ms, interval_ms, settle_ms)
    state.last_poll_ms = state.next_poll_ms - interval_ms
    if state.next_metadata_ms is not None:
        state.next_metadata_ms = later(state.next_metadata_ms, state.wait_ms(metadata.EVERY_MS), now_ms)
    if state.next_fees_ms is not None:
        state.next_fees_ms = later(state.next_fees_ms, state.wait_ms(costs.EVERY_MS), now_ms)


def later(due_ms: int, every_ms: int, now_ms: int) -> int:
    """The first after now of the moments that follow each other so."""
    return due_ms if due_ms > now_ms else due_ms + ((now_ms - due_ms) // every_ms + 1) * every_ms
