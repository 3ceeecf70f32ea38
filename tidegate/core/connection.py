"""The stream comes and goes, as a whole or coin by coin; what it does not bring is polled by REST.

With it up, an open position is watched by what it tells. Without it, or for a coin that it does not have, prices are
polled: every FALLBACK_INTERVAL while there is a position, else so often that they do not grow old.
"""

from collections.abc import Iterable

from tidegate.core import doubt, entries, reconcile, schedule, upkeep
from tidegate.core.state import State
from tidegate.model.events import AccountMissed, CoinsHeard, CoinsUnheard, StreamDown, StreamFrozen, StreamUp
from tidegate.model.intents import Alert, Decision, Note

NAMES_MAX = 10
LOSSES_MS = 300_000
LOSSES_TOLD_MAX = 3
"""More losses within five minutes than these are not told one by one: the line every five minutes counts them."""


def on_up(state: State, event: StreamUp) -> Decision:
    """The stream is back: look at the account once, since the socket does not replay what was missed."""
    again = state.stream_changed_ms > 0
    state.stream_up, state.stream_changed_ms, state.next_prices_ms = True, event.at_ms, None
    state.down_alerted = False
    state.frozen = frozenset()  # a new connection asks for every coin again; what it cannot have it says afterwards
    state.upkeep.diverged = frozenset()
    text = "up again: back to streaming" if again else f"listening: {', '.join(state.coins)}"
    decision = Decision(notes=(Note(topic="stream", text=text, level="DEBUG" if _is_a_storm(state) else "INFO"),))
    if again:
        decision += reconcile.refresh(state, "the stream is back")
        upkeep.catch_up(state)
    for name in tuple(state.coins):
        doubt.ask_soon(state, name)
        decision += entries.consider(state, state.coins[name])
    return decision


def on_down(state: State, event: StreamDown) -> Decision:
    """The stream is gone: open positions are watched by REST from now on."""
    if not state.stream_up and state.stream_changed_ms:
        return Decision()
    state.stream_up, state.stream_changed_ms = False, event.at_ms
    _break(state, state.coins)
    upkeep.stream_lost(state)
    watched = schedule.watched_by_rest(state)
    state.next_prices_ms = event.at_ms if watched else None
    seconds = state.settings.fallback_interval_s
    how = f"polling {_names(watched)} by REST every {seconds} s" if watched else "no position to watch"
    alerts = (Alert(text=f"the stream was given up: {event.reason}"),) if event.is_worrying else ()
    return Decision(notes=_loss(state, f"down: {event.reason}; {how}"), intents=alerts)


def _loss(state: State, text: str) -> tuple[Note, ...]:
    """One more loss: told, unless they come so often that only their number says anything."""
    from_ms = state.now_ms - state.wait_ms(LOSSES_MS)
    state.upkeep.losses = [at_ms for at_ms in state.upkeep.losses if at_ms >= from_ms] + [state.now_ms]
    if not _is_a_storm(state):
        return (Note(topic="stream", text=text, level="WARNING"),)
    if len(state.upkeep.losses) > LOSSES_TOLD_MAX + 1:
        return (Note(topic="stream", text=text, level="DEBUG"),)
    storm = f"{text}; lost {len(state.upkeep.losses)} times within five minutes: further losses are only counted"
    return (Note(topic="stream", text=storm, level="WARNING"),)


def _is_a_storm(state: State) -> bool:
    return len(state.upkeep.losses) > LOSSES_TOLD_MAX


def on_frozen(state: State, event: StreamFrozen) -> Decision:
    """One coin cannot be streamed: its position is watched by REST, no entries meanwhile."""
    if event.coin not in state.coins:
        return Decision()
    _without(state, (event.coin,))
    text = f"{event.coin} cannot be streamed: {event.reason}; watched by REST, no entries"
    return Decision(notes=(Note(topic="stream", text=text, level="WARNING"),), intents=(Alert(text=text),))


def on_unheard(state: State, event: CoinsUnheard) -> Decision:
    """Some coins do not come by stream for now, or there is no room for them: REST has them."""
    coins = tuple(coin for coin in event.coins if coin in state.coins)
    if not coins:
        return Decision()
    _without(state, coins)
    text = f"{_names(coins)} not by stream: {event.reason}; polled by REST, no entries"
    return Decision(notes=(Note(topic="stream", text=text, level="WARNING"),))


def on_heard(state: State, event: CoinsHeard) -> Decision:
    """Coins come by stream again."""
    back = tuple(coin for coin in event.coins if coin in state.frozen - state.upkeep.diverged)
    if not back:
        return Decision()
    state.frozen -= frozenset(back)
    upkeep.catch_up(state)
    decision = Decision(notes=(Note(topic="stream", text=f"{_names(back)} by stream again"),))
    for name in back:
        decision += entries.consider(state, state.coins[name])
    return decision


def on_missed(state: State, event: AccountMissed) -> Decision:
    """Something of the account may have passed unheard: only REST knows it."""
    return reconcile.refresh(state, event.reason)


def _without(state: State, coins: tuple[str, ...]) -> None:
    state.frozen |= frozenset(coins)
    _break(state, coins)
    state.next_prices_ms = state.now_ms


def _break(state: State, coins: Iterable[str]) -> None:
    """What the stream said last of these coins' open candles may lack the end."""
    for name in tuple(coins):
        if name in state.coins:
            state.change(name, candles=state.coins[name].candles.broken())


def _names(coins: tuple[str, ...]) -> str:
    more = f" and {len(coins) - NAMES_MAX} more" if len(coins) > NAMES_MAX else ""
    return ", ".join(coins[:NAMES_MAX]) + more
