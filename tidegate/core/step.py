"""The one door: a fact comes in, the state changes, wishes and explanations go out.

`step` is a pure function of (state, event) in the sense that matters: the same events from the same start give the
same decisions, always. It knows no clock, no I/O and no chance; `event.at_ms` is the only time there is.
"""

from collections.abc import Callable
from typing import Any

from tidegate.core import (
    adds,
    adoption,
    apart,
    bars,
    blocks,
    brakes,
    connection,
    costs,
    crosscheck,
    doubt,
    entering,
    entries,
    exits,
    fills,
    leverages,
    listings,
    metadata,
    milestones,
    money,
    orders,
    protection,
    reconcile,
    schedule,
    staleness,
    trims,
    twaps,
    upkeep,
    watchlist,
)
from tidegate.core.candles import CandleCache
from tidegate.core.state import CoinState, OrderState, State
from tidegate.model.events import (
    AccountMissed,
    AccountSeen,
    BlockSeen,
    BookChanged,
    CandleChanged,
    CandlesFetched,
    CoinFound,
    CoinNotFound,
    CoinsHeard,
    CoinsUnheard,
    Command,
    Event,
    Faulted,
    FeesSeen,
    FundingPaid,
    LeverageRefused,
    LeverageSet,
    Marked,
    MetadataSeen,
    Mid,
    NonceSpent,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderInDoubt,
    OrderOpened,
    OrderRejected,
    OrderSeen,
    OrdersSent,
    PositionsSeen,
    PricesSeen,
    RequestsSeen,
    Signalled,
    Started,
    StopsListed,
    StrategistRestarted,
    StreamDown,
    StreamFrozen,
    StreamUp,
    Tick,
    Trade,
    TwapsSeen,
    TwapStarted,
    TwapStopped,
)
from tidegate.model.intents import (
    NOTHING,
    Alert,
    Decision,
    Evaluate,
    FetchCandles,
    Intent,
    Level,
    Note,
    PlaceOrders,
    Quit,
    ResendOrders,
    SetLeverage,
    SpendNonce,
    Subscribe,
    Topic,
)
from tidegate.model.positions import Position
from tidegate.model.watchlist import Origin

STOP_PATIENCE_MS = 5_000
"""How long leaving may be put off by an order on its way or a position whose stop is not confirmed yet."""


_OF_A_COIN = (PlaceOrders, SetLeverage, ResendOrders)
_ABOUT_A_COIN = (FetchCandles, Evaluate, SetLeverage)


def step(state: State, event: Event) -> Decision:
    """Apply one fact. The only function that changes `state`."""
    state.now_ms = max(state.now_ms, event.at_ms)
    decision = _HANDLERS[type(event)](state, event)
    if state.started and not state.is_warm:
        decision += milestones.reached(state)
    if state.brakes.flatten and state.started:
        decision += brakes.flatten(state)
    return decision + schedule.leave(state) if state.stopping else decision


def still_wanted(state: State, intent: Intent) -> bool:
    """Whether a wish that waited its turn still makes sense.

    An order that was given up meanwhile does not, nor what would touch a position that came up and is left alone, nor
    what is about a coin that was removed.
    """
    if isinstance(intent, _ABOUT_A_COIN) and intent.coin not in state.coins:
        return False
    if isinstance(intent, _OF_A_COIN):
        name = state.coin_of.get(intent.cloid) if isinstance(intent, ResendOrders) else intent.coin
        if name is not None and name in state.coins and state.coins[name].left_alone:
            return False
    if isinstance(intent, SpendNonce):
        order = state.order(intent.cloid)
        return order is not None and order.state is OrderState.DOUBT
    return not isinstance(intent, PlaceOrders) or any(order.cloid in state.coin_of for order in intent.orders)


# starting and stopping


def on_started(state: State, event: Started) -> Decision:
    """The first fact: set up the coins, adopt what is open, ask for what is missing."""
    assert not state.started, "a session starts once"
    settings = event.settings
    state.settings, state.tag, state.speed, state.started = settings, event.instance_tag, event.speed, True
    state.started_ms = event.at_ms
    state.equity, state.free, state.account_ms = event.account.equity, event.account.free, event.account.time_ms
    for instrument in event.instruments:
        cache = CandleCache.new(settings, event.at_ms)
        state.coins[instrument.coin] = CoinState(
            instrument=instrument,
            candles=cache,
            position=Position(coin=instrument.coin),
            origin=event.origins.get(instrument.coin, Origin.COINS),
        )
    state.memory = {each.coin: each for each in event.remembered if each.coin not in state.coins}
    state.next_poll_ms = state.now_ms
    upkeep.begin(state)
    state.next_account_ms = state.now_ms + state.wait_ms(schedule.ACCOUNT_EVERY_MS)
    state.next_metadata_ms = state.now_ms + state.wait_ms(metadata.EVERY_MS)
    state.fees, state.next_fees_ms = event.fees, state.now_ms + state.wait_ms(costs.EVERY_MS)
    decision = Decision(intents=(Subscribe(coins=tuple(state.coins)),), notes=schedule.tiers(state))
    decision += leverages.at_start(state, event)
    state.brakes = event.brakes
    decision += brakes.on_account(state, event.account)
    decision += adoption.at_start(state, event.account, {each.coin: each for each in event.remembered})
    if state.refused:
        state.stopping, state.stopped = state.refused, True
        return decision + Decision(intents=(Quit(reason=state.refused), Alert(text=state.refused)))
    return decision + leverages.ask(state)


