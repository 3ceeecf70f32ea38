"""The candle cache: closed candles only, merged by open time, gaps known.

A candle is closed when the exchange's clock has passed its last millisecond, or when the stream has shown its
successor. The forming candle is kept apart and never counts as closed. A cache is a value; merging gives a new one.
"""

from bisect import bisect_left
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from tidegate.model.market import Candle

REPAIRS_MAX = 3
"""How often a hole is asked for again before it is taken for a pause of the market."""


class Merge(Struct, frozen=True, kw_only=True):
    """What a merge did: candles newly closed, those whose values changed afterwards, rows that were refused."""

    added: tuple[Candle, ...] = ()
    revised: tuple[Candle, ...] = ()
    refused: tuple[str, ...] = ()


class CandleCache(Struct, frozen=True, kw_only=True):
    """Closed candles of one coin, ascending, at most `limit`; `confirmed_ms`: up to there REST has confirmed them."""

    interval_ms: int
    limit: int
    rows: tuple[Candle, ...] = ()
    forming: Candle | None = None
    confirmed_ms: int = 0
    repairs: int = 0

    def since_ms(self, now_ms: int) -> int:
        """From where to fetch: after the last confirmed candle, or from a hole that may still be filled."""
        if not self.rows:
            return now_ms - now_ms % self.interval_ms - self.limit * self.interval_ms
        hole = self._last_hole()
        if hole is not None and self.repairs < REPAIRS_MAX:
            return hole
        return self.confirmed_ms or self.rows[-1].open_ms + self.interval_ms

    def merge(self, fetched: tuple[Candle, ...], exchange_ms: int) -> tuple[Self, Merge]:
        """Take over the closed candles among `fetched` (as the exchange gave them, in any order)."""
        known = {row.open_ms: row for row in self.rows}
        added, revised, refused = [], [], []
        forming, confirmed_ms = self.forming, self.confirmed_ms
        for candle in sorted(fetched, key=lambda row: row.open_ms):
            problem = candle.problem()
            if problem is None and candle.open_ms % self.interval_ms:
                problem = "it does not start on the grid of its interval"
            if problem is not None:
                refused.append(f"candle of {candle.open_ms}: {problem}")
                continue
            if max(candle.close_ms, candle.open_ms + self.interval_ms - 1) >= exchange_ms:
                forming = candle
                continue
            before = known.get(candle.open_ms)
            if before is None:
                added.append(candle)
            elif before != candle:
                revised.append(candle)
            known[candle.open_ms] = candle
            confirmed_ms = max(confirmed_ms, candle.close_ms + 1)
        rows = tuple(known[open_ms] for open_ms in sorted(known))[-self.limit :]
        if forming is not None and rows and forming.open_ms <= rows[-1].open_ms:
            forming = None
        merged = replace(self, rows=rows, forming=forming, confirmed_ms=confirmed_ms)
        hole = merged._last_hole()
        repairs = self.repairs + 1 if hole is not None and hole == self._last_hole() else 0
        return replace(merged, repairs=repairs), Merge(
            added=tuple(added), revised=tuple(revised), refused=tuple(refused)
        )

    def stream(self, candle: Candle) -> tuple[Self, Candle | None]:
        """Take over the stream's view of the newest candle; say which candle its arrival has closed, if any."""
        if candle.problem() or candle.open_ms % self.interval_ms:
            return self, None
        if self.rows and candle.open_ms <= self.rows[-1].open_ms:
            return self, None
        before = self.forming
        if before is None or candle.open_ms == before.open_ms:
            return replace(self, forming=candle), None
        if candle.open_ms < before.open_ms:
            return self, None
        if self.rows and before.open_ms != self.rows[-1].open_ms + self.interval_ms:
            return replace(self, forming=candle), None
        return replace(self, rows=(*self.rows, before)[-self.limit :], forming=candle), before

    def tail(self) -> tuple[Candle, ...]:
        """The closed candles after the last hole: what a strategy may look at."""
        hole = self._last_hole()
        if hole is None:
            return self.rows
        return self.rows[bisect_left(self.rows, hole, key=lambda row: row.open_ms) :]

    def _last_hole(self) -> int | None:
        """Open time of the newest missing candle's first position, or None when the rows are contiguous."""
        rows, step = self.rows, self.interval_ms
        if not rows or rows[-1].open_ms - rows[0].open_ms == (len(rows) - 1) * step:
            return None
        for index in range(len(rows) - 1, 0, -1):
            if rows[index].open_ms - rows[index - 1].open_ms != step:
                return rows[index - 1].open_ms + step
        return None
