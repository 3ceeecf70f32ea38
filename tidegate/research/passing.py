"""Quiet stretches of a simulation, proved quiet and passed in one go.

Between two moments at which anything can happen nobody reacts to a print: no level of the bot or of an order on the
exchange lies in between, no bar closes on which the strategy wishes something, nothing is on its way, no hour of
funding ends while a position is open, no day ends, no loss limit is reached. Owns that proof, how far such a stretch
reaches, and that both sides stand at its end as if it had been played: the exchange by `Leaper`, the bot by being told,
through its own protocol, what it would have heard last. Everything at which something happens is played print by print,
by the real parts.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from tidegate.core import costs, schedule
from tidegate.core.state import CoinState, OrderState, Phase, State
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel import wealth
from tidegate.localnet.kernel.premiums import HOUR_MS, SETTLES_AFTER_MS
from tidegate.localnet.markets.candle_replay import CandleReplay
from tidegate.localnet.markets.candles import CandleStore
from tidegate.localnet.markets.market import play
from tidegate.model.brakes import Brake
from tidegate.model.events import AccountSeen, Event
from tidegate.model.market import Candle
from tidegate.model.settings import HUNDRED
from tidegate.research import levels
from tidegate.research.calm import account_pause_ms, put_clocks, without_deposits
from tidegate.research.stream import TICK_MS, SimulatedStream
from tidegate.research.timeline import NS_PER_MS, Timeline
from tidegate.research.wishes import Wishes

if TYPE_CHECKING:
    from tidegate.localnet.markets.leaping import Leaper
    from tidegate.localnet.markets.leaping import State as Prices
    from tidegate.localnet.markets.quiet import Band

DAY_MS = 86_400_000
SHORTEST_MS = 3_000
"""A stretch that is shorter is played: passing it would cost more."""
BACK_MS = 12_000
"""So far before the end of a stretch a moment is looked for in which nothing is on its way."""
SECOND_MS = 1_000
NEAR_A_LIMIT = 1e-3
"""So near to a loss limit, as a share of what it is counted from, everything is played."""

_encode = msgspec.json.Encoder().encode


class Bot(NamedTuple):
    """The bot whose time is passed, and the ways it hears by."""

    state: State
    stream: SimulatedStream
    protocol: StreamProtocol
    client: HyperliquidClient
    latency_ms: int


class Ahead(NamedTuple):
    """What lies ahead: something may happen at `limit_ms`; until then the account would be read at `reads_ms` (asked),
    and is worth `equities` when each is answered.
    """

    limit_ms: int
    reads_ms: Any
    equities: Any


class Passage:
    """Looks for quiet stretches whenever the bot waits, and passes them."""

    def __init__(
        self, leaper: "Leaper", exchange: Exchange, replay: CandleReplay, time: Timeline, wishes: Wishes, account: str
    ) -> None:
        self._leaper, self._exchange, self._replay, self._time = leaper, exchange, replay, time
        self._wishes, self._account = wishes, account
        self._again_ms = 0
        self.passed_ms = 0

    def board(self, bot: Bot) -> None:
        """A bot begins."""
        self._bot, self._state, self._latency_ms = bot, bot.state, bot.latency_ms

    def takes(self, end_ms: int | None) -> list[Event] | None:
        """Pass the stretch that begins now, if one does; what the bot has heard by its end."""
        now_ms, from_ms = self._time.now_ms, self._exchange.now_ms
        if now_ms < self._again_ms or not self._time.only_waits_for(self._bot.stream.look) or not self._is_quiet():
            return None
        horizon_ms = self._horizon_ms(now_ms, end_ms)
        bands = self._bands() if horizon_ms - now_ms >= SHORTEST_MS + self._latency_ms else None
        if bands is None:
            self._again_ms = now_ms + SECOND_MS
            return None
        ahead = self._ahead(from_ms, horizon_ms, bands)
        if ahead is None or ahead.limit_ms - now_ms < SHORTEST_MS + self._latency_ms:
            self._again_ms = now_ms + SECOND_MS if ahead is None else ahead.limit_ms + 1
            return None
        until_ms = self._leaves_ms(from_ms, ahead, bands)
        if until_ms is None:
            self._again_ms = ahead.limit_ms + 1
            return None
        heard: list[Event] = []
        for at_ms in self._stops_ms(from_ms, until_ms, ahead):
            heard += self._stop(at_ms, bands)
        self._walk_to(until_ms, bands)
        self.passed_ms += until_ms - from_ms
        return heard + self._arrive(until_ms)

    # whether it is quiet, and until when

    @property
    def _holds(self) -> bool:
        return any(coin.position.size for coin in self._state.coins.values())

    def _is_quiet(self) -> bool:
        state = self._state
        if not (state.is_warm and state.stream_up) or state.stopping or state.frozen or state.brakes.flatten:
            return False
        chores = state.upkeep
        waits = state.next_prices_ms is not None or state.stalled_since_ms is not None or state.clock_doubts
        if waits or chores.next_ms is not None or chores.gaps_ms is not None or chores.flows_wanted:
            return False
        if state.brakes.day_ms != state.now_ms // DAY_MS * DAY_MS:
            return False
        return all(_is_quiet(coin) for coin in state.coins.values())

    def _horizon_ms(self, now_ms: int, end_ms: int | None) -> int:
        """Before this moment nothing is decided by time alone; it is not after `now_ms` where nothing can be said."""
        ends = [(now_ms // DAY_MS + 1) * DAY_MS]
        ends += [each for each in (end_ms, self._state.next_fees_ms) if each is not None]
        if self._holds:
            ends.append(self._exchange.venue.alarms.next_ms or now_ms)
        for name, coin in self._state.coins.items():
            tape = self._leaper.tapes[name]
            if not tape.trades_at(now_ms):
                return now_ms
            ends.append(tape.next_break_ms(now_ms))
            known_ms = coin.told_until_ms + coin.candles.interval_ms
            ends.append(self._wishes.next_ms(name, coin.position.direction, known_ms))
        return min(ends) - 1

    def _bands(self) -> "dict[str, Band] | None":
        """Within which prices nobody reacts, by coin; None where that cannot be said."""
        venue, bands = self._exchange.venue, {}
        for name, coin in self._state.coins.items():
            span = levels.of_coin(self._state, venue, self._account, coin)
            if span is None:
                return None
            bands[name] = levels.band_of(span, self._leaper.tapes[name], venue.prices[name].mark)
        return bands

    def _ahead(self, from_ms: int, horizon_ms: int, bands: "dict[str, Band]") -> Ahead | None:
        """Until when nothing happens by prices, or by what the account is worth when it is read."""
        states = self._states()
        account = self._exchange.venue.account(self._account)
        if states is None or account is None:
            return None
        first_ms, every_ms = self._state.next_account_ms, account_pause_ms(self._state)
        reads_ms = np.arange(first_ms, horizon_ms, every_ms) if self._holds else np.zeros(0, np.int64)
        equities = np.full(len(reads_ms), float(wealth.equity(self._exchange.venue, account)))
        limit_ms = horizon_ms
        for name, state in states.items():
            size = float(self._state.coins[name].position.size)
            asked_ms = reads_ms + self._latency_ms if size else reads_ms[:0]
            until_ms, marks = self._leaper.walk(name, state, bands[name], from_ms, limit_ms, asked_ms)
            limit_ms = min(limit_ms, until_ms)
            if size:
                equities += size * (marks - float(self._exchange.venue.prices[name].mark))
        known = ~np.isnan(equities)
        reads_ms, equities = reads_ms[known], equities[known]
        lost = np.flatnonzero(equities <= self._least(equities))
        return Ahead(min(limit_ms, int(reads_ms[lost[0]]) if len(lost) else limit_ms), reads_ms, equities)

    def _least(self, equities: Any) -> Any:
        """What the account may be worth at each read without coming near a loss limit."""
        settings, now = self._state.settings, self._state.brakes
        spare = float(costs.closing(self._state)) * 2
        least = np.full(len(equities), -np.inf)
        peaks = np.maximum.accumulate(np.maximum(equities, float(now.peak_equity or 0)))
        days = np.full(len(equities), float(now.day_equity or 0))
        for bases, allowed_pct, brake in (
            (days, settings.max_daily_loss_pct, Brake.DAILY_LOSS),
            (peaks, settings.max_drawdown_pct, Brake.DRAWDOWN),
        ):
            if allowed_pct and now.on(brake) is None:
                least = np.maximum(least, bases * (1 - float(allowed_pct / HUNDRED) + NEAR_A_LIMIT) + spare)
        return least

    def _leaves_ms(self, from_ms: int, ahead: Ahead, bands: "dict[str, Band]") -> int | None:
        """The last whole second of the exchange before something happens at which nothing is on its way."""
        states = self._states()
        assert states is not None
        near_ms = max(from_ms, ahead.limit_ms - BACK_MS)
        for name, state in states.items():
            self._leaper.walk(name, state, bands[name], from_ms, near_ms)
        lag_ms = self._latency_ms + 1
        until_ms = (ahead.limit_ms - 1 - lag_ms) // SECOND_MS * SECOND_MS
        while until_ms > near_ms and until_ms - from_ms >= SHORTEST_MS:
            if self._is_clear(states, bands, near_ms, until_ms) and self._is_unasked(ahead, until_ms):
                return until_ms
            until_ms -= SECOND_MS
        return None

    def _is_clear(self, states: "dict[str, Prices]", bands: "dict[str, Band]", near_ms: int, at_ms: int) -> bool:
        """Whether all that was said by then is heard before anything new is said, and no decision is waited for."""
        lag_ms = self._latency_ms + 1
        for name, state in states.items():
            tape = self._leaper.tapes[name]
            row = tape.row(at_ms)
            first_ms = int(tape.bars.time_ms[row]) + tape.bars.interval_ms // (int(tape.course.count[row]) + 1)
            if at_ms <= first_ms + schedule.SETTLE_MS + 2 * lag_ms:
                return False
            there = state.copied()
            self._leaper.walk(name, there, bands[name], near_ms, at_ms)
            if self._leaper.next_ms(name, there, at_ms) <= at_ms + lag_ms:
                return False
        return True

    def _is_unasked(self, ahead: Ahead, at_ms: int) -> bool:
        """Whether no view of the account is on its way then."""
        lag_ms = self._latency_ms + 1
        asked = (ahead.reads_ms >= at_ms - 2 * lag_ms) & (ahead.reads_ms <= at_ms + lag_ms)
        return not asked.any()

    # passing

    def _stops_ms(self, from_ms: int, until_ms: int, ahead: Ahead) -> Iterator[tuple[int, bool]]:
        """Moments within the stretch at which the exchange is really asked, or does something by itself; which of both.

        Of the views of the account the last counts, and the one in which it was worth more than ever before.
        """
        if not self._holds:
            for hour_ms in range(from_ms // HOUR_MS * HOUR_MS, until_ms, HOUR_MS):
                yield from ((at, False) for at in (hour_ms, hour_ms + SETTLES_AFTER_MS) if from_ms < at <= until_ms)
            return
        inside = ahead.reads_ms + 2 * self._latency_ms <= until_ms + self._latency_ms
        reads_ms, equities = ahead.reads_ms[inside], ahead.equities[inside]
        if not len(reads_ms):
            return
        best = int(np.argmax(equities))
        if equities[best] >= float(self._state.brakes.peak_equity or 0) and best < len(reads_ms) - 1:
            yield int(reads_ms[best]) + self._latency_ms, True
        yield int(reads_ms[-1]) + self._latency_ms, True

    def _stop(self, stop: tuple[int, bool], bands: "dict[str, Band]") -> list[Event]:
        at_ms, reads = stop
        if reads:
            self._walk_to(at_ms, bands)
            account = self._bot.client.account(self._account, None)
            return [without_deposits(AccountSeen(at_ms=at_ms + self._latency_ms, account=account))]
        self._walk_to(at_ms - 1, bands)
        feed, self._exchange.feed[:] = list(self._exchange.feed), []  # nobody with an account is concerned
        play(self._exchange, self._replay, at_ms)
        self._exchange.feed[:] = feed
        return []

    def _states(self) -> "dict[str, Prices] | None":
        states = {name: self._leaper.state(name) for name in self._state.coins}
        found = {name: state for name, state in states.items() if state is not None}
        return found if len(found) == len(states) else None

    def _walk_to(self, until_ms: int, bands: "dict[str, Band]") -> None:
        from_ms = self._exchange.now_ms
        if until_ms <= from_ms:
            return
        states = self._states()
        assert states is not None
        for name, state in states.items():
            reached_ms, _marks = self._leaper.walk(name, state, bands[name], from_ms, until_ms)
            assert reached_ms == until_ms, f"{name} leaves its band at {reached_ms}, not after {until_ms}"
        self._leaper.land(states, from_ms, until_ms)

    def _arrive(self, at_ms: int) -> list[Event]:
        """The bot hears what was said last, one latency later; its clocks are where they would be."""
        heard_ms = at_ms + self._latency_ms
        self._time.arrive(heard_ms, self._bot.stream.look, TICK_MS)
        self._bot.stream.streams.stand_at(at_ms)
        for coin in tuple(self._state.coins.values()):
            self._tell_candles(coin)
        put_clocks(self._state, heard_ms)
        frames = [frame for name in self._state.coins for frame in self._frames(name)]
        return self._bot.protocol.receive_all(frames, heard_ms, heard_ms * NS_PER_MS)

    def _tell_candles(self, coin: CoinState) -> None:
        """The candles that have closed meanwhile, as the exchange tells of them."""
        store, cache = self._exchange.venue.prices[coin.coin].candles, coin.candles
        assert isinstance(store, CandleStore)
        timeframe = self._state.settings.timeframe
        new = tuple(
            Candle(
                row.time_ms,
                row.time_ms + timeframe.ms - 1,
                row.open,
                row.high,
                row.low,
                row.close,
                row.volume,
                row.trades,
            )
            for row in store.closed_after(timeframe.value, cache.rows[-1].open_ms, cache.limit)
        )
        rows = (*cache.rows, *new)[-cache.limit :]
        cache = replace(cache, rows=rows, forming=None, live=True, confirmed_ms=rows[-1].close_ms + 1)
        self._state.change(coin.coin, candles=cache)

    def _frames(self, name: str) -> Iterator[bytes]:
        """What the exchange has said last of a coin: its print, its candle, its book, its mark."""
        for kind in ("trades", "candle", "bbo", "l2Book", "activeAssetCtx"):
            for topic in self._bot.stream.streams.topics(kind, name):
                data: Any = [self._exchange.recent_trades(name)[0]] if kind == "trades" else topic.news()
                if kind in ("bbo", "l2Book") and data is not None:
                    data = {**data, "time": self._leaper.acted_ms(name, self._exchange.now_ms)}
                if data is not None:
                    yield _encode({"channel": topic.channel, "data": data})


def _is_quiet(coin: CoinState) -> bool:
    if coin.phase not in (Phase.READY, Phase.HOLDING) or coin.left_alone or coin.decide_open_ms or coin.mismatches:
        return False
    going_on = (coin.making, coin.twap, coin.exit, coin.early, coin.wanted, coin.cover_due_ms, coin.growth_due_ms)
    asked = (coin.fetching_since_ms, coin.waiting_since_ms, coin.uncovered_since_ms)
    if any(each is not None for each in (*going_on, *asked)):
        return False
    if coin.mark is None or coin.last is None or not coin.candles.rows or coin.candles.has_hole:
        return False
    if not coin.position.size:
        return not coin.orders and coin.bracket is None
    resting = (each.state is OrderState.RESTING and each.ask_due_ms is None for each in coin.orders.values())
    return coin.bracket is not None and coin.phase is Phase.HOLDING and all(resting)
