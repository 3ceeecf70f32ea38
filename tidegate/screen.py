"""Tables for the commands that a person looks at: strategies, status, show-config. Prints, decides nothing."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.config import Entry
from tidegate.discovery import StrategyRow
from tidegate.health import health
from tidegate.model.status import CoinStatus, Status, TwapStatus

if TYPE_CHECKING:
    from tidegate.repair import Report

STALE_AFTER_S = 5
"""A bot leaves its status about once a second: an older one is of a bot that hangs or is gone."""


def show_config(entries: Iterable[Entry], console: Console) -> None:
    """Every setting: value (secrets masked), source, meaning."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("from", no_wrap=True)
    table.add_column("meaning", overflow="fold")
    for entry in entries:
        table.add_row(*_as_it_is(entry.name, entry.shown, entry.source, entry.meaning))
    console.print(table)


def show_strategies(rows: Iterable[StrategyRow], console: Console) -> bool:
    """The strategies with their parameters; broken files with the reason. False when one is broken."""
    table = Table("strategy", "what it does", "parameters", box=None, header_style="bold", pad_edge=False)
    sound = True
    for row in rows:
        if row.broken:
            sound = False
            table.add_row(*_as_it_is(row.name, f"broken: {row.broken}"), style="red")
        else:
            table.add_row(*_as_it_is(row.name, row.summary, ", ".join(row.parameters)))
    console.print(table)
    return sound


def show_status(status: Status, alive: bool, console: Console) -> None:
    """Mode, stream, positions with their resting stops, today's profit, REST weight."""
    running, age_s = _running(status, alive)
    dry = ", dry run" if status.dry_run else ""
    stream = "up" if status.stream_up else "DOWN, prices by REST"
    since = f"stream {stream} since {_clock(status.stream_since_ms)}"
    if status.stream_stage == "off":
        since = "no stream (STREAM=off), prices by REST"
    today = status.realised_today + status.unrealised
    parts = f"realised {status.realised_today:+,.2f}, open {status.unrealised:+,.2f}"
    lines = (
        f"[bold]{running}[/bold], last seen {age_s:.0f} s ago; {status.network}{dry}, account {status.account}",
        f"{status.strategy} on {status.timeframe}; next poll in {_wait(status)} ({_clock(status.next_poll_ms)})",
        since,
        f"equity {status.equity:,.2f} USD; today {today:+,.2f} ({parts})",
    )
    for line in lines:
        console.print(line)
    console.print(health(status))
    for brake in status.brakes:
        console.print(Text(f"no entries, {brake}", style="yellow"))
    _coins(status, console)
    for twap in status.twaps:
        console.print(Text(_slices(twap, status.at_ms)))
    _positions(status, console)


def show_answer(name: str, status: Status, say: Callable[[str], None]) -> None:
    """What became of an operator's wish."""
    held = ", ".join(f"{each.coin} {each.size}" for each in status.positions)
    say(f"{name}: taken; positions: {held or 'none'}")
    say("\n".join(f"no entries, {brake}" for brake in status.brakes) or "entries are allowed")


def show_coins(status: Status, alive: bool, console: Console) -> None:
    """Every coin, why the bot has it, how its prices come, how old the last one is."""
    running, age_s = _running(status, alive)
    console.print(Text(f"{running}, last seen {age_s:.0f} s ago; {len(status.coins)} coins"))
    table = Table("coin", "from", "prices by", "last price", "phase", box=None, header_style="bold", pad_edge=False)
    for coin in status.coins:
        held = f"{coin.phase}, leaves when flat" if coin.origin == "position" else coin.phase
        table.add_row(coin.coin, coin.origin, coin.way, _age(status, coin.heard_ms), held)
    console.print(table)


def _running(status: Status, alive: bool) -> tuple[str, float]:
    age_s = time.time() - status.wall_ms / 1000
    if alive and age_s < STALE_AFTER_S:
        return f"running (pid {status.pid})", age_s
    if alive and not status.stopping:  # one that left may have lent its number to another
        return f"NOT RESPONDING (pid {status.pid})", age_s
    return "not running", age_s


