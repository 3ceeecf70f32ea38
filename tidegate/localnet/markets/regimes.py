"""How a made-up market moves: regimes of volatility and drift, one common factor, and the history behind the start.

Owns the statistics and the seeded history of one-minute bars. Everything depends on the seed alone. Uses numpy's
`RandomState`, whose stream is frozen, so that a seed means the same history with every numpy.
"""

from dataclasses import dataclass
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tidegate.localnet.markets.candles import MINUTE_MS, Bars
from tidegate.localnet.markets.house import Grid

Array = NDArray[np.float64]

SIGMA_MINUTE = 0.0009  # standard deviation of a minute's log return in normal weather: 65 % a year
STEPS = 4  # price steps inside a minute of history
HISTORY_MINUTES = 14 * 24 * 60


@dataclass(frozen=True)
class Regime:
    """A spell of weather: `volatility` scales moves, `drift` is the log return a minute, `minutes` the mean length."""

    volatility: float
    drift: float
    minutes: int


REGIMES = (
    Regime(0.45, 0.0, 150),  # quiet
    Regime(0.9, 0.0, 240),  # ranging
    Regime(1.0, 0.00004, 120),  # rising
    Regime(1.1, -0.00004, 100),  # falling
    Regime(2.2, 0.0, 25),  # storm
)
# How strongly a coin follows the common factor, and its own share; what is not listed is a lively small coin.
CHARACTERS: dict[str, tuple[float, float]] = {
    "BTC": (0.85, 0.45),
    "ETH": (1.1, 0.6),
    "SOL": (1.2, 0.8),
    "xyz:XYZ100": (0.3, 0.25),
    "xyz:TSLA": (0.4, 0.7),
    "xyz:GOLD": (0.05, 0.25),
}
SMALL_COIN = (1.2, 1.1)


def character(coin: str) -> tuple[float, float]:
    """The coin's weight of the common factor and of its own noise."""
    return CHARACTERS.get(coin, SMALL_COIN)


def seeded(*parts: object) -> np.random.RandomState:
    """A generator of its own for every purpose, so that one coin's draws never move another's."""
    return np.random.RandomState(crc32("/".join(map(str, parts)).encode()))


@dataclass(frozen=True, eq=False)
class Weather:
    """The common factor of a history in `STEPS` steps a minute: its moves (log returns) and its volatility."""

    moves: Array
    volatility: Array

    @property
    def minutes(self) -> int:
        """How long it lasts."""
        return len(self.moves) // STEPS

    def first(self, minutes: int) -> Self:
        """Its first `minutes` minutes."""
        return type(self)(self.moves[: minutes * STEPS], self.volatility[: minutes * STEPS])


def weather(seed: int, minutes: int) -> Weather:
    """Regimes in seeded order and the factor's walk through them."""
    rng = seeded(seed, "weather")
    volatility, drift = np.empty(minutes), np.empty(minutes)
    at = 0
    while at < minutes:
        regime = REGIMES[rng.randint(len(REGIMES))]
        length = 1 + int(rng.exponential(regime.minutes))
        volatility[at : at + length] = regime.volatility
        drift[at : at + length] = regime.drift
        at += length
    volatility, drift = np.repeat(volatility, STEPS), np.repeat(drift, STEPS)
    noise = rng.standard_normal(minutes * STEPS)
    return Weather(SIGMA_MINUTE / np.sqrt(STEPS) * volatility * noise + drift / STEPS, volatility)


def standing(bars: Bars, until_ms: int) -> Bars:
    """The bars known at `until_ms`: later ones cut off, missing minutes filled with quiet trading at the last close."""
    bars = bars.slice(0, int(np.searchsorted(bars.time_ms, until_ms, side="right")))
    times = np.arange(int(bars.time_ms[-1]) + MINUTE_MS, until_ms - until_ms % MINUTE_MS, MINUTE_MS, dtype=np.int64)
    close = np.full(len(times), bars.close[-1])
    volume = np.full(len(times), float(np.median(bars.volume)))
    trades = np.full(len(times), int(np.median(bars.trades)), dtype=np.int64)
    quiet = (times, close, close, close, close, volume, trades)
    return Bars(bars.interval_ms, *map(np.concatenate, zip(bars.columns(), quiet, strict=True)))


def following(leader: Bars, grid: Grid, px_share: float, volume_share: float) -> Bars:
    """A leader's history at `px_share` of its prices and `volume_share` of its volume, on the follower's grid."""
    decimals = -grid.exponent(float(leader.close[-1]) * px_share)
    open_, high, low, close = (np.round(column * px_share, decimals) for column in leader.columns()[1:5])
    lot = 10.0**-grid.sz_decimals
    volume = np.maximum(np.round(leader.volume * volume_share, grid.sz_decimals), lot)
    return Bars(leader.interval_ms, leader.time_ms, open_, high, low, close, volume, leader.trades)


def history(grid: Grid, factor: Weather, last_px: float, end_ms: int, *key: object) -> Bars:
    """One-minute bars that end at `end_ms` with the close `last_px`; `key` seeds the coin's own noise."""
    rng = seeded("history", grid.coin, *key)
    weight, own = character(grid.coin)
    noise = rng.standard_normal(len(factor.moves))
    moves = weight * factor.moves + own * SIGMA_MINUTE / np.sqrt(STEPS) * factor.volatility * noise
    path = np.exp(np.cumsum(moves))
    path *= last_px / path[-1]
    inside = path.reshape(factor.minutes, STEPS)
    close = inside[:, -1]
    open_ = np.concatenate(([inside[0, 0]], close[:-1]))
    high, low = np.maximum(inside.max(axis=1), open_), np.minimum(inside.min(axis=1), open_)
    return finished(grid, rng, end_ms, (open_, high, low, close))


def finished(grid: Grid, rng: np.random.RandomState, end_ms: int, prices: tuple[Array, Array, Array, Array]) -> Bars:
    """Put prices of consecutive minutes on the grid and give them volume that grows with the bar's range."""
    tick = 10.0 ** grid.exponent(float(prices[3][-1]))
    decimals = -grid.exponent(float(prices[3][-1]))
    open_, high, low, close = (np.round(np.round(column / tick) * tick, decimals) for column in prices)
    minutes = len(close)
    range_share = (high - low) / close / SIGMA_MINUTE
    typical = max(grid.day_volume / 1440, 10.0**-grid.sz_decimals)
    volume = np.round(typical * (0.2 + 0.6 * range_share) * rng.lognormal(0.0, 0.4, minutes), grid.sz_decimals)
    volume = np.maximum(volume, 10.0**-grid.sz_decimals)
    trades = 1 + (120 * (0.3 + range_share) * rng.uniform(0.5, 1.5, minutes)).astype(np.int64)
    times = end_ms - MINUTE_MS * np.arange(minutes, 0, -1, dtype=np.int64)
    return Bars(MINUTE_MS, times, open_, high, low, close, volume, trades)
