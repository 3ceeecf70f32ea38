"""Trade by trade: what differs between two ways, and why, where that can be proved.

A difference is explained when both numbers follow from their own way's rule (`accounts`), and the inputs that differ
are named. An end that differs needs more: with the other's levels it must be the other's end, or the bar must not tell
what came first. What cannot be proved stays unexplained, and says so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from tidegate.model.brackets import Bracket
from tidegate.parity import accounts
from tidegate.parity.accounts import Given, clock
from tidegate.parity.outcomes import SIGNAL, Outcome, over_candles
from tidegate.parity.signals import Heard, seen_wish
from tidegate.parity.tape import taken
from tidegate.parity.trades import Key, Trade, Way

BACKTEST = "backtest"
NOBODY = "could not immediately match"


class Difference(NamedTuple):
    """Something that is not the same: `kind` names the cause, empty where none was proved."""

    key: Key
    what: str
    kind: str
    text: str

    @property
    def explained(self) -> bool:
        """Whether a rule proved the cause."""
        return bool(self.kind)


@dataclass(frozen=True)
class Pair:
    """Two ways that are compared, the more exact one second."""

    given: Given
    first: Way
    second: Way
    heard: Mapping[str, Heard] = field(default_factory=dict)

    def differences(self) -> list[Difference]:
        """All of them, in the order of the trades."""
        ours, theirs = self.first.by_key(), self.second.by_key()
        keys = sorted({*ours, *theirs}, key=lambda key: (key[1], key[0]))
        found: list[Difference] = []
        for key in keys:
            if key in ours and key in theirs:
                found += _of_pair(self, ours[key], theirs[key])
            elif key in ours:
                found.append(_missing(self, ours[key], self.first, self.second))
            else:
                found.append(_missing(self, theirs[key], self.second, self.first))
        return found


def listed(given: Given, way: Way) -> list[tuple[object, ...]]:
    """A way's trades by what must be the same: coin, side, size, the bars of entry and end, the reason."""
    return [
        (
            trade.coin,
            trade.side,
            trade.size,
            given.bar_of(trade.opened_ms),
            given.bar_of(trade.closed_ms),
            trade.reason,
        )
        for trade in way.trades
    ]


def _of_pair(pair: Pair, one: Trade, other: Trade) -> list[Difference]:
    checks: Iterable[Callable[[Pair, Trade, Trade], Difference | None]] = (_entry, _stop, _size, _end, _fees)
    return [found for check in checks if (found := check(pair, one, other)) is not None]


def _told(pair: Pair, what: str, kind: str, one: Trade, first: str | None, second: str | None) -> Difference:
    """Both derivations side by side; without one of them nothing is explained."""
    a, b = pair.first.name, pair.second.name
    missing = [name for name, text in ((a, first), (b, second)) if text is None]
    if missing:
        return Difference(one.key, what, "", f"the {what} of {' and '.join(missing)} does not follow from its own rule")
    return Difference(one.key, what, kind, f"{a} {first}; {b} {second}")


# the entry


def _entry(pair: Pair, one: Trade, other: Trade) -> Difference | None:
    if one.entry_price == other.entry_price and pair.given.bar_of(one.opened_ms) == pair.given.bar_of(other.opened_ms):
        return None
    if one.direction != other.direction:
        return Difference(one.key, "side", "", f"{one.side} and {other.side} by the same signal")
    first, second = (_entry_account(pair.given, trade) for trade in (one, other))
    late = [trade for trade in (one, other) if trade.plan is not None and _has_moved(pair.given, trade)]
    return _told(pair, "entry price", "latency" if late else "slippage", one, first, second)


def _entry_account(given: Given, trade: Trade) -> str | None:
    if trade.plan is None:
        return accounts.backtest_entry(given, trade)
    return accounts.live_fills(given, trade, trade.entries, trade.direction)


def _has_moved(given: Given, trade: Trade) -> bool:
    """Whether the replay had gone on from the bar's open when the entry was filled."""
    opened_ms = given.bar_of(trade.opened_ms)
    assert opened_ms is not None
    tape, size = given.tapes[trade.coin], min(fill.size for fill in trade.entries)
    then, now = (tape.offered(at_ms, trade.direction) for at_ms in (opened_ms, trade.entries[0].time_ms))
    return not then or not now or taken(then[0], size) != taken(now[0], size)


def _stop(pair: Pair, one: Trade, other: Trade) -> Difference | None:
    if one.stop == other.stop:
        return None
    texts = []
    for trade in (one, other):
        bracket = _bracket(pair, trade)
        counted = None if bracket is None else f"{bracket.stop} counted from {_counted_from(pair.given, trade):f}"
        texts.append(counted)
    return _told(pair, "stop", "price decided on", one, *texts)


