"""Every order status of the protocol (section 2.12) can be seen here, or it is said why not."""

from decimal import Decimal

import pytest

from tests.localnet.floor import ALO, GTC, IOC, MARKET, START_MS, Tape, Trader, move_to, order, quiet_floor, trigger
from tidegate.localnet.kernel import checks

D = Decimal

UNREACHABLE = {
    "outcomeSettledCanceled": "there are no outcome markets here",
    "liquidatedCanceled": "held by the tests of liquidation",
    "vaultWithdrawalCanceled": "held by the tests of vaults",
    "scheduledCancel": "held by the tests of the dead man's switch",
}


class Scene:
    """A trader who is long 0.01, another one, and what was told."""

    def __init__(self) -> None:
        self.exchange = quiet_floor()
        self.trader, self.other = Trader(self.exchange, 1), Trader(self.exchange, 2)
        self.trader.order("B", "80001", "0.01", IOC)
        self.tape = Tape()
        self.exchange.feed.append(self.tape)


def resting(scene, side="B", px="79000", sz="0.01"):
    scene.trader.order(side, px, sz)


def wished(*args, **kwargs):
    return lambda scene: scene.trader.orders([order(*args, **kwargs)])


def triggered(scene):
    scene.trader.order("A", "79400", "0.01", trigger("sl", "79500", is_market=False), reduce_only=True)
    move_to(scene.exchange, 79_000)


def canceled(scene):
    scene.trader.cancel(scene.trader.order("B", "79000", "0.01")["resting"]["oid"])


def margin_canceled(scene):
    scene.trader.order("B", "79999", "20")
    scene.exchange.fund(scene.trader.user, D(-99_000))
    scene.exchange.trade("BTC", "A", D(79_999), D(11))


def at_the_cap(wish):
    def provoke(scene):
        scene.exchange.operators.cap_open_interest("BTC", D(1))
        scene.trader.orders([wish])

    return provoke


def cap_canceled(scene):
    resting(scene, px="79999")
    scene.exchange.operators.cap_open_interest("BTC", D(1))
    scene.exchange.trade("BTC", "A", D(79_999), D(11))


def self_trade(scene):
    resting(scene, side="A", px="80001")
    scene.trader.order("B", "80001", "11", IOC)


def reduce_only_canceled(scene):
    scene.trader.order("A", "81000", "0.01", reduce_only=True)
    scene.trader.order("A", "79999", "0.01", IOC)


def sibling_filled(scene):
    exits = [
        order("A", "70000", "0", trigger("sl", "79500"), reduce_only=True),
        order("A", "70000", "0", trigger("tp", "90000"), reduce_only=True),
    ]
    scene.trader.orders(exits, "positionTpsl")
    move_to(scene.exchange, 79_000)


def delisted(scene):
    resting(scene)
    scene.exchange.operators.delist("BTC")


def internally_canceled(scene):
    resting(scene)
    scene.exchange.operators.cancel_orders(scene.trader.user)


def upgraded(scene):
    scene.exchange.operators.upgrade(1_000)
    resting(scene)


def grown(scene):
    scene.exchange.operators.limit_growth("BTC", D(1))
    resting(scene)


def banded(scene):
    scene.exchange.operators.band_around_oracle("BTC", D("0.01"))
    resting(scene)


def beyond_the_tier(scene):
    scene.exchange.fund(scene.trader.user, D(10) ** 9)
    scene.trader.post({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 40})
    scene.trader.order("B", "79000", "2000")


def crowded(scene):
    for _ in range(3):
        resting(scene)


REACHED = {
    "open": resting,
    "triggered": triggered,
    "filled": wished("B", "80001", "0.01", IOC),
    "canceled": canceled,
    "marginCanceled": margin_canceled,
    "openInterestCapCanceled": cap_canceled,
    "selfTradeCanceled": self_trade,
    "reduceOnlyCanceled": reduce_only_canceled,
    "siblingFilledCanceled": sibling_filled,
    "delistedCanceled": delisted,
    "internalCancel": internally_canceled,
    "rejected": upgraded,
    "tickRejected": wished("B", "79000.5", "0.01"),
    "minTradeNtlRejected": wished("B", "79000", "0.0001"),
    "perpMarginRejected": wished("B", "79000", "40"),
    "reduceOnlyRejected": wished("B", "79000", "0.01", GTC, reduce_only=True),
    "badAloPxRejected": wished("B", "80001", "0.01", ALO),
    "iocCancelRejected": wished("B", "79000", "0.01", IOC),
    "badTriggerPxRejected": wished("B", "82000", "0.01", trigger("sl", "79000")),
    "marketOrderNoLiquidityRejected": wished("B", "79000", "0.01", MARKET),
    "positionIncreaseAtOpenInterestCapRejected": at_the_cap(order("B", "79000", "0.01")),
    "positionFlipAtOpenInterestCapRejected": at_the_cap(order("A", "81000", "0.02")),
    "tooAggressiveAtOpenInterestCapRejected": at_the_cap(order("A", "79000", "0.01")),
    "openInterestIncreaseRejected": grown,
    "insufficientSpotBalanceRejected": wished("A", "40", "1", asset=10107),
    "oracleRejected": banded,
    "perpMaxPositionRejected": beyond_the_tier,
    "tooManyOpenOrdersRejected": crowded,
}


@pytest.mark.parametrize(("status", "provoke"), REACHED.items(), ids=REACHED)
def test_a_status_is_told_and_kept_in_the_history(status, provoke, monkeypatch):
    monkeypatch.setattr(checks, "OPEN_ORDERS_BEFORE_EXITS_STOP", 2)
    monkeypatch.setattr(checks, "OPEN_ORDERS_MAX", 2)
    scene = Scene()
    provoke(scene)
    told = [row for user, row in scene.tape.updates if user == scene.trader.user and row["status"] == status]
    assert told, scene.tape.updates
    history = {row["order"]["oid"]: row["status"] for row in scene.trader.ask("historicalOrders")}
    assert history[told[-1]["order"]["oid"]] == status
    answer = scene.trader.ask("orderStatus", oid=told[-1]["order"]["oid"])
    assert answer["order"]["status"] == status
    assert answer["order"]["statusTimestamp"] >= START_MS


def test_the_page_knows_no_other_status():
    assert len(REACHED) + len(UNREACHABLE) == 32
    assert not set(REACHED) & set(UNREACHABLE)
