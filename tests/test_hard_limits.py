"""The last gate: whatever the rest of the bot decided, no order outside the limits leaves; what reduces always does."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.worlds import started
from tidegate.core import brakes
from tidegate.core.metadata import Listed
from tidegate.hard_limits import COLLAR_PCT, POSITION_SLACK, HardLimits, limits_of
from tidegate.model.instruments import Instrument
from tidegate.model.intents import PlaceOrders, SetLeverage, Urgency
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, Trigger
from tidegate.model.positions import Side
from tidegate.model.settings import HUNDRED, Settings
from tidegate.model.signals import Want

D = Decimal
HUNDRED_USD, ONE, NONE = D(100), D(1), D(0)
T0 = 1_767_225_600_000
BTC = Instrument(coin="BTC", asset=0, size_decimals=3, leverage_max=40)
ETH = Instrument(coin="ETH", asset=1, size_decimals=3, leverage_max=25)
SETTINGS = Settings(
    coins=("BTC",), max_position_usd=D(1000), max_slippage_pct=D(1), leverage=3, max_orders_per_minute=2
)


def gate(*, mark: Decimal | None = HUNDRED_USD, held: Decimal = NONE) -> HardLimits:
    return HardLimits(SETTINGS, {"BTC": BTC, "ETH": ETH}, lambda _coin: mark, lambda _coin: held)


def order(
    *, price: Decimal = HUNDRED_USD, size: Decimal = ONE, side: Side = Side.BUY, reduce_only: bool = False
) -> OrderRequest:
    return OrderRequest(
        coin="BTC",
        asset=0,
        cloid="0x" + "0" * 32,
        side=side,
        size=size,
        kind=Limit(price=price, time_in_force=TimeInForce.IOC),
        role=Role.EXIT if reduce_only else Role.ENTRY,
        reduce_only=reduce_only,
    )


def place(*orders: OrderRequest, coin: str = "BTC") -> PlaceOrders:
    return PlaceOrders(coin=coin, orders=orders, expires_ms=T0, signal_id="1", reason="a test", urgency=Urgency.ENTRY)


def test_what_the_bot_means_to_send_passes() -> None:
    stop = replace(
        order(side=Side.SELL, reduce_only=True),
        kind=Trigger(trigger_price=D(97), worst_price=D("87.3"), stop=True),
    )
    assert gate().objection(place(order(price=D(101), size=D("9.9")), stop), T0) is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (order(size=D(0)), "not a positive multiple of the lot"),
        (order(size=D("-1")), "not a positive multiple of the lot"),
        (order(size=D("0.0001")), "not a positive multiple of the lot"),
        (order(price=D("100.00001")), "not on the exchange's grid"),
        (order(price=D("NaN")), "not on the exchange's grid"),
        (order(size=D("0.05")), "below the exchange's least"),
        (order(size=D(20)), "above MAX_POSITION_USD=1000"),
        (order(price=D(107)), "beyond the mark 100"),
        (order(price=D(93), side=Side.SELL), "beyond the mark 100"),
        (replace(order(), coin="ETH"), "the order names ETH"),
        (replace(order(), asset=1), "(asset 1)"),
    ],
)
def test_an_order_outside_the_limits_is_refused_with_what_is_wrong(wrong: OrderRequest, words: str) -> None:
    assert words in str(gate().objection(place(wrong), T0))


def test_a_coin_that_is_not_traded_is_refused() -> None:
    wish = place(replace(order(), coin="SOL", asset=1), coin="SOL")
    assert gate().objection(wish, T0) == "SOL is none of the bot's coins"


def test_no_entry_without_a_mark_price_or_on_top_of_a_full_position() -> None:
    assert "no mark price" in str(gate(mark=None).objection(place(order()), T0))
    assert "MAX_POSITION_USD" in str(gate(held=D(10)).objection(place(order(size=D(2))), T0))


@given(st.integers(0, 60), st.decimals("0.001", "1000", places=3), st.decimals(1, 1000, places=0))
def test_an_order_that_only_reduces_is_never_counted_and_never_too_big_or_too_far(
    count: int, size: Decimal, price: Decimal
) -> None:
    limits = gate(mark=None)
    for _ in range(count):
        assert limits.objection(place(order(price=price, size=size, side=Side.SELL, reduce_only=True)), T0) is None


def test_entries_are_counted_by_the_minute() -> None:
    limits = gate()
    assert limits.objection(place(order()), T0) is None
    assert limits.objection(place(order()), T0 + 30_000) is None
    assert "MAX_ORDERS_PER_MINUTE=2" in str(limits.objection(place(order()), T0 + 59_999))
    assert limits.objection(place(order()), T0 + 60_000) is None


@pytest.mark.parametrize(("leverage", "allowed"), [(0, False), (1, True), (3, True), (4, False)])
def test_leverage_stays_within_the_setting(leverage: int, allowed: bool) -> None:
    wish = SetLeverage(coin="BTC", asset=0, leverage=leverage, expires_ms=T0)
    assert (gate().objection(wish, T0) is None) is allowed


@given(
    st.decimals(1, 500, places=2),
    st.decimals(0, 30, places=3),
    st.sampled_from(Side),
    st.decimals(1, 500, places=2),
    st.decimals(-20, 20, places=3),
)
def test_whatever_passes_is_within_every_limit(
    price: Decimal, size: Decimal, side: Side, mark: Decimal, held: Decimal
) -> None:
    wish = order(price=price, size=size, side=side)
    if gate(mark=mark, held=held).objection(place(wish), T0) is None:
        most = SETTINGS.max_position_usd * POSITION_SLACK
        assert BTC.is_legal_price(price)
        assert BTC.is_legal_size(size)
        assert D(10) <= size * price <= most
        assert abs(held + size * side.sign) * mark <= most
        assert (price - mark) * side.sign <= mark * (SETTINGS.max_slippage_pct + COLLAR_PCT) / HUNDRED


@given(
    st.decimals("0", "500", places=2),
    st.integers(1, 9_000),
    st.decimals("95", "105", places=1),
)
def test_no_entry_takes_what_this_bot_has_in_the_market_beyond_its_allocation(
    there: Decimal, thousandths: int, price: Decimal
) -> None:
    settings = replace(SETTINGS, max_allocation_usd=D(400), max_position_usd=D(10_000))
    excluded: list[frozenset[str]] = []

    def in_market(without: frozenset[str]) -> Decimal:
        excluded.append(without)
        return there

    limits = HardLimits(settings, {"BTC": BTC}, lambda _coin: D(100), lambda _coin: NONE, in_market)
    entry = order(price=price, size=D(thousandths) / 1000)
    said = limits.objection(place(entry), T0)
    worth = entry.size * entry.price
    if worth >= 10:
        assert (said is not None) is (there + worth > 400)
        assert excluded == [frozenset({entry.cloid})], "the order itself is not counted twice"
    assert said is None or worth < 10 or "MAX_ALLOCATION_USD=400" in said


def test_what_only_reduces_passes_whatever_the_allocation() -> None:
    settings = replace(SETTINGS, max_allocation_usd=D(10))
    limits = HardLimits(settings, {"BTC": BTC}, lambda _coin: D(100), lambda _coin: D(9), lambda _without: D(10**6))
    assert limits.objection(place(order(side=Side.SELL, size=D(9), reduce_only=True)), T0) is None


def test_what_is_in_the_market_is_positions_and_entries_on_their_way_without_the_order_asked_about() -> None:
    world = started("BTC", "ETH", max_allocation_usd=D(6_000), max_position_usd=D(4_000))
    world.hold(coin="BTC")
    held = world.coin("BTC").position.size * 100
    wish = world.enter(coin="ETH")
    entry = wish.orders[0]
    on_its_way = entry.size * entry.price
    assert brakes.allocated(world.state) == held + on_its_way
    assert brakes.allocated(world.state, frozenset({entry.cloid})) == held
    assert held + on_its_way <= 6_000
    assert any("sized by MAX_ALLOCATION_USD" in note.text for each in world.decisions for note in each.notes)
    limits = limits_of(world.state.settings, Listed(world.state), world.state)
    assert limits.objection(wish, world.now_ms) is None
    larger = replace(wish, orders=(replace(entry, size=entry.size + 1), *wish.orders[1:]))
    assert "MAX_ALLOCATION_USD=6000" in (limits.objection(larger, world.now_ms) or "")


def test_an_entry_takes_at_most_its_fraction_of_the_allocation() -> None:
    world = started(max_allocation_usd=D(2_000), risk_per_trade_pct=D(20))
    wish = world.enter(size_fraction=D("0.25"))
    assert 450 < wish.orders[0].size * wish.orders[0].price <= 500


def test_with_the_allocation_used_up_there_is_no_entry_and_a_reason() -> None:
    world = started("BTC", "ETH", max_allocation_usd=D(2_000))
    world.hold(coin="BTC")
    world.mark(110, coin="BTC")
    world.book(110, 110, coin="BTC")
    decision = world.signal(Want.LONG, coin="ETH")
    assert not decision.intents
    assert "MAX_ALLOCATION_USD=2000 is used up by other positions" in decision.notes[0].text
