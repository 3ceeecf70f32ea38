"""The command `optimise`: search a strategy's parameters, on one machine or several, and say how far to believe it."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.commands import playing
from tidegate.commands.given import STRATEGIES, Set, noting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.backtest.rules import Rules
    from tidegate.history import History
    from tidegate.optimise.boards import Board
    from tidegate.optimise.engines import Engine
    from tidegate.optimise.planning import Plan
    from tidegate.optimise.running import Optimisation, Wish

EXIT_INTERRUPTED = 130
STORAGE_VARIABLE = "OPTIMISE_STORAGE"
ENGINES = ("processes", "dask", "serial")


@dataclass(frozen=True)
class _Where:
    """Who judges, and where the rows are kept."""

    engine: str
    scheduler: str
    jobs: int
    storage: str
    patience_s: int

    def problems(self) -> list[str]:
        found = []
        if self.engine not in ENGINES:
            found.append(f"--engine {self.engine}: {', '.join(ENGINES)} are there")
        if (self.engine == "dask") is not bool(self.scheduler):
            found.append("--engine dask and --scheduler tcp://host:port belong together")
        return found


def optimise(
    strategy: playing.Name,
    coins: playing.Coins = None,
    begin: playing.Begin = "",
    end: playing.End = "",
    timeframe: playing.Length = None,
    data: playing.Data = "",
    trials: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many; 100 if not said, a grid all of its points.")
    ] = None,
    goal: Annotated[
        str, typer.Option(metavar="NAMES", help="sharpe, net, calmar, drawdown …; several with commas between.")
    ] = "sharpe",
    sampler: Annotated[
        str, typer.Option(metavar="NAME", help="tpe, grid, cmaes or nsga2; else tpe, for several goals nsga2.")
    ] = "",
    ranges: Annotated[
        list[str] | None,
        typer.Option("--range", metavar="NAME=RANGE", help="LOW:HIGH, LOW:HIGH:STEP or A,B,C; else its own."),
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter that stays so.")
    ] = None,
    walk_forward: Annotated[int, typer.Option(min=0, metavar="K", help="Folds of a walk-forward.")] = 0,
    purge: Annotated[int, typer.Option(min=0, metavar="BARS", help="Left out between search and play of a fold.")] = 0,
    jobs: Annotated[int, typer.Option(min=0, metavar="N", help="Worker processes; 0: one a processor.")] = 0,
    engine: Annotated[str, typer.Option(metavar="NAME", help="processes, dask or serial.")] = "processes",
    scheduler: Annotated[str, typer.Option(metavar="URL", help="Of the Dask cluster: tcp://host:8786.")] = "",
    storage: Annotated[
        str, typer.Option(metavar="URL", help="Share the search: postgresql+psycopg://user@host/name on every host.")
    ] = "",
    patience: Annotated[
        int, typer.Option(min=2, metavar="SECONDS", help="Silent for so long, a host has lost its trials to others.")
    ] = 60,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same number: the same trials.")] = 1,
    batch: Annotated[
        int, typer.Option(min=2, metavar="N", help="Trials drawn at a time; the same number: the same trials.")
    ] = 20,
    equity: playing.Equity = playing.EQUITY_USD,
    fee_tier: playing.FeeTier = 0,
    slippage: playing.Slippage = playing.SLIPPAGE_PCT,
    funding: playing.Funding = playing.HOURLY_FUNDING,
    settings: Set = None,
) -> None:
    """Search a strategy's parameters, and say how far to believe what is found."""
    # Taken out of the environment: no child process is to see an address that holds a password.
    where = _Where(engine, scheduler, jobs, storage or os.environ.pop(STORAGE_VARIABLE, ""), patience)
    problems = where.problems()
    wish: Wish | None = None
    with noting(problems):
        search = (goal, sampler, trials, batch, seed)
        wish = _wish(strategy, search, ranges or [], param or [], (walk_forward, purge), (begin, end))
    loaded = playing.settings_for(strategy, coins, timeframe, settings, problems)
    assert wish is not None  # else there was a problem
    # From the first one on: candles before `--from` warm the indicators up.
    histories = playing.candles(loaded, data, loaded.settings.timeframe, None, wish.end_ms)
    rules = playing.rules_of(loaded.settings, playing.Costs(equity, fee_tier, slippage, funding))
    _run(wish, histories, rules, where)


def _wish(
    name: str,
    search: tuple[str, str, int | None, int, int],
    ranges: list[str],
    fixed: list[str],
    folds: tuple[int, int],
    span: tuple[str, str],
) -> "Wish":
    from tidegate.discovery import load, read_source
    from tidegate.optimise.judging import goals_of
    from tidegate.optimise.running import Wish
    from tidegate.optimise.space import space_of

    goal, sampler, trials, batch, seed = search
    source = read_source(STRATEGIES, name)
    goals = goals_of(goal)
    fixed_ones = playing.named("--param", "20", fixed)
    space = space_of(load(source).parameters(), playing.named("--range", "5:50", ranges), fixed_ones)
    chosen = sampler or ("nsga2" if len(goals) > 1 else "tpe")
    number = trials or (None if chosen == "grid" else 100)
    begin_ms, end_ms = playing.span(*span)
    return Wish(source, space, goals, chosen, number, batch, *folds, begin_ms, end_ms, seed)


def _run(wish: "Wish", histories: "Sequence[History]", rules: "Rules", where: _Where) -> None:
    from rich.console import Console

    from tidegate.optimise.running import Optimisation
    from tidegate.optimise.showing import introduce, show_found, telling

    console = Console()
    one = Optimisation(wish, histories, rules)
    introduce(one, wish, histories, console)
    engine = _engine(where, histories)
    try:
        with telling(console) as tell:
            found = one.searched(engine, lambda name, plan: _board(where, one, name, plan), tell)
    except KeyboardInterrupt:
        console.print(f"interrupted; what is done is kept in {one.folder}/, the same command goes on", highlight=False)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    finally:
        engine.close()
    show_found(found, wish.goals, one.plan.maximise, console)


def _engine(where: _Where, histories: "Sequence[History]") -> "Engine":
    if where.engine == "dask":
        from tidegate.optimise.cluster import Dask

        return Dask(histories, where.scheduler)
    if where.engine == "serial":
        from tidegate.optimise.engines import Serial

        return Serial(histories)
    from tidegate.optimise.processes import Processes

    return Processes(histories, where.jobs or os.cpu_count() or 1)


def _board(where: _Where, one: "Optimisation", name: str, plan: "Plan") -> "Board":
    if not where.storage:
        return one.local_board(name, plan)
    from tidegate.optimise.shared import SharedBoard

    return SharedBoard(where.storage, f"{one.run.id}/{name}", plan, where.patience_s)
