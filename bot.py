"""The front door: commands and exit codes.   python bot.py

Exit codes: 0 clean, 1 unexpected, 2 configuration, 3 exchange unreachable or reconciliation refused,
4 safety trip, 5 another bot owns the wallet, 130 forced by a second signal.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.errors import ConfigError, ExchangeError, OtherBotRunning, StorageError, TidegateError

if TYPE_CHECKING:
    from tidegate.config import Loaded
    from tidegate.doctor import Finding

HERE = Path(__file__).resolve().parent
EXIT_CONFIGURATION, EXIT_EXCHANGE, EXIT_OTHER_BOT, EXIT_FORCED = 2, 3, 5, 130
EXIT_CODES: tuple[tuple[type[TidegateError], int], ...] = (
    (ConfigError, EXIT_CONFIGURATION),
    (ExchangeError, EXIT_EXCHANGE),
    (OtherBotRunning, EXIT_OTHER_BOT),
    (StorageError, EXIT_EXCHANGE),
    (TidegateError, EXIT_CONFIGURATION),
)

SECONDS_MAX = 10_000_000
ANSWER_PATIENCE_S, START_PATIENCE_S, ASK_AGAIN_S = 5.0, 2.0, 0.1

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Tidegate, a Hyperliquid trading bot: polls to decide, streams to protect. Without a command it runs.",
    epilog="The options of run: python bot.py run --help",
)

Network = Annotated[str | None, typer.Option(metavar="NAME", help="localnet, testnet or mainnet.")]
Coins = Annotated[str | None, typer.Option(metavar="NAMES", help="Coins, with commas between.")]
Timeframe = Annotated[str | None, typer.Option(metavar="LENGTH", help="1m, 5m, 15m, 1h …")]
Strategy = Annotated[str | None, typer.Option(metavar="NAME", help="The name of a file in strategies/.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Build and show orders, never send them.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any setting; beats all else.")]
Replay = Annotated[
    list[Path] | None, typer.Option(metavar="FILE", help="localnet plays this recording: candles or frames.")
]
From = Annotated[
    str, typer.Option("--from", metavar="MOMENT", help="Where in the recording to start: 2021-05-19T12:00 (UTC).")
]
Speed = Annotated[float, typer.Option(min=0.01, max=10_000, metavar="N", help="How much faster localnet's time runs.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Another number: another market and throw-away account.")]
Reason = Annotated[str, typer.Argument(metavar="[REASON]", help="Why, for the log.", show_default=False)]
Scenario = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="localnet's market: first-run (scripted), random, rough (with troubles), or a .yaml file."
    ),
]
Mirror = Annotated[
    str,
    typer.Option(
        metavar="VENUE",
        envvar="MIRROR",
        show_envvar=False,
        help="localnet follows this venue's public market: mainnet, testnet or a URL. Orders stay here.",
    ),
]

Universe = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="localnet lists this recorded meta or spotMeta instead of its own."),
]
VolumeGates = Annotated[
    bool,
    typer.Option(
        "--volume-gates/--no-volume-gates", help="Whether localnet asks for traded volume where the exchange does."
    ),
]


@app.command()
def run(
    seconds: Annotated[
        float | None, typer.Option(min=0, max=SECONDS_MAX, metavar="N", help="Stop cleanly after so many seconds.")
    ] = None,
    network: Network = None,
    coins: Coins = None,
    timeframe: Timeframe = None,
    strategy: Strategy = None,
    dry_run: DryRun = False,
    settings: Set = None,
    replay: Replay = None,
    start: From = "",
    speed: Speed = 1.0,
    seed: Seed = 1,
    scenario: Scenario = "first-run",
    mirror: Mirror = "",
    universe: Universe = None,
    volume_gates: VolumeGates = True,
) -> None:
    """Trade until stopped with Ctrl-C (the default)."""
    from tidegate.localnet.arguments import MarketChoice

    words = {"NETWORK": network, "COINS": coins, "TIMEFRAME": timeframe, "STRATEGY": strategy}
    cli = {name: value for name, value in words.items() if value is not None}
    if dry_run:
        cli["DRY_RUN"] = "true"
    choice = MarketChoice(
        tuple(replay or ()),
        start,
        speed,
        seed,
        scenario,
        mirror=mirror,
        universe=tuple(universe or ()),
        volume_gates=volume_gates,
    )
    problems: list[str] = []
    with _noting(problems):
        cli |= _pairs(settings or [])
    with _noting(problems):
        choice = choice.checked()
    with _noting(problems):
        loaded = _with_key(_load(choice.implied(cli)))
    if problems:
        raise ConfigError(problems)
    from hyperliquid_websocket import HyperliquidWebSocketClient
    from tidegate.session import Session

    raise typer.Exit(Session(loaded, choice, Path(__file__).resolve(), HyperliquidWebSocketClient).run(seconds))


@app.command()
def localnet(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 3001,
    replay: Replay = None,
    start: From = "",
    speed: Speed = 1.0,
    seed: Seed = 1,
    scenario: Scenario = "first-run",
    mirror: Mirror = "",
    coins: Coins = None,
    universe: Universe = None,
    volume_gates: VolumeGates = True,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write down what is streamed, asked and answered.")
    ] = None,
    align: Annotated[int, typer.Option(hidden=True)] = 0,
    linger: Annotated[float | None, typer.Option(hidden=True)] = None,
    announce: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run the built-in exchange alone, for any client."""
    from tidegate.localnet import command
    from tidegate.localnet.arguments import MarketChoice

    choice = MarketChoice(
        tuple(replay or ()),
        start,
        speed,
        seed,
        scenario,
        align,
        mirror,
        tuple(universe or ()),
        volume_gates,
        tuple(each.strip() for each in (coins or "").split(",") if each.strip()),
    ).checked()
    raise typer.Exit(command.run(choice, port=port, linger_s=linger, announce=announce, record=record))


