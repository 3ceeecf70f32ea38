"""The candle cache: closed candles only, merged by open time, gaps known.

A candle is closed when REST shows it after its last millisecond, or when the stream has shown its successor. The
forming candle is kept apart and never counts as closed. A cache is a value; merging gives a new one.
"""

from bisect import bisect_left
from decimal import Decimal
from itertools import pairwise
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from tidegate.model.market import Candle
from tidegate.model.settings import Settings

REPAIRS_MAX = 3
"""How often a hole is asked for again before it is taken for a pause of the market."""


STILL_MAX = 60
"""A longer pause of the market than so many candles is asked about, not inferred."""
CHECK_ROWS = 30
"""So many confirmed candles are read again when the cache is held against REST."""
OFF_GRID = "it does not start on the grid of its interval"


class Merge(Struct, frozen=True, kw_only=True):
    """What a merge did: candles newly closed, those whose values changed afterwards, rows that were refused.

    `was` holds what the revised ones had been before; `inferred` are flat candles for a pause of the market, which REST
    has not shown yet. `out_of_order`: the answer was not ascending, or told of a candle twice.
    """

    added: tuple[Candle, ...] = ()
    revised: tuple[Candle, ...] = ()
    was: tuple[Candle, ...] = ()
    refused: tuple[str, ...] = ()
    inferred: tuple[Candle, ...] = ()
    out_of_order: bool = False


