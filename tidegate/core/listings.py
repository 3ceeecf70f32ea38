"""The stream's own listing of stops, every few seconds: a second witness beside what it tells of single orders.

A notice that gets lost on a living socket would otherwise be missed until the account is read again, and so would be
the stop of another bot. A listing never places or ends anything: what it does not show, or should not, is looked up at
once, and the account's word counts.
"""

from tidegate.core import manual, protection, rivals, schedule
from tidegate.core.state import CoinState, Phase, State
from tidegate.model.events import StopsListed
from tidegate.model.intents import Decision, Note

LAG_MS = 3_000
"""A listing may be so old: it does not know yet of a stop that was confirmed since."""
AGAIN_MS = 30_000
"""When the account shows what the listing does not, the listing is not believed for so long."""

STRANGE = "stranger"
"""Among the troubles that were told: a stop was listed that has this bot's tag and is not its own."""


def on_listed(state: State, event: StopsListed) -> Decision:
    """Which positions have too few stops in it, and is there one that nobody here placed?"""
    strange = any(rivals.placed(state, stop) for stop in event.stops)
    decision = Decision()
    if strange and state.tells_again(STRANGE, ""):
        decision += Decision(intents=(schedule.fetch_account(state, "a stop that this bot did not place"),))
    for coin in tuple(state.coins.values()):
        if _is_awaited(state, coin) and protection.covered_size(coin, event.stops) < abs(coin.position.size):
            state.change(coin.coin, cover_due_ms=state.now_ms, unlisted_ms=state.now_ms)
            text = f"{coin.coin}: its stop is not among the open orders that the stream lists: asking the account"
            decision += Decision(notes=(Note(topic="risk", text=text),))
    return decision


def _is_awaited(state: State, coin: CoinState) -> bool:
    """Whether the listing must show the stop of this position."""
    if coin.phase is not Phase.HOLDING or coin.left_alone or manual.leaves_unguarded(state, coin):
        return False
    confirmed = 0 < coin.covered_ms <= state.now_ms - state.wait_ms(LAG_MS)
    return confirmed and coin.unlisted_ms <= state.now_ms - state.wait_ms(AGAIN_MS)
