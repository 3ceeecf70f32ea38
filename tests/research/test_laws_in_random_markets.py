"""The bot in the random market, seed after seed, with a referee on the exchange's side.

SIMULATED_HOURS is how long each run lasts, SEEDS how many seeds are played with everything at random
(`make sim SEEDS=500`), SEED one of them alone.
"""

import os
import random
from typing import Any

import pytest

from tests.research.referee import Referee
from tests.research.runs import D, holding, settings
from tidegate.core.state import OrderState
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.market import Timeframe
from tidegate.model.orders import Role
from tidegate.model.settings import Settings
from tidegate.research.simulation import Outage, Simulation, simulate

HOURS = float(os.environ.get("SIMULATED_HOURS", "0.3"))
DURATION_MS = int(HOURS * 3_600_000)
SEEDS = [int(os.environ["SEED"])] if "SEED" in os.environ else range(1, int(os.environ.get("SEEDS", "3")) + 1)
QUIET_AT_THE_END_MS = 180_000
AGAIN_EVERY = 10
"""One seed in so many is played twice: the same seed has the same events on the exchange's side."""
A_MILLIONTH = D("0.000001")
NARROW = {"stop_loss_pct": D("0.1"), "take_profit_pct": D("0.15")}
CROSSING = {"strategy": "ema_cross", "strategy_params": {"fast": "2", "slow": "5", "stop_atr": "1", "shorts": "true"}}
MORE_THAN_THE_TOUCH = {
    "coins": ("kPEPE",),
    "leverage": 10,
    "max_position_usd": D(95_000),
    "max_slippage_pct": D("0.02"),
    "risk_per_trade_pct": D(100),
    "max_daily_loss_pct": D(0),
    "max_drawdown_pct": D(0),
    "max_orders_per_minute": 600,
}
PLANS: dict[str, Settings] = {
    "long": holding("long", **NARROW),
    "short": holding("short", **NARROW),
    "long, trailing": holding("long", **NARROW, trailing_stop_pct=D("0.05")),
    "short, by mark": holding("short", **NARROW, stop_price_source="mark"),
    "partly filled": holding(
        "short",
        **MORE_THAN_THE_TOUCH,
        stop_loss_pct=D("0.3"),
        take_profit_pct=D("0.4"),
        trailing_stop_pct=D("0.15"),
    ),
    "crossing": settings(
        coins=("BTC", "SOL"), timeframe=Timeframe.M1, check_interval_s=D(60), candle_history=100, **CROSSING
    ),
}


def run(plan: Settings, seed: int, *, closes: bool = True, **lines: Any) -> tuple[Simulation, Referee]:
    referees: list[Referee] = []

    def watch(exchange, user):
        referees.append(Referee(exchange, user, plan))
        return referees[0]

    choice = MarketChoice(seed=seed, scenario="random")
    simulation = simulate(plan, choice, duration_ms=DURATION_MS, watch=watch, keep_journal=False, **lines)
    assert simulation.closed if closes else referees[0].entries, "nothing happened"
    return simulation, referees[0]


def books_agree(simulation: Simulation, referee: Referee) -> None:
    """One entry a signal; every fill was counted once; profits are the exchange's."""
    signals = [order.signal_id for order in simulation.orders if order.request.role is Role.ENTRY]
    assert len(signals) == len(set(signals)) >= len(referee.entries)
    assert [row["tid"] for row in referee.fills] == [fill.tid for fill in simulation.fills]
    theirs = sum(D(row["closedPnl"]) for row in referee.fills)
    assert abs(sum(closed.pnl for closed in simulation.closed) - theirs) < A_MILLIONTH


@pytest.mark.parametrize(("seed", "latency_ms", "account_lag_ms"), [(1, 0, 0), (2, 50, 120), (3, 400, 0)])
@pytest.mark.parametrize("plan", PLANS)
def test_no_promise_is_broken(plan: str, seed: int, latency_ms: int, account_lag_ms: int) -> None:
    simulation, referee = run(PLANS[plan], seed, latency_ms=latency_ms, account_lag_ms=account_lag_ms)
    books_agree(simulation, referee)
    assert not simulation.alerts


def cut_lines(seed: int) -> list[Outage]:
    """Every few minutes something is cut, sometimes everything; quiet towards the end."""
    rng = random.Random(seed)
    outages: list[Outage] = []
    at_ms = 20_000
    while at_ms < DURATION_MS - QUIET_AT_THE_END_MS:
        end_ms = at_ms + rng.choice([500, 3_000, 9_000, 20_000, 60_000])
        kinds = {rng.choice(["socket", "socket", "silence", "rest"]), rng.choice(["rest", "socket", "socket"])}
        outages += [Outage(kind, at_ms, end_ms) for kind in sorted(kinds)]
        at_ms = end_ms + rng.randint(10_000, 200_000)
    return outages


@pytest.mark.parametrize("seed", [4, 6])
@pytest.mark.parametrize("plan", ["long, trailing", "short", "partly filled", "crossing"])
def test_no_promise_is_broken_while_lines_are_cut_and_every_doubt_is_settled(plan: str, seed: int) -> None:
    simulation, referee = run(PLANS[plan], seed, account_lag_ms=100, outages=cut_lines(seed))
    books_agree(simulation, referee)
    assert simulation.said("back to streaming")
    left = [order for coin in simulation.state.coins.values() for order in coin.orders.values()]
    assert not [order for order in left if order.state is OrderState.DOUBT]


@pytest.mark.parametrize("seed", SEEDS)
def test_seed_after_seed_with_everything_at_random_no_promise_is_broken(seed: int) -> None:
    """One of them again: `make sim SEED=17`. The same seed makes the same choices, and gives the same fills."""
    rng = random.Random(seed)
    plan = PLANS[rng.choice(sorted(PLANS))]
    lines = {"latency_ms": rng.choice([0, 20, 80, 400]), "account_lag_ms": rng.choice([0, 50, 300])}
    outages = cut_lines(seed) if rng.random() < 0.5 else []
    simulation, referee = run(plan, 1_000 + seed, closes=False, **lines, outages=outages)
    books_agree(simulation, referee)
    if seed % AGAIN_EVERY == 1:
        _, again = run(plan, 1_000 + seed, closes=False, **lines, outages=outages)
        assert again.heard.hexdigest() == referee.heard.hexdigest(), "the same seed, but not the same events"
    assert not [coin for coin in simulation.state.coins.values() if coin.position.size and not coin.covered_ms]
