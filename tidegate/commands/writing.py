"""Commands that write files for a person to go on with: a new strategy."""

import keyword
import os
import re
from pathlib import Path
from typing import Annotated

import typer

from tidegate.commands import given
from tidegate.errors import ConfigError

NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")

TEMPLATE = '''"""Say here in a line what you bet on, and beneath when it loses."""

from dataclasses import dataclass

import pandas as pd

from tidegate.indicators import atr, ema, settled
from tidegate.strategy import Strategy, crossed_above, param, price_text


@dataclass(frozen=True)
class CLASS(Strategy):
    """Long when the fast average crosses above the slow one, out below; stop two average ranges away."""

    # The parameters: typed, with a range. STRATEGY_PARAMS=fast=8,slow=34 sets them.
    fast: int = param(12, low=2, high=100, meaning="bars of the fast average")
    slow: int = param(26, low=3, high=500, meaning="bars of the slow average")
    stop_atr: float = param(2.0, low=0.1, high=20, meaning="distance of the stop in average true ranges")

    @property
    def warm_up_bars(self) -> int:
        """So many bars it needs before it may speak."""
        return settled(max(self.slow, 27)) + 1

    def problems(self) -> list[str]:
        """How parameters must go together."""
        return [] if self.fast < self.slow else [f"fast={self.fast} must be less than slow={self.slow}"]

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """One wish a bar. `bars`: closed candles, oldest first. A row may look at bars up to its own only."""
        close = bars["close"]
        fast, slow = ema(close, self.fast), ema(close, self.slow)
        return self.wishes(
            bars,
            long=crossed_above(fast, slow),
            flat=fast < slow,
            stop=close - self.stop_atr * atr(bars, 14),
            reason=lambda row: f"average {price_text(fast.iloc[row])}, the slow one {price_text(slow.iloc[row])}",
        )
'''


def new_strategy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and _; the file's name.")],
) -> None:
    """Write a strategy to begin with, which runs and trades as it stands."""
    path = written(given.STRATEGIES, name)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    typer.echo(f"written: {shown}, a strategy that trades as it stands; edit its class, then")
    typer.echo(f"  python bot.py backtest {name}        says what it would have earned")
    typer.echo(f"  python bot.py --strategy {name}      trades it with play money")
    typer.echo("  python bot.py strategies            lists it, or says what is wrong with it")
    typer.echo("docs/strategies.md has the rules and the words.")


def written(folder: Path, name: str) -> Path:
    """Write the strategy `name` into `folder` and give its path; raise ConfigError rather than write over anything."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError([f"{name!r} is no name for a strategy: small letters, digits and _, example: my_momentum"])
    path = folder / f"{name}.py"
    class_name = "".join(part.capitalize() for part in name.split("_"))
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
        # Made here or not at all; and writable by its owner only, or the bot would refuse it.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
            file.write(TEMPLATE.replace("CLASS", class_name))
    except FileExistsError as error:
        raise ConfigError([f"{path} is there already and stays as it is; choose another name"]) from error
    except OSError as error:
        raise ConfigError([f"{path} cannot be written: {error.strerror}"]) from error
    return path
