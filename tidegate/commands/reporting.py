"""Commands that tell what a run was worth: `report` and `compare`."""

from pathlib import Path
from typing import Annotated

import typer

Tried = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="How many sets of parameters were tried; else the run's own trials."),
]
RUN_WORDS = "Its id, the beginning of it, its folder, or last."


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_WORDS)] = "last",
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where to write; else beside the run.")] = None,
    tried: Tried = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the other orders of the trades.")] = 1,
) -> None:
    """Write a run's report: one HTML file, and pictures."""
    from tidegate.backtest.results import RUNS, read
    from tidegate.errors import ConfigError
    from tidegate.reports.report import PICTURES, write_report
    from tidegate.reports.search import search_of

    result = read(run)
    place = Path(run) if (Path(run) / "run.json").is_file() else RUNS / result.run.id
    folder = out or place
    try:
        page = write_report(
            result, folder, search_of(place, str(result.run.settings.get("goal", ""))), tried=tried, seed=seed
        )
    except OSError as error:
        raise ConfigError([f"{folder}: cannot be written ({type(error).__name__}: {error})"]) from error
    typer.echo(f"{page}: open it in a browser (pictures in {folder / PICTURES}/)")


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN", help=RUN_WORDS)],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write the page; else data/runs/.")] = None,
) -> None:
    """Show runs side by side: a table here, and an HTML file."""
    from rich.console import Console

    from tidegate.backtest.results import RUNS, read
    from tidegate.errors import ConfigError
    from tidegate.reports.comparison import show, write_comparison

    if len(runs) < 2:
        raise ConfigError([f"{runs[0]}: compare needs two runs or more"])
    results = [read(each) for each in runs]
    show(results, Console())
    path = out or RUNS / f"compare-{'-'.join(result.run.id.rpartition('-')[2] for result in results)}.html"
    try:
        typer.echo(write_comparison(results, path))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be written ({type(error).__name__}: {error})"]) from error
