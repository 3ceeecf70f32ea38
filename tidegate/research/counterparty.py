"""localnet as a simulation's counterparty: a market in virtual time behind the in-process doors.

Owns which market is played and from when. A made-up market begins at a fixed moment and holds only the coins that
are traded (each coin's tape is the same with or without the others); a recording keeps its own times.
"""

from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple

from tidegate.config import check_against_market
from tidegate.errors import ConfigError
from tidegate.hyperliquid.instruments import instruments_of, resolve
from tidegate.hyperliquid.signing import Signer
from tidegate.localnet.arguments import MarketChoice
from tidegate.localnet.doors.gate import Gate
from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.doors.streams import Streams
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import Universe, default_universe
from tidegate.localnet.markets.candle_replay import CandleReplay
from tidegate.localnet.markets.candles import HOUR_MS, INTERVALS, Bars
from tidegate.localnet.markets.house import grids
from tidegate.localnet.markets.market import Market, RandomMarket
from tidegate.localnet.markets.script import COIN as SCRIPTED_COIN
from tidegate.localnet.markets.script import FirstRunMarket
from tidegate.model.market import Timeframe
from tidegate.model.orders import instance_tag
from tidegate.model.settings import Settings
from tidegate.research.timeline import Timeline

MADE_UP_START_MS = 1_767_225_667_000
"""2026-01-01 00:01:07 UTC: inside a candle, as a bot usually starts."""
PLAY_MONEY_USD = 10_000
INSTANCE = "simulation"
PRICE_OF_YESTERDAY_MS = HOUR_MS
"""The candles from which an exchange reads the price a day ago."""


class Tapes(NamedTuple):
    """Candles to be played from `start_ms` on, by coin; what lies before is history that the exchange tells of."""

    bars: Mapping[str, Bars]
    start_ms: int


class Counterparty:
    """An exchange with its market and doors, and the account with `equity_usd` that trades there.

    `tapes` are candles to be played instead of any market of `choice`; such a simulation is a calm one, see `calm`.
    Raises ConfigError (a bad recording is one) for a market that cannot be played or coins that are not listed.
    """

    def __init__(
        self, settings: Settings, choice: MarketChoice, tapes: Tapes | None = None, equity_usd: Decimal | None = None
    ) -> None:
        universe = default_universe()
        coins = listed(settings, universe)
        if tapes is None:
            market = _market(choice, universe, coins)
        else:
            universe = _only(universe, coins)
            universe = Universe(perps=universe.perps, spots=(), tokens=universe.tokens)
            market = _of_tapes(tapes, universe, settings.timeframe)
        seed = f"tidegate localnet {choice.seed}"
        self.tag = instance_tag(seed)
        self.signer = Signer(sha256(seed.encode()).hexdigest(), mainnet=False)
        self.account = self.signer.address
        self.coins = coins
        self.market, self.is_calm = market, tapes is not None
        self.says = market.says
        self.start_ms = market.start_ms
        if tapes is None:
            universe = _played(universe, coins, choice)
        self.exchange = Exchange(universe, start_ms=market.start_ms, instance=INSTANCE, fund_on_first_action=False)
        market.prepare(self.exchange)
        self.exchange.fund(self.account, Decimal(PLAY_MONEY_USD) if equity_usd is None else equity_usd)
        self.time = Timeline(self.exchange, market)
        limits = Limits()
        self.gate = Gate(self.exchange, limits)
        self.streams = Streams(self.exchange, self.gate, limits, self.time.monotonic_s)
        self.time.drive(self.streams)


def listed(settings: Settings, universe: Universe) -> tuple[str, ...]:
    """The settings' coins under the exchange's names; ConfigError with every problem."""
    instruments, _ = instruments_of(universe.meta())
    problems = check_against_market(settings, instruments, resolve)
    if problems:
        raise ConfigError(problems)
    return tuple(name for name in (resolve(coin, instruments) for coin in settings.coins) if name)


def _market(choice: MarketChoice, universe: Universe, coins: tuple[str, ...]) -> Market:
    if choice.replay:
        # Reading recordings needs pyarrow, which a made-up market should not wait for.
        from tidegate.localnet.markets.replay import open_replay

        return open_replay(choice.replay, universe, wall_ms=None, from_ms=choice.from_ms)
    played = _played(universe, coins, choice)
    if choice.scenario_name == "first-run":
        return FirstRunMarket(played, choice.seed, MADE_UP_START_MS)
    return RandomMarket(played, choice.seed, MADE_UP_START_MS)


def _of_tapes(tapes: Tapes, universe: Universe, timeframe: Timeframe) -> CandleReplay:
    says = f"recorded candles of {', '.join(tapes.bars)}"
    lengths = {bars.interval_ms for bars in tapes.bars.values()} | {timeframe.ms, PRICE_OF_YESTERDAY_MS}
    shortest_ms = min(bars.interval_ms for bars in tapes.bars.values())
    kept = [name for name, length_ms in INTERVALS.items() if length_ms in lengths and length_ms >= shortest_ms]
    return CandleReplay(dict(tapes.bars), grids(universe), tapes.start_ms, 0, says, intervals=kept)


def _played(universe: Universe, coins: tuple[str, ...], choice: MarketChoice) -> Universe:
    """The part of the universe that a chosen market plays; a recording may hold any of it."""
    if choice.replay:
        return universe
    return _only(universe, (*coins, SCRIPTED_COIN) if choice.scenario_name == "first-run" else coins)


def _only(universe: Universe, coins: tuple[str, ...]) -> Universe:
    perps = tuple(rule for rule in universe.perps if rule.name in coins)
    return Universe(perps=perps, spots=universe.spots, tokens=universe.tokens)
