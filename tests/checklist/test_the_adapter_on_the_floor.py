"""Rows 000-07, 002-02, 002-06, 002-08, 002-09, 002-29: our own requests and signatures against the built-in exchange.

In one process, without sockets: the bytes that the bot would send, and the answers it would get.
"""

from decimal import Decimal
from typing import Any

import pytest

from tests.core.worlds import instrument, started
from tests.localnet.floor import Trader, move_to, quiet_floor
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.limits import Budget
from tidegate.hyperliquid.replies import facts_of_reply
from tidegate.hyperliquid.signing import Signer
from tidegate.hyperliquid.wire import action_of, envelope
from tidegate.localnet.doors.gate import Gate
from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.transport import LocalnetAdapter
from tidegate.localnet.exchange import Exchange
from tidegate.model.events import Event, OrderAccepted, OrderRejected, TwapStarted
from tidegate.model.intents import CancelOrders, CancelTwap, PlaceOrders, Write
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, Trigger, Twap, new_cloid
from tidegate.model.positions import Side

D = Decimal
MID = 80_000
KEY = 1
SIDES = [Side.BUY, Side.SELL]


class Bot:
    """What the bot asks, signs and understands, on one kernel."""

    def __init__(self, exchange: Exchange, vault: str | None = None) -> None:
        self.exchange, self.vault = exchange, vault
        gate = Gate(exchange, UNLIMITED)
        self.client = HyperliquidClient("http://floor", budget=Budget(), transport=LocalnetAdapter(gate))
        self.signer = Signer(f"0x{KEY:064x}", mainnet=False)
        self.instruments, _warnings = self.client.instruments()
        self._count = 0

    def send(self, wish: Write) -> list[Event]:
        self._count += 1
        now_ms = self.exchange.now_ms
        action = action_of(wish, self.instruments)
        letter = envelope(self.signer, action, now_ms + self._count, self.vault, now_ms + 15_000)
        return facts_of_reply(wish, self.client.send(letter.body), now_ms)

    def order(self, side: Side, kind: Limit | Trigger | Twap, size: str = "0.01", **more: Any) -> OrderRequest:
        self._count += 1
        role = more.pop("role", Role.ENTRY)
        cloid = new_cloid("deadbeef", f"floor|{self._count}", role, 1)
        return OrderRequest(coin="BTC", asset=0, cloid=cloid, side=side, size=D(size), kind=kind, role=role, **more)

    def place(self, *orders: OrderRequest) -> list[Event]:
        return self.send(PlaceOrders(coin="BTC", orders=orders, expires_ms=0, signal_id="", reason=""))

    def listed(self, order: OrderRequest) -> dict[str, Any] | None:
        asked = {"type": "frontendOpenOrders", "user": self.signer.address}
        return next((row for row in self.exchange.info(asked).body if row["cloid"] == order.cloid), None)


@pytest.fixture
def bot() -> Bot:
    trader = Trader(quiet_floor(), KEY)
    assert trader.user == Bot(trader.exchange).signer.address
    return Bot(trader.exchange)


def beyond(side: Side, percent: float) -> D:
    """A price so far on the side at which such an order would trade (negative: on which it would rest)."""
    sign = 1 if side is Side.BUY else -1
    return D(round(MID * (1 + sign * percent / 100)))


