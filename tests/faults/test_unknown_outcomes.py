"""Unknown outcomes in virtual time: actions that are dropped, late, or carried out and never answered, half of the
doubts across a death of the bot. Nothing is doubled, nothing stays unresolved, everything is known within seconds.

FAULTS=all plays a thousand and more; otherwise it is fifty. What one action carries (an entry with its stop and its
take-profit) is one outcome.
"""

import os
from pathlib import Path

import pytest

from tests.faults.witness import Witness
from tests.research.runs import D, holding
from tidegate.core.state import OrderState, State
from tidegate.core.step import step
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.events import Started
from tidegate.research.simulation import Losses, Simulation, simulate

MINUTE_MS = 60_000
MANY = os.environ.get("FAULTS") == "all"
MINUTES = 45
PARTS = 4 if MANY else 1
SEEDS_A_PART = 100
OUTCOMES_MIN = 251 if MANY else 50
DEFINITE_WITHIN_MS = 30_000
PLAN = holding(
    "long",
    stop_loss_pct=D("0.1"),
    take_profit_pct=D("0.15"),
    trailing_stop_pct=D("0.08"),
    order_transport="rest",
    max_daily_loss_pct=D(0),
    max_drawdown_pct=D(0),
    max_orders_per_minute=600,
)


def in_doubt(state: State) -> set[str]:
    """The orders of which nobody knows what became."""
    orders = (order for coin in state.coins.values() for order in coin.orders.values())
    return {order.request.cloid for order in orders if order.state is OrderState.DOUBT}


class AtMostDoubts:
    """Kills the bot at three of five doubts, the moment it waits for what comes next: about half of the outcomes."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._count = 0

    def __call__(self, state: State) -> bool:
        fresh = in_doubt(state) - self._known
        self._known |= fresh
        if not fresh:
            return False
        self._count += 1
        return self._count % 5 in (0, 2, 4)


def times_in_doubt(run: Simulation) -> list[int]:
    """How long each unknown outcome stayed unknown, in ms; the journal played again tells.

    What was in doubt when the bot died is definite when the next one has taken the account over and settled it.
    """
    took_ms: dict[int, int] = {}
    since_ms: dict[str, int] = {}
    state = State()
    for event, _decision in run.journal:
        if isinstance(event, Started):
            state = State()
        step(state, event)
        doubts = in_doubt(state)
        for cloid in doubts:
            since_ms.setdefault(cloid, state.now_ms)
        for cloid in [cloid for cloid in since_ms if cloid not in doubts]:
            began_ms = since_ms.pop(cloid)  # the orders of one action come in doubt together
            took_ms[began_ms] = max(took_ms.get(began_ms, 0), state.now_ms - began_ms)
    assert not since_ms, f"unresolved at the end: {since_ms}"
    return list(took_ms.values())


def run_with_losses(seed: int, folder: Path) -> tuple[Simulation, Witness]:
    """One run, with the witness who saw it from the exchange's side."""
    witnesses: list[Witness] = []

    def watch(exchange, user):
        witnesses.append(Witness(exchange, user))
        return witnesses[0]

    run = simulate(
        PLAN,
        MarketChoice(seed=seed, scenario="random"),
        duration_ms=MINUTES * MINUTE_MS,
        ledger_url=f"sqlite:///{folder}/ledger.db",
        watch=watch,
        losses=Losses(seed=seed, unanswered=0.25, dropped=0.2, late=0.15),
        dies=AtMostDoubts(),
    )
    return run, witnesses[0]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_unknown_outcomes_are_settled_within_seconds_and_nothing_is_doubled(
    part: int, tmp_path: Path, record_property
) -> None:
    took_ms: list[int] = []
    deaths, seed = 0, part * SEEDS_A_PART
    while len(took_ms) < OUTCOMES_MIN and seed < (part + 1) * SEEDS_A_PART:
        seed += 1
        folder = tmp_path / str(seed)
        folder.mkdir()
        run, witness = run_with_losses(seed, folder)
        assert not witness.broken, (seed, witness.broken)
        took_ms += times_in_doubt(run)
        deaths += run.deaths
        ours = {coin.coin: coin.position.size for coin in run.state.coins.values() if coin.position.size}
        assert ours == {coin: size for coin, size in witness.sizes.items() if size}, seed
    record_property("outcomes_ms", took_ms)
    record_property("deaths", deaths)
    assert len(took_ms) >= OUTCOMES_MIN
    assert deaths > len(took_ms) // 4
    assert sorted(took_ms)[len(took_ms) * 99 // 100] < DEFINITE_WITHIN_MS
