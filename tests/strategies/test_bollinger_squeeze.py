"""bollinger_squeeze: in on the first bar after a calm, on the side of the move, out through the middle."""

import numpy as np
import pandas as pd
import pytest

from tidegate.strategy import reason_at


def calm_then(step: float) -> pd.DataFrame:
    """250 bars whose closes hardly move inside ranges of one, then five that move by `step` each, then three back."""
    moves = np.concatenate([0.05 * np.sin(np.arange(250)), np.full(5, step), np.full(3, -3 * step)])
    close = 100 + np.cumsum(moves)
    columns = {"open": close, "high": close + 0.5, "low": close - 0.5, "close": close, "volume": 1.0}
    return pd.DataFrame(columns, index=pd.date_range("2026-01-01", periods=len(close), freq="h", tz="UTC"))


@pytest.mark.parametrize(("step", "want", "word"), [(1.0, "long", "upwards"), (-1.0, "short", "downwards")])
def test_the_end_of_a_calm_is_followed_and_the_way_back_is_left(shipped, step, want, word):
    wishes = shipped("bollinger_squeeze", shorts="yes").signals(calm_then(step))
    entries = np.flatnonzero(wishes["want"] == want)
    assert len(entries) == 1
    assert 250 <= entries[0] < 255
    assert word in reason_at(wishes, entries[0])
    assert wishes["want"].iloc[-1] == "flat"
    assert reason_at(wishes, 249).startswith("squeezed")


def test_without_shorts_a_fall_is_not_followed(shipped):
    assert "short" not in set(shipped("bollinger_squeeze").signals(calm_then(-1.0))["want"])
