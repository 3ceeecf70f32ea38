"""When things are due: polls on an exact grid, prices while the stream is down, the account, orders in doubt.

A poll is due at once after the start and then at every whole multiple of CHECK_INTERVAL since the epoch, plus
`SETTLE_MS` in which the exchange closes its candles. A grid cannot drift, and with an interval that divides the
timeframe a decision falls right behind the close of its bar. A late cycle is not made up for: it is skipped.
"""

from tidegate.core.state import CoinState, OrderState, Phase, State
from tidegate.model.events import Tick
from tidegate.model.intents import NOTHING, Alert, Decision, FetchAccount, FetchCandles, FetchPrices, Intent, Note, Quit
from tidegate.model.settings import StopPriceSource

SETTLE_MS = 1_000
ACCOUNT_EVERY_MS = 30_000
FILLS_OVERLAP_MS = 60_000
TIER_COINS = 250
DOWN_ALERT_MS = 60_000
FETCH_PATIENCE_MS = 20_000
"""A read that has not come back by then is asked for again."""


def next_due_ms(state: State) -> int:
    """The next moment at which a Tick has work to do."""
    due = [state.next_account_ms]
    if not state.stopping:
        due.append(state.next_poll_ms)
    if state.next_prices_ms is not None:
        due.append(state.next_prices_ms)
    if state.quit_due_ms is not None:
        due.append(state.quit_due_ms)
    for coin in state.coins.values():
        if coin.cover_due_ms is not None:
            due.append(coin.cover_due_ms)
        if coin.exit is not None and coin.exit.retry_due_ms is not None:
            due.append(coin.exit.retry_due_ms)
        if coin.making is not None:
            due.append(coin.making.look_ms)
        due.extend(order.ask_due_ms for order in coin.orders.values() if order.ask_due_ms is not None)
    return min(due)


def grid_after(now_ms: int, interval_ms: int, settle_ms: int) -> int:
    """The first grid moment (a multiple of the interval, plus the settling time) after `now_ms`."""
    return (now_ms - settle_ms) // interval_ms * interval_ms + interval_ms + settle_ms


def poll(state: State, event: Tick) -> Decision:
    """Ask for the candles that are missing, for every coin, when the grid says so."""
    now_ms = event.at_ms
    if now_ms < state.next_poll_ms:
        return NOTHING
    interval_ms, settle_ms = state.settings.check_interval_ms, state.wait_ms(SETTLE_MS)
    notes: list[Note] = []
    first = not state.last_poll_ms
    if not first:
        skipped = (now_ms - state.next_poll_ms) // interval_ms
        if skipped:
            notes.append(Note(topic="poll", level="WARNING", text=f"{skipped} polls were missed: the bot was held up"))
    state.last_poll_ms = now_ms
    state.next_poll_ms = grid_after(now_ms, interval_ms, settle_ms)
    cycle = 0 if first else (now_ms - settle_ms) // interval_ms
    due = [coin for rank, coin in enumerate(state.coins.values()) if is_polled(rank, cycle) and _may_fetch(state, coin)]
    return Decision(
        intents=tuple(_fetch(state, coin, now_ms) for coin in due),
        notes=tuple(notes),
    )


def is_polled(rank: int, cycle: int) -> bool:
    """Whether the coin of this rank is polled in this cycle: the first 250 in each, the next 250 in every second, …"""
    return cycle % (rank // TIER_COINS + 1) == 0


def _may_fetch(state: State, coin: CoinState) -> bool:
    asked_ms = coin.fetching_since_ms
    return asked_ms is None or state.now_ms - asked_ms >= state.wait_ms(FETCH_PATIENCE_MS)


def _fetch(state: State, coin: CoinState, now_ms: int) -> Intent:
    state.change(coin.coin, fetching_since_ms=now_ms)
    return FetchCandles(coin=coin.coin, timeframe=state.settings.timeframe, since_ms=coin.candles.since_ms(now_ms))


def watched_by_rest(state: State) -> tuple[str, ...]:
    """Coins with a position whose prices do not come by stream."""
    holding = (Phase.HOLDING, Phase.EXITING, Phase.ENTERING, Phase.IN_DOUBT)
    return tuple(
        coin.coin
        for coin in state.coins.values()
        if coin.phase in holding and (not state.stream_up or coin.coin in state.frozen)
    )


def prices(state: State, event: Tick) -> Decision:
    """While the stream is down and a position is open: poll prices every FALLBACK_INTERVAL."""
    coins = watched_by_rest(state)
    if not coins:
        state.next_prices_ms = None
        return NOTHING
    if state.next_prices_ms is not None and event.at_ms < state.next_prices_ms:
        return NOTHING
    state.next_prices_ms = event.at_ms + state.wait_ms(state.settings.fallback_interval_ms)
    marks = state.settings.stop_price_source is not StopPriceSource.TRADE
    return Decision(intents=(FetchPrices(coins=coins, marks=marks),)) + _long_down(state, coins)


def _long_down(state: State, coins: tuple[str, ...]) -> Decision:
    """A stream that stays away while positions are open is worth an alert, once an outage."""
    down_ms = state.now_ms - state.stream_changed_ms
    never_up = not state.stream_changed_ms  # a start: the first failure to connect is told, and counts from then
    if state.stream_up or never_up or state.down_alerted or down_ms < state.wait_ms(DOWN_ALERT_MS):
        return NOTHING
    state.down_alerted = True
    text = f"the stream has been down for {down_ms / state.speed / 1000:.0f} s with a position in {', '.join(coins)}"
    return Decision(intents=(Alert(text=f"{text}; prices are polled by REST, the resting stops stand"),))


def account(state: State, event: Tick) -> Decision:
    """Read the account every half minute."""
    if event.at_ms < state.next_account_ms:
        return NOTHING
    return Decision(intents=(fetch_account(state, "periodic check"),))


def fetch_account(state: State, reason: str) -> FetchAccount:
    """The wish to see the account now; the periodic read starts over from here."""
    state.next_account_ms = state.now_ms + state.wait_ms(ACCOUNT_EVERY_MS)
    seen_ms = state.last_fill_ms or state.account_ms or state.now_ms
    since_ms = max(seen_ms - state.wait_ms(FILLS_OVERLAP_MS), 0)
    flows_since_ms = state.brakes.flows_ms or None
    return FetchAccount(fills_since_ms=since_ms, flows_since_ms=flows_since_ms, reason=reason)


def leave(state: State) -> Decision:
    """While stopping: leave as soon as no order is on its way and every position is covered, or when patience ends."""
    if state.quit_due_ms is None:
        return NOTHING
    busy = [coin for coin in state.coins.values() if _busy(coin)]
    if busy and state.now_ms < state.quit_due_ms:
        return NOTHING
    state.stopped = True
    state.quit_due_ms = None
    text = "leaving with something undone: an order on its way, or a position whose resting stop is not confirmed"
    notes = tuple(Note(topic="bot", text=f"{coin.coin}: {text}", level="WARNING") for coin in busy)
    return Decision(intents=(Quit(reason=state.stopping),), notes=notes)


def _busy(coin: CoinState) -> bool:
    on_its_way = any(order.state in (OrderState.SENT, OrderState.DOUBT) for order in coin.orders.values())
    held = coin.position.size != 0 and not coin.left_alone
    return on_its_way or coin.making is not None or (held and (coin.exit is not None or not coin.covered_ms))
