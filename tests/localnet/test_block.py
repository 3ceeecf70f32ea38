"""block.py: what happened is told when the call is over, in one order."""

from decimal import Decimal

from tests.localnet.floor import IOC, Tape, Trader, quiet_floor
from tidegate.localnet.kernel.block import Block

D = Decimal


class Diary(Tape):
    """Notes the order of calls."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def on_trades(self, coin, trades):
        self.heard.append("trades")

    def on_book(self, coin):
        self.heard.append("book")

    def on_order_update(self, user, updates):
        self.heard.append("updates")

    def on_fills(self, user, fills):
        self.heard.append("fills")

    def on_user_event(self, user, event):
        self.heard.append("event")

    def on_asset_ctx(self, coin):
        self.heard.append("context")


def test_everything_of_a_block_is_told_in_a_fixed_order():
    block, diary = Block(), Diary()
    block.feed.append(diary)
    block.asset_ctx("BTC")
    block.user_event("u", {})
    block.fill("u", {})
    block.order_update("u", {})
    block.book("BTC")
    block.book("BTC")
    block.trades("BTC", [])
    block.close()
    assert diary.heard == ["trades", "book", "updates", "fills", "event", "context"]
    block.close()
    assert len(diary.heard) == 6


def test_the_book_is_told_once_however_often_it_changed():
    exchange = quiet_floor(sz="0.01")
    tape = Tape()
    exchange.feed.append(tape)
    Trader(exchange, 1).order("B", "80005", "0.04", IOC)
    assert tape.books == ["BTC"]
    assert len(tape.trades) == 4


def test_a_subscriber_that_acts_is_told_in_a_block_of_its_own():
    exchange = quiet_floor()

    class Echo(Tape):
        def on_trades(self, coin, trades):
            super().on_trades(coin, trades)
            if len(self.trades) < 3:
                exchange.trade("BTC", "B", D(80001), D("0.1"))

    echo = Echo()
    exchange.feed.append(echo)
    exchange.trade("BTC", "B", D(80001), D("0.1"))
    assert len(echo.trades) == 3
