"""Where to look: which parameters are searched, between what, and the grid that this makes.

A parameter is searched when its strategy gives it two ends (or choices, or it is a yes or no), or when `--range` says
so; the others stay as they are. Judges nothing.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.errors import ConfigError
from tidegate.parameters import Parameter, Value

GRID_MAX = 100_000
"""More points than this are no search but a mistake."""
Refuses = Callable[[Mapping[str, Value]], bool]


@dataclass(frozen=True)
class Axis:
    """One parameter: numbers from `low` to `high` (by `step` if given), or one of `choices`."""

    name: str
    kind: type
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    choices: tuple[Value, ...] = ()

    def values(self, count: int) -> tuple[Value, ...]:
        """At most `count` values spread evenly from end to end; all of them where choices or a step are given."""
        if self.choices:
            return self.choices
        if self.step is not None:
            steps = math.floor((self.high - self.low) / self.step + 1e-9)
            return tuple(self._number(self.low + each * self.step) for each in range(steps + 1))
        if count < 2 or self.high == self.low:
            return (self._number((self.low + self.high) / 2),)
        width = (self.high - self.low) / (count - 1)
        return tuple(dict.fromkeys(self._number(self.low + each * width) for each in range(count)))

    def told(self) -> dict[str, Any]:
        """As a run remembers it."""
        if self.choices:
            return {"choices": list(self.choices)}
        return {"low": self.low, "high": self.high} | ({} if self.step is None else {"step": self.step})

    def _number(self, value: float) -> Value:
        # Twelve digits: 0.1 * 3 is to be told, and found again, as 0.3.
        return round(value) if self.kind is int else float(f"{value:.12g}")


@dataclass(frozen=True)
class Space:
    """The axes, the parameters that stay as they are, and the `order` of all of them in the strategy."""

    axes: tuple[Axis, ...]
    fixed: Mapping[str, Value]
    order: tuple[str, ...]

    def told(self) -> dict[str, Any]:
        """As a run remembers it."""
        return {axis.name: axis.told() for axis in self.axes}

    def whole(self, point: Mapping[str, Value]) -> dict[str, Value]:
        """A point with the parameters that stay, in the strategy's order."""
        every = {**self.fixed, **point}
        return {name: every[name] for name in self.order}

    def grid(self, trials: int | None, refuses: Refuses) -> list[dict[str, Value]]:
        """Every combination, without those that the strategy refuses, in a fixed order; at most `trials`.

        Axes without a step get as many values as fit. Raises ConfigError when those with a step make too many.
        """
        counted = [len(axis.values(0)) for axis in self.axes if axis.choices or axis.step is not None]
        free = len(self.axes) - len(counted)
        room = (trials or 100) / math.prod(counted)
        each = max(2, math.floor(room ** (1 / free) + 1e-9)) if free else 0
        columns = [axis.values(each) for axis in self.axes]
        total = math.prod(len(column) for column in columns)
        if total > GRID_MAX:
            raise ConfigError([f"the grid has {total:,} points, {GRID_MAX:,} are the most"])
        names = [axis.name for axis in self.axes]
        points = [dict(zip(names, values, strict=True)) for values in itertools.product(*columns)]
        left = [point for point in points if not refuses(self.whole(point))]
        if not left:
            raise ConfigError(["the strategy refuses every point of the grid; give it other ranges (--range)"])
        if trials is not None and len(left) > trials:
            raise ConfigError(
                [
                    f"the grid has {len(left):,} points and --trials is {trials:,}: "
                    "give narrower ranges, greater steps or more trials"
                ]
            )
        return left


def space_of(parameters: Sequence[Parameter], ranges: Mapping[str, str], fixed: Mapping[str, str]) -> Space:
    """The space that a strategy's parameters make, with `--range NAME=…` and `--param NAME=VALUE`.

    A range is LOW:HIGH, LOW:HIGH:STEP or A,B,C. Raises ConfigError with every problem.
    """
    known = {parameter.name: parameter for parameter in parameters}
    listed = ", ".join(known) or "none"
    problems = [f"there is no parameter {name!r}; it has {listed}" for name in (*ranges, *fixed) if name not in known]
    problems += [f"{name}: either --range or --param, not both" for name in ranges if name in fixed]
    axes, stay = [], {}
    for name, parameter in known.items():
        try:
            if name in fixed:
                stay[name] = parameter.read(fixed[name])
            elif name in ranges:
                axes.append(_given(parameter, ranges[name]))
            elif (axis := _own(parameter)) is not None:
                axes.append(axis)
            else:
                stay[name] = parameter.default
        except ValueError:
            given = fixed.get(name) or ranges.get(name)
            problems.append(f"{name}={given}: must be {parameter.allowed}; a range is LOW:HIGH, LOW:HIGH:STEP or A,B,C")
    if not axes and not problems:
        problems.append("no parameter is left to search; give a range, example: --range fast=5:50")
    if problems:
        raise ConfigError(problems)
    return Space(tuple(axes), stay, tuple(known))


def _own(parameter: Parameter) -> Axis | None:
    if parameter.choices:
        return Axis(parameter.name, parameter.type, choices=parameter.choices)
    if parameter.type is bool:
        return Axis(parameter.name, bool, choices=(False, True))
    if parameter.low is None or parameter.high is None or parameter.type is str:
        return None
    return Axis(parameter.name, parameter.type, float(parameter.low), float(parameter.high))


def _given(parameter: Parameter, text: str) -> Axis:
    if ":" not in text:
        values = tuple(dict.fromkeys(parameter.read(each) for each in text.split(",")))
        return Axis(parameter.name, parameter.type, choices=values)
    ends = text.split(":")
    if parameter.type not in (int, float) or len(ends) not in (2, 3):
        raise ValueError(text)
    low, high = (float(parameter.read(each)) for each in ends[:2])
    step = float(ends[2]) if len(ends) == 3 else None
    whole = parameter.type is not int or step is None or step == int(step)
    if low > high or not whole or (step is not None and not (math.isfinite(step) and step > 0)):
        raise ValueError(text)
    return Axis(parameter.name, parameter.type, low, high, step)
