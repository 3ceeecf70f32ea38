"""Positions that are scaled out, in the random market, with the referee: one trim a position, and cover throughout."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from tests.research.referee import Referee, Row
from tests.research.runs import D, holding
from tests.research.test_laws_in_random_markets import (
    A_MILLIONTH,
    DURATION_MS,
    MORE_THAN_THE_TOUCH,
    NARROW,
    cut_lines,
)
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.settings import Settings
from tidegate.research.simulation import simulate

SCALED = {"trim_at_r": D("0.5"), "trim_pct": D(40)}
PLANS: dict[str, Settings] = {
    "long": holding("long", **NARROW, **SCALED),
    "short, trailing": holding("short", **NARROW, **SCALED, trailing_stop_pct=D("0.08")),
    "long, by mark": holding("long", **NARROW, **SCALED, stop_price_source="mark"),
    "large": holding("short", **MORE_THAN_THE_TOUCH, **SCALED, stop_loss_pct=D("0.3"), take_profit_pct=D("0.4")),
}


class TrimReferee(Referee):
    """A reduce-only order for less than the position is a trim: one a position, and it closes no more than its part."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.trims = 0
        self._held_before: dict[int, Decimal] = {}

    def _on_fill(self, fill: Row) -> None:
        self._held_before.setdefault(fill["oid"], Decimal(fill["startPosition"]))
        super()._on_fill(fill)

    def _on_placed(self, oid: int) -> None:
        order = self._ask("orderStatus", oid=oid)["order"]["order"]
        held = abs(self._held_before.get(oid, self._sizes.get(order["coin"], Decimal(0))))
        if order["isTrigger"] or not order["reduceOnly"] or Decimal(order["origSz"]) >= held:
            super()._on_placed(oid)
            return
        assert Decimal(order["origSz"]) <= held * self._settings.trim_pct / 100, f"more than its part: {order}"
        self.trims += 1


@pytest.mark.parametrize(("seed", "cut"), [(1, False), (2, False), (4, True)])
@pytest.mark.parametrize("plan", PLANS)
def test_no_promise_is_broken_while_positions_are_scaled_out(plan: str, seed: int, cut: bool) -> None:
    referees: list[TrimReferee] = []

    def watch(exchange, user):
        referees.append(TrimReferee(exchange, user, PLANS[plan]))
        return referees[0]

    simulation = simulate(
        PLANS[plan],
        MarketChoice(seed=seed, scenario="random"),
        duration_ms=DURATION_MS,
        account_lag_ms=100,
        outages=cut_lines(seed) if cut else (),
        watch=watch,
        keep_journal=False,
    )
    (referee,) = referees
    booked = sum(closed.pnl for closed in simulation.closed)
    booked += sum(coin.position.realised_pnl for coin in simulation.state.coins.values() if coin.position.size)
    assert abs(booked - sum(D(row["closedPnl"]) for row in referee.fills)) < A_MILLIONTH
    reducing: Counter[str] = Counter()
    for order in simulation.orders:
        if order.request.role.value == "trim":
            reducing[order.signal_id] += 1
    assert all(count == 1 for count in reducing.values()), reducing
    assert len(reducing) >= referee.trims


def test_something_is_scaled_out() -> None:
    plan = PLANS["long"]
    simulation = simulate(plan, MarketChoice(seed=1, scenario="random"), duration_ms=DURATION_MS, keep_journal=False)
    trims: list[Row] = [order for order in simulation.orders if order.request.role.value == "trim"]
    assert trims
