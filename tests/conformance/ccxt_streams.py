"""Streams and orders over the socket once more, as ccxt.pro plays them."""

import asyncio
from typing import Any

from tests.conformance import case_cancels, case_orders, case_streams
from tests.conformance.cases import again
from tests.conformance.ccxt_client import BTC, pro
from tests.conformance.desk import Desk
from tests.conformance.sdk import Trader


@again(case_streams.l2_book, pro=True)
async def watch_order_book(desk: Desk) -> None:
    async with pro(desk) as client:
        book = await client.watch_order_book(BTC)
        assert (book["bids"][0], len(book["asks"])) == ([79_999, 100], 20)


@again(case_streams.trades, pro=True)
async def watch_trades(desk: Desk) -> None:
    Trader(desk).take("BTC", "B", 0.01)
    async with pro(desk) as client:
        (trade,) = await client.watch_trades(BTC)
        assert (trade["side"], trade["price"], trade["amount"]) == ("buy", 80_001, 0.01)


@again(case_streams.candle, pro=True)
async def watch_ohlcv(desk: Desk) -> None:
    Trader(desk).take("BTC", "B", 0.01)
    async with pro(desk) as client:
        (row,) = await client.watch_ohlcv(BTC, "1m")
        assert row[1:] == [80_001, 80_001, 80_001, 80_001, 0.01]


@again(case_streams.context, pro=True)
async def watch_ticker(desk: Desk) -> None:
    async with pro(desk) as client:
        ticker = await client.watch_ticker(BTC)
        assert ticker["symbol"] == BTC


@again(case_streams.order_updates, pro=True)
async def watch_orders(desk: Desk) -> None:
    async with pro(desk) as client:
        placed = await first_heard(client, client.watch_orders(), lambda: client.create_order_ws(*limit(79_000)))
        assert (placed[0]["status"], placed[0]["price"]) == ("open", 79_000)


@again(case_streams.user_fills, pro=True)
async def watch_my_trades(desk: Desk) -> None:
    async with pro(desk) as client:
        await client.create_order_ws(*limit(80_500))
        (trade,) = await client.watch_my_trades()
        assert (trade["side"], trade["price"]) == ("buy", 80_001)


@again(case_streams.user_states, pro=True)
async def watch_states(desk: Desk) -> None:
    async with pro(desk) as client:
        await client.create_order_ws(*limit(80_500))
        balance = await client.watch_balance()
        assert balance["USDC"]["total"] > 99_000
        watching = asyncio.ensure_future(client.watch_positions())
        await asyncio.sleep(0)  # ccxt hears positions and balance on one subscription: the next frame is on its clock
        desk.wait(6)
        positions = await watching
        assert (positions[0]["symbol"], positions[0]["contracts"]) == (BTC, 0.01)


@again(case_streams.post_action, pro=True)
async def create_order_ws(desk: Desk) -> None:
    async with pro(desk) as client:
        order = await client.create_order_ws(*limit(79_000))
        assert order["id"] == str((await client.fetch_open_orders(BTC))[0]["id"])


@again(case_orders.gtc_fills, pro=True)
async def fill_ws(desk: Desk) -> None:
    async with pro(desk) as client:
        order = await client.create_order_ws(*limit(80_500))
        assert (order["filled"], order["average"]) == (0.01, 80_001)


@again(case_cancels.cancel, pro=True)
async def cancel_ws(desk: Desk) -> None:
    async with pro(desk) as client:
        placed = await client.create_order_ws(*limit(79_000))
        await client.cancel_order_ws(placed["id"], BTC)
        assert await client.fetch_open_orders(BTC) == []


@again(case_cancels.modify, pro=True)
async def edit_ws(desk: Desk) -> None:
    async with pro(desk) as client:
        placed = await client.create_order_ws(*limit(79_000))
        edited = await client.edit_order_ws(placed["id"], BTC, "limit", "buy", 0.02, 78_000)
        assert edited["id"] != placed["id"]


def limit(px: float) -> tuple[Any, ...]:
    """The arguments of a bid for 0.01 BTC."""
    return BTC, "limit", "buy", 0.01, px


async def first_heard(client: Any, watching: Any, act: Any) -> Any:
    """What `watching` hears first, once its subscription stands and `act` has been done."""
    task = asyncio.ensure_future(watching)
    await client.watch_order_book(BTC)  # the exchange answers in order: the earlier subscription stands, too
    await act()
    return await task
