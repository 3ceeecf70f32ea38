"""How far a stretch may reach: walked ahead without touching anything, hour by hour.

Owns the plan of a stretch: at which moment of it the exchange does something by itself (hours end), when the account is
read and what it is worth then, and the last moment before anything happens at which nothing is on its way. Changes
neither side.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tidegate.core import costs, schedule
from tidegate.core.state import State
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel import wealth
from tidegate.localnet.kernel.premiums import HOUR_MS, SETTLES_AFTER_MS
from tidegate.model.brakes import Brake
from tidegate.model.settings import HUNDRED
from tidegate.research.calm import account_pause_ms

if TYPE_CHECKING:
    from tidegate.localnet.markets.leaping import Leaper
    from tidegate.localnet.markets.leaping import State as Prices
    from tidegate.localnet.markets.quiet import Band

SECOND_MS = 1_000
SHORTEST_MS = 3_000
"""A stretch that is shorter is played: passing it would cost more."""
BACK_MS = 12_000
"""So far before the end of a stretch a moment is looked for in which nothing is on its way."""
NEAR_A_LIMIT = 1e-3
"""So near to a loss limit, as a share of what it is counted from, everything is played."""


class Stop(NamedTuple):
    """A moment within a stretch at which the exchange does something by itself, or (`is_read`) is asked."""

    at_ms: int
    is_read: bool


class Plan(NamedTuple):
    """A stretch: where it ends, or None where it is none, and then when it is worth looking again; its stops."""

    until_ms: int | None
    again_ms: int
    stops: tuple[Stop, ...] = ()


class _Part(NamedTuple):
    """An hour of it, or what is left of one: prices at its beginning."""

    from_ms: int
    until_ms: int
    states: "Mapping[str, Prices]"


class Outlook:
    """Looks ahead from where an exchange stands; `bands` say within which prices nothing happens."""

    def __init__(
        self, leaper: "Leaper", exchange: Exchange, state: State, latency_ms: int, bands: "Mapping[str, Band]"
    ) -> None:
        self._leaper, self._exchange, self._state, self._bands = leaper, exchange, state, bands
        self._latency_ms, self._lag_ms = latency_ms, latency_ms + 1
        self._sizes = {name: float(coin.position.size) for name, coin in state.coins.items()}
        self._holds = any(self._sizes.values())

    def plan(self, states: "Mapping[str, Prices]", worth: float, horizon_ms: int) -> Plan:
        """The stretch from now on, at most to the horizon. `worth` is what the account is worth now."""
        from_ms = self._exchange.now_ms
        reads_ms = np.zeros(0, np.int64)
        if self._holds:
            reads_ms = np.arange(self._state.next_account_ms, horizon_ms, account_pause_ms(self._state))
        parts, limit_ms, equities = self._walked(states, worth, horizon_ms, reads_ms + self._latency_ms)
        reads_ms = reads_ms[: len(equities)]
        lost = np.flatnonzero(equities <= self._least(equities))
        if len(lost):
            limit_ms = min(limit_ms, int(reads_ms[lost[0]]))
        again_ms = limit_ms + 1
        for part in reversed(parts):
            until_ms = self._leaves_ms(part, min(limit_ms, part.until_ms + 1), reads_ms)
            if until_ms is not None:
                if until_ms - from_ms < SHORTEST_MS:
                    break
                return Plan(until_ms, again_ms, self._stops(from_ms, until_ms, reads_ms, equities))
        return Plan(None, max(again_ms, from_ms + SECOND_MS))

    def _walked(
        self, states: "Mapping[str, Prices]", worth: float, horizon_ms: int, told_ms: Any
    ) -> tuple[list[_Part], int, Any]:
        """The parts of the way, where it ends by prices, and what the account is worth at each moment asked about."""
        at_ms, limit_ms, parts = self._exchange.now_ms, horizon_ms, []
        venue, equities, paid = self._exchange.venue, [np.zeros(0)], 0.0
        marks_now = {name: float(venue.prices[name].mark) for name in states}
        totals = {
            name: [float(venue.prices[name].funding.total), venue.prices[name].funding.samples] for name in states
        }
        for until_ms in (*moments(at_ms, horizon_ms), horizon_ms):
            parts.append(_Part(at_ms, until_ms, {name: state.copied() for name, state in states.items()}))
            asked_ms = told_ms[(told_ms > at_ms) & (told_ms <= until_ms)]
            worths = np.full(len(asked_ms), worth - paid)
            for name, state in states.items():
                size = self._sizes[name]
                walked = asked_ms if size else asked_ms[:0]
                reached_ms, marks = self._leaper.walk(name, state, self._bands[name], at_ms, until_ms, walked)
                limit_ms = min(limit_ms, reached_ms if reached_ms < until_ms else limit_ms)
                worths += size * (marks - marks_now[name]) if size else 0.0
                if until_ms % HOUR_MS == SETTLES_AFTER_MS:
                    paid += size * self._leaper.hour_ends(name, state, totals[name])
            equities.append(worths[~np.isnan(worths)])
            if limit_ms < until_ms:
                break
            at_ms = until_ms
        return parts, limit_ms, np.concatenate(equities)

    def _least(self, equities: Any) -> Any:
        """What the account may be worth at each read without coming near a loss limit."""
        settings, now = self._state.settings, self._state.brakes
        spare = float(costs.closing(self._state)) * 2
        least = np.full(len(equities), -np.inf)
        peaks = np.maximum.accumulate(np.maximum(equities, float(now.peak_equity or 0)))
        days = np.full(len(equities), float(now.day_equity or 0))
        for bases, allowed_pct, brake in (
            (days, settings.max_daily_loss_pct, Brake.DAILY_LOSS),
            (peaks, settings.max_drawdown_pct, Brake.DRAWDOWN),
        ):
            if allowed_pct and now.on(brake) is None:
                least = np.maximum(least, bases * (1 - float(allowed_pct / HUNDRED) + NEAR_A_LIMIT) + spare)
        return least

    def _leaves_ms(self, part: _Part, limit_ms: int, reads_ms: Any) -> int | None:
        """The last whole second of the exchange in a part, before something happens, at which nothing is on its way."""
        near_ms = max(part.from_ms, limit_ms - BACK_MS)
        until_ms = (limit_ms - 1 - self._lag_ms) // SECOND_MS * SECOND_MS
        if until_ms <= near_ms:
            return None
        states = {name: state.copied() for name, state in part.states.items()}
        for name, state in states.items():
            self._leaper.walk(name, state, self._bands[name], part.from_ms, near_ms)
        while until_ms > near_ms:
            asked = (reads_ms >= until_ms - 2 * self._lag_ms) & (reads_ms <= until_ms + self._lag_ms)
            if not asked.any() and self._is_clear(states, near_ms, until_ms):
                return until_ms
            until_ms -= SECOND_MS
        return None

    def _is_clear(self, states: "Mapping[str, Prices]", near_ms: int, at_ms: int) -> bool:
        """Whether all that was said by then is heard before anything new is said, and no decision is waited for."""
        for name, state in states.items():
            tape = self._leaper.tapes[name]
            row = tape.row(at_ms)
            first_ms = int(tape.bars.time_ms[row]) + tape.bars.interval_ms // (int(tape.course.count[row]) + 1)
            if at_ms <= first_ms + schedule.SETTLE_MS + 2 * self._lag_ms:
                return False
            there = state.copied()
            self._leaper.walk(name, there, self._bands[name], near_ms, at_ms)
            if self._leaper.next_ms(name, there, at_ms) <= at_ms + self._lag_ms:
                return False
        return True

    def _stops(self, from_ms: int, until_ms: int, reads_ms: Any, equities: Any) -> tuple[Stop, ...]:
        """Of the views of the account the last counts, and the one in which it was worth more than ever before."""
        stops = [Stop(at_ms, False) for at_ms in moments(from_ms, until_ms)]
        heard = reads_ms + 2 * self._latency_ms <= until_ms + self._latency_ms
        reads_ms, equities = reads_ms[heard], equities[heard]
        if len(reads_ms):
            best = int(np.argmax(equities))
            wanted = {len(reads_ms) - 1}
            if equities[best] >= float(self._state.brakes.peak_equity or 0):
                wanted.add(best)
            stops += [Stop(int(reads_ms[each]) + self._latency_ms, True) for each in wanted]
        return tuple(sorted(stops))


def moments(from_ms: int, until_ms: int) -> list[int]:
    """The exchange's own moments after one and up to another: full hours, and when their funding is settled."""
    hours = range(from_ms // HOUR_MS * HOUR_MS, until_ms + 1, HOUR_MS)
    return [at for hour_ms in hours for at in (hour_ms, hour_ms + SETTLES_AFTER_MS) if from_ms < at <= until_ms]


def worth_of(exchange: Exchange, account: str) -> float | None:
    """What an account is worth now, in USD."""
    there = exchange.venue.account(account)
    return None if there is None else float(wealth.equity(exchange.venue, there))
