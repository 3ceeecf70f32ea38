"""uptrend: the states by the averages, the scores, and the plan that follows from them; all pure functions."""

import sys

import numpy as np
import pandas as pd
import pytest

from tidegate.errors import ConfigError
from tidegate.strategy import reason_at


@pytest.fixture
def engine(shipped):
    """The module of the strategy, with its functions."""
    return sys.modules[type(shipped("uptrend")).__module__]


def column(*values: float) -> pd.Series:
    return pd.Series(values, dtype=float)


GOLDEN_STATES = [
    # close, fast, middle, slow
    ((10, 9, 8, 7), "uptrend"),
    ((8, 9, 8, 7), "uptrend"),
    ((7.5, 9, 8, 7), "pullback"),
    ((7.5, 7.9, 8, 7), "weakening"),
    ((10, 6, 8, 7), "weakening"),
    ((10, 6, 7, 8), "downtrend"),
    ((10, 9, 7, 8), "recovery"),
    ((10, 7.5, 7, 8), "recovery"),
    ((5, 5, 5, 5), "downtrend"),
    ((10, 9, 8, float("nan")), ""),
]


@pytest.mark.parametrize(("values", "state"), GOLDEN_STATES)
def test_the_state_is_the_order_of_the_averages(engine, values, state):
    close, fast, middle, slow = map(column, values)
    assert list(engine.states_of(close, fast, middle, slow, 1)) == [state]


def test_a_state_counts_once_it_has_stood_and_lasts_until_another_does(engine):
    fast = column(9, 9, 7, 9, 7, 7, 9)
    middle, slow, close = column(*[8] * 7), column(*[6] * 7), column(*[10] * 7)
    assert list(engine.states_of(close, fast, middle, slow, 2)) == ["", *["uptrend"] * 4, *["weakening"] * 2]


GOLDEN_PLANS = [
    # states, attack, exit → enter, leave, size
    (("recovery", "uptrend"), (0.7, 0.7), (0, 0), (False, True), (False, False), 0.7),
    (("uptrend", "uptrend"), (0.7, 0.7), (0, 0), (True, False), (False, False), 0.7),
    (("uptrend", "uptrend"), (0.3, 0.4), (0, 0), (False, True), (False, False), 0.4),
    (("recovery", "uptrend"), (1, 1), (0, 0.5), (False, False), (False, False), 1.0),
    (("uptrend", "weakening"), (1, 1), (0, 0), (True, False), (False, True), 1.0),
    (("pullback", "uptrend"), (1, 1), (0, 0), (False, True), (False, False), 1.0),
    (("uptrend", "pullback"), (1, 1), (0, 0.95), (True, False), (False, True), 1.0),
    (("", "downtrend"), (1, float("nan")), (0, 0), (False, False), (False, True), 0.4),
]


@pytest.mark.parametrize(("states", "attack", "leaving", "enter", "leave", "size"), GOLDEN_PLANS)
def test_the_plan_follows_from_state_and_scores(engine, states, attack, leaving, enter, leave, size):
    plan = engine.plan_actions(
        pd.Series(states), column(*attack), column(*leaving), attack_min=0.4, leave_at=0.9, size_min=0.4
    )
    assert tuple(plan["enter"]) == enter
    assert tuple(plan["leave"]) == leave
    assert plan["size"].iloc[-1] == pytest.approx(size)


def test_the_size_of_a_plan_grows_with_the_attack_and_is_capped(engine):
    attack = pd.Series(np.linspace(0, 1.2, 40))
    states = pd.Series(["uptrend"] * 40)
    sizes = engine.plan_actions(states, attack, attack * 0, attack_min=0.4, leave_at=0.9, size_min=0.4)["size"]
    assert sizes.is_monotonic_increasing
    assert sizes.between(0.4, 1.0).all()


def test_scores_lie_between_zero_and_one(engine, market):
    bars = market()
    fast, middle = bars["close"].ewm(span=12).mean(), bars["close"].ewm(span=36).mean()
    for score in (engine.attack_score(bars, fast, middle), engine.exit_score(bars, fast, middle)):
        assert score.dropna().between(0, 1).all()
        assert score.iloc[50:].notna().all()


GOLDEN_RUNS = [
    *("downtrend", "recovery", "uptrend", "pullback", "weakening"),
    *("downtrend", "recovery", "uptrend", "pullback", "uptrend"),
]


def test_the_states_on_a_seeded_market_are_golden(shipped, market):
    wishes = shipped("uptrend").signals(market())
    states = [reason_at(wishes, row).split(";")[0] for row in range(300, 600)]
    runs = [state for state, before in zip(states, [None, *states], strict=False) if state != before]
    assert runs == GOLDEN_RUNS


def test_averages_out_of_order_are_refused(shipped):
    with pytest.raises(ConfigError, match="fast=40 < middle=36 < slow=72 must hold"):
        shipped("uptrend", fast="40")
