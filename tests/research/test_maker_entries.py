"""Entries that rest, in the random market, with the referee: a signal never opens more than it asked for.

SIMULATED_HOURS is how long each run lasts, as in test_laws_in_random_markets.
"""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from tests.research.referee import OVERTAKEN, Referee, Row
from tests.research.runs import D, holding
from tests.research.test_laws_in_random_markets import (
    A_MILLIONTH,
    DURATION_MS,
    MORE_THAN_THE_TOUCH,
    NARROW,
    cut_lines,
)
from tidegate.core.state import OrderState
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.orders import Role
from tidegate.model.settings import EntryStyle, EntryTimeoutAction, Settings
from tidegate.research.simulation import Simulation, simulate

MAKER = {"entry": EntryStyle.MAKER, "entry_timeout_s": D(20)}
GIVEN_UP = {**MAKER, "entry_timeout_action": EntryTimeoutAction.CANCEL}
LARGE = {**MORE_THAN_THE_TOUCH, "stop_loss_pct": D("0.3"), "take_profit_pct": D("0.4")}
PLANS: dict[str, Settings] = {
    "long": holding("long", **NARROW, **MAKER),
    "short, given up": holding("short", **NARROW, **GIVEN_UP),
    "partly filled": holding("short", **LARGE, **MAKER),
    "partly filled, trailing": holding("long", **LARGE, **GIVEN_UP, trailing_stop_pct=D("0.15")),
}


class MakerReferee(Referee):
    """Of an entry that rests there may be several tries in a bar, but one alive, and all of them within the limits."""

    overtaken = (*OVERTAKEN, "badAloPxRejected")

    def _on_entry(self, order: Row) -> None:
        resting = [
            each
            for each in self._ask("frontendOpenOrders")
            if each["coin"] == order["coin"] and not each["reduceOnly"] and each["oid"] != order["oid"]
        ]
        assert not resting, f"P1: two tries alive: {order}, {resting}"
        held = self._sizes.get(order["coin"], Decimal(0))
        assert held * (1 if order["side"] == "B" else -1) >= 0, f"P1: an entry against a position: {order}"
        worth = (abs(held) + Decimal(order["origSz"])) * Decimal(order["limitPx"])
        assert worth <= self._settings.max_position_usd * Decimal("1.001"), f"P5: {worth} USD: {order}"
        self.entries.append(order)
        if not held:
            self._exits_of_position[order["coin"]] = 0


def run(plan: Settings, seed: int, **lines: Any) -> tuple[Simulation, MakerReferee]:
    referees: list[MakerReferee] = []

    def watch(exchange, user):
        referees.append(MakerReferee(exchange, user, plan))
        return referees[0]

    choice = MarketChoice(seed=seed, scenario="random")
    simulation = simulate(plan, choice, duration_ms=DURATION_MS, watch=watch, keep_journal=False, **lines)
    assert simulation.fills, "nothing happened"
    return simulation, referees[0]


def nothing_was_ordered_twice(simulation: Simulation, referee: MakerReferee) -> None:
    """What the tries of a signal filled together is at most what its first try asked for; the books agree."""
    wanted: dict[str, Decimal] = {}
    signal_of: dict[str, str] = {}
    for order in simulation.orders:
        if order.request.role is Role.ENTRY:
            wanted.setdefault(order.signal_id, order.request.size)
            signal_of[order.request.cloid] = order.signal_id
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in referee.fills:
        if row.get("cloid") in signal_of:
            filled[signal_of[row["cloid"]]] += D(row["sz"])
    assert filled
    assert all(size <= wanted[signal_id] for signal_id, size in filled.items())
    assert not [row for row in referee.fills if "builderFee" in row]
    rest = simulation.exchange.info({"type": "frontendOpenOrders", "user": simulation.account}).body
    assert not [row for row in rest if not row["reduceOnly"]], "a bot that leaves takes its entry back"
    assert [row["tid"] for row in referee.fills] == [fill.tid for fill in simulation.fills]
    theirs = sum(D(row["closedPnl"]) for row in referee.fills)
    assert abs(sum(closed.pnl for closed in simulation.closed) - theirs) < A_MILLIONTH
    left = [order for coin in simulation.state.coins.values() for order in coin.orders.values()]
    assert not [order for order in left if order.state is OrderState.DOUBT]


@pytest.mark.parametrize(("seed", "latency_ms", "account_lag_ms"), [(1, 0, 0), (2, 50, 120), (3, 400, 0)])
@pytest.mark.parametrize("plan", PLANS)
def test_no_promise_is_broken(plan: str, seed: int, latency_ms: int, account_lag_ms: int) -> None:
    simulation, referee = run(PLANS[plan], seed, latency_ms=latency_ms, account_lag_ms=account_lag_ms)
    nothing_was_ordered_twice(simulation, referee)
    assert not simulation.alerts


@pytest.mark.parametrize("seed", [4, 6])
@pytest.mark.parametrize("plan", PLANS)
def test_no_promise_is_broken_while_lines_are_cut(plan: str, seed: int) -> None:
    simulation, referee = run(PLANS[plan], seed, account_lag_ms=100, outages=cut_lines(seed))
    nothing_was_ordered_twice(simulation, referee)


def test_resting_pays_less_in_fees() -> None:
    resting, _ = run(PLANS["long"], 1)
    at_once, _ = run(holding("long", **NARROW), 1)
    first = [next(fill for fill in each.fills if fill.size) for each in (resting, at_once)]
    rates = [fill.fee / (fill.size * fill.price) for fill in first]
    assert rates[0] < rates[1]
    assert not first[0].taker
