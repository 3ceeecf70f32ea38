"""The scripted history: one cross, in the last candle, however much of the history a client looks at."""

import numpy as np
import pandas as pd
import pytest

from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.candles import MINUTE_MS, Bars, fold
from tidegate.localnet.markets.crossing import history_with_cross, history_without_cross
from tidegate.localnet.markets.house import grids
from tidegate.localnet.markets.regimes import HISTORY_MINUTES, standing, weather

GRIDS = grids(default_universe())
END_MS = 1_757_015_100_000
SEEDS = [0, 1, 2, 7, 17, 42, 1234, 99_999]


def crosses(bars: Bars, window: int) -> list[int]:
    """Signed crosses of EMA 12 and 26 as a client computes them: +1 up, -1 down, oldest first."""
    close = pd.Series(fold(bars, "5m").close[-window:])
    above = close.ewm(span=12, adjust=False).mean() > close.ewm(span=26, adjust=False).mean()
    return above.astype(int).diff().fillna(0).astype(int).tolist()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("window", [100, 137, 250, 500, 1000, 4032])
def test_the_last_candle_crosses_up_and_none_of_the_26_before_it(seed, window):
    bars = history_with_cross(GRIDS["BTC"], weather(seed, HISTORY_MINUTES), END_MS, seed)
    found = crosses(bars, window)
    assert found[-1] == 1
    assert not any(found[-27:-1])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_last_candle_breaks_out_and_the_range_is_plausible(seed):
    candles = fold(history_with_cross(GRIDS["BTC"], weather(seed, HISTORY_MINUTES), END_MS, seed), "5m")
    assert candles.close[-1] > candles.high[-21:-1].max()
    before = candles.close[:-1]
    ranges = np.maximum(candles.high[1:], before) - np.minimum(candles.low[1:], before)
    average_range = pd.Series(ranges).ewm(alpha=1 / 14, adjust=False).mean().iloc[-1] / candles.close[-1]
    assert 0.0025 <= average_range <= 0.005


@pytest.mark.parametrize("coin", ["ETH", "SOL"])
@pytest.mark.parametrize("seed", SEEDS[:4])
def test_the_other_coins_cross_in_none_of_the_last_candles(coin, seed):
    bars = history_without_cross(GRIDS[coin], weather(seed, HISTORY_MINUTES), END_MS, seed)
    for window in (100, 500, 4032):
        assert not any(crosses(bars, window)[-3:])


def test_a_history_is_a_row_of_honest_candles_on_the_grid():
    for coin, grid in GRIDS.items():
        make = history_with_cross if coin == "BTC" else history_without_cross
        bars = make(grid, weather(5, HISTORY_MINUTES), END_MS, 5)
        assert len(bars) == HISTORY_MINUTES
        assert (np.diff(bars.time_ms) == MINUTE_MS).all()
        assert bars.time_ms[-1] == END_MS - MINUTE_MS
        assert (bars.high >= np.maximum(bars.open, bars.close)).all()
        assert (bars.low <= np.minimum(bars.open, bars.close)).all()
        assert (bars.low > 0).all()
        assert (bars.volume > 0).all()
        tick = 10.0 ** grid.exponent(grid.reference_px)
        assert np.allclose(bars.close / tick, np.round(bars.close / tick), atol=1e-6)
        assert bars.close[-1] == pytest.approx(grid.reference_px, abs=tick)


def test_a_history_depends_on_the_seed_and_on_nothing_else():
    one, same, other = (
        history_with_cross(GRIDS["BTC"], weather(seed, HISTORY_MINUTES), END_MS + later, seed)
        for seed, later in ((3, 0), (3, 3_600_000), (4, 0))
    )
    assert np.array_equal(one.close, same.close)
    assert np.array_equal(one.volume, same.volume)
    assert not np.array_equal(one.close, other.close)


def test_from_the_last_candle_to_the_start_the_price_stands():
    bars = history_with_cross(GRIDS["BTC"], weather(3, HISTORY_MINUTES), END_MS, 3)
    later = standing(bars, END_MS + 200_000)
    assert later.time_ms[-1] == END_MS + 2 * MINUTE_MS
    assert set(later.close[-3:]) == {bars.close[-1]}
    earlier = standing(bars, END_MS - 10_000)
    assert earlier.time_ms[-1] == END_MS - MINUTE_MS
