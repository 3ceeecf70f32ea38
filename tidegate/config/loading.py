"""Puts the layers together and gives settings, or a ConfigError that holds every problem at once.

Reads nothing but its arguments; never writes, never opens a connection.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.config.plain_keys import PLAIN_KEYS, key_for
from tidegate.config.results import Entry, Loaded, Secrets, Source
from tidegate.config.wording import Text, fragment, nearest, problem_line, shown, without_password
from tidegate.errors import ConfigError
from tidegate.model.settings import Settings

if TYPE_CHECKING:
    from tidegate.config.checks import WeightPerMinute
    from tidegate.config.variables import Variables

WEIGHT_MAX_PER_MINUTE = 1200
OUR_PREFIX = "HYPERLIQUID_"
# An environment is full of other programs' names: only a near miss is taken for one of ours.
NEAR_MISS = 0.85
# What the key is called elsewhere, which would look more like one of its files.
OTHER_NAMES = {
    "HYPERLIQUID_KEY": "HYPERLIQUID_PRIVATE_KEY",
    "HYPERLIQUID_SECRET_KEY": "HYPERLIQUID_PRIVATE_KEY",
    "HYPERLIQUID_API_KEY": "HYPERLIQUID_PRIVATE_KEY",
}
STRATEGY_DIR = Path(Settings().strategy_dir)


def load(
    cli: Mapping[str, str],
    environ: Mapping[str, str],
    env_file: Path | None,
    *,
    weight_per_minute: WeightPerMinute,
    weight_max: int = WEIGHT_MAX_PER_MINUTE,
    strategy_dir: Path = STRATEGY_DIR,
) -> Loaded:
    """Read and check all settings; raise ConfigError with one line for each problem.

    `cli` holds what was given on the command line, by variable name. An `env_file` that does not exist counts
    as empty, and an empty variable in `environ` as absent; elsewhere an empty value is a value.
    `strategy_dir` is where the file of STRATEGY must be.
    """
    from tidegate.config import checks, variables
    from tidegate.config.env_file import read_env_file

    in_file, problems = read_env_file(env_file) if env_file else ({}, [])
    given = {name: Text(value, "command line") for name, value in cli.items()}
    around = {name: Text(value, "environment") for name, value in environ.items() if value}
    problems += _unknown(given, variables.NAMES) + _unknown(_near_misses(around, variables.NAMES), variables.NAMES)
    problems += _unknown(in_file, variables.NAMES)
    layers = [{name: each[name] for name in variables.NAMES if name in each} for each in (given, around, in_file)]
    values, bad, found = _validate(layers)
    texts = ChainMap(*layers)
    problems += found
    outside = checks.Outside(strategy_dir, weight_per_minute, weight_max, env_file)
    problems += checks.check(checks.Given(values, texts, bad, outside))
    if problems:
        raise ConfigError(problems)
    return _loaded(values, texts, strategy_dir)


def _validate(layers: list[dict[str, Text]]) -> tuple[Variables, frozenset[str], list[str]]:
    """Values (the default where a text cannot be read), the names of unreadable ones, a line for each."""
    from pydantic import ValidationError

    from tidegate.config.variables import NAMES, read, rule_of

    try:
        return read(layers), frozenset(), []
    except ValidationError as error:
        wrong = {
            str(each["loc"][0]).upper(): str(each.get("ctx", {}).get("error", each["msg"]))
            for each in error.errors(include_url=False, include_input=False)
        }
    texts = ChainMap(*layers)
    lines = [
        problem_line(name, texts[name], wrong[name], rule_of(name).allowed, rule_of(name).example)
        for name in NAMES
        if name in wrong
    ]
    readable = [{name: text for name, text in each.items() if name not in wrong} for each in layers]
    return read(readable), frozenset(wrong), lines


def _unknown(texts: Mapping[str, Text], names: tuple[str, ...]) -> list[str]:
    """A line for each name that is none of ours, without its value: it may be a key with a misspelt name."""
    return [
        f"{fragment(name)} ({text.place}): no such setting"
        + (
            f", did you mean {guess}?"
            if (guess := OTHER_NAMES.get(name) or nearest(name, names))
            else "; python bot.py show-config lists all"
        )
        for name, text in texts.items()
        if name not in names
    ]


def _near_misses(around: Mapping[str, Text], names: tuple[str, ...]) -> dict[str, Text]:
    """The environment's names that were probably meant for us."""
    return {
        name: text
        for name, text in around.items()
        if name not in names and (name.startswith(OUR_PREFIX) or nearest(name, names, NEAR_MISS))
    }


def _loaded(values: Variables, texts: Mapping[str, Text], strategy_dir: Path) -> Loaded:
    from tidegate.config.building import settings_of
    from tidegate.config.rules import TEXT_MAX
    from tidegate.config.variables import meaning_of

    settings = settings_of(values, strategy_dir=str(strategy_dir), database_url=without_password(values.database_url))
    entries = tuple(
        Entry(
            field.upper(),
            shown(field.upper(), text_of(value), TEXT_MAX),
            _source(field.upper(), texts),
            meaning_of(field.upper()),
        )
        for field, value in values
    )
    name, key = key_for(settings.network, {each: getattr(values, each.lower()) for each in PLAIN_KEYS})
    secrets = Secrets(key, values.database_url, values.alert_webhook_url)
    return Loaded(settings, secrets, entries, values.localnet_url, name if key else "")


def _source(name: str, texts: Mapping[str, Text]) -> Source:
    return texts[name].source if name in texts else "default"


def text_of(value: Any) -> str:
    """A value as it is written in a settings file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return ",".join(f"{key}={each}" for key, each in value.items())
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)
