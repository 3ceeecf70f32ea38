"""The strategy of the benchmark, its averages and its account again in plain Python: the same trades."""

import math

import pandas as pd
import pytest

from strategies.ema_cross import EmaCross
from tests.backtest.made import market, reference
from tidegate.backtest.engine import backtest
from tidegate.backtest.rules import Rules
from tidegate.history import History

FAST, SLOW, ATR, STOP = 50, 200, 14, 8.0
FREE = {"max_daily_loss_pct": 0.0, "max_drawdown_pct": 0.0, "stop_loss_pct": 4.0}
COLUMNS = ["direction", "size", "opened", "closed", "entry_price", "exit_price", "reason", "net"]


def crossings(history: History) -> pd.DataFrame:
    """What the strategy should wish, bar by bar."""
    strategy = EmaCross(fast=FAST, slow=SLOW, stop_atr=STOP, atr_bars=ATR)
    rows = list(history.bars[["high", "low", "close"]].itertuples(index=False))
    fast = slow = rows[0].close
    wishes, ranges, average, before = [], [rows[0].high - rows[0].low], math.nan, rows[0]
    wishes.append({"want": "hold", "stop": math.nan, "take_profit": math.nan, "trail_by": math.nan})
    for bar, row in enumerate(rows[1:], start=1):
        above = fast > slow
        fast += 2 / (FAST + 1) * (row.close - fast)
        slow += 2 / (SLOW + 1) * (row.close - slow)
        ranges.append(max(row.high, before.close) - min(row.low, before.close))
        if bar == ATR - 1:
            average = sum(ranges) / ATR
        elif bar >= ATR:
            average += (ranges[-1] - average) / ATR
        before = row
        want = "long" if fast > slow and not above else "flat" if fast < slow else "hold"
        if bar < strategy.warm_up_bars - 1:
            want = "hold"
        wishes.append({"want": want, "stop": row.close - STOP * average, "take_profit": math.nan, "trail_by": math.nan})
    return pd.DataFrame(wishes, index=history.bars.index)


@pytest.mark.parametrize(
    ("exits", "reason"),
    [
        ({"take_profit_pct": 0.0}, "signal"),
        ({"take_profit_pct": 3.0}, "take_profit"),
        ({"take_profit_pct": 0.0, "trailing_stop_pct": 2.0}, "trailing_stop"),
        ({"take_profit_pct": 6.0, "trailing_stop_pct": 5.0, "time_limit_bars": 60}, "time_limit"),
    ],
)
def test_a_crossing_makes_the_trades_of_a_plain_python_loop(exits: dict[str, float], reason: str) -> None:
    history, rules = market(11, bars=12_000), Rules(**FREE, **exits)
    expected = reference(history, crossings(history), rules)
    strategy = EmaCross(fast=FAST, slow=SLOW, stop_atr=STOP, atr_bars=ATR)
    got = list(backtest(strategy, [history], rules).trades[COLUMNS].itertuples(index=False, name=None))
    assert len(expected) > 25
    assert [row[:7] for row in got] == [row[:7] for row in expected]
    assert [row[7] for row in got] == pytest.approx([row[7] for row in expected], abs=1e-6)
    assert reason in {row[6] for row in expected}
