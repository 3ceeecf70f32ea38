"""From candles to the strategy: what REST read and what the stream told goes into the cache, what is newly closed to
the strategist.

Entries are decided on the grid of CHECK_INTERVAL. Where candles come by stream, a coin whose last candle has not been
closed by then waits for its successor (or for REST); nothing is decided on a candle that was merely inferred. What the
exchange revises is taken over and said; a signal of a bar is acted on once, however often the bar is told.
"""

from collections.abc import Iterable

from tidegate.core.candles import CandleCache, Merge
from tidegate.core.state import CoinState, Phase, State
from tidegate.model.events import CandleChanged, CandlesFetched, Trade
from tidegate.model.intents import NOTHING, Decision, Evaluate, Level, Note
from tidegate.model.market import MINUTE_MS, Candle

SHOWN_MAX = 3
IMBALANCE_MAX_MS = 60_000
"""An order book's imbalance that was told so long ago is not known any more."""
KEPT_MAX = 5_000
"""So many candles of a length are all that the exchange serves."""
_FIELDS = ("open", "high", "low", "close", "volume", "trades")


def on_fetched(state: State, event: CandlesFetched) -> Decision:
    """Candles were read: keep the closed ones, have the strategy look at what is new."""
    coin = state.coins.get(event.coin)
    if coin is None:
        return NOTHING
    lost = _out_of_reach(coin.candles, event.candles)
    cache, merge = coin.candles.merge(event.candles, event.exchange_ms)
    phase = Phase.READY if coin.phase is Phase.WARMING and cache.rows else coin.phase
    coin = state.change(
        event.coin, candles=cache, phase=phase, fetching_since_ms=None, checked_ms=event.at_ms, waiting_since_ms=None
    )
    notes = _troubles(state, coin, merge)
    if lost:
        notes += (Note(topic="poll", text=f"{coin.coin}: {lost}", level="WARNING"),)
    if not cache.tail():
        text = f"{coin.coin}: no closed candle of {state.settings.timeframe.value} yet"
        return Decision(notes=(*notes, Note(topic="poll", text=text)))
    if merge.revised:
        coin = state.change(event.coin, told_until_ms=0)
    unasked = streamed(state, coin) and not coin.decide_open_ms and coin.told_until_ms
    return Decision(notes=notes) + (NOTHING if unasked else decide(state, coin))


def on_streamed(state: State, event: CandleChanged) -> Decision:
    """The candle stream: the forming candle, and by its successor the closing of the last one."""
    coin = state.coins.get(event.coin)
    if coin is None or not state.settings.streams_candles:
        return NOTHING
    cache, merge = coin.candles.stream(event.candle)
    coin = state.change(event.coin, candles=cache)
    if merge.refused:
        return Decision(notes=_troubles(state, coin, merge))
    if merge.revised:
        coin = state.change(event.coin, told_until_ms=0)
    if not coin.decide_open_ms or not cache.has_closed(coin.decide_open_ms):
        return NOTHING
    return decide(state, coin)


def on_print(state: State, event: Trade) -> None:
    """A print widens the candle that it falls into."""
    coin = state.coins[event.coin]
    cache = coin.candles.heard_print(event.low, event.high, event.price, event.time_ms)
    if cache is not coin.candles:
        state.change(event.coin, candles=cache)


def streamed(state: State, coin: CoinState) -> bool:
    """Whether this coin's candles come by stream now."""
    return state.settings.streams_candles and state.stream_up and coin.coin not in state.frozen


def expect(state: State, coin: CoinState) -> Decision:
    """The grid says that a decision is due: at once where the last candle is closed, else as soon as it is."""
    step = coin.candles.interval_ms
    open_ms = state.now_ms - state.now_ms % step - step
    waiting_ms = coin.waiting_since_ms if coin.waiting_since_ms is not None else state.now_ms
    coin = state.change(coin.coin, decide_open_ms=open_ms, waiting_since_ms=waiting_ms)
    return decide(state, coin) if coin.candles.has_closed(open_ms) else NOTHING


def decide(state: State, coin: CoinState) -> Decision:
    """Have the strategy look at what it has not seen, if it may decide on the newest of it."""
    cache = coin.candles
    tail = cache.tail()
    if not tail or not cache.can_decide:
        return NOTHING
    follows = coin.told_from_ms <= tail[0].open_ms <= coin.told_until_ms + cache.interval_ms
    reset = not coin.told_until_ms or not follows
    new = tail if reset else tuple(row for row in tail if row.open_ms > coin.told_until_ms)
    state.change(
        coin.coin,
        told_from_ms=tail[0].open_ms,
        told_until_ms=tail[-1].open_ms,
        decide_open_ms=0,
        waiting_since_ms=None,
    )
    if not new:
        return NOTHING
    is_new = state.now_ms - coin.imbalance_ms <= IMBALANCE_MAX_MS
    wish = Evaluate(
        coin=coin.coin,
        candles=new,
        reset=reset,
        funding=coin.funding,
        imbalance=coin.imbalance if is_new else None,
    )
    return Decision(intents=(wish,))


def _troubles(state: State, coin: CoinState, merge: Merge) -> tuple[Note, ...]:
    words = list(merge.refused[:SHOWN_MAX])
    if merge.out_of_order:
        words.append("the candles came out of order or twice; they were put in order")
    if merge.revised:
        words.append(f"{len(merge.revised)} closed candle(s) were revised by the exchange{_changes(merge)}")
    if coin.candles.has_hole:
        words.append(f"{_hole(coin.candles)}; asked for again")
    level: Level = "WARNING" if words and state.tells_again("candles that are wrong", coin.coin) else "DEBUG"
    return tuple(Note(topic="poll", text=f"{coin.coin}: {each}", level=level) for each in words)


def _out_of_reach(cache: CandleCache, fetched: tuple[Candle, ...]) -> str:
    """What lies between the candles that we have and the oldest that the exchange still keeps, in words."""
    if not cache.rows or len(fetched) < KEPT_MAX:
        return ""
    after_ms = cache.rows[-1].open_ms + cache.interval_ms
    missing = (min(row.open_ms for row in fetched) - after_ms) // cache.interval_ms
    if missing <= 0:
        return ""
    return f"{missing} candles are not to be had any more: the exchange keeps the newest {KEPT_MAX}, ours ended before"


def _changes(merge: Merge) -> str:
    told = [f"{_minute(new.open_ms)} {_difference(old, new)}" for old, new in _pairs(merge)]
    return f": {'; '.join(told)}" if told else ""


def _pairs(merge: Merge) -> Iterable[tuple[Candle, Candle]]:
    return tuple(zip(merge.was, merge.revised, strict=False))[:SHOWN_MAX]


def _difference(old: Candle, new: Candle) -> str:
    pairs = ((name, getattr(old, name), getattr(new, name)) for name in _FIELDS)
    return ", ".join(f"{name} {before} is {after}" for name, before, after in pairs if before != after)


def _hole(cache: CandleCache) -> str:
    tail = cache.tail()
    return f"a candle before {_minute(tail[0].open_ms)} is missing" if tail else "candles are missing"


def _minute(open_ms: int) -> str:
    """A candle by the time at which it opened, UTC."""
    return f"{open_ms // 3_600_000 % 24:02d}:{open_ms // MINUTE_MS % 60:02d}"
