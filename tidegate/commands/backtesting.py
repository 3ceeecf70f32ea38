"""The command `backtest`: a strategy over candles that are at hand, within seconds, and what it would have earned."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.commands.given import STRATEGIES, Set, load_settings, noting, pairs
from tidegate.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from tidegate.backtest.engine import Played
    from tidegate.backtest.rules import Rules
    from tidegate.discovery import StrategySource
    from tidegate.history import History
    from tidegate.model.market import Timeframe
    from tidegate.model.settings import Settings
    from tidegate.strategy import Strategy

PROGRESS_AFTER_S = 2.0
FEW_TRADES = 30
AMBIGUOUS_MAX = 0.05


@dataclass(frozen=True)
class _Asked:
    """What stands on the command line, checked."""

    coins: tuple[str, ...]
    timeframe: "Timeframe"
    begin_ms: int | None
    end_ms: int | None
    data: str
    finer: "Timeframe | None"


def backtest(
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="The name of a file in strategies/.")],
    coins: Annotated[str | None, typer.Option(metavar="NAMES", help="Coins, with commas between; else COINS.")] = None,
    begin: Annotated[str, typer.Option("--from", metavar="MOMENT", help="2025-01-31 or 2025-01-31T12:00, UTC.")] = "",
    end: Annotated[str, typer.Option("--to", metavar="MOMENT", help="Not included.")] = "",
    timeframe: Annotated[str | None, typer.Option(metavar="LENGTH", help="1m, 5m, 1h …; else TIMEFRAME.")] = None,
    data: Annotated[
        str, typer.Option(metavar="PATH", help="A file, a folder of files or a database; else the bot's own database.")
    ] = "",
    equity: Annotated[float, typer.Option(min=1, metavar="USD", help="What the account begins with.")] = 10_000.0,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the strategy.")
    ] = None,
    finer: Annotated[str, typer.Option(metavar="LENGTH", help="Finer candles decide what came first in a bar.")] = "",
    fee_tier: Annotated[int, typer.Option(min=0, max=6, metavar="N", help="0 to 6, by traded volume.")] = 0,
    slippage: Annotated[float, typer.Option(min=0, metavar="PCT", help="Of the price, for what takes.")] = 0.01,
    funding: Annotated[
        str, typer.Option(metavar="RATE|PATH", help="An hourly rate as a fraction, or a file or folder of rates.")
    ] = "0.0000125",
    time_limit: Annotated[int, typer.Option(min=0, metavar="BARS", help="Close after so many bars; 0 never.")] = 0,
    settings: Set = None,
) -> None:
    """Play a strategy over past candles: what it earned, what it cost, buy-and-hold beside it."""
    from rich.console import Console

    problems: list[str] = []
    cli: dict[str, str] = {"STRATEGY": strategy}
    given: dict[str, str] = {}
    with noting(problems):
        cli |= {name: value for name, value in (("COINS", coins), ("TIMEFRAME", timeframe)) if value is not None}
        cli |= pairs(settings or [])
        given = _parameters(param or [])
    if problems:
        raise ConfigError(problems)
    loaded = load_settings(cli)
    asked = _checked(loaded.settings, begin, end, data or loaded.secrets.database_url, finer)
    console = Console()
    with _progress(console) as say:
        source, made = _strategy(strategy, dict(loaded.settings.strategy_params) | given)
        say("reading candles")
        histories, fine = _histories(asked, made, loaded.settings.network.value)
        rules = _rules(loaded.settings, asked.coins, equity, fee_tier, slippage, funding, time_limit)
        played = _play(made, source, histories, fine, rules, asked, say)
        from tidegate.optimise.causality import foresight

        say("asking whether it sees the future")
        foreseen = foresight(made, histories)
        say("writing the run down")
        from tidegate.backtest.results import save

        place = save(*played.result)
    _show(played, histories, loaded.settings, place, console)
    for line in foreseen:
        console.print(f"warning: {line}", style="red", highlight=False, markup=False, soft_wrap=True)


def moment(text: str, name: str) -> int | None:
    """A moment in UTC as milliseconds; None for no text. Raises ConfigError."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.strip().replace(" ", "T", 1).replace("Z", "+00:00"))
    except ValueError:
        raise ConfigError([f"{name} {text}: not a moment; example: 2025-01-31 or 2025-01-31T12:00 (UTC)"]) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _parameters(given: list[str]) -> dict[str, str]:
    if any("=" not in each for each in given):
        raise ConfigError(["--param: expected NAME=VALUE, example: --param fast=20"])
    return dict(each.split("=", 1) for each in given)


