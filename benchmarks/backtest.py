"""A year of minutes: ours beside a bare numba pass, freqtrade, backtesting.py and vectorbt, in one run.

    PYTHONPATH=. python benchmarks/backtest.py            # all; the others in environments made for it
    PYTHONPATH=. python benchmarks/backtest.py --alone    # ours and the bare pass: seconds
    PYTHONPATH=. python benchmarks/backtest.py --keep FOLDER   # keeps the environments for the next run

The same strategy for all: EMA 50/200, in at the next open after a crossing, out below, a stop eight average ranges
away, fees of 0.045 % a side. Data are made from a seed (525 600 bars), so that nobody needs anybody's files. Times are
of the backtest phase: candles in memory, everything imported and compiled. Of the others each round measures ours
anew, and what is judged is the median of the rounds' ratios, in time of the processor: other processes on the machine
disturb that least.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numba import njit

from strategies.ema_cross import EmaCross
from tidegate.backtest import kernel
from tidegate.backtest.engine import play
from tidegate.backtest.rules import Rules
from tidegate.history import History, of_frame
from tidegate.model.market import Timeframe

BARS = 525_600
FAST, SLOW, ATR, STOP = 50, 200, 14, 8.0
FEE = 0.00045
PHASE_MAX_S, TIMES_BARE_MAX, SWEEP_MAX_S, MEMORY_MAX_MB = 0.15, 5.0, 3.0, 400
SETS = [(fast, slow) for fast in range(20, 120, 10) for slow in range(150, 350, 20)]
RIVALS = {"vectorbt": "1.2.0", "backtesting": "0.6.6", "freqtrade": "2026.9"}
"""Packages by the version that is installed; the slowest last."""
TIMES_MIN = {"vectorbt": 10.0, "freqtrade with its custom stop": 300.0}
RIVALS_FILE = Path(__file__).with_name("backtest_rivals.py")
INSTALL_LIMIT_S, RIVAL_LIMIT_S = 900, 1200
RULES = Rules(
    equity_usd=10_000, stop_loss_pct=90, take_profit_pct=0, max_position_usd=1e9, max_daily_loss_pct=0,
    max_drawdown_pct=0, max_open_positions=0,
)  # fmt: skip


@cache
def year() -> History:
    """A year of minutes with calm and wild hours."""
    rng = np.random.default_rng(7)
    calm = np.repeat(rng.lognormal(-0.3, 0.5, BARS // 60), 60)
    close = 100_000 * np.exp(np.cumsum(rng.normal(0, 5e-4, BARS) * calm))
    opened = np.concatenate([[100_000.0], close[:-1]])
    high = np.maximum(opened, close) * (1 + np.abs(rng.normal(0, 2e-4, BARS)))
    low = np.minimum(opened, close) * (1 - np.abs(rng.normal(0, 2e-4, BARS)))
    index = pd.date_range("2025-01-01", periods=BARS, freq="min", tz="UTC", name="time")
    frame = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1.0}, index=index)
    return of_frame(frame, "BTC", Timeframe.M1, "made")


@njit(cache=True)
def bare(
    opened: np.ndarray, high: np.ndarray, low: np.ndarray, close: np.ndarray, fast_bars: int, slow_bars: int
) -> int:
    """The limit: indicators, entries, stop and fees in one loop, nothing kept but the sum."""
    fast = slow = close[0]
    average, position, entry, stop, cash, trades, want = high[0] - low[0], 0, 0.0, 0.0, 0.0, 0, 0
    for bar in range(1, len(close)):
        if position == 0 and want == 1:
            position, entry, stop = 1, opened[bar], close[bar - 1] - STOP * average
        elif position == 1 and want == -1:
            cash += opened[bar] - entry - FEE * (opened[bar] + entry)
            position, trades = 0, trades + 1
        if position == 1 and low[bar] <= stop:
            level = min(opened[bar], stop)
            cash += level - entry - FEE * (level + entry)
            position, trades = 0, trades + 1
        above = fast > slow
        fast += 2 / (fast_bars + 1) * (close[bar] - fast)
        slow += 2 / (slow_bars + 1) * (close[bar] - slow)
        before = close[bar - 1]
        average += (max(high[bar] - low[bar], abs(high[bar] - before), abs(low[bar] - before)) - average) / ATR
        want = (0 if above else 1) if fast > slow else -1
    return trades if cash > -1e18 else 0


class Stopwatch:
    """The best of some repetitions, in wall and in processor time."""

    def __init__(self, work: Callable[[], object], times: int = 7, before: Callable[[], object] = int) -> None:
        self.wall_s = self.cpu_s = float("inf")
        for _ in range(times):
            before()
            wall, cpu = time.perf_counter(), time.thread_time()
            work()
            self.wall_s = min(self.wall_s, time.perf_counter() - wall)
            self.cpu_s = min(self.cpu_s, time.thread_time() - cpu)


class Measured(NamedTuple):
    """What one of the others told of itself, and the processor's seconds of ours in the same round."""

    mine_s: float
    told: dict[str, Any]


