"""The status as numbers for a monitoring system: the text format that Prometheus reads. Shows, decides nothing.

Source: Prometheus docs, "Exposition formats".
"""

from collections.abc import Iterable, Iterator

from tidegate.model.gauges import LATENCY_BOUNDS_MS, LatencyGauges, StreamGauges
from tidegate.model.status import Status

Sample = tuple[str, dict[str, str], float]
"""A name, what it is of, and its value."""

HELP = {
    "up": ("gauge", "1 while the bot runs and tells how it does"),
    "age_seconds": ("gauge", "since the bot told how it does"),
    "uptime_seconds": ("counter", "since the bot started, in the exchange's time"),
    "stream_up": ("gauge", "1 while prices come by stream"),
    "stream_age_seconds": ("gauge", "since the newest of a stream was heard, by coin and kind"),
    "stream_reconnects_total": ("counter", "connections that had to be opened again"),
    "stream_sockets": ("gauge", "open sockets"),
    "stream_subscriptions": ("gauge", "subscriptions that stand"),
    "stream_messages_per_minute": ("gauge", "messages sent to the exchange in the last minute"),
    "stream_dropped_total": ("counter", "frames and prints that were left out, by why"),
    "stream_conflated_total": ("counter", "prices that were put together because the bot was behind"),
    "stream_lag_seconds": ("gauge", "from the exchange's time of a frame to its arrival"),
    "stream_unheard_coins": ("gauge", "coins whose prices do not come by stream"),
    "rest_weight": ("gauge", "REST weight of the last minute"),
    "rest_refused_total": ("counter", "answers 429"),
    "address_actions": ("gauge", "actions of the account that are used"),
    "address_actions_max": ("gauge", "actions that the account may use"),
    "equity_usd": ("gauge", "what the account is worth"),
    "free_usd": ("gauge", "what entries may still use"),
    "exposure_usd": ("gauge", "notional of all positions"),
    "at_risk_usd": ("gauge", "what the stops would lose from here"),
    "realised_today_usd": ("gauge", "profit of today's closed positions after fees"),
    "unrealised_usd": ("gauge", "profit of the open positions"),
    "fees_today_usd": ("gauge", "fees of today's closed positions"),
    "fee_rate": ("gauge", "the account's own rate, a fraction of the notional"),
    "positions": ("gauge", "open positions"),
    "uncovered_positions": ("gauge", "open positions of the bot of which no resting stop is known"),
    "brakes": ("gauge", "brakes that keep entries away"),
    "latency_seconds": ("histogram", "the strategy's answer, an order's, an exit from touch to wire"),
}


def exposition(status: Status, *, alive: bool, age_s: float) -> str:
    """Everything as text, in a fixed order."""
    lines: list[str] = []
    told = ""
    for name, labels, value in _samples(status, alive, age_s):
        family = next(each for each in (name, name.rsplit("_", 1)[0]) if each in HELP)
        if family != told:
            told = family
            kind, words = HELP[family]
            lines += [f"# HELP tidegate_{family} {words}", f"# TYPE tidegate_{family} {kind}"]
        lines.append(f"tidegate_{name}{_braces(labels)} {value:.10g}")
    return "\n".join(lines) + "\n"


def _samples(status: Status, alive: bool, age_s: float) -> Iterator[Sample]:
    yield "up", {"network": status.network, "strategy": status.strategy}, float(alive)
    yield "age_seconds", {}, age_s
    if status.started_ms:
        yield "uptime_seconds", {}, (status.at_ms - status.started_ms) / 1000
    yield "stream_up", {}, float(status.stream_up)
    for coin in status.coins:
        for kind, heard_ms in (("print", coin.print_ms), ("book", coin.book_ms), ("mark", coin.mark_ms)):
            if heard_ms:
                age_ms = max(0, status.at_ms - heard_ms)
                yield "stream_age_seconds", {"coin": coin.coin, "kind": kind}, age_ms / 1000
    if status.stream is not None:
        yield from _of_stream(status.stream)
    yield "rest_weight", {}, status.weight_used
    yield "rest_refused_total", {}, status.rest.refused if status.rest is not None else 0
    if status.requests_max:
        yield "address_actions", {}, status.requests_used
        yield "address_actions_max", {}, status.requests_max
    yield from _of_money(status)
    for latency in status.latencies:
        yield from _of_latency(latency)


def _of_stream(stream: StreamGauges) -> Iterator[Sample]:
    yield "stream_reconnects_total", {}, stream.reconnects
    yield "stream_sockets", {}, sum(socket.up_s is not None for socket in stream.sockets)
    yield "stream_subscriptions", {}, stream.subscriptions
    yield "stream_messages_per_minute", {}, stream.messages_per_minute
    for why, count in sorted(stream.dropped.items()):
        yield "stream_dropped_total", {"why": why}, count
    yield "stream_conflated_total", {}, stream.conflated
    for quantile, lag_ms in (("0.5", stream.lag_p50_ms), ("0.99", stream.lag_p99_ms)):
        if lag_ms is not None:
            yield "stream_lag_seconds", {"quantile": quantile}, lag_ms / 1000
    yield "stream_unheard_coins", {}, stream.unheard


def _of_money(status: Status) -> Iterator[Sample]:
    naked = [each for each in status.positions if not each.resting_stop and each.phase != "suspended"]
    yield "equity_usd", {}, float(status.equity)
    yield "free_usd", {}, float(status.free)
    yield "exposure_usd", {}, float(status.exposure)
    yield "at_risk_usd", {}, float(status.at_risk)
    yield "realised_today_usd", {}, float(status.realised_today)
    yield "unrealised_usd", {}, float(status.unrealised)
    yield "fees_today_usd", {}, float(status.fees_today)
    for side, rate in (("taker", status.taker), ("maker", status.maker)):
        if rate is not None:
            yield "fee_rate", {"side": side}, float(rate)
    yield "positions", {}, len(status.positions)
    yield "uncovered_positions", {}, len(naked)
    yield "brakes", {}, len(status.brakes)


def _of_latency(latency: LatencyGauges) -> Iterator[Sample]:
    seen = 0
    bounds = (*(f"{bound_ms / 1000:g}" for bound_ms in LATENCY_BOUNDS_MS), "+Inf")
    for bound, count in zip(bounds, latency.counts, strict=False):
        seen += count
        yield "latency_seconds_bucket", {"of": latency.name, "le": bound}, seen
    yield "latency_seconds_sum", {"of": latency.name}, latency.total_ms / 1000
    yield "latency_seconds_count", {"of": latency.name}, seen


def _braces(labels: dict[str, str]) -> str:
    return f"{{{','.join(_pairs(labels.items()))}}}" if labels else ""


def _pairs(labels: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in labels:
        escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        yield f'{name}="{escaped}"'
