"""Whether a strategy sees the future: asked about a part of the bars, it must say what it says of that part given all.

Costs a few evaluations, so every backtest and search can afford it. Judges no profit.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tidegate.strategy import WISH_COLUMNS, Strategy, asked

if TYPE_CHECKING:
    from tidegate.history import History

Values = npt.NDArray[Any]

BARS_MAX = 4_000
"""So many of the last bars are looked at: enough for an indicator to settle, quick enough to be free."""
CUTS = 12
TOLERANCE = 1e-9
"""Sums over windows may differ in their last digits."""


def foresight(strategy: Strategy, histories: Sequence["History"], cuts: int = CUTS) -> list[str]:
    """A line for each coin on which the strategy knows what it cannot know yet; empty when all is well.

    A strategy that fails on a part of the bars is told as well.
    """
    found = []
    for history in histories:
        try:
            words = of_bars(strategy, history.bars.iloc[-BARS_MAX:], cuts)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            words = f"it fails on a part of the candles ({type(error).__name__}: {error})"
        if words:
            found.append(f"{history.coin}: {words}")
    return found


def of_bars(strategy: Strategy, bars: pd.DataFrame, cuts: int = CUTS) -> str:
    """In words, where the wishes about the bars up to then differ from those when all are known; empty when nowhere.

    `cuts`: so many prefixes, spread over the bars at uneven distances so that no rhythm hides between them.
    """
    whole = asked(strategy, bars)
    for count in _cuts(len(bars), cuts):
        prefix = asked(strategy, bars.iloc[:count])
        for name in WISH_COLUMNS:
            if name == "reason" or name not in whole.columns or name not in prefix.columns:
                continue
            then, now = prefix[name].to_numpy(), whole[name].to_numpy()[:count]
            if len(then) != count:
                return f"{count} bars were answered with {len(then)} wishes"
            differs = _differs(then, now)
            if differs.any():
                row = int(np.flatnonzero(differs)[-1])
                moment = bars.index[row]
                at = f"{moment:%Y-%m-%d %H:%M}" if isinstance(moment, pd.Timestamp) else str(moment)
                return (
                    f"it sees the future: at {at} {name} is {_text(then[row])} when only the bars up to "
                    f"{_until(bars, count)} are known, and {_text(now[row])} when later ones are too"
                )
    return ""


def _cuts(bars: int, cuts: int) -> Iterator[int]:
    """Numbers of bars, the longest first, each odd step of another length."""
    seen = set()
    for each in range(1, cuts + 1):
        count = int(bars * (1 - each / (cuts + 1))) - each % 5
        if count > 0 and count not in seen:
            seen.add(count)
            yield count
    if bars > 1 and bars - 1 not in seen:
        yield bars - 1


def _differs(then: Values, now: Values) -> Values:
    if then.dtype.kind not in "fiub" or now.dtype.kind not in "fiub":
        return np.asarray(then != now)
    return np.asarray(~np.isclose(then.astype(float), now.astype(float), rtol=TOLERANCE, atol=0.0, equal_nan=True))


def _until(bars: pd.DataFrame, count: int) -> str:
    last = bars.index[count - 1]
    return f"{last:%Y-%m-%d %H:%M}" if isinstance(last, pd.Timestamp) else str(last)


def _text(value: object) -> str:
    if isinstance(value, float | np.floating):
        return "nothing" if np.isnan(value) else f"{value:.7g}"
    return str(value)
