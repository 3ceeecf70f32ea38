import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reports.samples import BEGIN, a_run, by_chance, of_equity, of_nets
from tidegate.backtest.results import Result, trades_frame
from tidegate.reports.curve import DAY_MS, curve_of, held_curve
from tidegate.reports.meanings import MEANINGS, told
from tidegate.reports.metrics import figures, metrics

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reports.md"
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def oracle() -> Any:
    return pytest.importorskip("quantstats", reason="quantstats, the oracle, is not installed").stats


def days_of(result: Result) -> "pd.Series[float]":
    curve = curve_of(result)
    return pd.Series(curve.daily(), index=pd.date_range(BEGIN.tz_localize(None), periods=len(curve.daily())))


def close(found: float | None, expected: float) -> None:
    assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_figures_of_the_days_are_those_of_quantstats(oracle: Any, seed: int) -> None:
    result = by_chance(seed=seed)
    found, days = metrics(result), days_of(result)
    year = {"periods": 365}
    close(found["sharpe"], oracle.sharpe(days, **year))
    close(found["sortino"], oracle.sortino(days, **year))
    close(found["volatility"], oracle.volatility(days, **year))
    close(found["cagr"], oracle.cagr(days, **year))
    close(found["total_return"], oracle.comp(days))
    close(found["skew"], oracle.skew(days))
    close(found["kurtosis"], oracle.kurtosis(days))
    close(found["var"], oracle.var(days))
    close(found["cvar"], oracle.cvar(days))
    close(found["tail_ratio"], oracle.tail_ratio(days))
    close(found["omega"], oracle.omega(days, **year))
    close(found["gain_to_pain"], oracle.gain_to_pain_ratio(days))
    close(found["ulcer_index"], oracle.ulcer_index(days))
    close(found["ulcer_performance"], oracle.upi(days))
    close(found["best_day"], oracle.best(days))
    close(found["worst_day"], oracle.worst(days))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_drawdown_by_bar_is_that_of_quantstats(oracle: Any, seed: int) -> None:
    result = by_chance(seed=seed)
    found = metrics(result)
    steps = result.equity["equity"].pct_change().fillna(0.0).tz_localize(None)
    close(found["max_drawdown"], oracle.max_drawdown(steps))
    close(found["calmar"], oracle.cagr(days_of(result), periods=365) / abs(oracle.max_drawdown(steps)))
    held = result.benchmark.pct_change().fillna(0.0).tz_localize(None)
    close(found["benchmark_max_drawdown"], oracle.max_drawdown(held))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_figures_of_the_trades_are_those_of_quantstats(oracle: Any, seed: int) -> None:
    result = by_chance(seed=seed)
    found, nets = metrics(result), result.trades["net"]
    plain = {"prepare_returns": False}
    close(found["win_rate"], oracle.win_rate(nets, **plain))
    close(found["profit_factor"], oracle.profit_factor(nets, **plain))
    close(found["payoff"], oracle.payoff_ratio(nets, **plain))
    close(found["kelly"], oracle.kelly_criterion(nets, **plain))
    close(found["average_win"], oracle.avg_win(nets, **plain))
    close(found["average_loss"], oracle.avg_loss(nets, **plain))
    close(found["consecutive_wins"], oracle.consecutive_wins(nets, **plain))
    close(found["consecutive_losses"], oracle.consecutive_losses(nets, **plain))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_figures_beside_the_benchmark_are_those_of_quantstats(oracle: Any, seed: int) -> None:
    result = by_chance(seed=seed)
    found, days = metrics(result), days_of(result)
    held = pd.Series(held_curve(result).daily(), index=days.index)
    close(found["beta"], oracle.greeks(days, held, periods=365)["beta"])
    close(found["correlation"], days.corr(held))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_months_are_those_of_quantstats(oracle: Any, seed: int) -> None:
    result = by_chance(seed=seed)
    table = oracle.monthly_returns(days_of(result), eoy=False)
    for (year, month), value in curve_of(result).monthly().items():
        close(value, table.loc[str(year)].iloc[month - 1])


def test_money_is_counted_by_hand_for_a_small_run() -> None:
    found = metrics(of_equity([1000.0] * 240, trades=of_nets([3.0, -1.0, 2.0, -2.0, 1.0])))
    assert found["trades"] == 5
    close(found["win_rate"], 3 / 5)
    close(found["profit_factor"], 2.0)
    close(found["expectancy"], 0.6)
    close(found["payoff"], 2 / 1.5)
    close(found["expectancy_ratio"], (1 + 2 / 1.5) * 0.6 - 1)
    close(found["fees"], 2.5)
    close(found["funding"], 0.5)
    close(found["slippage"], 1.0)
    close(found["costs"], 4.0)
    close(found["costs_share"], 4.0 / 7.0)
    close(found["average_hours"], 1.0)
    close(found["turnover"], sum(0.01 * (100_010 + 2 * at) for at in range(5)) / 1000)


