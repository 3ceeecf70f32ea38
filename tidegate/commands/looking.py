"""Commands that only look: the strategies, the running bot, the settings."""

import typer

from tidegate.commands.given import EXIT_CONFIGURATION, STRATEGIES, Set, load_settings, pairs
from tidegate.commands.operating import is_alive, last_status

STALE_AFTER_S = 30
"""A bot tells about once a second how it does: after so long it is not up, whatever its process does."""


def strategies() -> None:
    """List the strategies and their parameters."""
    from rich.console import Console

    from tidegate.discovery import listing
    from tidegate.screen import show_strategies

    sound = show_strategies(listing(STRATEGIES), Console())
    raise typer.Exit(0 if sound else EXIT_CONFIGURATION)


def status(settings: Set = None) -> None:
    """Show the running bot: stream, positions, profit."""
    from rich.console import Console

    from tidegate.screen import show_status

    found = last_status(load_settings(pairs(settings or [])).secrets.database_url)
    show_status(found, is_alive(found.pid), Console())


def metrics(settings: Set = None) -> None:
    """Print the running bot's status as numbers for a monitoring system (Prometheus)."""
    import time

    from tidegate.metrics import exposition

    found = last_status(load_settings(pairs(settings or [])).secrets.database_url)
    age_s = max(0.0, time.time() - found.wall_ms / 1000)
    typer.echo(exposition(found, alive=is_alive(found.pid) and age_s < STALE_AFTER_S, age_s=age_s), nl=False)


def show_config(settings: Set = None) -> None:
    """Show every setting and where it came from."""
    from rich.console import Console

    from tidegate.config import describe
    from tidegate.screen import show_config

    show_config(describe(load_settings(pairs(settings or []))), Console())
