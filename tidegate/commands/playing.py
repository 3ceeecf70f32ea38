"""What the commands that play a strategy over past candles have in common: options, candles, costs, a line of progress.

Owns what `backtest`, `simulate` and `optimise` are asked for in the same words. Plays nothing, prints no result.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from tidegate.commands.given import STRATEGIES, load_settings, noting, pairs
from tidegate.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from tidegate.backtest.rules import Rules
    from tidegate.config import Loaded
    from tidegate.discovery import StrategySource
    from tidegate.history import History
    from tidegate.model.market import Timeframe
    from tidegate.model.settings import Settings
    from tidegate.strategy import Strategy

PROGRESS_AFTER_S = 2.0

Name = Annotated[str, typer.Argument(metavar="STRATEGY", help="The name of a file in strategies/.")]
Coins = Annotated[str | None, typer.Option(metavar="NAMES", help="Coins, with commas between; else COINS.")]
Begin = Annotated[str, typer.Option("--from", metavar="MOMENT", help="2025-01-31 or 2025-01-31T12:00, UTC.")]
End = Annotated[str, typer.Option("--to", metavar="MOMENT", help="Not included.")]
Length = Annotated[str | None, typer.Option(metavar="LENGTH", help="1m, 5m, 1h …; else TIMEFRAME.")]
Data = Annotated[
    str, typer.Option(metavar="PATH", help="A file, a folder, a database, made-up; else the bot's own database.")
]
Equity = Annotated[float, typer.Option(min=1, metavar="USD", help="What the account begins with.")]
FeeTier = Annotated[int, typer.Option(min=0, max=6, metavar="N", help="0 to 6, by traded volume.")]
Slippage = Annotated[float, typer.Option(min=0, metavar="PCT", help="Of the price, for what takes.")]
Funding = Annotated[
    str, typer.Option(metavar="RATE|PATH", help="An hourly rate as a fraction, or a file or folder of rates.")
]
EQUITY_USD, SLIPPAGE_PCT, HOURLY_FUNDING = 10_000.0, 0.01, "0.0000125"

Say = Callable[[str], None]


class Costs(NamedTuple):
    """What an account begins with and what trading costs it, as the options say it."""

    equity_usd: float = EQUITY_USD
    fee_tier: int = 0
    slippage_pct: float = SLIPPAGE_PCT
    funding: str = HOURLY_FUNDING


def settings_for(
    strategy: str, coins: str | None, timeframe: str | None, settings: list[str] | None, problems: list[str]
) -> "Loaded":
    """The bot's settings with those of the command line above them. Raises ConfigError, `problems` included."""
    cli: dict[str, str] = {"STRATEGY": strategy}
    cli |= {name: value for name, value in (("COINS", coins), ("TIMEFRAME", timeframe)) if value is not None}
    with noting(problems):
        cli |= pairs(settings or [])
    if problems:
        raise ConfigError(problems)
    return load_settings(cli)


def named(option: str, value: str, given: list[str] | None) -> dict[str, str]:
    """What an option that may stand several times was given, by name; `value` as in an example. Raises ConfigError."""
    if any("=" not in each for each in given or []):
        raise ConfigError([f"{option}: expected NAME=VALUE, example: {option} fast={value}"])
    return dict(each.split("=", 1) for each in given or [])


def moment(text: str, name: str) -> int | None:
    """A moment in UTC as milliseconds; None for no text. Raises ConfigError."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.strip().replace(" ", "T", 1).replace("Z", "+00:00"))
    except ValueError:
        raise ConfigError([f"{name} {text}: not a moment; example: 2025-01-31 or 2025-01-31T12:00 (UTC)"]) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def span(begin: str, end: str) -> tuple[int | None, int | None]:
    """`--from` and `--to` as milliseconds UTC. Raises ConfigError with every problem."""
    problems: list[str] = []
    begin_ms = end_ms = None
    with noting(problems):
        begin_ms = moment(begin, "--from")
    with noting(problems):
        end_ms = moment(end, "--to")
    if begin_ms is not None and end_ms is not None and end_ms <= begin_ms:
        problems.append(f"--to {end}: it must lie after --from {begin}")
    if problems:
        raise ConfigError(problems)
    return begin_ms, end_ms


def strategy_of(name: str, given: dict[str, str]) -> "tuple[StrategySource, Strategy]":
    """The file of a strategy and the strategy with these parameters. Raises ConfigError."""
    from tidegate.discovery import load, read_source

    source = read_source(STRATEGIES, name)
    return source, load(source).from_text(given)


def warmed_up_ms(strategy: "Strategy", timeframe: "Timeframe", begin_ms: int | None) -> int | None:
    """From when on candles are needed so that the strategy can speak at `begin_ms`. Raises ConfigError."""
    try:
        needed = strategy.bars_needed(timeframe.ms)
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    return None if begin_ms is None else begin_ms - (needed + 1) * timeframe.ms


def candles(
    loaded: "Loaded", data: str, timeframe: "Timeframe", begin_ms: int | None, end_ms: int | None
) -> "list[History]":
    """The candles of every coin; without `data` those of the bot's own database. Raises ConfigError with all problems.

    A localnet has no past of its own: there it is mainnet's, and where none of that is at hand a year that is made up.
    """
    from tidegate.history import load
    from tidegate.history.made_up import NAME as MADE_UP

    settings = loaded.settings
    venue = settings.network.value if settings.network.value != "localnet" else "mainnet"
    found: list[History] = []
    problems: list[str] = []
    for coin in settings.coins:
        with noting(problems):
            path = data or loaded.secrets.database_url
            found.append(load(path, coin, timeframe, begin_ms, end_ms, venue=venue))
    if problems and not found and not data and settings.network.value == "localnet":
        return candles(loaded, MADE_UP, timeframe, begin_ms, end_ms)
    if problems:
        others = f"other candles: --data PATH, or --data {MADE_UP}; docs/backtesting.md says what can be read"
        raise ConfigError([*dict.fromkeys(problems), others])
    return found


def rules_of(settings: "Settings", costs: Costs, time_limit_bars: int = 0) -> "Rules":
    """The account that a backtest plays: the bot's settings and the costs. Raises ConfigError."""
    from tidegate.backtest.rules import Rules, fee_tier
    from tidegate.history.funding import load_funding

    try:
        rates: Any = float(costs.funding)
    except ValueError:
        rates = load_funding(Path(costs.funding), settings.coins)
    fees = fee_tier(costs.fee_tier)
    return Rules.of(
        settings,
        equity_usd=costs.equity_usd,
        taker_fee=fees.taker,
        maker_fee=fees.maker,
        slippage_pct=costs.slippage_pct,
        funding=rates,
        time_limit_bars=time_limit_bars,
    )


@contextmanager
def progress(console: "Console") -> Iterator[Say]:
    """A line that turns while something runs; where nobody watches, a line for each step of a long run."""
    begun_s = time.monotonic()
    told = ""
    with console.status("starting") as status:

        def say(what: str) -> None:
            nonlocal told
            status.update(what)
            if what != told and not console.is_terminal and time.monotonic() - begun_s > PROGRESS_AFTER_S:
                told = what
                print(f"{what} …", file=sys.stderr, flush=True)  # noqa: T201 - beside the table, which may go to a file

        yield say
