"""The command `instruments`: what the exchange lists, under which numbers and names. Signs nothing, trades nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.commands.given import PROGRAM, Set, load_settings, pairs
from tidegate.commands.misunderstood import repeatable
from tidegate.errors import StorageError

if TYPE_CHECKING:
    from rich.console import Console

    from tidegate.config import Loaded
    from tidegate.model.instruments import Instrument

FILE = Path("data/instruments.json")
PIPE_WIDTH = 200
"""What is not read on a terminal has one line an instrument, however long its names are."""

Network = Annotated[str | None, typer.Option(metavar="NAME", help="localnet, testnet or mainnet.")]


def instruments(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Only what is called so: BTC, btcusdt …", show_default=False)
    ] = "",
    network: Network = None,
    refresh: Annotated[bool, typer.Option("--refresh", help=f"Write them to {FILE} as well.")] = False,
    settings: Set = None,
) -> None:
    """List the exchange's perpetuals and spot pairs."""
    from rich.console import Console

    from tidegate.hyperliquid.instruments import nearest, resolve

    loaded = load_settings(pairs(settings or []) | ({"NETWORK": network} if network else {}))
    found, warnings = _listed(loaded)
    for warning in warnings:
        typer.echo(f"left out: {warning}", err=True)
    shown = found
    if name:
        coin = resolve(name, found)
        if coin is None:
            near = nearest(name, found)
            typer.echo(repeatable(f"{name} is not listed{f'; did you mean {near}?' if near else ''}"), err=True)
            raise typer.Exit(1)
        shown = {coin: found[coin]}
    if refresh:
        _write(found)
    console = Console()
    show(shown, console if console.is_terminal else Console(width=PIPE_WIDTH))


def _listed(loaded: "Loaded") -> tuple[dict[str, "Instrument"], list[str]]:
    """Everything that the exchange of NETWORK lists, and what could not be read; a localnet of our own ends again."""
    import tempfile

    from tidegate.clock import ExchangeClock
    from tidegate.hyperliquid.client import HyperliquidClient
    from tidegate.hyperliquid.limits import Budget
    from tidegate.localnet.arguments import MarketChoice
    from tidegate.venue import open_venue

    with tempfile.TemporaryDirectory(prefix="tidegate-instruments-") as folder:
        opened = open_venue(loaded, MarketChoice(), PROGRAM, ExchangeClock(0), data_dir=Path(folder))
        with opened as venue:
            client = HyperliquidClient(venue.url, budget=Budget(), proxy=venue.proxy)
            try:
                return client.listing()
            finally:
                client.close()


def show(found: dict[str, "Instrument"], console: "Console") -> None:
    """One row an instrument, in the exchange's order, and how many there are; names fold, nothing is cut."""
    from rich.table import Table

    from tidegate.hyperliquid.instruments import compact_name, unified_name
    from tidegate.model.instruments import Book

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("coin", "book", "asset", "decimals", "leverage"):
        table.add_column(head, no_wrap=True)
    for head in ("also called", ""):
        table.add_column(head, overflow="fold")
    for each in found.values():
        also = ", ".join(name for name in (unified_name(each), compact_name(each)) if name != each.coin)
        remark = "delisted" if each.delisted else "isolated only" if each.isolated_only else ""
        numbers = str(each.asset), str(each.size_decimals), str(each.leverage_max)
        table.add_row(each.coin, each.book.value, *numbers, also, remark)
    console.print(table)
    perps = sum(each.book is Book.PERPS for each in found.values())
    if len(found) > 1:
        console.print(f"{len(found)} instruments: {perps} perpetuals, {len(found) - perps} spot pairs")


def _write(found: dict[str, "Instrument"]) -> None:
    """The file that the same listing always gives byte for byte: by asset number, one line each."""
    import msgspec

    rows = sorted(found.values(), key=lambda each: each.asset)
    lines = b",\n".join(msgspec.json.encode(each, order="sorted") for each in rows)
    try:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_bytes(b"[\n" + lines + b"\n]\n")
    except OSError as error:
        raise StorageError(f"{FILE} cannot be written: {error.strerror or error}") from None
    typer.echo(f"{len(rows)} instruments written to {FILE}", err=True)
