"""Commands that mend and try: the database, the alerts."""

import typer

from tidegate.commands.given import PROGRAM, Set, load_settings, pairs, with_key
from tidegate.errors import ConfigError, ExchangeError


def repair(settings: Set = None) -> None:
    """Set a broken database aside and rebuild it from what is left and from the exchange."""
    from rich.console import Console

    from tidegate.repair import Repair
    from tidegate.screen import show_repair

    loaded = with_key(load_settings(pairs(settings or [])))
    show_repair(Repair(loaded, PROGRAM, typer.echo).run(), Console())


def alert_test(settings: Set = None) -> None:
    """Send one alert to ALERT_WEBHOOK_URL, and say what came of it."""
    import requests

    from tidegate.webhook import body_of, post

    loaded = load_settings(pairs(settings or []))
    url = loaded.secrets.alert_webhook_url
    if not url:
        raise ConfigError(["ALERT_WEBHOOK_URL is not set: alerts are in the log only; set it to a webhook's address"])
    with requests.Session() as session:
        session.trust_env = False
        tried = post(url, body_of("this is a test, nothing has happened", loaded.settings.network.value), session)
    if not tried.delivered:
        raise ExchangeError(f"the alert was not delivered: {tried.words}; see whether ALERT_WEBHOOK_URL is right")
    typer.echo(f"delivered: {tried.words}")
