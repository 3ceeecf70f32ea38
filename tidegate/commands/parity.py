"""The command `parity`: the same strategy by backtest, simulation and the bot itself, trade by trade."""

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from tidegate.commands import playing
from tidegate.commands.given import PROGRAM, Set, noting
from tidegate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.config import Loaded
    from tidegate.model.settings import Settings

EXIT_UNEXPLAINED = 1
LATENCY_MS = 50


def parity(
    strategy: playing.Name,
    data: Annotated[
        list[Path], typer.Option(metavar="FILE", help="Candles called like BTC_1m_….parquet or .csv, one file a coin.")
    ],
    begin: playing.Begin,
    end: playing.End,
    timeframe: playing.Length = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the strategy.")
    ] = None,
    slippage: playing.Slippage = playing.SLIPPAGE_PCT,
    latency: Annotated[
        int, typer.Option(min=0, max=1_000, metavar="MS", help="One way between bot and exchange, simulated.")
    ] = LATENCY_MS,
    speed: Annotated[
        float, typer.Option(min=0, max=1_000, metavar="N", help="How much faster the bot's replay runs; 0: no bot.")
    ] = 60.0,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the report as a page, too.")] = None,
    settings: Set = None,
) -> None:
    """Play a strategy by backtest, simulation and the bot itself: every trade, what differs and why."""
    from rich.console import Console

    problems: list[str] = []
    given: dict[str, str] = {}
    span: tuple[int | None, int | None] = (None, None)
    files: dict[str, Path] = {}
    with noting(problems):
        given = playing.named("--param", "20", param)
    with noting(problems):
        span = playing.span(begin, end)
    with noting(problems):
        files = _by_coin(data)
    loaded = playing.settings_for(strategy, ",".join(files), timeframe, settings, problems)
    console = Console(record=html is not None)
    from tidegate.parity.playing import Asked, compare
    from tidegate.parity.replayed import Bot
    from tidegate.parity.showing import show

    with tempfile.TemporaryDirectory(prefix="parity-") as folder, playing.progress(console) as say:
        plan = _plan(loaded, given)
        _source, made = playing.strategy_of(strategy, dict(plan.strategy_params))
        assert span[0] is not None
        assert span[1] is not None
        asked = Asked(plan, files, span[0], span[1], speed or 1.0, latency, slippage)
        bot = Bot(PROGRAM, Path(folder), plan) if speed else None
        report = compare(asked, made, bot, say)
    show(report, console)
    if html is not None:
        html.write_text(console.export_html(), encoding="utf-8")
    raise typer.Exit(EXIT_UNEXPLAINED if report.unexplained else 0)


def _by_coin(paths: list[Path]) -> dict[str, Path]:
    """The files by the coins that they are called after. Raises ConfigError."""
    problems = [f"--data {path}: there is no such file" for path in paths if not path.is_file()]
    files: dict[str, Path] = {}
    for path in paths:
        coin = path.name.split("_")[0].split(".")[0].split("-")[0]
        if coin in files:
            problems.append(f"--data {path}: a second file of {coin}; one a coin was expected")
        files[coin] = path.resolve()
    if problems:
        raise ConfigError(problems)
    return files


def _plan(loaded: "Loaded", given: "Mapping[str, str]") -> "Settings":
    """The bot's settings; it looks at every bar, as a backtest does, unless CHECK_INTERVAL was set."""
    plan = loaded.settings
    seconds = Decimal(plan.timeframe.ms) / 1000
    every = plan.check_interval_s if loaded.sources.get("CHECK_INTERVAL") != "default" else seconds
    return replace(plan, strategy_params=dict(plan.strategy_params) | dict(given), check_interval_s=every)
