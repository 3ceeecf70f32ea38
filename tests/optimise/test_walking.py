"""Walk-forward."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ConfigError
from tidegate.optimise.judging import judged
from tidegate.optimise.points import Point
from tidegate.optimise.walking import BARS_MIN, folds_of, walked

HOUR_MS = 3_600_000


@given(count=st.integers(1, 8), purge=st.integers(0, 60), begin=st.integers(0, 300))
def test_no_bar_that_is_searched_is_played_and_the_purge_lies_between(histories, task, count, purge, begin):
    begin_ms = task.begin_ms + begin * HOUR_MS
    bars = (task.end_ms - begin_ms) // HOUR_MS
    if bars // (count + 1) - purge < BARS_MIN:
        with pytest.raises(ConfigError, match="walk-forward"):
            folds_of(histories, begin_ms, task.end_ms, count, purge)
        return
    folds = folds_of(histories, begin_ms, task.end_ms, count, purge)
    assert len(folds) == count
    assert folds[-1].out_end_ms == task.end_ms
    for fold in folds:
        assert fold.begin_ms == begin_ms
        assert fold.end_ms + purge * HOUR_MS == fold.out_ms < fold.out_end_ms
    for one, following in pairwise(folds):
        assert one.out_end_ms == following.out_ms


GOOD = {"fast": 5, "slow": 20, "stop_pct": 2.0}


def test_the_folds_follow_one_another_on_one_account(histories, task):
    folds = folds_of(histories, task.begin_ms, task.end_ms, 3, 10)
    rows = [judged(fold.task(task), histories, Point(0, GOOD | {"fast": 3 + fold.number})) for fold in folds]
    table, result = walked(task, histories, folds, rows)
    assert list(table["fold"]) == [1, 2, 3]
    assert list(table["in_sample"]) == [row.values[0] for row in rows]
    assert list(table["fast"]) == [4, 5, 6]
    assert result.equity.index.is_monotonic_increasing
    assert result.equity.index.is_unique
    assert len(result.equity) == sum((fold.out_end_ms - fold.out_ms) // HOUR_MS for fold in folds)
    assert result.equity["equity"].iloc[-1] == pytest.approx(task.rules.equity_usd + result.trades["net"].sum())
    assert table["trades"].sum() == len(result.trades)
    closes = histories[0].bars.loc[result.benchmark.index, "close"]
    assert result.benchmark.pct_change().to_numpy()[-1] == pytest.approx(closes.pct_change().to_numpy()[-1])


def test_what_comes_after_a_fold_does_not_change_what_it_finds(histories, task):
    fold = folds_of(histories, task.begin_ms, task.end_ms, 2, 5)[0]
    bars = histories[0].bars.copy()
    bars.iloc[(fold.end_ms - task.begin_ms) // HOUR_MS :] *= 3.0
    changed = [histories[0]._replace(bars=bars)]
    one, other = (judged(fold.task(task), each, Point(0, GOOD)) for each in (histories, changed))
    assert one.values == other.values
    assert {**one.metrics} == {**other.metrics}


def test_a_fold_in_which_nothing_was_found_is_told_and_not_played(histories, task):
    folds = folds_of(histories, task.begin_ms, task.end_ms, 2, 0)
    table, result = walked(task, histories, folds, [None, None])
    assert result is None
    assert list(table["problem"]) == ["no trial had a value"] * 2