def exit_side(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


# the matrix of order types


@pytest.mark.parametrize("side", SIDES)
def test_a_market_order_is_an_ioc_with_a_worst_price_and_fills(bot: Bot, side: Side) -> None:
    order = bot.order(side, Limit(price=beyond(side, 1), time_in_force=TimeInForce.IOC))
    [fact] = bot.place(order)
    assert isinstance(fact, OrderAccepted)
    assert (fact.filled, fact.resting) == (order.size, False)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("tif", [TimeInForce.GTC, TimeInForce.ALO])
def test_a_limit_order_rests_is_listed_and_cancelled(bot: Bot, side: Side, tif: TimeInForce) -> None:
    order = bot.order(side, Limit(price=beyond(side, -1), time_in_force=tif))
    [fact] = bot.place(order)
    assert isinstance(fact, OrderAccepted)
    assert fact.resting
    row = bot.listed(order)
    assert row is not None
    assert (row["oid"], row["tif"]) == (fact.oid, tif.value)
    cancel = CancelOrders(coin="BTC", asset=0, cloids=(order.cloid,), expires_ms=0, reason="")
    assert [each.status for each in bot.send(cancel)] == ["canceled"]
    assert bot.listed(order) is None


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("stop", [True, False], ids=["stop", "take-profit"])
def test_a_trigger_order_rests_with_its_limit_on_the_legal_side_and_fires_by_the_mark(
    bot: Bot, side: Side, stop: bool
) -> None:
    bot.place(bot.order(side, Limit(price=beyond(side, 1), time_in_force=TimeInForce.IOC)))
    closing = exit_side(side)
    level = beyond(side, -2 if stop else 2)
    kind = Trigger(trigger_price=level, worst_price=beyond(side, -12 if stop else -10), stop=stop)
    order = bot.order(closing, kind, role=Role.STOP if stop else Role.TAKE_PROFIT, reduce_only=True)
    [fact] = bot.place(order)
    assert isinstance(fact, OrderAccepted)
    row = bot.listed(order)
    assert row is not None
    assert (row["isTrigger"], row["reduceOnly"], D(row["triggerPx"])) == (True, True, level)
    worse = D(row["limitPx"]) < level if closing is Side.SELL else D(row["limitPx"]) > level
    assert worse, "it may fill beyond its trigger, never only before it"
    for _step in range(8):  # the mark is a median that follows
        move_to(bot.exchange, int(beyond(side, -2.3 if stop else 2.3)))
    assert bot.listed(order) is None
    assert bot.client.positions(bot.signer.address).positions == ()


@pytest.mark.parametrize("side", SIDES)
def test_a_twap_order_starts_is_shown_and_ended(bot: Bot, side: Side) -> None:
    order = bot.order(side, Twap(worst_price=beyond(side, 5), minutes=30), size="1")
    [fact] = bot.place(order)
    assert isinstance(fact, TwapStarted)
    user = bot.signer.address
    account = bot.client.with_twaps(user, bot.client.positions(user), bot.exchange.now_ms - 60_000)
    assert account.twaps is not None
    assert [each.twap_id for each in account.twaps] == [fact.twap_id]
    bot.send(CancelTwap(coin="BTC", asset=0, twap_id=fact.twap_id, cloid=order.cloid, expires_ms=0, reason=""))
    account = bot.client.with_twaps(user, bot.client.positions(user), bot.exchange.now_ms - 60_000)
    assert {each.status for each in account.twaps or ()} == {"activated", "terminated"}, "the history tells of both"


def test_too_short_a_twap_is_refused_in_the_exchanges_words(bot: Bot) -> None:
    [fact] = bot.place(bot.order(Side.BUY, Twap(worst_price=beyond(Side.BUY, 5), minutes=1), size="1"))
    assert isinstance(fact, OrderRejected)
    assert "Invalid TWAP duration: 1 min(s)" in fact.reason


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("percent", "tif", "size", "words"),
    [
        (1, TimeInForce.ALO, "0.01", "Post only order would have immediately matched"),
        (-1, TimeInForce.IOC, "0.01", "Order could not immediately match against any resting orders"),
        (1, TimeInForce.IOC, "0.0001", "Order must have minimum value of $10"),
    ],
    ids=["badAloPx", "iocCancel", "minTradeNtl"],
)
def test_a_refusal_inside_an_answer_that_is_ok_is_a_refusal(
    bot: Bot, side: Side, percent: int, tif: TimeInForce, size: str, words: str
) -> None:
    [fact] = bot.place(bot.order(side, Limit(price=beyond(side, percent), time_in_force=tif), size=size))
    assert isinstance(fact, OrderRejected)
    assert words in fact.reason
    assert bot.client.positions(bot.signer.address).positions == ()


