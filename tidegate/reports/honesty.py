"""How far a result may be believed: luck, search, few trades, the order in which they came.

Probabilistic and deflated Sharpe after Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier" (2012) and
"The Deflated Sharpe Ratio" (2014). Chance is seeded: the same result gives the same answer. Runs no backtest: trials
and folds come as tables from who made them.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd

from tidegate.backtest.results import Result
from tidegate.history import CANDLES_ARE
from tidegate.reports.curve import Curve, Floats, curve_of, milliseconds
from tidegate.reports.metrics import Figure, moments, nets_in_order, sharpe_of
from tidegate.reports.search import Search

EQUITY_IS = "equity_is"
"""The setting by which a search tells whether its equity is in sample or out of sample."""
EULER = 0.5772156649015329
SHUFFLES = 1000
NUMBERS_AT_ONCE = 2_000_000
"""So much of a shuffle is in memory at a time."""
QUANTILES = (0.05, 0.5, 0.95)
FEW_TRADES = 30
"""Below it the mean of anything with fat tails is mostly chance."""
FEW_DAYS = 90
LUCKY_SHARE = 0.5
SILENT_SHARE = 0.25
"""A quarter of a run without a trade at its end is no accident."""
CONVINCING = 0.95
MUCH_OF_GROSS = 0.5
HOLDS = 0.5
"""A walk-forward that keeps less than this share of what the search promised does not hold."""


class Shuffled(NamedTuple):
    """What other orders, and other draws, of the same trades would have shown. Quantiles 5 %, 50 %, 95 %.

    `drawdowns`: the deepest drawdown in another order (negative fractions; the 5 % is the bad end), `drawdown` that of
    the order that was. `returns`: total return when as many trades are drawn with replacement. `loss_share`: how many
    of these draws lose money.
    """

    draws: int
    seed: int
    drawdown: float
    drawdowns: tuple[float, float, float]
    returns: tuple[float, float, float]
    loss_share: float
    every_drawdown: Floats


class Doubts(NamedTuple):
    """All that is known against a result. `warnings` are sentences for a person, the gravest first."""

    trials: int
    probabilistic_sharpe: Figure
    deflated_sharpe: Figure
    sharpe_by_luck: float
    shuffled: Shuffled | None
    without_best: float | None
    warnings: tuple[str, ...]


def doubts(result: Result, search: Search | None = None, *, trials: int | None = None, seed: int = 1) -> Doubts:
    """Hold a result against luck. `trials`: how many sets of parameters were tried before this one was chosen."""
    search = search or Search()
    tried = max(trials or search.count, 1)
    daily = curve_of(result).daily()
    spread = search.daily_sharpe_variance()
    by_luck = expected_maximum(tried, spread if spread is not None else _null_variance(daily))
    shuffled = shuffle(result, seed=seed)
    deflated = probability_above(daily, by_luck)
    found = Doubts(
        tried,
        probability_above(daily, 0.0),
        deflated,
        by_luck * math.sqrt(365),
        shuffled,
        without_best(result.trades),
        (),
    )
    return found._replace(warnings=tuple(_warnings(result, found, search)))


def probability_above(returns: Floats, benchmark: float) -> Figure:
    """Probabilistic Sharpe: how likely the true Sharpe (of a day, not of a year) is above `benchmark`, 0 to 1.

    Phi((SR - SR*) * sqrt(n - 1) / sqrt(1 - skew * SR + (kurtosis - 1) / 4 * SR ^ 2)), kurtosis not in excess.
    """
    found = sharpe_of(returns, 1)
    skew, excess = moments(returns)
    if found is None or skew.value is None or excess.value is None:
        return Figure(None, excess.reason or "days that do not vary")
    inside = 1 - skew.value * found + (excess.value + 2) / 4 * found**2
    if inside <= 0:
        return Figure(None, "days too skewed for the estimate")
    return Figure(NormalDist().cdf((found - benchmark) * math.sqrt(len(returns) - 1) / math.sqrt(inside)))


def expected_maximum(trials: int, variance: float) -> float:
    """The best Sharpe (of a day) that `trials` worthless strategies show by luck: deflated Sharpe's benchmark.

    sqrt(variance) * ((1 - g) * Z(1 - 1 / N) + g * Z(1 - 1 / (N * e))), g Euler's constant; 0 for a single trial.
    """
    if trials <= 1 or variance <= 0:
        return 0.0
    normal = NormalDist()
    far, farther = normal.inv_cdf(1 - 1 / trials), normal.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - EULER) * far + EULER * farther)


def deflated_sharpe(returns: Floats, trials: int, variance: float | None = None) -> Figure:
    """How likely the true Sharpe is above what the best of `trials` shows by luck, 0 to 1.

    `variance`: that of the Sharpe (of a day) among the trials; unknown, it is what worthless ones have: 1 / (n - 1).
    """
    spread = _null_variance(returns) if variance is None else variance
    return probability_above(returns, expected_maximum(trials, spread))


def shuffle(result: Result, *, count: int = SHUFFLES, seed: int = 1) -> Shuffled | None:
    """Other orders of the same trades; None for fewer than two of them, or without money to begin with.

    A trade weighs what it made of the equity that it began with, so that orders compare; trades that overlapped are
    laid one after the other.
    """
    curve = curve_of(result)
    steps = _shares(result, curve)
    if len(steps) < 2 or not curve.sound:
        return None
    random = np.random.default_rng(seed)
    batch = max(1, NUMBERS_AT_ONCE // len(steps))
    depths, ends = [], []
    for done in range(0, count, batch):
        rows = min(batch, count - done)
        depths.append(_deepest(random.permuted(np.tile(steps, (rows, 1)), axis=1)))
        ends.append(np.prod(1 + random.choice(steps, (rows, len(steps))), axis=1) - 1)
    drawdowns, returns = np.concatenate(depths), np.concatenate(ends)
    return Shuffled(
        count,
        seed,
        float(_deepest(steps[None, :])[0]),
        _quantiles(drawdowns),
        _quantiles(returns),
        float(np.mean(returns < 0)),
        drawdowns,
    )


def without_best(trades: pd.DataFrame, best: int = 1) -> float | None:
    """The net (USD) without the `best` trades; None where there are not more than these."""
    nets = np.sort(nets_in_order(trades))
    return float(np.sum(nets[:-best])) if len(nets) > best else None


def of_trades(trades: pd.DataFrame) -> list[str]:
    """What the trades alone say against a result: none or few of them, liquidations, one lucky trade."""
    told: list[str] = []
    if not (count := len(trades)):
        return ["There is not a single trade: nothing can be said about this strategy."]
    if count < FEW_TRADES:
        told.append(f"Only {count} trades: below {FEW_TRADES} a result is mostly chance.")
    if "liquidation" in set(trades["reason"]):
        told.append(f"{int((trades['reason'] == 'liquidation').sum())} trades ended in liquidation.")
    return told + _of_luck(trades)


def _warnings(result: Result, found: Doubts, search: Search) -> list[str]:
    days = curve_of(result).days
    told = of_trades(result.trades)
    if made_up := result.run.settings.get(CANDLES_ARE):
        told.insert(0, f"The candles are {made_up}: drawn by lot, so that nothing but luck earns there.")
    if result.run.settings.get(EQUITY_IS) == "in sample":
        told.append("These figures are in sample: this set of parameters was chosen because they were the best.")
    told += _of_silence(result)
    if days < FEW_DAYS:
        told.append(f"Only {days:,.0f} days: figures a year from so short a time stretch what little is known.")
    if found.trials > 1 and found.deflated_sharpe.value is not None and found.deflated_sharpe.value < CONVINCING:
        told.append(
            f"After {found.trials:,} trials luck alone shows a Sharpe of {found.sharpe_by_luck:.2f}: that this one is "
            f"better is {found.deflated_sharpe.value:.0%} likely (deflated Sharpe), not {CONVINCING:.0%}."
        )
    told += [
        f"{edge.parameter} = {edge.value:g} is at the {edge.side} edge of what was tried ({edge.low:g} to "
        f"{edge.high:g}): the best may lie beyond, or there is none."
        for edge in search.edges(result.run.parameters)
    ]
    told += _of_folds(search)
    costs = float(result.trades[["fees", "funding", "slippage"]].to_numpy(dtype=np.float64).sum())
    gross = float(result.trades["gross"].sum())
    if gross > 0 and costs > MUCH_OF_GROSS * gross:
        told.append(f"Costs take {costs / gross:.0%} of the gross profit: a little more slippage and nothing is left.")
    return told


def _of_luck(trades: pd.DataFrame) -> list[str]:
    net, rest = float(trades["net"].sum()), without_best(trades)
    if net <= 0 or rest is None:
        return []
    best = trades.iloc[int(trades["net"].to_numpy().argmax())]
    which = f"{best['coin']}, {best['opened']:%Y-%m-%d}, {best['net']:+,.2f} USD"
    if rest <= 0:
        return [f"Without its best trade ({which}) the result is {rest:+,.2f} USD: one lucky trade."]
    if best["net"] > LUCKY_SHARE * net:
        return [f"Its best trade ({which}) makes {best['net'] / net:.0%} of the whole result ({net:+,.2f} USD)."]
    return []


def _of_silence(result: Result) -> list[str]:
    """A strategy that falls silent, or is stopped by a brake, owes its figures to a part of the time only."""
    curve = curve_of(result)
    if result.trades.empty or not curve.days:
        return []
    last = int(np.max(milliseconds(result.trades["closed"])))
    end = int(curve.close_ms[-1])
    if end - last <= SILENT_SHARE * (end - curve.begin_ms):
        return []
    day = np.datetime64(last, "ms").astype("datetime64[D]")
    share = (end - last) / (end - curve.begin_ms)
    return [f"No trade closed after {day}, {share:.0%} of the time: a brake was on, or the strategy fell silent."]


def _of_folds(search: Search) -> list[str]:
    """What the walk-forward says against it: what was promised in sample and what came out of it."""
    kept = search.kept()
    if kept is None:
        return []
    inside, outside = kept
    if outside <= 0:
        return [f"Walk-forward: {inside:,.3g} on average in sample, {outside:,.3g} out of it: it does not hold."]
    if inside > 0 and outside < HOLDS * inside:
        return [f"Walk-forward: only {outside / inside:.0%} of what the search promised is left out of sample."]
    return []


def _shares(result: Result, curve: Curve) -> Floats:
    """What each trade made of the equity that there was when it was opened, in the order in which they closed."""
    if not curve.sound:
        return np.empty(0)
    order = np.argsort(milliseconds(result.trades["closed"]), kind="stable")
    opened = milliseconds(result.trades["opened"])[order]
    worth = np.concatenate(([curve.start], curve.equity))[np.searchsorted(curve.close_ms, opened, side="right")]
    shares = np.divide(nets_in_order(result.trades), worth, out=np.zeros(len(worth)), where=worth > 0)
    return np.asarray(np.fmax(shares, -1.0), dtype=np.float64)  # more than everything cannot be lost twice


def _deepest(steps: Floats) -> Floats:
    """The deepest drawdown of each row of steps, counted from trade to trade."""
    worth = np.concatenate((np.ones((len(steps), 1)), np.cumprod(1 + steps, axis=1)), axis=1)
    return np.asarray(np.min(worth / np.maximum.accumulate(worth, axis=1) - 1.0, axis=1), dtype=np.float64)


def _quantiles(values: Floats) -> tuple[float, float, float]:
    low, middle, high = (float(each) for each in np.quantile(values, QUANTILES))
    return low, middle, high


def _null_variance(returns: Floats) -> float:
    """How far the Sharpe of worthless strategies scatters when it is estimated from so many returns."""
    return 1 / (len(returns) - 1) if len(returns) > 1 else 0.0