class Listening:
    """Stands in for the kernel and keeps what it was given, to run it alone afterwards."""

    def __init__(self) -> None:
        self.given: tuple[object, ...] = ()

    def __call__(self, *given: object) -> object:
        self.given = given
        return RUN(*given)


RUN = kernel.run


def strategy(fast: int = FAST, slow: int = SLOW) -> EmaCross:
    """The strategy as it is shipped."""
    return EmaCross(fast=fast, slow=slow, stop_atr=STOP, atr_bars=ATR)


def of_candles_never_seen() -> Stopwatch:
    """Our backtest, each time over a copy of the candles: nothing that is remembered of others helps."""
    copies: list[History] = []

    def copy() -> None:
        copies[:] = [year()._replace(bars=year().bars.copy())]

    return Stopwatch(lambda: play(strategy(), copies, RULES), before=copy)


def one_set(given: tuple[int, int]) -> tuple[float, float]:
    """A worker's share: one set of parameters; the processor's seconds that it took, and the worker's peak in MB."""
    begun = time.thread_time()
    play(strategy(*given), [year()], RULES)
    return time.thread_time() - begun, getrusage(RUSAGE_SELF).ru_maxrss / 1024


def warm(_worker: int) -> int:
    """Everything imported, compiled and loaded in a worker."""
    one_set((FAST, SLOW))
    return os.getpid()


def sweep() -> tuple[float, float, float]:
    """Seconds for a hundred sets on two processes that are warm; half of the processor's; the peak of one in MB."""
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as workers:
        list(workers.map(warm, range(4)))
        begun = time.perf_counter()
        spent, peaks = zip(*workers.map(one_set, SETS, chunksize=5), strict=True)
        return time.perf_counter() - begun, sum(spent) / 2, max(peaks)


def ours() -> dict[str, float]:
    """The figures of ours and of the bare pass."""
    history = year()
    arrays = [history.bars[name].to_numpy() for name in ("open", "high", "low", "close")]
    listening = Listening()
    kernel.run = listening  # type: ignore[assignment]
    begun = time.perf_counter()
    trades = len(play(strategy(), [history], RULES).result.trades)
    first_s = time.perf_counter() - begun
    kernel.run = RUN
    floor_trades = bare(*arrays, FAST, SLOW)
    alone, floor = Stopwatch(lambda: RUN(*listening.given)), Stopwatch(lambda: bare(*arrays, FAST, SLOW))
    memory_mb = getrusage(RUSAGE_SELF).ru_maxrss / 1024  # before there are copies of the candles
    phase = of_candles_never_seen()
    return {
        "trades": trades, "bare trades": floor_trades, "first_s": first_s, "phase_s": phase.wall_s,
        "phase_cpu_s": phase.cpu_s, "kernel_s": alone.wall_s, "bare_s": floor.wall_s,
        "times_bare": alone.cpu_s / floor.cpu_s, "memory_mb": memory_mb,
    }  # fmt: skip


