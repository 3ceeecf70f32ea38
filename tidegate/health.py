"""How the bot does, as a calm table: the stream, the feed beside it, REST, the address, the process."""

from collections.abc import Iterator
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from tidegate.model.gauges import StreamGauges
from tidegate.model.status import MajorStatus, Status

DROPPED_SHOWN_MAX = 5
LATENCIES = {"decision": "the strategy answers in", "order": "answered in", "exit": "from touch to wire"}


def health(status: Status) -> Table:
    """One row a subject."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, words in _rows(status):
        table.add_row(name, Text(words))
    return table


def _rows(status: Status) -> Iterator[tuple[str, str]]:
    if status.stream is not None and status.stream_stage != "off":
        yield from _stream(status.stream)
    if status.majors_stream is not None:
        yield "majors", "; ".join(_major(each, status.at_ms) for each in status.majors)
        yield "", _sockets(status.majors_stream)
    for each in status.latencies:
        yield each.name, f"{LATENCIES.get(each.name, '')} {each.words}"
    yield "REST", _rest(status)
    yield "account", _account(status)
    if status.requests_max:
        yield "address", _requests(status)
    if status.started_ms:
        cleared = f"; {status.collector.words}" if status.collector is not None else ""
        yield "process", f"up {_long((status.at_ms - status.started_ms) / 1000)}{cleared}"


def _stream(gauges: StreamGauges) -> Iterator[tuple[str, str]]:
    yield "stream", _sockets(gauges)
    lag = "no price yet" if gauges.lag_p50_ms is None else f"{gauges.lag_p50_ms} ms, p99 {gauges.lag_p99_ms} ms"
    oldest = max(gauges.ages_s.items(), key=lambda each: each[1], default=None)
    silent = f"; longest silent {oldest[0]}, {oldest[1]:.0f} s" if oldest else ""
    yield "lag", f"{lag}{silent}; {gauges.unheard} coins without a stream"
    yield "left out", f"{_dropped(gauges.dropped)}; {gauges.conflated} prices conflated"


def _sockets(gauges: StreamGauges) -> str:
    up = [socket.up_s for socket in gauges.sockets if socket.up_s is not None]
    since = f" for {_long(min(up))}" if up else ""
    died = f", its thread replaced {gauges.restarts} times" if gauges.restarts else ""
    return (
        f"{len(up)} of {len(gauges.sockets)} sockets open{since}, {gauges.subscriptions} subscriptions, "
        f"{gauges.messages_per_minute} messages sent a minute, {gauges.reconnects} reconnects{died}"
    )


def _dropped(dropped: dict[str, int]) -> str:
    if not dropped:
        return "nothing"
    most = sorted(dropped.items(), key=lambda each: -each[1])[:DROPPED_SHOWN_MAX]
    return f"{sum(dropped.values())} ({', '.join(f'{why} {count}' for why, count in most)})"


def _major(major: MajorStatus, at_ms: int) -> str:
    if not major.heard_ms:
        return f"{major.coin} never heard"
    price = major.price or major.mark or major.bid or major.ask
    shown = f"{price.normalize():f}" if price is not None else "-"
    return f"{major.coin} {shown}, {max(0, at_ms - major.heard_ms) / 1000:.1f} s old"


def _rest(status: Status) -> str:
    if status.rest is not None:
        return status.rest.words.removeprefix("REST ")
    return f"weight {status.weight_used} of {status.weight_max} in the last minute"


def _account(status: Status) -> str:
    rates = "fee rates not read yet"
    if status.taker is not None and status.maker is not None:
        rates = f"fees {_percent(status.taker)} taker, {_percent(status.maker)} maker"
    return (
        f"{status.free:,.2f} USD free, {status.exposure:,.2f} in the market, {status.at_risk:,.2f} at risk down to the "
        f"stops; {status.closed_today} positions closed today, {status.fees_today:,.2f} of fees; {rates}"
    )


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f} %"


def _requests(status: Status) -> str:
    days = status.requests_days
    lasts = "" if days is None else f"; at this rate the rest lasts {days:,.0f} days"
    return f"{status.requests_used:,} of the account's {status.requests_max:,} actions used{lasts}"


def _long(seconds: float) -> str:
    """A duration as a person says it."""
    minutes, hours = int(seconds) // 60, int(seconds) // 3_600
    if hours >= 48:
        return f"{hours // 24} days {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min {int(seconds) % 60} s"
