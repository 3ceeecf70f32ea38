"""The live table of a localnet on a terminal: its coins, its clients, and how much of the limits they use.

Reads, and draws twice a second; the server does not wait for it. Without a terminal nobody calls it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tidegate.localnet.doors.localnet import Localnet

EVERY_S = 0.5
COINS_SHOWN = 12
WINDOW = 20  # draws over which orders a second are counted
ORDERING = ("order", "modify", "batchModify", "cancel", "cancelByCloid")


class Pulse:
    """Orders a second, from how many there were at each draw. Times are seconds of any clock."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque(maxlen=WINDOW)

    def per_second(self, at_s: float, count: int) -> float:
        """The rate over the window that ends at `at_s`."""
        self._seen.append((at_s, count))
        first_s, first = self._seen[0]
        return (count - first) / (at_s - first_s) if at_s > first_s else 0.0


def beside(console: Console) -> Callable[[Localnet], Coroutine[Any, Any, None]]:
    """What draws the table beside a running localnet until it is cancelled."""

    async def draw(localnet: Localnet) -> None:
        pulse = Pulse()
        loop = asyncio.get_running_loop()
        with Live(console=console, auto_refresh=False) as live:
            while True:
                counters = localnet.counters_page()
                orders = sum(counters["actions"].get(kind, 0) for kind in ORDERING)
                live.update(table(localnet, counters, pulse.per_second(loop.time(), orders)), refresh=True)
                await asyncio.sleep(EVERY_S)

    return draw


def table(localnet: Localnet, counters: dict[str, Any], orders_per_s: float) -> Group:
    """The table at one moment; `counters` as on the page."""
    exchange = localnet.exchange
    now = datetime.fromtimestamp(exchange.now_ms / 1000, UTC).strftime("%H:%M:%S")
    speed = "" if localnet.clock.speed == 1 else f" at {localnet.clock.speed:g} times the speed"
    clients = (
        f"{_count(counters['connections'], 'connection')}, {_count(counters['subscriptions'], 'subscription')}, "
        f"{_count(len(exchange.users), 'account')}, {orders_per_s:.1f} orders/s, "
        f"REST weight {counters['rest_weight_this_minute']} of {_limit(localnet)} this minute"
    )
    standing = sum(page["standing"] for page in localnet.faults.pages())
    lines: list[RenderableType] = [Text(f"{now} UTC{speed}"), _coins(localnet), Text(clients)]
    if standing:
        lines.append(Text(f"{_count(standing, 'fault')} standing", style="red"))
    return Group(*lines)


def _coins(localnet: Localnet) -> Table:
    exchange = localnet.exchange
    found = Table("coin", "bid", "ask", "mark", "oracle", "last print", box=None, header_style="bold", pad_edge=False)
    for coin in localnet.market.coins[:COINS_SHOWN]:
        bid, ask = exchange.bbo(coin)["bbo"]
        context = exchange.asset_ctx(coin)
        last = next(iter(exchange.recent_trades(coin)), None)
        age = "-" if last is None else f"{last['px']}, {max(0, exchange.now_ms - last['time']) / 1000:.1f} s ago"
        prices = [side["px"] if side else "-" for side in (bid, ask)]
        found.add_row(Text(coin), *prices, context["markPx"], context.get("oraclePx", "-"), age)
    left = len(localnet.market.coins) - COINS_SHOWN
    if left > 0:
        found.add_row(Text(f"and {left} more"))
    return found


def _limit(localnet: Localnet) -> str:
    limits = localnet.streams.limits
    return f"{limits.rest_weight_per_minute:,}" if limits.rest_weight_per_minute < 1 << 60 else "no limit"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
