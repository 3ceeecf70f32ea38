"""The live table: what a person sees of a running localnet."""

import asyncio
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from tidegate.localnet.doors.localnet import Localnet, LocalnetOptions
from tidegate.localnet.faults.rules import read_rule
from tidegate.localnet.live import Pulse, beside, table


def drawn(net: Localnet, orders_per_s: float = 0.0) -> str:
    console = Console(file=StringIO(), width=140)
    console.print(table(net, net.counters_page(), orders_per_s))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


@pytest.fixture
def net() -> Localnet:
    return Localnet.open(LocalnetOptions(scenario="random", speed=60))


def test_coins_prices_clients_and_limits(net: Localnet) -> None:
    net.exchange.fund("0x" + "1" * 40, Decimal(5))
    text = drawn(net, 2.5)
    for coin in net.market.coins[:12]:
        assert coin in text
    bid, ask = net.exchange.bbo("BTC")["bbo"]
    assert bid["px"] in text
    assert ask["px"] in text
    assert net.exchange.asset_ctx("BTC")["oraclePx"] in text
    assert "0 connections, 0 subscriptions, 1 account, 2.5 orders/s, REST weight 0 of 1,200 this minute" in text
    assert "at 60 times the speed" in text


def test_standing_faults_are_told(net: Localnet) -> None:
    assert "fault" not in drawn(net)
    net.faults.add(read_rule({"do": "reset", "times": None}, net.faults.coins))
    assert "1 fault standing" in drawn(net)


def test_an_empty_side_of_a_book_is_a_dash(net: Localnet) -> None:
    net.exchange.quote("BTC", (), ())
    assert " - " in drawn(net)


def test_orders_a_second_are_counted_over_a_window() -> None:
    pulse = Pulse()
    assert pulse.per_second(0.0, 10) == 0
    assert pulse.per_second(2.0, 20) == 5
    for at_s in range(3, 60):
        last = pulse.per_second(at_s, 20)
    assert last == 0


def test_the_table_is_drawn_until_it_is_cancelled(net: Localnet) -> None:
    out = StringIO()

    async def look() -> None:
        drawing = asyncio.create_task(beside(Console(file=out, force_terminal=True, width=140))(net))
        while "orders/s" not in out.getvalue():  # noqa: ASYNC110 - the drawing tells nobody
            await asyncio.sleep(0)
        drawing.cancel()
        await asyncio.wait([drawing])
        assert drawing.cancelled()

    asyncio.run(look())
