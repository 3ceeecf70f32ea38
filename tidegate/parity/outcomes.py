"""When and why a position with given levels ends, by two rules: over candles, and over the prints of a replay.

Each is the shortest statement of its rule, apart from the code that trades and from the compiled account. With the
same levels they differ only where a candle does not say what came first; with each other's levels they must give each
other's ends: that is what proves an explanation.
"""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from tidegate.history import History
from tidegate.history.times import in_ms
from tidegate.model.brackets import Bracket, ExitReason
from tidegate.parity.tape import Tape

SIGNAL = "signal"
STOP, TRAIL, PROFIT = ExitReason.STOP.value, ExitReason.TRAIL.value, ExitReason.TAKE_PROFIT.value


@dataclass(frozen=True)
class Outcome:
    """An end: when, why, at which price seen; `unclear` where another order of prices within the bar ends otherwise.

    `doubtful`: the bars before it, by their open times, in which another order would have ended it already.
    """

    time_ms: int
    reason: str
    level: float
    unclear: bool = False
    doubtful: tuple[int, ...] = ()


def over_candles(bars: History, bracket: Bracket, from_ms: int, signal_ms: int | None, until_ms: int) -> Outcome | None:
    """The end of a position opened at the open `from_ms`; `signal_ms` is the open at which the strategy is out.

    A bar's open comes first, then its worst price, then its best, then its close. None: it is still open.
    """
    times = in_ms(bars.bars.index)
    rows = bars.bars[["open", "high", "low", "close"]].to_numpy(float)
    direction, stop = bracket.direction, float(bracket.stop or 0)
    profit = float(bracket.take_profit) if bracket.take_profit is not None else None
    trail_by = float(bracket.trail_by) if bracket.trail_by is not None else None
    trailed = bracket.trailed
    doubtful: list[int] = []
    for row in range(int(np.searchsorted(times, from_ms)), int(np.searchsorted(times, until_ms))):
        opened, high, low, close = rows[row]
        at_ms = int(times[row])
        worst, best = (low, high) if direction > 0 else (high, low)
        gaps = (stop - opened) * direction >= 0 or (profit is not None and (opened - profit) * direction >= 0)
        if signal_ms is not None and at_ms >= signal_ms and not gaps:
            return Outcome(at_ms, SIGNAL, opened, doubtful=tuple(doubtful))
        if trail_by is not None and (opened - direction * trail_by - stop) * direction > 0:
            stop, trailed = opened - direction * trail_by, True
        follows = trail_by is not None and (best - direction * trail_by - stop) * direction > 0
        profits = profit is not None and (best - profit) * direction >= 0
        if (stop - worst) * direction >= 0:
            jumped = (stop - opened) * direction >= 0
            reason, level = (TRAIL if trailed else STOP), (opened if jumped else stop)
            return Outcome(at_ms, reason, level, (profits or follows) and not jumped, tuple(doubtful))
        if profits and profit is not None:
            jumped = (opened - profit) * direction >= 0
            unclear = trail_by is not None and not jumped
            return Outcome(at_ms, PROFIT, opened if jumped else profit, unclear, tuple(doubtful))
        if follows and trail_by is not None:
            stop, trailed = best - direction * trail_by, True
            if (stop - close) * direction >= 0:
                return Outcome(at_ms, TRAIL, stop, True, tuple(doubtful))
            if (stop - worst) * direction >= 0:
                doubtful.append(at_ms)
    return None


def over_prints(tape: Tape, bracket: Bracket, opened_ms: int, signal_ms: int | None, until_ms: int) -> Outcome | None:
    """The end of a position filled at `opened_ms` as the prints and books of the replay bring it.

    `signal_ms` is when the bot was told to leave. None: it is still open at `until_ms`.
    """
    assert bracket.stop is not None
    end_ms = until_ms if signal_ms is None else min(signal_ms, until_ms)
    lowest, highest = _span(bracket)
    direction = bracket.direction
    for act in tape.touched(opened_ms + 1, end_ms + 1, lowest, highest):
        if act.stroke is not None:
            price = act.stroke.px
            reason = bracket.hit(price)
            if reason is None:
                bracket = bracket.trail(price)
                reason = bracket.hit_by_stop(price)
            if reason is not None:
                return Outcome(act.time_ms, reason.value, float(price))
        # The book fires once the whole spread is beyond a level.
        behind, before = (act.asks, act.bids) if direction > 0 else (act.bids, act.asks)
        reason = bracket.hit_by_stop(behind[0][0]) if behind else None
        reason = reason or (bracket.hit_by_take_profit(before[0][0]) if before else None)
        if reason is not None:
            return Outcome(act.time_ms, reason.value, float((behind or before)[0][0]))
    return None if signal_ms is None or signal_ms >= until_ms else Outcome(signal_ms, SIGNAL, float("nan"))


def _span(bracket: Bracket) -> tuple[Decimal, Decimal]:
    """Prices that a bar must reach for anything to happen; a trailing stop follows any bar."""
    assert bracket.stop is not None
    if bracket.trail_by is not None:
        return Decimal("1e15"), Decimal(0)
    far = bracket.take_profit
    if bracket.direction > 0:
        return bracket.stop, far if far is not None else Decimal("1e15")
    return far if far is not None else Decimal(0), bracket.stop
