"""The candles' arrays are made once for a search, and anew as soon as anything about them is another."""

import pandas as pd
import pytest

from tests.backtest.made import Wishing, market
from tidegate.backtest.engine import backtest
from tidegate.backtest.ground import ground_of
from tidegate.backtest.rules import Rules
from tidegate.remembered import COPY_ON_WRITE

pytestmark = pytest.mark.skipif(not COPY_ON_WRITE, reason="only pandas from 3 on protects what is shared")
RULES = Rules(max_drawdown_pct=0.0)


def test_the_same_candles_are_the_same_ground() -> None:
    histories = [market(1), market(2, coin="ETH")]
    assert ground_of(histories, 0.0) is ground_of(histories, 0.0)


def test_other_candles_other_hours_and_other_rates_are_another() -> None:
    history = market(1)
    before = ground_of([history], 0.0)
    shorter = history._replace(bars=history.bars.iloc[:-1])
    moved = history._replace(bars=history.bars.set_axis(history.bars.index + pd.Timedelta("1D")))
    for other, funding in ((shorter, 0.0), (moved, 0.0), (history, 0.001), (history._replace(coin="ETH"), 0.0)):
        assert ground_of([other], funding) is not before


def test_who_writes_into_his_candles_plays_on_what_he_wrote() -> None:
    history = market(1)
    ground_of([history], 0.0)
    history.bars.loc[history.bars.index[5], "open"] = 3.0
    assert ground_of([history], 0.0).candles.open[0, 5] == 3.0


def test_a_run_is_the_same_after_another_as_alone() -> None:
    history = market(3)
    at_ms = int(history.bars.index[700].timestamp() * 1000)
    alone = [
        backtest(Wishing(seed=seed), [history._replace(bars=history.bars.copy())], RULES, begin_ms=begin_ms)
        for seed, begin_ms in ((1, None), (2, at_ms), (3, None))
    ]
    shared = [
        backtest(Wishing(seed=seed), [history], RULES, begin_ms=begin_ms)
        for seed, begin_ms in ((1, None), (2, at_ms), (3, None))
    ]
    for one, other in zip(alone, shared, strict=True):
        pd.testing.assert_frame_equal(one.trades, other.trades)
        pd.testing.assert_frame_equal(one.equity, other.equity)
        pd.testing.assert_series_equal(one.benchmark, other.benchmark)


def test_who_writes_into_a_result_changes_no_other() -> None:
    history = market(4)
    one = backtest(Wishing(), [history], RULES)
    kept = one.benchmark.copy()
    one.benchmark.iloc[:] = 0.0
    assert one.prices is not None
    one.prices.iloc[:] = 0.0
    other = backtest(Wishing(), [history], RULES)
    pd.testing.assert_series_equal(other.benchmark, kept)
    assert other.prices is not None
    assert (other.prices > 0).all().all()
