"""What is looked after by REST while everything comes by stream: the account, deposits, prices, candles that lack.

The exchange counts every request, so these are done by and by: whatever else was asked for within the last minute,
together they stay under `ROOM`. What protects or follows an order is asked for at once and only written down here.
Without the account's stream the account is read every half minute instead, and this looks after deposits alone.
"""

from collections.abc import Callable

from tidegate.core import bars
from tidegate.core.state import CoinState, State
from tidegate.model.intents import (
    NOTHING,
    CheckPrices,
    Decision,
    FetchCandles,
    FetchPositions,
    FetchRequests,
    Intent,
)

ROOM = 58
WINDOW_MS = 61_000
"""A little more than the exchange's minute: two requests that far apart never fall into the same one."""
LOOK_MS = 5_000
POSITIONS_EVERY_MS = 30_000
PRICES_EVERY_MS = 60_000
CANDLES_EVERY_MS = 20_000
FLOWS_EVERY_MS = 900_000
FLOWS_AGAIN_MS = 5_000
REQUESTS_EVERY_MS = 3_600_000
REQUESTS_AFTER_MS = 90_000
THIN_PATIENCE_MS = 30_000
"""A coin in which nobody trades may wait so long for the successor of its last candle before REST is asked."""

FILLS_EVERY_MS = 350_000

LAG_MAX_MS = 2_000
"""Prints that are all later than this, or come from the future, say that our clock may be off."""
LAG_AGAIN_MS = 20_000

LIGHT, HEAVY = 2, 20


def due(state: State) -> Decision:
    """The next pieces of upkeep that are due and for which there is room."""
    if state.upkeep.next_ms is None or state.now_ms < state.upkeep.next_ms:
        return NOTHING
    state.upkeep.next_ms = state.now_ms + state.wait_ms(LOOK_MS)
    _look_at_the_clock(state)
    wishes: list[Intent] = []
    for name, every_ms, make in _CHORES:
        if state.now_ms < state.upkeep.due_ms.get(name, 0):
            continue
        made = make(state)
        if made is None:
            continue
        weight, wish = made
        if not _has_room(state, weight):
            continue
        spent(state, weight)
        state.upkeep.due_ms[name] = state.now_ms + state.wait_ms(every_ms)
        if isinstance(wish, FetchCandles):
            state.change(wish.coin, fetching_since_ms=state.now_ms)
        wishes.append(wish)
    positions_ms = state.upkeep.due_ms.get("positions", 0)
    if by_stream(state) and positions_ms > state.now_ms:  # what happens unheard is found within half a minute
        state.upkeep.next_ms = min(state.upkeep.next_ms, positions_ms)
    return Decision(intents=tuple(wishes))


def begin(state: State) -> None:
    """A session starts: the account was read just now."""
    state.upkeep.next_ms = state.now_ms + state.wait_ms(LOOK_MS)
    account_is_read(state, fills=True, flows=True)
    flows_are_known(state)
    state.upkeep.due_ms["requests"] = state.now_ms + state.wait_ms(REQUESTS_AFTER_MS)


def lagged(state: State, lag_ms: int) -> None:
    """A print was heard so long after it happened, by our clock."""
    chores, most_ms = state.upkeep, state.wait_ms(LAG_MAX_MS)
    chores.lag_ms = lag_ms if chores.lag_ms is None else min(chores.lag_ms, lag_ms)
    if lag_ms < -most_ms and chores.next_ms is not None and _may_ask(state):
        chores.next_ms = min(chores.next_ms, state.now_ms)


def _look_at_the_clock(state: State) -> None:
    """Every print of the last seconds came late or from the future: the exchange's time comes with the positions."""
    lag_ms, state.upkeep.lag_ms = state.upkeep.lag_ms, None
    if lag_ms is not None and abs(lag_ms) > state.wait_ms(LAG_MAX_MS) and _may_ask(state):
        state.upkeep.lag_asked_ms = state.now_ms
        state.upkeep.due_ms["positions"] = state.now_ms


def _may_ask(state: State) -> bool:
    """Whether it was long ago that a lag had the clock looked at; a clock that was set back counts as long ago."""
    return not 0 <= state.now_ms - state.upkeep.lag_asked_ms < state.wait_ms(LAG_AGAIN_MS)


def spent(state: State, weight: int) -> None:
    """Write down what a request weighs."""
    from_ms = state.now_ms - state.wait_ms(WINDOW_MS)
    kept = [each for each in state.upkeep.spent if each[0] > from_ms]
    state.upkeep.spent = [*kept, (state.now_ms, weight)]


def account_is_read(state: State, *, fills: bool, flows: bool) -> None:
    """A reading of the account leaves: state, spot balances and time, open orders; fills and deposits if asked for."""
    spent(state, 3 * LIGHT + HEAVY * (1 + fills + flows))
    if fills:
        state.upkeep.due_ms["fills"] = state.now_ms + state.wait_ms(FILLS_EVERY_MS)
    state.upkeep.due_ms["positions"] = state.now_ms + state.wait_ms(POSITIONS_EVERY_MS)


def fills_are_due(state: State) -> bool:
    """Whether a periodic reading should ask for fills: while they come by stream, only now and then, or in doubt."""
    if not by_stream(state) or any(coin.mismatches for coin in state.coins.values()):
        return True
    return state.now_ms >= state.upkeep.due_ms.get("fills", 0)


