"""The figures of a run by their common names, in the units and by the formulas of `meanings`.

Equal to quantstats where both define a figure. Total: for any result that can be read each figure is a finite number
or None with a reason; nothing here raises for want of trades, bars or money.
"""

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd

from tidegate.backtest.results import Result
from tidegate.reports.curve import Curve, Floats, curve_of, held_curve, milliseconds
from tidegate.reports.meanings import MEANINGS

DAYS_A_YEAR = 365
"""Days on which this market is open."""
CONFIDENCE = 0.95
HOUR_MS = 3_600_000
SHORTEST_DAYS = 1.0
"""Below that, a return a year says nothing and soon exceeds every number."""
NOISE = 1e-12
"""A spread below this is that of rounding, not of returns."""


class Figure(NamedTuple):
    """A number, or none and the reason why."""

    value: float | None
    reason: str = ""


def metrics(result: Result) -> dict[str, float | None]:
    """Every figure of a run by its common name; None where the run does not define it (`figures` says why)."""
    return {name: figure.value for name, figure in figures(result).items()}


def figures(result: Result) -> dict[str, Figure]:
    """Every figure of a run, in the order of `meanings.MEANINGS`, with the reason where there is none."""
    curve, held = curve_of(result), held_curve(result)
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond all numbers gets its reason below
        found = dict(_of_money(curve, held))
        found |= dict(_of_days(curve, held, found))
        found |= dict(_of_trades(result.trades))
        found |= dict(_of_activity(result, curve))
    return {name: _finite(found[name]) for name in MEANINGS}


def ratio(above: float | None, below: float | None, reason: str) -> Figure:
    """A quotient, or none with `reason` where one side is missing or there is nothing to divide by."""
    if above is None or below is None or not abs(below) > 0 or not math.isfinite(below):
        return Figure(None, reason)
    return Figure(above / below)


def spread(returns: Floats) -> float:
    """Standard deviation with n - 1; 0 for fewer than two returns and for those that differ by rounding only."""
    found = float(np.std(returns, ddof=1)) if len(returns) > 1 else 0.0
    return found if found > NOISE * max(1.0, float(np.max(np.abs(returns), initial=0.0))) else 0.0


def sharpe_of(returns: Floats, periods: int = DAYS_A_YEAR) -> float | None:
    """mean / std * sqrt(periods); None for returns that do not vary."""
    deviation = spread(returns)
    return float(np.mean(returns)) / deviation * math.sqrt(periods) if deviation else None


def moments(returns: Floats) -> tuple[Figure, Figure]:
    """Skew and excess kurtosis, unbiased (Fisher's g1 and g2 corrected for n), of returns that vary."""
    count, deviation = len(returns), spread(returns)
    if count < 3 or not deviation:
        return (Figure(None, "fewer than three days, or all alike"),) * 2
    away = returns - np.mean(returns)
    squares = float(np.sum(away**2))
    third, fourth = float(np.sum(away**3)), float(np.sum(away**4))
    skew = count * math.sqrt(count - 1) / (count - 2) * third / squares**1.5
    if count < 4:
        return Figure(skew), Figure(None, "fewer than four days")
    lead = count * (count + 1) * (count - 1) / ((count - 2) * (count - 3))
    excess = lead * fourth / squares**2 - 3 * (count - 1) ** 2 / ((count - 2) * (count - 3))
    return Figure(skew), Figure(excess)


def _of_money(curve: Curve, held: Curve) -> Iterator[tuple[str, Figure]]:
    """From first to last, and what lay between."""
    nothing = Figure(None, "no bars, or no money to begin with")
    total, benchmark = _total(curve), _total(held)
    yield "total_return", total
    yield "net_profit", Figure(float(curve.equity[-1]) - curve.start) if curve.sound else nothing
    yield "cagr", _cagr(total, curve.days)
    yield "benchmark_return", benchmark
    both = total.value is not None and benchmark.value is not None
    yield "excess_return", Figure((total.value or 0.0) - (benchmark.value or 0.0)) if both else nothing
    months = list(curve.monthly().values())
    yield "best_month", Figure(max(months)) if months else nothing
    yield "worst_month", Figure(min(months)) if months else nothing
    yield "days", Figure(curve.days)
    deepest = curve.drawdowns(1)
    yield "max_drawdown", Figure(deepest[0].depth if deepest else 0.0) if curve.sound else nothing
    yield "max_drawdown_days", Figure(deepest[0].days if deepest else 0.0) if curve.sound else nothing
    yield "longest_drawdown_days", Figure(curve.longest_below_days()) if curve.sound else nothing
    depth = float(np.min(held.underwater(), initial=0.0)) if held.sound else None
    yield "benchmark_max_drawdown", Figure(depth) if depth is not None else nothing