class CandleCache(Struct, frozen=True, kw_only=True):
    """Closed candles of one coin, ascending, at most `limit`; `confirmed_ms`: up to there REST has confirmed them.

    `live`: the stream has told of the forming candle, and has not been lost since. `inferred`: open times of rows in
    which nobody traded by all that the stream said; REST has the last word on them. `traded_ms`: the open time of the
    newest candle in which a print was heard before the candle itself. What opened before `begin_ms` is not asked for.
    """

    interval_ms: int
    limit: int
    rows: tuple[Candle, ...] = ()
    forming: Candle | None = None
    confirmed_ms: int = 0
    repairs: int = 0
    live: bool = False
    inferred: frozenset[int] = frozenset()
    traded_ms: int = 0
    begin_ms: int = 0

    @classmethod
    def new(cls, settings: Settings, now_ms: int) -> Self:
        """An empty cache; without a warm-up it begins with the candle that forms now."""
        step = settings.timeframe.ms
        begin_ms = 0 if settings.warmup else now_ms - now_ms % step
        return cls(interval_ms=step, limit=settings.candle_history, begin_ms=begin_ms)

    def since_ms(self, now_ms: int) -> int:
        """From where to fetch: after the last confirmed candle, or from a hole that may still be filled."""
        if self.is_unread:
            return max(now_ms - now_ms % self.interval_ms - self.limit * self.interval_ms, self.begin_ms)
        hole = self._last_hole()
        if hole is not None and self.repairs < REPAIRS_MAX:
            return hole
        return self.confirmed_ms

    def check_from_ms(self, now_ms: int) -> int:
        """From where to read again to hold the cache against REST: some confirmed candles, and all that are not."""
        return max(self.since_ms(now_ms) - CHECK_ROWS * self.interval_ms, self.rows[0].open_ms if self.rows else 0)

    def merge(self, fetched: tuple[Candle, ...], exchange_ms: int) -> tuple[Self, Merge]:
        """Take over the closed candles among `fetched` (as the exchange gave them, in any order)."""
        known = {row.open_ms: row for row in self.rows}
        added, revised, was, refused = [], [], [], []
        forming, confirmed_ms, inferred = None, self.confirmed_ms, self.inferred
        for candle in fetched:
            problem = candle.problem() or (OFF_GRID if candle.open_ms % self.interval_ms else None)
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
                was.append(before)
            known[candle.open_ms] = candle
            inferred -= {candle.open_ms}
            confirmed_ms = max(confirmed_ms, candle.close_ms + 1)
        rows = tuple(known[open_ms] for open_ms in sorted(known))[-self.limit :]
        merged = replace(self, confirmed_ms=confirmed_ms)._with_rows(rows, inferred)._forming(forming)
        hole = merged._last_hole()
        repairs = self.repairs + 1 if hole is not None and hole == self._last_hole() else 0
        return replace(merged, repairs=repairs), Merge(
            added=tuple(added),
            revised=tuple(revised),
            was=tuple(was),
            refused=tuple(refused),
            out_of_order=any(later.open_ms <= earlier.open_ms for earlier, later in pairwise(fetched)),
        )

    def _forming(self, told: Candle | None) -> Self:
        """The forming candle after REST has told of it: of the same one the stream's word stands, if it has one."""
        before, newest_ms = self.forming, self.rows[-1].open_ms if self.rows else -1
        if before is not None and before.open_ms <= newest_ms:
            before = None
        if told is None or told.open_ms <= newest_ms:
            return replace(self, forming=before)
        stands = before is not None and (before.open_ms, self.live) > (told.open_ms, False)
        return replace(self, forming=before if stands else told)

    def stream(self, candle: Candle) -> tuple[Self, Merge]:
        """Take over the stream's view of a candle: the open one, the first of a new one, or a late last word on one.

        Only the arrival of its successor closes a candle here, and only if the stream told of it without a break.
        """
        problem = candle.problem() or (OFF_GRID if candle.open_ms % self.interval_ms else None)
        if problem is not None:
            return self, Merge(refused=(f"candle of {candle.open_ms} from the stream: {problem}",))
        newest_ms = self.rows[-1].open_ms if self.rows else -1
        before = self.forming
        if candle.open_ms <= newest_ms:
            return self._last_word(candle)
        if before is None or candle.open_ms == before.open_ms:
            return replace(self, forming=candle, live=True), Merge()
        if candle.open_ms < before.open_ms:
            return self, Merge()
        successor = replace(self, forming=candle, live=True)
        if not self.live or (self.rows and before.open_ms != newest_ms + self.interval_ms):
            return successor, Merge()
        if before.open_ms < self.traded_ms < candle.open_ms:
            return successor, Merge()  # there were prints of which the candle stream did not tell: REST has to
        pause = (candle.open_ms - before.open_ms) // self.interval_ms - 1
        still = self._still(before, pause) if pause <= STILL_MAX else ()
        rows = (*self.rows, before, *still)[-self.limit :]
        inferred = frozenset(row.open_ms for row in still)
        return successor._with_rows(rows, self.inferred | inferred), Merge(added=(before,), inferred=still)

    def heard_print(self, low: Decimal, high: Decimal, last: Decimal, time_ms: int) -> Self:
        """A print was heard: it widens the open candle that it falls into; it never closes one, nor says how it closed.

        The candle stream tells of it as well, as a rule at once. `live` stays what it was: prints alone close nothing.
        """
        open_ms = time_ms - time_ms % self.interval_ms
        before = self.forming
        if before is None or open_ms > before.open_ms:
            if before is not None and self.live:  # the stream will tell of the new one, and close the old one with it
                return self if open_ms <= self.traded_ms else replace(self, traded_ms=open_ms)
            if self.rows and open_ms <= self.rows[-1].open_ms:
                return self
            close_ms = open_ms + self.interval_ms - 1
            return replace(self, forming=Candle(open_ms, close_ms, last, high, low, last, Decimal(0)))
        if open_ms < before.open_ms or (low >= before.low and high <= before.high):
            return self
        wider = replace(before, low=min(low, before.low), high=max(high, before.high))
        return replace(self, forming=wider)

    def broken(self) -> Self:
        """The stream was lost: what it said of the open candle may lack its end, so it can close nothing."""
        return replace(self, forming=None, live=False) if self.live else self

    def _last_word(self, candle: Candle) -> tuple[Self, Merge]:
        """The exchange may still tell of the last prints of a candle after its successor has begun."""
        newest = self.rows[-1]
        if candle.open_ms != newest.open_ms or candle.trades <= newest.trades:
            return self, Merge()
        revised = self._with_rows((*self.rows[:-1], candle), self.inferred - {candle.open_ms})
        return revised, Merge(revised=(candle,), was=(newest,))

    def _still(self, before: Candle, count: int) -> tuple[Candle, ...]:
        """So many candles in which nobody traded, as the exchange shows them later: flat at the last close."""
        price, step = before.close, self.interval_ms
        opens = (before.open_ms + number * step for number in range(1, count + 1))
        return tuple(Candle(at, at + step - 1, price, price, price, price, Decimal(0)) for at in opens)

    def _with_rows(self, rows: tuple[Candle, ...], inferred: frozenset[int]) -> Self:
        kept = frozenset(at for at in inferred if rows and at >= rows[0].open_ms) if inferred else inferred
        return replace(self, rows=rows, inferred=kept)

    def has_closed(self, open_ms: int) -> bool:
        """Whether the candle that opened then, or a later one, is known to be closed."""
        return bool(self.rows) and self.rows[-1].open_ms >= open_ms

    @property
    def can_decide(self) -> bool:
        """Whether the newest closed candle is one that was told: nothing is decided on one that was inferred."""
        return bool(self.rows) and self.rows[-1].open_ms not in self.inferred

    @property
    def is_unread(self) -> bool:
        """Whether nobody but the stream has told of a closed candle yet: what it closed meanwhile is no history."""
        return not self.rows or not self.confirmed_ms

    @property
    def needs_rest(self) -> bool:
        """Whether something is missing that only REST has; a quiet market alone is no reason."""
        if self.is_unread or not self.live or self.forming is None or self.has_hole:
            return True
        return self.forming.open_ms > self.rows[-1].open_ms + self.interval_ms

    @property
    def has_hole(self) -> bool:
        """Whether something is missing in between that may still be had."""
        return self._last_hole() is not None and self.repairs < REPAIRS_MAX

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
