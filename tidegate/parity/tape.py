"""What the replay of a recording showed at a moment: its books and prints, worked out again from the same candles.

The second witness of every fill of the bot: a price that the replay did not offer then is no explanation.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

import numpy as np

from tidegate.localnet.markets.candle_replay import Act, acts_of
from tidegate.localnet.markets.candles import Bars
from tidegate.localnet.markets.house import Grid, Level

BARS_REMEMBERED = 4_096


class Tape:
    """One coin's recording. Times are recorded ones, milliseconds UTC."""

    def __init__(self, bars: Bars, grid: Grid) -> None:
        self._bars, self._grid = bars, grid
        self._acts = lru_cache(BARS_REMEMBERED)(self._played)

    def touched(self, from_ms: int, to_ms: int, below: Decimal, above: Decimal) -> Iterator[Act]:
        """The acts from `from_ms` up to `to_ms` of the bars that reach down to `below` or up to `above`, in order."""
        times, length_ms = self._bars.time_ms, self._bars.interval_ms
        first, end = (int(each) for each in np.searchsorted(times, (from_ms - length_ms + 1, to_ms)))
        reached = (self._bars.low[first:end] <= float(below)) | (self._bars.high[first:end] >= float(above))
        for row in np.flatnonzero(reached):
            yield from (act for act in self._acts(int(row) + first) if from_ms <= act.time_ms < to_ms)

    def first_print_ms(self, from_ms: int) -> int:
        """When the first print of the bar that opens then comes, by which the bar before it is known to be closed."""
        row = int(np.searchsorted(self._bars.time_ms, from_ms))
        acts = self._acts(row) if row < len(self._bars) else ()
        return next((act.time_ms for act in acts if act.stroke is not None), from_ms)

    def offered(self, at_ms: int, direction: int) -> list[Sequence[Level]]:
        """Who stood on the other side of one who buys (+1) or sells (-1) then; best price first.

        Several answers where the book changed in that very millisecond. Nothing while the recording has a gap.
        """
        row = int(np.searchsorted(self._bars.time_ms, at_ms, side="right")) - 1
        if row < 0 or at_ms >= self._bars.time_ms[row] + self._bars.interval_ms:
            return []
        acts = self._acts(row)
        newest = bisect_right([act.time_ms for act in acts], at_ms) - 1
        if newest < 0:
            return []
        shown = [acts[newest]]
        if newest > 0 and acts[newest].time_ms == at_ms:
            shown.append(acts[newest - 1])
        return [act.asks if direction > 0 else act.bids for act in shown]

    def _played(self, row: int) -> tuple[Act, ...]:
        if not self._bars.volume[row] > 0:
            return ()
        end_ms = int(self._bars.time_ms[row]) + self._bars.interval_ms
        return tuple(act for act in acts_of(self._bars.slice(row, row + 1), self._grid) if act.time_ms < end_ms)


def taken(levels: Sequence[Level], size: Decimal) -> Decimal | None:
    """The mean price of taking `size` off the top; None when there is not as much."""
    left, paid = size, Decimal(0)
    for price, there, _orders in levels:
        took = min(left, there)
        paid, left = paid + took * price, left - took
        if not left:
            return paid / size
    return None
