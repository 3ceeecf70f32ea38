"""Row 004-06: what changes in an account on the exchange, by whoever's hand, is heard within a second of its time:
orders, fills, positions, and with a fill the cash that it moved. Cash that comes or goes without one has the account
read as soon as the exchange lists it, which it does every five seconds."""

import json
from decimal import Decimal
from typing import Any

from tests.checklist.pair import D, Pair, coins_of
from tidegate.hyperliquid.signing import Signer
from tidegate.hyperliquid.wire import action_of, envelope
from tidegate.localnet.doors.subscriptions import PERIOD_MS
from tidegate.localnet.exchange import Exchange
from tidegate.model.events import AccountMissed, FundingPaid, OrderCanceled, OrderFilled, OrderOpened
from tidegate.model.instruments import Instrument
from tidegate.model.intents import CancelOrders, PlaceOrders, Write
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, new_cloid
from tidegate.model.positions import Side

SIGNER = Signer("0x" + "17" * 32, mainnet=False)
COIN = "C0000"
INSTRUMENTS = {COIN: Instrument(coin=COIN, asset=0, size_decimals=2, leverage_max=20)}
PATIENCE_S = 1.0
LISTED_EVERY_S = PERIOD_MS["clearinghouseState"] / 1_000


class Account:
    """An account whose owner acts elsewhere, and a stream that hears of it."""

    def __init__(self) -> None:
        self.pair = Pair(coins_of(1), SIGNER.address)
        self.pair.do(lambda exchange: exchange.fund(SIGNER.address, D(10_000)))
        self.pair.pass_s(70)
        self.pair.told()
        self._count = 0

    def act(self, wish: Write) -> None:
        """What the owner does."""
        nonce = self.pair.now_ms + self._count
        body = envelope(SIGNER, action_of(wish, INSTRUMENTS), nonce, None, nonce + 15_000).body

        def carry_out(exchange: Exchange) -> None:
            reply = exchange.act(json.loads(body))
            assert reply.body["status"] == "ok", reply.body

        self.pair.do(carry_out)

    def order(self, side: Side, price: str, tif: TimeInForce) -> OrderRequest:
        """Place an order of one coin."""
        self._count += 1
        request = OrderRequest(
            coin=COIN,
            asset=0,
            cloid=new_cloid("deadbeef", f"test|{self._count}", Role.ENTRY, 1),
            side=side,
            size=D(1),
            kind=Limit(price=D(price), time_in_force=tif),
            role=Role.ENTRY,
        )
        self.act(
            PlaceOrders(
                coin=COIN, orders=(request,), expires_ms=self.pair.now_ms + 15_000, signal_id="s", reason="elsewhere"
            )
        )
        return request

    def hears(self, kind: type, within_s: float = PATIENCE_S) -> Any:
        """What of this kind is told within so much exchange time, once."""
        changed_ms = self.pair.now_ms
        self.pair.pass_s(within_s)
        (event,) = self.pair.told(kind)
        assert 0 <= event.at_ms - changed_ms <= within_s * 1_000
        return event


def test_an_order_that_is_placed_and_cancelled_elsewhere_is_heard_within_a_second() -> None:
    account = Account()
    request = account.order(Side.BUY, "150", TimeInForce.GTC)
    assert account.hears(OrderOpened).order.cloid == request.cloid
    account.act(
        CancelOrders(
            coin=COIN, asset=0, cloids=(request.cloid,), expires_ms=account.pair.now_ms + 15_000, reason="elsewhere"
        )
    )
    gone = account.hears(OrderCanceled)
    assert (gone.cloid, gone.status) == (request.cloid, "canceled")


def test_a_fill_and_with_it_the_position_are_heard_within_a_second() -> None:
    account = Account()
    sizes: list[Decimal] = []
    for side, price in ((Side.BUY, "205"), (Side.BUY, "205"), (Side.SELL, "195")):
        account.order(side, price, TimeInForce.IOC)
        fill = account.hears(OrderFilled).fill
        sizes.append(fill.start_position + fill.side.sign * fill.size)
    assert sizes == [1, 2, 1]
    state = account.pair.exchange.info({"type": "clearinghouseState", "user": SIGNER.address}).body
    assert D(state["assetPositions"][0]["position"]["szi"]) == 1


def test_cash_that_comes_has_the_account_read_with_the_next_listing_and_no_fill_does() -> None:
    account = Account()
    account.pair.do(lambda exchange: exchange.fund(SIGNER.address, D(500)))
    told = account.hears(AccountMissed, LISTED_EVERY_S)
    assert told.reason == "the account's cash changed by 500.0 USD without a fill"
    account.pair.pass_s(70)
    account.pair.told()
    for side, price in ((Side.BUY, "205"), (Side.SELL, "195")):
        account.order(side, price, TimeInForce.IOC)
        account.pair.pass_s(20)
    assert account.pair.told(AccountMissed) == []


def test_an_hour_of_funding_is_no_transfer_and_transfers_ask_once_a_minute_at_most() -> None:
    account = Account()
    account.order(Side.BUY, "205", TimeInForce.IOC)
    account.pair.pass_s(3_700)
    events = account.pair.told(AccountMissed, FundingPaid)
    assert [type(event) for event in events] == [FundingPaid]
    for _transfer in range(20):
        account.pair.do(lambda exchange: exchange.fund(SIGNER.address, D(1)))
        account.pair.pass_s(5)
    assert len(account.pair.told(AccountMissed)) == 2