def _counted_from(given: Given, trade: Trade) -> Decimal:
    return trade.plan.reference if trade.plan is not None else given.open_at(trade.coin, trade.opened_ms)


def _bracket(pair: Pair, trade: Trade) -> Bracket | None:
    if trade.plan is None:
        return accounts.backtest_bracket(pair.given, trade)
    wish = seen_wish(_way_of(pair, trade), trade.key)
    return None if wish is None else accounts.live_bracket(pair.given, trade, wish)


def _way_of(pair: Pair, trade: Trade) -> Way:
    return pair.second if any(each is trade for each in pair.second.trades) else pair.first


def _leaves_ms(pair: Pair, trade: Trade) -> int | None:
    """When the strategy was out of a trade, by what its own way was told."""
    if trade.plan is None:
        return pair.given.leaves_ms(trade)
    return _way_of(pair, trade).told_to_leave_ms(trade, pair.given.settings.timeframe.ms)


def _size(pair: Pair, one: Trade, other: Trade) -> Difference | None:
    if one.size == other.size:
        return None
    texts = []
    for trade, way in ((one, pair.first), (other, pair.second)):
        if trade.plan is None:
            account = accounts.backtest_size(pair.given, trade, way.trades)
        else:
            account = accounts.live_size(pair.given, trade)
        texts.append(None if account is None else f"{trade.size} {account}")
    return _told(pair, "size", "sizing", one, *texts)


# the end


def _end(pair: Pair, one: Trade, other: Trade) -> Difference | None:
    given = pair.given
    brackets = [_bracket(pair, trade) for trade in (one, other)]
    ends = [_account_of_end(pair, trade, each) for trade, each in zip((one, other), brackets, strict=True)]
    same = (given.bar_of(one.closed_ms), one.reason) == (given.bar_of(other.closed_ms), other.reason)
    if same and one.exit_price == other.exit_price:
        return None
    a, b = pair.first.name, pair.second.name
    shown = [
        f"{trade.reason} {'' if trade.exit_price is None else f'at {trade.exit_price.normalize():f}'}".strip()
        for trade in (one, other)
    ]
    if any(each is None for each in (*brackets, *ends)):
        names = [name for name, end, each in zip((a, b), ends, brackets, strict=True) if end is None or each is None]
        text = f"{a} {shown[0]}, {b} {shown[1]}: the end of {' and '.join(names)} does not follow from its own levels"
        return Difference(one.key, "end", "", text)
    first, second = ends
    assert first is not None
    assert second is not None
    if same:
        return _exit_price(pair, one, other, first, second)
    kind, text = _why_another_end(pair, one, other, first, second)
    when = [f"{shown[at]} {_when(trade)}" for at, trade in enumerate((one, other))]
    return Difference(one.key, "end", kind, f"{a} {when[0]}; {b} {when[1]}: {text}")


def _when(trade: Trade) -> str:
    return "" if trade.closed_ms is None else f"({clock(trade.closed_ms)[:5]})"


def _account_of_end(pair: Pair, trade: Trade, bracket: Bracket | None) -> Outcome | None:
    if bracket is None:
        return None
    if trade.plan is None:
        return accounts.backtest_exit(pair.given, trade)
    return accounts.live_exit(pair.given, trade, bracket, _leaves_ms(pair, trade), _way_of(pair, trade).speed)


def _exit_price(pair: Pair, one: Trade, other: Trade, first: Outcome, second: Outcome) -> Difference:
    texts: list[str | None] = []
    moved = False
    for trade, end in ((one, first), (other, second)):
        if trade.plan is None:
            texts.append(f"{trade.exit_price:f} from {end.level:g}")
            continue
        offered = accounts.live_fills(pair.given, trade, trade.exits, -trade.direction)
        heard = "" if trade.reason == SIGNAL else f", fired by {end.level:g} at {clock(end.time_ms)}"
        texts.append(None if offered is None else f"{offered}{heard}")
        moved |= trade.reason != SIGNAL
    return _told(pair, "exit price", "prints step over the level" if moved else "slippage", one, *texts)


