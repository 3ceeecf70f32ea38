"""localnet as a simulation's counterparty: a market in virtual time behind the in-process doors.

Owns which market is played and from when. A made-up market begins at a fixed moment and holds only the coins that
are traded (each coin's tape is the same with or without the others); a recording keeps its own times.
"""

from decimal import Decimal
from hashlib import sha256

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
from tidegate.localnet.markets.market import Market, RandomMarket
from tidegate.localnet.markets.script import COIN as SCRIPTED_COIN
from tidegate.localnet.markets.script import FirstRunMarket
from tidegate.model.orders import instance_tag
from tidegate.model.settings import Settings
from tidegate.research.timeline import Timeline

MADE_UP_START_MS = 1_767_225_667_000
"""2026-01-01 00:01:07 UTC: inside a candle, as a bot usually starts."""
PLAY_MONEY_USD = 10_000
INSTANCE = "simulation"


class Counterparty:
    """An exchange with its market and doors, and the funded account that trades there.

    Raises ConfigError (a bad recording is one) for a market that cannot be played or coins that are not listed.
    """

    def __init__(self, settings: Settings, choice: MarketChoice) -> None:
        universe = default_universe()
        coins = listed(settings, universe)
        market = _market(choice, universe, coins)
        seed = f"tidegate localnet {choice.seed}"
        self.tag = instance_tag(seed)
        self.signer = Signer(sha256(seed.encode()).hexdigest(), mainnet=False)
        self.account = self.signer.address
        self.coins = coins
        self.says = market.says
        self.start_ms = market.start_ms
        self.exchange = Exchange(
            _only(universe, coins, choice), start_ms=market.start_ms, instance=INSTANCE, fund_on_first_action=False
        )
        market.prepare(self.exchange)
        self.exchange.fund(self.account, Decimal(PLAY_MONEY_USD))
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
    played = _only(universe, coins, choice)
    if choice.scenario_name == "first-run":
        return FirstRunMarket(played, choice.seed, MADE_UP_START_MS)
    return RandomMarket(played, choice.seed, MADE_UP_START_MS)


def _only(universe: Universe, coins: tuple[str, ...], choice: MarketChoice) -> Universe:
    """The part of the universe that is played; a recording may hold any of it."""
    if choice.replay:
        return universe
    wanted = {*coins, SCRIPTED_COIN} if choice.scenario_name == "first-run" else set(coins)
    perps = tuple(rule for rule in universe.perps if rule.name in wanted)
    return Universe(perps=perps, spots=universe.spots, tokens=universe.tokens)
