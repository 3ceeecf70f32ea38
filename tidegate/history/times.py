"""Open times as numbers."""

import numpy as np
import pandas as pd


def in_ms(index: pd.Index) -> np.ndarray:
    """The times of an index in milliseconds since the epoch, int64."""
    assert isinstance(index, pd.DatetimeIndex)
    return index.as_unit("ms").asi8
