"""When what we know is too old to act on: after a standstill of the machine, and while the clock is in doubt.

Nothing here holds up an exit or a stop. Entries wait: after a standstill for a new price and a new view of the account,
after a clock that was far off until the exchange has confirmed it again.
"""

from msgspec.structs import replace

from tidegate.core import schedule
from tidegate.core.state import CoinState, State
from tidegate.model.events import Faulted
from tidegate.model.intents import NOTHING, Alert, Decision

MARGIN_MS = 1_000
"""How far our clock and the exchange's may be apart without anybody calling it off."""
CLOCK_OFF_MAX_MS = 30_000
READS_AFTERWARDS = 2
"""So many views of the account, each with a look at the exchange's clock, restore the trust in ours."""


def noticed(state: State, event: Faulted) -> Decision:
    """A fact that says that time went on without us, or otherwise than we thought."""
    if event.where == "standstill":
        state.fresh_from_ms = event.at_ms - state.wait_ms(MARGIN_MS)
        return _look_again(state, "after a standstill")
    if event.where != "clock":
        return NOTHING
    if event.at_ms < state.now_ms:
        _step_back(state, event.at_ms)
    decision = NOTHING
    if state.tells_again("clock", "alert"):
        decision = Decision(intents=(Alert(text=f"{event.reason}; look at this machine's clock"),))
    if abs(event.off_ms) > state.wait_ms(CLOCK_OFF_MAX_MS):
        state.clock_doubts = READS_AFTERWARDS
        decision += _look_again(state, "after a clock that was far off")
    return decision


def account_seen(state: State) -> None:
    """One more look at the exchange's clock is behind us."""
    state.clock_doubts = max(state.clock_doubts - 1, 0)


def hindrance(state: State, coin: CoinState) -> str | None:
    """Why an entry has to wait for newer knowledge, or None."""
    if state.clock_doubts:
        return "the clock was far off, and is held against the exchange's once more"
    if coin.heard_ms() < state.fresh_from_ms:
        return "the bot stood still, and no price was heard since"
    if state.account_ms < state.fresh_from_ms:
        return "the bot stood still, and the account was not read since"
    return None


def _look_again(state: State, reason: str) -> Decision:
    return Decision(intents=(schedule.fetch_account(state, reason),))


def _step_back(state: State, now_ms: int) -> None:
    """Our time was ahead of the exchange's. What was planned by it would come too late: it is due now."""
    state.now_ms = now_ms
    state.fresh_from_ms = min(state.fresh_from_ms, now_ms)
    state.next_account_ms = min(state.next_account_ms, now_ms)
    interval_ms, settle_ms = state.settings.check_interval_ms, schedule.settling_ms(state)
    state.next_poll_ms = min(state.next_poll_ms, schedule.grid_after(now_ms, interval_ms, settle_ms))
    state.next_prices_ms = _pulled_in(state.next_prices_ms, now_ms)
    state.quit_due_ms = _pulled_in(state.quit_due_ms, now_ms)
    state.stream_changed_ms = min(state.stream_changed_ms, now_ms)
    state.faults_told = {key: min(told_ms, now_ms) for key, told_ms in state.faults_told.items()}
    for coin in tuple(state.coins.values()):
        _pull_in(state, coin, now_ms)


def _pull_in(state: State, coin: CoinState, now_ms: int) -> None:
    orders = {
        cloid: replace(order, sent_ms=min(order.sent_ms, now_ms), ask_due_ms=_pulled_in(order.ask_due_ms, now_ms))
        for cloid, order in coin.orders.items()
    }
    state.change(
        coin.coin,
        orders=orders,
        cover_due_ms=_pulled_in(coin.cover_due_ms, now_ms),
        uncovered_since_ms=_pulled_in(coin.uncovered_since_ms, now_ms),
        fetching_since_ms=_pulled_in(coin.fetching_since_ms, now_ms),
        leverage_asked_ms=_pulled_in(coin.leverage_asked_ms, now_ms),
        trim_due_ms=min(coin.trim_due_ms, now_ms),
        mismatch_ms=min(coin.mismatch_ms, now_ms),
        growth_due_ms=_pulled_in(coin.growth_due_ms, now_ms),
        growth_covered_ms=min(coin.growth_covered_ms, now_ms),
        unlisted_ms=min(coin.unlisted_ms, now_ms),
    )
    if coin.exit is not None:
        retry_ms = _pulled_in(coin.exit.retry_due_ms, now_ms)
        state.change(coin.coin, exit=replace(coin.exit, retry_due_ms=retry_ms))
    if coin.making is not None:
        moments = {name: min(getattr(coin.making, name), now_ms) for name in ("until_ms", "next_ms", "look_ms")}
        state.change(coin.coin, making=replace(coin.making, **moments))
    if coin.twap is not None:
        names = ("sent_ms", "look_ms", "ending_ms", "over_ms")
        moments = {name: min(getattr(coin.twap, name), now_ms) for name in names}
        state.change(coin.coin, twap=replace(coin.twap, **moments))


def _pulled_in(due_ms: int | None, now_ms: int) -> int | None:
    return None if due_ms is None else min(due_ms, now_ms)
