"""What a report draws, thinned to what a screen can show: the same for the page and for the pictures.

A line keeps the lowest and the highest value of every stretch, so that no drawdown is thinned away. Draws nothing
itself.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tidegate.backtest.results import Result
from tidegate.reports.curve import Floats, Times, bar_ms, curve_of, held_curve, milliseconds
from tidegate.reports.honesty import Doubts
from tidegate.reports.search import Heat, Search

STRETCHES = 500
TRADES_MAX = 1000
"""So many trades of a coin are drawn, the last ones: more are a blur."""
COINS_MAX = 6
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SIGNIFICANT = 7
LABEL_MAX = 28
Moments = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Line:
    """Values over time (UTC)."""

    moments: Moments
    values: Floats


@dataclass(frozen=True)
class CoinTrades:
    """The trades of one coin as they are drawn, and its price where it is known; `left_out` earlier ones are not."""

    coin: str
    price: Line | None
    trades: pd.DataFrame
    left_out: int


@dataclass(frozen=True)
class Drawn:
    """Everything that a report shows as a chart. `daily` leaves out the `still_days`, whose return is 0."""

    equity: Line
    held: Line
    underwater: Line
    held_underwater: Line
    exposure: Line
    coins: tuple[CoinTrades, ...]
    coins_left_out: int
    untraded: tuple[str, ...]
    months: dict[tuple[int, int], float]
    nets: Floats
    daily: Floats
    still_days: int
    costs: dict[str, float]
    heat: Heat | None
    drawdowns: Floats
    drawdown: float


def drawn(result: Result, found: Doubts, search: Search) -> Drawn:
    """Take from a result what is drawn of it."""
    curve, held = curve_of(result), held_curve(result)
    exposure = np.nan_to_num(np.abs(np.asarray(result.equity["exposure"], dtype=np.float64)))
    coins = list(result.trades["coin"].value_counts().index)
    trades, daily = result.trades, curve.daily()
    return Drawn(
        equity=line_of(curve.close_ms, curve.equity),
        held=line_of(held.close_ms, held.equity),
        underwater=line_of(curve.close_ms, curve.underwater() if curve.sound else np.zeros(len(curve.close_ms))),
        held_underwater=line_of(held.close_ms, held.underwater() if held.sound else np.zeros(len(held.close_ms))),
        exposure=_averaged(milliseconds(result.equity.index), exposure),
        coins=tuple(_coin(str(each), result) for each in coins[:COINS_MAX]),
        coins_left_out=max(0, len(coins) - COINS_MAX),
        untraded=tuple(each for each in result.run.coins if each not in coins),
        months=curve.monthly(),
        nets=np.asarray(trades["net"], dtype=np.float64),
        daily=daily[daily != 0],
        still_days=int(np.sum(daily == 0)),
        costs={name: float(trades[name].sum()) for name in ("gross", "fees", "funding", "slippage", "net")},
        heat=search.heat(result.run.parameters),
        drawdowns=found.shuffled.every_drawdown if found.shuffled else np.empty(0),
        drawdown=found.shuffled.drawdown if found.shuffled else 0.0,
    )


def thinned(values: Floats, stretches: int = STRETCHES) -> npt.NDArray[np.int_]:
    """Where a line is drawn: first and last, and the lowest and highest of every stretch; all of a short one."""
    count = len(values)
    if count <= 2 * stretches:
        return np.arange(count)
    size = -(-count // stretches)
    padded = np.concatenate((values, np.full(-count % size, values[-1]))).reshape(-1, size)
    begins = np.arange(len(padded)) * size
    kept = np.concatenate(([0, count - 1], begins + padded.argmin(axis=1), begins + padded.argmax(axis=1)))
    return np.asarray(np.unique(np.minimum(kept, count - 1)))


def moments_of(times: Any) -> Moments:
    """Moments (UTC) as numpy knows them, without a zone."""
    return milliseconds(times).astype("datetime64[ms]")


def label(text: str) -> str:
    """A name of a run's as it fits beside a chart."""
    return text if len(text) <= LABEL_MAX else text[: LABEL_MAX - 1] + "…"


def line_of(times: Times, values: Floats, also: npt.NDArray[np.int_] | None = None) -> Line:
    """Values over time, thinned; those at the places `also` are kept."""
    kept = thinned(values) if len(values) else np.empty(0, dtype=int)
    if also is not None:
        kept = np.union1d(kept, also)
    return Line(times[kept].astype("datetime64[ms]"), values[kept])


def years_of(months: dict[tuple[int, int], float]) -> dict[int, float]:
    """The return of each year from its months."""
    years: dict[int, float] = {}
    for (year, _), value in months.items():
        years[year] = (1 + years.get(year, 0.0)) * (1 + value) - 1
    return years


def _averaged(times: Times, values: Floats) -> Line:
    """The mean of every stretch, at its begin: what goes up and down with each trade is a blur otherwise."""
    if len(values) <= STRETCHES:
        return Line(times.astype("datetime64[ms]"), values)
    begins = np.linspace(0, len(values), STRETCHES, endpoint=False).astype(int)
    sizes = np.diff(np.append(begins, len(values)))
    return Line(times[begins].astype("datetime64[ms]"), np.add.reduceat(values, begins) / sizes)


def _coin(coin: str, result: Result) -> CoinTrades:
    trades = result.trades[result.trades["coin"] == coin].sort_values("closed", kind="stable")
    shown = trades.iloc[-TRADES_MAX:]
    return CoinTrades(coin, _price(coin, result, shown), shown, len(trades) - len(shown))


def _price(coin: str, result: Result, trades: pd.DataFrame) -> Line | None:
    """The closes of a coin, thinned, but for those at which its trades begin and end; None where none were kept."""
    if result.prices is None or coin not in result.prices.columns:
        return None
    closes = result.prices[coin].dropna()
    opens = milliseconds(closes.index)
    if not len(opens):
        return None
    close_ms = opens + bar_ms(opens, result)
    at = np.concatenate([np.searchsorted(close_ms, milliseconds(trades[name])) for name in ("opened", "closed")])
    return line_of(close_ms, np.asarray(closes, dtype=np.float64), np.minimum(at, len(opens) - 1))