def _checked(settings: "Settings", begin: str, end: str, data: str, finer: str) -> _Asked:
    from tidegate.model.market import Timeframe

    problems: list[str] = []
    begin_ms = end_ms = fine = None
    with noting(problems):
        begin_ms = moment(begin, "--from")
    with noting(problems):
        end_ms = moment(end, "--to")
    if finer:
        fine = next((each for each in Timeframe if each.value == finer), None)
        if fine is None or fine.ms >= settings.timeframe.ms:
            problems.append(f"--finer {finer}: a time frame below {settings.timeframe.value} was expected")
    if begin_ms is not None and end_ms is not None and end_ms <= begin_ms:
        problems.append(f"--to {end}: it must lie after --from {begin}")
    if problems:
        raise ConfigError(problems)
    return _Asked(settings.coins, settings.timeframe, begin_ms, end_ms, data, fine)


def _strategy(name: str, given: dict[str, str]) -> "tuple[StrategySource, Strategy]":
    from tidegate.discovery import load, read_source

    source = read_source(STRATEGIES, name)
    return source, load(source).from_text(given)


def _histories(
    asked: _Asked, strategy: "Strategy", network: str
) -> "tuple[list[History], dict[str, History]]":  # fmt: skip
    """The candles of every coin, with what the strategy needs to warm up before `--from` when it is there."""
    from tidegate.history import load

    venue = network if network != "localnet" else "mainnet"
    try:
        needed = strategy.bars_needed(asked.timeframe.ms)
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    from_ms = None if asked.begin_ms is None else asked.begin_ms - (needed + 1) * asked.timeframe.ms
    found: list[History] = []
    fine: dict[str, History] = {}
    problems: list[str] = []
    for coin in asked.coins:
        with noting(problems):
            found.append(load(asked.data, coin, asked.timeframe, from_ms, asked.end_ms, venue=venue))
        if asked.finer is not None:
            with noting(problems):
                fine[coin] = load(asked.data, coin, asked.finer, asked.begin_ms, asked.end_ms, venue=venue)
    if problems:
        raise ConfigError([*problems, "other candles: --data PATH; docs/backtesting.md says what can be read"])
    return found, fine


def _rules(
    settings: "Settings",
    coins: tuple[str, ...],
    equity: float,
    tier: int,
    slippage: float,
    funding: str,
    time_limit: int,
) -> "Rules":
    from tidegate.backtest.rules import Rules, fee_tier
    from tidegate.history.funding import load_funding

    try:
        rates: Any = float(funding)
    except ValueError:
        rates = load_funding(Path(funding), coins)
    fees = fee_tier(tier)
    return Rules.of(
        settings,
        equity_usd=equity,
        taker_fee=fees.taker,
        maker_fee=fees.maker,
        slippage_pct=slippage,
        funding=rates,
        time_limit_bars=time_limit,
    )


def _play(
    strategy: "Strategy", source: "StrategySource", histories: "list[History]", fine: "dict[str, History]",
    rules: "Rules", asked: _Asked, say: Callable[[str], None],
) -> "Played":  # fmt: skip
    from tidegate import __version__
    from tidegate.backtest.engine import play
    from tidegate.discovery import in_words

    try:
        return play(
            strategy,
            histories,
            rules,
            finer=fine,
            begin_ms=asked.begin_ms,
            name=source.name,
            code_version=f"{__version__}+{source.sha256[:12]}",
            progress=say,
        )
    except ConfigError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ConfigError([f"{source.name}: {in_words(error, source.path)}"]) from error