def on_command(state: State, event: Command) -> Decision:
    """An operator's wish; `brakes` has all but one. `stop`: no more entries, the resting stops stay, leave when
    nothing is on its way.
    """
    if event.name in watchlist.COMMANDS:
        return watchlist.on_command(state, event)
    if event.name != "stop":
        decision = brakes.on_command(state, event)
        if state.brakes.trips:
            doubt.ask_now(state)
        return decision
    if state.stopping:
        return NOTHING
    state.stopping = event.reason or "asked to stop"
    doubt.ask_now(state)
    state.quit_due_ms = state.now_ms + state.wait_ms(STOP_PATIENCE_MS)
    for coin in tuple(state.coins):
        state.change(coin, wanted=None)
    guarded = (coin for coin in state.coins.values() if coin.position.size and not coin.left_alone)
    held = [f"{coin.coin} {coin.position.size}" for coin in guarded]
    rest = f"; open positions keep their resting stops: {', '.join(held)}" if held else "; no position is open"
    others = [f"{coin.coin} {coin.position.size}" for coin in state.coins.values() if coin.left_alone]
    if others:
        rest = f"{rest if held else ''}; left alone as before: {', '.join(others)}"
    note = Note(topic="bot", text=f"stopping: {state.stopping}; no more entries{rest}")
    return Decision(notes=(note,))


# time


def on_tick(state: State, event: Tick) -> Decision:
    """Nothing happened until something was due."""
    if state.stopped:
        return NOTHING
    decision = schedule.prices(state, event)
    for name in tuple(state.coins):
        decision += exits.retry(state, state.coins[name])
        decision += protection.on_due(state, state.coins[name])
        decision += protection.cover_growth(state, state.coins[name])
        decision += entering.look(state, name) + twaps.look(state, name)
        for order in tuple(state.coins[name].orders.values()):
            decision += doubt.on_due(state, order)
    if not state.stopping:
        decision += schedule.poll(state, event) + schedule.gaps(state) + upkeep.due(state)
        decision += watchlist.leave(state) + apart.look(state)
        decision += leverages.ask(state) + metadata.on_due(state) + costs.on_due(state) + blocks.on_due(state)
    return decision + schedule.account(state, event)


# prices and candles


def on_trade(state: State, event: Trade) -> Decision:
    """A print: exits first; then a signal that waited for a price, and the resting stop behind a trailing one."""
    decision = (exits.on_trade(state, event) or _price_heard(state, event.coin)) + _follow(state, event.coin)
    if event.coin in state.coins:
        bars.on_print(state, event)
    decision += blocks.heard(state, event.time_ms)
    return decision + trims.heard(state, event.coin, event.price, event.time_ms)


def on_mark(state: State, event: Marked) -> Decision:
    """The mark moved: exits first; then a signal that waited for it, and the resting stop behind a trailing one."""
    decision = (exits.on_mark(state, event) or _price_heard(state, event.coin)) + _follow(state, event.coin)
    return decision + trims.heard(state, event.coin, event.mark, event.time_ms, mark=True)


def on_mid(state: State, event: Mid) -> Decision:
    """A polled price: exits first; then the resting stop behind a trailing one."""
    decision = exits.on_mid(state, event) + _follow(state, event.coin)
    return decision + trims.heard(state, event.coin, event.price, event.at_ms)


def _follow(state: State, name: str) -> Decision:
    coin = state.coins.get(name)
    if coin is None or coin.bracket is None or not coin.bracket.trailed:
        return NOTHING
    return protection.follow_trail(state, coin)


def on_book(state: State, event: BookChanged) -> Decision:
    """The touch moved: exits first; a signal that waited for a price may go now."""
    decision = exits.on_book(state, event) or _price_heard(state, event.coin)
    return decision + blocks.heard(state, event.time_ms) + trims.on_book(state, event)


