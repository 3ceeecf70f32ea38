"""The command `coins`: which coins the running bot has, and how one comes or goes while it runs."""

import getpass
import os
import time
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.commands.given import Set, load_settings, pairs
from tidegate.commands.operating import ANSWER_PATIENCE_S, ASK_AGAIN_S, START_PATIENCE_S, is_alive, last_status
from tidegate.errors import ConfigError

if TYPE_CHECKING:
    from tidegate.storage.commands import Asked

LOOK_UP_PATIENCE_S = 15.0
"""What is added is looked up on the exchange first, and waits its turn there."""
WHO_MAX = 60


def coins(
    what: Annotated[
        str, typer.Argument(metavar="[add|remove]", help="Without it the coins are listed.", show_default=False)
    ] = "",
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[COIN]...", help="BTC, btc, BTCUSDT …", show_default=False)
    ] = None,
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the log and the watchlist.")] = "",
    settings: Set = None,
) -> None:
    """List the bot's coins; add or remove one while it runs. Stays so after a restart."""
    if what not in ("", "add", "remove"):
        raise ConfigError([f"coins {what}: nothing that can be done; add or remove, or nothing to list them"])
    if bool(what) is not bool(names):
        raise ConfigError([f"coins {what}: which coin? example: python bot.py coins {what} SOL"])
    url = load_settings(pairs(settings or [])).secrets.database_url
    if not what:
        _list(url)
        return
    for name in names or ():
        _ask(url, what, name, why)


def _list(url: str) -> None:
    from rich.console import Console

    from tidegate.screen import show_coins

    found = last_status(url)
    show_coins(found, is_alive(found.pid), Console())


def _ask(url: str, what: str, name: str, why: str) -> None:
    """Leave the wish, wait for what came of it, show that."""
    from tidegate.logs.cleaning import clean
    from tidegate.storage.commands import answer_to, ask, is_taken

    running = is_alive(last_status(url).pid)
    asked: Asked = ask(url, what, clean(why), coin=clean(name), who=_who())
    begun_s, between = time.monotonic(), Event()
    taken = False
    while (answer := answer_to(url, asked)) is None:
        taken = taken or is_taken(url, asked)
        patience_s = LOOK_UP_PATIENCE_S if taken else ANSWER_PATIENCE_S if running else START_PATIENCE_S
        if time.monotonic() - begun_s > patience_s:
            break
        between.wait(ASK_AGAIN_S)
    if answer is None and taken:
        answer = "the bot is at it: python bot.py coins shows what came of it"
    elif answer is None:
        where = "the bot does not answer" if running else "no bot is running"
        answer = f"{name}: {where}; it is written down and taken by the next one that starts"
    typer.echo(answer)


def _who() -> str:
    """Whoever sits at this terminal."""
    try:
        return getpass.getuser()[:WHO_MAX]
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}"
