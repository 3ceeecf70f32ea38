"""Know the state of the trend and act by it: a state machine over three averages, with scores to enter and leave."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tidegate.indicators import adx, atr, ema, rsi, settled, slope
from tidegate.strategy import Strategy, param

DOWNTREND, RECOVERY, UPTREND, PULLBACK, WEAKENING = STATES = (
    "downtrend",
    "recovery",
    "uptrend",
    "pullback",
    "weakening",
)
"""By the order of the averages, fast to slow: all falling; the fast one back above; all rising; all rising with a close
below the middle one; the fast one below the middle one, which is still above the slow one."""
UNKNOWN = ""


def states_of(close: pd.Series, fast: pd.Series, middle: pd.Series, slow: pd.Series, confirm: int) -> pd.Series:
    """The state after each bar: one of STATES, or UNKNOWN.

    A state begins when the averages have stood so for `confirm` bars, and lasts until another one begins.
    """
    short_up, long_up = fast > middle, middle > slow
    seen = np.select(
        [slow.isna(), short_up & long_up & (close < middle), short_up & long_up, long_up, short_up],
        [np.nan, 3.0, 2.0, 4.0, 1.0],
        default=0.0,
    )
    raw = pd.Series(seen, index=close.index)
    stands = raw.notna()
    for lag in range(1, confirm):
        stands &= raw == raw.shift(lag)
    held = raw.where(stands).ffill()
    return held.map(dict(enumerate(STATES))).astype(object).where(held.notna(), UNKNOWN)


def attack_score(bars: pd.DataFrame, fast: pd.Series, middle: pd.Series) -> pd.Series:
    """How good it is to enter, 0 to 1: a strong trend (ADX), a steep one, a close not far above the fast average."""
    ranges = atr(bars, 14)
    moving = ranges.where(ranges > 0)
    strength = (adx(bars, 14)["adx"] / 40).clip(0.0, 1.0)
    steep = (slope(middle, 5) / moving / 0.15).clip(0.0, 1.0)
    room = 1 - ((bars["close"] - fast) / moving / 3).clip(0.0, 1.0)
    return (strength + steep + room) / 3


def exit_score(bars: pd.DataFrame, fast: pd.Series, middle: pd.Series) -> pd.Series:
    """How urgent it is to leave, 0 to 1: overstretched, losing its momentum, the fast average falling."""
    ranges = atr(bars, 14)
    moving = ranges.where(ranges > 0)
    stretched = ((bars["close"] - middle) / moving / 8).clip(0.0, 1.0)
    fading = ((50 - rsi(bars["close"], 14)) / 20).clip(0.0, 1.0)
    falling = (-slope(fast, 5) / moving / 0.15).clip(0.0, 1.0)
    return pd.concat([stretched, (fading + falling) / 2], axis=1).max(axis=1, skipna=False)


def plan_actions(
    states: pd.Series, attack: pd.Series, leaving: pd.Series, *, attack_min: float, leave_at: float, size_min: float
) -> pd.DataFrame:
    """What to do after each bar: columns enter and leave (booleans) and size (a part of the full size, 0 to 1).

    Enter on the first bar of an uptrend at which the attack score suffices and leaving is not half urgent yet; leave
    when the trend weakens or falls, or when leaving is urgent. The size grows with the attack score, never beyond 1.
    """
    good = (states == UPTREND) & (attack >= attack_min) & (leaving < leave_at / 2)
    size = size_min + (1 - size_min) * ((attack - attack_min) / (1 - attack_min)).clip(0.0, 1.0)
    return pd.DataFrame(
        {
            "enter": good & ~good.shift(1, fill_value=False),
            "leave": states.isin([WEAKENING, DOWNTREND]) | (leaving >= leave_at),
            "size": size.fillna(size_min),
        }
    )


@dataclass(frozen=True)
class Uptrend(Strategy):
    """Long when the averages of 12, 36 and 72 bars stand in an uptrend that has room; out when it weakens."""

    fast: int = param(12, low=2, high=100, meaning="bars of the fast average")
    middle: int = param(36, low=3, high=200, meaning="bars of the middle average")
    slow: int = param(72, low=4, high=500, meaning="bars of the slow average")
    confirm: int = param(2, low=1, high=20, meaning="so many bars a state must stand before it counts")
    attack_min: float = param(0.4, low=0, high=0.95, meaning="enter only at this attack score or above")
    leave_at: float = param(0.9, low=0.1, high=1, meaning="leave at this exit score, whatever the state")
    size_min: float = param(0.4, low=0.05, high=1, meaning="part of the full size at the least attack score")
    stop_atr: float = param(2.5, low=0.1, high=20, meaning="distance of the stop in average true ranges")
    trail_atr: float = param(4.0, low=0, high=40, meaning="the stop follows so many average ranges behind; 0: it stays")
    min_bars: int = param(300, low=1, high=5000, meaning="it says nothing before there are so many bars")

    @property
    def warm_up_bars(self) -> int:
        """Until the slow average has settled, and not before `min_bars`."""
        return max(self.min_bars, settled(self.slow) + self.confirm, 2 * settled(27))

    def problems(self) -> list[str]:
        """The averages must be in order."""
        if self.fast < self.middle < self.slow:
            return []
        return [f"fast={self.fast} < middle={self.middle} < slow={self.slow} must hold"]

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """State, scores, plan: in this order, each a function of its own."""
        close, ranges = bars["close"], atr(bars, 14)
        fast, middle, slow = (ema(close, span) for span in (self.fast, self.middle, self.slow))
        states = states_of(close, fast, middle, slow, self.confirm)
        attack, leaving = attack_score(bars, fast, middle), exit_score(bars, fast, middle)
        plan = plan_actions(
            states,
            attack,
            leaving,
            attack_min=self.attack_min,
            leave_at=self.leave_at,
            size_min=self.size_min,
        )

        def reason(row: int) -> str:
            scores = (("attack", attack.iloc[row]), ("exit", leaving.iloc[row]))
            told = ", ".join(f"{name} {value:.2f}" for name, value in scores if np.isfinite(value))
            return f"{states.iloc[row] or 'no state yet'}; {told or 'the market does not move'}"

        return self.wishes(
            bars,
            long=plan["enter"],
            flat=plan["leave"],
            stop=close - self.stop_atr * ranges,
            trail_by=self.trail_atr * ranges if self.trail_atr else None,
            size_fraction=plan["size"],
            reason=reason,
        )