def _of_days(curve: Curve, held: Curve, found: dict[str, Figure]) -> Iterator[tuple[str, Figure]]:
    """From the returns of its days."""
    days = curve.daily()
    few = "fewer than two days, or all alike"
    flat = Figure(None, "no day with a loss")
    deviation, mean = spread(days), float(np.mean(days)) if len(days) else 0.0
    year = math.sqrt(DAYS_A_YEAR)
    yield "best_day", Figure(float(np.max(days))) if len(days) else Figure(None, "no bars")
    yield "worst_day", Figure(float(np.min(days))) if len(days) else Figure(None, "no bars")
    yield "volatility", Figure(deviation * year) if len(days) > 1 else Figure(None, "fewer than two days")
    yield "sharpe", ratio(mean * year, deviation, few)
    normal = NormalDist()
    at = normal.inv_cdf(1 - CONFIDENCE)
    yield "var", Figure(mean + at * deviation) if deviation else Figure(None, few)
    yield "cvar", Figure(mean - deviation * normal.pdf(at) / (1 - CONFIDENCE)) if deviation else Figure(None, few)
    skew, kurtosis = moments(days)
    yield "skew", skew
    yield "kurtosis", kurtosis
    down, up = float(np.sum(days[days < 0])), float(np.sum(days[days > 0]))
    downside = math.sqrt(float(np.sum(days[days < 0] ** 2)) / len(days)) if len(days) else 0.0
    yield "sortino", flat if len(days) < 2 else ratio(mean * year, downside, flat.reason)
    yield "omega", flat if len(days) < 2 else ratio(up, -down, flat.reason)
    yield "gain_to_pain", ratio(up + down, -down, flat.reason)
    yield "tail_ratio", _tails(days)
    depth = found["max_drawdown"].value
    yield "calmar", ratio(found["cagr"].value, _size(depth), "no drawdown, or no return a year")
    yield "recovery_factor", ratio(found["total_return"].value, _size(depth), "no drawdown")
    ulcer = _ulcer(days)
    yield "ulcer_index", ulcer
    yield "ulcer_performance", ratio(found["total_return"].value, ulcer.value, "no drawdown by day")
    yield from _beside(days, held.daily())


def _of_trades(trades: pd.DataFrame) -> Iterator[tuple[str, Figure]]:
    nets = nets_in_order(trades)
    none = Figure(None, "no trades")
    won, lost = nets[nets > 0], nets[nets < 0]
    yield "trades", Figure(float(len(nets)))
    rate = ratio(float(len(won)), float(len(won) + len(lost)), "no trade that won or lost")
    yield "win_rate", rate
    yield "profit_factor", ratio(float(np.sum(won)), -float(np.sum(lost)), "no losing trade")
    yield "expectancy", Figure(float(np.mean(nets))) if len(nets) else none
    win = Figure(float(np.mean(won))) if len(won) else Figure(None, "no winning trade")
    loss = Figure(float(np.mean(lost))) if len(lost) else Figure(None, "no losing trade")
    payoff = ratio(win.value, _size(loss.value), "not both won and lost trades")
    yield "average_win", win
    yield "average_loss", loss
    yield "payoff", payoff
    known = rate.value is not None and payoff.value is not None
    share, times = rate.value or 0.0, payoff.value or 0.0
    yield "expectancy_ratio", Figure((1 + times) * share - 1) if known else Figure(None, payoff.reason)
    yield "kelly", Figure(share - (1 - share) / times) if known and times else Figure(None, payoff.reason)
    yield "best_trade", Figure(float(np.max(nets))) if len(nets) else none
    yield "worst_trade", Figure(float(np.min(nets))) if len(nets) else none
    yield "consecutive_wins", Figure(float(_longest(nets > 0)))
    yield "consecutive_losses", Figure(float(_longest(nets < 0)))
    held_ms = milliseconds(trades["closed"]) - milliseconds(trades["opened"])
    yield "average_hours", Figure(float(np.mean(held_ms)) / HOUR_MS) if len(nets) else none
    mean = float(np.mean(nets)) if len(nets) else 0.0
    yield "sqn", ratio(math.sqrt(len(nets)) * mean, spread(nets), "fewer than two trades, or all alike")
    for name in ("fees", "funding", "slippage"):
        yield name, Figure(float(trades[name].sum()))
    costs = float(trades[["fees", "funding", "slippage"]].to_numpy(dtype=np.float64).sum())
    yield "costs", Figure(costs)
    gross = float(trades["gross"].sum())
    yield "costs_share", Figure(costs / gross) if gross > 0 else Figure(None, "no gross profit")


