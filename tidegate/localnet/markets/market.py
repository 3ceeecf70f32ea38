"""What a market is to the exchange, the one driver that plays it, and the seeded random market.

A market owns the house: it quotes and trades through the kernel like anyone, so prints are outcomes of matching. Its
tape depends on its seed only, never on the wall clock or on clients. It never reads a clock: the driver brings time.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from math import exp, log
from operator import attrgetter
from random import Random
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from tidegate.localnet.kernel.universe import Universe
from tidegate.localnet.markets.candles import MINUTE_MS, Bars, CandleStore
from tidegate.localnet.markets.house import MAJORS, Grid, House, Side, grids
from tidegate.localnet.markets.regimes import (
    HISTORY_MINUTES,
    REGIMES,
    SIGMA_MINUTE,
    character,
    following,
    history,
    weather,
)

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

BEAT_MS = 500  # prices move once a beat; prints fall anywhere inside it
ORACLE_EVERY_BEATS = 6  # about every 3 s (section 8.3)
MAJOR_PRINTS_PER_BEAT, SMALL_PRINTS_PER_BEAT = 1.5, 0.5  # 3 a second, and 1
PRINTS_PER_BEAT_MAX = 8
WITH_THE_MOVE = 0.65  # the share of takers on the side of the beat's move
BASIS, BASIS_MEMORY = 0.00004, 0.98  # a follower's own move in a beat, and how much of the last ones it keeps


class Market(Protocol):
    """A tape that can be played into an exchange."""

    says: str
    coins: tuple[str, ...]
    start_ms: int

    def prepare(self, exchange: "Exchange") -> None:
        """Load the history, put up the first quotes and oracles. Called once, at `start_ms`."""

    def next_ms(self) -> int | None:
        """Exchange time of the next step, None when the tape has ended."""

    def step(self, exchange: "Exchange") -> None:
        """Play everything that is due at `next_ms()`."""


@runtime_checkable
class LiveMarket(Market, Protocol):
    """A market that hears of its steps while it runs, from somewhere else than the exchange."""

    async def follow(self, arrived: Callable[[], Awaitable[None]]) -> None:
        """Listen until cancelled; awaits `arrived` whenever a step has become due."""


def histories_of(grid_of: Mapping[str, Grid], make: Callable[[Grid], Bars]) -> dict[str, Bars]:
    """A made-up history for each coin; followers have their leader's."""
    made: dict[str, Bars] = {}
    for coin, grid in grid_of.items():
        leader = grid_of.get(grid.follows)
        if leader is None:
            made[coin] = make(grid)
        else:
            shares = grid.reference_px / leader.reference_px, grid.day_volume / leader.day_volume
            made[coin] = following(made[leader.coin], grid, *shares)
    return made


def play(exchange: "Exchange", market: Market, until_ms: int) -> None:
    """Let exchange time pass up to and including `until_ms`, playing every step at its time.

    The only driver of a market: for the server, for tests and for simulations. Time that has passed stays passed.
    """
    now_ms, due_ms = exchange.now_ms, market.next_ms()
    while due_ms is not None and due_ms <= until_ms:
        if due_ms > now_ms:
            exchange.advance(due_ms)
            now_ms = due_ms
        market.step(exchange)
        due_ms = market.next_ms()
    if until_ms > now_ms:
        exchange.advance(until_ms)


_time_ms = attrgetter("time_ms")


class Print(NamedTuple):
    """A print to come: the house shows a book around `px` and trades on `side` at its touch."""

    time_ms: int
    coin: str
    px: float
    side: Side


class _Walker:
    """The price of one coin: a random walk that follows the common factor by the coin's character."""

    def __init__(self, coin: str, px: float, seed: int) -> None:
        self.coin = coin
        self.log_px = log(px)
        self.factor, self.own = character(coin)
        self.rng = Random(f"{seed}/walk/{coin}")
        self.prints_reach = 2 * (MAJOR_PRINTS_PER_BEAT if coin in MAJORS else SMALL_PRINTS_PER_BEAT)

    def beat(self, from_ms: int, factor_move: float, sigma: float) -> list[Print]:
        """Move for one beat; the prints fall in order between the old price and the new."""
        before = self.log_px
        self.log_px = before + (self.factor * factor_move + self.own * sigma * self.rng.gauss())
        return self._prints(from_ms, before)

    def _prints(self, from_ms: int, before: float) -> list[Print]:
        random = self.rng.random
        count = int(self.prints_reach * random() + random())
        if not count:
            return []
        move = self.log_px - before
        with_it: Side = "B" if move > 0 else "A"
        against_it: Side = "A" if move > 0 else "B"
        return [
            Print(
                from_ms + 1 + int(share * (BEAT_MS - 1)),
                self.coin,
                exp(before + share * move),
                with_it if random() < WITH_THE_MOVE else against_it,
            )
            for share in sorted([random() for _ in range(min(count, PRINTS_PER_BEAT_MAX))])
        ]


class _Follower(_Walker):
    """The price of a coin that has another's, give or take a basis that comes back to nothing; a dollar has its own."""

    def __init__(self, coin: str, px: float, seed: int, leader: _Walker | None) -> None:
        super().__init__(coin, px, seed)
        self._leader = leader
        self._distance = self.log_px - (leader.log_px if leader else 0.0)
        self._basis = 0.0

    def beat(self, from_ms: int, factor_move: float, sigma: float) -> list[Print]:  # noqa: ARG002
        """Go where the leader has gone by the factor's move."""
        before = self.log_px
        self._basis = BASIS_MEMORY * self._basis + BASIS * self.rng.gauss()
        self.log_px = (self._leader.log_px if self._leader else 0.0) + self._distance + self._basis
        return self._prints(from_ms, before)