def by_stream(state: State) -> bool:
    """Whether the account comes by stream now."""
    return state.settings.streams_account and state.stream_up


def flows_are_due(state: State) -> bool:
    """Whether this reading of the account should ask for deposits: where nothing else does, or they are wanted now."""
    if state.now_ms < state.upkeep.due_ms.get("flows", 0) or (by_stream(state) and not state.upkeep.flows_wanted):
        return False
    state.upkeep.flows_wanted, state.upkeep.flows_asked_ms = False, state.now_ms
    state.upkeep.due_ms["flows"] = state.now_ms + state.wait_ms(FLOWS_EVERY_MS)
    return True


def want_flows(state: State) -> None:
    """Deposits must be known before anything is concluded from the money: soon, but not again and again."""
    due_ms = max(state.upkeep.flows_asked_ms + state.wait_ms(FLOWS_AGAIN_MS), state.now_ms)
    state.upkeep.due_ms["flows"] = due_ms
    state.next_account_ms = min(state.next_account_ms, due_ms)
    state.upkeep.flows_wanted = True


def flows_are_known(state: State) -> None:
    """Deposits were read just now."""
    state.upkeep.due_ms["flows"] = state.now_ms + state.wait_ms(FLOWS_EVERY_MS)


def stream_lost(state: State) -> None:
    """Nothing tells of the account any more: it is read soon."""
    state.next_account_ms = min(state.next_account_ms, state.now_ms + state.wait_ms(POSITIONS_EVERY_MS))


def catch_up(state: State) -> None:
    """Candles that were missed are asked for, once the stream has told where it stands."""
    if state.settings.streams_candles:
        state.upkeep.gaps_ms = state.now_ms + state.wait_ms(LOOK_MS)


def _has_room(state: State, weight: int) -> bool:
    """Whether so much may be spent: in the minute up to now, and in the one up to the account's own next reading."""
    if not by_stream(state) or weight <= 2 * LIGHT:
        return True
    window_ms, account_ms = state.wait_ms(WINDOW_MS), state.next_account_ms
    until_now = sum(each for at_ms, each in state.upkeep.spent if at_ms > state.now_ms - window_ms)
    if until_now + weight > ROOM:
        return False
    before = sum(each for at_ms, each in state.upkeep.spent if at_ms > account_ms - window_ms)
    takes = 3 * LIGHT + HEAVY * (1 + (account_ms >= state.upkeep.due_ms.get("fills", 0)))
    return account_ms >= state.now_ms + window_ms or before + weight + takes <= ROOM


# the chores


def _positions(state: State) -> tuple[int, Intent] | None:
    return (2 * LIGHT, FetchPositions()) if by_stream(state) else None


def _flows(state: State) -> tuple[int, Intent] | None:
    if not by_stream(state) or not state.brakes.flows_ms or state.upkeep.flows_wanted:
        return None  # (where they are wanted at once, the account's next reading brings them along)
    return 2 * LIGHT + HEAVY, FetchPositions(flows_since_ms=state.brakes.flows_ms)


def _prices(state: State) -> tuple[int, Intent] | None:
    coins = tuple(name for name in state.coins if name not in state.frozen or name in state.upkeep.diverged)
    return (LIGHT, CheckPrices(coins=coins)) if state.stream_up and coins else None


def _requests(_state: State) -> tuple[int, Intent] | None:
    return HEAVY, FetchRequests()


def _candles(state: State) -> tuple[int, Intent] | None:
    """The candles of one coin: of one that waits for a quiet market's next print, else of the one that was not held
    against REST for longest."""
    coins = [coin for coin in state.coins.values() if bars.streamed(state, coin) and coin.fetching_since_ms is None]
    patient_ms = state.now_ms - state.wait_ms(THIN_PATIENCE_MS)
    waiting = [coin for coin in coins if coin.waiting_since_ms is not None and coin.waiting_since_ms <= patient_ms]
    if waiting:
        coin = min(waiting, key=_of_first)
        return HEAVY + 1, _wish(state, coin, coin.candles.since_ms(state.now_ms))
    if not coins:
        return None
    coin = min(coins, key=lambda each: each.checked_ms)
    if state.now_ms - coin.checked_ms < state.wait_ms(PRICES_EVERY_MS):
        return None
    return HEAVY + 1, _wish(state, coin, coin.candles.check_from_ms(state.now_ms))


def _of_first(coin: CoinState) -> tuple[bool, int]:
    """Who comes first: a coin with a position, then who was read longest ago."""
    return not coin.position.size, coin.checked_ms


def fetch(state: State, coin: CoinState) -> Intent:
    """Read a coin's candles now, from the first that is missing on."""
    spent(state, HEAVY)
    state.change(coin.coin, fetching_since_ms=state.now_ms)
    return _wish(state, coin, coin.candles.since_ms(state.now_ms))


def _wish(state: State, coin: CoinState, since_ms: int) -> FetchCandles:
    return FetchCandles(coin=coin.coin, timeframe=state.settings.timeframe, since_ms=since_ms)


_CHORES: tuple[tuple[str, int, Callable[[State], tuple[int, Intent] | None]], ...] = (
    ("positions", POSITIONS_EVERY_MS, _positions),
    ("prices", PRICES_EVERY_MS, _prices),
    ("flows", FLOWS_EVERY_MS, _flows),
    ("candles", CANDLES_EVERY_MS, _candles),
    ("requests", REQUESTS_EVERY_MS, _requests),
)
