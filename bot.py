"""The front door: commands and exit codes.   python bot.py

Exit codes: 0 clean, 1 unexpected, 2 configuration, 3 exchange unreachable or reconciliation refused,
4 a check before going live failed, 5 another bot owns the wallet, 130 forced by a second signal.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while the rest is imported, Ctrl-C ends this without a traceback

import typer

from tidegate.commands import (
    backtesting,
    coming_and_going,
    examining,
    listing,
    looking,
    operating,
    optimising,
    parity,
    reporting,
    simulating,
    tending,
    writing,
)
from tidegate.commands.given import EXIT_CONFIGURATION, PROGRAM, Set, load_settings, noting, pairs, with_key
from tidegate.commands.misunderstood import Commands, Interrupted, Misuse, interrupted, misuse, repeatable
from tidegate.commands.operating import Reason, ask_the_bot
from tidegate.errors import ConfigError, ExchangeError, OtherBotRunning, StorageError, TidegateError

EXIT_EXCHANGE, EXIT_OTHER_BOT, EXIT_FORCED = 3, 5, 130
EXIT_CODES: tuple[tuple[type[TidegateError], int], ...] = (
    (ConfigError, EXIT_CONFIGURATION),
    (ExchangeError, EXIT_EXCHANGE),
    (OtherBotRunning, EXIT_OTHER_BOT),
    (StorageError, EXIT_EXCHANGE),
    (TidegateError, EXIT_CONFIGURATION),
)

SECONDS_MAX = 10_000_000

app = typer.Typer(
    cls=Commands,
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
Replay = Annotated[
    list[Path] | None, typer.Option(metavar="FILE", help="localnet plays this recording: candles or frames.")
]
From = Annotated[
    str, typer.Option("--from", metavar="MOMENT", help="Where in the recording to start: 2021-05-19T12:00 (UTC).")
]
Speed = Annotated[float, typer.Option(min=0.01, max=10_000, metavar="N", help="How much faster localnet's time runs.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Another number: another market and throw-away account.")]
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
    with noting(problems):
        cli |= pairs(settings or [])
    with noting(problems):
        choice = choice.checked()
    with noting(problems):
        loaded = with_key(load_settings(choice.implied(cli)))
    if problems:
        raise ConfigError(problems)
    from hyperliquid_websocket import HyperliquidWebSocketClient
    from tidegate.session import Session

    if code := examining.before_going_live(loaded, HyperliquidWebSocketClient):
        raise typer.Exit(code)
    raise typer.Exit(Session(loaded, choice, PROGRAM, HyperliquidWebSocketClient).run(seconds))


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
def flatten(reason: Reason = "", settings: Set = None) -> None:
    """Close every position of the bot now, and pause."""
    loaded = load_settings(pairs(settings or []))
    if ask_the_bot("flatten", reason, loaded):
        return
    if loaded.settings.network.value == "localnet" and not loaded.localnet_url:
        return
    typer.echo("starting one that only closes; it ends when everything is closed")
    from hyperliquid_websocket import HyperliquidWebSocketClient
    from tidegate.localnet.arguments import MarketChoice
    from tidegate.session import Session

    session = Session(with_key(loaded), MarketChoice(), PROGRAM, HyperliquidWebSocketClient)
    raise typer.Exit(session.run(None, until_flat=True))


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
        loaded = with_key(load_settings(pairs(settings or []) | ({"NETWORK": network} if network else {})))
    except ConfigError as error:
        raise typer.Exit(exit_code(map(examining.told, of_configuration(error.problems)))) from None
    visit = Examination(loaded, PROGRAM, HyperliquidWebSocketClient, order=not no_order)
    raise typer.Exit(exit_code(map(examining.told, visit.findings())))


app.command("preflight", help="The same as doctor: what to run before going live.")(doctor)


for _name, _command in (
    ("pause", operating.pause),
    ("resume", operating.resume),
    ("coins", coming_and_going.coins),
    ("status", looking.status),
    ("metrics", looking.metrics),
    ("instruments", listing.instruments),
    ("strategies", looking.strategies),
    ("new-strategy", writing.new_strategy),
    ("backtest", backtesting.backtest),
    ("simulate", simulating.simulate),
    ("parity", parity.parity),
    ("show-config", looking.show_config),
    ("optimise", optimising.optimise),
    ("report", reporting.report),
    ("compare", reporting.compare),
    ("repair", tending.repair),
    ("alert-test", tending.alert_test),
):
    app.command(_name)(_command)


def main() -> None:
    """Run the command line; without a command the bot runs. Every foreseen trouble is one clear line per problem."""
    words = sys.argv[1:]
    if not words or (words[0].startswith("-") and words[0] != "--help"):
        words = ["run", *words]
    try:
        sys.exit(app(words, prog_name="bot.py", standalone_mode=False) or 0)
    except (KeyboardInterrupt, Interrupted, typer.Abort):
        typer.echo(interrupted(words), err=True)
        sys.exit(EXIT_FORCED)
    except Misuse as error:
        typer.echo(misuse(error, words), err=True)
        sys.exit(EXIT_CONFIGURATION)
    except TidegateError as error:
        if not error.told:
            typer.echo(repeatable(str(error)), err=True)
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
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