# a market order has a worst price


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize(("moved_pct", "fills"), [(D("0.3"), True), (D(1), False)])
def test_with_half_a_per_cent_of_slippage_a_book_that_moved_by_one_fills_nothing_beyond(
    bot: Bot, direction: int, moved_pct: D, fills: bool
) -> None:
    btc = instrument("BTC", size_decimals=5)
    world = started(btc, price=D(MID), max_slippage_pct=D("0.5"), max_position_usd=D(800))
    entry = world.enter(direction).orders[0]
    cap = MID * (1 + direction * D("0.005"))
    assert abs(entry.price - cap) <= 1
    move_to(bot.exchange, int(MID * (1 + direction * moved_pct / 100)))
    [fact] = bot.place(entry)
    if fills:
        assert isinstance(fact, OrderAccepted)
        assert fact.average_price is not None
        assert (cap - fact.average_price) * direction >= 0
    else:
        assert isinstance(fact, OrderRejected)
        assert bot.client.positions(bot.signer.address).positions == ()


# whose account


def test_what_is_signed_for_a_sub_account_is_on_its_books_and_not_on_its_masters(bot: Bot) -> None:
    master = Trader(bot.exchange, KEY)
    bot.exchange.volume_gates = False
    user = master.post({"type": "createSubAccount", "name": "apart"})["response"]["data"]
    sent = {"type": "subAccountTransfer", "subAccountUser": user, "isDeposit": True, "usd": 5_000_000_000}
    assert master.post(sent)["status"] == "ok"
    bot.exchange.advance(bot.exchange.now_ms + 100)
    before = bot.client.positions(master.user)
    theirs = Bot(bot.exchange, vault=user)
    [fact] = theirs.place(theirs.order(Side.BUY, Limit(price=beyond(Side.BUY, 1), time_in_force=TimeInForce.IOC)))
    assert isinstance(fact, OrderAccepted)
    held = theirs.client.account(user, bot.exchange.now_ms - 60_000)
    assert [(each.coin, each.size) for each in held.positions] == [("BTC", D("0.01"))]
    assert held.equity < 5_000, "the fee came out of it"
    after = bot.client.account(master.user, bot.exchange.now_ms - 60_000)
    assert (after.positions, after.fills, after.equity) == ((), (), before.equity)


# what the account is said to have


@pytest.mark.parametrize("mode", [None, "u", "p"], ids=["standard", "unified", "portfolio margin"])
def test_free_collateral_is_what_the_exchange_would_let_one_trade_with(mode: str | None) -> None:
    trader = Trader(quiet_floor(), KEY, usdc="1000")
    if mode is not None:
        assert trader.post({"type": "agentSetAbstraction", "abstraction": mode})["status"] == "ok"
    bot = Bot(trader.exchange)
    assert bot.client.account(trader.user, None).free == 1_000
    assert trader.post({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 10})["status"] == "ok"
    trader.order("B", "79000", "0.05")
    available = trader.ask("activeAssetData", coin="BTC")["availableToTrade"]
    account = bot.client.account(trader.user, None)
    assert account.equity == 1_000
    assert account.free == D(available[0]) == 1_000 - D("79000") * D("0.05") / 10


@pytest.mark.parametrize("side", SIDES)
def test_sign_entry_and_profit_of_a_position_are_the_exchanges(bot: Bot, side: Side) -> None:
    for price in (1, 2):
        bot.place(bot.order(side, Limit(price=beyond(side, price), time_in_force=TimeInForce.IOC), size="3.7"))
    move_to(bot.exchange, MID + 250)
    user = bot.signer.address
    theirs = bot.exchange.info({"type": "clearinghouseState", "user": user}).body["assetPositions"][0]["position"]
    [ours] = bot.client.positions(user).positions
    assert ours.size == D(theirs["szi"])
    assert (ours.size > 0) is (side is Side.BUY)
    assert ours.entry_price == D(theirs["entryPx"])
    mark = bot.client.marks(["BTC"])["BTC"]
    assert abs(ours.unrealised_pnl(mark) - D(theirs["unrealizedPnl"])) < D("0.001") * abs(ours.size)
