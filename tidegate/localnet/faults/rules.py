"""A rule: which fault, on what, how often, when. Reads rules from JSON and YAML alike and tells all that is wrong.

A rule is written as `{"do": "status 502 accepted=true", "match": {"action": "order"}, "times": 1, "after": 0}`. `do`
names the fault and, behind it, its parameters: in their order, or as name=value; quotes hold words together.
"""

import shlex
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from tidegate.errors import TidegateError
from tidegate.localnet.faults.catalogue import FAULTS
from tidegate.localnet.faults.fault import Args, Fault, Kind, Parameter

DOORS = ("http", "ws", "process")
MATCH_KEYS = ("door", "request", "action", "channel", "coin", "user")
RULE_KEYS = ("do", "match", "times", "after", "every", "at_s", "for_s")
COUNT_MAX = 1_000_000_000
SECONDS_MAX = 10_000_000
TRUE, FALSE = ("true", "yes", "on"), ("false", "no", "off")


class BadRule(TidegateError):
    """Rules that cannot be read. `problems` are one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Match:
    """What a rule is about; what is "" matches everything. `user` is lowercase.

    `request` is a type of /info, `action` one of /exchange, `channel` a stream's channel or subscription type.
    """

    door: str = ""
    request: str = ""
    action: str = ""
    channel: str = ""
    coin: str = ""
    user: str = ""


@dataclass(frozen=True)
class Rule:
    """Do `fault` to what matches: not to the first `after`, then to every `every`-th, `times` times (None: always).

    From `at_s` exchange seconds after the rule was made, and for `for_s` exchange seconds from then.
    """

    do: str
    fault: Fault
    args: Args
    match: Match = field(default_factory=Match)
    times: int | None = 1
    after: int = 0
    every: int = 1
    at_s: float = 0.0
    for_s: float | None = None


def read_rules(raw: Any, coins: Container[str], where: str = "faults") -> list[Rule]:
    """Read a list of rules about `coins`; `where` begins each problem. Raises BadRule with every problem of all."""
    if not isinstance(raw, list):
        raise BadRule([f"{where}: expected a list of rules, found {_kind(raw)}"])
    problems: list[str] = []
    rules: list[Rule] = []
    for number, each in enumerate(raw, start=1):
        try:
            rules.append(read_rule(each, coins, f"{where}[{number}]"))
        except BadRule as error:
            problems += error.problems
    if problems:
        raise BadRule(problems)
    return rules


def read_rule(raw: Any, coins: Container[str], where: str = "fault") -> Rule:
    """Read one rule about `coins`. Raises BadRule with every problem."""
    if not isinstance(raw, Mapping):
        raise BadRule([f"{where}: expected an object with do, found {_kind(raw)}"])
    problems = _unknown(raw, RULE_KEYS, where)
    found = _do(raw.get("do"), where, problems)
    match = _match(raw.get("match"), where, problems)
    times = raw.get("times", 1 if found is None else found[0].times)
    if times is not None:
        times = _whole(times, f"{where}.times", 1, problems)
    after = _whole(raw.get("after", 0), f"{where}.after", 0, problems)
    every = _whole(raw.get("every", 1), f"{where}.every", 1, problems)
    at_s = _seconds(raw.get("at_s", 0), f"{where}.at_s", problems)
    for_s = None if raw.get("for_s") is None else _seconds(raw["for_s"], f"{where}.for_s", problems)
    if "for_s" in raw and "times" not in raw:
        times = None  # for a while means: always, for that while
    for name, coin in (("match.coin", match.coin), ("do: coin", found[1].get("coin", "") if found else "")):
        if coin and coin not in coins:
            problems.append(f"{where}.{name} {coin!r} does not exist here; names are as in meta and spotMeta")
    if problems or found is None:
        raise BadRule(problems)
    fault, args = found
    return Rule(str(raw["do"]), fault, args, match, times, after, every, at_s, for_s)


def _do(raw: Any, where: str, problems: list[str]) -> tuple[Fault, Args] | None:
    if not isinstance(raw, str) or not raw.strip():
        problems.append(f"{where}.do: expected the name of a fault, found {_kind(raw)}")
        return None
    try:
        name, *words = shlex.split(raw)
    except ValueError as error:
        problems.append(f"{where}.do: {error}; found {raw!r}")
        return None
    fault = FAULTS.get(name)
    if fault is None:
        near = get_close_matches(name, FAULTS, n=1)
        hint = f"did you mean {near[0]}?" if near else "GET /localnet/faults lists all"
        problems.append(f"{where}.do: no fault is named {name!r}; {hint}")
        return None
    before = len(problems)
    args = _arguments(fault.parameters, words, f"{where}.do {name}", problems)
    return (fault, args) if len(problems) == before else None


def _arguments(parameters: tuple[Parameter, ...], words: list[str], where: str, problems: list[str]) -> Args:
    """Words by name where they say name=value of a known name, else by place."""
    given: dict[str, str] = {}
    names = [parameter.name for parameter in parameters]
    places = iter(names)
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in names:
            given[name] = value
            continue
        place = next((each for each in places if each not in given), None)
        if place is None:
            expected = ", ".join(names) if names else "nothing more"
            problems.append(f"{where}: {word!r} is too much; expected {expected}")
            continue
        given[place] = word
    args: Args = {}
    for parameter in parameters:
        if parameter.name in given:
            args[parameter.name] = _value(parameter, given[parameter.name], where, problems)
        elif parameter.default is None:
            problems.append(f"{where}: {parameter.name} is missing; expected {parameter.kind.value}")
        else:
            args[parameter.name] = parameter.default
    return args


def _value(parameter: Parameter, text: str, where: str, problems: list[str]) -> Any:
    """One argument, or a problem; seconds may end in s."""
    kind = parameter.kind
    if kind is Kind.TEXT:
        if parameter.allowed and text not in parameter.allowed:
            allowed = ", ".join(parameter.allowed)
            problems.append(f"{where}: {parameter.name} must be one of {allowed}, found {text!r}")
        return text
    if kind is Kind.FLAG:
        if text.lower() not in (*TRUE, *FALSE):
            problems.append(f"{where}: {parameter.name} must be true or false, found {text!r}")
        return text.lower() in TRUE
    try:
        value = int(text) if kind is Kind.WHOLE else float(text.removesuffix("s") if kind is Kind.SECONDS else text)
    except ValueError:
        problems.append(f"{where}: {parameter.name} must be {kind.value}, found {text!r}")
        return None
    least = float("-inf") if parameter.least is None else parameter.least
    most = COUNT_MAX if parameter.most is None else parameter.most
    if not least <= value <= most:
        problems.append(f"{where}: {parameter.name} must be from {least:g} to {most:g}, found {text}")
    return value


def _match(raw: Any, where: str, problems: list[str]) -> Match:
    if raw is None:
        return Match()
    if not isinstance(raw, Mapping):
        problems.append(f"{where}.match: expected an object, found {_kind(raw)}")
        return Match()
    problems += _unknown(raw, MATCH_KEYS, f"{where}.match")
    values = {}
    for key in MATCH_KEYS:
        value = raw.get(key, "")
        if not isinstance(value, str):
            problems.append(f"{where}.match.{key}: expected text, found {_kind(value)}")
        else:
            values[key] = value.lower() if key == "user" else value
    if values.get("door") not in ("", *DOORS, None):
        problems.append(f"{where}.match.door: must be one of {', '.join(DOORS)}, found {values['door']!r}")
    return Match(**values)


def _unknown(raw: Mapping[Any, Any], known: tuple[str, ...], where: str) -> list[str]:
    return [f"{where}: unknown key {key!r}; expected {', '.join(known)}" for key in raw if key not in known]


def _whole(value: Any, where: str, least: int, problems: list[str]) -> int:
    if type(value) is int and least <= value <= COUNT_MAX:
        return value
    problems.append(f"{where}: expected a whole number from {least}, found {value!r}")
    return least


def _seconds(value: Any, where: str, problems: list[str]) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= SECONDS_MAX:
        return float(value)
    problems.append(f"{where}: expected seconds from 0, found {value!r}")
    return 0.0


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", type(None): "nothing"}
    return names.get(type(value), repr(value)[:40])