@contextmanager
def _progress(console: "Console") -> Iterator[Callable[[str], None]]:
    """A line that turns while something runs; where nobody watches, a line for each step of a long run."""
    begun_s = time.monotonic()
    with console.status("starting") as status:

        def say(what: str) -> None:
            status.update(what)
            if not console.is_terminal and time.monotonic() - begun_s > PROGRESS_AFTER_S:
                print(f"{what} …", file=sys.stderr, flush=True)  # noqa: T201 - beside the table, which may go to a file

        yield say


def _show(played: "Played", histories: "list[History]", settings: "Settings", place: Path, console: "Console") -> None:
    from rich.table import Table

    from tidegate.backtest.rules import not_played
    from tidegate.reports.metrics import metrics

    run, figures = played.result.run, metrics(played.result)
    span = " to ".join(f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}" for at in (run.begin_ms, run.end_ms))
    told = ", ".join(f"{name}={value}" for name, value in run.parameters.items())
    console.print(f"{run.strategy} on {', '.join(run.coins)}, {run.timeframe}, {span} UTC", highlight=False)
    console.print(f"parameters: {told or 'none'}", highlight=False)
    table = Table("", "strategy", "buy and hold", box=None, header_style="bold", pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in _rows(figures, played):
        table.add_row(*row)
    console.print()
    console.print(table, highlight=False)
    console.print()
    for history in histories:
        for remark in history.remarks:
            console.print(f"{history.coin} candles: {remark}", highlight=False, markup=False, soft_wrap=True)
    for line in (*not_played(settings), *warnings_of(played)):
        console.print(f"note: {line}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"run {run.id} in {place}/", highlight=False, markup=False, soft_wrap=True)
    console.print(f"report: python bot.py report {run.id}", highlight=False, markup=False, soft_wrap=True)


def _rows(figures: dict[str, float | None], played: "Played") -> list[tuple[str, str, str]]:
    def share(name: str) -> str:
        value = figures.get(name)
        return "-" if value is None else f"{value:+.2%}" if "return" in name or "drawdown" in name else f"{value:.1%}"

    def usd(value: float | None) -> str:
        return "-" if value is None else f"{value:,.2f}"

    equity, held = played.result.equity["equity"], played.result.benchmark
    return [
        ("return", share("total_return"), share("benchmark_return")),
        ("deepest drawdown", share("max_drawdown"), share("benchmark_max_drawdown")),
        ("final equity, USD", usd(float(equity.iloc[-1])), usd(float(held.iloc[-1]))),
        ("trades", f"{len(played.result.trades):,}", "-"),
        ("won", share("win_rate"), "-"),
        ("time in the market", share("exposure_time"), "-"),
        ("fees, USD", usd(figures.get("fees")), "-"),
        ("funding, USD", usd(figures.get("funding")), "-"),
        ("slippage, USD", usd(figures.get("slippage")), "-"),
    ]


def warnings_of(played: "Played") -> list[str]:
    """What should keep a person from believing the figures above too soon."""
    trades, lines = played.result.trades, list(played.remarks)
    net = trades["net"]
    if not len(trades):
        lines.append("no trade was made")
    elif len(trades) < FEW_TRADES:
        lines.append(f"{len(trades)} trades are few: below {FEW_TRADES} luck and skill look the same")
    if len(trades) > 1 and net.sum() > 0 >= net.sum() - net.max():
        best = trades.iloc[int(net.to_numpy().argmax())]
        which = f"{best['coin']}, {best['opened']:%Y-%m-%d}, {best['net']:+,.2f} USD"
        lines.append(f"without its best trade ({which}) it earned nothing")
    ended = trades["reason"].eq("liquidation").sum()
    if ended:
        lines.append(f"{ended} positions were liquidated")
    unclear = trades["ambiguous"].mean() if len(trades) else 0.0
    if unclear > AMBIGUOUS_MAX:
        lines.append(
            f"in {unclear:.0%} of the trades a bar does not tell what came first, the worse was taken: "
            "--finer 1m decides where finer candles are at hand"
        )
    lines.extend(f"{count:,} entries were refused: {why}" for why, count in played.refused.items())
    return lines
