"""The weather: what the other coins do, and a filter that lets a strategy enter only with it.

A regime is a set of drivers (bitcoin, the other coins, the
coin's bucket, breadth), each +1 (rising), -1 (falling), 0 (neither) or NaN (not known) a bar; long entries need every
chosen driver at +1, short ones at -1. Filters entries only: what is held is left as the strategy says. Pure.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tidegate.market import Market
from tidegate.model.settings import REGIME_DRIVERS
from tidegate.model.signals import Want
from tidegate.strategy import REASON, reason_at

LEADER = "BTC"
BREADTH_COINS_MIN = 3


@dataclass(frozen=True)
class Regime:
    """Which drivers must agree, over averages of how many bars, and which coins belong together (`buckets`)."""

    drivers: tuple[str, ...] = ()
    bars: int = 50
    buckets: tuple[tuple[str, ...], ...] = ()


def drivers_of(regime: Regime, bars: pd.DataFrame, market: Market) -> pd.DataFrame:
    """One column a chosen driver on the index of `bars`: +1 rising, -1 falling, 0 neither, NaN not known."""
    return pd.DataFrame({name: _driver(name, regime, bars, market) for name in regime.drivers}, index=bars.index)


def filtered(wishes: pd.DataFrame, bars: pd.DataFrame, market: Market, regime: Regime) -> pd.DataFrame:
    """The wishes without the entries that the regime speaks against.

    Such an entry holds and says why; one that would have turned the side that was entered last leaves it instead.
    """
    if not regime.drivers or not len(wishes):
        return wishes
    drivers = drivers_of(regime, bars, market)
    want = wishes["want"].to_numpy(object)
    side = np.select([want == Want.LONG.value, want == Want.SHORT.value], [1.0, -1.0], default=0.0)
    agree = drivers.eq(pd.Series(side, index=bars.index), axis=0).all(axis=1).to_numpy(bool)
    barred = (side != 0) & ~agree
    entered = pd.Series(np.where((side != 0) & agree, side, np.nan)).ffill().shift(1).fillna(0.0).to_numpy()
    answer = wishes.copy()
    answer["want"] = np.where(
        barred, np.where(entered == -side, Want.FLAT.value, Want.HOLD.value), want.astype(str)
    ).astype(object)

    def reason(row: int) -> str:
        said = reason_at(wishes, row)
        if not barred[row]:
            return said
        against = ", ".join(
            f"{name} {_in_words(value)}" for name, value in drivers.iloc[row].items() if value != side[row]
        )
        return f"no {'long' if side[row] > 0 else 'short'} entry in this regime ({against}): {said}"

    answer["reason"] = ""
    answer.attrs[REASON] = reason
    return answer


def _driver(name: str, regime: Regime, bars: pd.DataFrame, market: Market) -> pd.Series:
    if name == "btc":
        return _index_trend([LEADER], regime, bars, market)
    if name == "alts":
        return _index_trend([coin for coin in market.bars if coin != LEADER], regime, bars, market)
    if name == "bucket":
        own = next((bucket for bucket in regime.buckets if market.coin in bucket), (market.coin,))
        return _index_trend(list(own), regime, bars, market)
    if name == "breadth":
        return _breadth(regime, bars, market)
    raise ValueError(f"{name!r} is no driver of a regime; there are {', '.join(REGIME_DRIVERS)}")


def _index_trend(coins: list[str], regime: Regime, bars: pd.DataFrame, market: Market) -> pd.Series:
    """Whether the equally weighted index of some coins stands above its own average."""
    closes = [market.seen(market.bars[coin]["close"], bars) for coin in coins if coin in market.bars]
    if not closes:
        return pd.Series(np.nan, index=bars.index)
    steps = pd.concat([np.log(close).diff() for close in closes], axis=1)
    known = steps.notna().any(axis=1)
    level = steps.mean(axis=1).fillna(0.0).cumsum()
    return _above(level, regime.bars).where(known & (known.cumsum() > regime.bars))


def _breadth(regime: Regime, bars: pd.DataFrame, market: Market) -> pd.Series:
    """Whether most coins stand above their own averages; not known with less than three."""
    above = [
        market.seen(_above(frame["close"], regime.bars).iloc[regime.bars :], bars) for frame in market.bars.values()
    ]
    if len(above) < BREADTH_COINS_MIN:
        return pd.Series(np.nan, index=bars.index)
    table = pd.concat(above, axis=1)
    return pd.Series(np.sign(table.mean(axis=1)), index=bars.index).where(table.count(axis=1) >= BREADTH_COINS_MIN)


def _above(level: pd.Series, bars: int) -> pd.Series:
    return pd.Series(np.sign(level - level.ewm(span=bars, adjust=False).mean()), index=level.index)


def _in_words(value: object) -> str:
    number = float(str(value))
    if np.isnan(number):
        return "not known"
    return "rising" if number > 0 else "falling" if number < 0 else "undecided"
