"""Quiet stretches of a simulation, proved quiet and passed in one go.

Between two moments at which anything can happen nobody reacts to a print: no level of the bot or of an order on the
exchange lies in between, no bar closes on which the strategy wishes something, nothing is on its way, no hour of
funding ends while a position is open, no day ends, no loss limit is reached. Owns that proof, how far such a stretch
reaches, and that both sides stand at its end as if it had been played: the exchange by `Leaper`, the bot by being told,
through its own protocol, what it would have heard last. Everything at which something happens is played print by print,
by the real parts.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from tidegate.core.state import CoinState, OrderState, Phase, State
from tidegate.hyperliquid import reads
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.markets.candle_replay import CandleReplay
from tidegate.localnet.markets.candles import CandleStore
from tidegate.model.events import Account, AccountSeen, Event
from tidegate.model.market import Candle
from tidegate.research import levels
from tidegate.research.ahead import SHORTEST_MS, Outlook, Stop, worth_of
from tidegate.research.calm import first_read_ms, put_clocks, without_deposits
from tidegate.research.stream import TICK_MS, SimulatedStream
from tidegate.research.timeline import NS_PER_MS, Timeline
from tidegate.research.wishes import Wishes

if TYPE_CHECKING:
    from tidegate.localnet.markets.leaping import Leaper
    from tidegate.localnet.markets.leaping import State as Prices
    from tidegate.localnet.markets.quiet import Band

DAY_MS = 86_400_000
SECOND_MS = 1_000
ALARMS = 2
"""The exchange's own: the hour's funding, and the hour's sample of what accounts are worth."""

_encode = msgspec.json.Encoder().encode


class Bot(NamedTuple):
    """The bot whose time is passed, and the ways it hears by."""

    state: State
    stream: SimulatedStream
    protocol: StreamProtocol
    client: HyperliquidClient
    latency_ms: int


class Passage:
    """Looks for quiet stretches whenever the bot waits, and passes them."""

    def __init__(
        self, leaper: "Leaper", exchange: Exchange, replay: CandleReplay, time: Timeline, wishes: Wishes, account: str
    ) -> None:
        self._leaper, self._exchange, self._replay, self._time = leaper, exchange, replay, time
        self.wishes, self._account = wishes, account
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
        states, worth = self._states(), worth_of(self._exchange, self._account)
        if bands is None or states is None or worth is None:
            self._again_ms = now_ms + SECOND_MS
            return None
        outlook = Outlook(self._leaper, self._exchange, self._state, self._latency_ms, bands)
        plan = outlook.plan({name: state.copied() for name, state in states.items()}, worth, horizon_ms)
        self._again_ms = plan.again_ms
        if plan.until_ms is None:
            return None
        heard: list[Event] = []
        at_ms = from_ms
        for stop in plan.stops:
            self._walk(states, bands, at_ms, stop.at_ms)
            at_ms = stop.at_ms
            heard += self._stop(states, stop)
        self._walk(states, bands, at_ms, plan.until_ms)
        self._leaper.land(states, from_ms, plan.until_ms)
        self.passed_ms += plan.until_ms - from_ms
        self._again_ms = 0
        return heard + self._arrive(plan.until_ms)

    # whether it is quiet, and until when

    def _is_quiet(self) -> bool:
        state = self._state
        if not (state.is_warm and state.stream_up) or state.stopping or state.frozen or state.brakes.flatten:
            return False
        chores = state.upkeep
        waits = state.next_prices_ms is not None or state.stalled_since_ms is not None or state.clock_doubts
        if waits or chores.next_ms is not None or chores.gaps_ms is not None or chores.flows_wanted:
            return False
        return all(_is_quiet(coin) for coin in state.coins.values())

    def _horizon_ms(self, now_ms: int, end_ms: int | None) -> int:
        """Before this moment nothing is decided by time alone; it is not after `now_ms` where nothing can be said."""
        ends = [first_read_ms(self._state, self._state.brakes.day_ms + DAY_MS)]  # which begins a day
        ends += [each for each in (end_ms, self._state.next_fees_ms) if each is not None]
        alarms = self._exchange.venue.alarms
        if len(alarms) != ALARMS:
            ends.append(alarms.next_ms or now_ms)
        for name, coin in self._state.coins.items():
            tape = self._leaper.tapes[name]
            if not tape.trades_at(now_ms):
                return now_ms
            ends.append(tape.next_break_ms(now_ms))
            known_ms = coin.told_until_ms + coin.candles.interval_ms
            ends.append(self.wishes.next_ms(name, coin.position.direction, known_ms))
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

    # passing

    def _walk(self, states: "Mapping[str, Prices]", bands: "Mapping[str, Band]", from_ms: int, until_ms: int) -> None:
        for name, state in states.items():
            reached_ms, _marks = self._leaper.walk(name, state, bands[name], from_ms, until_ms)
            assert reached_ms == until_ms, f"{name} leaves its band at {reached_ms}, not after {until_ms}"

    def _stop(self, states: "Mapping[str, Prices]", stop: Stop) -> list[Event]:
        """The exchange does what it does by itself, or is asked what the account is worth; what is heard of it."""
        heard_ms = stop.at_ms + self._latency_ms
        self._leaper.stand(states, stop.at_ms)
        if stop.is_read:
            return [without_deposits(AccountSeen(at_ms=heard_ms, account=self._seen_now()))]
        with self._bot.stream.caught() as frames:
            self._exchange.ring(stop.at_ms)
        return self._bot.protocol.receive_all(frames, heard_ms, heard_ms * NS_PER_MS)

    def _seen_now(self) -> Account:
        """The account as the bot's client reads it, without the letter between them."""
        told = {
            kind: self._exchange.info({"type": kind, "user": self._account}).body
            for kind in ("userAbstraction", "clearinghouseState", "frontendOpenOrders")
        }
        if told["userAbstraction"] in reads.UNIFIED_MODES:
            return self._bot.client.account(self._account, None)
        seen = reads.account_of(told["clearinghouseState"], told["frontendOpenOrders"], [], self._account)
        return replace(seen, fills_known=False)

    def _states(self) -> "dict[str, Prices] | None":
        states = {name: self._leaper.state(name) for name in self._state.coins}
        found = {name: state for name, state in states.items() if state is not None}
        return found if len(found) == len(states) else None

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
