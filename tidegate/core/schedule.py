"""When things are due: polls on an exact grid, prices while the stream is down, the account, orders in doubt.

A poll is due at once after the start and then at every whole multiple of CHECK_INTERVAL since the epoch, plus
`SETTLE_MS` in which the exchange closes its candles. A grid cannot drift, and with an interval that divides the
timeframe a decision falls right behind the close of its bar. A late cycle is not made up for: it is skipped.
"""

from tidegate.core import bars, blocks, upkeep
from tidegate.core.state import CoinState, OrderState, Phase, State
from tidegate.model.events import Tick
from tidegate.model.intents import NOTHING, Alert, Decision, FetchAccount, FetchPrices, Note, Quit
from tidegate.model.market import MINUTE_MS
from tidegate.model.settings import StopPriceSource

SETTLE_MS = 1_000
ACCOUNT_EVERY_MS = 30_000
ACCOUNT_AGAIN_MS = 3_000
"""A view of the account that failed is asked for again so soon: a stop may be missing."""
PERIODIC = "periodic check"
FILLS_OVERLAP_MS = 60_000
ACCOUNT_STREAMED_MS = 180_000
ACCOUNT_HELD_MS = 65_000
"""How often the account is read while it also comes by stream: without and with a position."""
MARKS_EVERY_MS = 3_000
MARKS_CALM_MS = 20_000
"""Marks by REST weigh ten times what mids do: while a stop watches them, and while none does."""
PRICES_CALM_MS = 20_000
"""Prices of coins that are not streamed and have no position."""
POLLED_PER_MINUTE = 20
"""So many coins' candles may be read in a minute in place of the stream; more are polled in tiers."""
GOLDEN = 0.618_033_988_75
"""Its multiples' fractions spread as evenly as can be, however many there are."""
DOWN_ALERT_MS = 60_000
FETCH_PATIENCE_MS = 20_000
"""A read that has not come back by then is asked for again."""


def next_due_ms(state: State) -> int:
    """The next moment at which a Tick has work to do."""
    due = [state.next_account_ms]
    if not state.stopping:
        due.append(state.next_poll_ms)
        if state.upkeep.next_ms is not None:
            due.append(state.upkeep.next_ms)
        now_and_then = (state.next_metadata_ms, state.next_fees_ms, blocks.due_ms(state))
        due += (each for each in now_and_then if each is not None)
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
        if coin.twap is not None:
            due.append(coin.twap.look_ms)
        if coin.growth_due_ms is not None:
            due.append(coin.growth_due_ms)
        due.extend(order.ask_due_ms for order in coin.orders.values() if order.ask_due_ms is not None)
    return min(due)


def grid_after(now_ms: int, interval_ms: int, settle_ms: int) -> int:
    """The first grid moment (a multiple of the interval, plus the settling time) after `now_ms`."""
    return (now_ms - settle_ms) // interval_ms * interval_ms + interval_ms + settle_ms


def settling_ms(state: State) -> int:
    """How long after its bar a decision is due, in exchange time.

    The time in which a read finds its candle closed is ours, however fast a replay runs. A streamed candle is waited
    for anyway: there nothing is gained by deciding later in the bar.
    """
    is_told = state.settings.streams_candles and state.stream_up
    return SETTLE_MS if is_told else state.wait_ms(SETTLE_MS)


def poll(state: State, event: Tick) -> Decision:
    """Ask for the candles that are missing, for every coin, when the grid says so."""
    now_ms = event.at_ms
    if now_ms < state.next_poll_ms:
        return NOTHING
    interval_ms, settle_ms = state.settings.check_interval_ms, settling_ms(state)
    notes: list[Note] = []
    first = not state.last_poll_ms
    if not first:
        skipped = (now_ms - state.next_poll_ms) // interval_ms
        if skipped:
            notes.append(Note(topic="poll", level="WARNING", text=f"{skipped} polls were missed: the bot was held up"))
    state.last_poll_ms = now_ms
    state.next_poll_ms = grid_after(now_ms, interval_ms, settle_ms)
    cycle = 0 if first else (now_ms - settle_ms) // interval_ms
    decision = Decision(notes=tuple(notes))
    behind: list[CoinState] = []
    for coin in tuple(state.coins.values()):
        if bars.streamed(state, coin):
            decision += bars.expect(state, coin)
            if not coin.candles.needs_rest:
                continue
        behind.append(coin)
    return decision + _read_candles(state, behind, cycle)


