"""One of the others over the candles of a file: the best of some repetitions as a line of JSON.

Runs in an environment of its own, which has none of our libraries: python backtest_rivals.py NAME candles.parquet
"""

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pandas as pd

FAST, SLOW, ATR, STOP, FEE = 50, 200, 14, 8.0, 0.00045
REPETITIONS = 3


def indicators(bars: pd.DataFrame) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Both averages and the average range, as ours are."""
    fast = bars["close"].ewm(span=FAST, adjust=False).mean()
    slow = bars["close"].ewm(span=SLOW, adjust=False).mean()
    before = bars["close"].shift(1)
    parts = [bars["high"] - bars["low"], (bars["high"] - before).abs(), (bars["low"] - before).abs()]
    ranges = pd.concat(parts, axis=1).max(axis=1)
    return fast, slow, ranges.ewm(alpha=1 / ATR, adjust=False).mean()


def of_vectorbt(bars: pd.DataFrame) -> Callable[[], int]:
    """Signals as arrays, the stop as a share of the price."""
    import vectorbt as vbt

    def work() -> int:
        fast, slow, average = indicators(bars)
        entries = (fast > slow) & (fast.shift(1) <= slow.shift(1))
        portfolio = vbt.Portfolio.from_signals(
            bars["close"], entries.shift(1, fill_value=False), (fast < slow).shift(1, fill_value=False),
            open=bars["open"], high=bars["high"], low=bars["low"], price=bars["open"],
            sl_stop=(STOP * average / bars["close"]).shift(1), fees=FEE, init_cash=10_000, freq="1min",
        )  # fmt: skip
        portfolio.total_return()
        return int(portfolio.trades.count())

    return work


def of_backtesting(bars: pd.DataFrame) -> Callable[[], int]:
    """A strategy class that is called each bar."""
    from backtesting import Backtest, Strategy

    named = bars.rename(columns=str.capitalize)
    named.index = named.index.tz_localize(None)

    class Cross(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            fast, slow, average = indicators(bars)
            self.fast, self.slow = self.I(lambda: fast.to_numpy()), self.I(lambda: slow.to_numpy())
            self.average = self.I(lambda: average.to_numpy())

        def next(self) -> None:
            if self.position:
                if self.fast[-1] < self.slow[-1]:
                    self.position.close()
            elif self.fast[-1] > self.slow[-1] and self.fast[-2] <= self.slow[-2]:
                self.buy(size=0.5, sl=self.data.Close[-1] - STOP * self.average[-1])

    def work() -> int:
        test: Any = Backtest(named, Cross, cash=10_000_000, commission=FEE, finalize_trades=True)
        return int(test.run()["# Trades"])

    return work


CONTESTANTS = {"vectorbt": of_vectorbt, "backtesting": of_backtesting}


def main() -> None:
    """Play and print."""
    name, path = sys.argv[1:]
    bars = pd.read_parquet(path).set_index("time")
    work = CONTESTANTS[name](bars)
    trades, best, best_cpu = work(), float("inf"), float("inf")
    for _ in range(REPETITIONS):
        begun, spent = time.perf_counter(), time.process_time()
        trades = work()
        best, best_cpu = min(best, time.perf_counter() - begun), min(best_cpu, time.process_time() - spent)
    told = {"name": name, "seconds": best, "cpu_seconds": best_cpu, "trades": trades}
    print(json.dumps(told | {"version": version(name)}))


if __name__ == "__main__":
    main()
