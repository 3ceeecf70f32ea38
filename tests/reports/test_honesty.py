import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reports.samples import BEGIN, a_run, by_chance, of_equity, of_nets
from tidegate.backtest.results import Result
from tidegate.reports.curve import curve_of
from tidegate.reports.honesty import (
    deflated_sharpe,
    doubts,
    expected_maximum,
    probability_above,
    shuffle,
    without_best,
)
from tidegate.reports.search import Search

GRID = pd.DataFrame(
    [{"fast": fast, "slow": slow, "sharpe": fast / slow} for fast in (8, 12, 16) for slow in (24, 48, 96)]
)


def earning(nets: list[float]) -> Result:
    """A run whose equity is made by these trades, an hour each."""
    return of_equity(list(1000.0 + np.cumsum(nets)), trades=of_nets(nets))


def said(result: Result, **given: Any) -> str:
    return "\n".join(doubts(result, **given).warnings)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_probabilistic_sharpe_is_that_of_quantstats(seed: int) -> None:
    oracle = pytest.importorskip("quantstats", reason="quantstats, the oracle, is not installed").stats
    daily = curve_of(by_chance(seed=seed)).daily()
    days = pd.Series(daily, index=pd.date_range(BEGIN.tz_localize(None), periods=len(daily)))
    expected = float(oracle.probabilistic_sharpe_ratio(days, periods=365))
    assert probability_above(daily, 0.0).value == pytest.approx(expected, rel=1e-9)


def test_the_best_of_many_worthless_trials_is_the_one_of_the_paper() -> None:
    # "The Deflated Sharpe Ratio", 2014, its example: 100 trials, variance 1/2 a year, 250 days a year.
    assert expected_maximum(100, 0.5 / 250) == pytest.approx(0.1132, abs=1e-4)


def test_the_deflated_sharpe_is_the_one_of_the_paper() -> None:
    # The same example: Sharpe 2.5 a year over 1250 days, skew -3, kurtosis 10, gives 0.9004.
    luck, sharpe = expected_maximum(100, 0.5 / 250), 2.5 / math.sqrt(250)
    inside = 1 + 3 * sharpe + 9 / 4 * sharpe**2
    assert 0.5 * math.erfc(-(sharpe - luck) * math.sqrt(1249 / inside) / math.sqrt(2)) == pytest.approx(
        0.9004, abs=1e-4
    )
    days = np.tile([0.01, 0.012, -0.002, 0.004, -0.009], 40)
    mean, deviation = float(np.mean(days)), float(np.std(days, ddof=1))
    away = pd.Series(days)
    by_hand = 1 - float(away.skew()) * mean / deviation + (float(away.kurtosis()) + 2) / 4 * (mean / deviation) ** 2
    z = (mean / deviation - expected_maximum(100, 0.01)) * math.sqrt(199 / by_hand)
    assert deflated_sharpe(days, 100, 0.01).value == pytest.approx(0.5 * math.erfc(-z / math.sqrt(2)))


def test_more_trials_never_make_a_result_more_believable() -> None:
    daily = curve_of(by_chance()).daily()
    values = [deflated_sharpe(daily, trials).value or 0.0 for trials in (1, 2, 5, 10, 100, 10_000)]
    assert values == sorted(values, reverse=True)
    assert deflated_sharpe(daily, 1) == probability_above(daily, 0.0)


def test_the_trials_scatter_sets_the_bar_that_luck_reaches() -> None:
    narrow = Search(GRID.assign(sharpe=np.linspace(0.0, 0.1, len(GRID))))
    wide = Search(GRID.assign(sharpe=np.linspace(0.0, 5.0, len(GRID))))
    result = by_chance()
    assert doubts(result, narrow).sharpe_by_luck < doubts(result, wide).sharpe_by_luck
    assert doubts(result, wide).trials == len(GRID)
    assert doubts(result, trials=500).trials == 500


def test_the_same_seed_shuffles_the_same_way_and_another_one_another_way() -> None:
    first, same, other = (shuffle(by_chance(), seed=seed) for seed in (3, 3, 4))
    assert first is not None
    assert same is not None
    assert other is not None
    assert first.drawdowns == same.drawdowns
    assert first.returns == same.returns
    assert first.drawdowns != other.drawdowns


def test_a_shuffle_in_several_parts_knows_as_many_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.reports.honesty.NUMBERS_AT_ONCE", 1000)
    found = shuffle(by_chance(), count=101)
    assert found is not None
    assert len(found.every_drawdown) == 101


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=30))
def test_a_drawdown_in_any_order_lies_between_all_and_nothing(nets: list[float]) -> None:
    found = shuffle(earning(nets), count=50)
    if found is not None:
        assert -1.0 <= found.drawdowns[0] <= found.drawdowns[1] <= found.drawdowns[2] <= 0.0
        assert 0.0 <= found.loss_share <= 1.0


def test_the_order_that_was_is_among_what_other_orders_show() -> None:
    found = shuffle(earning([10.0] * 20 + [-10.0] * 20))
    assert found is not None
    assert found.drawdown < found.drawdowns[0]


def test_without_two_trades_there_is_no_order() -> None:
    assert shuffle(earning([1.0])) is None
    assert shuffle(of_equity([0.0] * 3, trades=of_nets([1.0, 2.0]), run=a_run(settings={}))) is None


