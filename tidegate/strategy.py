"""What a trading strategy is: bars in, wishes out.

A strategy is a frozen dataclass whose fields are its parameters and whose one method, `signals`, is a pure
vectorised function of closed bars. It never sees a size, an order, a position, an account or a clock: sizing,
brackets, leverage and risk are the bot's. Row *i* of what it returns may depend on bars up to *i* only.

Owns the base class, its parameters and the few words strategies are written in; computes no indicator.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from tidegate.errors import ConfigError
from tidegate.model.signals import Want
from tidegate.parameters import Parameter, Value, param, parameters_of, values_from_text
from tidegate.timeframes import coarser, ratio, step_ms_of

if TYPE_CHECKING:
    from tidegate.market import Market

__all__ = [
    "Strategy",
    "asked",
    "coarser",
    "crossed_above",
    "crossed_below",
    "param",
    "price_text",
    "reason_at",
    "side_of",
]

PRICE_DIGITS = 7
REASON = "reason"
BAR_COLUMNS = ("open", "high", "low", "close", "volume")
EXTRA_COLUMNS = ("funding", "imbalance")
"""What a frame of bars may hold besides, each as known when the bar closed, NaN where it was not known: the funding
rate of an hour, and the order book's (bids - asks) / (bids + asks), -1 to 1."""
MARKET = "market"
WISH_COLUMNS = ("want", "reason", "stop", "take_profit", "trail_by", "size_fraction")

WANTS = [Want.HOLD.value, Want.LONG.value, Want.SHORT.value, Want.FLAT.value, Want.ADD.value]
HOLD, LONG, SHORT, FLAT, ADD = range(5)

Reason = str | pd.Series | Callable[[int], str]
Numbers = float | pd.Series


