"""Passing what is quiet changes nothing: against the same market with every print played, to the last digit."""

from decimal import Decimal
from typing import Any

import pytest

from tests.research.runs import ROOT, D, settings
from tests.research.stretches import MINUTE_MS, QUICK, START_MS, Market, outcome, played
from tidegate.discovery import load, read_source
from tidegate.research.wishes import wishes_of

HOUR_MS = 3_600_000
LATE = START_MS + 22 * HOUR_MS + 30 * MINUTE_MS
"""Before a day ends, and a few hours."""

CASES: dict[str, tuple[Market, str, dict[str, str], dict[str, Any]]] = {
    "one coin, long only": (Market(8, 160, ("SOL",)), "ema_cross", QUICK, {}),
    "three coins, both sides": (Market(2, 110, ("BTC", "SOL", "ETH")), "ema_cross", QUICK | {"shorts": "true"}, {}),
    "a trailing stop": (
        Market(3, 120, ("BTC",)),
        "ema_cross",
        QUICK | {"shorts": "true", "stop_atr": "3"},
        {"trailing_stop_pct": D("0.2")},
    ),
    "a position held through funding and midnight": (Market(7, 170, ("BTC",), LATE), "buy_and_hold", {}, {}),
    "brakes and no latency": (
        Market(6, 160, ("BTC", "DOGE")),
        "ema_cross",
        QUICK | {"shorts": "true"},
        {"latency_ms": 0, "max_daily_loss_pct": D("0.3"), "max_drawdown_pct": D("0.5")},
    ),
    "a long way to the exchange": (
        Market(9, 130, ("ETH", "BTC")),
        "ema_cross",
        QUICK,
        {"latency_ms": 240, "take_profit_pct": D("0.3")},
    ),
    "minutes in which nobody trades": (Market(10, 130, ("SOL",), quiet=6), "ema_cross", QUICK, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_market_passed_where_it_is_quiet_ends_like_one_played_print_by_print(case: str) -> None:
    market, strategy, parameters, changes = CASES[case]
    passed = played(market, strategy, parameters, every_print=False, **changes)
    every = played(market, strategy, parameters, every_print=True, **changes)
    assert passed.passed_ms > 10 * MINUTE_MS
    assert every.passed_ms == 0
    assert every.orders
    assert outcome(passed) == outcome(every)


def test_the_cases_have_what_they_are_for() -> None:
    market, strategy, parameters, changes = CASES["a position held through funding and midnight"]
    held = played(market, strategy, parameters, every_print=False, **changes)
    assert len(held.fundings) >= 2
    assert held.state.brakes.day_ms > market.start_ms
    market, strategy, parameters, changes = CASES["brakes and no latency"]
    braked = played(market, strategy, parameters, every_print=False, **changes)
    assert braked.state.brakes.trips


def test_a_strategy_that_looks_at_funding_is_not_known_ahead() -> None:
    source = read_source(ROOT / "strategies", "funding_carry")
    market = Market(4, 90, ("BTC",))
    assert wishes_of(load(source).from_text({}), source, market.histories(), settings(coins=market.coins)) is None


def test_the_account_begins_with_what_it_is_given() -> None:
    run = played(Market(5, 70, ("BTC",)), "buy_and_hold", {}, every_print=False)
    assert run.exchange.fills(run.account)
    assert run.state.brakes.day_equity == Decimal(10_000)
