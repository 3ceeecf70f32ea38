"""The page of faults is the catalogue: written from it, and held to it here."""

import json
import re
from pathlib import Path

import yaml

from tidegate.localnet.faults.catalogue import FAULTS
from tidegate.localnet.faults.fault import Fault, Kind, Parameter
from tidegate.localnet.faults.rows import BY_THEMSELVES, NOT_OURS
from tidegate.localnet.faults.rules import read_rule, read_rules

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
UNITS = {Kind.SECONDS: " s"}


def shown(parameter: Parameter) -> str:
    """A parameter with its default."""
    if parameter.default is None:
        return f"`{parameter.name}`"
    value = parameter.default
    value = str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else value
    return f"`{parameter.name}={value}`" + UNITS.get(parameter.kind, "")


def row(name: str, fault: Fault) -> str:
    """The line of one fault."""
    parameters = ", ".join(map(shown, fault.parameters))
    return f"| `{name}` | {parameters} | {fault.says} | {', '.join(map(str, fault.rows))} |"


def table() -> str:
    """The table of all faults."""
    head = ["| fault | parameters and defaults | what happens | rows |", "|---|---|---|---|"]
    return "\n".join([*head, *(row(name, fault) for name, fault in FAULTS.items())])


def reasons() -> str:
    """The table of rows without a fault."""
    head = ["| row | why |", "|---|---|"]
    return "\n".join([*head, *(f"| {number} | {why} |" for number, why in NOT_OURS.items())])


def by_themselves() -> str:
    """The table of rows that need no fault."""
    head = ["| row | how |", "|---|---|"]
    return "\n".join([*head, *(f"| {number} | {how} |" for number, how in sorted(BY_THEMSELVES.items()))])


def test_the_page_of_faults_shows_the_catalogue() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for expected in (table(), reasons(), by_themselves()):
        assert expected in page, f"docs/faults.md should contain\n{expected}"


def test_the_examples_of_the_page_are_rules() -> None:
    page = (PAGE.parent / "localnet.md").read_text(encoding="utf-8")
    (scenario,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    rules = read_rules(yaml.safe_load(scenario)["faults"], ("BTC",))
    assert [rule.do for rule in rules] == ["status 502 accepted=true", "ws.mute", "user.trade close"]
    (asked,) = re.findall(r"-d '(\{\"do\".*\})'", page)
    assert read_rule(json.loads(asked), ("BTC",)).after == 1
