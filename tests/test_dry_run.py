"""The dry run: orders held against the venue's rules, shown, never sent."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidegate.clock import SettableClock
from tidegate.dry_run import DryRunGateway
from tidegate.model.events import LeverageSet, OrderCanceled, OrderRejected
from tidegate.model.instruments import Instrument
from tidegate.model.intents import CancelOrders, PlaceOrders, ResendOrders, SetLeverage
from tidegate.model.orders import DRY_RUN, Limit, OrderRequest, Role, Trigger
from tidegate.model.positions import Side

D = Decimal
T0 = 1_767_225_600_000
BTC = Instrument(coin="BTC", asset=0, size_decimals=3, leverage_max=40)


@pytest.fixture
def gateway() -> DryRunGateway:
    return DryRunGateway(SettableClock(T0), {"BTC": BTC})


def order(
    cloid: str = "0x1", *, price: str = "100", size: str = "1", stop: str | None = None, reduce_only: bool = False
) -> OrderRequest:
    kind = Limit(price=D(price))
    if stop is not None:
        kind = Trigger(trigger_price=D(stop), worst_price=D(price), stop=True)  # type: ignore[assignment]
    return OrderRequest(
        coin="BTC",
        asset=0,
        cloid=cloid,
        side=Side.SELL if reduce_only else Side.BUY,
        size=D(size),
        kind=kind,
        role=Role.STOP if reduce_only else Role.ENTRY,
        reduce_only=reduce_only,
    )


def verdict(gateway: DryRunGateway, request: OrderRequest) -> str:
    wish = PlaceOrders(coin="BTC", orders=(request,), expires_ms=T0, signal_id="1", reason="a test")
    (event,) = gateway.perform(wish)
    assert isinstance(event, OrderRejected)
    assert (event.at_ms, event.cloid) == (T0, request.cloid)
    start, _, rest = event.reason.partition(": ")
    assert start == DRY_RUN
    return rest


VERDICTS: dict[str, tuple[OrderRequest, str]] = {
    "a sound order": (order(), "legal, not sent"),
    "a sound stop": (order(price="90", stop="95", reduce_only=True), "legal, not sent"),
    "a price off the grid": (order(price="100.123"), "it would be rejected: price 100.123 is not on the grid"),
    "a trigger off the grid": (
        order(price="90", stop="95.1234", reduce_only=True),
        "it would be rejected: price 95.1234 is not on the grid",
    ),
    "half a lot": (order(size="0.0005"), "it would be rejected: size 0.0005 is not a positive multiple of the lot"),
    "nothing": (order(size="0"), "it would be rejected: size 0 is not a positive multiple of the lot"),
    "too small": (order(size="0.099"), "it would be rejected: worth 9.90 USD, less than 10"),
    "just large enough": (order(size="0.1"), "legal, not sent"),
    "a small rest may leave": (order(size="0.001", reduce_only=True), "legal, not sent"),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_an_order_is_held_against_the_venues_rules(gateway: DryRunGateway, name: str) -> None:
    request, expected = VERDICTS[name]
    assert verdict(gateway, request) == expected


def test_the_entry_of_an_action_is_refused_last_for_its_exits_go_with_it(gateway: DryRunGateway) -> None:
    orders = (order("entry"), order("stop", price="90", stop="95", reduce_only=True))
    wish = PlaceOrders(coin="BTC", orders=orders, expires_ms=T0, signal_id="1", reason="a test")
    assert [event.cloid for event in gateway.perform(wish) if isinstance(event, OrderRejected)] == ["stop", "entry"]


def test_cancels_and_leverage_are_taken_as_done(gateway: DryRunGateway) -> None:
    cancel = CancelOrders(coin="BTC", asset=0, cloids=("0x1", "0x2"), expires_ms=T0, reason="a test")
    assert gateway.perform(cancel) == [
        OrderCanceled(at_ms=T0, coin="BTC", oid=0, cloid=cloid, status="dry run") for cloid in ("0x1", "0x2")
    ]
    leverage = SetLeverage(coin="BTC", asset=0, leverage=3, expires_ms=T0)
    assert gateway.perform(leverage) == [LeverageSet(at_ms=T0, coin="BTC", leverage=3)]


def test_there_is_nothing_to_send_again(gateway: DryRunGateway) -> None:
    assert gateway.perform(ResendOrders(cloid="0x1")) == []


def test_what_the_last_gate_would_stop_is_said() -> None:
    gateway = DryRunGateway(SettableClock(T0), {"BTC": BTC}, lambda _wish, _now_ms: "an order of 100 USD is too much")
    assert verdict(gateway, order()) == "it would not leave this bot: an order of 100 USD is too much"


def test_what_the_exchange_would_reject_comes_first() -> None:
    gateway = DryRunGateway(SettableClock(T0), {"BTC": BTC}, lambda _wish, _now_ms: "no")
    assert verdict(gateway, order(size="0.0001")).startswith("it would be rejected: size 0.0001")


def test_a_delisted_coin_takes_no_orders() -> None:
    gateway = DryRunGateway(SettableClock(T0), {"BTC": replace(BTC, delisted=True)})
    assert verdict(gateway, order()) == "it would be rejected: BTC is delisted"


def test_an_order_beyond_the_largest_is_said_to_be_rejected(gateway: DryRunGateway) -> None:
    assert "more than 30000000" in verdict(gateway, order(price="30000", size="1001"))
