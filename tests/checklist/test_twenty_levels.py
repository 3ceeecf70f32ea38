"""Row 000-04: an order book of twenty levels is localnet's own after every push; empty and crossed sides are told."""

import json
import random
from decimal import Decimal
from typing import Any

import pytest

from tests.checklist.pair import START_MS, Pair, coins_of
from tidegate.hyperliquid.order_books import Depth, OrderBook
from tidegate.hyperliquid.subscriptions import Subscription
from tidegate.localnet.exchange import Exchange

D = Decimal
COIN = "C0000"
Quote = tuple[Decimal, Decimal, int]


def streamed(*, fast: bool) -> Pair:
    """A stream of prints, touches and levels of one coin."""
    pair = Pair(coins_of(2), account=False, candles=False)
    pair.say(pair.fleet.add_single(Subscription("l2Book", COIN, fast=fast), pair.now_ns))
    return pair


def theirs(exchange: Exchange, depth: int) -> OrderBook:
    """The exchange's own snapshot, as REST answers it."""
    body = exchange.info({"type": "l2Book", "coin": COIN}).body
    bids, asks = (tuple(Depth(D(row["px"]), D(row["sz"]), row["n"]) for row in side[:depth]) for side in body["levels"])
    return OrderBook(coin=COIN, bids=bids, asks=asks, time_ms=body["time"])


def quotes(chance: random.Random, mid: Decimal) -> tuple[list[Quote], list[Quote]]:
    """A book somewhere near: up to thirty levels a side, now and then none on one side or on both."""
    sides: list[list[Quote]] = []
    for sign in (-1, 1):
        count = 0 if chance.random() < 0.15 else chance.randint(1, 30)
        steps = sorted(chance.sample(range(1, 200), count))
        sides.append(
            [(mid + sign * D(step) / 100, D(chance.randint(1, 9_999)) / 100, chance.randint(1, 9)) for step in steps]
        )
    return sides[0], sides[1]


@pytest.mark.parametrize(("fast", "depth"), [(False, 20), (True, 5)])
def test_the_book_that_is_kept_is_the_exchanges_snapshot_after_every_push(fast: bool, depth: int) -> None:
    pair, chance = streamed(fast=fast), random.Random(4)
    seen: list[OrderBook] = []

    def compare(frame: bytes) -> None:
        if frame.startswith(b'{"channel":"l2Book"'):
            book = pair.protocol.order_book(COIN)
            assert book is not None
            assert book == theirs(pair.exchange, depth)
            assert not book.is_crossed
            seen.append(book)

    pair.each_frame = compare
    for _push in range(120):
        pair.do(lambda exchange: exchange.quote(COIN, *quotes(chance, D(200) + D(chance.randint(-50, 50)))))
        pair.pass_s(0.5 if fast else 5)
    assert len(seen) >= 110
    shapes = {(bool(book.bids), bool(book.asks)) for book in seen}
    assert shapes == {(True, True), (True, False), (False, True), (False, False)}
    assert max(len(book.bids) for book in seen) == max(len(book.asks) for book in seen) == depth
    assert {book.imbalance(depth) for book in seen if not (book.bids or book.asks)} == {None}
    assert {book.imbalance(depth) for book in seen if book.bids and not book.asks} == {1}
    assert pair.protocol.order_book("C0001") is None, "nobody asked for its levels"


def snapshot(bids: list[Any], asks: list[Any], time_ms: int) -> bytes:
    """A frame as the exchange sends it."""
    return json.dumps(
        {"channel": "l2Book", "data": {"coin": COIN, "time": time_ms, "levels": [bids, asks]}}, separators=(",", ":")
    ).encode()


def row(px: str, sz: str = "1") -> dict[str, Any]:
    return {"px": px, "sz": sz, "n": 1}


def test_a_crossed_book_is_told_as_crossed_and_has_no_imbalance() -> None:
    pair = streamed(fast=False)
    pair.protocol.receive(snapshot([row("201")], [row("200")], START_MS + 1), START_MS + 1, 1)
    book = pair.protocol.order_book(COIN)
    assert book is not None
    assert book.is_crossed
    assert book.imbalance(20) is None


def test_the_imbalance_is_that_of_as_many_levels_as_are_asked_for() -> None:
    pair = streamed(fast=False)
    frame = snapshot([row("200", "3"), row("199", "9")], [row("201", "1"), row("202", "1")], START_MS + 1)
    pair.protocol.receive(frame, START_MS + 1, 1)
    book = pair.protocol.order_book(COIN)
    assert book is not None
    assert (book.imbalance(1), book.imbalance(2)) == (D("0.5"), D(10) / D(14))


def test_an_older_snapshot_changes_nothing_and_a_lost_line_leaves_no_book_behind() -> None:
    pair = streamed(fast=False)
    for time_ms, price in ((START_MS + 5, "200"), (START_MS + 4, "150")):
        pair.protocol.receive(snapshot([row(price)], [], time_ms), START_MS + 5, 1)
    book = pair.protocol.order_book(COIN)
    assert book is not None
    assert book.bids[0].px == 200
    pair.lose(pair.protocol, "cut")
    assert pair.protocol.order_book(COIN) is None