def _age(status: Status, heard_ms: int) -> str:
    return f"{max(0, status.at_ms - heard_ms) / 1000:.1f} s" if heard_ms else "never heard"


def _ages(status: Status, coin: CoinStatus) -> str:
    """How old the newest of each stream is."""
    if not coin.heard_ms:
        return "never heard"
    heard = (coin.print_ms, coin.book_ms, coin.mark_ms)
    return f"{'/'.join(f'{max(0, status.at_ms - at_ms) / 1000:.1f}' if at_ms else '-' for at_ms in heard)} s"


def _coins(status: Status, console: Console) -> None:
    heads = ("coin", "phase", "mid", "mark", "funding/h", "print/book/mark", "candles")
    table = Table(*heads, box=None, header_style="bold", pad_edge=False)
    for coin in status.coins:
        funding = f"{coin.funding * 100:.4f} %" if coin.funding is not None else "-"
        prices = _number(coin.mid), _number(coin.mark), funding
        table.add_row(coin.coin, coin.phase, *prices, _ages(status, coin), str(coin.candles))
    console.print(table)


def _positions(status: Status, console: Console) -> None:
    if not status.positions:
        console.print("no open position")
    for each in status.positions:
        side = "long" if each.size > 0 else "short"
        profit = f"{each.profit:+,.2f} USD" if each.profit is not None else "unknown"
        confirmed = f"confirmed {(status.at_ms - each.confirmed_ms) / 1000:.0f} s before"
        if not each.confirmed_ms:
            confirmed = "NOT CONFIRMED YET"
        resting = f"{_number(each.resting_stop)}, order {each.resting_oid}" if each.resting_stop else "NONE KNOWN"
        console.print(
            f"[bold]{each.coin} {side} {_number(abs(each.size))}[/bold] from {_number(each.entry_price)}, "
            f"now {_number(each.price)}, profit {profit} ({each.phase})"
        )
        if each.phase == "suspended":
            console.print("  not opened by this bot: left alone, without a stop of ours")
            continue
        console.print(f"  stop {_number(each.stop)}, take-profit {_number(each.take_profit)}")
        if each.unguarded and not each.resting_stop:
            console.print("  UNGUARDED on the exchange: its stop was cancelled by hand (RESPECT_MANUAL=true)")
            continue
        console.print(f"  resting stop {resting}, {confirmed}")


def _slices(twap: TwapStatus, at_ms: int) -> str:
    """How far an entry in slices has come."""
    share = twap.filled / twap.size * 100 if twap.size else Decimal(0)
    name = f"TWAP {twap.twap_id}" if twap.twap_id is not None else "TWAP"
    left_s = max(0, twap.ends_ms - at_ms) // 1000
    what = f"{name} {twap.coin} {twap.side}: {_number(twap.filled)} of {_number(twap.size)} filled ({share:.0f} %)"
    how = f"being taken back: {twap.ending}" if twap.ending else f"{left_s // 60} min {left_s % 60} s left"
    return f"{what}, {twap.state}, {how}"


def _as_it_is(*words: str) -> list[Text]:
    """Cells whose brackets are brackets: what a user wrote is never markup."""
    return [Text(each) for each in words]


def _number(value: Decimal | None) -> str:
    return f"{value.normalize():f}" if value is not None else "-"


def _wait(status: Status) -> str:
    seconds = max(0, status.next_poll_ms - status.at_ms) // 1000
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"


def _clock(time_ms: int) -> str:
    if not time_ms:
        return "-"
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%H:%M:%S")


def show_repair(report: "Report", console: Console) -> None:
    """What a repair found and what it took over."""
    for remark in report.remarks:
        console.print(Text(f"{report.path}: {remark}"))
    if report.aside is None:
        console.print(Text(f"{report.path} is sound: nothing to repair"))
        return
    table = Table("what", "taken over", "from", box=None, header_style="bold", pad_edge=False)
    for line in report.lines:
        table.add_row(*_as_it_is(*line))
    console.print(table)
    console.print(Text(f"the broken database lies in {report.aside}; a new one is in its place"))
    console.print(Text("start again: python bot.py"))
