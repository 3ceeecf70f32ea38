"""Indicators that were computed already: of the same memory, with the same numbers, the same answer.

A search asks for the same averages of the same candles a hundred times. An answer is kept together with what it was
computed from, so that pandas gives whoever writes into either memory of his own (copy on write, from pandas 3 on), and
what lies at an address is what lay there. Only long series count: a live bot's are short, new each time, never kept.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import numpy as np
import pandas as pd

COPY_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3
ROWS_MIN = 20_000
BYTES_MAX = 72_000_000
"""Of answers and of what they were computed from."""

Source = TypeVar("Source", pd.Series, pd.DataFrame)
Rest = ParamSpec("Rest")
Indicator = Callable[Concatenate[Source, Rest], pd.Series]
Memory = tuple[Any, ...]


class _Kept(NamedTuple):
    source: "pd.Series | pd.DataFrame"
    answer: pd.Series


_kept: OrderedDict[Any, _Kept] = OrderedDict()
_lock = Lock()


def remembered(*columns: str) -> Callable[[Indicator[Source, Rest]], Indicator[Source, Rest]]:
    """Keep what an indicator answers; `columns` are those that it reads of a frame, none where it takes a series."""

    def decorated(indicator: Indicator[Source, Rest]) -> Indicator[Source, Rest]:
        @wraps(indicator)
        def asked(source: Source, /, *args: Rest.args, **named: Rest.kwargs) -> pd.Series:
            index = source.index
            if len(source) < ROWS_MIN or not isinstance(index, pd.DatetimeIndex):
                return indicator(source, *args, **named)
            parts: list[np.ndarray[Any, Any]] = [source[name].to_numpy() for name in columns] or [source.to_numpy()]
            memory = tuple(memory_of(each) for each in (index.asi8, *parts))
            # The same numbers may be another index: in another zone, or under another name.
            key = (memory, index.dtype, index.name, indicator.__name__, args, tuple(sorted(named.items())))
            with _lock:
                if key in _kept:
                    _kept.move_to_end(key)
                    return _kept[key].answer.copy(deep=False)
            answer = indicator(source, *args, **named)
            _keep(key, _Kept(source.copy(deep=False), answer.copy(deep=False)))
            return answer

        return asked if COPY_ON_WRITE else indicator

    return decorated


def memory_of(array: np.ndarray) -> Memory:
    """Where an array lies, and what it takes the bytes there for."""
    return array.ctypes.data, array.shape, array.strides, array.dtype


def _keep(key: Any, kept: _Kept) -> None:
    with _lock:
        _kept[key] = kept
        while len(_kept) > 1 and _bytes() > BYTES_MAX:
            _kept.popitem(last=False)


def _bytes() -> int:
    sources = {key[0]: int(np.sum(each.source.memory_usage(index=True))) for key, each in _kept.items()}
    return sum(sources.values()) + sum(each.answer.nbytes for each in _kept.values())
