"""Scenario files: a market and the faults that befall its clients, written in YAML.

Owns the shape of the file and tells every problem of it at once. It plays nothing.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from tidegate.errors import ConfigError
from tidegate.localnet.faults.rules import BadRule, Rule, read_rules
from tidegate.localnet.markets.names import MARKETS, MarketName

KEYS = ("says", "market", "faults")
BYTES_MAX = 1 << 20
EXAMPLE = "\nfor example:\n  market: random\n  faults:\n    - do: accept_then_timeout\n      match: {action: order}"


@dataclass(frozen=True)
class Scenario:
    """A market's name and the rules that stand from the start."""

    market: MarketName = "random"
    rules: tuple[Rule, ...] = ()
    says: str = ""


def read_scenario(path: Path, coins: Container[str]) -> Scenario:
    """Read a scenario about `coins`. Raises ConfigError with every problem."""
    raw = _load(path)
    if not isinstance(raw, Mapping):
        raise ConfigError([f"{path}: expected market and faults, found {type(raw).__name__}{EXAMPLE}"])
    problems = [f"{path}: unknown key {key!r}; expected {', '.join(KEYS)}" for key in raw if key not in KEYS]
    market, says = raw.get("market", "random"), raw.get("says", "")
    if market not in MARKETS:
        problems.append(f"{path}: market must be one of {', '.join(MARKETS)}, found {market!r}")
    if not isinstance(says, str):
        problems.append(f"{path}: says must be text, found {says!r}")
    rules: list[Rule] = []
    try:
        rules = read_rules(raw.get("faults", []), coins, f"{path}: faults")
    except BadRule as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return Scenario(cast(MarketName, market), tuple(rules), says)


def _load(path: Path) -> Any:
    try:
        if path.stat().st_size > BYTES_MAX:
            raise ConfigError([f"{path}: longer than {BYTES_MAX} bytes; expected a scenario"])
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: no YAML: {' '.join(str(error).split())}"]) from None
