"""What is looked over before money is at stake: told line by line, and demanded before a session on mainnet."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tidegate.commands.given import PROGRAM
from tidegate.commands.operating import last_status
from tidegate.errors import StorageError
from tidegate.model.settings import Network, Preflight

if TYPE_CHECKING:
    from tidegate.config import Loaded
    from tidegate.doctor import Finding

EXIT_SAFETY = 4


def told(finding: "Finding") -> "Finding":
    """Print a finding."""
    from tidegate.doctor import Grade, line_of

    colours = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.FAIL: "red"}
    typer.secho(line_of(finding), fg=colours.get(finding.grade))
    return finding


def before_going_live(loaded: "Loaded", new_stream: Any, program: Path = PROGRAM) -> int:
    """The exit code with which a session must not begin; 0 when it may.

    The checks of `preflight` are made where PREFLIGHT asks for them and orders would leave. Where this bot holds a
    position they wait: what is open is guarded first.
    """
    settings = loaded.settings
    live = settings.network is Network.MAINNET or settings.preflight is Preflight.ALWAYS
    if settings.dry_run or not live or settings.preflight is Preflight.NEVER:
        return 0
    if coins := _held(loaded):
        typer.echo(f"preflight waits: a position in {', '.join(coins)} was open, and guarding it comes first")
        return 0
    from tidegate.doctor import Examination, exit_code

    code = exit_code(map(told, Examination(loaded, program, new_stream, order=True).findings()))
    if not code:
        return 0
    typer.secho(
        f"preflight failed: nothing is traded on {settings.network.value}; mend what FAIL says and start again "
        "(python bot.py preflight looks anew), or PREFLIGHT=never",
        fg="red",
        err=True,
    )
    return EXIT_SAFETY if code == 1 else code


def _held(loaded: "Loaded") -> list[str]:
    """Coins in which the bot that ran last on this database held something, on this network."""
    try:
        status = last_status(loaded.secrets.database_url)
    except StorageError:
        return []
    same = status.network == loaded.settings.network.value
    return [each.coin for each in status.positions] if same else []