def _price_heard(state: State, name: str) -> Decision:
    coin = state.coins.get(name)
    if coin is None:
        return NOTHING
    if coin.making is not None:
        return entering.look(state, name)
    if coin.wanted is None or not coin.wanted.hindrance:
        return NOTHING
    return entries.consider(state, coin)


def on_strategist_restarted(state: State, event: StrategistRestarted) -> Decision:
    """The strategy's process is new: it gets all bars again with the next poll."""
    for name in tuple(state.coins):
        state.change(name, told_from_ms=0, told_until_ms=0)
    return Decision(notes=(Note(topic="strategist", text=f"restarted: {event.reason}", level="WARNING"),))


# the rest


def on_seen(state: State, event: OrderSeen) -> Decision:
    """The answer about an order in doubt becomes a fact of the usual kinds; so does that a resting entry is filled."""
    settled, order = doubt.on_seen(state, event), state.order(event.cloid)
    if isinstance(settled, OrderRejected):
        assert order is not None
        return orders.never_placed(state, order, settled.reason)
    return settled if isinstance(settled, Decision) else step(state, settled)


def on_funding(_state: State, event: FundingPaid) -> Decision:
    """A funding payment: shown, and part of the equity that the next account read brings."""
    verb = "received" if event.usd >= 0 else "paid"
    return Decision(notes=(Note(topic="account", text=f"{event.coin} funding {verb}: {abs(event.usd):f} USD"),))


def on_fault(state: State, event: Faulted) -> Decision:
    """Something failed at an edge. A failed candle read is asked for again with the next poll."""
    coin = state.coins.get(event.coin or "")
    if coin is not None and event.where == "candles":
        state.change(coin.coin, fetching_since_ms=None)
    if event.where == "account":
        # By the clock of the failure: ours may have fallen back, and this read would have corrected it.
        again_ms = event.at_ms + state.wait_ms(schedule.ACCOUNT_AGAIN_MS)
        state.next_account_ms = min(state.next_account_ms, again_ms)
    if event.where == "strategist" and coin is not None:
        state.change(coin.coin, told_from_ms=0, told_until_ms=0)
    what = f"{event.coin}: {event.reason}" if event.coin else event.reason
    topic = _TOPIC_OF.get(event.where, "bot")
    metadata.failed(state, event.where)
    costs.failed(state, event.where)
    level: Level = "WARNING" if state.tells_again(event.where, event.coin or "") else "DEBUG"
    notes = (Note(topic=topic, text=f"{event.where}: {what}", level=level),)
    return Decision(notes=notes) + staleness.noticed(state, event)


_TOPIC_OF: dict[str, Topic] = {
    "candles": "poll",
    "prices": "stream",
    "stream": "stream",
    "account": "account",
    "metadata": "account",
    "fees": "account",
    "order": "order",
    "strategist": "strategist",
}

_HANDLERS: dict[type[Any], Callable[[State, Any], Decision]] = {
    Trade: on_trade,
    BookChanged: on_book,
    Marked: on_mark,
    Mid: on_mid,
    CandlesFetched: bars.on_fetched,
    CandleChanged: bars.on_streamed,
    Signalled: adds.on_signal,
    StrategistRestarted: on_strategist_restarted,
    StreamUp: connection.on_up,
    StreamDown: connection.on_down,
    StreamFrozen: connection.on_frozen,
    CoinsUnheard: connection.on_unheard,
    CoinsHeard: connection.on_heard,
    AccountMissed: connection.on_missed,
    OrdersSent: orders.on_sent,
    OrderAccepted: orders.on_accepted,
    OrderRejected: orders.on_rejected,
    OrderFilled: fills.on_fill,
    OrderCanceled: orders.on_canceled,
    OrderOpened: orders.on_opened,
    OrderInDoubt: orders.on_doubt,
    NonceSpent: orders.on_spent,
    OrderSeen: on_seen,
    TwapStarted: twaps.started,
    TwapStopped: twaps.stopped,
    TwapsSeen: twaps.seen,
    LeverageSet: orders.on_leverage,
    LeverageRefused: orders.on_leverage_refused,
    AccountSeen: reconcile.on_account,
    StopsListed: listings.on_listed,
    PositionsSeen: crosscheck.on_positions,
    PricesSeen: crosscheck.on_prices,
    RequestsSeen: money.requests_seen,
    FundingPaid: on_funding,
    Started: on_started,
    CoinFound: watchlist.on_found,
    CoinNotFound: watchlist.on_not_found,
    MetadataSeen: metadata.on_seen,
    BlockSeen: blocks.on_seen,
    FeesSeen: costs.on_seen,
    Tick: on_tick,
    Command: on_command,
    Faulted: on_fault,
}
