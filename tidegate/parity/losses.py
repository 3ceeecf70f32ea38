"""When a backtest's loss limits were reached, worked out from nothing but its line of equity."""

from typing import NamedTuple

import numpy as np

from tidegate.backtest.results import Result
from tidegate.history.times import in_ms

DAY_MS = 86_400_000
FOREVER_MS = 1 << 62


class Braked(NamedTuple):
    """A span in which a loss limit let nobody enter, milliseconds UTC; `why` with the figures."""

    from_ms: int
    until_ms: int
    why: str


def losses_of(result: Result) -> tuple[Braked, ...]:
    """By the close of each bar: what was lost since the day began, and since the highest equity.

    The fees still to be paid for what is open count as lost. A day begins with the equity of the last close before it.
    """
    rules, line = result.run.settings, result.equity
    if not len(line):
        return ()
    closes_ms = in_ms(line.index) + _step_ms(result)
    equity = line["equity"].to_numpy(float)
    left = equity * (1 - line["exposure"].to_numpy(float) * float(rules["taker_fee"]))
    before = np.concatenate([[float(rules["equity_usd"])], equity[:-1]])
    days = in_ms(line.index) // DAY_MS
    first = np.searchsorted(days, days)
    found: list[Braked] = []
    daily, drawdown = float(rules["max_daily_loss_pct"]), float(rules["max_drawdown_pct"])
    lost = 100 * (1 - left / before[first])
    for day in np.unique(days) if daily else ():
        at = np.flatnonzero((days == day) & (lost >= daily))
        if len(at):
            row = int(at[0])
            why = f"{lost[row]:.2f} % lost since the day began, MAX_DAILY_LOSS_PCT={daily:g}"
            found.append(Braked(int(closes_ms[row]), (int(day) + 1) * DAY_MS, why))
    peaks = np.maximum.accumulate(np.maximum(equity, float(rules["equity_usd"])))
    fallen = 100 * (1 - left / peaks)
    at = np.flatnonzero(fallen >= drawdown) if drawdown else np.zeros(0, int)
    if len(at):
        row = int(at[0])
        why = f"{fallen[row]:.2f} % below the highest equity, MAX_DRAWDOWN_PCT={drawdown:g}"
        found.append(Braked(int(closes_ms[row]), FOREVER_MS, why))
    return tuple(found)


def _step_ms(result: Result) -> int:
    steps = np.diff(in_ms(result.equity.index))
    return int(steps.min()) if len(steps) else 0