def test_the_result_without_its_best_trade_is_told() -> None:
    assert without_best(of_nets([5.0, -1.0, 2.0])) == 1.0
    assert without_best(of_nets([5.0, -1.0, 2.0]), 2) == -1.0
    assert without_best(of_nets([5.0])) is None


def test_a_run_without_trades_is_said_to_say_nothing() -> None:
    assert "not a single trade" in said(of_equity([1000.0] * 24))


def test_few_trades_are_warned_of_and_many_are_not() -> None:
    assert "Only 29 trades" in said(earning([1.0, -0.5] * 14 + [1.0]))
    assert "trades:" not in said(earning([1.0, -0.5] * 15))


def test_a_single_lucky_trade_is_named() -> None:
    assert "one lucky trade" in said(earning([100.0] + [-1.0] * 40))
    assert "of the whole result" in said(earning([100.0] + [1.0] * 40))
    assert "trade (" not in said(earning([1.0] * 40))


def test_a_parameter_at_the_edge_of_the_grid_is_named() -> None:
    result = of_equity([1000.0] * 24, run=a_run(parameters={"fast": 16, "slow": 48}))
    warned = said(result, search=Search(GRID))
    assert "fast = 16 is at the upper edge of what was tried (8 to 16)" in warned
    assert "slow" not in warned


def test_a_parameter_that_was_not_varied_has_no_edge() -> None:
    assert Search(GRID.assign(fast=8)).edges({"fast": 8, "slow": 48}) == []
    assert Search(GRID[GRID["fast"] < 16]).edges({"fast": 8}) == []


@pytest.mark.parametrize(("outside", "words"), [(-0.1, "does not hold"), (0.3, "only 30% of what"), (0.9, "")])
def test_a_walk_forward_that_does_not_hold_is_told(outside: float, words: str) -> None:
    folds = pd.DataFrame({"in_sample": [1.0, 1.0], "out_of_sample": [outside, outside]})
    warned = said(of_equity([1000.0] * 24), search=Search(GRID, folds))
    assert words in warned
    assert bool(words) == ("Walk-forward" in warned)


def test_figures_of_the_set_that_was_chosen_for_them_are_warned_of() -> None:
    run = a_run(kind="optimise", settings={"equity_usd": 1000.0, "equity_is": "in sample"})
    assert "in sample" in said(of_equity([1000.0] * 24, run=run))
    run = a_run(kind="optimise", settings={"equity_usd": 1000.0, "equity_is": "out of sample"})
    assert "in sample" not in said(of_equity([1000.0] * 24, run=run))


def test_a_search_that_luck_explains_is_warned_of() -> None:
    assert "deflated Sharpe" in said(by_chance(), trials=10_000)
    assert "deflated" not in said(by_chance())


def test_a_run_that_falls_silent_long_before_its_end_is_warned_of() -> None:
    nets = [1.0, -0.5] * 20
    assert "No trade closed after 2024-01-02, 60%" in said(of_equity([1000.0] * 100, trades=of_nets(nets)))
    assert "No trade" not in said(of_equity([1000.0] * 50, trades=of_nets(nets)))


def test_costs_that_eat_the_profit_and_liquidations_are_warned_of() -> None:
    assert "Costs take" in said(earning([0.1] * 40))
    trades = of_nets([1.0] * 40).assign(reason="liquidation")
    assert "40 trades ended in liquidation" in said(of_equity([1000.0] * 40, trades=trades))


def test_a_heat_map_shows_the_mean_over_the_two_parameters_that_matter_most() -> None:
    grid = pd.concat([GRID.assign(other=other, same=1) for other in (1, 2, 3, 4)])
    trials = grid.assign(sharpe=grid["fast"] + 10.0 * grid["slow"] + 0.1 * grid["other"])
    heat = Search(trials).heat({"fast": 12, "slow": 48, "other": 1, "same": 1})
    assert heat is not None
    assert (heat.goal, heat.x, heat.y) == ("sharpe", "slow", "fast")
    assert (heat.x_labels, heat.y_labels) == (("24", "48", "96"), ("8", "12", "16"))
    assert heat.values[0, 1] == pytest.approx(8 + 480 + 0.25)


def test_a_heat_map_of_one_parameter_is_a_row_and_many_values_become_ranges() -> None:
    trials = pd.DataFrame({"fast": np.linspace(1, 2, 200), "value": np.linspace(0, 1, 200)})
    heat = Search(trials).heat({"fast": 1.5})
    assert heat is not None
    assert heat.values.shape == (1, 12)
    assert (np.diff(heat.values[0]) > 0).all()


def test_a_heat_map_knows_choices_among_words() -> None:
    trials = pd.DataFrame({"side": ["long", "short", "long"], "value": [1.0, 2.0, 3.0]})
    heat = Search(trials).heat({"side": "long"})
    assert heat is not None
    assert heat.x_labels == ("long", "short")
    assert list(heat.values[0]) == [2.0, 2.0]


def test_without_trials_there_is_no_heat_map() -> None:
    assert Search().heat({"fast": 1}) is None
    assert Search(pd.DataFrame({"fast": [1, 2]})).heat({"fast": 1}) is None
