"""The bot in the random market, seed after seed, with a referee on the exchange's side.

SIMULATED_HOURS is how long each run lasts (`make sim` plays whole days).
"""

import os

import pytest

from tests.research.referee import Referee
from tests.research.runs import D, holding, settings
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.market import Timeframe
from tidegate.model.orders import Role
from tidegate.model.settings import Settings
from tidegate.research.simulation import Simulation, simulate

HOUR_MS = 3_600_000
HOURS = float(os.environ.get("SIMULATED_HOURS", "0.4"))
A_MILLIONTH = D("0.000001")
NARROW = {"stop_loss_pct": D("0.1"), "take_profit_pct": D("0.15")}
CROSSING = {"strategy": "ema_cross", "strategy_params": {"fast": "2", "slow": "5", "stop_atr": "1", "shorts": "true"}}
PLANS: dict[str, Settings] = {
    "long": holding("long", **NARROW),
    "short": holding("short", **NARROW),
    "long, trailing": holding("long", **NARROW, trailing_stop_pct=D("0.05")),
    "short, by mark": holding("short", **NARROW, stop_price_source="mark"),
    "partly filled": holding(
        "short",
        coins=("kPEPE",),
        leverage=10,
        max_position_usd=D(95_000),
        max_slippage_pct=D("0.02"),
        risk_per_trade_pct=D(100),
        stop_loss_pct=D("0.3"),
        take_profit_pct=D("0.4"),
        trailing_stop_pct=D("0.15"),
    ),
    "crossing": settings(
        coins=("BTC", "SOL"), timeframe=Timeframe.M1, check_interval_s=D(60), candle_history=100, **CROSSING
    ),
}


def run(plan: Settings, seed: int, latency_ms: int) -> tuple[Simulation, Referee]:
    referees: list[Referee] = []

    def watch(exchange, user):
        referees.append(Referee(exchange, user, plan))
        return referees[0]

    choice = MarketChoice(seed=seed, scenario="random")
    duration_ms = int(HOURS * HOUR_MS)
    simulation = simulate(plan, choice, duration_ms=duration_ms, latency_ms=latency_ms, watch=watch, keep_journal=False)
    return simulation, referees[0]


@pytest.mark.parametrize(("seed", "latency_ms"), [(1, 0), (2, 50), (3, 400)])
@pytest.mark.parametrize("plan", PLANS)
def test_no_promise_is_broken(plan: str, seed: int, latency_ms: int) -> None:
    simulation, referee = run(PLANS[plan], seed, latency_ms)
    assert len(simulation.closed) >= 2 * HOURS, "nothing happened"
    signals = [order.signal_id for order in simulation.orders if order.request.role is Role.ENTRY]
    assert len(signals) == len(set(signals)) >= len(referee.entries)
    assert not simulation.alerts
    theirs = sum(fill.closed_pnl for fill in simulation.fills)
    assert abs(sum(closed.pnl for closed in simulation.closed) - theirs) < A_MILLIONTH
    assert [row["tid"] for row in referee.fills] == [fill.tid for fill in simulation.fills]