def _read_candles(state: State, coins: list[CoinState], cycle: int) -> Decision:
    """Ask for the candles of those that are due in this cycle, coins with a position first."""
    coins.sort(key=lambda coin: not coin.position.size)
    tier = len(coins)
    if state.settings.streams_candles:
        tier = tier_size(len(coins), state.settings.check_interval_ms / state.speed)
    due = [coin for rank, coin in enumerate(coins) if coin.candles.is_unread or is_polled(rank, cycle, tier)]
    return Decision(intents=tuple(upkeep.fetch(state, coin) for coin in due if _may_fetch(state, coin)))


def gaps(state: State) -> Decision:
    """After the stream has returned: read the candles that it left out."""
    if state.upkeep.gaps_ms is None or state.now_ms < state.upkeep.gaps_ms:
        return NOTHING
    state.upkeep.gaps_ms = None
    behind = [coin for coin in state.coins.values() if bars.streamed(state, coin) and coin.candles.needs_rest]
    return _read_candles(state, behind, 0)


def is_polled(rank: int, cycle: int, tier: int) -> bool:
    """Whether the coin of this rank is polled in this cycle: the first `tier` in each, the next in every second, …

    Each has a turn of its own within that, so that no cycle weighs much more than another. In cycle 0 all are.
    """
    every = rank // tier + 1
    return not cycle or (cycle + int(rank * GOLDEN % 1 * every)) % every == 0