@app.command()
def strategies() -> None:
    """List the strategies and their parameters."""
    from rich.console import Console

    from tidegate.discovery import listing
    from tidegate.screen import show_strategies

    sound = show_strategies(listing(HERE / "strategies"), Console())
    raise typer.Exit(0 if sound else EXIT_CONFIGURATION)


@app.command()
def status(settings: Set = None) -> None:
    """Show the running bot: stream, positions, profit."""
    import msgspec
    from rich.console import Console

    from tidegate.model.status import Status
    from tidegate.screen import show_status
    from tidegate.storage.status import read_status

    payload = read_status(_load(_pairs(settings or [])).secrets.database_url)
    if payload is None:
        raise StorageError("no bot has run on this database yet: start one with python bot.py")
    try:
        found = msgspec.json.decode(payload, type=Status)
    except msgspec.DecodeError:
        raise StorageError("the bot that ran last was of another version: its status cannot be read here") from None
    show_status(found, _is_alive(found.pid), Console())


@app.command()
def pause(reason: Reason = "", settings: Set = None) -> None:
    """No more entries; positions keep their stops. Stays on after a restart."""
    _ask("pause", reason, _load(_pairs(settings or [])))


@app.command()
def resume(reason: Reason = "", settings: Set = None) -> None:
    """Lift pause, daily loss and drawdown."""
    _ask("resume", reason, _load(_pairs(settings or [])))


@app.command()
def flatten(reason: Reason = "", settings: Set = None) -> None:
    """Close every position of the bot now, and pause."""
    loaded = _load(_pairs(settings or []))
    if _ask("flatten", reason, loaded):
        return
    if loaded.settings.network.value == "localnet" and not loaded.localnet_url:
        return
    typer.echo("starting one that only closes; it ends when everything is closed")
    from hyperliquid_websocket import HyperliquidWebSocketClient
    from tidegate.localnet.arguments import MarketChoice
    from tidegate.session import Session

    session = Session(_with_key(loaded), MarketChoice(), Path(__file__).resolve(), HyperliquidWebSocketClient)
    raise typer.Exit(session.run(None, until_flat=True))


def _ask(name: str, reason: str, loaded: "Loaded") -> bool:
    """Leave a wish for the bot, wait for its answer, show it; False when no bot is there to take it."""
    import msgspec

    from tidegate.model.status import Status
    from tidegate.screen import show_answer
    from tidegate.storage.commands import ask, is_taken
    from tidegate.storage.status import read_status

    url = loaded.secrets.database_url
    payload = read_status(url)
    if payload is None:
        raise StorageError("no bot has run on this database yet: start one with python bot.py")
    running = _is_alive(msgspec.json.decode(payload, type=Status).pid)
    asked = ask(url, name, reason or f"asked by `python bot.py {name}`")
    until_s = time.monotonic() + (ANSWER_PATIENCE_S if running else START_PATIENCE_S)
    between = Event()
    while not is_taken(url, asked):
        if time.monotonic() > until_s:
            where = "it does not answer" if running else "no bot is running"
            typer.echo(f"{name}: {where}; it is written down and taken by the next one that starts")
            return running
        between.wait(ASK_AGAIN_S)
    show_answer(name, msgspec.json.decode(read_status(url) or payload, type=Status), typer.echo)
    return True


