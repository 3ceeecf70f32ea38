"""A strategy's parameters: what they are, what they may be, and how they are read from text.

Knows nothing of strategies beyond their being dataclasses; never guesses: what does not fit is a problem in words.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any, TypeVar, get_type_hints

Value = int | float | bool | str
T = TypeVar("T", int, float, bool, str)

TYPES: tuple[type, ...] = (bool, int, float, str)
YES = ("true", "yes", "on", "1")
NO = ("false", "no", "off", "0")


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter: its name, type and default, the range or choices it must lie in, and what it means."""

    name: str
    type: type
    default: Value
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    meaning: str = ""

    @property
    def allowed(self) -> str:
        """What a value may be, in words."""
        if self.choices:
            return " or ".join(self.choices)
        if self.type is bool:
            return "true or false"
        kind = {int: "a whole number", float: "a number", str: "a text"}[self.type]
        if self.low is not None and self.high is not None:
            return f"{kind} from {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"{kind} of at least {self.low:g}"
        return kind if self.high is None else f"{kind} of at most {self.high:g}"

    def read(self, text: str) -> Value:
        """The value that `text` means; raise ValueError when it means none or one out of range."""
        value = _parse(self.type, text.strip())
        if self.choices and value not in self.choices:
            raise ValueError(text)
        if isinstance(value, int | float) and not isinstance(value, bool):
            too_low = self.low is not None and value < self.low
            too_high = self.high is not None and value > self.high
            if too_low or too_high:
                raise ValueError(text)
        return value


def param(
    default: T,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    meaning: str = "",
) -> T:
    """A dataclass field that is a parameter with a range (both ends allowed) or a set of choices."""
    metadata = {"low": low, "high": high, "choices": choices, "meaning": meaning}
    field: T = dataclasses.field(default=default, metadata=metadata)
    return field


def parameters_of(cls: type) -> tuple[Parameter, ...]:
    """The parameters of a dataclass; raise TypeError for a field that cannot be one."""
    hints = get_type_hints(cls)
    return tuple(_parameter(field, hints[field.name]) for field in dataclasses.fields(cls))


def values_from_text(parameters: Iterable[Parameter], given: Mapping[str, str]) -> tuple[dict[str, Value], list[str]]:
    """Read `given`; the values that are right and a line for each that is not."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Value] = {}
    problems = []
    for name, text in given.items():
        parameter = known.get(name)
        if parameter is None:
            problems.append(f"STRATEGY_PARAMS: there is no parameter {name!r}; {_nearest(name, known)}")
            continue
        try:
            values[name] = parameter.read(text)
        except ValueError:
            problems.append(
                f"STRATEGY_PARAMS: {name}={text!r} must be {parameter.allowed} (default {parameter.default})"
            )
    return values, problems


def _parameter(field: "dataclasses.Field[Any]", kind: object) -> Parameter:
    if kind not in TYPES or not isinstance(kind, type):
        raise TypeError(f"parameter {field.name} must be annotated int, float, bool or str, not {kind}")
    if field.default is dataclasses.MISSING:
        raise TypeError(f"parameter {field.name} needs a default")
    return Parameter(
        name=field.name, type=kind, default=field.default, **{name: field.metadata[name] for name in field.metadata}
    )


def _parse(kind: type, text: str) -> Value:
    if kind is bool:
        if text.lower() not in YES + NO:
            raise ValueError(text)
        return text.lower() in YES
    if kind is str:
        return text
    if "_" in text:
        raise ValueError(text)
    if kind is int:
        return int(text)
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def _nearest(name: str, known: Mapping[str, Parameter]) -> str:
    if not known:
        return "this strategy has none"
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