class RandomMarket:
    """Coins on a seeded random walk through regimes, correlated by a common factor.

    `grid_of` are the coins to play, all perps of the first dex where nothing is said. `histories` may bring the
    coins' histories (one-minute bars), else they get seeded ones that end at the start.
    """

    def __init__(
        self,
        universe: Universe,
        seed: int,
        start_ms: int,
        *,
        grid_of: Mapping[str, Grid] | None = None,
        histories: Mapping[str, Bars] | None = None,
    ) -> None:
        self.start_ms = start_ms
        self.says = f"seeded random market, seed {seed}: made-up prices in real-looking regimes"
        self._seed = seed
        self._grids = grids(universe) if grid_of is None else grid_of
        self.coins: tuple[str, ...] = tuple(self._grids)
        self.houses = {coin: House(grid, seed) for coin, grid in self._grids.items()}
        self._histories = histories or self._made_up_histories()
        self._walkers: dict[str, _Walker] = {}
        for coin, bars in self._histories.items():
            self._walkers[coin] = self._walker(coin, float(bars.close[-1]))
        self._weather = Random(f"{seed}/weather")
        self._regime, self._regime_beats = REGIMES[1], 0
        self._held: set[str] = set()
        self._beats = 0
        self._prints: deque[Print] = deque()

    def prepare(self, exchange: "Exchange") -> None:
        """Load the histories, show the first books, set the first oracles."""
        for coin, bars in self._histories.items():
            exchange.load_candles(coin, CandleStore(coin, bars))
            px = exp(self._walkers[coin].log_px)
            exchange.set_oracle(coin, self.oracle(coin, px))
            self.houses[coin].make(exchange, px)

    def next_ms(self) -> int:
        """The next print or the next beat, whichever is first."""
        return self._prints[0].time_ms if self._prints else self.start_ms + self._beats * BEAT_MS

    def step(self, exchange: "Exchange") -> None:
        """Print what is due; a beat moves the prices and lays out the next prints."""
        due_ms = self.next_ms()
        if not self._prints:
            self._beat(exchange)
        prints = self._prints
        while prints and prints[0].time_ms <= due_ms:
            due = prints.popleft()
            if due.coin not in self._held:
                self._play(exchange, due)

    def hold(self, coin: str) -> None:
        """Leave a coin alone: somebody else makes its market until `release`."""
        self._held.add(coin)

    def release(self, coin: str, px: float) -> None:
        """Take a coin back and go on from `px`; what was laid out for it in the running beat is dropped."""
        self._prints = deque(due for due in self._prints if due.coin != coin)
        self._walkers[coin].log_px = log(px)
        self._held.discard(coin)

    def lead(self, coin: str, px: float) -> None:
        """Tell the followers of a coin that is held where it stands."""
        self._walkers[coin].log_px = log(px)

    def oracle(self, coin: str, px: float) -> Decimal:
        """`px` on the coin's grid."""
        ticks, exponent = self._grids[coin].ticks(px)
        return Decimal(ticks).scaleb(exponent)

    def _beat(self, exchange: "Exchange") -> None:
        from_ms = self.start_ms + self._beats * BEAT_MS
        if self._beats % ORACLE_EVERY_BEATS == 0:
            for coin, walker in self._walkers.items():
                if coin not in self._held:
                    exchange.set_oracle(coin, self.oracle(coin, exp(walker.log_px)))
        if self._regime_beats == 0:
            self._regime = self._weather.choice(REGIMES)
            minutes = 1 + self._weather.expovariate(1 / self._regime.minutes)
            self._regime_beats = int(minutes * MINUTE_MS / BEAT_MS)
        self._regime_beats -= 1
        sigma = SIGMA_MINUTE * self._regime.volatility * (BEAT_MS / MINUTE_MS) ** 0.5
        move = sigma * self._weather.gauss() + self._regime.drift * BEAT_MS / MINUTE_MS
        self._lay_out([due for walker in self._walkers.values() for due in walker.beat(from_ms, move, sigma)])
        self._beats += 1

    def _lay_out(self, prints: list[Print]) -> None:
        """These are the prints to come."""
        self._prints = deque(sorted(prints, key=_time_ms) if len(prints) > 1 else prints)

    def _play(self, exchange: "Exchange", due: Print) -> None:
        house = self.houses[due.coin]
        house.make(exchange, due.px)
        house.take(exchange, due.side)

    def _made_up_histories(self) -> dict[str, Bars]:
        factor = weather(self._seed, HISTORY_MINUTES)
        end_ms = self.start_ms - self.start_ms % MINUTE_MS
        return histories_of(self._grids, lambda grid: history(grid, factor, grid.reference_px, end_ms, self._seed))

    def _walker(self, coin: str, px: float) -> _Walker:
        grid = self._grids[coin]
        if grid.is_stable or grid.follows in self._walkers:
            return _Follower(coin, px, self._seed, self._walkers.get(grid.follows))
        return _Walker(coin, px, self._seed)