def test_a_drawdown_lasts_from_its_peak_until_it_is_regained() -> None:
    values = [1000.0, 1100.0, 990.0, 1045.0, 1100.0, 1090.0, 1200.0]
    deepest, other = curve_of(of_equity(values)).drawdowns()
    assert deepest.depth == pytest.approx(-0.1)
    assert (deepest.recovered_ms or 0) - deepest.peak_ms == 3 * 3_600_000
    assert deepest.days == pytest.approx(3 / 24)
    assert other.depth == pytest.approx(1090 / 1100 - 1)


def test_a_drawdown_that_is_not_regained_lasts_until_the_end_and_says_so() -> None:
    (deepest,) = curve_of(of_equity([1000.0, 900.0, 950.0])).drawdowns()
    assert deepest.recovered_ms is None
    assert deepest.days == pytest.approx(2 / 24)


def test_a_day_without_bars_counts_as_a_day_without_a_return() -> None:
    result = of_equity([1000.0] * 24 + [1010.0] * 48)
    curve = curve_of(result._replace(equity=result.equity.drop(result.equity.index[24:48])))
    assert len(curve.daily()) == 3
    assert curve.daily()[1] == 0.0
    assert curve.daily()[2] == pytest.approx(0.01)


def test_the_bar_that_closes_at_midnight_belongs_to_the_day_that_ends() -> None:
    daily = curve_of(of_equity([1000.0] * 23 + [1100.0] + [1100.0] * 24)).daily()
    assert daily == pytest.approx([0.1, 0.0])


def test_the_first_day_is_held_against_the_money_that_the_run_began_with() -> None:
    assert curve_of(of_equity([900.0] * 24)).daily() == pytest.approx([-0.1])


HARD = {
    "no bars": of_equity([]),
    "one bar": of_equity([1000.0]),
    "one bar with a trade": of_equity([1003.0], trades=of_nets([3.0])),
    "nothing happens": of_equity([1000.0] * 72),
    "all lost": of_equity([1000.0, 0.0, 0.0] * 16, trades=of_nets([-1000.0])),
    "more than all lost": of_equity([1000.0, -50.0, -60.0] * 16, trades=of_nets([-1050.0])),
    "no money": of_equity([0.0] * 48, run=a_run(settings={})),
    "no number": of_equity([float("nan")] * 48),
    "some numbers": of_equity([float("nan"), 1000.0, float("inf"), 1100.0] * 12),
    "only won": of_equity([1000.0, 1001.0] * 24, trades=of_nets([1.0, 2.0])),
    "neither won nor lost": of_equity([1000.0] * 48, trades=of_nets([0.0, 0.0])),
    "a wonder": of_equity([1000.0] * 24 + [1e300] * 24),
}


@pytest.mark.parametrize("case", HARD)
def test_each_figure_is_a_finite_number_or_none_with_a_reason(case: str) -> None:
    found = figures(HARD[case])
    assert list(found) == list(MEANINGS)
    for name, figure in found.items():
        assert figure.reason if figure.value is None else math.isfinite(figure.value), name
        assert told(name, figure.value)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(-1e9, 1e9), max_size=100),
    st.lists(st.floats(-1e6, 1e6), max_size=20),
    st.sampled_from([None, "none", 0.0, 1000.0]),
)
def test_no_equity_and_no_list_of_trades_makes_the_figures_fail(values: Any, nets: Any, start: Any) -> None:
    found = figures(of_equity(values, trades=of_nets(nets), run=a_run(settings={"equity_usd": start})))
    for name, figure in found.items():
        assert figure.reason if figure.value is None else math.isfinite(figure.value), name


def test_a_run_that_stands_still_has_no_sharpe_rather_than_a_boundless_one() -> None:
    found = figures(of_equity(list(1000.0 * np.cumprod(np.full(240, 1.0001)))))
    assert found["sharpe"].value is None
    assert found["sharpe"].reason


def test_times_are_understood_in_any_unit_and_without_a_zone() -> None:
    result = by_chance(days=5)
    expected = metrics(result)
    for unit in ("s", "ms", "us", "ns"):
        index = pd.DatetimeIndex(result.equity.index).as_unit(unit)
        same = result._replace(equity=result.equity.set_index(index), benchmark=result.benchmark.set_axis(index))
        assert metrics(same) == expected
    bare = pd.DatetimeIndex(result.equity.index).tz_localize(None)
    assert metrics(result._replace(equity=result.equity.set_index(bare))) == expected


def test_the_length_is_that_of_the_bars() -> None:
    assert curve_of(by_chance(days=5)).close_ms[-1] - curve_of(by_chance(days=5)).begin_ms == 5 * DAY_MS
    assert metrics(of_equity([1000.0] * 48, trades=trades_frame()))["days"] == 2


def test_the_page_shows_each_figure_with_its_unit_and_its_formula() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, meaning in MEANINGS.items():
        row = f"| `{name}` | {meaning.title} | {meaning.unit} | {meaning.formula.replace('|', chr(92) + '|')} |"
        assert row in page, row
