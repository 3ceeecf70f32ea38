"""Commands to a running bot: a wish is left in the database, the bot takes it, its answer is shown."""

import os
import time
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.commands.given import Set, load_settings, pairs
from tidegate.errors import StorageError

if TYPE_CHECKING:
    from tidegate.config import Loaded
    from tidegate.model.status import Status

ANSWER_PATIENCE_S, START_PATIENCE_S, ASK_AGAIN_S = 5.0, 2.0, 0.1

Reason = Annotated[str, typer.Argument(metavar="[REASON]", help="Why, for the log.", show_default=False)]


def pause(reason: Reason = "", settings: Set = None) -> None:
    """No more entries; positions keep their stops. Stays on after a restart."""
    ask_the_bot("pause", reason, load_settings(pairs(settings or [])))


def resume(reason: Reason = "", settings: Set = None) -> None:
    """Lift pause, daily loss and drawdown."""
    ask_the_bot("resume", reason, load_settings(pairs(settings or [])))


def ask_the_bot(name: str, reason: str, loaded: "Loaded") -> bool:
    """Leave a wish for the bot, wait for its answer, show it; False when no bot is there to take it."""
    from tidegate.logs.cleaning import clean
    from tidegate.screen import show_answer
    from tidegate.storage.commands import ask, is_taken

    url = loaded.secrets.database_url
    running = is_alive(last_status(url).pid)
    asked = ask(url, name, clean(reason) or f"asked by `python bot.py {name}`")
    until_s = time.monotonic() + (ANSWER_PATIENCE_S if running else START_PATIENCE_S)
    between = Event()
    while not is_taken(url, asked):
        if time.monotonic() > until_s:
            where = "it does not answer" if running else "no bot is running"
            typer.echo(f"{name}: {where}; it is written down and taken by the next one that starts")
            return running
        between.wait(ASK_AGAIN_S)
    show_answer(name, last_status(url), typer.echo)
    return True


def last_status(url: str) -> "Status":
    """What the bot on this database left for others to see. Raises StorageError when there is nothing to be read."""
    import msgspec

    from tidegate.model.status import Status
    from tidegate.storage.status import read_status

    payload = read_status(url)
    if payload is None:
        raise StorageError("no bot has run on this database yet: start one with python bot.py")
    try:
        return msgspec.json.decode(payload, type=Status)
    except msgspec.DecodeError:
        raise StorageError("the bot that ran last was of another version: its status cannot be read here") from None


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