def tier_size(coins: int, interval_ms: float) -> int:
    """The largest tier with which polling so many coins stays within `POLLED_PER_MINUTE`, at least one."""
    allowed = max(1.0, POLLED_PER_MINUTE * interval_ms / MINUTE_MS)
    tier = max(1, coins)
    while tier > 1 and _coins_a_cycle(coins, tier) > allowed:
        tier -= max(1, tier // 20)
    return tier


def ways(state: State) -> dict[str, str]:
    """How each coin's prices and candles come now, in words: by stream, or by REST and in which tier."""
    streams = state.settings.streams_prices
    behind = [coin for coin in state.coins.values() if not streams or not state.is_heard(coin.coin)]
    if not behind:
        return dict.fromkeys(state.coins, "stream")
    behind.sort(key=lambda coin: not coin.position.size)
    tier = len(behind)
    if state.settings.streams_candles:
        tier = tier_size(len(behind), state.settings.check_interval_ms / state.speed)
    cycles = {coin.coin: rank // tier + 1 for rank, coin in enumerate(behind)}
    return {name: f"REST, tier {cycles[name]}" if name in cycles else "stream" for name in state.coins}


def tiers(state: State) -> tuple[Note, ...]:
    """At the start: which coins can be polled in each cycle while the stream is down, unless it is all of them."""
    coins, settings = len(state.coins), state.settings
    tier = tier_size(coins, settings.check_interval_ms / state.speed)
    if not settings.streams_candles or tier >= coins:
        return ()
    seconds = settings.check_interval_s
    most, wanted = upkeep.HEAVY * POLLED_PER_MINUTE, coins * upkeep.HEAVY * 60 / float(seconds)
    text = (
        f"without the stream {coins} coins every {seconds} s would weigh {wanted:.0f} a minute, of which candles may "
        f"have {most}: {tier} are polled in each cycle, the next {tier} in every second, and so on; a longer "
        f"CHECK_INTERVAL or fewer COINS changes that"
    )
    return (Note(topic="poll", text=text),)


def _coins_a_cycle(coins: int, tier: int) -> float:
    full, rest = divmod(coins, tier)
    return sum(tier / number for number in range(1, full + 1)) + rest / (full + 1)


def _may_fetch(state: State, coin: CoinState) -> bool:
    asked_ms = coin.fetching_since_ms
    return asked_ms is None or state.now_ms - asked_ms >= state.wait_ms(FETCH_PATIENCE_MS)


def watched_by_rest(state: State) -> tuple[str, ...]:
    """Coins with a position whose prices do not come by stream."""
    holding = (Phase.HOLDING, Phase.EXITING, Phase.ENTERING, Phase.IN_DOUBT)
    return tuple(
        coin.coin
        for coin in state.coins.values()
        if coin.phase in holding and (not state.stream_up or coin.coin in state.frozen)
    )


def prices(state: State, event: Tick) -> Decision:
    """Poll what does not come by stream: every FALLBACK_INTERVAL while a position is open, else now and then."""
    held = watched_by_rest(state)
    coins = held or _unheard(state)
    if not coins:
        state.next_prices_ms = None
        return NOTHING
    if state.next_prices_ms is not None and event.at_ms < state.next_prices_ms:
        return NOTHING
    settings = state.settings
    pause_ms = settings.fallback_interval_ms if held or not settings.streams_prices else PRICES_CALM_MS
    state.next_prices_ms = event.at_ms + state.wait_ms(pause_ms)
    wish = FetchPrices(coins=coins if settings.streams_prices else tuple(state.coins), marks=_with_marks(state, held))
    return Decision(intents=(wish,)) + (_long_down(state, held) if held else NOTHING)


def _unheard(state: State) -> tuple[str, ...]:
    """Coins without a position whose prices do not come by stream although the rest does, or was never asked to."""
    if not state.settings.streams_prices:
        return tuple(state.coins)
    return tuple(sorted(state.frozen & state.coins.keys())) if state.stream_up else ()


def _with_marks(state: State, held: tuple[str, ...]) -> bool:
    """Whether marks are read too: stops may watch them, and without any there is no entry."""
    watches = bool(held) and state.settings.stop_price_source is not StopPriceSource.TRADE
    if not watches and state.settings.streams_prices:
        return False
    if state.now_ms < state.upkeep.due_ms.get("marks", 0):
        return False
    state.upkeep.due_ms["marks"] = state.now_ms + state.wait_ms(MARKS_EVERY_MS if watches else MARKS_CALM_MS)
    return True


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
    """Read the account every half minute; less often while it also comes by stream."""
    if event.at_ms < state.next_account_ms:
        return NOTHING
    return Decision(intents=(fetch_account(state, PERIODIC),))


def fetch_account(state: State, reason: str) -> FetchAccount:
    """The wish to see the account now; the periodic read starts over from here."""
    held = any(coin.position.size or coin.orders for coin in state.coins.values())
    calm_ms = ACCOUNT_HELD_MS if held else ACCOUNT_STREAMED_MS
    pause_ms = calm_ms if upkeep.by_stream(state) else ACCOUNT_EVERY_MS
    state.next_account_ms = state.now_ms + state.wait_ms(pause_ms)
    seen_ms = state.last_fill_ms or state.upkeep.fills_ms or state.account_ms or state.now_ms
    since_ms = max(seen_ms - state.wait_ms(FILLS_OVERLAP_MS), 0)
    flows_since_ms = (state.brakes.flows_ms or None) if upkeep.flows_are_due(state) else None
    fills = reason != PERIODIC or upkeep.fills_are_due(state)
    upkeep.account_is_read(state, fills=fills, flows=flows_since_ms is not None)
    twaps = any(coin.twap is not None for coin in state.coins.values())
    return FetchAccount(fills_since_ms=since_ms, flows_since_ms=flows_since_ms, fills=fills, twaps=twaps, reason=reason)


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
    return on_its_way or coin.grows or (held and (coin.exit is not None or not coin.covered_ms))
