"""The exchange's side of the bot against the built-in exchange, which was written from another reading of the docs."""

import json
import queue
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from hyperliquid_websocket import HyperliquidWebSocketClient
from tidegate.clock import ExchangeClock
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.limits import Budget
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.hyperliquid.replies import GONE, facts_of_reply
from tidegate.hyperliquid.signing import Signer
from tidegate.hyperliquid.wire import Envelope, action_of, envelope, spending
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.model.events import (
    BookChanged,
    CandleChanged,
    Event,
    LeverageSet,
    Marked,
    NonceSpent,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderInDoubt,
    OrderOpened,
    OrderRejected,
    StreamUp,
    Trade,
)
from tidegate.model.instruments import Instrument, Rounding
from tidegate.model.intents import CancelOrders, Grouping, PlaceOrders, ResendOrders, SetLeverage, SpendNonce, Write
from tidegate.model.market import Timeframe
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, Trigger, new_cloid
from tidegate.model.positions import Side

KEY = "0x" + "17" * 32
PATIENCE_S = 20.0
DAY_MS = 86_400_000


class Facts:
    """An inbox that a test waits at."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def put_all(self, events: Sequence[Event]) -> None:
        for event in events:
            self.put(event)

    def put(self, event: Event) -> None:
        self._queue.put(event)

    def wait_for(self, kind: type[Any], like: Callable[[Any], bool] = lambda _: True) -> Any:
        while True:
            event = self._queue.get(timeout=PATIENCE_S)
            if isinstance(event, kind) and like(event):
                return event


class Desk:
    """Everything it takes to trade BTC on one localnet."""

    def __init__(self, localnet: Running) -> None:
        self.client = HyperliquidClient(localnet.url, budget=Budget())
        self.signer = Signer(KEY, mainnet=False)
        self.user = self.signer.address
        self.start_ms = self.client.exchange_ms()
        self.clock = ExchangeClock(self.start_ms, localnet.speed)
        self.instruments, self.warnings = self.client.instruments()
        self.btc: Instrument = self.instruments["BTC"]
        self.mid = self.client.mids(["BTC"])["BTC"]
        self.facts = Facts()
        self.protocol = StreamProtocol(["BTC", "ETH"], self.user, Timeframe.M1, order_books=True)
        url = "ws" + localnet.url.removeprefix("http") + "/ws"
        self.stream = HyperliquidWebSocketClient(url, self.facts, self.clock, self.protocol)
        self._nonce = 0
        self._count = 0

    def sign(self, wish: Write) -> Envelope:
        self._nonce = max(self._nonce + 1, self.clock.now_ms())
        action = action_of(wish, self.instruments)
        return envelope(self.signer, action, self._nonce, None, self._nonce + 15_000)

    def post(self, wish: Write) -> None:
        assert self.stream.post(wish, self.sign(wish).body)

    def send(self, wish: Write) -> list[Event]:
        return facts_of_reply(wish, self.client.send(self.sign(wish).body), self.clock.now_ms())

    def limit(self, side: Side, factor: str, tif: TimeInForce = TimeInForce.IOC, **more: Any) -> OrderRequest:
        rounding = Rounding.UP if side is Side.BUY else Rounding.DOWN
        price = self.btc.price(self.mid * Decimal(factor), rounding)
        return self._order(side, Limit(price=price, time_in_force=tif), Role.ENTRY, **more)

    def exit(self, factor: str, *, stop: bool) -> OrderRequest:
        level = self.btc.price(self.mid * Decimal(factor), Rounding.DOWN)
        worst = self.btc.price(level * Decimal("0.9"), Rounding.DOWN)
        kind = Trigger(trigger_price=level, worst_price=worst, stop=stop)
        return self._order(Side.SELL, kind, Role.STOP if stop else Role.TAKE_PROFIT, reduce_only=True)

    def _order(self, side: Side, kind: Limit | Trigger, role: Role, **more: Any) -> OrderRequest:
        self._count += 1
        cloid = new_cloid("deadbeef", f"test|{self._count}", role, 1)
        size = self.btc.size(Decimal(500) / self.mid)
        return OrderRequest(
            coin="BTC",
            asset=self.btc.asset,
            cloid=cloid,
            side=side,
            size=size,
            kind=kind,
            role=role,
            **more,
        )


def place(*orders: OrderRequest, grouping: Grouping = Grouping.NONE) -> PlaceOrders:
    return PlaceOrders(
        coin="BTC",
        orders=orders,
        grouping=grouping,
        expires_ms=0,
        signal_id="",
        reason="",
    )


@pytest.fixture
def desk() -> Iterator[Desk]:
    with running(LocalnetOptions(scenario="random", seed=5)) as localnet:
        made = Desk(localnet)
        made.stream.start()
        made.facts.wait_for(StreamUp)
        yield made
        made.stream.stop()
        made.client.close()


def test_reads_are_understood(desk):
    assert desk.warnings == []
    assert not desk.btc.delisted
    candles = desk.client.candles("BTC", Timeframe.M5, desk.start_ms - DAY_MS, desk.start_ms)
    assert len(candles) >= 288
    steps = {late.open_ms - early.open_ms for early, late in pairwise(candles)}
    assert steps == {Timeframe.M5.ms}
    assert desk.client.marks(["BTC"])["BTC"] > 0
    assert desk.client.order_status(desk.user, "0x" + "1" * 32).status is None
    assert desk.client.user_role(desk.user).role in ("missing", "user")


def test_the_stream_brings_every_kind_of_price(desk):
    for kind in (Trade, BookChanged, Marked, CandleChanged):
        assert desk.facts.wait_for(kind).coin in ("BTC", "ETH")
    assert not any(reason.startswith("frame") for reason in desk.protocol.dropped)


def test_a_position_is_opened_with_its_exits_and_closed_again(desk):
    desk.post(SetLeverage(coin="BTC", asset=desk.btc.asset, leverage=5, expires_ms=0))
    assert desk.facts.wait_for(LeverageSet).leverage == 5
    entry, stop, profit = desk.limit(Side.BUY, "1.02"), desk.exit("0.9", stop=True), desk.exit("1.2", stop=False)
    desk.post(place(entry, stop, profit, grouping=Grouping.ENTRY_WITH_EXITS))
    filled = Decimal(0)
    while filled < entry.size:
        filled += desk.facts.wait_for(OrderFilled, lambda event: event.fill.cloid == entry.cloid).fill.size
    accepted = desk.facts.wait_for(OrderAccepted, lambda event: event.cloid == stop.cloid)
    assert accepted.resting
    account = desk.client.account(desk.user, desk.start_ms)
    [position] = account.positions
    assert (position.coin, position.size) == ("BTC", entry.size)
    resting = {order.cloid: order for order in account.orders}
    assert resting[stop.cloid].is_stop
    assert resting[stop.cloid].trigger_price == stop.kind.trigger_price
    assert resting[stop.cloid].size == entry.size
    assert not resting[profit.cloid].is_stop
    assert desk.client.order_status(desk.user, entry.cloid).status == "filled"

    cancel = CancelOrders(
        coin="BTC",
        asset=desk.btc.asset,
        cloids=(profit.cloid, "0x" + "9" * 32),
        expires_ms=0,
        reason="",
    )
    assert [fact.status for fact in desk.send(cancel)] == ["canceled", GONE]
    [fact] = desk.send(place(desk.limit(Side.SELL, "0.95", reduce_only=True)))
    assert (fact.resting, fact.filled) == (False, entry.size)
    desk.facts.wait_for(OrderCanceled, lambda event: event.cloid == stop.cloid)
    assert desk.client.account(desk.user, desk.start_ms).positions == ()


def test_refusals_come_in_the_same_words_over_both_roads(desk):
    order = desk.limit(Side.SELL, "0.95", reduce_only=True)
    [fact] = desk.send(place(order))
    assert isinstance(fact, OrderRejected)
    told = desk.facts.wait_for(OrderRejected, lambda event: event.cloid == order.cloid)
    assert told.reason.rstrip(".") in fact.reason
    desk.post(place(desk.limit(Side.BUY, "0.5", TimeInForce.IOC)))
    assert "immediately match" in desk.facts.wait_for(OrderRejected).reason


def test_the_same_bytes_sent_twice_are_carried_out_once(desk):
    order = desk.limit(Side.BUY, "0.9", TimeInForce.GTC)
    letter = desk.sign(place(order))
    assert desk.stream.post(place(order), letter.body)
    desk.facts.wait_for(OrderOpened, lambda event: event.order.cloid == order.cloid)
    resend = ResendOrders(cloid=order.cloid)
    [fact] = facts_of_reply(resend, desk.client.send(letter.body), desk.clock.now_ms())
    assert isinstance(fact, OrderInDoubt)
    assert desk.stream.post(resend, letter.body)
    desk.facts.wait_for(OrderInDoubt, lambda event: event.cloid == order.cloid)
    orders = desk.client.account(desk.user, desk.start_ms).orders
    assert [each.cloid for each in orders] == [order.cloid]
    assert desk.client.order_status(desk.user, order.cloid).status == "open"


def test_of_an_order_and_an_action_that_does_nothing_with_one_nonce_only_the_first_is_carried_out(desk):
    for order_is_first in (False, True):
        order = desk.limit(Side.BUY, "0.9", TimeInForce.GTC)
        letter = desk.sign(place(order))
        spend = SpendNonce(
            coin="BTC", cloid=order.cloid, cloids=(order.cloid,), expires_ms=letter.nonce + 15_000, reason="a test"
        )
        nothing = spending(desk.signer, letter.body, spend.expires_ms)
        letters = [(place(order), letter), (spend, nothing)]
        first, second = (
            facts_of_reply(wish, desk.client.send(each.body), desk.clock.now_ms())
            for wish, each in (letters if order_is_first else letters[::-1])
        )
        assert isinstance(first[0], OrderAccepted if order_is_first else NonceSpent)
        assert isinstance(second[0], OrderInDoubt)
        assert "duplicate nonce" in second[0].reason
        status = desk.client.order_status(desk.user, order.cloid).status
        assert status == ("open" if order_is_first else None)


def test_a_changed_body_is_signed_by_somebody_else(desk):
    order = desk.limit(Side.BUY, "0.9", TimeInForce.GTC)
    body = json.loads(desk.sign(place(order)).body)
    body["nonce"] += 1
    desk.client.send(json.dumps(body).encode())
    assert desk.client.order_status(desk.user, order.cloid).status is None