def _why_another_end(pair: Pair, one: Trade, other: Trade, first: Outcome, second: Outcome) -> tuple[str, str]:
    """The cause of another end: other levels, or a bar that does not tell what came first. Empty: neither is proved."""
    given = pair.given
    mine, theirs = _bracket(pair, one), _bracket(pair, other)
    assert mine is not None
    assert theirs is not None
    leaves, leaves_there = _leaves_ms(pair, one), _leaves_ms(pair, other)
    kind = "levels" if leaves == leaves_there else "another signal"
    if mine == theirs and _is_same(given, first, second):
        return "latency", f"fired by the same print, filled at {_filled(one)} and {_filled(other)}"
    if one.plan is not None:
        swapped = accounts.live_end_with(given, one, theirs, leaves_there)
        if _is_same(given, swapped, second):
            return kind, f"with the levels and signals of {pair.second.name} it ends as there"
        if one.entries[-1].time_ms != other.entries[-1].time_ms:
            moments = " and ".join(clock(trade.entries[-1].time_ms) for trade in (one, other))
            return "latency", f"entered at {moments}: the prints after that, and the levels, are not the same"
        return "", "other levels do not explain it"
    swapped = over_candles(given.fine[one.coin], theirs, one.opened_ms, leaves_there, given.until_ms)
    if _is_same(given, swapped, second):
        return kind, f"with the levels and signals of {pair.second.name} (stop {theirs.stop}) the candles give its end"
    if swapped is not None and (swapped.unclear or given.bar_of(second.time_ms) in _bars(given, swapped.doubtful)):
        return "intrabar path", _of_path(swapped if swapped.unclear else second)
    if mine == theirs and first.unclear:
        return "intrabar path", _of_path(first)
    back = accounts.live_end_with(given, other, mine, leaves)
    if _is_same(given, back, first):
        return kind, f"with the levels and signals of {pair.first.name} (stop {mine.stop}) the prints give its end"
    return "", "neither other levels nor the path within a bar explain it"


def _bars(given: Given, times: Iterable[int]) -> set[int | None]:
    return {given.bar_of(at_ms) for at_ms in times}


def _filled(trade: Trade) -> str:
    return "no time" if trade.closed_ms is None else clock(trade.closed_ms)


def _of_path(end: Outcome) -> str:
    return f"the bar of {clock(end.time_ms)[:5]} does not tell which level came first; the replay took an order"


def _is_same(given: Given, one: Outcome | None, other: Outcome) -> bool:
    if one is None:
        return other.reason == "end"
    return one.reason == other.reason and given.bar_of(one.time_ms) == given.bar_of(other.time_ms)


def _fees(pair: Pair, one: Trade, other: Trade) -> Difference | None:
    """Fees follow from sizes and prices; they are told only where they do not."""
    for trade, way in ((one, pair.first), (other, pair.second)):
        check = accounts.backtest_fees if trade.plan is None else accounts.live_fees
        if not check(pair.given, trade):
            return Difference(one.key, "fees", "", f"{way.name} paid {trade.fees:f}, not the rate of what it traded")
    return None


# what only one of them did


def _ended_otherwise(given: Given, held: Trade, there: Way) -> bool:
    """Whether the other way did not have this trade, or not until then: a difference that is told where it stands."""
    same = there.by_key().get(held.key)
    if same is None:
        return True
    return (given.bar_of(same.closed_ms), same.reason) != (given.bar_of(held.closed_ms), held.reason)


def _missing(pair: Pair, trade: Trade, there: Way, absent: Way) -> Difference:
    """Why one way has a trade that the other has not: it was still in its last one, or found nobody to trade with."""
    what = f"only in {there.name}"
    step = pair.given.settings.timeframe.ms
    entered_ms = pair.given.bar_of(trade.opened_ms)
    assert entered_ms is not None
    held = absent.held_through(trade.coin, entered_ms, step)
    if held is not None and _ended_otherwise(pair.given, held, there):
        text = f"{absent.name} was still in the position of {clock(held.opened_ms)[:5]}, whose end differs"
        return Difference(trade.key, what, "follows from an earlier difference", text)
    for heard in (pair.heard.get(way.name) for way in (there, absent)):
        if heard is not None and trade.key in heard.otherwise:
            return Difference(trade.key, what, "another signal", heard.otherwise[trade.key])
    decided_ms = trade.plan.at_ms if trade.plan is not None else trade.opened_ms
    braked = absent.braked_at(decided_ms)
    if braked and not there.braked_at(decided_ms):
        return Difference(trade.key, what, "loss limit", f"{absent.name}: {braked}; {there.name} had lost less")
    refusal = absent.refusals.get(trade.key, "")
    nobody = not any(pair.given.tapes[trade.coin].offered(trade.opened_ms, trade.direction))
    if NOBODY in refusal and nobody:
        return Difference(trade.key, what, "no book", "the replay had no offers at that moment")
    return Difference(trade.key, what, "", refusal or "nothing says why")