@dataclass(frozen=True)
class Strategy:
    """The base of every strategy: subclass it as a frozen dataclass and write `signals`."""

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """One wish a bar; build the answer with `wishes`.

        `bars`: closed candles, oldest first; index the open time (UTC), columns open, high, low, close, volume
        as floats, and perhaps some of EXTRA_COLUMNS. A strategy that also looks at other coins writes
        `signals(self, bars, market=None)` and is given a `tidegate.regime.Market`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define signals(self, bars)")

    @property
    def warm_up_bars(self) -> int:
        """How many bars it needs before it may speak; with fewer it is silent. Override it."""
        return 1

    @property
    def coarse_bars(self) -> Mapping[str, int]:
        """How many closed bars of which longer timeframes it needs, such as {"4h": 60}. Override it."""
        return {}

    def bars_needed(self, step_ms: int) -> int:
        """How many bars of `step_ms` it needs before it may speak, those of longer timeframes included.

        Raises ValueError when a longer timeframe is no multiple of `step_ms`.
        """
        # The first coarse bar of a frame is seldom whole.
        coarse = (ratio(timeframe, step_ms) * (count + 1) for timeframe, count in self.coarse_bars.items())
        return max(self.warm_up_bars, *coarse) if self.coarse_bars else self.warm_up_bars

    def problems(self) -> list[str]:
        """What is wrong with the parameters taken together (each one's own range is checked before). Override it."""
        return []

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring."""
        lines = (cls.__doc__ or "").strip().splitlines()
        return lines[0] if lines else ""

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """The parameters with their types, defaults and ranges."""
        return parameters_of(cls)

    @classmethod
    def from_text(cls, given: Mapping[str, str]) -> Self:
        """The strategy with these parameters, the rest at their defaults.

        Raises ConfigError with every problem at once: unknown names, values of the wrong type or out of range,
        and what `problems` says of the combination.
        """
        values, wrong = values_from_text(cls.parameters(), given)
        if wrong:
            raise ConfigError(wrong)
        strategy = cls(**values)
        if found := strategy.problems():
            raise ConfigError([f"STRATEGY_PARAMS: {problem}" for problem in found])
        return strategy

    def values(self) -> dict[str, Value]:
        """The parameters by name, in the order of their definition."""
        return {parameter.name: getattr(self, parameter.name) for parameter in self.parameters()}

    def wishes(
        self,
        bars: pd.DataFrame,
        *,
        long: pd.Series | bool | None = None,
        short: pd.Series | bool | None = None,
        flat: pd.Series | bool | None = None,
        stop: Numbers | None = None,
        take_profit: Numbers | None = None,
        trail_by: Numbers | None = None,
        reason: Reason | None = None,
        size_fraction: Numbers | None = None,
        add: pd.Series | bool | None = None,
    ) -> pd.DataFrame:
        """Put the answer of `signals` together: one row a bar.

        `long`, `short`, `flat` are booleans, one a bar (NaN is no). An entry includes leaving the other side, so
        it goes before `flat`; a bar that wishes long *and* short wishes nothing. The bars before there are
        `bars_needed` wish nothing. `add`, the least of them, buys more of whatever is held where ADDS_MAX allows
        it, worth `size_fraction` of the allocation; a backtest does not play it.

        `stop` and `take_profit` are absolute prices, `trail_by` a distance in price, `size_fraction` a part of
        the usual risk in (0, 1]; a number or one a bar. Where take_profit and trail_by are NaN there is none; an
        entry whose stop or size fraction is given and unusable is no entry: an indicator that has nothing to say
        yet never trades. `reason` is a sentence, one a bar, or a function of the row number, which
        `reason_at` asks for the rows that somebody reads: sentences cost more than all the indicators.

        Returns columns want, reason, stop, take_profit, trail_by, size_fraction on the index of `bars`.
        """
        count = len(bars)
        wants_long, wants_short = _yes(long, count), _yes(short, count)
        # Numbers and one table of words: words in every row cost more than all the indicators.
        want = np.full(count, HOLD, dtype=np.int8)
        want[_yes(add, count)] = ADD
        want[_yes(flat, count)] = FLAT
        want[wants_long] = LONG
        want[wants_short] = SHORT
        want[wants_long & wants_short] = HOLD
        want[: max(self._needed(bars) - 1, 0)] = HOLD
        stops, fractions = _numbers(stop, np.nan, count), _numbers(size_fraction, 1.0, count)
        # Entries are few: looking at their rows alone costs nothing.
        entries = np.flatnonzero((want == LONG) | (want == SHORT) | (want == ADD))
        stopless, sizeless = np.zeros(count, bool), np.zeros(count, bool)
        if stop is not None:
            stopless[entries] = (want[entries] != ADD) & ~(np.isfinite(stops[entries]) & (stops[entries] > 0))
        sizeless[entries] = ~((fractions[entries] > 0) & (fractions[entries] <= 1))
        want[stopless | sizeless] = HOLD
        reasons = _reasons(reason, want, stopless, sizeless)
        columns = {
            "want": pd.Categorical.from_codes(want, pd.Index(WANTS)),
            "reason": reasons,
            "stop": stops,
            "take_profit": _numbers(take_profit, np.nan, count),
            "trail_by": _numbers(trail_by, np.nan, count),
            "size_fraction": fractions,
        }
        wishes = pd.DataFrame(columns, index=bars.index, columns=list(WISH_COLUMNS))
        if callable(reason):
            wishes.attrs[REASON] = reason
        return wishes

    def _needed(self, bars: pd.DataFrame) -> int:
        if not self.coarse_bars:
            return self.warm_up_bars
        step_ms = step_ms_of(bars)
        # One bar does not say how long it is: no coarse bar can have closed.
        return self.bars_needed(step_ms) if step_ms else len(bars) + 1


def asked(strategy: Strategy, bars: pd.DataFrame, market: "Market | None" = None) -> Any:
    """What a strategy answers about these bars; with the other coins beside them if it takes a `market`.

    The one way in which live bot, backtest and tests ask. The answer is an author's and may be anything.
    """
    if takes_market(strategy):
        return strategy.signals(bars, market)  # type: ignore[call-arg]
    return strategy.signals(bars)


def takes_market(strategy: Strategy) -> bool:
    """Whether a strategy looks at other coins: its `signals` has a parameter `market`."""
    return MARKET in inspect.signature(strategy.signals).parameters


def reason_at(wishes: pd.DataFrame, row: int) -> str:
    """Why this row (0 is the first) wishes what it does, or why it holds; empty when the strategy does not say."""
    text = wishes["reason"].iloc[row] if "reason" in wishes.columns else ""
    if isinstance(text, str) and text:
        return text
    ask = wishes.attrs.get(REASON)
    return str(ask(row)) if ask is not None else ""


def crossed_above(line: pd.Series, other: Numbers) -> pd.Series:
    """Bars at which `line` stands above `other` and did not the bar before; never where one is NaN."""
    before = other.shift(1) if isinstance(other, pd.Series) else other
    return (line > other) & (line.shift(1) <= before)


def crossed_below(line: pd.Series, other: Numbers) -> pd.Series:
    """Bars at which `line` stands below `other` and did not the bar before; never where one is NaN."""
    before = other.shift(1) if isinstance(other, pd.Series) else other
    return (line < other) & (line.shift(1) >= before)


def side_of(long: pd.Series, short: pd.Series) -> pd.Series:
    """The side entered last: +1 after a long, -1 after a short, 0 before either.

    For strategies with exits that differ by side: `flat` says leave, whichever side is held.
    """
    entered = np.select([long.to_numpy(bool), short.to_numpy(bool)], [1.0, -1.0], default=np.nan)
    return pd.Series(entered, index=long.index).ffill().fillna(0.0)


def price_text(price: float) -> str:
    """A price as a person reads it: seven significant digits, thousands apart."""
    if not np.isfinite(price) or price == 0:
        return str(price)
    decimals = PRICE_DIGITS - 1 - int(np.floor(np.log10(abs(price))))
    text = f"{price:,.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _yes(column: pd.Series | bool | None, count: int) -> np.ndarray:
    if column is None or isinstance(column, bool):
        return np.full(count, bool(column))
    if len(column) != count:
        raise ValueError(f"long, short and flat need one value a bar: {count} bars, {len(column)} values")
    if column.dtype == bool:
        return column.to_numpy()
    # A NaN is truthy in Python; here it means that an indicator has nothing to say yet.
    return column.eq(True).fillna(False).to_numpy(bool)


def _numbers(numbers: Numbers | None, missing: float, count: int) -> np.ndarray:
    if numbers is None:
        return np.full(count, missing)
    if isinstance(numbers, pd.Series):
        if len(numbers) != count:
            raise ValueError(f"prices need one value a bar: {count} bars, {len(numbers)} values")
        return numbers.to_numpy(float)
    return np.full(count, float(numbers))


def _reasons(reason: Reason | None, want: np.ndarray, stopless: np.ndarray, sizeless: np.ndarray) -> np.ndarray | str:
    """One sentence a bar; a single empty one where none is said, which pandas puts into every row for nothing."""
    if not isinstance(reason, str | pd.Series) and not (stopless.any() or sizeless.any()):
        return ""
    texts = np.full(len(want), "", dtype=object)
    rows = want != HOLD
    if isinstance(reason, str):
        texts[rows] = reason
    elif isinstance(reason, pd.Series):
        texts[rows] = reason.to_numpy(object)[rows]
    texts[sizeless] = "no entry: the size fraction is not in (0, 1]"
    texts[stopless] = "no entry: the stop is not a positive price"
    return texts
