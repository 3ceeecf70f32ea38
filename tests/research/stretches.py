"""Markets for quiet stretches: seeded walks, played with and without passing, and what must come out the same."""

from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tests.research.runs import ROOT, settings
from tidegate.discovery import load, read_source
from tidegate.history import History, of_frame
from tidegate.model.market import Timeframe
from tidegate.research.evidence import Simulation
from tidegate.research.played import tapes_of
from tidegate.research.simulation import simulate
from tidegate.research.wishes import wishes_of

START_MS = 1_735_689_600_000
LISTED = {"BTC": (60_000.0, 0, 3.0), "SOL": (99.9, 3, 40.0), "ETH": (3_000.0, 1, 20.0), "DOGE": (0.2, 5, 2e5)}
QUICK = {"fast": "3", "slow": "8", "atr_bars": "5", "stop_atr": "1.5"}
MINUTE_MS = 60_000


class Market(NamedTuple):
    """A seeded walk of some coins, so many minutes long from a moment on; `quiet` of its bars have no trades."""

    seed: int
    minutes: int
    coins: tuple[str, ...]
    start_ms: int = START_MS
    quiet: int = 0

    def histories(self) -> list[History]:
        """Its candles."""
        return [self._history(self.seed + number, coin) for number, coin in enumerate(self.coins)]

    def _history(self, seed: int, coin: str) -> History:
        price, decimals, volume = LISTED[coin]
        chance = np.random.default_rng(seed)
        steps = chance.normal(0, 0.0005, (self.minutes, 6)).cumsum(axis=1)
        steps[chance.random(self.minutes) < 0.05] = 0  # nobody moves the price: a candle with one price
        base = np.concatenate([[0], steps[:-1, -1].cumsum()])
        way = np.concatenate([np.zeros((self.minutes, 1)), steps], axis=1)
        prices = np.round(price * np.exp(base[:, None] + way), decimals)
        traded = np.round(chance.gamma(2, volume / 2, self.minutes) + 0.001, 5)
        silent = chance.choice(np.arange(self.minutes // 2, self.minutes), self.quiet, replace=False)
        traded[silent], prices[silent] = 0.0, prices[silent, :1]
        index = pd.date_range(pd.Timestamp(self.start_ms, unit="ms", tz="UTC"), periods=self.minutes, freq="min")
        frame = pd.DataFrame(
            {
                "open": prices[:, 0],
                "high": prices.max(axis=1),
                "low": prices.min(axis=1),
                "close": prices[:, -1],
                "volume": traded,
            },
            index=index.rename("time"),
        )
        return of_frame(frame, coin, Timeframe.M1, "a seeded walk")


def played(
    market: Market,
    strategy: str,
    parameters: dict[str, str],
    *,
    every_print: bool,
    latency_ms: int = 50,
    **changes: Any,
) -> Simulation:
    """One run of a strategy over a market."""
    source = read_source(Path(ROOT / "strategies"), strategy)
    made = load(source).from_text(parameters)
    plan = {"coins": market.coins, "timeframe": Timeframe.M1, "check_interval_s": Decimal(60), "strategy": strategy}
    bot = settings(**{**plan, "strategy_params": parameters, **changes})
    histories = market.histories()
    return simulate(
        bot,
        tapes=tapes_of(histories, None, made.bars_needed(MINUTE_MS)),
        equity_usd=Decimal(10_000),
        latency_ms=latency_ms,
        keep_journal=False,
        wishes=wishes_of(made, source, histories, bot),
        every_print=every_print,
    )


def outcome(run: Simulation) -> dict[str, Any]:
    """Everything that a person could find different."""
    account = run.exchange.info({"type": "clearinghouseState", "user": run.account}).body
    return {
        "orders": [(order.at_ms, order.request, order.signal_id, order.nonce) for order in run.orders],
        "fills": run.fills,
        "theirs": run.exchange.fills(run.account),
        "closed": run.closed,
        "funding": [(each.coin, each.usd, each.time_ms) for each in run.fundings],
        "equity": (run.state.equity, run.state.free, account["marginSummary"]),
        "brakes": run.state.brakes,
        "positions": {name: (coin.position, coin.bracket, coin.phase) for name, coin in run.state.coins.items()},
        "candles": {name: coin.candles.rows for name, coin in run.state.coins.items()},
    }