def _of_activity(result: Result, curve: Curve) -> Iterator[tuple[str, Figure]]:
    exposure = np.abs(result.equity["exposure"].to_numpy(dtype=np.float64))
    exposure = exposure[np.isfinite(exposure)]
    none = Figure(None, "no bars")
    yield "exposure_time", Figure(float(np.mean(exposure > 0))) if len(exposure) else none
    yield "exposure", Figure(float(np.mean(exposure))) if len(exposure) else none
    yield "exposure_max", Figure(float(np.max(exposure))) if len(exposure) else none
    trades = result.trades
    traded = float((trades["size"].abs() * (trades["entry_price"] + trades["exit_price"])).sum())
    mean = float(np.mean(curve.equity)) if curve.sound else 0.0
    yield "turnover", Figure(traded / mean) if mean > 0 else Figure(None, "no equity to compare with")


def nets_in_order(trades: pd.DataFrame) -> Floats:
    """The nets of the trades (USD) in the order in which they closed."""
    order = np.argsort(milliseconds(trades["closed"]), kind="stable")
    nets: Floats = trades["net"].to_numpy(dtype=np.float64)[order]
    return nets


def _total(curve: Curve) -> Figure:
    if not curve.sound:
        return Figure(None, "no bars, or no money to begin with")
    return Figure(float(curve.equity[-1]) / curve.start - 1)


def _cagr(total: Figure, days: float) -> Figure:
    if total.value is None:
        return total
    if days < SHORTEST_DAYS:
        return Figure(None, "shorter than a day")
    if total.value < -1:
        return Figure(None, "more was lost than there was")
    if total.value == -1:
        return Figure(-1.0)
    power = math.log1p(total.value) * DAYS_A_YEAR / days
    return (
        Figure(math.expm1(power)) if power < math.log(1e12) else Figure(None, "beyond any number that means something")
    )


def _tails(days: Floats) -> Figure:
    if len(days) < 2:
        return Figure(None, "fewer than two days")
    upper, lower = np.quantile(days, [CONFIDENCE, 1 - CONFIDENCE])
    return ratio(abs(float(upper)), abs(float(lower)), "the lower tail is 0")


def _ulcer(days: Floats) -> Figure:
    if len(days) < 2:
        return Figure(None, "fewer than two days")
    worth = np.concatenate(([1.0], np.cumprod(1 + days)))
    below = (worth / np.maximum.accumulate(worth) - 1.0)[1:]
    return Figure(math.sqrt(float(np.sum(below**2)) / (len(days) - 1)))


def _beside(days: Floats, held: Floats) -> Iterator[tuple[str, Figure]]:
    """How the days go with those of the benchmark."""
    reason = "days that do not vary, or not the same ones"
    sound = len(days) == len(held) and spread(days) > 0 and spread(held) > 0
    if not sound:
        yield from ((name, Figure(None, reason)) for name in ("beta", "correlation"))
        return
    # Sums, not np.cov: a matrix product has other last digits with another number of threads.
    ours, its = days - np.mean(days), held - np.mean(held)
    both, own, other = (float(np.sum(each)) for each in (ours * its, ours**2, its**2))
    yield "beta", Figure(both / other)
    yield "correlation", Figure(both / math.sqrt(own * other))


def _longest(hits: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]") -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], hits, [False])).astype(np.int8)))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def _size(value: float | None) -> float | None:
    return None if value is None else abs(value)


def _finite(figure: Figure) -> Figure:
    if figure.value is None or math.isfinite(figure.value):
        return figure
    return Figure(None, "beyond any number that means something")
