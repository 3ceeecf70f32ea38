"""Entries in slices, in the random market, with the referee: what the exchange saw of them, over both doors.

SIMULATED_HOURS is how long each run lasts, as in test_laws_in_random_markets.
"""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from tests.research.referee import Referee, Row
from tests.research.runs import D, holding
from tests.research.test_laws_in_random_markets import A_MILLIONTH, DURATION_MS, NARROW, cut_lines
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.market import Timeframe
from tidegate.model.settings import EntryStyle, OrderTransport, Settings
from tidegate.research.simulation import Losses, Simulation, simulate

SLICED = {"entry": EntryStyle.TWAP, "twap_minutes": 5, "max_slippage_pct": D(2), "timeframe": Timeframe.M5}
COVERED_WITHIN_MS = 2_000
LONGEST_CUT_MS, COVERED_AFTERWARDS_MS = 60_000, 20_000
PLANS: dict[str, Settings] = {
    "long": holding("long", **{**NARROW, **SLICED}),
    "short": holding("short", **{**NARROW, **SLICED}),
    "short, trailing": holding("short", **{**NARROW, **SLICED}, trailing_stop_pct=D("0.15")),
    "long, by REST": holding("long", **{**NARROW, **SLICED}, order_transport=OrderTransport.REST),
}


class TwapReferee(Referee):
    """Entries are slices: they open, nothing else does; after an exit what still comes of them is closed."""

    def __init__(self, exchange: Any, user: str, settings: Settings, exempt: tuple[int, int] = (0, 0)) -> None:
        super().__init__(exchange, user, settings, exempt)
        self.slices: list[Row] = []

    def _on_placed(self, oid: int) -> None:
        order = self._ask("orderStatus", oid=oid)["order"]["order"]
        assert order["reduceOnly"], f"P1: an entry that is no TWAP: {order}"

    def _on_fill(self, fill: Row) -> None:
        before = Decimal(fill["startPosition"])
        after = before + Decimal(fill["sz"]) * (1 if fill["side"] == "B" else -1)
        assert before * after >= 0, f"P10: the position flipped: {fill}"
        assert abs(after) < abs(before), f"P10: only slices open: {fill}"

    def on_user_event(self, user: str, event: Row) -> None:
        super().on_user_event(user, event)
        for told in event.get("twapSliceFills", ()):
            fill = told["fill"]
            before = Decimal(fill["startPosition"])
            after = before + Decimal(fill["sz"]) * (1 if fill["side"] == "B" else -1)
            assert abs(after) > abs(before), f"a slice that does not open: {fill}"
            assert abs(after) * Decimal(fill["px"]) <= self._settings.max_position_usd * Decimal("1.02"), f"P5: {fill}"
            self.slices.append(told)
        if "twapSliceFills" in event:
            self._account()
        running = defaultdict(int)
        for _, state in self._exchange.twap_states(self._user):
            running[state["coin"]] += 1
        assert max(running.values(), default=0) <= 1, f"P1: two TWAPs of one coin at {self._exchange.now_ms}"


def run(plan: Settings, seed: int, exempt: tuple[int, int] = (0, 0), **lines: Any) -> tuple[Simulation, TwapReferee]:
    referees: list[TwapReferee] = []

    def watch(exchange, user):
        referees.append(TwapReferee(exchange, user, plan, exempt))
        return referees[0]

    choice = MarketChoice(seed=seed, scenario="random")
    simulation = simulate(plan, choice, duration_ms=DURATION_MS, watch=watch, keep_journal=False, **lines)
    assert referees[0].slices, "nothing happened"
    return simulation, referees[0]


def the_books_agree(simulation: Simulation, referee: TwapReferee) -> None:
    """Every slice and every other fill counted once; no TWAP is left behind."""
    assert not simulation.exchange.twap_states(simulation.account), "a bot that leaves takes its TWAP back"
    theirs = {(row["time"], row["tid"]) for row in referee.fills} | {
        (row["fill"]["time"], row["fill"]["tid"]) for row in referee.slices
    }
    ours = [(fill.time_ms, fill.tid) for fill in simulation.fills]
    assert simulation.deaths or len(ours) == len(set(ours)), "each life may tell of a fill"
    assert set(ours) == theirs
    paid = [*referee.fills, *(row["fill"] for row in referee.slices)]
    profit = sum(D(row["closedPnl"]) for row in paid)
    assert abs(sum(closed.pnl for closed in simulation.closed) - profit) < A_MILLIONTH
    assert all(coin.twap is None for coin in simulation.state.coins.values())


@pytest.mark.parametrize(("seed", "latency_ms", "account_lag_ms"), [(1, 0, 0), (2, 50, 120), (3, 300, 0)])
@pytest.mark.parametrize("plan", PLANS)
def test_no_promise_is_broken(plan: str, seed: int, latency_ms: int, account_lag_ms: int) -> None:
    simulation, referee = run(PLANS[plan], seed, latency_ms=latency_ms, account_lag_ms=account_lag_ms)
    the_books_agree(simulation, referee)
    assert referee.naked_ms_max <= COVERED_WITHIN_MS
    assert not simulation.alerts


@pytest.mark.parametrize("seed", [4, 6])
def test_no_promise_is_broken_while_lines_are_cut(seed: int) -> None:
    always = (0, 2**63)  # slices go on while nobody can hear of them or place anything
    simulation, referee = run(PLANS["long"], seed, always, account_lag_ms=100, outages=cut_lines(seed))
    the_books_agree(simulation, referee)
    assert referee.naked_ms_max <= LONGEST_CUT_MS + COVERED_AFTERWARDS_MS


@pytest.mark.parametrize("seed", [5, 7])
def test_what_becomes_of_one_whose_answer_is_lost_is_found_out(seed: int) -> None:
    losses = Losses(seed=seed, unanswered=0.2, dropped=0.1, late=0.1)
    simulation, referee = run(PLANS["long, by REST"], seed, losses=losses)
    the_books_agree(simulation, referee)
