"""The command `simulate`: a strategy over past candles through the very bot, every order by way of an exchange."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from msgspec.structs import replace

from tidegate.commands import playing
from tidegate.commands.given import Set, noting
from tidegate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate.backtest.results import Result
    from tidegate.config import Loaded
    from tidegate.discovery import StrategySource
    from tidegate.history import History
    from tidegate.model.settings import Settings
    from tidegate.research.wishes import Wishes
    from tidegate.strategy import Strategy

LATENCY_MS = 50


def simulate(
    strategy: playing.Name,
    coins: playing.Coins = None,
    begin: playing.Begin = "",
    end: playing.End = "",
    timeframe: playing.Length = None,
    data: playing.Data = "",
    equity: playing.Equity = playing.EQUITY_USD,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the strategy.")
    ] = None,
    latency: Annotated[
        int, typer.Option(min=0, max=5_000, metavar="MS", help="One way between bot and exchange.")
    ] = LATENCY_MS,
    every_print: Annotated[
        bool,
        typer.Option("--every-print", help="Play quiet stretches print by print, too: slow, the same result."),
    ] = False,
    settings: Set = None,
) -> None:
    """Play a strategy over past candles through the bot itself and a local exchange: slower than backtest."""
    from rich.console import Console

    problems: list[str] = []
    given: dict[str, str] = {}
    span: tuple[int | None, int | None] = (None, None)
    with noting(problems):
        given = playing.named("--param", "20", param)
    with noting(problems):
        span = playing.span(begin, end)
    loaded = playing.settings_for(strategy, coins, timeframe, settings, problems)
    console = Console()
    with playing.progress(console) as say:
        source, made = playing.strategy_of(strategy, dict(loaded.settings.strategy_params) | given)
        plan = _plan(loaded, given, made)
        say("reading candles")
        from_ms = playing.warmed_up_ms(made, plan.timeframe, span[0])
        histories = playing.candles(loaded, data, plan.timeframe, from_ms, span[1])
        how = _How(span[0], Decimal(repr(equity)), latency, every_print)
        result = _play(plan, source, made, histories, how, say)
        say("writing the run down")
        from tidegate.backtest.results import save

        place = save(*result)
    from tidegate.commands.outcome import show
    from tidegate.reports.honesty import of_trades

    notes = [f"the exchange's own fees and funding, {latency} ms one way; {_every(plan)}"]
    show(result, histories, (*notes, *of_trades(result.trades)), place, console)


class _How(NamedTuple):
    """What stands on the command line beside strategy, settings and candles."""

    begin_ms: int | None
    equity_usd: Decimal
    latency_ms: int
    every_print: bool


def _plan(loaded: "Loaded", given: "Mapping[str, str]", strategy: "Strategy") -> "Settings":
    """The bot's settings; it looks at every bar, as a backtest does, unless CHECK_INTERVAL was set.

    It keeps as many bars as the strategy needs, unless CANDLE_HISTORY was set.
    """
    plan = loaded.settings
    seconds = Decimal(plan.timeframe.ms) / 1000
    every = plan.check_interval_s if loaded.sources.get("CHECK_INTERVAL") != "default" else seconds
    kept = plan.candle_history
    if loaded.sources.get("CANDLE_HISTORY") == "default":
        try:
            kept = max(kept, strategy.bars_needed(plan.timeframe.ms) + 1)
        except ValueError as error:
            raise ConfigError([str(error)]) from None
    params = dict(plan.strategy_params) | dict(given)
    return replace(plan, strategy_params=params, check_interval_s=every, candle_history=kept)


def _every(plan: "Settings") -> str:
    return f"CHECK_INTERVAL={plan.check_interval_s.normalize():f}"


def _play(
    plan: "Settings", source: "StrategySource", strategy: "Strategy", histories: "Sequence[History]",
    how: _How, say: playing.Say,
) -> "Result":  # fmt: skip
    from tidegate import __version__
    from tidegate.research.played import result_of, tapes_of
    from tidegate.research.simulation import simulate as run

    try:
        needed = strategy.bars_needed(plan.timeframe.ms)
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    tapes = tapes_of(histories, how.begin_ms, needed)
    say("asking the strategy")
    wishes = _wishes(strategy, source, histories, plan)
    playing_words = "playing the bot against a local exchange"
    say(playing_words)
    simulation = run(
        plan,
        tapes=tapes,
        equity_usd=how.equity_usd,
        latency_ms=how.latency_ms,
        keep_journal=False,
        wishes=wishes,
        every_print=how.every_print,
        progress=lambda at_ms: say(f"{playing_words}: {datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"),
    )
    return result_of(
        simulation,
        histories,
        plan,
        equity_usd=how.equity_usd,
        name=source.name,
        parameters=strategy.values(),
        code_version=f"{__version__}+{source.sha256[:12]}",
        latency_ms=how.latency_ms,
    )


def _wishes(
    strategy: "Strategy", source: "StrategySource", histories: "Sequence[History]", plan: "Settings"
) -> "Wishes | None":
    from tidegate.discovery import in_words
    from tidegate.research.wishes import wishes_of

    try:
        return wishes_of(strategy, source, histories, plan)
    except ConfigError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ConfigError([f"{source.name}: {in_words(error, source.path)}"]) from error
