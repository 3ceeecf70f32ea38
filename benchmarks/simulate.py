"""A year through the bot itself: `simulate` beside `backtest`, the same strategy over the same candles.

    PYTHONPATH=. python benchmarks/simulate.py            # a year of minutes of one coin, thirty days of three
    PYTHONPATH=. python benchmarks/simulate.py --quick    # a tenth of both

EMA 50/200 with a stop eight average ranges away. Candles are made from a seed. An event is a print that the market
makes: twelve a minute. Times are of the playing phase, candles and wishes in memory and everything compiled, in time of
the processor and by the clock; other processes on the machine disturb the first least. Each case has a process of its
own, whose peak memory is shown.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import NamedTuple

import numpy as np
import pandas as pd

from tidegate.backtest.engine import play
from tidegate.backtest.rules import Rules
from tidegate.discovery import load, read_source
from tidegate.history import History, of_frame
from tidegate.model.market import Timeframe
from tidegate.model.settings import Settings
from tidegate.research.played import tapes_of
from tidegate.research.simulation import simulate
from tidegate.research.wishes import wishes_of

YEAR, MONTH = 525_600, 43_200
PRINTS_A_MINUTE = 12
PARAMETERS = {"fast": "50", "slow": "200", "stop_atr": "8"}
LISTED = {"BTC": (60_000.0, 0), "ETH": (3_000.0, 1), "SOL": (99.9, 3)}
STRATEGIES = Path(__file__).resolve().parents[1] / "strategies"
GOALS_S = {YEAR: 30.0, MONTH: 15.0}
EVENTS_A_SECOND_MIN = 100_000
WARM_MINUTES = 1_100


class Figures(NamedTuple):
    """What one case took; seconds of the processor and of the clock."""

    processor_s: float
    clock_s: float
    backtest_s: float
    trades: int
    backtest_trades: int
    passed: float
    peak_mb: float


def candles(coin: str, minutes: int, seed: int) -> History:
    """A seeded walk on the exchange's grid of prices, with calm and wild hours."""
    price, decimals = LISTED[coin]
    chance = np.random.default_rng(seed)
    wild = np.repeat(chance.lognormal(-0.3, 0.5, minutes // 60 + 1), 60)[:minutes, None]
    steps = (chance.normal(0, 0.0002, (minutes, 6)) * wild).cumsum(axis=1)
    base = np.concatenate([[0], steps[:-1, -1].cumsum()])
    prices = np.round(price * np.exp(base[:, None] + np.concatenate([np.zeros((minutes, 1)), steps], axis=1)), decimals)
    frame = pd.DataFrame(
        {
            "open": prices[:, 0],
            "high": prices.max(axis=1),
            "low": prices.min(axis=1),
            "close": prices[:, -1],
            "volume": np.round(chance.gamma(2, 10, minutes) + 0.01, 2),
        },
        index=pd.date_range("2025-01-01", periods=minutes, freq="min", tz="UTC", name="time"),
    )
    return of_frame(frame, coin, Timeframe.M1, "made")


def measured(coins: tuple[str, ...], minutes: int) -> Figures:
    """One case, after a short one that compiles everything."""
    _run(coins, WARM_MINUTES)
    return _run(coins, minutes)


def _run(coins: tuple[str, ...], minutes: int) -> Figures:
    histories = [candles(coin, minutes, 11 + number) for number, coin in enumerate(coins)]
    source = read_source(STRATEGIES, "ema_cross")
    strategy = load(source).from_text(PARAMETERS)
    needed = strategy.bars_needed(Timeframe.M1.ms)
    bot = Settings(
        strategy_dir=str(STRATEGIES),
        strategy="ema_cross",
        strategy_params=PARAMETERS,
        coins=coins,
        timeframe=Timeframe.M1,
        check_interval_s=Decimal(60),
        max_drawdown_pct=Decimal(0),
        max_daily_loss_pct=Decimal(0),
        candle_history=needed + 1,
    )
    wishes, tapes = wishes_of(strategy, source, histories, bot), tapes_of(histories, None, needed)
    clock_s, processor_s = time.perf_counter(), time.process_time()
    run = simulate(bot, tapes=tapes, equity_usd=Decimal(10_000), keep_journal=False, wishes=wishes)
    clock_s, processor_s = time.perf_counter() - clock_s, time.process_time() - processor_s
    began_s = time.process_time()
    beside = play(strategy, histories, Rules.of(bot, equity_usd=10_000.0), begin_ms=tapes.start_ms)
    return Figures(
        processor_s,
        clock_s,
        time.process_time() - began_s,
        len(run.closed),
        len(beside.result.trades),
        run.passed_ms / (minutes - needed) / 60_000,
        getrusage(RUSAGE_SELF).ru_maxrss / 1024,
    )


def main() -> None:
    """Measure and show both cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the bars")
    share = 10 if parser.parse_args().quick else 1
    for coins, whole in ((("BTC",), YEAR), (("BTC", "ETH", "SOL"), MONTH)):
        minutes = whole // share
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            found = alone.submit(measured, coins, minutes).result()
        events = minutes * PRINTS_A_MINUTE * len(coins)
        goal_s, rate = GOALS_S[whole] / share, events / found.processor_s
        print(f"{minutes:,} minutes of {', '.join(coins)}: {events:,} prints, {found.trades:,} closed positions")
        print(f"  simulate  {found.processor_s:7.2f} s of the processor ({found.clock_s:.1f} s by the clock)", end="")
        print(f", {rate:,.0f} prints/s, {found.passed:.1%} of the time passed as quiet, peak {found.peak_mb:.0f} MB")
        print(f"  backtest  {found.backtest_s:7.2f} s of the processor, {found.backtest_trades:,} trades")
        print(f"  goal {goal_s:.1f} s: {_verdict(found.processor_s <= goal_s)}", end="; ")
        print(f"{EVENTS_A_SECOND_MIN:,} prints/s: {_verdict(rate >= EVENTS_A_SECOND_MIN)}")


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    main()
