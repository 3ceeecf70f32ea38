"""What each figure is called, in which unit it is told, and by which formula it comes about.

Names are the common ones, so that a figure can be looked up and compared with other tools. Computes nothing.
"""

from typing import Literal, NamedTuple

Unit = Literal["fraction", "USD", "ratio", "days", "hours", "count"]


class Meaning(NamedTuple):
    """`fraction` is told as percent by the reports: 0.12 is 12 %. r: returns by UTC day; n: their number."""

    group: str
    title: str
    unit: Unit
    formula: str


MEANINGS: dict[str, Meaning] = {
    "total_return": Meaning("Return", "Total return", "fraction", "last equity / first - 1"),
    "net_profit": Meaning("Return", "Net profit", "USD", "last equity - first"),
    "cagr": Meaning("Return", "Return a year (CAGR)", "fraction", "(1 + total_return) ^ (365 / days) - 1"),
    "benchmark_return": Meaning("Return", "Buy-and-hold", "fraction", "the same of the benchmark"),
    "excess_return": Meaning("Return", "Beyond buy-and-hold", "fraction", "total_return - benchmark_return"),
    "best_day": Meaning("Return", "Best day", "fraction", "max(r)"),
    "worst_day": Meaning("Return", "Worst day", "fraction", "min(r)"),
    "best_month": Meaning("Return", "Best month", "fraction", "largest return of a calendar month (UTC)"),
    "worst_month": Meaning("Return", "Worst month", "fraction", "smallest return of a calendar month (UTC)"),
    "days": Meaning("Return", "Length", "days", "close of the last bar - open of the first"),
    "volatility": Meaning("Risk", "Volatility a year", "fraction", "std(r) * sqrt(365), std with n - 1"),
    "max_drawdown": Meaning("Risk", "Deepest drawdown", "fraction", "min(equity / highest equity so far - 1), by bar"),
    "max_drawdown_days": Meaning("Risk", "Its length", "days", "its peak until regained, or until the end"),
    "longest_drawdown_days": Meaning("Risk", "Longest drawdown", "days", "longest time below an earlier peak"),
    "benchmark_max_drawdown": Meaning("Risk", "Deepest of buy-and-hold", "fraction", "max_drawdown of the benchmark"),
    "ulcer_index": Meaning("Risk", "Ulcer index", "fraction", "sqrt(sum(d ^ 2) / (n - 1)), d the drawdown by day"),
    "var": Meaning("Risk", "Value at risk, 95 %", "fraction", "mean(r) - 1.645 * std(r): a day's, normal"),
    "cvar": Meaning("Risk", "Expected shortfall, 95 %", "fraction", "mean(r) - 2.063 * std(r): a day's, normal"),
    "tail_ratio": Meaning("Risk", "Tail ratio", "ratio", "|95 % quantile of r / 5 % quantile of r|"),
    "skew": Meaning("Risk", "Skew", "ratio", "third standardised moment of r, unbiased"),
    "kurtosis": Meaning("Risk", "Kurtosis, excess", "ratio", "fourth standardised moment of r - 3, unbiased"),
    "sharpe": Meaning("Reward for risk", "Sharpe", "ratio", "mean(r) / std(r) * sqrt(365), no riskless rate"),
    "sortino": Meaning("Reward for risk", "Sortino", "ratio", "mean(r) / sqrt(sum(min(r, 0) ^ 2) / n) * sqrt(365)"),
    "calmar": Meaning("Reward for risk", "Calmar", "ratio", "cagr / |max_drawdown|"),
    "omega": Meaning("Reward for risk", "Omega", "ratio", "sum of days up / |sum of days down|"),
    "gain_to_pain": Meaning("Reward for risk", "Gain to pain", "ratio", "sum(r) / |sum of days down|"),
    "ulcer_performance": Meaning("Reward for risk", "Ulcer performance", "ratio", "total_return / ulcer_index"),
    "recovery_factor": Meaning("Reward for risk", "Recovery factor", "ratio", "total_return / |max_drawdown|"),
    "beta": Meaning("Reward for risk", "Beta", "ratio", "cov(r, benchmark's) / var(benchmark's)"),
    "correlation": Meaning("Reward for risk", "Correlation", "ratio", "with the benchmark's days"),
    "trades": Meaning("Trades", "Trades", "count", "closed trades"),
    "win_rate": Meaning("Trades", "Won", "fraction", "trades with net > 0 / trades with net other than 0"),
    "profit_factor": Meaning("Trades", "Profit factor", "ratio", "sum of nets > 0 / |sum of nets < 0|"),
    "expectancy": Meaning("Trades", "Expectancy", "USD", "mean net of a trade"),
    "expectancy_ratio": Meaning("Trades", "Expectancy ratio", "ratio", "(1 + payoff) * win_rate - 1"),
    "payoff": Meaning("Trades", "Payoff", "ratio", "average_win / |average_loss|"),
    "average_win": Meaning("Trades", "Average win", "USD", "mean net of the trades won"),
    "average_loss": Meaning("Trades", "Average loss", "USD", "mean net of the trades lost"),
    "best_trade": Meaning("Trades", "Best trade", "USD", "largest net"),
    "worst_trade": Meaning("Trades", "Worst trade", "USD", "smallest net"),
    "consecutive_wins": Meaning("Trades", "Won in a row", "count", "by the time they closed"),
    "consecutive_losses": Meaning("Trades", "Lost in a row", "count", "by the time they closed"),
    "average_hours": Meaning("Trades", "Average time held", "hours", "mean of closed - opened"),
    "sqn": Meaning("Trades", "System quality (SQN)", "ratio", "sqrt(trades) * mean(net) / std(net), std with n - 1"),
    "kelly": Meaning("Trades", "Kelly fraction", "fraction", "win_rate - (1 - win_rate) / payoff"),
    "exposure_time": Meaning("Activity", "Time in the market", "fraction", "bars with exposure / bars"),
    "exposure": Meaning("Activity", "Average exposure", "fraction", "mean(|notional / equity|) over all bars"),
    "exposure_max": Meaning("Activity", "Greatest exposure", "fraction", "max(|notional / equity|)"),
    "turnover": Meaning("Activity", "Turnover", "ratio", "notional bought and sold / mean equity"),
    "fees": Meaning("Costs", "Fees", "USD", "sum over the trades"),
    "funding": Meaning("Costs", "Funding", "USD", "sum over the trades; negative is received"),
    "slippage": Meaning("Costs", "Slippage", "USD", "sum over the trades"),
    "costs": Meaning("Costs", "All costs", "USD", "fees + funding + slippage"),
    "costs_share": Meaning("Costs", "Costs of the gross", "fraction", "costs / gross, where the gross is a profit"),
}


def told(name: str, value: float | None) -> str:
    """A figure as a person reads it, with its unit; a dash where there is none."""
    if value is None:
        return "–"
    unit = MEANINGS[name].unit
    value = round(value * 100 if unit == "fraction" else value, 2) + 0.0  # no minus before a zero
    if unit == "fraction":
        return f"{value:,.2f} %"
    if unit == "USD":
        return f"{value:,.2f} USD"
    if unit == "count":
        return f"{value:,.0f}"
    return f"{value:,.1f} {unit}" if unit in ("days", "hours") else f"{value:,.2f}"
