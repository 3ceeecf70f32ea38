"""The command `backtest`: a strategy over candles that are at hand, within seconds, and what it would have earned."""

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.commands import playing
from tidegate.commands.given import Set, noting
from tidegate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate.backtest.engine import Played
    from tidegate.backtest.rules import Rules
    from tidegate.discovery import StrategySource
    from tidegate.history import History
    from tidegate.model.market import Timeframe
    from tidegate.strategy import Strategy

AMBIGUOUS_MAX = 0.05


def backtest(
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
    finer: Annotated[str, typer.Option(metavar="LENGTH", help="Finer candles decide what came first in a bar.")] = "",
    fee_tier: playing.FeeTier = 0,
    slippage: playing.Slippage = playing.SLIPPAGE_PCT,
    funding: playing.Funding = playing.HOURLY_FUNDING,
    time_limit: Annotated[int, typer.Option(min=0, metavar="BARS", help="Close after so many bars; 0 never.")] = 0,
    settings: Set = None,
) -> None:
    """Play a strategy over past candles: what it earned, what it cost, buy-and-hold beside it."""
    from rich.console import Console

    problems: list[str] = []
    given: dict[str, str] = {}
    with noting(problems):
        given = playing.named("--param", "20", param)
    loaded = playing.settings_for(strategy, coins, timeframe, settings, problems)
    begin_ms, end_ms, fine = _checked(begin, end, finer, loaded.settings.timeframe)
    console = Console()
    with playing.progress(console) as say:
        source, made = playing.strategy_of(strategy, dict(loaded.settings.strategy_params) | given)
        say("reading candles")
        from_ms = playing.warmed_up_ms(made, loaded.settings.timeframe, begin_ms)
        histories = playing.candles(loaded, data, loaded.settings.timeframe, from_ms, end_ms)
        finer_ones = playing.candles(loaded, data, fine, begin_ms, end_ms) if fine else []
        costs = playing.Costs(equity, fee_tier, slippage, funding)
        rules = playing.rules_of(loaded.settings, costs, time_limit)
        played = _play(made, source, histories, {each.coin: each for each in finer_ones}, rules, begin_ms, say)
        from tidegate.optimise.causality import foresight

        say("asking whether it sees the future")
        foreseen = foresight(made, histories)
        say("writing the run down")
        from tidegate.backtest.results import save

        place = save(*played.result)
    from tidegate.backtest.rules import not_played
    from tidegate.commands.outcome import show, warn

    show(played.result, histories, (*not_played(loaded.settings), *warnings_of(played)), place, console)
    warn(foreseen, console)


def _checked(begin: str, end: str, finer: str, own: "Timeframe") -> "tuple[int | None, int | None, Timeframe | None]":
    from tidegate.model.market import Timeframe

    problems: list[str] = []
    begin_ms = end_ms = None
    with noting(problems):
        begin_ms, end_ms = playing.span(begin, end)
    fine = next((each for each in Timeframe if each.value == finer), None)
    if finer and (fine is None or fine.ms >= own.ms):
        problems.append(f"--finer {finer}: a time frame below {own.value} was expected")
    if problems:
        raise ConfigError(problems)
    return begin_ms, end_ms, fine


def _play(
    strategy: "Strategy", source: "StrategySource", histories: "Sequence[History]", fine: "Mapping[str, History]",
    rules: "Rules", begin_ms: int | None, say: playing.Say,
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
            begin_ms=begin_ms,
            name=source.name,
            code_version=f"{__version__}+{source.sha256[:12]}",
            progress=say,
        )
    except ConfigError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ConfigError([f"{source.name}: {in_words(error, source.path)}"]) from error


def warnings_of(played: "Played") -> list[str]:
    """What should keep a person from believing the figures above too soon."""
    from tidegate.reports.honesty import of_trades

    trades, lines = played.result.trades, list(played.remarks)
    lines.extend(of_trades(trades))
    unclear = trades["ambiguous"].mean() if len(trades) else 0.0
    if unclear > AMBIGUOUS_MAX:
        lines.append(
            f"in {unclear:.0%} of the trades a bar does not tell what came first, the worse was taken: "
            "--finer 1m decides where finer candles are at hand"
        )
    lines.extend(f"{count:,} entries were refused: {why}" for why, count in played.refused.items())
    return lines
