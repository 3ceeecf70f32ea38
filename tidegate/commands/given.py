"""What a command is given: settings from its options, the environment and `.env`, checked, and the key.

Imports nothing heavy: `--help` must be there at once.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.errors import ConfigError

if TYPE_CHECKING:
    from tidegate.config import Loaded

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "bot.py"
"""What a localnet of our own is started with."""
STRATEGIES = ROOT / "strategies"
EXIT_CONFIGURATION = 2

Set = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any setting; beats all else.")]


def load_settings(cli: Mapping[str, str]) -> "Loaded":
    """Every setting: from `cli` (named as in `.env`), the environment, `.env`. Raises ConfigError with all problems."""
    from tidegate.config import SECRETS_IN_ENVIRONMENT, forget_secrets, load
    from tidegate.hyperliquid.limits import weight_per_minute

    try:
        return load(cli, os.environ, Path(".env"), weight_per_minute=weight_per_minute, strategy_dir=STRATEGIES)
    finally:
        if any(map(os.environ.get, SECRETS_IN_ENVIRONMENT)):
            from tidegate.keys import erase

            erase(SECRETS_IN_ENVIRONMENT)
            forget_secrets(os.environ)


def with_key(loaded: "Loaded") -> "Loaded":
    """For commands that sign: from here on nobody else reads this process."""
    from tidegate.keys import seal, unlocked

    seal()
    return unlocked(loaded, os.environ, Path(".env"))


@contextmanager
def noting(problems: list[str]) -> Iterator[None]:
    """Go on after a problem of the user's, so that all of them are told at once."""
    try:
        yield
    except ConfigError as error:
        problems.extend(error.problems)


def pairs(settings: list[str]) -> dict[str, str]:
    """What `--set` was given, by name."""
    wrong = sum("=" not in each for each in settings)
    problems = ["--set: expected NAME=VALUE, example: --set LEVERAGE=2"] * min(wrong, 1)
    if problems:
        raise ConfigError(problems)
    return dict(each.split("=", 1) for each in settings)