def in_own_process() -> dict[str, float]:
    """Ours in a process of its own: the peak of memory is then nobody else's."""
    ended = subprocess.run([sys.executable, __file__, "--ours"], capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures


def rivals(folder: Path, rounds: int) -> dict[str, list[Measured]]:
    """Install the others beside us, one environment each, and let them play the same candles, each in its turn."""
    candles = folder / "candles.parquet"
    year().bars.reset_index().to_parquet(candles)
    found: dict[str, list[Measured]] = {}
    for package, pinned in RIVALS.items():
        try:
            python = installed(folder / package, f"{package}=={pinned}")
            for _ in range(rounds):
                mine = of_candles_never_seen().cpu_s
                for told in played_by(python, package, candles):
                    found.setdefault(told["name"], []).append(Measured(mine, told))
        except subprocess.TimeoutExpired as late:
            print(f"{package:32} skipped: not done within {late.timeout:.0f} s")
        except (subprocess.CalledProcessError, OSError) as error:
            said = str(getattr(error, "stderr", "") or error).strip().splitlines() or ["no reason given"]
            print(f"{package:32} skipped: {said[-1][:150]}")
    return found


def installed(environment: Path, requirement: str) -> Path:
    """The Python of an environment that has this, and what reads our candles."""
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, capture_output=True)
    words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement, "pyarrow"]
    subprocess.run([str(python), *words], check=True, capture_output=True, text=True, timeout=INSTALL_LIMIT_S)
    return python


def played_by(python: Path, package: str, candles: Path) -> list[dict[str, Any]]:
    """What one of the others says of its own time: a line of JSON for each way in which it played."""
    own = Path(__file__).with_name(f"backtest_{package}.py")
    words = [str(own), str(candles)] if own.exists() else [str(RIVALS_FILE), package, str(candles)]
    ended = subprocess.run(
        [str(python), *words], check=True, capture_output=True, text=True, timeout=RIVAL_LIMIT_S, cwd=candles.parent
    )
    return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]


def compared(found: dict[str, list[Measured]]) -> dict[str, float]:
    """Print what the others needed; how many times ours that is, by name."""
    times = {}
    for name, measured in found.items():
        wall, cpu = (median(each.told[key] for each in measured) for key in ("seconds", "cpu_seconds"))
        times[name] = median(each.told["cpu_seconds"] / each.mine_s for each in measured)
        told = measured[0].told
        print(f"{name:32} {wall:9.4f} s  processor {cpu:9.4f} s = {times[name]:6.0f} times ours", end="")
        print(f"  {told['trades']:6} trades  {told['version']}")
    return times


def verdict(name: str, value: float, goal: float, unit: str, *, least: bool = False) -> None:
    """A goal and whether it is met."""
    met = value >= goal if least else value <= goal
    print(
        f"{'met' if met else 'NOT met':8} {name}: {value:.3g} {unit}, goal {goal:g} at {'least' if least else 'most'}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.ours:
        print(json.dumps(ours()))
        return
    figures = in_own_process()
    sweep_s, sweep_cpu_s, worst_mb = sweep()
    print(f"{BARS:,} bars of a minute, EMA {FAST}/{SLOW}, stop {STOP:g} average ranges; load {os.getloadavg()[0]:.1f}")
    print(f"{'bare numba pass':32} {figures['bare_s']:9.4f} s  {figures['bare trades']:6.0f} trades")
    print(f"{'our kernel':32} {figures['kernel_s']:9.4f} s  {figures['trades']:6.0f} trades")
    phase = f"processor {figures['phase_cpu_s']:.4f} s; the first {figures['first_s']:.1f} s"
    print(f"{'our backtest':32} {figures['phase_s']:9.4f} s  {phase}; peak {figures['memory_mb']:.0f} MB")
    print(f"{'our 100 sets':32} {sweep_s:9.4f} s  processor {sweep_cpu_s:.2f} s on each of two; peak {worst_mb:.0f} MB")
    times: dict[str, float] = {}
    if not given.alone:
        with nullcontext(given.keep) if given.keep else tempfile.TemporaryDirectory(prefix="rivals-") as folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            times = compared(rivals(Path(folder).resolve(), given.rounds))
    verdict("backtest phase", figures["phase_s"], PHASE_MAX_S, "s")
    verdict("kernel against the bare pass", figures["times_bare"], TIMES_BARE_MAX, "times")
    verdict("100 sets", sweep_s, SWEEP_MAX_S, "s")
    verdict("peak memory", max(figures["memory_mb"], worst_mb), MEMORY_MAX_MB, "MB")
    for name, goal in TIMES_MIN.items():
        if name in times:
            verdict(f"{name} against ours", times[name], goal, "times", least=True)


if __name__ == "__main__":
    main()