@app.command()
def repair(settings: Set = None) -> None:
    """Set a broken database aside and rebuild it from what is left and from the exchange."""
    from rich.console import Console

    from tidegate.repair import Repair
    from tidegate.screen import show_repair

    loaded = _with_key(_load(_pairs(settings or [])))
    show_repair(Repair(loaded, Path(__file__).resolve(), typer.echo).run(), Console())


@app.command()
def doctor(
    network: Network = None,
    no_order: Annotated[bool, typer.Option("--no-order", help="Place and cancel no order.")] = False,
    settings: Set = None,
) -> None:
    """Look everything over before money is at stake: one line each, and what to do."""
    from hyperliquid_websocket import HyperliquidWebSocketClient
    from tidegate.doctor import Examination, exit_code, of_configuration

    try:
        loaded = _with_key(_load(_pairs(settings or []) | ({"NETWORK": network} if network else {})))
    except ConfigError as error:
        raise typer.Exit(exit_code(map(_told, of_configuration(error.problems)))) from None
    visit = Examination(loaded, Path(__file__).resolve(), HyperliquidWebSocketClient, order=not no_order)
    raise typer.Exit(exit_code(map(_told, visit.findings())))


app.command("preflight", help="The same as doctor: what to run before going live.")(doctor)


def _told(finding: "Finding") -> "Finding":
    from tidegate.doctor import Grade, line_of

    colours = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.FAIL: "red"}
    typer.secho(line_of(finding), fg=colours.get(finding.grade))
    return finding


@app.command("alert-test")
def alert_test(settings: Set = None) -> None:
    """Send one alert to ALERT_WEBHOOK_URL, and say what came of it."""
    import requests

    from tidegate.webhook import body_of, post

    loaded = _load(_pairs(settings or []))
    url = loaded.secrets.alert_webhook_url
    if not url:
        raise ConfigError(["ALERT_WEBHOOK_URL is not set: alerts are in the log only; set it to a webhook's address"])
    with requests.Session() as session:
        session.trust_env = False
        tried = post(url, body_of("this is a test, nothing has happened", loaded.settings.network.value), session)
    if not tried.delivered:
        raise ExchangeError(f"the alert was not delivered: {tried.words}; see whether ALERT_WEBHOOK_URL is right")
    typer.echo(f"delivered: {tried.words}")


@app.command("show-config")
def show_config(settings: Set = None) -> None:
    """Show every setting and where it came from."""
    from rich.console import Console

    from tidegate.config import describe
    from tidegate.screen import show_config

    show_config(describe(_load(_pairs(settings or []))), Console())


def _load(cli: Mapping[str, str]) -> "Loaded":
    from tidegate.config import SECRETS_IN_ENVIRONMENT, forget_secrets, load
    from tidegate.hyperliquid.limits import weight_per_minute

    try:
        return load(
            cli, os.environ, Path(".env"), weight_per_minute=weight_per_minute, strategy_dir=HERE / "strategies"
        )
    finally:
        if any(map(os.environ.get, SECRETS_IN_ENVIRONMENT)):
            from tidegate.keys import erase

            erase(SECRETS_IN_ENVIRONMENT)
            forget_secrets(os.environ)


def _with_key(loaded: "Loaded") -> "Loaded":
    """For commands that sign: from here on nobody else reads this process."""
    from tidegate.keys import seal, unlocked

    seal()
    return unlocked(loaded, os.environ, Path(".env"))


@contextmanager
def _noting(problems: list[str]) -> Iterator[None]:
    """Go on after a problem of the user's, so that all of them are told at once."""
    try:
        yield
    except ConfigError as error:
        problems.extend(error.problems)


def _pairs(settings: list[str]) -> dict[str, str]:
    wrong = sum("=" not in each for each in settings)
    problems = ["--set: expected NAME=VALUE, example: --set LEVERAGE=2"] * min(wrong, 1)
    if problems:
        raise ConfigError(problems)
    return dict(each.split("=", 1) for each in settings)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def main() -> None:
    """Run the command line; without a command the bot runs. Every foreseen trouble is one clear line per problem."""
    words = sys.argv[1:]
    if not words or (words[0].startswith("-") and words[0] != "--help"):
        words = ["run", *words]
    try:
        app(words, prog_name="bot.py")
    except KeyboardInterrupt:
        typer.echo("interrupted before the bot had started", err=True)
        sys.exit(EXIT_FORCED)
    except TidegateError as error:
        if not error.told:
            typer.echo(str(error), err=True)
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))
    finally:
        _let_go_of_the_screen()


def _let_go_of_the_screen() -> None:
    """A terminal that was closed meanwhile does not make a failure of a clean end."""
    for screen in (sys.stdout, sys.stderr):
        try:
            screen.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), screen.fileno())


if __name__ == "__main__":
    main()
